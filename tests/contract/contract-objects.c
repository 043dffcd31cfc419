/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The contract of a lock file object: whom it excludes within a process, and what it
 * reports and leaves behind when it is released, broken or dropped. */

#include <math.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "contract.h"

#define N_THREADS 4
#define N_THREAD_ROUNDS 250

static void
assert_release_fails (LfLockFile *lock,
                      int         code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, code);
  g_assert_false (lf_lock_file_is_held (lock));
}

static void
assert_breaks (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  gboolean broken = lf_lock_file_break_lock (lock, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (broken);
}

/* Two objects exclude each other in one thread. */
static void
test_objects (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);
  g_autofree char *pid = g_strdup_printf ("PID %d ", getpid ());

  g_assert_cmpint (lf_lock_file_get_backend (lock), ==, backend->backend);
  assert_not_locked (backend, fixture->path);
  g_assert_false (path_exists (fixture->path));

  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;

      assert_acquires (lock);
      g_assert_true (path_exists (fixture->path));
      assert_tries_in_vain (backend, fixture->path);
      g_assert_false (lf_lock_file_try_acquire (other, &error));
      /* The message names the holder only if the attempt has read it: an error does not
       * search */
      g_assert_true ((strstr (error->message, pid) != NULL) == backend->is_existence);
      g_assert_false (lf_lock_file_is_held (other));
      assert_locked (backend, fixture->path);
      assert_tries_in_vain (backend, fixture->path);

      assert_releases (lock);
      g_assert_true (path_exists (fixture->path) == !backend->is_existence);
      assert_not_locked (backend, fixture->path);
      assert_acquires (other);
      assert_tries_in_vain (backend, fixture->path);
      assert_releases (other);
    }
}

typedef struct
{
  const TestBackend *backend;
  const char *path;
  gboolean removes;
  guint first_way;
  int *n_inside; /* atomic */
  guint *number; /* not atomic, since the lock protects it */
} Counter;

/* Takes turns with all ways to acquire a lock. */
static void
acquire_somehow (LfLockFile *lock,
                 guint       way)
{
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  switch (way % 4)
    {
    case 0:
      lf_test_ignore (lf_lock_file_acquire (lock, NULL, &error));
      break;

    case 1:
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      error = g_steal_pointer (&claim.error);
      break;

    case 2:
      lf_test_ignore (lf_lock_file_acquire_with_timeout (lock, 120, NULL, &error));
      break;

    default:
      while (!lf_lock_file_try_acquire (lock, &error))
        {
          g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
          g_clear_error (&error);
          g_thread_yield ();
        }
    }

  g_assert_no_error (error);
}

static gpointer
count_in_thread (gpointer data)
{
  Counter *counter = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (LfLockFile) lock = lock_new (counter->backend, counter->path);

  lf_lock_file_set_remove_on_release (lock, counter->removes);
  g_main_context_push_thread_default (context);
  for (guint i = 0; i < N_THREAD_ROUNDS; i++)
    {
      acquire_somehow (lock, counter->first_way + i);

      g_assert_cmpint (g_atomic_int_add (counter->n_inside, 1), ==, 0);
      (*counter->number)++;
      /* Lets other threads run while the lock is held */
      if (i % 10 == 0)
        g_usleep (1);
      g_assert_cmpint (g_atomic_int_add (counter->n_inside, -1), ==, 1);
      assert_releases (lock);
    }
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
assert_threads_exclude (const TestBackend *backend,
                        const char        *path,
                        gboolean           removes)
{
  Counter counters[N_THREADS];
  GThread *threads[N_THREADS];
  int n_inside = 0;
  guint number = 0;

  for (guint i = 0; i < N_THREADS; i++)
    {
      counters[i] = (Counter) { backend, path, removes, i, &n_inside, &number };
      threads[i] = g_thread_new ("counter", count_in_thread, &counters[i]);
    }

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (number, ==, N_THREADS * N_THREAD_ROUNDS);
}

/* Threads with an object each exclude each other. */
static void
test_threads (Fixture       *fixture,
              gconstpointer  data)
{
  assert_threads_exclude (data, fixture->path, FALSE);
}

/* The same with a file that is removed at each release. */
static void
test_threads_removed (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;

  /* For these backends, test_threads() does the same */
  if (backend->is_existence)
    return;

  assert_threads_exclude (backend, fixture->path, TRUE);
  g_assert_false (path_exists (fixture->path));
}

/* The holder may acquire again, and that is not counted. */
static void
test_acquire_twice (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  assert_acquires (lock);
  g_assert_true (lf_lock_file_try_acquire (lock, &error));
  g_assert_no_error (error);
  assert_releases (lock);
  assert_tries (backend, fixture->path);
}

/* Releasing a lock that is not held reports whether somebody else holds it. */
static void
test_release_twice (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);

  assert_release_fails (lock, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_assert_false (path_exists (fixture->path));

  assert_acquires (lock);
  assert_releases (lock);
  assert_release_fails (lock, LF_UNLOCK_ERROR_NOT_LOCKED);

  assert_acquires (lock);
  assert_releases (lock);
  assert_acquires (other);
  assert_release_fails (lock, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  g_assert_true (lf_lock_file_is_held (other));
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (other);
}

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  (*(guint *) user_data)++;
}

/* Dropping the last reference releases the lock, and emits nothing. */
static void
test_unref_held (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  LfLockFile *lock = lock_new (backend, fixture->path);
  guint n_changes = 0;

  assert_acquires (lock);
  g_signal_connect (lock, "notify", G_CALLBACK (count_cb), &n_changes);
  g_object_unref (lock);
  g_assert_cmpuint (n_changes, ==, 0);
  g_assert_true (path_exists (fixture->path) == !backend->is_existence);
  assert_not_locked (backend, fixture->path);
  assert_tries (backend, fixture->path);
}

/* Breaking a free lock is not an error, and changes nothing. */
static void
test_break_free (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  GStatBuf before, after;

  assert_breaks (lock);
  g_assert_false (path_exists (fixture->path));

  assert_tries (backend, fixture->path);
  if (backend->is_existence)
    return;

  /* Since nobody holds it, the file is not removed */
  g_assert_no_errno (g_stat (fixture->path, &before));
  assert_breaks (lock);
  g_assert_no_errno (g_stat (fixture->path, &after));
  g_assert_cmpuint (before.st_ino, ==, after.st_ino);
}

/* The holder of a broken lock has lost it, and must not release the next holder's. */
static void
test_release_after_break (Fixture       *fixture,
                          gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);

  assert_acquires (lock);
  assert_breaks (breaker);
  g_assert_false (lf_lock_file_is_held (breaker));
  assert_not_locked (backend, fixture->path);
  assert_release_fails (lock, LF_UNLOCK_ERROR_NOT_LOCKED);
  assert_tries (backend, fixture->path);

  assert_acquires (lock);
  assert_breaks (breaker);
  assert_acquires (breaker);
  assert_release_fails (lock, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (breaker);

  /* The same if the object is dropped */
  assert_acquires (lock);
  assert_breaks (breaker);
  assert_acquires (breaker);
  g_clear_object (&lock);
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (breaker);
}

/* The holder may break its own lock too. */
static void
test_break_own (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);

  assert_acquires (lock);
  assert_breaks (lock);
  assert_not_locked (backend, fixture->path);
  assert_release_fails (lock, LF_UNLOCK_ERROR_NOT_LOCKED);
  assert_tries (backend, fixture->path);
}

/* Another program removes what is at the path. */
void
assert_lost_when_gone (const TestBackend *backend,
                       Fixture           *fixture,
                       gboolean           renames)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) successor = lock_new (backend, fixture->path);
  g_autofree char *elsewhere = g_build_filename (fixture->directory, "elsewhere", NULL);

  for (int i = 0; i < 4; i++)
    {
      gboolean succeeds = i % 2 == 1;

      lf_lock_file_set_remove_on_release (lock, i >= 2);
      assert_acquires (lock);
      if (renames)
        g_assert_no_errno (g_rename (fixture->path, elsewhere));
      else
        remove_recursively (fixture->path);

      if (succeeds)
        assert_acquires (successor);
      assert_release_fails (lock, succeeds ? LF_UNLOCK_ERROR_NOT_MY_LOCK
                                           : LF_UNLOCK_ERROR_NOT_LOCKED);
      if (succeeds)
        {
          assert_tries_in_vain (backend, fixture->path);
          assert_releases (successor);
        }
      remove_recursively (elsewhere);
    }
}

/* The holder notices that its file was renamed. */
static void
test_release_after_renaming (Fixture       *fixture,
                             gconstpointer  data)
{
  assert_lost_when_gone (data, fixture, TRUE);
}

/* The file exists while the lock is held, but not after a release or after the last
 * reference. */
static void
test_remove_on_release (Fixture       *fixture,
                        gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);

  g_assert_true (lf_lock_file_get_remove_on_release (lock) == backend->is_existence);
  lf_lock_file_set_remove_on_release (lock, FALSE);
  g_assert_true (lf_lock_file_get_remove_on_release (lock) == backend->is_existence);

  lf_lock_file_set_remove_on_release (lock, TRUE);
  g_assert_true (lf_lock_file_get_remove_on_release (lock));
  assert_acquires (lock);
  g_assert_true (path_exists (fixture->path));
  assert_releases (lock);
  g_assert_false (path_exists (fixture->path));

  assert_acquires (lock);
  g_clear_object (&lock);
  g_assert_false (path_exists (fixture->path));
}

/* Several objects hold a shared lock; an exclusive one waits for all of them, and they for
 * it. */
static void
test_shared (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) reader = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) second_reader = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) writer = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = NULL;
  g_autoptr (Peer) other_process = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };
  g_auto (Claim) read_claim = { 0 };

  lf_lock_file_set_mode (reader, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_mode (second_reader, LF_LOCK_MODE_SHARED);

  if (!backend->has_shared)
    {
      g_assert_false (lf_lock_file_acquire (reader, NULL, &error));
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      claim_start (&claim, reader, NULL);
      claim_wait (&claim);
      g_assert_error (claim.error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_false (path_exists (fixture->path));
      return;
    }

  other_process = backend_peer_start (backend, fixture->path);
  peer = backend_peer_start (backend, fixture->path);
  peer_send (peer, "shared");
  peer_expect (peer, "ok");
  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  assert_acquires (reader);
  assert_acquires (second_reader);
  assert_locked (backend, fixture->path);
  assert_tries_in_vain (backend, fixture->path);

  claim_start (&claim, writer, NULL);
  wait_until_others_sleep ();
  assert_releases (reader);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  assert_tries_in_vain (backend, fixture->path);
  /* The first reader that releases does not release the second reader's lock */
  peer_send (other_process, "try");
  peer_expect (other_process, "error lf-lock-error-quark 1"); /* ALREADY_LOCKED */
  g_assert_false (claim.done);
  assert_releases (second_reader);
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  g_assert_false (lf_lock_file_try_acquire (reader, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  claim_start (&read_claim, reader, NULL);
  wait_until_others_sleep ();
  g_assert_false (read_claim.done);
  assert_releases (writer);
  claim_wait (&read_claim);
  g_assert_no_error (read_claim.error);
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (reader);
}

/* get_fd() returns a descriptor while the lock is held, if the backend has one. */
static void
test_descriptor (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);

  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);
  assert_acquires (lock);
  if (backend->has_descriptor)
    g_assert_cmpint (lf_lock_file_get_fd (lock), >=, 0);
  else
    g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);
  assert_releases (lock);
  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);
}

static void
query_cb (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  *(LfLockHolder **) user_data =
    lf_lock_file_query_holder_finish (LF_LOCK_FILE (object), result, &error);
  g_assert_no_error (error);
}

/* Any object finds the holder, in this process or in another one, with both calls. */
static void
assert_holder (const TestBackend *backend,
               const char        *path,
               int                pid,
               const char        *application)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (LfLockHolder) async_holder = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree char *expected = g_strdup_printf ("PID %d (%s)", pid, application);

  holder = lf_lock_file_query_holder (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, pid);
  g_assert_cmpstr (lf_lock_holder_get_host (holder), ==, g_get_host_name ());
  g_assert_cmpstr (lf_lock_holder_get_application (holder), ==, application);
  text = lf_lock_holder_to_string (holder);
  g_assert_cmpstr (text, ==, expected);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);

  lf_lock_file_query_holder_async (lock, G_PRIORITY_DEFAULT, NULL, query_cb, &async_holder);
  while (async_holder == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (lf_lock_holder_get_pid (async_holder), ==, pid);
}

/* There is a holder, but nothing is known about it. */
static void
assert_unknown_holder (const TestBackend *backend,
                       const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (lock, NULL, NULL);

  g_assert_nonnull (holder);
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, 0);
  g_assert_null (lf_lock_holder_get_application (holder));
}

static void
test_holder (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = NULL;
  g_autofree char *application = get_own_application ();

  assert_not_locked (backend, fixture->path);
  assert_acquires (lock);
  assert_holder (backend, fixture->path, getpid (), application);
  assert_releases (lock);
  assert_not_locked (backend, fixture->path);

  peer = backend_peer_start_holder (backend, fixture->path);
  if (backend->names_others)
    assert_holder (backend, fixture->path, peer_get_pid (peer), "lf-test-peer");
  else
    assert_unknown_holder (backend, fixture->path);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  assert_not_locked (backend, fixture->path);
}

static gpointer
is_held_by_thread (gpointer data)
{
  return GINT_TO_POINTER (lf_lock_file_is_held_by_thread (data));
}

/* Held through any object, but only by this thread. */
static void
test_held_by_thread (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);

  g_assert_false (lf_lock_file_is_held_by_thread (lock));
  assert_acquires (lock);
  g_assert_true (lf_lock_file_is_held_by_thread (lock));
  g_assert_true (lf_lock_file_is_held_by_thread (other));
  g_assert_null (g_thread_join (g_thread_new ("other", is_held_by_thread, other)));
  assert_releases (lock);
  g_assert_false (lf_lock_file_is_held_by_thread (lock));
  g_assert_false (lf_lock_file_is_held_by_thread (other));
}

static gpointer
is_acquired_by_thread (gpointer data)
{
  return GINT_TO_POINTER (lf_lock_file_is_acquired_by_thread (data));
}

/* Held through this object and no other, and only by this thread. */
static void
test_acquired_by_thread (Fixture       *fixture,
                         gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);

  g_assert_false (lf_lock_file_is_acquired_by_thread (lock));
  assert_acquires (lock);
  g_assert_true (lf_lock_file_is_acquired_by_thread (lock));
  g_assert_false (lf_lock_file_is_acquired_by_thread (other));
  g_assert_null (g_thread_join (g_thread_new ("other", is_acquired_by_thread, lock)));
  assert_releases (lock);
  g_assert_false (lf_lock_file_is_acquired_by_thread (lock));
}

static gpointer
acquire_in_thread (gpointer data)
{
  assert_acquires (data);

  return NULL;
}

/* Two objects and two threads share the lock. */
static void
test_acquired_by_thread_shared (Fixture       *fixture,
                                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);

  if (!backend->has_shared)
    return;

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_mode (other, LF_LOCK_MODE_SHARED);
  g_thread_join (g_thread_new ("other", acquire_in_thread, lock));
  assert_acquires (other);
  g_assert_true (lf_lock_file_is_held (lock));
  g_assert_true (lf_lock_file_is_held_by_thread (lock));
  g_assert_false (lf_lock_file_is_acquired_by_thread (lock));
  g_assert_true (lf_lock_file_is_acquired_by_thread (other));
  assert_releases (other);
  assert_releases (lock);
}

/* Only a thread that would wait for itself gets this error: not another thread, and not one
 * whose wait can be stopped. */
static void
test_would_deadlock (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  assert_acquires (lock);
  g_assert_false (lf_lock_file_acquire (other, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_acquire_with_timeout (other, 0.01, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);

  thread = g_thread_new ("waiter", acquire_in_thread, other);
  wait_until_others_sleep ();
  assert_releases (lock);
  g_thread_join (thread);
  assert_tries_in_vain (backend, fixture->path);

  /* The thread that holds the lock now has ended, so no thread waits for itself */
  thread = g_thread_new ("waiter", acquire_in_thread, lock);
  wait_until_others_sleep ();
  assert_releases (other);
  g_thread_join (thread);
  assert_releases (lock);
}

/* A timeout that is not a number is refused, in whatever way it is set. */
static void
test_arguments (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  g_assert_false (lf_lock_file_acquire_with_timeout (lock, NAN, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_object_set (lock, "timeout", NAN, NULL);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_false (path_exists (fixture->path));
}

const BackendCase contract_object_cases[] = {
  { "objects", test_objects },
  { "threads", test_threads },
  { "threads-removed", test_threads_removed },
  { "acquire-twice", test_acquire_twice },
  { "release-twice", test_release_twice },
  { "unref-held", test_unref_held },
  { "break-free", test_break_free },
  { "break-own", test_break_own },
  { "release-after-break", test_release_after_break },
  { "release-after-renaming", test_release_after_renaming },
  { "remove-on-release", test_remove_on_release },
  { "shared", test_shared },
  { "descriptor", test_descriptor },
  { "holder", test_holder },
  { "held-by-thread", test_held_by_thread },
  { "acquired-by-thread", test_acquired_by_thread },
  { "acquired-by-thread-shared", test_acquired_by_thread_shared },
  { "would-deadlock", test_would_deadlock },
  { "arguments", test_arguments },
  { NULL, NULL },
};
