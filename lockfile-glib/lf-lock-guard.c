/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-lock-guard.h"

#include "lf-errors.h"
#include "lf-lock-private.h"
#include "os/lf-translate-private.h"

/**
 * LfLockGuard:
 *
 * Holds a lock as long as the guard lives.
 *
 * [method@Lock.acquire_guard] acquires the lock and returns a guard. When the last
 * reference to the guard is dropped, the lock is released. In C this happens at the end
 * of the scope of a variable declared with `g_autoptr(LfLockGuard)`:
 *
 * <!-- code: in function.c -->
 * ```c
 * g_autoptr (LfLockGuard) guard = lf_lock_file_acquire_guard (lock, NULL, error);
 *
 * if (guard == NULL)
 *   return FALSE;
 *
 * return do_something (error);
 * ```
 *
 * In Vala it happens at the end of the variable's scope. If an asynchronous method
 * throws, valac frees its variables only after the caller has got the error. The lock
 * is then released when the caller is back in the main loop.
 *
 * A guard releases only what it acquired. If its object held the lock before, or was
 * released explicitly since, the end of the guard does nothing.
 *
 * The end of a guard reports no errors and emits no notification, since it may be part
 * of a language's garbage collection. Call [method@LockGuard.release] if you need to
 * know that the lock was not broken, or if [property@Lock:held] must be notified.
 *
 * Since: 1.0
 */
struct _LfLockGuard
{
  gatomicrefcount ref_count;
  LfLock *lock;
  gssize grant; /* 0 after a release, or if the lock was held before */
  gboolean released;
};

G_DEFINE_BOXED_TYPE (LfLockGuard, lf_lock_guard, lf_lock_guard_ref, lf_lock_guard_unref)

static LfLockGuard *
lf_lock_guard_new (LfLock *lock,
                   gssize  grant)
{
  LfLockGuard *self = g_new0 (LfLockGuard, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->lock = g_object_ref (lock);
  self->grant = grant;

  return self;
}

static LfLockGuard *
acquire_guard (LfLock        *lock,
               const double  *timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  gssize grant;

  g_return_val_if_fail (LF_IS_LOCK (lock), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!LF_LOCK_GET_IFACE (lock)->acquire (lock, timeout, &grant, cancellable, error))
    return NULL;

  return lf_lock_guard_new (lock, grant);
}

/**
 * lf_lock_acquire_guard:
 * @self: a lock
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock as [method@Lock.acquire] does and returns a guard that
 * releases it, unless the calling thread held it before. The errors are the same.
 *
 * Returns: (transfer full): a guard, or %NULL with @error set
 *
 * Since: 1.0
 */
LfLockGuard *
lf_lock_acquire_guard (LfLock        *self,
                       GCancellable  *cancellable,
                       GError       **error)
{
  return acquire_guard (self, NULL, cancellable, error);
}

/**
 * lf_lock_acquire_guard_with_timeout:
 * @self: a lock
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock as [method@Lock.acquire_with_timeout] does and returns a guard
 * that releases it, unless the calling thread held it before. The errors are the same.
 *
 * Returns: (transfer full): a guard, or %NULL with @error set
 *
 * Since: 1.0
 */
LfLockGuard *
lf_lock_acquire_guard_with_timeout (LfLock        *self,
                                    double         timeout,
                                    GCancellable  *cancellable,
                                    GError       **error)
{
  return acquire_guard (self, &timeout, cancellable, error);
}

/**
 * lf_lock_acquire_guard_async:
 * @self: a lock
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired or could
 *   not be
 * @user_data: data for @callback
 *
 * Starts to acquire the lock as [method@Lock.acquire_async] does.
 * [method@Lock.acquire_guard_finish] returns a guard that releases it.
 *
 * Since: 1.0
 */
void
lf_lock_acquire_guard_async (LfLock              *self,
                             int                  io_priority,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  lf_lock_acquire_async (self, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_acquire_guard_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Lock.acquire_guard_async], or
 * [method@Lock.acquire_with_timeout_async] for a guard, with the errors of
 * [method@Lock.acquire_finish].
 *
 * Returns: (transfer full): a guard, or %NULL with @error set
 *
 * Since: 1.0
 */
LfLockGuard *
lf_lock_acquire_guard_finish (LfLock        *self,
                              GAsyncResult  *result,
                              GError       **error)
{
  gssize grant;

  g_return_val_if_fail (LF_IS_LOCK (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  grant = LF_LOCK_GET_IFACE (self)->acquire_finish (self, result, error);

  return grant > 0 ? lf_lock_guard_new (self, grant) : NULL;
}

/**
 * lf_lock_file_acquire_guard:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock as [method@LockFile.acquire] does and returns a guard that
 * releases it, unless the calling thread held it before. The errors are the same.
 *
 * Returns: (transfer full): a guard, or %NULL with @error set
 *
 * Since: 1.0
 */
LfLockGuard *
lf_lock_file_acquire_guard (LfLockFile    *self,
                            GCancellable  *cancellable,
                            GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);

  return lf_lock_acquire_guard (LF_LOCK (self), cancellable, error);
}

/**
 * lf_lock_file_acquire_guard_with_timeout:
 * @self: a lock file
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock as [method@LockFile.acquire_with_timeout] does and returns a guard
 * that releases it, unless the calling thread held it before. The errors are the same.
 *
 * Returns: (transfer full): a guard, or %NULL with @error set
 *
 * Since: 1.0
 */
LfLockGuard *
lf_lock_file_acquire_guard_with_timeout (LfLockFile    *self,
                                         double         timeout,
                                         GCancellable  *cancellable,
                                         GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);

  return lf_lock_acquire_guard_with_timeout (LF_LOCK (self), timeout, cancellable, error);
}

/**
 * lf_lock_file_acquire_guard_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired or could
 *   not be
 * @user_data: data for @callback
 *
 * Starts to acquire the lock as [method@LockFile.acquire_async] does.
 * [method@LockFile.acquire_guard_finish] returns a guard that releases it.
 *
 * Since: 1.0
 */
void
lf_lock_file_acquire_guard_async (LfLockFile          *self,
                                  int                  io_priority,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));

  lf_lock_acquire_guard_async (LF_LOCK (self), io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_file_acquire_guard_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.acquire_guard_async], or
 * [method@LockFile.acquire_with_timeout_async] for a guard, with the errors of
 * [method@LockFile.acquire_finish].
 *
 * Returns: (transfer full): a guard, or %NULL with @error set
 *
 * Since: 1.0
 */
LfLockGuard *
lf_lock_file_acquire_guard_finish (LfLockFile    *self,
                                   GAsyncResult  *result,
                                   GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);

  return lf_lock_acquire_guard_finish (LF_LOCK (self), result, error);
}

/**
 * lf_lock_guard_ref:
 * @self: a guard
 *
 * Takes a reference. Any thread may do so.
 *
 * Returns: (transfer full): @self
 *
 * Since: 1.0
 */
LfLockGuard *
lf_lock_guard_ref (LfLockGuard *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

/**
 * lf_lock_guard_unref:
 * @self: (transfer full): a guard
 *
 * Drops a reference. Dropping the last one releases the lock, in this thread.
 *
 * Since: 1.0
 */
void
lf_lock_guard_unref (LfLockGuard *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->grant != 0)
    LF_LOCK_GET_IFACE (self->lock)->drop (self->lock, self->grant);

  g_object_unref (self->lock);
  g_free (self);
}

/**
 * lf_lock_guard_release:
 * @self: a guard
 * @error: return location for an error
 *
 * Releases the lock that the guard acquired, and reports errors as
 * [method@Lock.release] does. Afterwards the end of the guard does nothing.
 *
 * If the thread held the lock before it got the guard, the lock stays held and this
 * succeeds. So a function works the same whether its caller holds the lock or not.
 *
 * A second call fails with %LF_UNLOCK_ERROR_NOT_LOCKED. It also does if the lock was
 * released explicitly since, or with %LF_UNLOCK_ERROR_NOT_MY_LOCK if somebody else has
 * acquired it by now.
 *
 * Returns: %TRUE on success, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_guard_release (LfLockGuard  *self,
                       GError      **error)
{
  g_autoptr (GError) local_error = NULL;
  gssize grant;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  grant = self->grant;
  if (grant == 0 && !self->released)
    {
      self->released = TRUE;
      return TRUE;
    }

  if (grant == 0)
    {
      g_autofree char *display_name = lf_lock_get_display_name (self->lock);

      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED,
                   _("The guard of %s holds no lock"), display_name);
      return FALSE;
    }

  LF_LOCK_GET_IFACE (self->lock)->release (self->lock, grant, &local_error);

  /* After these failures the lock is still held, and may be released again, at the latest
   * at the end of the guard's scope */
  if (!g_error_matches (local_error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED) &&
      !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_PENDING))
    {
      self->grant = 0;
      self->released = TRUE;
    }

  if (local_error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local_error));

  return FALSE;
}

/**
 * lf_lock_guard_get_lock:
 * @self: a guard
 *
 * Gets the lock that the guard refers to.
 *
 * Returns: (transfer none): the lock
 *
 * Since: 1.0
 */
LfLock *
lf_lock_guard_get_lock (LfLockGuard *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->lock;
}

/**
 * lf_lock_guard_get_lock_file:
 * @self: a guard
 *
 * Gets the lock file that the guard refers to, if its lock is one.
 *
 * Returns: (transfer none) (nullable): the lock file, or %NULL for another kind of lock
 *
 * Since: 1.0
 */
LfLockFile *
lf_lock_guard_get_lock_file (LfLockGuard *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return LF_IS_LOCK_FILE (self->lock) ? LF_LOCK_FILE (self->lock) : NULL;
}
