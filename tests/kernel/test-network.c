/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Waits on a file system whose kernel may have no queue for its locks. The test machine has
 * no NFS, so the program's own fstatfs() reports it. Its own flock() and fcntl() do not
 * return from a wait, as those of a client that asks the server again half a minute later. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lf-test-backend.h"

#define NFS_TYPE 0x6969

static gboolean is_network = TRUE;
static int n_waits; /* atomic: waits in the kernel's queue */

/* The same function with 64-bit file offsets. */
G_MODULE_EXPORT int
fstatfs (int            fd,
         struct statfs *file_system)
{
  int (*real_fstatfs) (int, struct statfs *) =
    (int (*) (int, struct statfs *)) dlsym (RTLD_NEXT, "fstatfs64");
  int result = real_fstatfs (fd, file_system);

  if (result == 0 && is_network)
    file_system->f_type = NFS_TYPE;

  return result;
}

static void
note_wait (void)
{
  g_atomic_int_inc (&n_waits);
}

G_MODULE_EXPORT int
flock (int fd,
       int operation)
{
  int (*real_flock) (int, int) = (int (*) (int, int)) dlsym (RTLD_NEXT, "flock");

  if (operation != LOCK_UN && (operation & LOCK_NB) == 0)
    note_wait ();

  return real_flock (fd, operation);
}

G_MODULE_EXPORT int
fcntl (int fd,
       int command,
       ...)
{
  int (*real_fcntl) (int, int, ...) = (int (*) (int, int, ...)) dlsym (RTLD_NEXT, "fcntl64");
  va_list arguments;
  void *argument;

  va_start (arguments, command);
  argument = va_arg (arguments, void *);
  va_end (arguments);

  if (command == F_SETLKW || command == F_OFD_SETLKW)
    note_wait ();

  return real_fcntl (fd, command, argument);
}

/* No watch reports what another descriptor of the file does. */
G_MODULE_EXPORT int
inotify_init1 (int flags)
{
  errno = EMFILE;

  return -1;
}

/* How long a wait is going to sleep if nothing wakes it, in microseconds. */
static struct
{
  GMutex mutex;
  GCond cond;
  gint64 longest;
} sleeps;

G_MODULE_EXPORT gboolean
g_cond_wait_until (GCond  *cond,
                   GMutex *mutex,
                   gint64  end_time)
{
  gboolean (*real_wait) (GCond *, GMutex *, gint64) =
    (gboolean (*) (GCond *, GMutex *, gint64)) dlsym (RTLD_NEXT, "g_cond_wait_until");

  g_mutex_lock (&sleeps.mutex);
  sleeps.longest = MAX (sleeps.longest, end_time - g_get_monotonic_time ());
  g_cond_broadcast (&sleeps.cond);
  g_mutex_unlock (&sleeps.mutex);

  return real_wait (cond, mutex, end_time);
}

static void
wait_for_long_sleep (gint64 length)
{
  g_mutex_lock (&sleeps.mutex);
  sleeps.longest = 0;
  while (sleeps.longest < length)
    g_cond_wait (&sleeps.cond, &sleeps.mutex);
  g_mutex_unlock (&sleeps.mutex);
}

static LfLockFile *
new_polling (const TestBackend *backend,
             const char        *path)
{
  LfLockFile *lock = lock_new (backend, path);

  lf_lock_file_set_poll_interval (lock, 0.01);

  return lock;
}

typedef struct
{
  LfLockFile *lock;
  double timeout;
  GCancellable *cancellable;
} Call;

static gpointer
acquire_main (gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;

  g_assert_true (lf_lock_file_acquire_with_timeout (call->lock, call->timeout, call->cancellable,
                                                    &error));
  g_assert_no_error (error);
  assert_releases (call->lock);

  return NULL;
}

/* All ways to wait poll, and none of them gets lost. */
static void
test_waits (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
  g_auto (Claim) claim = { 0 };
  g_auto (Claim) cancelled = { 0 };
  g_auto (Claim) expired = { 0 };
  Call calls[] = { { NULL, -1, NULL }, { NULL, 3600, NULL }, { NULL, -1, NULL } };
  GThread *threads[G_N_ELEMENTS (calls)];
  g_autoptr (LfLockFile) lock = new_polling (backend, fixture->path);
  g_autoptr (LfLockFile) given_up = new_polling (backend, fixture->path);
  g_autoptr (LfLockFile) impatient = new_polling (backend, fixture->path);

  g_atomic_int_set (&n_waits, 0);
  calls[2].cancellable = cancellable;
  for (gsize i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      calls[i].lock = new_polling (backend, fixture->path);
      threads[i] = g_thread_new ("acquire", acquire_main, &calls[i]);
    }
  claim_start (&claim, lock, NULL);
  /* Otherwise the next claim may be before it, and is released after it */
  wait_until_others_sleep ();
  claim_start (&cancelled, given_up, cancellable);
  lf_lock_file_set_timeout (impatient, 0.02);
  claim_start (&expired, impatient, NULL);
  claim_wait (&expired);
  g_assert_error (expired.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  wait_until_others_sleep ();

  peer_send (holder, "release");
  peer_expect (holder, "released");
  /* Each of them has a thread that polls, so they may finish in any order */
  while (!claim.done || !cancelled.done)
    {
      g_main_context_iteration (NULL, TRUE);
      if (claim.done && lf_lock_file_is_held (lock))
        assert_releases (lock);
      if (cancelled.done && lf_lock_file_is_held (given_up))
        assert_releases (given_up);
    }
  g_assert_no_error (claim.error);
  g_assert_no_error (cancelled.error);
  for (gsize i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      g_thread_join (threads[i]);
      g_object_unref (calls[i].lock);
    }
  g_assert_cmpint (g_atomic_int_get (&n_waits), ==, 0);
}

/* A cancel ends the wait at once. */
static void
test_cancel (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
  g_autoptr (LfLockFile) lock = new_polling (backend, fixture->path);
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_poll_interval (lock, 3600);
  claim_start (&claim, lock, cancellable);
  wait_until_others_sleep ();
  g_cancellable_cancel (cancellable);
  claim_wait (&claim);
  g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* A release in this process wakes a waiter, which does not depend on a poll. */
static void
test_wake_up (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) lock = new_polling (backend, fixture->path);
  g_auto (Claim) claim = { 0 };
  gint64 start;

  assert_acquires (holder);
  lf_lock_file_set_poll_interval (lock, 3600);
  claim_start (&claim, lock, NULL);
  wait_for_long_sleep (G_TIME_SPAN_SECOND);
  start = g_get_monotonic_time ();
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_cmpint (g_get_monotonic_time () - start, <, G_TIME_SPAN_SECOND * 9 / 10);
}

/* On other file systems the kernel has a queue, and no wait polls. */
static void
test_queue (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
  g_autoptr (LfLockFile) lock = new_polling (backend, fixture->path);
  g_auto (Claim) claim = { 0 };

  is_network = FALSE;
  g_atomic_int_set (&n_waits, 0);
  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  peer_send (holder, "release");
  peer_expect (holder, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_cmpint (g_atomic_int_get (&n_waits), ==, 1);
  is_network = TRUE;
}

/* Another machine may not see a lock of this one there, so the record does not claim that
 * the lock of the inode proves anything. */
static void
test_record (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *path = backend->kind == LOCK_IS_DIRECTORY
                          ? g_build_filename (fixture->path, "holder", NULL)
                          : g_strdup (fixture->path);

  for (is_network = FALSE; is_network <= TRUE; is_network++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autofree char *record = NULL;

      assert_acquires (lock);
      g_assert_true (g_file_get_contents (path, &record, NULL, NULL));
      g_assert_true ((strstr (record, "inode-lock:yes") == NULL) == is_network);
      assert_releases (lock);
    }
  is_network = TRUE;
}

static const BackendCase file_cases[] = {
  { "record", test_record },
  { NULL, NULL },
};

static const BackendCase cases[] = {
  { "waits", test_waits },
  { "cancel", test_cancel },
  { "wake-up", test_wake_up },
  { "queue", test_queue },
  { NULL, NULL },
};

static void
slot_acquired_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  gboolean *granted = user_data;

  *granted = lf_semaphore_acquire_finish (LF_SEMAPHORE (source), result, NULL);
}

/* On a network file system, waiters of a semaphore poll. A release in this process wakes the
 * waiters of this process without waiting for the next poll. */
static void
test_semaphore (Fixture       *fixture,
                gconstpointer  data)
{
  LfSemaphore *semaphores[4];
  gboolean granted[4] = { FALSE };
  GError *error = NULL;

  g_atomic_int_set (&n_waits, 0);
  for (guint i = 0; i < 4; i++)
    semaphores[i] = lf_semaphore_new (fixture->path, 2);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (lf_semaphore_acquire (semaphores[i], NULL, &error));
      g_assert_no_error (error);
    }
  for (guint i = 2; i < 4; i++)
    {
      lf_semaphore_acquire_async (semaphores[i], G_PRIORITY_DEFAULT, NULL, slot_acquired_cb,
                                  &granted[i]);
      wait_until_others_sleep ();
    }

  g_assert_true (lf_semaphore_release (semaphores[1], &error));
  iterate_until (&granted[2]);
  g_assert_false (granted[3]);
  g_assert_true (lf_semaphore_release (semaphores[0], &error));
  iterate_until (&granted[3]);
  g_assert_cmpint (g_atomic_int_get (&n_waits), ==, 0);
  for (guint i = 0; i < 4; i++)
    g_object_unref (semaphores[i]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (test_backends[i].backend == LF_BACKEND_FLOCK ||
          test_backends[i].backend == LF_BACKEND_FCNTL)
        add_backend_tests ("network", &test_backends[i], cases);
      else if (test_backends[i].is_existence && test_backends[i].kind != LOCK_IS_SYMLINK)
        add_backend_tests ("network", &test_backends[i], file_cases);
    }
  add_test ("/network/semaphore", test_semaphore);

  return g_test_run ();
}
