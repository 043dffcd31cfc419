/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-lock-file.h"

G_BEGIN_DECLS

/* For semaphores. */

LfLockFile *lf_lock_file_new_with_slots (const char *path,
                                         guint       slots);
guint       lf_lock_file_get_slot       (LfLockFile *self);

/* For locks in a cluster. @get_backend is called whenever the lock is used, in any thread. The
 * mutex is that of the properties. */

typedef struct _LfBackendVTable LfBackendVTable;

typedef const LfBackendVTable * (*LfLockFileGetBackend) (gpointer   user_data,
                                                         GError   **error);

LfLockFile *lf_lock_file_new_remote     (const char           *uri,
                                         LfLockFileGetBackend  get_backend,
                                         gpointer              user_data);
GMutex     *lf_lock_file_get_mutex      (LfLockFile           *self);
gint64      lf_lock_file_get_token      (LfLockFile           *self);
gint64      lf_lock_file_get_remaining  (LfLockFile           *self);
void        lf_lock_file_report_expired (LfLockFile           *self);

G_END_DECLS
