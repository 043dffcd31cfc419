/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-lock-guard.h"

/**
 * LfLockGuard:
 *
 * Holds a lock for as long as it lives.
 *
 * [method@LockFile.acquire_guard] acquires the lock and gives a guard; when its
 * last reference goes, the lock is released. In C that is where a variable
 * declared with `g_autoptr(LfLockGuard)` leaves its scope:
 *
 * ```c
 * g_autoptr (LfLockGuard) guard = lf_lock_file_acquire_guard (lock, NULL, &error);
 *
 * if (guard == NULL)
 *   return FALSE;
 *
 * return save_the_document (error);
 * ```
 *
 * In Vala it is where the variable of the guard leaves its scope.
 *
 * A guard cannot report that the release failed. Where it matters that the lock
 * was not broken meanwhile, call [method@LockFile.release] and look at its
 * result; a guard whose lock is released already does nothing more.
 *
 * Since: 1.0
 */
struct _LfLockGuard
{
  gatomicrefcount ref_count;
  LfLockFile *lock_file;
};

G_DEFINE_BOXED_TYPE (LfLockGuard, lf_lock_guard, lf_lock_guard_ref, lf_lock_guard_unref)

static LfLockGuard *
lf_lock_guard_new (LfLockFile *lock_file)
{
  LfLockGuard *self = g_new0 (LfLockGuard, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->lock_file = g_object_ref (lock_file);

  return self;
}

/**
 * lf_lock_file_acquire_guard:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock as [method@LockFile.acquire] does and returns a guard that
 * releases it.
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
  if (!lf_lock_file_acquire (self, cancellable, error))
    return NULL;

  return lf_lock_guard_new (self);
}

/**
 * lf_lock_file_acquire_guard_async:
 * @self: a lock file
 * @io_priority: priority of the callback, as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired or could
 *   not be
 * @user_data: data for @callback
 *
 * Starts to acquire the lock as [method@LockFile.acquire_async] does, for
 * [method@LockFile.acquire_guard_finish] to return a guard that releases it.
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
  lf_lock_file_acquire_async (self, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_file_acquire_guard_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.acquire_guard_async].
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
  if (!lf_lock_file_acquire_finish (self, result, error))
    return NULL;

  return lf_lock_guard_new (self);
}

/**
 * lf_lock_guard_ref:
 * @self: a guard
 *
 * Takes a reference. Any thread may.
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
 * Drops a reference. With the last one the lock is released, in this thread.
 *
 * Since: 1.0
 */
void
lf_lock_guard_unref (LfLockGuard *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (lf_lock_file_is_held (self->lock_file))
    {
      g_autoptr (GError) error = NULL;

      if (!lf_lock_file_release (self->lock_file, &error))
        g_debug ("Guard could not release: %s", error->message);
    }

  g_object_unref (self->lock_file);
  g_free (self);
}

/**
 * lf_lock_guard_get_lock_file:
 * @self: a guard
 *
 * Gets the lock file that the guard holds.
 *
 * Returns: (transfer none): the lock file
 *
 * Since: 1.0
 */
LfLockFile *
lf_lock_guard_get_lock_file (LfLockGuard *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->lock_file;
}
