/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Holders and waiters of kernel locks when the file at the path is replaced; and that a
 * wait sleeps. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

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

  /* The holder has lost its lock. The error depends on whether the waiter already has the
   * new file */
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

/* If a file has not changed for some seconds, a release only checks whether it has changed. */
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

/* The waiter finds a new, locked file at the path, and queues there. */
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

/* A holder of a shared lock must not remove the file that others have locked too. */
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

/* A waiter sleeps: nothing wakes it until its turn has come. The time in this case is not
 * for waiting until something happens: the waiter must sleep through it. */
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

  wait_until_asleep (peer_get_pid (waiter));
  before = count_switches (peer_get_pid (waiter));

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

  add_data_test ("/contention/file-gone/removed", "removed", test_file_gone);
  add_data_test ("/contention/file-gone/renamed", "renamed", test_file_gone);
  add_data_test ("/contention/file-replaced/removed", "removed", test_file_replaced);
  add_data_test ("/contention/file-replaced/renamed", "renamed", test_file_replaced);
  add_test ("/contention/old-file", test_old_file);
  add_test ("/contention/shared-keeps-file", test_shared_keeps_file);
  add_data_test ("/contention/no-wakeups/sync", "acquire", test_no_wakeups);
  add_data_test ("/contention/no-wakeups/async", "acquire-async", test_no_wakeups);

  return g_test_run ();
}
