/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

#define LF_TYPE_SEMAPHORE (lf_semaphore_get_type ())

LF_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (LfSemaphore, lf_semaphore, LF, SEMAPHORE, GObject)

LF_AVAILABLE_IN_1_0
LfSemaphore *lf_semaphore_new (const char *path,
                               guint       slots) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
const char *lf_semaphore_get_path (LfSemaphore *self);

LF_AVAILABLE_IN_1_0
guint lf_semaphore_get_slots (LfSemaphore *self);

LF_AVAILABLE_IN_1_0
double lf_semaphore_get_timeout (LfSemaphore *self);

LF_AVAILABLE_IN_1_0
void lf_semaphore_set_timeout (LfSemaphore *self,
                               double       timeout);

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_acquire (LfSemaphore   *self,
                               GCancellable  *cancellable,
                               GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_acquire_with_timeout (LfSemaphore   *self,
                                            double         timeout,
                                            GCancellable  *cancellable,
                                            GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_try_acquire (LfSemaphore  *self,
                                   GError      **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
void lf_semaphore_acquire_async (LfSemaphore         *self,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data);

LF_AVAILABLE_IN_1_0
void lf_semaphore_acquire_with_timeout_async (LfSemaphore         *self,
                                              double               timeout,
                                              int                  io_priority,
                                              GCancellable        *cancellable,
                                              GAsyncReadyCallback  callback,
                                              gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_acquire_finish (LfSemaphore   *self,
                                      GAsyncResult  *result,
                                      GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_acquire_with_timeout_finish (LfSemaphore   *self,
                                                   GAsyncResult  *result,
                                                   GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_release (LfSemaphore  *self,
                               GError      **error);

LF_AVAILABLE_IN_1_0
void lf_semaphore_release_async (LfSemaphore         *self,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_release_finish (LfSemaphore   *self,
                                      GAsyncResult  *result,
                                      GError       **error);

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_is_held (LfSemaphore *self);

LF_AVAILABLE_IN_1_0
gboolean lf_semaphore_is_acquired_by_thread (LfSemaphore *self);

LF_AVAILABLE_IN_1_0
guint lf_semaphore_get_slot (LfSemaphore *self);

G_END_DECLS
