/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* How a cancelled wait ends: at once, and without a main context. */

#include <stdlib.h>

#include "lf-test-util.h"

static int
compare_times (gconstpointer a,
               gconstpointer b)
{
  return *(const gint64 *) a < *(const gint64 *) b ? -1 : 1;
}

/* A wait ends without delay after its cancel. The median counts, since the machine may
 * delay any single one. */
static void
test_prompt (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = peer_start_holder (fixture->path);
  gint64 times[51];

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_auto (Claim) claim = { 0 };

      claim_start (&claim, lock, cancellable);
      wait_for_waiters (fixture->path, 1);
      times[i] = g_get_monotonic_time ();
      g_cancellable_cancel (cancellable);
      claim_wait (&claim);
      times[i] = g_get_monotonic_time () - times[i];
      g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_cmpuint (count_waiters (fixture->path), ==, 0);
    }

  qsort (times, G_N_ELEMENTS (times), sizeof times[0], compare_times);
  g_test_message ("Median %d us, longest %d us", (int) times[25], (int) times[50]);
  /* Well below the interval of a poll */
  g_assert_cmpint (times[25], <, 250000);
}

static gpointer
cancel_when_blocked (gpointer data)
{
  gpointer *path_and_cancellable = data;

  wait_for_waiters (path_and_cancellable[0], 1);
  g_cancellable_cancel (path_and_cancellable[1]);

  return NULL;
}

static gboolean
fail_cb (gpointer user_data)
{
  g_assert_not_reached ();

  return G_SOURCE_REMOVE;
}

/* Another thread ends a synchronous wait, which does not iterate the caller's main context. */
static void
test_sync (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) holder = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gpointer path_and_cancellable[] = { fixture->path, cancellable };
  GThread *thread;
  guint idle = g_idle_add (fail_cb, NULL);

  /* A thread may wait for its own lock if the wait can be stopped */
  assert_acquires (holder);
  thread = g_thread_new ("cancel", cancel_when_blocked, path_and_cancellable);
  g_assert_false (lf_lock_file_acquire (lock, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_source_remove (idle);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/cancel/prompt", test_prompt);
  add_test ("/cancel/sync", test_sync);

  return g_test_run ();
}
