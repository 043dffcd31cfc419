/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exclusion, order and hand-over between processes. */

#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

#define N_COUNTERS 8
#define N_ROUNDS 2000

/* 8 processes add one to a number 2,000 times each, half of them with acquire()
 * and half with acquire_async(). */
static void
test_counter (Fixture       *fixture,
              gconstpointer  data)
{
  gboolean removes = GPOINTER_TO_INT (data);
  g_autofree char *counter = g_build_filename (fixture->directory, "counter", NULL);
  g_autofree char *number = NULL;
  Peer *peers[N_COUNTERS];

  for (int i = 0; i < N_COUNTERS; i++)
    {
      g_autofree char *command = g_strdup_printf ("count-%s %s %d", i % 2 == 0 ? "sync" : "async",
                                                  counter, N_ROUNDS);

      peers[i] = peer_start (fixture->path);
      if (removes)
        {
          peer_send (peers[i], "remove");
          peer_expect (peers[i], "ok");
        }
      peer_send (peers[i], command);
    }

  for (int i = 0; i < N_COUNTERS; i++)
    {
      peer_expect (peers[i], "counted");
      peer_free (peers[i]);
    }

  g_assert_true (g_file_get_contents (counter, &number, NULL, NULL));
  g_assert_cmpint (atoi (number), ==, N_COUNTERS * N_ROUNDS);
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS) == !removes);
}

#define N_WAITERS 20

/* 20 processes queue one after another, each surely behind the one before, by
 * acquire() and acquire_async() in turn. */
static void
test_order (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autofree char *log = g_build_filename (fixture->directory, "log", NULL);
  g_autofree char *order = NULL;
  g_autoptr (GString) expected = g_string_new (NULL);
  Peer *peers[N_WAITERS];

  assert_acquires (lock);
  for (guint i = 0; i < N_WAITERS; i++)
    {
      g_autofree char *command = g_strdup_printf ("shift-%s %s %u", i % 2 == 0 ? "sync" : "async",
                                                  log, i);

      peers[i] = peer_start (fixture->path);
      peer_send (peers[i], command);
      /* The list may show one twice while others come and go */
      wait_for_sleeper (peer_get_pid (peers[i]), SYS_flock);
      wait_for_waiters (fixture->path, i + 1);
      g_string_append_printf (expected, "%u\n", i);
    }

  assert_releases (lock);
  for (guint i = 0; i < N_WAITERS; i++)
    {
      peer_expect (peers[i], "done");
      peer_free (peers[i]);
    }

  g_assert_true (g_file_get_contents (log, &order, NULL, NULL));
  g_assert_cmpstr (order, ==, expected->str);
}

static void
test_holder_killed (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) holder = peer_start_holder (fixture->path);
  g_autoptr (Peer) sync_waiter = peer_start (fixture->path);
  g_auto (Claim) claim = { 0 };

  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  peer_send (sync_waiter, "acquire");
  wait_for_waiters (fixture->path, 2);

  peer_kill (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_true (lf_lock_file_is_held (lock));

  assert_releases (lock);
  peer_expect (sync_waiter, "held");
}

static void
assert_locked_file_is_at_path (LfLockFile *lock,
                               const char *path)
{
  struct stat file_stat, path_stat;

  g_assert_no_errno (fstat (lf_lock_file_get_fd (lock), &file_stat));
  g_assert_no_errno (stat (path, &path_stat));
  g_assert_cmpuint (file_stat.st_dev, ==, path_stat.st_dev);
  g_assert_cmpuint (file_stat.st_ino, ==, path_stat.st_ino);
}

static void
take_away (Fixture    *fixture,
           const char *how)
{
  g_autofree char *elsewhere = g_build_filename (fixture->directory, "elsewhere", NULL);

  if (g_str_equal (how, "renamed"))
    g_assert_no_errno (g_rename (fixture->path, elsewhere));
  else
    g_assert_no_errno (g_unlink (fixture->path));
}

/* The waiter finds no file at the path, and makes a new one. */
static void
test_file_gone (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) holder = peer_start_holder (fixture->path);
  g_autofree char *answer = NULL;
  g_auto (Claim) claim = { 0 };

  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  take_away (fixture, data);

  /* To the holder its lock is lost: which of the two errors it is depends on
   * whether the waiter has the new file by then */
  peer_send (holder, "release");
  answer = peer_read_line (holder);
  g_assert_true (g_str_has_prefix (answer, "error lf-unlock-error-quark "));

  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_locked_file_is_at_path (lock, fixture->path);
}

static void
wait_until_old (const char *path)
{
  struct stat path_stat;

  g_assert_no_errno (stat (path, &path_stat));
  while (g_get_real_time () / G_USEC_PER_SEC - path_stat.st_ctim.tv_sec < 4)
    g_usleep (10000);
}

/* Of a file that has not changed for some seconds a release asks no more than
 * whether it has changed by now. */
static void
test_old_file (Fixture       *fixture,
               gconstpointer  data)
{
  static const char *const fates[] = { "none", "written", "renamed", "removed", "linked", "replaced" };
  g_autofree char *other = g_build_filename (fixture->directory, "other", NULL);
  g_auto (GStrv) paths = g_new0 (char *, G_N_ELEMENTS (fates) + 1);

  g_assert_true (g_file_set_contents (other, "", 0, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (fates); i++)
    {
      paths[i] = g_build_filename (fixture->directory, fates[i], NULL);
      g_assert_true (g_file_set_contents (paths[i], "", 0, NULL));
    }
  wait_until_old (paths[G_N_ELEMENTS (fates) - 1]);

  for (guint i = 0; i < G_N_ELEMENTS (fates); i++)
    {
      g_autoptr (LfLockFile) lock = lf_lock_file_new (paths[i]);
      g_autofree char *elsewhere = g_strconcat (paths[i], "-elsewhere", NULL);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", fates[i]);
      assert_acquires (lock);

      if (g_str_equal (fates[i], "written"))
        write_file (paths[i], "data");
      else if (g_str_equal (fates[i], "renamed"))
        g_assert_no_errno (g_rename (paths[i], elsewhere));
      else if (g_str_equal (fates[i], "replaced"))
        g_assert_no_errno (g_rename (other, paths[i]));
      else if (g_str_equal (fates[i], "linked"))
        g_assert_no_errno (link (paths[i], elsewhere));

      if (g_str_equal (fates[i], "removed") || g_str_equal (fates[i], "linked"))
        g_assert_no_errno (g_unlink (paths[i]));

      if (i < 2)
        assert_releases (lock);
      else
        {
          g_assert_false (lf_lock_file_release (lock, &error));
          g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
        }
    }
}

/* The waiter finds a new file at the path that somebody has locked, and queues
 * there. */
static void
test_file_replaced (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) holder = peer_start_holder (fixture->path);
  g_autoptr (Peer) successor = NULL;
  g_auto (Claim) claim = { 0 };

  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  take_away (fixture, data);
  successor = peer_start_holder (fixture->path);

  peer_send (holder, "release");
  peer_expect (holder, "error lf-unlock-error-quark 2"); /* NOT_MY_LOCK */
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);

  peer_send (successor, "release");
  peer_expect (successor, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_locked_file_is_at_path (lock, fixture->path);
}

/* Several have a shared lock; an exclusive one waits for all of them, and they
 * for it. */
static void
test_shared (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) reader = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) writer = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = peer_start (fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_mode (reader, LF_LOCK_MODE_SHARED);
  peer_send (peer, "shared");
  peer_expect (peer, "ok");
  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  assert_acquires (reader);

  claim_start (&claim, writer, NULL);
  wait_for_waiters (fixture->path, 1);
  assert_releases (reader);
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  g_assert_false (lf_lock_file_try_acquire (reader, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

/* Somebody who shares the lock must not remove the file from under the others. */
static void
test_shared_keeps_file (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) reader = lf_lock_file_new (fixture->path);

  lf_lock_file_set_mode (reader, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_remove_on_release (reader, TRUE);
  assert_acquires (reader);
  assert_releases (reader);
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
}

static guint
count_switches (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", pid);
  g_autofree char *status = NULL;
  const char *line;

  g_assert_true (g_file_get_contents (path, &status, NULL, NULL));
  line = strstr (status, "\nvoluntary_ctxt_switches:");
  g_assert_nonnull (line);

  return (guint) atoi (strchr (line, ':') + 1);
}

static gboolean
set_flag_cb (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;

  return G_SOURCE_REMOVE;
}

/* Who waits sleeps: nothing wakes it until its turn has come. The time is not
 * there to wait for something but to be slept through. */
static void
test_no_wakeups (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) waiter = peer_start (fixture->path);
  gboolean over = FALSE;
  guint before;

  assert_acquires (lock);
  peer_send (waiter, data);
  wait_for_waiters (fixture->path, 1);

  /* The first of two equal readings is one of a process that has gone to sleep */
  do
    {
      before = count_switches (peer_get_pid (waiter));
      g_usleep (20000);
    }
  while (count_switches (peer_get_pid (waiter)) != before);

  g_timeout_add (500, set_flag_cb, &over);
  iterate_until (&over);
  g_assert_cmpuint (count_switches (peer_get_pid (waiter)), ==, before);

  assert_releases (lock);
  peer_expect (waiter, "held");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_data_test ("/contention/counter/kept", GINT_TO_POINTER (FALSE), test_counter);
  add_data_test ("/contention/counter/removed", GINT_TO_POINTER (TRUE), test_counter);
  add_test ("/contention/order", test_order);
  add_test ("/contention/holder-killed", test_holder_killed);
  add_data_test ("/contention/file-gone/removed", "removed", test_file_gone);
  add_data_test ("/contention/file-gone/renamed", "renamed", test_file_gone);
  add_data_test ("/contention/file-replaced/removed", "removed", test_file_replaced);
  add_data_test ("/contention/file-replaced/renamed", "renamed", test_file_replaced);
  add_test ("/contention/old-file", test_old_file);
  add_test ("/contention/shared", test_shared);
  add_test ("/contention/shared-keeps-file", test_shared_keeps_file);
  add_data_test ("/contention/no-wakeups/sync", "acquire", test_no_wakeups);
  add_data_test ("/contention/no-wakeups/async", "acquire-async", test_no_wakeups);

  return g_test_run ();
}
