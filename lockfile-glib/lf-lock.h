/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include <lockfile-glib/lf-lock-holder.h>
#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

#define LF_TYPE_LOCK (lf_lock_get_type ())

LF_AVAILABLE_IN_1_0
G_DECLARE_INTERFACE (LfLock, lf_lock, LF, LOCK, GObject)

LF_AVAILABLE_IN_1_0
char *lf_lock_get_display_name (LfLock *self);

LF_AVAILABLE_IN_1_0
double lf_lock_get_timeout (LfLock *self);

LF_AVAILABLE_IN_1_0
void lf_lock_set_timeout (LfLock *self,
                          double  timeout);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_acquire (LfLock        *self,
                          GCancellable  *cancellable,
                          GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_acquire_with_timeout (LfLock        *self,
                                       double         timeout,
                                       GCancellable  *cancellable,
                                       GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_try_acquire (LfLock  *self,
                              GError **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
void lf_lock_acquire_async (LfLock              *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data);

LF_AVAILABLE_IN_1_0
void lf_lock_acquire_with_timeout_async (LfLock              *self,
                                         double               timeout,
                                         int                  io_priority,
                                         GCancellable        *cancellable,
                                         GAsyncReadyCallback  callback,
                                         gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_acquire_finish (LfLock        *self,
                                 GAsyncResult  *result,
                                 GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_acquire_with_timeout_finish (LfLock        *self,
                                              GAsyncResult  *result,
                                              GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_release (LfLock  *self,
                          GError **error);

LF_AVAILABLE_IN_1_0
void lf_lock_release_async (LfLock              *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_release_finish (LfLock        *self,
                                 GAsyncResult  *result,
                                 GError       **error);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_verify (LfLock  *self,
                         GError **error);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_is_held (LfLock *self);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_is_acquired_by_thread (LfLock *self);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_is_locked (LfLock        *self,
                            GCancellable  *cancellable,
                            GError       **error);

LF_AVAILABLE_IN_1_0
void lf_lock_is_locked_async (LfLock              *self,
                              int                  io_priority,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_is_locked_finish (LfLock        *self,
                                   GAsyncResult  *result,
                                   GError       **error);

LF_AVAILABLE_IN_1_0
LfLockHolder *lf_lock_query_holder (LfLock        *self,
                                    GCancellable  *cancellable,
                                    GError       **error);

LF_AVAILABLE_IN_1_0
void lf_lock_query_holder_async (LfLock              *self,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data);

LF_AVAILABLE_IN_1_0
LfLockHolder *lf_lock_query_holder_finish (LfLock        *self,
                                           GAsyncResult  *result,
                                           GError       **error);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_break_lock (LfLock        *self,
                             GCancellable  *cancellable,
                             GError       **error);

LF_AVAILABLE_IN_1_0
void lf_lock_break_lock_async (LfLock              *self,
                               int                  io_priority,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_break_lock_finish (LfLock        *self,
                                    GAsyncResult  *result,
                                    GError       **error);

G_END_DECLS
