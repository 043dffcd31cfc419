/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that is the body of a function, and makes its own semaphore. */

#include <lockfile-glib/lockfile-glib.h>

static gboolean done;

static void
do_what_only_four_may_do (void)
{
  LfSemaphore *others[4];

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      others[i] = lf_semaphore_new ("convert.lock", 4);
      g_assert_cmpint (lf_semaphore_try_acquire (others[i], NULL), ==, i < 3);
    }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    g_object_unref (others[i]);
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
  g_autoptr (GError) error = NULL;

  g_assert_true (work (NULL, &error));
  g_assert_no_error (error);
  g_assert_true (done);

  return 0;
}
