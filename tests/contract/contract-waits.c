/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The contract for waits: their time, their cancel, their order within a process, and what
 * they leave behind. */

#include <math.h>
#include <string.h>

#include "contract.h"

#define N_CYCLES 300
#define N_ORDERED 20
#define N_CROWD 100
#define N_CROWD_CANCELLED ((N_CROWD + 2) / 3)
#define N_HAND_OVERS 30

/* A wait is never shorter than requested, and its error names the holder. */
static void
assert_times_out (const TestBackend *backend,
                  const char        *path,
                  double             timeout,
                  const char        *holder)
{
  int code = timeout > 0 ? LF_LOCK_ERROR_TIMED_OUT : LF_LOCK_ERROR_ALREADY_LOCKED;
  g_autoptr (LfLockFile) lock = lock_new (backend, path);

  lf_lock_file_set_timeout (lock, timeout);
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };
      gint64 start = g_get_monotonic_time ();

      if (i == 0)
        lf_test_ignore (lf_lock_file_acquire (lock, NULL, &error));
      else if (i == 1)
        {
          g_autoptr (GCancellable) cancellable = g_cancellable_new ();

          lf_test_ignore (lf_lock_file_acquire_with_timeout (lock, timeout, cancellable, &error));
        }
      else
        {
          claim_start (&claim, lock, NULL);
          claim_wait (&claim);
          error = g_steal_pointer (&claim.error);
        }

      g_assert_cmpint (g_get_monotonic_time () - start, >=, (gint64) (timeout * G_USEC_PER_SEC));
      g_assert_error (error, LF_LOCK_ERROR, code);
      if (holder != NULL)
        g_assert_nonnull (strstr (error->message, holder));
      g_assert_nonnull (strstr (error->message, path));
      g_assert_false (lf_lock_file_is_held (lock));
    }
}

/* For a held lock, every call fails and names the holder. */
static void
test_timeout (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  const double timeouts[] = { 0, 0.001, 0.05, 0.3 };
  g_autoptr (Peer) peer = backend_peer_start_holder (backend, fixture->path);
  g_autofree char *named = g_strdup_printf ("held by PID %d (lf-test-peer)", peer_get_pid (peer));
  /* For a kernel lock, searching for the holder would take longer than the attempt */
  const char *holder = backend->is_existence ? named : NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (timeouts); i++)
    assert_times_out (backend, fixture->path, timeouts[i], holder);

  peer_send (peer, "release");
  peer_expect (peer, "released");
  assert_tries (backend, fixture->path);
}

/* Any timeout suffices for a free lock. */
static void
test_timeout_free (Fixture       *fixture,
                   gconstpointer  data)
{
  const TestBackend *backend = data;
  const double timeouts[] = { 0, 1e-9, 1, 1e300, INFINITY, -1, -INFINITY };

  for (gsize i = 0; i < G_N_ELEMENTS (timeouts); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };

      g_assert_true (lf_lock_file_acquire_with_timeout (lock, timeouts[i], NULL, &error));
      g_assert_no_error (error);
      assert_releases (lock);

      lf_lock_file_set_timeout (lock, timeouts[i]);
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      assert_releases (lock);
    }
}

static gpointer
acquire_with_timeout_in_thread (gpointer data)
{
  g_autoptr (GError) error = NULL;

  lf_test_ignore (lf_lock_file_acquire_with_timeout (data, 60, NULL, &error));
  g_assert_no_error (error);

  return NULL;
}

/* A lock that becomes free in time is acquired. */
static void
test_timeout_in_time (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_auto (Claim) claim = { 0 };
  GThread *thread;

  assert_acquires (holder);
  lf_lock_file_set_timeout (lock, 60);
  claim_start (&claim, lock, NULL);
  wait_until_others_sleep ();
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  thread = g_thread_new ("waiter", acquire_with_timeout_in_thread, holder);
  wait_until_others_sleep ();
  assert_releases (lock);
  g_thread_join (thread);
  assert_releases (holder);
}

/* A release in another process wakes a waiter, which would otherwise poll only every hour. */
static void
test_woken (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);

  if (backend->is_woken)
    lf_lock_file_set_poll_interval (lock, 3600);

  for (int i = 0; i < N_HAND_OVERS; i++)
    {
      g_auto (Claim) claim = { 0 };

      peer_send (peer, "acquire");
      peer_expect (peer, "held");
      claim_start (&claim, lock, NULL);
      if (i % 2 == 0)
        wait_until_others_sleep ();
      peer_send (peer, "release");
      peer_expect (peer, "released");
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      assert_releases (lock);
    }
}

/* A cancellable that is already cancelled: nothing is acquired, and no file is made. */
static void
test_cancelled_before (Fixture       *fixture,
                       gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  g_cancellable_cancel (cancellable);
  g_assert_false (lf_lock_file_acquire (lock, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  claim_start (&claim, lock, cancellable);
  claim_wait (&claim);
  g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (path_exists (fixture->path));
}

static gpointer
cancel_when_asleep (gpointer data)
{
  wait_until_others_sleep ();
  g_cancellable_cancel (data);

  return NULL;
}

/* A cancelled wait leaves the holder's lock alone, and gives up its place in the queue. */
static void
test_cancelled (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) behind = lock_new (backend, fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GCancellable) sync_cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };
  g_auto (Claim) claim_behind = { 0 };
  GThread *thread;

  assert_acquires (holder);
  claim_start (&claim, lock, cancellable);
  wait_until_others_sleep ();
  claim_start (&claim_behind, behind, NULL);
  wait_until_others_sleep ();
  g_cancellable_cancel (cancellable);
  claim_wait (&claim);
  g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (lf_lock_file_is_held (holder));
  assert_tries_in_vain (backend, fixture->path);
  g_assert_false (claim_behind.done);

  thread = g_thread_new ("cancel", cancel_when_asleep, sync_cancellable);
  g_assert_false (lf_lock_file_acquire (lock, sync_cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);

  assert_releases (holder);
  claim_wait (&claim_behind);
  g_assert_no_error (claim_behind.error);
  assert_releases (behind);
}

/* One of several claims, synchronous in a thread of its own or asynchronous in the main
 * thread. */
typedef struct
{
  LfLockFile *lock;
  GThread *thread; /* NULL if it is asynchronous */
  GPtrArray *served;
} Turn;

/* Called while holding the lock, so not concurrently. */
static void
turn_served (Turn *turn)
{
  g_ptr_array_add (turn->served, turn);
  assert_releases (turn->lock);
}

static gpointer
turn_in_thread (gpointer data)
{
  Turn *turn = data;

  assert_acquires (turn->lock);
  turn_served (turn);

  return NULL;
}

static void
turn_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  lf_test_ignore (lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error));
  g_assert_no_error (error);
  turn_served (user_data);
}

/* On Windows a test sees only whether the process uses processor time, and on a busy machine a
 * thread that has got none for 25 ms may not have begun. */
static void
wait_until_queued (void)
{
#ifdef G_OS_WIN32
  for (int i = 0; i < 10; i++)
    wait_until_others_sleep ();
#else
  wait_until_others_sleep ();
#endif
}

/* Within a process, claims for one path are served in order of arrival: synchronous and
 * asynchronous ones, from threads and from the main loop. */
static void
test_order (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) last = lock_new (backend, fixture->path);
  g_autoptr (GPtrArray) served = g_ptr_array_new ();
  Turn turns[N_ORDERED];
  g_auto (Claim) claim = { 0 };

  assert_acquires (holder);
  for (gsize i = 0; i < N_ORDERED; i++)
    {
      turns[i] = (Turn) { lock_new (backend, fixture->path), NULL, served };
      if (i % 3 == 1)
        turns[i].thread = g_thread_new ("waiter", turn_in_thread, &turns[i]);
      else
        lf_lock_file_acquire_async (turns[i].lock, G_PRIORITY_DEFAULT, NULL, turn_cb, &turns[i]);
      wait_until_queued ();
    }

  claim_start (&claim, last, NULL);
  wait_until_others_sleep ();
  g_assert_cmpuint (served->len, ==, 0);
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (last);

  g_assert_cmpuint (served->len, ==, N_ORDERED);
  for (gsize i = 0; i < N_ORDERED; i++)
    {
      g_assert_true (served->pdata[i] == &turns[i]);
      if (turns[i].thread != NULL)
        g_thread_join (turns[i].thread);
      g_object_unref (turns[i].lock);
    }
}

typedef struct
{
  gboolean one_object;
  guint n_inside;
  guint n_done;
  guint n_cancelled;
  LfLockFile *last;
} Crowd;

typedef struct
{
  Crowd *crowd;
  GCancellable *cancellable;
  guint number;
} CrowdMember;

static gboolean
leave_cb (gpointer user_data)
{
  CrowdMember *member = user_data;
  LfLockFile *lock = g_steal_pointer (&member->crowd->last);

  member->crowd->n_inside--;
  assert_releases (lock);
  g_object_unref (lock);

  return G_SOURCE_REMOVE;
}

static void
crowd_cb (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  CrowdMember *member = user_data;
  Crowd *crowd = member->crowd;
  g_autoptr (GError) error = NULL;

  lf_test_ignore (lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error));
  crowd->n_done++;
  if (error != NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_true (g_cancellable_is_cancelled (member->cancellable));
      crowd->n_cancelled++;
      return;
    }

  g_assert_cmpuint (crowd->n_inside++, ==, 0);
  g_assert_null (crowd->last);
  crowd->last = g_object_ref (LF_LOCK_FILE (object));
  g_idle_add (leave_cb, member);
}

/* 100 claims wait at once, in a main loop that is busy with other things, and every third
 * one is cancelled. Each is reported once, and only one at a time holds the lock. The
 * holder is in another process, then in this one. */
static void
test_async_crowd (Fixture       *fixture,
                  gconstpointer  data)
{
  const TestBackend *backend = data;

  for (int one_object = FALSE; one_object <= TRUE; one_object++)
    {
      g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
      g_autoptr (LfLockFile) shared = lock_new (backend, fixture->path);
      g_autoptr (Peer) peer = NULL;
      Crowd crowd = { .n_done = 0 };
      CrowdMember members[N_CROWD];

      if (one_object)
        assert_acquires (holder);
      else
        peer = backend_peer_start_holder (backend, fixture->path);
      for (guint i = 0; i < N_CROWD; i++)
        {
          g_autoptr (LfLockFile) lock = one_object ? g_object_ref (shared)
                                                   : lock_new (backend, fixture->path);

          members[i] = (CrowdMember) { &crowd, g_cancellable_new (), i };
          lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, members[i].cancellable,
                                      crowd_cb, &members[i]);
        }

      wait_until_others_sleep ();
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_assert_cmpuint (crowd.n_done, ==, 0);
      for (guint i = 0; i < N_CROWD; i += 3)
        g_cancellable_cancel (members[i].cancellable);
      while (crowd.n_cancelled < N_CROWD_CANCELLED)
        g_main_context_iteration (NULL, TRUE);

      if (one_object)
        assert_releases (holder);
      else
        {
          peer_send (peer, "release");
          peer_expect (peer, "released");
        }
      while (crowd.n_done < N_CROWD || crowd.n_inside > 0)
        g_main_context_iteration (NULL, TRUE);
      g_assert_cmpuint (crowd.n_cancelled, ==, N_CROWD_CANCELLED);

      for (guint i = 0; i < N_CROWD; i++)
        g_object_unref (members[i].cancellable);
      assert_tries (backend, fixture->path);
    }
}

/* An object cannot wait for two things at a time in a synchronous call. */
static void
test_pending (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  assert_acquires (holder);
  claim_start (&claim, lock, NULL);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);

  /* A waiter is not a holder */
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);

  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
}

static void
cycle (const TestBackend *backend,
       const char        *path,
       guint              i)
{
  g_autoptr (LfLockFile) holder = lock_new (backend, path);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_remove_on_release (lock, i % 2 == 0);
  assert_acquires (holder);

  switch (i % 6)
    {
    case 0: /* granted after a wait, and dropped with the object */
      claim_start (&claim, lock, cancellable);
      assert_releases (holder);
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      break;

    case 1: /* cancelled */
      claim_start (&claim, lock, cancellable);
      g_cancellable_cancel (cancellable);
      claim_wait (&claim);
      g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      break;

    case 2: /* timed out */
      g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.0005, cancellable, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      break;

    case 3: /* timed out, asynchronously */
      lf_lock_file_set_timeout (lock, 0.0005);
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      break;

    case 4: /* tried once */
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
      break;

    default: /* broken */
      g_assert_true (lf_lock_file_break_lock (lock, NULL, &error));
      g_assert_no_error (error);
      assert_acquires (lock);
    }
}

/* However acquisitions end, they leave no descriptor, thread or file behind. Valgrind runs
 * this too, and checks the memory. */
static void
test_no_leaks (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  guint n_descriptors;

  /* GLib makes threads and descriptors of its own once */
  for (guint i = 0; i < 12; i++)
    cycle (backend, fixture->path, i);
  assert_no_litter (backend, fixture);
  n_descriptors = count_descriptors ();

  for (guint i = 0; i < N_CYCLES; i++)
    cycle (backend, fixture->path, i);
  assert_no_litter (backend, fixture);

  /* A watch may end shortly after the last wait */
  while (count_descriptors () > n_descriptors)
    g_usleep (500);
}

const BackendCase contract_wait_cases[] = {
  { "timeout-held", test_timeout },
  { "timeout-free", test_timeout_free },
  { "timeout-in-time", test_timeout_in_time },
  { "woken", test_woken },
  { "cancel-before", test_cancelled_before },
  { "cancel-waiting", test_cancelled },
  { "order", test_order },
  { "async-crowd", test_async_crowd },
  { "pending", test_pending },
  { "no-leaks", test_no_leaks },
  { NULL, NULL },
};
