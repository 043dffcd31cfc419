/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Locks of descriptors that are given to an object or taken out of it, and held locks that
 * change their mode. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

static const LfBackend descriptor_backends[] = { LF_BACKEND_FLOCK, LF_BACKEND_FCNTL };

static gboolean
has_descriptor_locks (LfBackend backend)
{
  g_autofree char *path = NULL;
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp (NULL, &path, NULL);

  lock = lf_lock_file_new_for_fd (fd, backend, &error);
  g_assert_no_errno (unlink (path));
  if (lock != NULL)
    return TRUE;

  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  close (fd);

  return FALSE;
}

static int
open_file (const char *path)
{
  int fd = open (path, O_RDWR | O_CREAT, 0666);

  g_assert_cmpint (fd, >=, 0);

  return fd;
}

static LfLockFile *
adopt (int       fd,
       LfBackend backend)
{
  GError *error = NULL;
  LfLockFile *lock = lf_lock_file_new_for_fd (fd, backend, &error);

  g_assert_no_error (error);
  g_assert_nonnull (lock);

  return lock;
}

static void
assert_busy (const char *path,
             LfBackend   backend,
             LfLockMode  mode)
{
  g_autoptr (LfLockFile) other = lf_lock_file_new_with_backend (path, backend);
  g_autoptr (GError) error = NULL;

  lf_lock_file_set_mode (other, mode);
  g_assert_false (lf_lock_file_try_acquire (other, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

static void
assert_gets (const char *path,
             LfBackend   backend,
             LfLockMode  mode)
{
  g_autoptr (LfLockFile) other = lf_lock_file_new_with_backend (path, backend);

  lf_lock_file_set_mode (other, mode);
  assert_acquires (other);
  assert_releases (other);
}

/* A descriptor is locked, unlocked, locked again, and closed with the object. Its file is
 * never opened. */
static void
test_adopt (Fixture       *fixture,
            gconstpointer  data)
{
  for (guint i = 0; i < G_N_ELEMENTS (descriptor_backends); i++)
    {
      LfBackend backend = descriptor_backends[i];
      g_autofree char *other = g_strconcat (fixture->path, ".moved", NULL);
      LfLockFile *lock;
      int fd;

      if (!has_descriptor_locks (backend))
        continue;

      fd = open_file (fixture->path);
      lock = adopt (fd, backend);
      g_assert_cmpstr (lf_lock_file_get_path (lock), ==, fixture->path);
      g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
      assert_gets (fixture->path, backend, LF_LOCK_MODE_EXCLUSIVE);
      for (guint round = 0; round < 2; round++)
        {
          assert_acquires (lock);
          g_assert_cmpint (lf_lock_file_get_fd (lock), >, 2);
          assert_busy (fixture->path, backend, LF_LOCK_MODE_SHARED);
          assert_releases (lock);
          assert_gets (fixture->path, backend, LF_LOCK_MODE_EXCLUSIVE);
        }

      /* The lock is that of the open file, not of the file at the path */
      g_assert_no_errno (rename (fixture->path, other));
      close (open_file (fixture->path));
      assert_acquires (lock);
      assert_busy (other, backend, LF_LOCK_MODE_SHARED);
      assert_gets (fixture->path, backend, LF_LOCK_MODE_EXCLUSIVE);
      assert_releases (lock);

      assert_acquires (lock);
      g_object_unref (lock);
      assert_gets (other, backend, LF_LOCK_MODE_EXCLUSIVE);
      g_assert_cmpint (fcntl (fd, F_GETFD), ==, -1);
      g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
      g_assert_no_errno (unlink (other));
      g_assert_no_errno (unlink (fixture->path));
    }
}

/* A descriptor that already has the lock acquires it at once. Otherwise it waits. */
static void
test_adopt_locked (Fixture       *fixture,
                   gconstpointer  data)
{
  int fd = open_file (fixture->path);
  int other = open_file (fixture->path);
  g_autoptr (LfLockFile) lock = NULL;
  g_auto (Claim) claim = { 0 };

  g_assert_no_errno (flock (fd, LOCK_EX));
  lock = adopt (fd, LF_BACKEND_FLOCK);
  assert_not_free (fixture->path);
  assert_acquires (lock);
  assert_releases (lock);
  assert_free (fixture->path);

  g_assert_no_errno (flock (other, LOCK_EX));
  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  close (other);
  claim_wait (&claim);
  g_assert_true (claim.granted);
}

/* A descriptor that cannot be adopted still belongs to the caller. */
static void
test_adopt_errors (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GError) error = NULL;
  int fd = open_file (fixture->path);
  int sockets[2];

  lock = lf_lock_file_new_for_fd (fd, LF_BACKEND_PID_FILE, &error);
  g_assert_null (lock);
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  close (fd);

  lock = lf_lock_file_new_for_fd (fd, LF_BACKEND_FLOCK, &error);
  g_assert_null (lock);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_clear_error (&error);

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM, 0, sockets));
  lock = lf_lock_file_new_for_fd (sockets[0], LF_BACKEND_AUTO, &error);
  g_assert_null (lock);
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  close (sockets[0]);
  close (sockets[1]);
}

static void
use_adopted_in_child (gpointer data)
{
  LfLockFile *lock = data;
  g_autofree char *path = g_strdup (lf_lock_file_get_path (lock));
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED);
  g_assert_cmpint (lf_lock_file_steal_fd (lock), ==, -1);
  g_object_unref (lock);
  assert_not_free (path);
}

/* A forked child has the same open file description, but does not acquire the parent's
 * lock. */
static void
test_adopt_fork (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = adopt (open_file (fixture->path), LF_BACKEND_FLOCK);

  assert_acquires (lock);
  run_in_child (use_adopted_in_child, lock);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_not_free (fixture->path);
  assert_releases (lock);
}

static void
notified_cb (guint *n_notified)
{
  ++*n_notified;
}

/* The stolen descriptor keeps the lock. The object can wait for the lock again. */
static void
test_steal (Fixture       *fixture,
            gconstpointer  data)
{
  for (guint i = 0; i < G_N_ELEMENTS (descriptor_backends); i++)
    {
      LfBackend backend = descriptor_backends[i];
      g_autoptr (LfLockFile) lock = lf_lock_file_new_with_backend (fixture->path, backend);
      g_autoptr (LfLockFile) adopted = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };
      guint n_notified = 0;
      int fd;

      if (!has_descriptor_locks (backend))
        continue;

      g_assert_cmpint (lf_lock_file_steal_fd (lock), ==, -1);
      assert_acquires (lock);
      g_signal_connect_swapped (lock, "notify::held", G_CALLBACK (notified_cb), &n_notified);
      fd = lf_lock_file_steal_fd (lock);
      g_assert_cmpint (fd, >, 2);
      g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
      g_assert_cmpuint (n_notified, ==, 1);
      g_assert_false (lf_lock_file_is_held (lock));
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
      g_clear_error (&error);
      assert_busy (fixture->path, backend, LF_LOCK_MODE_SHARED);

      claim_start (&claim, lock, NULL);
      wait_for_waiters (fixture->path, 1);
      close (fd);
      claim_wait (&claim);
      g_assert_true (claim.granted);

      /* The same for an adopted descriptor */
      adopted = adopt (lf_lock_file_steal_fd (lock), backend);
      assert_acquires (adopted);
      fd = lf_lock_file_steal_fd (adopted);
      assert_busy (fixture->path, backend, LF_LOCK_MODE_SHARED);
      g_assert_false (lf_lock_file_try_acquire (adopted, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
      close (fd);
      assert_gets (fixture->path, backend, LF_LOCK_MODE_EXCLUSIVE);
      g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
    }
}

/* Claims of the object that wait in its queue are started after steal_fd(). */
static void
test_steal_queue (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_auto (Claim) claim = { 0 };
  int fd;

  assert_acquires (lock);
  claim_start (&claim, lock, NULL);
  fd = lf_lock_file_steal_fd (lock);
  wait_for_waiters (fixture->path, 1);
  close (fd);
  claim_wait (&claim);
  g_assert_true (claim.granted);
}

static void
test_steal_others (Fixture       *fixture,
                   gconstpointer  data)
{
  const LfBackend backends[] = { LF_BACKEND_HARD_LINK, LF_BACKEND_PID_FILE, LF_BACKEND_SQLITE };

  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autoptr (LfLockFile) lock = NULL;

      if (!lf_backend_is_supported (backends[i]))
        continue;

      remove_recursively (fixture->path);
      lock = lf_lock_file_new_with_backend (fixture->path, backends[i]);
      assert_acquires (lock);
      g_assert_cmpint (lf_lock_file_steal_fd (lock), ==, -1);
      g_assert_true (lf_lock_file_is_held (lock));
      assert_releases (lock);
    }
}

/* A program that inherits the descriptor holds the lock until it ends, even if the program
 * that acquired it has ended. */
static void
test_subprocess (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) next = lf_lock_file_new (fixture->path);
  g_autoptr (GSubprocessLauncher) launcher =
    g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE);
  g_autoptr (GSubprocess) child = NULL;
  g_auto (Claim) claim = { 0 };
  GError *error = NULL;

  assert_acquires (lock);
  g_subprocess_launcher_take_fd (launcher, lf_lock_file_steal_fd (lock), 3);
  child = g_subprocess_launcher_spawn (launcher, &error, "cat", NULL);
  g_assert_no_error (error);
  g_subprocess_launcher_close (launcher);
  g_clear_object (&lock);

  assert_not_free (fixture->path);
  claim_start (&claim, next, NULL);
  wait_for_waiters (fixture->path, 1);
  g_assert_true (g_output_stream_close (g_subprocess_get_stdin_pipe (child), NULL, NULL));
  claim_wait (&claim);
  g_assert_true (claim.granted);
  g_assert_true (g_subprocess_wait_check (child, NULL, &error));
  g_assert_no_error (error);
}

static gboolean
can_convert (void)
{
  return has_descriptor_locks (LF_BACKEND_FCNTL);
}

static void
assert_not_converted (LfLockFile *lock,
                      gboolean  (*convert) (LfLockFile *, GError **),
                      GQuark      domain,
                      int         code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (convert (lock, &error));
  g_assert_error (error, domain, code);
}

static void
assert_converted (LfLockFile *lock,
                  gboolean  (*convert) (LfLockFile *, GError **))
{
  GError *error = NULL;
  gboolean converted = convert (lock, &error);

  g_assert_no_error (error);
  g_assert_true (converted);
  g_assert_true (lf_lock_file_is_held (lock));
}

/* A lock is upgraded if nobody else shares it, and downgraded. A failed upgrade leaves the
 * shared lock. */
static void
test_convert (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new_with_backend (fixture->path, LF_BACKEND_FCNTL);
  g_autoptr (LfLockFile) reader = lf_lock_file_new_with_backend (fixture->path, LF_BACKEND_FCNTL);
  g_auto (Claim) claim = { 0 };

  if (!can_convert ())
    {
      assert_acquires (lock);
      assert_not_converted (lock, lf_lock_file_downgrade, LF_BACKEND_ERROR,
                            LF_BACKEND_ERROR_NOT_SUPPORTED);
      return;
    }

  assert_not_converted (lock, lf_lock_file_try_upgrade, LF_UNLOCK_ERROR,
                        LF_UNLOCK_ERROR_NOT_LOCKED);
  assert_not_converted (lock, lf_lock_file_downgrade, LF_UNLOCK_ERROR,
                        LF_UNLOCK_ERROR_NOT_LOCKED);

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_upgradable (lock, TRUE);
  lf_lock_file_set_mode (reader, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  assert_converted (lock, lf_lock_file_downgrade);
  assert_acquires (reader);
  assert_not_converted (lock, lf_lock_file_try_upgrade, LF_LOCK_ERROR,
                        LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_busy (fixture->path, LF_BACKEND_FCNTL, LF_LOCK_MODE_EXCLUSIVE);
  assert_gets (fixture->path, LF_BACKEND_FCNTL, LF_LOCK_MODE_SHARED);

  assert_releases (reader);
  assert_converted (lock, lf_lock_file_try_upgrade);
  assert_converted (lock, lf_lock_file_try_upgrade);
  assert_busy (fixture->path, LF_BACKEND_FCNTL, LF_LOCK_MODE_SHARED);
  g_assert_cmpint (lf_lock_file_get_mode (lock), ==, LF_LOCK_MODE_SHARED);

  /* A waiter for a shared lock is granted it then */
  claim_start (&claim, reader, NULL);
  wait_for_waiters (fixture->path, 1);
  assert_converted (lock, lf_lock_file_downgrade);
  claim_wait (&claim);
  g_assert_true (claim.granted);
  assert_releases (reader);
  assert_converted (lock, lf_lock_file_try_upgrade);
  assert_releases (lock);
  assert_gets (fixture->path, LF_BACKEND_FCNTL, LF_LOCK_MODE_EXCLUSIVE);
}

/* A shared lock opens its file for reading and cannot be upgraded, unless it is upgradable or
 * was exclusive before. */
static void
test_upgradable (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new_with_backend (fixture->path, LF_BACKEND_FCNTL);
  gboolean upgradable = TRUE;

  g_object_get (lock, "upgradable", &upgradable, NULL);
  g_assert_false (upgradable);
  g_assert_false (lf_lock_file_get_upgradable (lock));
  g_object_set (lock, "upgradable", TRUE, NULL);
  g_assert_true (lf_lock_file_get_upgradable (lock));
  lf_lock_file_set_upgradable (lock, FALSE);

  if (!can_convert ())
    return;

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  assert_not_converted (lock, lf_lock_file_try_upgrade, LF_BACKEND_ERROR,
                        LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_gets (fixture->path, LF_BACKEND_FCNTL, LF_LOCK_MODE_SHARED);
  assert_releases (lock);

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_EXCLUSIVE);
  assert_acquires (lock);
  assert_converted (lock, lf_lock_file_downgrade);
  assert_converted (lock, lf_lock_file_try_upgrade);
}

static void
test_convert_others (Fixture       *fixture,
                     gconstpointer  data)
{
  const LfBackend backends[] = {
    LF_BACKEND_FLOCK, LF_BACKEND_HARD_LINK, LF_BACKEND_DIRECTORY, LF_BACKEND_SYMLINK,
    LF_BACKEND_PID_FILE, LF_BACKEND_SQLITE,
  };

  for (guint i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autoptr (LfLockFile) lock = NULL;

      if (!lf_backend_is_supported (backends[i]))
        continue;

      remove_recursively (fixture->path);
      lock = lf_lock_file_new_with_backend (fixture->path, backends[i]);
      assert_acquires (lock);
      assert_not_converted (lock, lf_lock_file_try_upgrade, LF_BACKEND_ERROR,
                            LF_BACKEND_ERROR_NOT_SUPPORTED);
      assert_not_converted (lock, lf_lock_file_downgrade, LF_BACKEND_ERROR,
                            LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_true (lf_lock_file_is_held (lock));
      assert_releases (lock);
    }
}

static void
lost_cb (LfLockFile   *lock,
         const GError *reason,
         gboolean     *lost)
{
  g_assert_false (lf_lock_file_is_held (lock));
  *lost = TRUE;
}

static void
monitor (LfLockFile *lock,
         gboolean   *lost)
{
  lf_lock_file_set_monitor (lock, TRUE);
  g_signal_connect (lock, "lost", G_CALLBACK (lost_cb), lost);
}

static void
assert_not_lost (const gboolean *lost)
{
  wait_for_no_lock_threads ();
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_false (*lost);
}

/* The monitor does not compare the path of an adopted descriptor, ends when the descriptor is
 * stolen, and stays when the mode is changed. */
static void
test_monitored (Fixture       *fixture,
                gconstpointer  data)
{
  for (guint i = 0; i < G_N_ELEMENTS (descriptor_backends); i++)
    {
      LfBackend backend = descriptor_backends[i];
      g_autofree char *other = g_strconcat (fixture->path, ".moved", NULL);
      g_autoptr (LfLockFile) adopted = NULL;
      g_autoptr (LfLockFile) lock = lf_lock_file_new_with_backend (fixture->path, backend);
      g_autoptr (GError) error = NULL;
      gboolean lost = FALSE;
      int fd;

      if (!has_descriptor_locks (backend))
        continue;

      adopted = adopt (open_file (fixture->path), backend);
      monitor (adopted, &lost);
      assert_acquires (adopted);
      g_assert_no_errno (rename (fixture->path, other));
      g_assert_true (lf_lock_file_verify (adopted, &error));
      g_assert_no_error (error);
      g_assert_no_errno (unlink (other));
      g_assert_true (lf_lock_file_verify (adopted, &error));
      g_assert_no_error (error);
      assert_releases (adopted);
      assert_not_lost (&lost);

      monitor (lock, &lost);
      assert_acquires (lock);
      fd = lf_lock_file_steal_fd (lock);
      g_assert_cmpint (fd, >=, 0);
      g_assert_no_errno (unlink (fixture->path));
      assert_not_lost (&lost);
      close (fd);

      assert_acquires (lock);
      if (backend == LF_BACKEND_FCNTL && can_convert ())
        {
          assert_converted (lock, lf_lock_file_downgrade);
          assert_converted (lock, lf_lock_file_try_upgrade);
        }
      g_assert_no_errno (unlink (fixture->path));
      iterate_until (&lost);
      wait_for_no_lock_threads ();
    }
}

/* If two holders of a shared lock both try to upgrade it, neither succeeds and neither
 * waits. */
static void
test_two_upgrade (Fixture       *fixture,
                  gconstpointer  data)
{
  LfLockFile *locks[2];

  if (!can_convert ())
    return;

  for (guint i = 0; i < 2; i++)
    {
      locks[i] = lf_lock_file_new_with_backend (fixture->path, LF_BACKEND_FCNTL);
      lf_lock_file_set_mode (locks[i], LF_LOCK_MODE_SHARED);
      lf_lock_file_set_upgradable (locks[i], TRUE);
      assert_acquires (locks[i]);
    }
  for (guint i = 0; i < 2; i++)
    assert_not_converted (locks[i], lf_lock_file_try_upgrade, LF_LOCK_ERROR,
                          LF_LOCK_ERROR_ALREADY_LOCKED);
  assert_releases (locks[1]);
  assert_converted (locks[0], lf_lock_file_try_upgrade);
  g_object_unref (locks[0]);
  g_object_unref (locks[1]);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/handed-on/adopt", test_adopt);
  add_test ("/handed-on/adopt-locked", test_adopt_locked);
  add_test ("/handed-on/adopt-errors", test_adopt_errors);
  add_test ("/handed-on/adopt-fork", test_adopt_fork);
  add_test ("/handed-on/steal", test_steal);
  add_test ("/handed-on/steal-queue", test_steal_queue);
  add_test ("/handed-on/steal-others", test_steal_others);
  add_test ("/handed-on/inherited", test_subprocess);
  add_test ("/handed-on/convert", test_convert);
  add_test ("/handed-on/upgradable", test_upgradable);
  add_test ("/handed-on/convert-others", test_convert_others);
  add_test ("/handed-on/two-upgrade", test_two_upgrade);
  add_test ("/handed-on/monitored", test_monitored);

  return g_test_run ();
}
