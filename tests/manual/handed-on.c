/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that starts a program that inherits a lock. */

#include <glib/gstdio.h>
#include <lockfile-glib/lockfile-glib.h>

static void
spawn (LfLockFile  *lock,
       GError     **error)
{
  @BLOCK@

  g_assert_true (g_subprocess_wait_check (child, NULL, error));
}

int
main (void)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new ("example.lock");
  g_autoptr (LfLockFile) other = lf_lock_file_new ("example.lock");
  g_autofree char *directory = g_get_current_dir ();
  g_autofree char *path = g_strconcat (directory, ":", g_getenv ("PATH"), NULL);
  const char *script = "#!/bin/sh\nflock -n example.lock true && exit 1\nflock -n 3\n";
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents ("work", script, -1, NULL));
  g_assert_no_errno (g_chmod ("work", 0755));
  g_setenv ("PATH", path, TRUE);

  g_assert_true (lf_lock_file_acquire (lock, NULL, &error));
  spawn (lock, &error);
  g_assert_no_error (error);
  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_true (lf_lock_file_try_acquire (other, &error));
  g_assert_no_error (error);

  return 0;
}
