/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Paths that need more than the contract provides: a separate file system, a device, a file
 * that is not local. */

#include <sched.h>
#include <sys/mount.h>

#include "lf-test-util.h"

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

/* Makes the fixture's directory a read-only file system. */
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

/* A read-only file system: an existing file can be locked shared. */
static void
test_read_only (Fixture       *fixture,
                gconstpointer  data)
{
  run_in_child (child_on_read_only, fixture);
}

/* A device is not even opened. */
static void
test_device (void)
{
  assert_path_refused ("/dev/null", LF_LOCK_MODE_EXCLUSIVE,
                       LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
}

/* A file without a local path cannot be locked. */
static void
test_remote (void)
{
  g_autoptr (GFile) remote = g_file_new_for_uri ("sftp://example.invalid/test.lock");
  g_autoptr (LfLockFile) lock = lf_lock_file_new_for_file (remote);

  g_assert_null (lf_lock_file_get_path (lock));
  g_assert_null (lf_lock_file_get_file (lock));
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/paths/read-only", test_read_only);
  g_test_add_func ("/paths/device", test_device);
  g_test_add_func ("/paths/remote", test_remote);

  return g_test_run ();
}
