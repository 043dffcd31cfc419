/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that is the body of a function with a lock file as parameter, which may fail. */

#include <lockfile-glib/lockfile-glib.h>

static gboolean
do_something (GError **error)
{
  return TRUE;
}

static gboolean
work (LfLockFile    *lock,
      GCancellable  *cancellable,
      GError       **error)
{
  g_assert_false (lf_lock_file_is_held (lock));

  @BLOCK@
}

int
main (void)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new ("function.lock");
  g_autoptr (LfLockFile) other = lf_lock_file_new ("function.lock");
  g_autoptr (GError) error = NULL;

  g_assert_true (work (lock, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (do_something (&error));
  g_assert_false (lf_lock_file_is_held (lock));

  /* It reports a failure to acquire */
  g_assert_true (lf_lock_file_acquire (other, NULL, &error));
  lf_lock_file_set_timeout (lock, 0);
  g_assert_false (work (lock, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);

  return 0;
}
