/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that is the body of a function which makes its lock file. */

#include <lockfile-glib/lockfile-glib.h>

static gboolean done;

static void
do_what_only_one_may_do (void)
{
  g_autoptr (LfLockFile) other = lf_lock_file_new ("example.lock");

  g_assert_false (lf_lock_file_try_acquire (other, NULL));
  done = TRUE;
}

static gboolean
work (GCancellable  *cancellable,
      GError       **error)
{
  @BLOCK@
}

int
main (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (work (cancellable, &error));
  g_assert_no_error (error);
  g_assert_true (done);

  g_cancellable_cancel (cancellable);
  g_assert_false (work (cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  return 0;
}
