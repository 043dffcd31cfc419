/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* What a kernel does only if something is broken. The program's own open() and flock()
 * replace those that the library under test would call; they fail, or do not return, on
 * request. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lf-test-util.h"

static struct
{
  GMutex mutex;
  GCond cond;
  const char *path;    /* of the affected open() calls */
  int open_flags;      /* calls with all of these flags fail */
  int open_errno;
  guint n_opens;       /* this many of them */
  int flock_operation; /* any of these bits */
  int flock_errno;
  gboolean blocking_only;
  guint n_flocks;
  gboolean stuck;      /* open() does not return */
  guint n_stuck;
  GThread *watched;    /* calls of this thread are counted */
  guint n_watched;
  int n_waits_struck;  /* calls of flock() during which a cancel arrives: those that wait */
  int n_tries_struck;  /* and those that do not */
  GCancellable *cancellable; /* cancelled just before a handler is connected */
} faults;

static gboolean
strike (guint *n_left)
{
  gboolean strikes;

  g_mutex_lock (&faults.mutex);
  strikes = *n_left > 0;
  if (strikes)
    (*n_left)--;
  g_mutex_unlock (&faults.mutex);

  return strikes;
}

static void
note_call (void)
{
  if (faults.watched != NULL && faults.watched == g_thread_self ())
    faults.n_watched++;
}

static int
open_or_fault (const char *path,
               int         flags,
               mode_t      mode)
{
  static int (*real_open) (const char *, int, ...);

  if (real_open == NULL)
    real_open = (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, "open64");

  if (g_strcmp0 (path, faults.path) == 0)
    {
      note_call ();

      g_mutex_lock (&faults.mutex);
      faults.n_stuck++;
      g_cond_broadcast (&faults.cond);
      while (faults.stuck)
        g_cond_wait (&faults.cond, &faults.mutex);
      faults.n_stuck--;
      g_mutex_unlock (&faults.mutex);

      if ((flags & faults.open_flags) == faults.open_flags && strike (&faults.n_opens))
        {
          errno = faults.open_errno;
          return -1;
        }
    }

  return real_open (path, flags, mode);
}

/* With 64-bit file offsets, as here and in the library, the symbol is open64. */
G_MODULE_EXPORT int
open (const char *path,
      int         flags,
      ...)
{
  va_list arguments;
  mode_t mode = 0;

  va_start (arguments, flags);
  if ((flags & O_CREAT) != 0)
    mode = va_arg (arguments, mode_t);
  va_end (arguments);

  return open_or_fault (path, flags, mode);
}

static void
note_cancel_type (gboolean waits)
{
  int type;

  pthread_setcanceltype (PTHREAD_CANCEL_DEFERRED, &type);
  pthread_setcanceltype (type, NULL);
  if (type == PTHREAD_CANCEL_ASYNCHRONOUS)
    g_atomic_int_inc (waits ? &faults.n_waits_struck : &faults.n_tries_struck);
}

G_MODULE_EXPORT int
flock (int fd,
       int operation)
{
  static int (*real_flock) (int, int);

  note_call ();
  note_cancel_type ((operation & LOCK_NB) == 0);

  if (real_flock == NULL)
    real_flock = (int (*) (int, int)) dlsym (RTLD_NEXT, "flock");

  if ((operation & faults.flock_operation) != 0 &&
      !(faults.blocking_only && (operation & LOCK_NB) != 0) && strike (&faults.n_flocks))
    {
      errno = faults.flock_errno;
      return -1;
    }

  return real_flock (fd, operation);
}

G_MODULE_EXPORT gulong
g_signal_connect_data (gpointer       instance,
                       const char    *signal,
                       GCallback      handler,
                       gpointer       data,
                       GClosureNotify destroy,
                       GConnectFlags  flags)
{
  static gulong (*real_connect) (gpointer, const char *, GCallback, gpointer, GClosureNotify,
                                 GConnectFlags);

  if (real_connect == NULL)
    real_connect = (gulong (*) (gpointer, const char *, GCallback, gpointer, GClosureNotify,
                                GConnectFlags)) dlsym (RTLD_NEXT, "g_signal_connect_data");

  if (instance == faults.cancellable)
    g_cancellable_cancel (instance);

  return real_connect (instance, signal, handler, data, destroy, flags);
}

static void
set_open_fault (const char *path,
                int         flags,
                int         fault,
                guint       n_times)
{
  faults.path = path;
  faults.open_flags = flags;
  faults.open_errno = fault;
  faults.n_opens = n_times;
}

static void
set_flock_fault (int   operation,
                 int   fault,
                 guint n_times)
{
  faults.flock_operation = operation;
  faults.flock_errno = fault;
  faults.n_flocks = n_times;
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  set_open_fault (NULL, 0, 0, 0);
  set_flock_fault (0, 0, 0);
  faults.n_waits_struck = faults.n_tries_struck = 0;
  fixture_tear_down (fixture, data);
}

/* After an error or a refusal, there is no other attempt. */
static void
test_lock_errors (Fixture       *fixture,
                  gconstpointer  data)
{
  const struct
  {
    int fault;
    GQuark domain;
    int code;
  } cases[] = {
    { ENOSYS, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED },
    { EOPNOTSUPP, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED },
    { EINVAL, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED },
    { 524, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED },
    { ENOLCK, LF_BACKEND_ERROR, LF_BACKEND_ERROR_FAILED },
    { EIO, G_IO_ERROR, G_IO_ERROR_FAILED },
    { EACCES, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };

      /* A network file system may return EIO if it wants a descriptor for writing */
      set_flock_fault (LOCK_EX, cases[i].fault, cases[i].fault == EIO ? 2 : 1);
      g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
      g_assert_error (error, cases[i].domain, cases[i].code);
      if (g_error_matches (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED))
        g_assert_nonnull (strstr (error->message, "HARD_LINK"));

      /* A network file system may return EIO if it wants a descriptor for writing */
      set_flock_fault (LOCK_EX, cases[i].fault, cases[i].fault == EIO ? 2 : 1);
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      g_assert_error (claim.error, cases[i].domain, cases[i].code);
      assert_acquires (lock);
    }
}

/* An error after the thread has begun to wait in the queue: the attempt finds the lock
 * busy, and the call that would wait fails. */
static void
test_error_while_waiting (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = peer_start_holder (fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  set_flock_fault (LOCK_EX, ENOLCK, 1);
  faults.blocking_only = TRUE;
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_FAILED);

  set_flock_fault (LOCK_EX, ENOLCK, 1);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_FAILED);

  /* A signal is not an error */
  claim_clear (&claim);
  set_flock_fault (LOCK_EX, EINTR, 3);
  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  faults.blocking_only = FALSE;
  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

/* Signals neither end a wait nor make an attempt fail. */
static void
test_interrupted (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_auto (Claim) claim = { 0 };

  set_flock_fault (LOCK_EX | LOCK_UN, EINTR, 3);
  set_open_fault (fixture->path, 0, EINTR, 3);
  assert_acquires (lock);
  set_flock_fault (LOCK_EX | LOCK_UN, EINTR, 3);
  assert_releases (lock);

  set_flock_fault (LOCK_EX, EINTR, 3);
  set_open_fault (fixture->path, 0, EINTR, 3);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

static void
release_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  lf_lock_file_release_finish (LF_LOCK_FILE (object), result, user_data);
}

/* A lock that could not be released is still held. */
static void
test_unlock_error (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;

  for (int removes = FALSE; removes <= TRUE; removes++)
    {
      lf_lock_file_set_remove_on_release (lock, removes);
      assert_acquires (lock);
      set_flock_fault (LOCK_UN, EIO, 1);
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
      g_clear_error (&error);
      g_assert_true (lf_lock_file_is_held (lock));
      if (!removes)
        assert_not_free (fixture->path);

      set_flock_fault (LOCK_UN, EIO, 1);
      lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &error);
      while (error == NULL)
        g_main_context_iteration (NULL, TRUE);
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
      g_clear_error (&error);
      g_assert_true (lf_lock_file_is_held (lock));

      assert_releases (lock);
      g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS) == !removes);
    }

  /* Dropping the object releases the lock anyway */
  assert_acquires (lock);
  set_flock_fault (LOCK_UN, EIO, 1);
  g_clear_object (&lock);
  assert_free (fixture->path);
}

/* In a sticky directory, Linux may refuse to open another user's file with O_CREAT, but not
 * without it. */
static void
test_sticky_directory (Fixture       *fixture,
                       gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  set_open_fault (fixture->path, O_CREAT, EACCES, 1);
  assert_acquires (lock);
  assert_releases (lock);

  /* The other user has removed the file, so it can be created */
  g_assert_no_errno (unlink (fixture->path));
  set_open_fault (fixture->path, O_CREAT, EACCES, 1);
  assert_acquires (lock);
  assert_releases (lock);

  /* The file can never be created: the attempt fails, and is not repeated forever */
  g_assert_no_errno (unlink (fixture->path));
  set_open_fault (fixture->path, O_CREAT, EACCES, G_MAXUINT);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

static void
set_stuck (gboolean stuck)
{
  g_mutex_lock (&faults.mutex);
  faults.stuck = stuck;
  g_cond_broadcast (&faults.cond);
  g_mutex_unlock (&faults.mutex);
}

static void
wait_until_stuck (void)
{
  g_mutex_lock (&faults.mutex);
  while (faults.n_stuck == 0)
    g_cond_wait (&faults.cond, &faults.mutex);
  g_mutex_unlock (&faults.mutex);
}

/* While a server does not answer, a cancel and a deadline are still reported. When it
 * answers at last, the lock is not acquired. */
static void
test_stuck (Fixture       *fixture,
            gconstpointer  data)
{
  gboolean cancels = GPOINTER_TO_INT (data);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Claim) claim = { 0 };
  g_auto (Claim) next = { 0 };
  guint n_descriptors;

  wait_for_no_lock_threads ();
  n_descriptors = count_descriptors ();
  set_open_fault (fixture->path, 0, 0, 0);
  set_stuck (TRUE);
  lf_lock_file_set_remove_on_release (lock, TRUE);
  lf_lock_file_set_timeout (lock, cancels ? -1 : 0.05);
  claim_start (&claim, lock, cancellable);
  wait_until_stuck ();
  if (cancels)
    g_cancellable_cancel (cancellable);
  claim_wait (&claim);
  if (cancels)
    g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  else
    g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_false (lf_lock_file_is_held (lock));

  /* The object is free for the next claim */
  lf_lock_file_set_timeout (lock, -1);
  claim_start (&next, lock, NULL);
  set_stuck (FALSE);
  claim_wait (&next);
  g_assert_no_error (next.error);
  assert_releases (lock);
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_descriptors (), ==, n_descriptors);
  assert_free (fixture->path);
}

static void
query_cb (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  GError **error = user_data;

  g_assert_null (lf_lock_file_query_holder_finish (LF_LOCK_FILE (object), result, error));
  g_assert_nonnull (*error);
}

/* A cancel just before a query starts in its thread is reported, even if a server does not
 * answer the query. */
static void
test_early_cancel (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gint64 end;

  assert_acquires (lock);
  set_open_fault ("/proc/locks", 0, 0, 0);
  set_stuck (TRUE);
  faults.cancellable = cancellable;
  lf_lock_file_query_holder_async (lock, G_PRIORITY_DEFAULT, cancellable, query_cb, &error);
  faults.cancellable = NULL;
  g_assert_true (g_cancellable_is_cancelled (cancellable));
  wait_until_stuck ();

  end = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;
  while (error == NULL && g_get_monotonic_time () < end)
    {
      g_main_context_iteration (NULL, FALSE);
      g_thread_yield ();
    }
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  set_stuck (FALSE);
  wait_for_no_lock_threads ();
  assert_releases (lock);
}

/* No asynchronous call touches files in the caller's thread: not to acquire, not to release
 * a grant that a cancel was too late for, and not to find out the holder. */
static void
test_no_file_in_caller (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) other = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Claim) granted = { 0 };
  g_auto (Claim) timed_out = { 0 };
  g_auto (Claim) cancelled = { 0 };
  g_auto (Claim) too_late = { 0 };

  set_open_fault (fixture->path, 0, 0, 0);
  faults.watched = g_thread_self ();
  faults.n_watched = 0;

  claim_start (&granted, lock, NULL);
  claim_wait (&granted);
  g_assert_no_error (granted.error);

  lf_lock_file_set_timeout (other, 0.01);
  claim_start (&timed_out, other, NULL);
  claim_wait (&timed_out);
  g_assert_error (timed_out.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);

  lf_lock_file_set_timeout (other, -1);
  claim_start (&cancelled, other, cancellable);
  wait_for_waiters (fixture->path, 1);
  g_cancellable_cancel (cancellable);
  claim_wait (&cancelled);
  g_assert_error (cancelled.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* Granted in its thread, and cancelled before the report */
  g_cancellable_reset (cancellable);
  claim_start (&too_late, other, cancellable);
  wait_for_waiters (fixture->path, 1);
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &error);
  wait_for_waiters (fixture->path, 0);
  g_cancellable_cancel (cancellable);
  claim_wait (&too_late);
  g_assert_error (too_late.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  while (lf_lock_file_is_held (lock))
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (error);

  g_assert_cmpuint (faults.n_watched, ==, 0);
  faults.watched = NULL;
  assert_free (fixture->path);
}

/* In a waiting thread, a cancel may take effect only in the one waiting call. In glibc, an
 * earlier cancel can also take effect later, unless the thread prevents that. */
static void
test_cancel_type (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_auto (Claim) claim = { 0 };

  assert_acquires (holder);
  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  g_assert_cmpint (g_atomic_int_get (&faults.n_waits_struck), ==, 1);
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_cmpint (g_atomic_int_get (&faults.n_waits_struck), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&faults.n_tries_struck), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define add_fault_test(path, data, function) \
  g_test_add (path, Fixture, data, fixture_set_up, function, tear_down)

  add_fault_test ("/faults/lock-errors", NULL, test_lock_errors);
  add_fault_test ("/faults/error-while-waiting", NULL, test_error_while_waiting);
  add_fault_test ("/faults/interrupted", NULL, test_interrupted);
  add_fault_test ("/faults/unlock-error", NULL, test_unlock_error);
  add_fault_test ("/faults/cancel-type", NULL, test_cancel_type);
  add_fault_test ("/faults/sticky-directory", NULL, test_sticky_directory);
  add_fault_test ("/faults/no-file-in-caller", NULL, test_no_file_in_caller);
  add_fault_test ("/faults/stuck/cancel", GINT_TO_POINTER (TRUE), test_stuck);
  add_fault_test ("/faults/early-cancel", NULL, test_early_cancel);
  add_fault_test ("/faults/stuck/deadline", GINT_TO_POINTER (FALSE), test_stuck);

  return g_test_run ();
}
