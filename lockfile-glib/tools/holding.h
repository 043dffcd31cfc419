/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <lockfile-glib/lockfile-glib.h>

G_BEGIN_DECLS

/* That somebody holds a lock: who, how, and since when. Each member is NULL or 0 where
 * that is unknown. */
typedef struct
{
  LfLockHolder *holder;   /* as the library has it, or NULL for one more process */
  int pid;
  char *application;
  char *host;
  GStrv command_line;     /* what runs: of lf-lock the command that it has started */
  char *user;
  GDateTime *since;       /* the lock is held */
  GDateTime *started;     /* the process was */
  gboolean is_mode_known;
  LfLockMode mode;
} Holding;

/* All that can be seen (element-type Holding). Empty if nobody holds the lock; NULL with
 * @error. */
GPtrArray *holdings_query    (LfLockFile     *lock_file,
                              GError        **error);

void       holding_free      (Holding        *self);

char      *holding_describe  (const Holding  *self);

void       holding_append_json
                             (const Holding  *self,
                              GString        *json);

G_END_DECLS
