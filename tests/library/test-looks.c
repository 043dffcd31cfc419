/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wait for a lock without a queue in the kernel: looks and nudges. The
 * program's own inotify_init1() counts the instances, and fails if it is told
 * to, as it does where a user has too many of them. */

#include <dlfcn.h>
#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lf-test-util.h"

static int n_instances;       /* atomic */
static gboolean no_instances; /* atomic */

G_MODULE_EXPORT int
inotify_init1 (int flags)
{
  int (*real_init) (int) = (int (*) (int)) dlsym (RTLD_NEXT, "inotify_init1");

  if (g_atomic_int_get (&no_instances))
    {
      errno = EMFILE;
      return -1;
    }

  g_atomic_int_inc (&n_instances);
  return real_init (flags);
}

static LfLockFile *
new_lock (const char *path)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", LF_BACKEND_HARD_LINK, NULL);
}

/* Without nudges, looks that are put off twice as long each time soon come too
 * late: 200 hand-overs would take most of an hour. */
static void
test_nudges (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  const char *argv[] = { g_getenv ("LF_TEST_PEER"), fixture->path, "hard-link", NULL };
  g_autoptr (Peer) peer = peer_start_argv (argv);

  lf_lock_file_set_poll_interval (lock, 3600);
  for (int i = 0; i < 200; i++)
    {
      g_auto (Claim) claim = { 0 };

      peer_send (peer, "acquire");
      peer_expect (peer, "held");
      claim_start (&claim, lock, NULL);
      if (i % 20 == 0)
        {
          /* Time to be put off */
          gint64 start = g_get_monotonic_time ();

          while (g_get_monotonic_time () - start < 50000)
            g_main_context_iteration (NULL, FALSE);
        }
      peer_send (peer, "release");
      peer_expect (peer, "released");
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      assert_releases (lock);
    }
}

/* Where there is no watch, the looks alone carry the wait. */
static void
test_no_watch (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  const char *argv[] = { g_getenv ("LF_TEST_PEER"), fixture->path, "hard-link", NULL };
  g_autoptr (Peer) peer = peer_start_argv (argv);
  g_auto (Claim) claim = { 0 };

  g_atomic_int_set (&no_instances, TRUE);
  lf_lock_file_set_poll_interval (lock, 0.01);
  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  claim_start (&claim, lock, NULL);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_atomic_int_set (&no_instances, FALSE);
}

#define N_WAITS 50

/* One watch for the process, however many waits there are, in however many
 * directories; and none after the last. */
static void
test_one_watch (Fixture       *fixture,
                gconstpointer  data)
{
  LfLockFile *holders[N_WAITS];
  LfLockFile *locks[N_WAITS];
  Claim claims[N_WAITS] = { 0 };
  g_autoptr (LfLockFile) first = new_lock (fixture->path);
  g_auto (Claim) claim = { 0 };
  guint n_descriptors;
  int n_before;

  /* GLib makes its own descriptors once */
  claim_start (&claim, first, NULL);
  claim_wait (&claim);
  wait_for_no_lock_threads ();
  n_descriptors = count_descriptors ();
  n_before = g_atomic_int_get (&n_instances);

  for (guint i = 0; i < N_WAITS; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%u/test.lock", fixture->directory, i % 5);

      holders[i] = new_lock (path);
      lf_lock_file_set_create_parents (holders[i], TRUE);
      locks[i] = new_lock (path);
      if (i < 5)
        assert_acquires (holders[i]);
      claim_start (&claims[i], locks[i], NULL);
    }

  /* All of them and the watch */
  wait_for_sleeping_lock_threads (N_WAITS + 1);
  for (guint i = 0; i < 5; i++)
    assert_releases (holders[i]);

  /* They were started at once, so they may come in any order */
  for (guint n_left = N_WAITS; n_left > 0;)
    {
      g_main_context_iteration (NULL, TRUE);
      for (guint i = 0; i < N_WAITS; i++)
        {
          if (claims[i].granted && lf_lock_file_is_held (locks[i]))
            {
              assert_releases (locks[i]);
              n_left--;
            }
          g_assert_no_error (claims[i].error);
        }
    }

  for (guint i = 0; i < N_WAITS; i++)
    {
      g_object_unref (locks[i]);
      g_object_unref (holders[i]);
    }

  wait_for_no_lock_threads ();
  g_assert_cmpint (g_atomic_int_get (&n_instances) - n_before, <=, 1);
  g_assert_cmpuint (count_descriptors (), ==, n_descriptors);
}

/* In one process those who want one lock are served in the order in which they
 * came, whatever object they have. */
static void
test_order (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  LfLockFile *locks[N_WAITS];
  Claim claims[N_WAITS] = { 0 };
  guint n_done = 0;

  wait_for_no_lock_threads ();
  assert_acquires (holder);
  for (guint i = 0; i < N_WAITS; i++)
    {
      claims[i].counter = &n_done;
      locks[i] = new_lock (fixture->path);
      claim_start (&claims[i], locks[i], NULL);
      /* It has its place when its thread sleeps, beside that of the watch */
      wait_for_sleeping_lock_threads (i + 2);
    }

  assert_releases (holder);
  for (guint i = 0; i < N_WAITS; i++)
    {
      claim_wait (&claims[i]);
      g_assert_no_error (claims[i].error);
      g_assert_cmpuint (claims[i].sequence, ==, i);
      assert_releases (locks[i]);
      g_object_unref (locks[i]);
    }
}

/* Who gives up in the middle of the queue takes nothing with it, and leaves no
 * watch behind. */
static void
test_leave_middle (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  g_autoptr (LfLockFile) first = new_lock (fixture->path);
  g_autoptr (LfLockFile) middle = new_lock (fixture->path);
  g_autoptr (LfLockFile) last = new_lock (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Claim) first_claim = { 0 };
  g_auto (Claim) middle_claim = { 0 };
  g_auto (Claim) last_claim = { 0 };

  wait_for_no_lock_threads ();
  assert_acquires (holder);
  lf_lock_file_set_poll_interval (first, 3600);
  lf_lock_file_set_poll_interval (last, 3600);
  claim_start (&first_claim, first, NULL);
  wait_for_sleeping_lock_threads (2);
  claim_start (&middle_claim, middle, cancellable);
  wait_for_sleeping_lock_threads (3);
  claim_start (&last_claim, last, NULL);
  wait_for_sleeping_lock_threads (4);

  g_cancellable_cancel (cancellable);
  claim_wait (&middle_claim);
  g_assert_error (middle_claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_releases (holder);
  claim_wait (&first_claim);
  g_assert_no_error (first_claim.error);
  g_assert_false (last_claim.done);
  assert_releases (first);
  claim_wait (&last_claim);
  g_assert_no_error (last_claim.error);
  wait_for_no_lock_threads ();
}

/* After a fork the child has neither the watch nor the queue of its parent. */
static void
child_waits (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
}

/* The child of a process that waits can wait too, with a watch of its own. */
static void
test_fork (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_auto (Claim) claim = { 0 };

  wait_for_no_lock_threads ();
  assert_acquires (holder);
  claim_start (&claim, lock, NULL);
  wait_for_sleeping_lock_threads (2);
  run_in_child (child_waits, fixture);
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/looks/nudges", test_nudges);
  add_test ("/looks/no-watch", test_no_watch);
  add_test ("/looks/one-watch", test_one_watch);
  add_test ("/looks/order", test_order);
  add_test ("/looks/leave-middle", test_leave_middle);
  add_test ("/looks/fork", test_fork);

  return g_test_run ();
}
