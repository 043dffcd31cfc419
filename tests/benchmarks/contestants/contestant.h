/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

/* A way of locking, as it is measured. Neither function may fail. */
typedef struct
{
  void (*acquire) (void);
  void (*release) (void);

  /* Obeys what only this program knows; returns whether it is such a command */
  gboolean (*obey) (char **words);

  /* Tries in vain; NULL where that is not measured */
  void (*fail) (void);
} Contestant;

gint64 contestant_now (void);
void contestant_answer (const gint64 *numbers,
                        gsize         count);
void contestant_run (const Contestant *contestant);
