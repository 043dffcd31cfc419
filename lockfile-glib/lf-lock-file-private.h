/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-lock-file.h"

G_BEGIN_DECLS

/* What guards need in addition to the public methods, to tell grants apart. */

gboolean lf_lock_file_acquire_sync   (LfLockFile    *self,
                                      const double  *timeout,
                                      gssize        *grant,
                                      GCancellable  *cancellable,
                                      GError       **error);
gssize   lf_lock_file_finish_acquire (LfLockFile    *self,
                                      GAsyncResult  *result,
                                      GError       **error);

gboolean lf_lock_file_release_grant  (LfLockFile    *self,
                                      gssize         grant,
                                      GError       **error);
/* Emits nothing: the caller may be a language's garbage collector. */
void     lf_lock_file_drop_grant     (LfLockFile    *self,
                                      gssize         grant);

/* For semaphores */

LfLockFile *lf_lock_file_new_with_slots (const char *path,
                                         guint       slots);
guint       lf_lock_file_get_slot       (LfLockFile *self);

G_END_DECLS
