/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <lockfile-glib/lockfile-glib.h>

G_BEGIN_DECLS

/* A holder of a lock: who, how, and since when. Unknown members are NULL or 0. */
typedef struct
{
  LfLockHolder *holder;   /* from the library, or NULL for further processes */
  int pid;
  char *application;
  char *host;
  GStrv command_line;     /* of the process or, for lf-lock, of the command that it runs */
  char *user;
  GDateTime *since;       /* when the lock was acquired */
  GDateTime *started;     /* when the process was started */
  gboolean is_mode_known;
  LfLockMode mode;
} Holding;

/* All holders that can be seen (element-type Holding). Empty if nobody holds the lock; NULL
 * with @error. */
GPtrArray *holdings_query    (LfLock         *lock,
                              GError        **error);

void       holding_free      (Holding        *self);

char      *holding_describe  (const Holding  *self);

void       holding_append_json
                             (const Holding  *self,
                              GString        *json);

G_END_DECLS
