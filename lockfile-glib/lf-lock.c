/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-lock-private.h"

#include "lf-errors.h"
#include "os/lf-translate-private.h"

/**
 * LfLock:
 *
 * What all locks of this library have in common.
 *
 * [class@LockFile] and [class@Semaphore] implement it. A function that takes a lock of this
 * type works with each of them:
 *
 * <!-- code: in lock.c -->
 * ```c
 * static gboolean
 * update (LfLock  *lock,
 *         GError **error)
 * {
 *   g_autoptr (LfLockGuard) guard = lf_lock_acquire_guard (lock, NULL, error);
 *
 *   return guard != NULL && do_something (error);
 * }
 * ```
 *
 * The class documents what its locks exclude, how they wait, and which errors they report.
 * The rules for owners, threads and main contexts are those of [class@LockFile]: the object
 * owns the lock, the thread that holds it can acquire it again, which is not counted, and
 * other threads and asynchronous calls are claims of their own, which queue.
 *
 * Only the library can implement this interface.
 *
 * Since: 1.0
 */
G_DEFINE_INTERFACE (LfLock, lf_lock, G_TYPE_OBJECT)

typedef enum
{
  SIGNAL_LOST,
  SIGNAL_WAITING,
  N_SIGNALS,
} LfLockSignal;

static guint signals[N_SIGNALS];

static void
lf_lock_default_init (LfLockInterface *iface)
{
  /**
   * LfLock:timeout: (getter get_timeout) (setter set_timeout)
   *
   * How long [method@Lock.acquire] and [method@Lock.acquire_async] wait, in seconds.
   *
   * A timeout below 0, which is the default, waits forever; 0 tries once. A wait never
   * times out early. Time in which the machine is suspended does not count.
   *
   * Since: 1.0
   */
  g_object_interface_install_property (
    iface,
    g_param_spec_double ("timeout", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, -1,
                         G_PARAM_LAX_VALIDATION | /* the setter validates */
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY));

  /**
   * LfLock:held: (getter is_held)
   *
   * Whether this object holds the lock.
   *
   * It changes, and is notified, where an operation reports: before a synchronous call
   * returns, and before the callback of an asynchronous one. If a lock is lost, it is %FALSE
   * at once, and is notified before [signal@Lock::lost] is emitted. Dropping the last
   * reference of an object that holds its lock emits no notification.
   *
   * Since: 1.0
   */
  g_object_interface_install_property (
    iface,
    g_param_spec_boolean ("held", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY));

  /**
   * LfLock::lost:
   * @self: the lock
   * @reason: the error that [method@Lock.release] would have returned:
   *   %LF_UNLOCK_ERROR_NOT_LOCKED, or %LF_UNLOCK_ERROR_NOT_MY_LOCK if somebody else holds
   *   the lock by now
   *
   * Emitted if a monitored lock was lost. The data is no longer protected.
   *
   * A [class@LockFile] is monitored only if [property@LockFile:monitor] was set when the lock
   * was acquired. It is lost if its file, record or directory entry was removed, replaced or
   * renamed, if the lock was broken, or if the path leads to another file system. With
   * [property@LockFile:lease-duration] it is lost if the lease was not renewed in time. A
   * [class@Semaphore] is not monitored.
   *
   * It is emitted at most once per grant, in the thread-default main context of the thread
   * that acquired the lock or, after an asynchronous call, that finished the call.
   * [property@Lock:held] is %FALSE by then, and the next claim may have begun. If your
   * program does not run a main loop, call [method@Lock.verify] instead.
   *
   * If a release finds the loss first, the release reports it, and this is not emitted. After
   * [method@LockFile.steal_fd] the lock is no longer monitored.
   *
   * Since: 1.0
   */
  signals[SIGNAL_LOST] =
    g_signal_new ("lost", G_TYPE_FROM_INTERFACE (iface), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_ERROR);

  /**
   * LfLock::waiting:
   * @self: the lock
   * @holder: (nullable): the holder, or %NULL if the lock is free by now
   *
   * Emitted once for each wait that takes long, so that a program can name the holder to
   * its user.
   *
   * [property@LockFile:notice-delay] sets after which time a [class@LockFile] emits it, if at
   * all. A [class@Semaphore] and a [class@RemoteLock] do not emit it.
   *
   * For an asynchronous call it is emitted in the main context of the call, for a
   * synchronous one in the calling thread. The search for the holder delays neither the wait
   * nor the thread.
   *
   * Since: 1.0
   */
  signals[SIGNAL_WAITING] =
    g_signal_new ("waiting", G_TYPE_FROM_INTERFACE (iface), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, LF_TYPE_LOCK_HOLDER);
}

void
lf_lock_emit_lost (LfLock       *self,
                   const GError *reason)
{
  g_signal_emit (self, signals[SIGNAL_LOST], 0, reason);
}

void
lf_lock_emit_waiting (LfLock       *self,
                      LfLockHolder *holder)
{
  g_signal_emit (self, signals[SIGNAL_WAITING], 0, holder);
}

/**
 * lf_lock_get_display_name:
 * @self: a lock
 *
 * Gets the name by which messages call the lock: the path or the URI.
 *
 * Bytes of a path that are not valid UTF-8 are replaced, so use this only to show it.
 *
 * Returns: (transfer full): the name in UTF-8, empty without a local path
 *
 * Since: 1.0
 */
char *
lf_lock_get_display_name (LfLock *self)
{
  g_return_val_if_fail (LF_IS_LOCK (self), NULL);

  return LF_LOCK_GET_IFACE (self)->get_display_name (self);
}

/**
 * lf_lock_get_timeout: (get-property timeout)
 * @self: a lock
 *
 * Gets how long the lock is waited for.
 *
 * Returns: the time in seconds; below 0 forever
 *
 * Since: 1.0
 */
double
lf_lock_get_timeout (LfLock *self)
{
  double timeout;

  g_return_val_if_fail (LF_IS_LOCK (self), -1);

  g_object_get (self, "timeout", &timeout, NULL);

  return timeout;
}

/**
 * lf_lock_set_timeout: (set-property timeout)
 * @self: a lock
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 *
 * Sets how long the lock is waited for, from the next call on.
 *
 * Since: 1.0
 */
void
lf_lock_set_timeout (LfLock *self,
                     double  timeout)
{
  g_return_if_fail (LF_IS_LOCK (self));

  g_object_set (self, "timeout", timeout, NULL);
}

static gboolean
lf_lock_acquire_sync (LfLock        *self,
                      const double  *timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  gssize grant;

  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return LF_LOCK_GET_IFACE (self)->acquire (self, timeout, &grant, cancellable, error);
}

/**
 * lf_lock_acquire:
 * @self: a lock
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock. Waits for it as long as [property@Lock:timeout] allows.
 *
 * If the calling thread already holds the object's lock, this succeeds at once and is
 * not counted. If another thread holds the lock through this object, this waits until
 * that thread has released it, as for any other holder. This does not iterate any main
 * context while it waits, so in a program with windows use [method@Lock.acquire_async].
 *
 * The errors include:
 *
 * - %LF_LOCK_ERROR_ALREADY_LOCKED: somebody holds the lock and the timeout is 0
 * - %LF_LOCK_ERROR_TIMED_OUT: somebody held the lock until the timeout expired
 * - %G_IO_ERROR_CANCELLED: @cancellable was cancelled; the lock is not held
 * - %G_IO_ERROR_PENDING: this would wait for an asynchronous operation of the object
 *   that is reported in a main context of the calling thread
 *
 * The class describes the others, as in [method@LockFile.acquire].
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_acquire (LfLock        *self,
                 GCancellable  *cancellable,
                 GError       **error)
{
  return lf_lock_acquire_sync (self, NULL, cancellable, error);
}

/**
 * lf_lock_acquire_with_timeout:
 * @self: a lock
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock as [method@Lock.acquire] does, with a timeout for this call only, and
 * with the same errors.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_acquire_with_timeout (LfLock        *self,
                              double         timeout,
                              GCancellable  *cancellable,
                              GError       **error)
{
  return lf_lock_acquire_sync (self, &timeout, cancellable, error);
}

/**
 * lf_lock_try_acquire:
 * @self: a lock
 * @error: return location for an error
 *
 * Acquires the lock if that is possible at once, as [method@Lock.acquire] does with a
 * timeout of 0, and with the same errors.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set; it is
 *   %LF_LOCK_ERROR_ALREADY_LOCKED if somebody else holds it
 *
 * Since: 1.0
 */
gboolean
lf_lock_try_acquire (LfLock  *self,
                     GError **error)
{
  const double no_wait = 0;

  return lf_lock_acquire_sync (self, &no_wait, NULL, error);
}

static void
lf_lock_start_acquire (LfLock              *self,
                       const double        *timeout,
                       int                  io_priority,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  LF_LOCK_GET_IFACE (self)->acquire_async (self, timeout, io_priority, cancellable, callback,
                                           user_data);
}

/**
 * lf_lock_acquire_async:
 * @self: a lock
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired, or with an
 *   error
 * @user_data: data for @callback
 *
 * Starts to acquire the lock. Waits for it as long as [property@Lock:timeout] allows.
 *
 * Each call is a claim of its own. If the object already holds the lock or waits for
 * it, the claim queues, first come, first served, and completes after the release
 * before it. Its timeout counts from this call.
 *
 * The calling thread is never blocked, and @callback is never called before this returns.
 * Cancelling @cancellable ends the wait at once. If it comes after the lock was granted but
 * before that was reported, the lock is released and %G_IO_ERROR_CANCELLED is reported. So
 * an error always means that the lock is not held.
 *
 * Since: 1.0
 */
void
lf_lock_acquire_async (LfLock              *self,
                       int                  io_priority,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  lf_lock_start_acquire (self, NULL, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_acquire_with_timeout_async:
 * @self: a lock
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired, or with an
 *   error
 * @user_data: data for @callback
 *
 * Starts to acquire the lock as [method@Lock.acquire_async] does, with a timeout for this
 * call only.
 *
 * Finish it with [method@Lock.acquire_with_timeout_finish] or
 * [method@Lock.acquire_finish], which are the same, or with
 * [method@Lock.acquire_guard_finish] for a guard.
 *
 * Since: 1.0
 */
void
lf_lock_acquire_with_timeout_async (LfLock              *self,
                                    double               timeout,
                                    int                  io_priority,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  lf_lock_start_acquire (self, &timeout, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_acquire_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Lock.acquire_async] and [method@Lock.acquire_with_timeout_async]. The
 * errors are those of [method@Lock.acquire], without %G_IO_ERROR_PENDING.
 *
 * The thread in which this is reported then holds the lock.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_acquire_finish (LfLock        *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return LF_LOCK_GET_IFACE (self)->acquire_finish (self, result, error) > 0;
}

/**
 * lf_lock_acquire_with_timeout_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Lock.acquire_with_timeout_async], as [method@Lock.acquire_finish] does.
 * Language bindings look for a function with this name.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_acquire_with_timeout_finish (LfLock        *self,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  return lf_lock_acquire_finish (self, result, error);
}

/**
 * lf_lock_release:
 * @self: a lock
 * @error: return location for an error
 *
 * Releases the lock and lets the object's next claim begin.
 *
 * Any thread may release, not only the one that acquired.
 *
 * The errors include:
 *
 * - %LF_UNLOCK_ERROR_NOT_LOCKED: nobody holds the lock. If this object held it, the lock was
 *   lost since, and what it protected is suspect
 * - %LF_UNLOCK_ERROR_NOT_MY_LOCK: somebody else holds the lock: another object, the next
 *   holder after the lock was lost, or the process that this one was forked from
 * - %LF_UNLOCK_ERROR_FAILED: the lock could not be released. Only then does the object
 *   still hold it
 * - %G_IO_ERROR_PENDING: another release of this object is not finished
 *
 * Returns: %TRUE if the lock was released, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_release (LfLock  *self,
                 GError **error)
{
  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return LF_LOCK_GET_IFACE (self)->release (self, 0, error);
}

/**
 * lf_lock_release_async:
 * @self: a lock
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is released
 * @user_data: data for @callback
 *
 * Starts to release the lock as [method@Lock.release] does, without blocking the calling
 * thread.
 *
 * A release that has begun cannot be undone: @cancellable has an effect only if it is
 * already cancelled when this is called, and then the lock is still held.
 *
 * Since: 1.0
 */
void
lf_lock_release_async (LfLock              *self,
                       int                  io_priority,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  LF_LOCK_GET_IFACE (self)->release_async (self, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_release_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Lock.release_async], with the errors of [method@Lock.release].
 *
 * Returns: %TRUE if the lock was released, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_release_finish (LfLock        *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return LF_LOCK_GET_IFACE (self)->release_finish (self, result, error);
}

/**
 * lf_lock_verify:
 * @self: a lock
 * @error: return location for an error
 *
 * Checks whether this object still holds the lock and the lock still excludes others.
 *
 * If the lock is lost, [property@Lock:held] becomes %FALSE, which is notified before this
 * returns, and the object's next claim begins.
 *
 * The errors include:
 *
 * - %LF_UNLOCK_ERROR_NOT_LOCKED: the lock was lost and nobody holds it, or this object did not
 *   hold it
 * - %LF_UNLOCK_ERROR_NOT_MY_LOCK: the lock was lost and somebody else holds it, or the process
 *   that this one was forked from holds it
 *
 * After any other error it is not known whether the lock was lost, and the object still
 * holds it.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_verify (LfLock  *self,
                GError **error)
{
  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return LF_LOCK_GET_IFACE (self)->verify (self, error);
}

/**
 * lf_lock_is_held: (get-property held)
 * @self: a lock
 *
 * Gets whether this object holds the lock. This does not look at the lock itself, as
 * [method@Lock.verify] does. While a release is not finished, the object no longer holds
 * the lock.
 *
 * In a process forked from the one that acquired the lock it is %FALSE.
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
lf_lock_is_held (LfLock *self)
{
  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);

  return LF_LOCK_GET_IFACE (self)->is_held (self);
}

/**
 * lf_lock_is_acquired_by_thread:
 * @self: a lock
 *
 * Gets whether this object holds the lock, acquired by the calling thread.
 *
 * If so, [method@Lock.acquire] succeeds at once and is not counted. Call this before a block
 * that releases the lock at its end: a lock that was held before the block must not be
 * released by the block.
 *
 * The thread that acquired a lock is the one in which the acquire was reported.
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
lf_lock_is_acquired_by_thread (LfLock *self)
{
  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);

  return LF_LOCK_GET_IFACE (self)->is_acquired_by_thread (self);
}

/* The result of a check that may have failed: an error must not be mistaken for a free lock. */
static gboolean
return_is_locked (LfLockHolder  *holder,
                  GError        *local_error,
                  GError       **error)
{
  gboolean is_locked = holder != NULL || local_error != NULL;

  g_clear_object (&holder);
  if (local_error != NULL)
    g_propagate_error (error, local_error);

  return is_locked;
}

/**
 * lf_lock_is_locked:
 * @self: a lock
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Checks whether anybody holds the lock, including this object.
 *
 * The answer may be outdated when it arrives; to get the lock, acquire it.
 *
 * An error cannot be mistaken for a free lock: the result is then %TRUE, even if @error
 * is %NULL. %FALSE always means that nobody holds the lock.
 *
 * The errors are those of [method@Lock.query_holder].
 *
 * Returns: %FALSE if nobody holds the lock; %TRUE if somebody does, or with @error set
 *   if that could not be checked
 *
 * Since: 1.0
 */
gboolean
lf_lock_is_locked (LfLock        *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  GError *local_error = NULL;
  LfLockHolder *holder;

  g_return_val_if_fail (LF_IS_LOCK (self), TRUE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), TRUE);
  g_return_val_if_fail (error == NULL || *error == NULL, TRUE);

  holder = lf_lock_query_holder (self, cancellable, &local_error);

  return return_is_locked (holder, local_error, error);
}

/**
 * lf_lock_is_locked_async:
 * @self: a lock
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the answer is available
 * @user_data: data for @callback
 *
 * Starts to check whether anybody holds the lock, as [method@Lock.is_locked] does, without
 * blocking the calling thread.
 *
 * Since: 1.0
 */
void
lf_lock_is_locked_async (LfLock              *self,
                         int                  io_priority,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  /* Only the names differ, which language bindings look for */
  lf_lock_query_holder_async (self, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_is_locked_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Lock.is_locked_async].
 *
 * Returns: %FALSE if nobody holds the lock; %TRUE if somebody does, or with @error set
 *   if that could not be checked
 *
 * Since: 1.0
 */
gboolean
lf_lock_is_locked_finish (LfLock        *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  GError *local_error = NULL;
  LfLockHolder *holder;

  g_return_val_if_fail (LF_IS_LOCK (self), TRUE);
  g_return_val_if_fail (g_task_is_valid (result, self), TRUE);
  g_return_val_if_fail (error == NULL || *error == NULL, TRUE);

  holder = lf_lock_query_holder_finish (self, result, &local_error);

  return return_is_locked (holder, local_error, error);
}

static void
lf_lock_set_no_holder_error (LfLock  *self,
                             GError **error)
{
  g_autofree char *display_name = lf_lock_get_display_name (self);

  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("The holders of %s are not recorded"), display_name);
}

/**
 * lf_lock_query_holder:
 * @self: a lock
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Finds out who holds the lock, which may be this object.
 *
 * The class describes how, and the errors, as in [method@LockFile.query_holder]. If its
 * locks have no known holder, as those of [class@Semaphore], this fails with
 * %LF_BACKEND_ERROR_NOT_SUPPORTED.
 *
 * Returns: (transfer full) (nullable): the holder, or %NULL if nobody holds it or
 *   @error is set
 *
 * Since: 1.0
 */
LfLockHolder *
lf_lock_query_holder (LfLock        *self,
                      GCancellable  *cancellable,
                      GError       **error)
{
  LfLockInterface *iface;

  g_return_val_if_fail (LF_IS_LOCK (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  iface = LF_LOCK_GET_IFACE (self);
  if (iface->query_holder != NULL)
    return iface->query_holder (self, cancellable, error);

  lf_lock_set_no_holder_error (self, error);
  return NULL;
}

static void
lf_lock_report_error (LfLock              *self,
                      gpointer             source_tag,
                      void               (*set_error) (LfLock *, GError **),
                      GAsyncReadyCallback  callback,
                      gpointer             user_data)
{
  GError *error = NULL;

  set_error (self, &error);
  g_task_report_error (self, callback, user_data, source_tag, error);
}

/**
 * lf_lock_query_holder_async:
 * @self: a lock
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the answer is available
 * @user_data: data for @callback
 *
 * Starts to find out who holds the lock, as [method@Lock.query_holder] does, without
 * blocking the calling thread.
 *
 * Since: 1.0
 */
void
lf_lock_query_holder_async (LfLock              *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  LfLockInterface *iface;

  g_return_if_fail (LF_IS_LOCK (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  iface = LF_LOCK_GET_IFACE (self);
  if (iface->query_holder_async != NULL)
    iface->query_holder_async (self, io_priority, cancellable, callback, user_data);
  else
    lf_lock_report_error (self, lf_lock_query_holder_async, lf_lock_set_no_holder_error, callback,
                          user_data);
}

/**
 * lf_lock_query_holder_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Lock.query_holder_async].
 *
 * Returns: (transfer full) (nullable): the holder, or %NULL if nobody holds it or
 *   @error is set
 *
 * Since: 1.0
 */
LfLockHolder *
lf_lock_query_holder_finish (LfLock        *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (g_async_result_is_tagged (result, lf_lock_query_holder_async))
    return g_task_propagate_pointer (G_TASK (result), error);

  return LF_LOCK_GET_IFACE (self)->query_holder_finish (self, result, error);
}

static void
lf_lock_set_no_break_error (LfLock  *self,
                            GError **error)
{
  g_autofree char *display_name = lf_lock_get_display_name (self);

  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("The lock of %s cannot be broken"), display_name);
}

/**
 * lf_lock_break_lock:
 * @self: a lock
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Removes the lock of its holder, so that it can be acquired.
 *
 * Call this only at the request of a user who knows that the holder will never
 * continue. A holder that does continue is no longer excluded; its [method@Lock.release]
 * then fails with %LF_UNLOCK_ERROR_NOT_LOCKED or %LF_UNLOCK_ERROR_NOT_MY_LOCK.
 *
 * If nobody holds the lock, this does nothing. The class describes how it works, and the
 * errors, as in [method@LockFile.break_lock]. The locks of [class@Semaphore] cannot be
 * broken: this fails with %LF_BACKEND_ERROR_NOT_SUPPORTED.
 *
 * Returns: %TRUE if the lock can be acquired now, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_break_lock (LfLock        *self,
                    GCancellable  *cancellable,
                    GError       **error)
{
  LfLockInterface *iface;

  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  iface = LF_LOCK_GET_IFACE (self);
  if (iface->break_lock != NULL)
    return iface->break_lock (self, cancellable, error);

  lf_lock_set_no_break_error (self, error);
  return FALSE;
}

/**
 * lf_lock_break_lock_async:
 * @self: a lock
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is broken
 * @user_data: data for @callback
 *
 * Starts to break the lock, as [method@Lock.break_lock] does, without blocking the calling
 * thread.
 *
 * A cancel is reported at once, but cannot undo what was done: the lock may still be
 * broken.
 *
 * Since: 1.0
 */
void
lf_lock_break_lock_async (LfLock              *self,
                          int                  io_priority,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  LfLockInterface *iface;

  g_return_if_fail (LF_IS_LOCK (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  iface = LF_LOCK_GET_IFACE (self);
  if (iface->break_lock_async != NULL)
    iface->break_lock_async (self, io_priority, cancellable, callback, user_data);
  else
    lf_lock_report_error (self, lf_lock_break_lock_async, lf_lock_set_no_break_error, callback,
                          user_data);
}

/**
 * lf_lock_break_lock_finish:
 * @self: a lock
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Lock.break_lock_async].
 *
 * Returns: %TRUE if the lock can be acquired now, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_break_lock_finish (LfLock        *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (g_async_result_is_tagged (result, lf_lock_break_lock_async))
    return g_task_propagate_boolean (G_TASK (result), error);

  return LF_LOCK_GET_IFACE (self)->break_lock_finish (self, result, error);
}
