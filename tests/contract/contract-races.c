/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The contract for races: whichever of two events comes first, the report about it is true,
 * and nothing is left behind. */

#include "contract.h"

#define N_ROUNDS 1000
/* Rounds of an empty loop: some microseconds, and some milliseconds */
#define SHORT_SPIN 20000
#define LONGEST_SPIN 2000000

typedef void (*RaceFunc) (gpointer data);

/* A thread that does something at the same time as the main thread, as often as it is told
 * to. */
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
release_broken_racer (gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (!lf_lock_file_release (data, &error))
    g_assert_true (error->domain == LF_UNLOCK_ERROR);
}

static void
cancel_racer (gpointer data)
{
  g_cancellable_cancel (*(GCancellable **) data);
}

/* Threads start at varying times. A random delay varies the order of the two events. */
static void
spin (gint32 limit)
{
  for (volatile gint32 i = g_test_rand_int_range (0, limit); i > 0; i--)
    ;
}

/* On a busy machine a call may end after a second, and its thread releases the lock later. */
static void
assert_becomes_free (const TestBackend *backend,
                     const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;

  lf_test_ignore (lf_lock_file_acquire_with_timeout (lock, 60, NULL, &error));
  g_assert_no_error (error);
  assert_releases (lock);
}

/* The report of a race's loser must be true: after an error the lock is free, after success
 * it is ours. */
static void
check_race (const TestBackend *backend,
            LfLockFile        *lock,
            GError            *error,
            guint              n_ended[2])
{
  const char *path = lf_lock_file_get_path (lock);

  n_ended[error != NULL]++;
  if (error == NULL)
    {
      g_assert_true (lf_lock_file_is_held (lock));
      assert_tries_in_vain (backend, path);
      assert_releases (lock);
    }
  else
    {
      g_assert_false (lf_lock_file_is_held (lock));
      /* A report does not wait for a disk that takes a second to answer. In that case the
       * thread of the wait cleans up later */
      if (lf_lock_file_get_remove_on_release (lock) && path_exists (path))
        wait_for_no_lock_threads ();
      if (lf_lock_file_get_remove_on_release (lock))
        g_assert_false (path_exists (path));
      assert_becomes_free (backend, path);
    }
}

/* A cancel races with the release that grants the lock. In every second pair of rounds the
 * release removes the file. */
static void
test_cancel_race (const TestBackend *backend,
                  const char        *path,
                  gboolean           async)
{
  g_autoptr (LfLockFile) holder = lock_new (backend, path);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GCancellable) cancellable = NULL;
  Racer release, cancel;
  gint32 limit = SHORT_SPIN;
  guint n_ended[2] = { 0, 0 };

  racer_init (&release, release_racer, holder);
  racer_init (&cancel, cancel_racer, &cancellable);

  for (guint i = 0; i < backend->n_cancel_rounds; i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };
      gboolean release_first = i % 2 == 0;

      cancellable = g_cancellable_new ();
      lf_lock_file_set_remove_on_release (holder, i % 4 < 2);
      lf_lock_file_set_remove_on_release (lock, i % 4 < 2);
      assert_acquires (holder);
      if (async)
        claim_start (&claim, lock, cancellable);

      racer_go (release_first ? &release : &cancel);
      spin (release_first ? limit : SHORT_SPIN);
      racer_go (release_first ? &cancel : &release);

      if (async)
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
      check_race (backend, lock, error, n_ended);
      g_clear_object (&cancellable);

      /* Adapts the delay so that both orders are equally likely, however long a wake-up
       * takes */
      if (release_first)
        limit = error != NULL ? MIN (2 * limit, LONGEST_SPIN) : MAX (limit / 2, 2);
    }

  racer_clear (&release);
  racer_clear (&cancel);
  g_test_message ("%u granted, %u cancelled", n_ended[0], n_ended[1]);
  /* Without a queue, waiters may poll too late each time */
  if (backend->has_queue)
    g_assert_cmpuint (n_ended[0], >, 0);
  g_assert_cmpuint (n_ended[1], >, 0);
}

static void
test_cancel_race_async (Fixture       *fixture,
                        gconstpointer  data)
{
  test_cancel_race (data, fixture->path, TRUE);
}

static void
test_cancel_race_sync (Fixture       *fixture,
                       gconstpointer  data)
{
  test_cancel_race (data, fixture->path, FALSE);
}

/* A deadline races with the release. */
static void
test_deadline_race (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  Racer release;
  guint n_ended[2] = { 0, 0 };

  racer_init (&release, release_racer, holder);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (GError) error = NULL;

      assert_acquires (holder);
      racer_go (&release);
      lf_test_ignore (lf_lock_file_acquire_with_timeout (lock, 1e-6 * g_test_rand_int_range (1, 400), NULL, &error));
      racer_wait (&release);
      if (error != NULL)
        g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      check_race (backend, lock, error, n_ended);
    }

  racer_clear (&release);
  g_test_message ("%u granted, %u timed out", n_ended[0], n_ended[1]);
}

/* A release races with a process that breaks the lock and acquires it. Whichever is first,
 * the new lock is left alone. */
static void
test_break_race (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) successor = lock_new (backend, fixture->path);
  Racer release;

  racer_init (&release, release_broken_racer, holder);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (GError) error = NULL;

      assert_acquires (holder);
      racer_go (&release);
      spin (SHORT_SPIN);
      lf_test_ignore (lf_lock_file_break_lock (successor, NULL, &error));
      g_assert_no_error (error);
      lf_test_ignore (lf_lock_file_acquire_with_timeout (successor, 60, NULL, &error));
      g_assert_no_error (error);
      racer_wait (&release);
      assert_tries_in_vain (backend, fixture->path);
      assert_releases (successor);
    }

  racer_clear (&release);
}

const BackendCase contract_race_cases[] = {
  { "timeout-race", test_deadline_race },
  { "cancel-race-async", test_cancel_race_async },
  { "cancel-race-sync", test_cancel_race_sync },
  { "break-race", test_break_race },
  { NULL, NULL },
};
