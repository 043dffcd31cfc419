/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-semaphore.h"

#include "lf-lock-file-private.h"
#include "lf-lock-private.h"

/**
 * LfSemaphore:
 *
 * A semaphore between processes: limits how many may hold a path at a time.
 *
 * <!-- code: in semaphore.c -->
 * ```c
 * g_autoptr (LfSemaphore) semaphore = lf_semaphore_new ("convert.lock", 4);
 *
 * if (!lf_semaphore_acquire (semaphore, cancellable, error))
 *   return FALSE;
 *
 * do_what_only_four_may_do ();
 *
 * return lf_semaphore_release (semaphore, error);
 * ```
 *
 * Each holder has one slot. A slot is the lock of a file beside the path: `PATH.1`,
 * `PATH.2`, and so on, locked with the platform's default backend, as by a [class@LockFile].
 * The files are not removed. The path itself is not touched.
 *
 * An object holds at most one slot. As with a [class@LockFile], the thread that holds it can
 * acquire it again, which is not counted, threads that share it exclude each other, and
 * asynchronous claims queue. If the tasks of one process should share the slots, use an
 * object per task.
 *
 * ## Waiting
 *
 * Waiters are served first come, first served, together with those of other processes. They
 * sleep in the kernel's queue for the lock of `PATH.queue`. The waiter that holds this lock is
 * the first one. It waits in the kernel for all slots at once, acquires the first slot that
 * is released, and then lets the next waiter be the first. Nobody polls, except on NFS and
 * on Windows. [method@Semaphore.try_acquire] does not queue: it acquires a slot that nobody
 * waits for or, rarely, a slot at the moment of its release.
 *
 * Each wait that is asynchronous, or has a timeout or a cancellable, needs a thread. The first
 * waiter needs another thread and a descriptor per slot.
 *
 * ## Crashes
 *
 * If a process ends, for any reason, the kernel releases its slot or its place in the queue.
 *
 * ## Different numbers of slots
 *
 * The number of slots is not recorded anywhere: all programs must use the same number. If they
 * do not, there is no error. A program with N slots uses `PATH.1` to `PATH.N`, so together
 * there are at most as many holders as the largest number. A program with a smaller number
 * waits for one of its own slots, and while it is the first waiter, the others wait behind it
 * even if another slot is free.
 *
 * A semaphore with one slot is a mutex. It does not exclude a [class@LockFile] for its path,
 * only one for `PATH.1`.
 *
 * Since: 1.0
 */
struct _LfSemaphore
{
  GObject parent_instance;

  char *path;
  guint slots;
  LfLockFile *lock_file; /* of all slots */
};

static void lf_semaphore_lock_init (LfLockInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LfSemaphore, lf_semaphore, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LF_TYPE_LOCK, lf_semaphore_lock_init))

/* Each slot needs a thread and a descriptor while it is waited for */
#define MAX_SLOTS 1024

typedef enum
{
  PROP_PATH = 1,
  PROP_SLOTS,
  PROP_TIMEOUT,
  PROP_HELD,
} LfSemaphoreProperty;

static GParamSpec *props[PROP_HELD + 1];

static void
held_cb (LfSemaphore *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_HELD]);
}

static void
timeout_cb (LfSemaphore *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIMEOUT]);
}

static void
lf_semaphore_constructed (GObject *object)
{
  LfSemaphore *self = LF_SEMAPHORE (object);

  self->lock_file = lf_lock_file_new_with_slots (self->path, self->slots);
  g_signal_connect_object (self->lock_file, "notify::held", G_CALLBACK (held_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->lock_file, "notify::timeout", G_CALLBACK (timeout_cb), self,
                           G_CONNECT_SWAPPED);

  G_OBJECT_CLASS (lf_semaphore_parent_class)->constructed (object);
}

static void
lf_semaphore_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  LfSemaphore *self = LF_SEMAPHORE (object);

  switch ((LfSemaphoreProperty) prop_id)
    {
    case PROP_PATH:
      g_value_set_string (value, lf_semaphore_get_path (self));
      break;

    case PROP_SLOTS:
      g_value_set_uint (value, self->slots);
      break;

    case PROP_TIMEOUT:
      g_value_set_double (value, lf_semaphore_get_timeout (self));
      break;

    case PROP_HELD:
      g_value_set_boolean (value, lf_semaphore_is_held (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
lf_semaphore_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  LfSemaphore *self = LF_SEMAPHORE (object);

  switch ((LfSemaphoreProperty) prop_id)
    {
    case PROP_PATH:
      self->path = g_value_dup_string (value);
      break;

    case PROP_SLOTS:
      self->slots = g_value_get_uint (value);
      break;

    case PROP_TIMEOUT:
      lf_semaphore_set_timeout (self, g_value_get_double (value));
      break;

    case PROP_HELD:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* Releases. The lock file has no pending claims, since each claim has a reference to this
 * object, too. */
static void
lf_semaphore_dispose (GObject *object)
{
  LfSemaphore *self = LF_SEMAPHORE (object);

  if (self->lock_file != NULL)
    g_object_run_dispose (G_OBJECT (self->lock_file));

  G_OBJECT_CLASS (lf_semaphore_parent_class)->dispose (object);
}

static void
lf_semaphore_finalize (GObject *object)
{
  LfSemaphore *self = LF_SEMAPHORE (object);

  g_clear_object (&self->lock_file);
  g_free (self->path);

  G_OBJECT_CLASS (lf_semaphore_parent_class)->finalize (object);
}

static void
lf_semaphore_class_init (LfSemaphoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = lf_semaphore_constructed;
  object_class->get_property = lf_semaphore_get_property;
  object_class->set_property = lf_semaphore_set_property;
  object_class->dispose = lf_semaphore_dispose;
  object_class->finalize = lf_semaphore_finalize;

  /**
   * LfSemaphore:path: (type filename) (getter get_path)
   *
   * Path of the semaphore, in the file system's encoding. The slots are files beside it.
   *
   * A relative path is made absolute when the object is made.
   *
   * Since: 1.0
   */
  props[PROP_PATH] =
    g_param_spec_string ("path", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS |
                         G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfSemaphore:slots: (getter get_slots)
   *
   * How many may hold the semaphore at a time, from 1 to 1024.
   *
   * All programs must use the same number.
   *
   * Since: 1.0
   */
  props[PROP_SLOTS] =
    g_param_spec_uint ("slots", NULL, NULL, 1, MAX_SLOTS, 1,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS |
                       G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfSemaphore:timeout: (getter get_timeout) (setter set_timeout)
   *
   * How long [method@Semaphore.acquire] and [method@Semaphore.acquire_async] wait, in
   * seconds.
   *
   * A timeout below 0, which is the default, waits forever; 0 tries once.
   *
   * Since: 1.0
   */
  props[PROP_TIMEOUT] =
    g_param_spec_double ("timeout", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, -1,
                         G_PARAM_LAX_VALIDATION | /* the lock file's setter validates */
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfSemaphore:held: (getter is_held)
   *
   * Whether this object holds a slot.
   *
   * It is notified where the call that changed it reports.
   *
   * Since: 1.0
   */
  props[PROP_HELD] =
    g_param_spec_boolean ("held", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
lf_semaphore_init (LfSemaphore *self)
{
}

/**
 * lf_semaphore_new:
 * @path: (type filename): path of the semaphore
 * @slots: how many may hold it at a time, from 1 to 1024
 *
 * Makes an object for a semaphore. No file is touched yet.
 *
 * Errors of the path are reported when you acquire a slot.
 *
 * Returns: (transfer full): a new semaphore, which waits forever
 *
 * Since: 1.0
 */
LfSemaphore *
lf_semaphore_new (const char *path,
                  guint       slots)
{
  g_return_val_if_fail (slots >= 1 && slots <= MAX_SLOTS, NULL);

  return g_object_new (LF_TYPE_SEMAPHORE, "path", path, "slots", slots, NULL);
}

/**
 * lf_semaphore_get_path: (get-property path)
 * @self: a semaphore
 *
 * Gets the absolute path of the semaphore, in the file system's encoding.
 *
 * Returns: (type filename) (nullable): the path, or %NULL if there is none
 *
 * Since: 1.0
 */
const char *
lf_semaphore_get_path (LfSemaphore *self)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), NULL);

  return lf_lock_file_get_path (self->lock_file);
}

/**
 * lf_semaphore_get_slots: (get-property slots)
 * @self: a semaphore
 *
 * Gets how many may hold the semaphore at a time.
 *
 * Returns: the number of slots
 *
 * Since: 1.0
 */
guint
lf_semaphore_get_slots (LfSemaphore *self)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), 0);

  return self->slots;
}

/**
 * lf_semaphore_get_timeout: (get-property timeout)
 * @self: a semaphore
 *
 * Gets how long a slot is waited for.
 *
 * Returns: the time in seconds; below 0 forever
 *
 * Since: 1.0
 */
double
lf_semaphore_get_timeout (LfSemaphore *self)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), -1);

  return lf_lock_file_get_timeout (self->lock_file);
}

/**
 * lf_semaphore_set_timeout: (set-property timeout)
 * @self: a semaphore
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 *
 * Sets how long a slot is waited for, from the next call on.
 *
 * Since: 1.0
 */
void
lf_semaphore_set_timeout (LfSemaphore *self,
                          double       timeout)
{
  g_return_if_fail (LF_IS_SEMAPHORE (self));

  lf_lock_file_set_timeout (self->lock_file, timeout);
}

/**
 * lf_semaphore_acquire:
 * @self: a semaphore
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires a slot and waits for it as long as [property@Semaphore:timeout] says.
 *
 * This is [method@LockFile.acquire] for any one of the slots, with the same rules for threads
 * and main contexts, and the same errors:
 *
 * - %LF_LOCK_ERROR_ALREADY_LOCKED: all slots are held and the timeout is 0
 * - %LF_LOCK_ERROR_TIMED_OUT: no slot was released in time
 * - %LF_LOCK_ERROR_WOULD_DEADLOCK: this thread holds all slots through other objects, the
 *   call has neither a timeout nor a cancellable, and no other thread could release a slot
 * - %G_IO_ERROR_CANCELLED: @cancellable was cancelled; no slot is held
 * - the other errors of [method@LockFile.acquire], for the files of the slots and the queue
 *
 * Returns: %TRUE if a slot is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_acquire (LfSemaphore   *self,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);

  return lf_lock_file_acquire (self->lock_file, cancellable, error);
}

/**
 * lf_semaphore_acquire_with_timeout:
 * @self: a semaphore
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires a slot as [method@Semaphore.acquire] does, with a timeout for this call only.
 *
 * Returns: %TRUE if a slot is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_acquire_with_timeout (LfSemaphore   *self,
                                   double         timeout,
                                   GCancellable  *cancellable,
                                   GError       **error)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);

  return lf_lock_file_acquire_with_timeout (self->lock_file, timeout, cancellable, error);
}

/**
 * lf_semaphore_try_acquire:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Acquires a slot if one is free, without queueing.
 *
 * It tries one slot after the other. If other programs release and acquire slots during that
 * time, it may find each slot held, even if at no time all of them were.
 *
 * Returns: %TRUE if a slot is held, %FALSE with @error set; it is
 *   %LF_LOCK_ERROR_ALREADY_LOCKED if none was free
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_try_acquire (LfSemaphore  *self,
                          GError      **error)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);

  return lf_lock_file_try_acquire (self->lock_file, error);
}

/* The task returns the result of the lock file's operation, which finish() then finishes. */
static void
done_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;

  g_task_return_pointer (task, g_object_ref (result), g_object_unref);
}

static GTask *
lf_semaphore_new_task (LfSemaphore         *self,
                       gpointer             source_tag,
                       int                  io_priority,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  /* Without the cancellable: the lock file's operation decides */
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, source_tag);
  g_task_set_name (task, "[lockfile-glib] semaphore");
  g_task_set_priority (task, io_priority);

  return task;
}

/* If @timeout is NULL, the property applies. */
static void
lf_semaphore_start_acquire (LfSemaphore         *self,
                            const double        *timeout,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  LfLock *lock = LF_LOCK (self->lock_file);
  /* The same tag for everything that acquire_finish() finishes */
  GTask *task = lf_semaphore_new_task (self, lf_semaphore_acquire_async, io_priority, callback,
                                       user_data);

  LF_LOCK_GET_IFACE (lock)->acquire_async (lock, timeout, io_priority, cancellable, done_cb, task);
}

/* Returns the number of the grant, or 0 with an error. */
static gssize
lf_semaphore_finish_acquire (LfSemaphore   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  LfLock *lock = LF_LOCK (self->lock_file);
  g_autoptr (GAsyncResult) lock_result = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), 0);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_semaphore_acquire_async), 0);

  lock_result = g_task_propagate_pointer (G_TASK (result), error);
  if (lock_result == NULL)
    return 0;

  return LF_LOCK_GET_IFACE (lock)->acquire_finish (lock, lock_result, error);
}

/**
 * lf_semaphore_acquire_async:
 * @self: a semaphore
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the attempt has succeeded or failed
 * @user_data: data for @callback
 *
 * Starts to acquire a slot, and waits as long as [property@Semaphore:timeout] says.
 *
 * Each call is a new claim, as with [method@LockFile.acquire_async]: if the object already
 * holds a slot or waits for one, the claim queues, and completes after that slot was
 * released.
 *
 * Since: 1.0
 */
void
lf_semaphore_acquire_async (LfSemaphore         *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (LF_IS_SEMAPHORE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_semaphore_start_acquire (self, NULL, io_priority, cancellable, callback, user_data);
}

/**
 * lf_semaphore_acquire_with_timeout_async:
 * @self: a semaphore
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the attempt has succeeded or failed
 * @user_data: data for @callback
 *
 * Starts to acquire a slot as [method@Semaphore.acquire_async] does, with a timeout for this
 * call only.
 *
 * Finish it with [method@Semaphore.acquire_with_timeout_finish] or
 * [method@Semaphore.acquire_finish], which are the same.
 *
 * Since: 1.0
 */
void
lf_semaphore_acquire_with_timeout_async (LfSemaphore         *self,
                                         double               timeout,
                                         int                  io_priority,
                                         GCancellable        *cancellable,
                                         GAsyncReadyCallback  callback,
                                         gpointer             user_data)
{
  g_return_if_fail (LF_IS_SEMAPHORE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_semaphore_start_acquire (self, &timeout, io_priority, cancellable, callback, user_data);
}

/**
 * lf_semaphore_acquire_finish:
 * @self: a semaphore
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Semaphore.acquire_async] and
 * [method@Semaphore.acquire_with_timeout_async].
 *
 * The thread in which this is reported then holds the slot.
 *
 * Returns: %TRUE if a slot is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_acquire_finish (LfSemaphore   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);

  return lf_semaphore_finish_acquire (self, result, error) > 0;
}

/**
 * lf_semaphore_acquire_with_timeout_finish:
 * @self: a semaphore
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Semaphore.acquire_with_timeout_async], as
 * [method@Semaphore.acquire_finish] does. Languages look for a function of this name.
 *
 * Returns: %TRUE if a slot is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_acquire_with_timeout_finish (LfSemaphore   *self,
                                          GAsyncResult  *result,
                                          GError       **error)
{
  return lf_semaphore_acquire_finish (self, result, error);
}

/**
 * lf_semaphore_release:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Releases the slot. The first waiter acquires it.
 *
 * The errors are those of [method@LockFile.release]: %LF_UNLOCK_ERROR_NOT_LOCKED if this
 * object holds no slot or the file of the slot has been removed, and
 * %LF_UNLOCK_ERROR_NOT_MY_LOCK if somebody else has locked another file in its place, or if
 * the process from which this one was forked holds the slot.
 *
 * Returns: %TRUE if the slot was released, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_release (LfSemaphore  *self,
                      GError      **error)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);

  return lf_lock_file_release (self->lock_file, error);
}

/**
 * lf_semaphore_release_async:
 * @self: a semaphore
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the slot is released
 * @user_data: data for @callback
 *
 * Starts to release the slot as [method@Semaphore.release] does, without file operations in
 * the calling thread.
 *
 * @cancellable has an effect only if it is already cancelled when this is called, and then
 * the slot is still held.
 *
 * Since: 1.0
 */
void
lf_semaphore_release_async (LfSemaphore         *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (LF_IS_SEMAPHORE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_lock_file_release_async (self->lock_file, io_priority, cancellable, done_cb,
                              lf_semaphore_new_task (self, lf_semaphore_release_async,
                                                     io_priority, callback, user_data));
}

/**
 * lf_semaphore_release_finish:
 * @self: a semaphore
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@Semaphore.release_async], with the errors of [method@Semaphore.release].
 *
 * Returns: %TRUE if the slot was released, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_release_finish (LfSemaphore   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_autoptr (GAsyncResult) lock_result = NULL;

  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_semaphore_release_async), FALSE);

  lock_result = g_task_propagate_pointer (G_TASK (result), error);

  return lock_result != NULL &&
         lf_lock_file_release_finish (self->lock_file, lock_result, error);
}

/**
 * lf_semaphore_is_held: (get-property held)
 * @self: a semaphore
 *
 * Gets whether this object holds a slot. The file of the slot is not checked.
 *
 * In a process forked from the one that acquired it, it is %FALSE.
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_is_held (LfSemaphore *self)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);

  return lf_lock_file_is_held (self->lock_file);
}

/**
 * lf_semaphore_is_acquired_by_thread:
 * @self: a semaphore
 *
 * Gets whether this object holds a slot that the calling thread acquired. Then
 * [method@Semaphore.acquire] succeeds at once and is not counted.
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
lf_semaphore_is_acquired_by_thread (LfSemaphore *self)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), FALSE);

  return lf_lock_file_is_acquired_by_thread (self->lock_file);
}

/**
 * lf_semaphore_get_slot:
 * @self: a semaphore
 *
 * Gets which slot this object holds. No two holders have the same number at a time, so you can
 * use it to choose one of several devices, ports or directories.
 *
 * Returns: the number of the slot, from 1 to [property@Semaphore:slots], or 0 if none is held
 *
 * Since: 1.0
 */
guint
lf_semaphore_get_slot (LfSemaphore *self)
{
  g_return_val_if_fail (LF_IS_SEMAPHORE (self), 0);

  return lf_lock_file_get_slot (self->lock_file);
}

static char *
lf_semaphore_get_display_name (LfLock *lock)
{
  return lf_lock_get_display_name (LF_LOCK (LF_SEMAPHORE (lock)->lock_file));
}

static gboolean
lf_semaphore_lock_is_held (LfLock *lock)
{
  return lf_semaphore_is_held (LF_SEMAPHORE (lock));
}

static gboolean
lf_semaphore_lock_is_acquired_by_thread (LfLock *lock)
{
  return lf_semaphore_is_acquired_by_thread (LF_SEMAPHORE (lock));
}

static gboolean
lf_semaphore_lock_verify (LfLock  *lock,
                          GError **error)
{
  return lf_lock_file_verify (LF_SEMAPHORE (lock)->lock_file, error);
}

static gboolean
lf_semaphore_lock_acquire (LfLock        *lock,
                           const double  *timeout,
                           gssize        *grant,
                           GCancellable  *cancellable,
                           GError       **error)
{
  LfLock *slots = LF_LOCK (LF_SEMAPHORE (lock)->lock_file);

  return LF_LOCK_GET_IFACE (slots)->acquire (slots, timeout, grant, cancellable, error);
}

static void
lf_semaphore_lock_acquire_async (LfLock              *lock,
                                 const double        *timeout,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  lf_semaphore_start_acquire (LF_SEMAPHORE (lock), timeout, io_priority, cancellable, callback,
                              user_data);
}

static gssize
lf_semaphore_lock_acquire_finish (LfLock        *lock,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  return lf_semaphore_finish_acquire (LF_SEMAPHORE (lock), result, error);
}

static gboolean
lf_semaphore_lock_release (LfLock  *lock,
                           gssize   grant,
                           GError **error)
{
  LfLock *slots = LF_LOCK (LF_SEMAPHORE (lock)->lock_file);

  return LF_LOCK_GET_IFACE (slots)->release (slots, grant, error);
}

static void
lf_semaphore_lock_release_async (LfLock              *lock,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  lf_semaphore_release_async (LF_SEMAPHORE (lock), io_priority, cancellable, callback, user_data);
}

static gboolean
lf_semaphore_lock_release_finish (LfLock        *lock,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  return lf_semaphore_release_finish (LF_SEMAPHORE (lock), result, error);
}

static void
lf_semaphore_lock_drop (LfLock *lock,
                        gssize  grant)
{
  LfLock *slots = LF_LOCK (LF_SEMAPHORE (lock)->lock_file);

  LF_LOCK_GET_IFACE (slots)->drop (slots, grant);
}

/* A slot does not tell who holds the semaphore, and nobody's slot can be broken. */
static void
lf_semaphore_lock_init (LfLockInterface *iface)
{
  iface->get_display_name = lf_semaphore_get_display_name;
  iface->is_held = lf_semaphore_lock_is_held;
  iface->is_acquired_by_thread = lf_semaphore_lock_is_acquired_by_thread;
  iface->verify = lf_semaphore_lock_verify;
  iface->acquire = lf_semaphore_lock_acquire;
  iface->acquire_async = lf_semaphore_lock_acquire_async;
  iface->acquire_finish = lf_semaphore_lock_acquire_finish;
  iface->release = lf_semaphore_lock_release;
  iface->release_async = lf_semaphore_lock_release_async;
  iface->release_finish = lf_semaphore_lock_release_finish;
  iface->drop = lf_semaphore_lock_drop;
}
