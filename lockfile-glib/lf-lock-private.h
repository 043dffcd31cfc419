/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-lock.h"

G_BEGIN_DECLS

/* Of the report of a loss: before all sources that may use the lock. The one that is higher is
 * for sources that end an iteration before anything is dispatched. */
#define LF_LOST_PRIORITY (G_MININT + 1)

/* What a class of locks implements. Only classes of this library do, so this may change.
 *
 * Each grant has a number above 0, by which a guard releases what it acquired and nothing
 * else. The class has the properties "timeout" and "held", and notifies "held" itself.
 *
 * lf_lock_ functions check the lock, the cancellable and the error. They do not check a
 * result, whose tag only the class knows. */
struct _LfLockInterface
{
  GTypeInterface parent_iface;

  /* In UTF-8 and never NULL: the path or the URI, for messages and people */
  char *(*get_display_name) (LfLock *self);

  gboolean (*is_held) (LfLock *self);
  gboolean (*is_acquired_by_thread) (LfLock *self);
  gboolean (*verify) (LfLock  *self,
                      GError **error);

  /* If @timeout is NULL, the property applies. Sets @grant to the number of this call's grant,
   * or to 0 if the thread held the lock before. */
  gboolean (*acquire) (LfLock        *self,
                       const double  *timeout,
                       gssize        *grant,
                       GCancellable  *cancellable,
                       GError       **error);
  void (*acquire_async) (LfLock              *self,
                         const double        *timeout,
                         int                  io_priority,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data);
  /* Returns the number of the grant, or 0 with an error. */
  gssize (*acquire_finish) (LfLock        *self,
                            GAsyncResult  *result,
                            GError       **error);

  /* With a @grant, only if that grant is still held; with 0, any grant. */
  gboolean (*release) (LfLock  *self,
                       gssize   grant,
                       GError **error);
  void (*release_async) (LfLock              *self,
                         int                  io_priority,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data);
  gboolean (*release_finish) (LfLock        *self,
                              GAsyncResult  *result,
                              GError       **error);
  /* Releases without waiting, and emits nothing: the caller may be a language's garbage
   * collector. */
  void (*drop) (LfLock *self,
                gssize  grant);

  /* Without these, %LF_BACKEND_ERROR_NOT_SUPPORTED. Implement all three or none. */
  LfLockHolder *(*query_holder) (LfLock        *self,
                                 GCancellable  *cancellable,
                                 GError       **error);
  void (*query_holder_async) (LfLock              *self,
                              int                  io_priority,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);
  LfLockHolder *(*query_holder_finish) (LfLock        *self,
                                        GAsyncResult  *result,
                                        GError       **error);

  /* The same. */
  gboolean (*break_lock) (LfLock        *self,
                          GCancellable  *cancellable,
                          GError       **error);
  void (*break_lock_async) (LfLock              *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data);
  gboolean (*break_lock_finish) (LfLock        *self,
                                 GAsyncResult  *result,
                                 GError       **error);
};

void lf_lock_emit_lost    (LfLock       *self,
                           const GError *reason);
void lf_lock_emit_waiting (LfLock       *self,
                           LfLockHolder *holder);

G_END_DECLS
