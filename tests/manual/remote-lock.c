/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that is the body of a function, and makes its own lock in etcd. */

#include <lockfile-glib/lockfile-glib.h>

/* Nobody has the machines of the block */
#define lf_remote_lock_new(uri, error) lf_remote_lock_new ("etcd://localhost:2379/backup", error)

static gint64 token;

static void
do_what_only_one_may_do (gint64 fencing_token)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LfRemoteLock) other = lf_remote_lock_new ("", &error);

  g_assert_no_error (error);
  g_assert_false (lf_lock_try_acquire (LF_LOCK (other), NULL));
  token = fencing_token;
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
  g_autoptr (GError) error = NULL;

  g_assert_true (work (NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (token, >, 0);

  return 0;
}
