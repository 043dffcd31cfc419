/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that declares `lock`, which is then acquired. */

#include <lockfile-glib/lockfile-glib.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;

  @BLOCK@

  g_assert_true (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_no_error (error);

  return 0;
}
