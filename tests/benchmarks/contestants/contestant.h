/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

/* A measured backend. Neither function may fail. */
typedef struct
{
  void (*acquire) (void);
  void (*release) (void);

  /* Obeys commands that only this program has; returns whether it was such a command */
  gboolean (*obey) (char **words);

  /* Tries to acquire the held lock; NULL if that is not measured */
  void (*fail) (void);
} Contestant;

gint64 contestant_now (void);
void contestant_answer (const gint64 *numbers,
                        gsize         count);
void contestant_run (const Contestant *contestant);
