/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Paths that are missing, forbidden, odd, or not those of lock files. */

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

/* Synchronous and asynchronous acquisition say the same. */
static void
assert_refused (LfLockFile *lock,
                GQuark      domain,
                int         code)
{
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, domain, code);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, domain, code);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, domain, code);
  g_assert_false (lf_lock_file_is_held (lock));
}

static void
assert_path_refused (const char *path,
                     LfLockMode  mode,
                     GQuark      domain,
                     int         code)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);

  lf_lock_file_set_mode (lock, mode);
  assert_refused (lock, domain, code);
}

static void
assert_path_works (const char *path,
                   LfLockMode  mode)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_mode (lock, mode);
  assert_acquires (lock);
  assert_releases (lock);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

static void
test_parents (Fixture       *fixture,
              gconstpointer  data)
{
  g_autofree char *path = g_build_filename (fixture->directory, "a", "b", "c.lock", NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  struct stat parent_stat;
  mode_t mask = umask (022);

  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  lf_lock_file_set_create_parents (lock, TRUE);
  assert_acquires (lock);
  g_assert_no_errno (stat (parent, &parent_stat));
  g_assert_cmphex (parent_stat.st_mode & 07777, ==, 0755);
  umask (mask);
}

/* A file where a directory should be. */
static void
test_parent_is_file (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *path = g_build_filename (fixture->path, "b", "c.lock", NULL);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);

  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  lf_lock_file_set_create_parents (lock, TRUE);
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
}

static void
child_without_permission (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *closed = g_build_filename (fixture->directory, "closed", NULL);
  g_autofree char *unreachable = g_build_filename (closed, "test.lock", NULL);
  g_autofree char *read_only_directory = g_build_filename (fixture->directory, "readable", NULL);
  g_autofree char *missing = g_build_filename (read_only_directory, "test.lock", NULL);
  g_autofree char *parents = g_build_filename (read_only_directory, "a", "test.lock", NULL);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (parents);
  g_autoptr (LfLockFile) looking = lf_lock_file_new (unreachable);
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (g_mkdir (closed, 0000));
  g_assert_no_errno (g_mkdir (read_only_directory, 0555));
  assert_path_refused (unreachable, LF_LOCK_MODE_EXCLUSIVE, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  assert_path_refused (missing, LF_LOCK_MODE_EXCLUSIVE, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  assert_path_refused (missing, LF_LOCK_MODE_SHARED, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  lf_lock_file_set_create_parents (lock, TRUE);
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

  g_assert_true (lf_lock_file_is_locked (looking, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

  /* flock(2) needs no more than to open the file */
  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  g_assert_no_errno (g_chmod (fixture->path, 0444));
  assert_path_works (fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  assert_path_works (fixture->path, LF_LOCK_MODE_SHARED);
  g_assert_no_errno (g_chmod (fixture->path, 0000));
  assert_path_refused (fixture->path, LF_LOCK_MODE_SHARED,
                       G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

static void
test_permission (Fixture       *fixture,
                 gconstpointer  data)
{
  run_as_user (child_without_permission, fixture);
}

/* Makes the fixture's directory a read-only file system of our own. */
static void
enter_read_only (Fixture *fixture)
{
  enter_namespaces (CLONE_NEWNS);
  g_assert_no_errno (mount ("tmpfs", fixture->directory, "tmpfs", 0, NULL));
  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  g_assert_no_errno (mount (NULL, fixture->directory, NULL, MS_REMOUNT | MS_RDONLY, NULL));
}

static void
child_on_read_only (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *missing = g_build_filename (fixture->directory, "missing.lock", NULL);
  g_autofree char *parents = g_build_filename (fixture->directory, "a", "test.lock", NULL);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (parents);

  enter_read_only (fixture);
  assert_path_works (fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  assert_path_works (fixture->path, LF_LOCK_MODE_SHARED);
  assert_path_refused (missing, LF_LOCK_MODE_EXCLUSIVE, G_IO_ERROR, G_IO_ERROR_READ_ONLY);
  assert_path_refused (missing, LF_LOCK_MODE_SHARED, G_IO_ERROR, G_IO_ERROR_READ_ONLY);
  lf_lock_file_set_create_parents (lock, TRUE);
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_READ_ONLY);
}

static void
test_read_only (Fixture       *fixture,
                gconstpointer  data)
{
  run_in_child (child_on_read_only, fixture);
}

static void
test_not_a_file (Fixture       *fixture,
                 gconstpointer  data)
{
  const char *what = data;
  g_autofree char *target = g_build_filename (fixture->directory, "target", NULL);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  struct stat before, after, target_before, target_after;
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = -1;

  g_assert_true (g_file_set_contents (target, "target", -1, NULL));
  if (g_str_equal (what, "fifo"))
    g_assert_no_errno (mkfifo (fixture->path, 0666));
  else if (g_str_equal (what, "symlink"))
    g_assert_no_errno (symlink (target, fixture->path));
  else if (g_str_equal (what, "dangling-symlink"))
    g_assert_no_errno (symlink ("missing", fixture->path));
  else
    {
      fd = socket (AF_UNIX, SOCK_STREAM, 0);
      g_strlcpy (address.sun_path, fixture->path, sizeof address.sun_path);
      g_assert_no_errno (bind (fd, (struct sockaddr *) &address, sizeof address));
    }

  g_assert_no_errno (lstat (fixture->path, &before));
  g_assert_no_errno (stat (target, &target_before));
  assert_refused (lock, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  assert_path_refused (fixture->path, LF_LOCK_MODE_SHARED,
                       LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);

  /* It is left alone, and so is what it points to */
  g_assert_no_errno (lstat (fixture->path, &after));
  g_assert_cmpuint (before.st_ino, ==, after.st_ino);
  g_assert_cmphex (before.st_mode, ==, after.st_mode);
  g_assert_no_errno (stat (target, &target_after));
  g_assert_cmpint (target_before.st_mtim.tv_nsec, ==, target_after.st_mtim.tv_nsec);
  g_assert_cmpint (target_before.st_size, ==, target_after.st_size);

  if (fd >= 0)
    close (fd);
}

/* A device is not even touched. */
static void
test_device (void)
{
  assert_path_refused ("/dev/null", LF_LOCK_MODE_EXCLUSIVE,
                       LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
}

static void
test_no_path (void)
{
  g_autoptr (GFile) remote = g_file_new_for_uri ("sftp://example.invalid/test.lock");
  g_autoptr (LfLockFile) lock = lf_lock_file_new_for_file (remote);
  g_autoptr (GError) error = NULL;

  assert_path_refused ("", LF_LOCK_MODE_EXCLUSIVE, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  g_assert_null (lf_lock_file_get_path (lock));
  g_assert_null (lf_lock_file_get_file (lock));
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  g_clear_error (&error);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
}

static void
test_names (Fixture       *fixture,
            gconstpointer  data)
{
  const char *names[] = { "\xff\xfe\x80.lock", "sp ace\n.lock", "ж漢🔒.lock", "-", ".lock" };
  g_autofree char *long_name = g_strnfill (300, 'x');
  g_autofree char *too_long = g_build_filename (fixture->directory, long_name, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->directory, names[i], NULL);
      g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
      g_autoptr (GError) error = NULL;

      g_assert_cmpstr (lf_lock_file_get_path (lock), ==, path);
      assert_path_works (path, LF_LOCK_MODE_EXCLUSIVE);
      g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));

      /* Messages are UTF-8 whatever the path is */
      assert_acquires (lock);
      {
        g_autoptr (LfLockFile) other = lf_lock_file_new (path);

        g_assert_false (lf_lock_file_try_acquire (other, &error));
        g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
        g_assert_true (g_utf8_validate (error->message, -1, NULL));
      }
    }

  assert_path_refused (too_long, LF_LOCK_MODE_EXCLUSIVE,
                       G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG);
}

static void
child_that_moves (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (LfLockFile) lock = NULL;

  g_assert_no_errno (chdir (fixture->directory));
  lock = lf_lock_file_new ("relative.lock");
  g_assert_true (g_path_is_absolute (lf_lock_file_get_path (lock)));
  lf_lock_file_set_remove_on_release (lock, TRUE);

  g_assert_no_errno (chdir ("/"));
  assert_acquires (lock);
  g_assert_true (g_file_test (lf_lock_file_get_path (lock), G_FILE_TEST_EXISTS));
  g_assert_no_errno (chdir ("/proc"));
  assert_releases (lock);
  g_assert_false (g_file_test (lf_lock_file_get_path (lock), G_FILE_TEST_EXISTS));
}

static void
test_chdir (Fixture       *fixture,
            gconstpointer  data)
{
  run_in_child (child_that_moves, fixture);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/paths/parents", test_parents);
  add_test ("/paths/parent-is-file", test_parent_is_file);
  add_test ("/paths/permission", test_permission);
  add_test ("/paths/read-only", test_read_only);
  add_data_test ("/paths/not-a-file/fifo", "fifo", test_not_a_file);
  add_data_test ("/paths/not-a-file/socket", "socket", test_not_a_file);
  add_data_test ("/paths/not-a-file/symlink", "symlink", test_not_a_file);
  add_data_test ("/paths/not-a-file/dangling-symlink", "dangling-symlink", test_not_a_file);
  g_test_add_func ("/paths/device", test_device);
  g_test_add_func ("/paths/no-path", test_no_path);
  add_test ("/paths/names", test_names);
  add_test ("/paths/chdir", test_chdir);

  return g_test_run ();
}
