/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that is the body of a function, and makes its own lock in a cluster that does
 * not exist. */

#include <lockfile-glib/lockfile-glib.h>

static void
do_what_only_one_may_do (gint64 token)
{
  g_assert_not_reached ();
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

  g_assert_false (work (NULL, &error));
  g_assert_nonnull (error);

  return 0;
}
