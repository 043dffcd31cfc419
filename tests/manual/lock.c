/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that is the function update(), for any lock. */

#include <lockfile-glib/lockfile-glib.h>

static LfLock *current;

static gboolean
do_something (GError **error)
{
  return lf_lock_verify (current, error);
}

@BLOCK@

int
main (void)
{
  g_autoptr (LfLock) lock_file = LF_LOCK (lf_lock_file_new ("example.lock"));
  g_autoptr (LfLock) semaphore = LF_LOCK (lf_semaphore_new ("example.lock", 4));
  g_autoptr (GError) error = NULL;

  current = lock_file;
  g_assert_true (update (lock_file, &error));
  current = semaphore;
  g_assert_true (update (semaphore, &error));
  g_assert_no_error (error);
  g_assert_false (lf_lock_is_held (lock_file) || lf_lock_is_held (semaphore));

  return 0;
}
