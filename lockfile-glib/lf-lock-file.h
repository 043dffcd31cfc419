/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include <lockfile-glib/lf-enums.h>
#include <lockfile-glib/lf-lock-holder.h>
#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

#define LF_TYPE_LOCK_FILE (lf_lock_file_get_type ())

LF_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (LfLockFile, lf_lock_file, LF, LOCK_FILE, GObject)

LF_AVAILABLE_IN_1_0
LfLockFile *lf_lock_file_new (const char *path) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockFile *lf_lock_file_new_with_backend (const char *path,
                                           LfBackend   backend) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockFile *lf_lock_file_new_for_file (GFile *file) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockFile *lf_lock_file_new_for_document (GFile   *document,
                                           GError **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
LfLockFile *lf_lock_file_new_for_fd (int         fd,
                                     LfBackend   backend,
                                     GError    **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
const char *lf_lock_file_get_path (LfLockFile *self);

LF_AVAILABLE_IN_1_0
GFile *lf_lock_file_get_file (LfLockFile *self);

LF_AVAILABLE_IN_1_0
GFile *lf_lock_file_get_document (LfLockFile *self);

LF_AVAILABLE_IN_1_0
LfBackend lf_lock_file_get_backend (LfLockFile *self);

LF_AVAILABLE_IN_1_0
LfLockMode lf_lock_file_get_mode (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_mode (LfLockFile *self,
                            LfLockMode  mode);

LF_AVAILABLE_IN_1_0
double lf_lock_file_get_timeout (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_timeout (LfLockFile *self,
                               double      timeout);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_get_remove_on_release (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_remove_on_release (LfLockFile *self,
                                         gboolean    remove_on_release);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_get_create_parents (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_create_parents (LfLockFile *self,
                                      gboolean    create_parents);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_get_durable (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_durable (LfLockFile *self,
                               gboolean    durable);

LF_AVAILABLE_IN_1_0
guint lf_lock_file_get_file_mode (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_file_mode (LfLockFile *self,
                                 guint       file_mode);

LF_AVAILABLE_IN_1_0
double lf_lock_file_get_poll_interval (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_poll_interval (LfLockFile *self,
                                     double      poll_interval);

LF_AVAILABLE_IN_1_0
LfLockScope lf_lock_file_get_required_scope (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_required_scope (LfLockFile  *self,
                                      LfLockScope  required_scope);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_get_upgradable (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_upgradable (LfLockFile *self,
                                  gboolean    upgradable);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_get_monitor (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_monitor (LfLockFile *self,
                               gboolean    monitor);

LF_AVAILABLE_IN_1_0
double lf_lock_file_get_lease_duration (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_lease_duration (LfLockFile *self,
                                      double      lease_duration);

LF_AVAILABLE_IN_1_0
double lf_lock_file_get_notice_delay (LfLockFile *self);

LF_AVAILABLE_IN_1_0
void lf_lock_file_set_notice_delay (LfLockFile *self,
                                    double      notice_delay);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_acquire (LfLockFile    *self,
                               GCancellable  *cancellable,
                               GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_acquire_with_timeout (LfLockFile    *self,
                                            double         timeout,
                                            GCancellable  *cancellable,
                                            GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_try_acquire (LfLockFile  *self,
                                   GError     **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
void lf_lock_file_acquire_async (LfLockFile          *self,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data);

LF_AVAILABLE_IN_1_0
void lf_lock_file_acquire_with_timeout_async (LfLockFile          *self,
                                              double               timeout,
                                              int                  io_priority,
                                              GCancellable        *cancellable,
                                              GAsyncReadyCallback  callback,
                                              gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_acquire_finish (LfLockFile    *self,
                                      GAsyncResult  *result,
                                      GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_acquire_with_timeout_finish (LfLockFile    *self,
                                                   GAsyncResult  *result,
                                                   GError       **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_release (LfLockFile  *self,
                               GError     **error);

LF_AVAILABLE_IN_1_0
void lf_lock_file_release_async (LfLockFile          *self,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_release_finish (LfLockFile    *self,
                                      GAsyncResult  *result,
                                      GError       **error);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_verify (LfLockFile  *self,
                              GError     **error);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_is_held (LfLockFile *self);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_is_held_by_thread (LfLockFile *self);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_is_acquired_by_thread (LfLockFile *self);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_is_locked (LfLockFile    *self,
                                 GCancellable  *cancellable,
                                 GError       **error);

LF_AVAILABLE_IN_1_0
void lf_lock_file_is_locked_async (LfLockFile          *self,
                                   int                  io_priority,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_is_locked_finish (LfLockFile    *self,
                                        GAsyncResult  *result,
                                        GError       **error);

LF_AVAILABLE_IN_1_0
LfLockHolder *lf_lock_file_query_holder (LfLockFile    *self,
                                         GCancellable  *cancellable,
                                         GError       **error);

LF_AVAILABLE_IN_1_0
void lf_lock_file_query_holder_async (LfLockFile          *self,
                                      int                  io_priority,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data);

LF_AVAILABLE_IN_1_0
LfLockHolder *lf_lock_file_query_holder_finish (LfLockFile    *self,
                                                GAsyncResult  *result,
                                                GError       **error);

LF_AVAILABLE_IN_1_0
LfLockScope lf_lock_file_query_scope (LfLockFile    *self,
                                      GCancellable  *cancellable,
                                      GError       **error);

LF_AVAILABLE_IN_1_0
void lf_lock_file_query_scope_async (LfLockFile          *self,
                                     int                  io_priority,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data);

LF_AVAILABLE_IN_1_0
LfLockScope lf_lock_file_query_scope_finish (LfLockFile    *self,
                                             GAsyncResult  *result,
                                             GError       **error);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_break_lock (LfLockFile    *self,
                                  GCancellable  *cancellable,
                                  GError       **error);

LF_AVAILABLE_IN_1_0
void lf_lock_file_break_lock_async (LfLockFile          *self,
                                    int                  io_priority,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data);

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_break_lock_finish (LfLockFile    *self,
                                         GAsyncResult  *result,
                                         GError       **error);

LF_AVAILABLE_IN_1_0
int lf_lock_file_get_fd (LfLockFile *self);

LF_AVAILABLE_IN_1_0
int lf_lock_file_steal_fd (LfLockFile *self) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_try_upgrade (LfLockFile  *self,
                                   GError     **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
gboolean lf_lock_file_downgrade (LfLockFile  *self,
                                 GError     **error);

G_END_DECLS
