/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include <lockfile-glib/lf-lock.h>
#include <lockfile-glib/lf-lock-file.h>
#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

#define LF_TYPE_LOCK_GUARD (lf_lock_guard_get_type ())

typedef struct _LfLockGuard LfLockGuard;

LF_AVAILABLE_IN_1_0
GType lf_lock_guard_get_type (void) G_GNUC_CONST;

LF_AVAILABLE_IN_1_0
LfLockGuard *lf_lock_acquire_guard (LfLock        *self,
                                    GCancellable  *cancellable,
                                    GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockGuard *lf_lock_acquire_guard_with_timeout (LfLock        *self,
                                                 double         timeout,
                                                 GCancellable  *cancellable,
                                                 GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
void lf_lock_acquire_guard_async (LfLock              *self,
                                  int                  io_priority,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data);

LF_AVAILABLE_IN_1_0
LfLockGuard *lf_lock_acquire_guard_finish (LfLock        *self,
                                           GAsyncResult  *result,
                                           GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockGuard *lf_lock_file_acquire_guard (LfLockFile    *self,
                                         GCancellable  *cancellable,
                                         GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockGuard *lf_lock_file_acquire_guard_with_timeout (LfLockFile    *self,
                                                      double         timeout,
                                                      GCancellable  *cancellable,
                                                      GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
void lf_lock_file_acquire_guard_async (LfLockFile          *self,
                                       int                  io_priority,
                                       GCancellable        *cancellable,
                                       GAsyncReadyCallback  callback,
                                       gpointer             user_data);

LF_AVAILABLE_IN_1_0
LfLockGuard *lf_lock_file_acquire_guard_finish (LfLockFile    *self,
                                                GAsyncResult  *result,
                                                GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockGuard *lf_lock_guard_ref (LfLockGuard *self);

LF_AVAILABLE_IN_1_0
void lf_lock_guard_unref (LfLockGuard *self);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_guard_release (LfLockGuard  *self,
                                GError      **error);

LF_AVAILABLE_IN_1_0
LfLock *lf_lock_guard_get_lock (LfLockGuard *self);

LF_AVAILABLE_IN_1_0
LfLockFile *lf_lock_guard_get_lock_file (LfLockGuard *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LfLockGuard, lf_lock_guard_unref)

G_END_DECLS
