/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cancel against grant and deadline: who wins is told truly, at once, and leaves
 * nothing behind. */

#include <stdlib.h>

#include "lf-test-util.h"

#define N_RACES 10000
#define N_CYCLES 1000

typedef void (*RaceFunc) (gpointer data);

/* A thread that does one thing at the same time as the main one, as often as it
 * is told to. */
typedef struct
{
  GThread *thread;
  GMutex mutex;
  GCond cond;
  RaceFunc function;
  gpointer data;
  gboolean busy;
  gboolean ends;
} Racer;

static gpointer
racer_main (gpointer data)
{
  Racer *racer = data;

  g_mutex_lock (&racer->mutex);
  while (!racer->ends)
    {
      if (racer->busy)
        {
          g_mutex_unlock (&racer->mutex);
          racer->function (racer->data);
          g_mutex_lock (&racer->mutex);
          racer->busy = FALSE;
          g_cond_broadcast (&racer->cond);
        }
      else
        g_cond_wait (&racer->cond, &racer->mutex);
    }
  g_mutex_unlock (&racer->mutex);

  return NULL;
}

static void
racer_init (Racer    *racer,
            RaceFunc  function,
            gpointer  data)
{
  g_mutex_init (&racer->mutex);
  g_cond_init (&racer->cond);
  racer->function = function;
  racer->data = data;
  racer->busy = racer->ends = FALSE;
  racer->thread = g_thread_new ("racer", racer_main, racer);
}

static void
racer_go (Racer *racer)
{
  g_mutex_lock (&racer->mutex);
  racer->busy = TRUE;
  g_cond_broadcast (&racer->cond);
  g_mutex_unlock (&racer->mutex);
}

static void
racer_wait (Racer *racer)
{
  g_mutex_lock (&racer->mutex);
  while (racer->busy)
    g_cond_wait (&racer->cond, &racer->mutex);
  g_mutex_unlock (&racer->mutex);
}

static void
racer_clear (Racer *racer)
{
  g_mutex_lock (&racer->mutex);
  racer->ends = TRUE;
  g_cond_broadcast (&racer->cond);
  g_mutex_unlock (&racer->mutex);
  g_thread_join (racer->thread);
  g_mutex_clear (&racer->mutex);
  g_cond_clear (&racer->cond);
}

static void
release_racer (gpointer data)
{
  assert_releases (data);
}

static void
cancel_racer (gpointer data)
{
  g_cancellable_cancel (*(GCancellable **) data);
}

/* Threads start at random times; a little more of chance moves the two events
 * past each other. */
static void
spin (guint limit)
{
  for (volatile gint32 i = g_test_rand_int_range (0, (gint32) limit); i > 0; i--)
    ;
}

typedef struct
{
  gboolean async;
  gboolean removes;
} RaceKind;

/* What the loser of a race says must be true: after CANCELLED the lock is free,
 * after success it is ours. */
static void
check_race (LfLockFile *lock,
            GError     *error,
            const char *path,
            gboolean    removes,
            guint       n_ended[2])
{
  if (error == NULL)
    {
      n_ended[0]++;
      g_assert_true (lf_lock_file_is_held (lock));
      assert_not_free (path);
      assert_releases (lock);
    }
  else
    {
      n_ended[1]++;
      g_assert_false (lf_lock_file_is_held (lock));
      if (removes)
        g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
      assert_free (path);
    }
}

/* The cancel races with the release that grants the lock. */
static void
test_race (Fixture       *fixture,
           gconstpointer  data)
{
  const RaceKind *kind = data;
  g_autoptr (LfLockFile) holder = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = NULL;
  Racer release, cancel;
  guint n_ended[2] = { 0, 0 };

  lf_lock_file_set_remove_on_release (holder, kind->removes);
  lf_lock_file_set_remove_on_release (lock, kind->removes);
  racer_init (&release, release_racer, holder);
  racer_init (&cancel, cancel_racer, &cancellable);

  for (guint i = 0; i < N_RACES; i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };

      cancellable = g_cancellable_new ();
      assert_acquires (holder);
      if (kind->async)
        claim_start (&claim, lock, cancellable);

      racer_go (i % 2 == 0 ? &release : &cancel);
      spin (20000);
      racer_go (i % 2 == 0 ? &cancel : &release);

      if (kind->async)
        {
          claim_wait (&claim);
          error = g_steal_pointer (&claim.error);
        }
      else
        lf_test_ignore (lf_lock_file_acquire (lock, cancellable, &error));

      if (error != NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      racer_wait (&release);
      racer_wait (&cancel);
      check_race (lock, error, fixture->path, kind->removes, n_ended);
      g_clear_object (&cancellable);
    }

  racer_clear (&release);
  racer_clear (&cancel);
  g_test_message ("%u granted, %u cancelled", n_ended[0], n_ended[1]);
  g_assert_cmpuint (n_ended[0], >, 0);
  g_assert_cmpuint (n_ended[1], >, 0);
}

/* The deadline races with the release. */
static void
test_deadline_race (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  Racer release;
  guint n_ended[2] = { 0, 0 };

  racer_init (&release, release_racer, holder);
  for (guint i = 0; i < N_CYCLES; i++)
    {
      g_autoptr (GError) error = NULL;
      double timeout;

      assert_acquires (holder);
      racer_go (&release);
      timeout = 1e-6 * g_test_rand_int_range (1, 200);
      lf_test_ignore (lf_lock_file_acquire_with_timeout (lock, timeout, NULL, &error));
      if (error != NULL)
        g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      racer_wait (&release);
      check_race (lock, error, fixture->path, FALSE, n_ended);
    }

  racer_clear (&release);
  g_test_message ("%u granted, %u timed out", n_ended[0], n_ended[1]);
}

static int
compare_times (gconstpointer a,
               gconstpointer b)
{
  return *(const gint64 *) a < *(const gint64 *) b ? -1 : 1;
}

/* The end of a wait follows its cancel without delay. The median is taken, since
 * what else the machine does may delay any one. */
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
  g_assert_cmpint (times[25], <, 50000);
}

static gpointer
cancel_when_blocked (gpointer data)
{
  gpointer *path_and_cancellable = data;

  wait_for_waiters (path_and_cancellable[0], 1);
  g_cancellable_cancel (path_and_cancellable[1]);

  return NULL;
}

/* A synchronous wait is ended from another thread, and runs nothing of the
 * caller's main context meanwhile. */
static gboolean
fail_cb (gpointer user_data)
{
  g_assert_not_reached ();

  return G_SOURCE_REMOVE;
}

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

  /* The same thread may wait for itself if it can be stopped */
  assert_acquires (holder);
  thread = g_thread_new ("cancel", cancel_when_blocked, path_and_cancellable);
  g_assert_false (lf_lock_file_acquire (lock, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_source_remove (idle);
}

static void
cycle (const char *path,
       guint       i)
{
  g_autoptr (LfLockFile) holder = lf_lock_file_new (path);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_remove_on_release (lock, i % 2 == 0);
  assert_acquires (holder);

  switch (i % 5)
    {
    case 0: /* granted after a wait */
      claim_start (&claim, lock, cancellable);
      assert_releases (holder);
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      break;

    case 1: /* cancelled */
      claim_start (&claim, lock, cancellable);
      g_cancellable_cancel (cancellable);
      claim_wait (&claim);
      g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      break;

    case 2: /* timed out */
      g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.0005, cancellable, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      break;

    case 3: /* timed out, asynchronously */
      lf_lock_file_set_timeout (lock, 0.0005);
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      break;

    default: /* tried */
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
    }
}

/* 1,000 acquisitions of all ends leave no descriptor and no thread; that they
 * leave no byte is for valgrind, which runs this too. */
static void
test_no_leaks (Fixture       *fixture,
               gconstpointer  data)
{
  guint n_descriptors;

  /* GLib makes its own threads and descriptors once */
  for (guint i = 0; i < 10; i++)
    cycle (fixture->path, i);
  wait_for_no_lock_threads ();
  n_descriptors = count_descriptors ();

  for (guint i = 0; i < N_CYCLES; i++)
    cycle (fixture->path, i);

  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_descriptors (), ==, n_descriptors);
  g_assert_cmpuint (count_waiters (fixture->path), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  static const RaceKind async_kept = { TRUE, FALSE };
  static const RaceKind async_removed = { TRUE, TRUE };
  static const RaceKind sync_kept = { FALSE, FALSE };

  g_test_init (&argc, &argv, NULL);

  add_data_test ("/cancel/race/async", &async_kept, test_race);
  add_data_test ("/cancel/race/async-removed", &async_removed, test_race);
  add_data_test ("/cancel/race/sync", &sync_kept, test_race);
  add_test ("/cancel/deadline-race", test_deadline_race);
  add_test ("/cancel/prompt", test_prompt);
  add_test ("/cancel/sync", test_sync);
  add_test ("/cancel/no-leaks", test_no_leaks);

  return g_test_run ();
}
