/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that does something under a lock of repo.lock, which libglnx also locks. */

#include <glib/gstdio.h>
#include <lockfile-glib/lockfile-glib.h>

static gboolean done;

static gboolean
do_something (GError **error)
{
  g_autoptr (LfLockFile) other = lf_lock_file_new_with_backend ("repo.lock", LF_BACKEND_FCNTL);
  GStatBuf file_stat;

  g_assert_false (lf_lock_file_try_acquire (other, NULL));
  g_assert_cmpint (g_stat ("repo.lock", &file_stat), ==, 0);
  g_assert_cmpint (file_stat.st_mode & 0777, ==, 0600);
  done = TRUE;

  return TRUE;
}

static gboolean
work (GError **error)
{
  @BLOCK@
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (work (&error));
  g_assert_no_error (error);
  g_assert_true (done);
  g_assert_false (g_file_test ("repo.lock", G_FILE_TEST_EXISTS));

  return 0;
}
