/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Many processes claim a few locks in all possible ways, while some of them are killed.
 * Shared memory is the witness: each process writes there what it holds, and checks whether
 * another one holds it too.
 *
 * With --breakers, processes also break locks. A holder may then lose its lock, but only to
 * a break that happened while it held the lock. Everything else is a violation. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-backend.h"

#define N_WORKERS 6
#define N_BREAKERS 1
#define N_LOCKS 2
#define N_SLOTS (N_WORKERS + N_BREAKERS)

/* How long a lock that all want may stay without a new holder, in seconds. */
#define PATIENCE 20

typedef struct
{
  int doomed;       /* atomic: about to be killed, or dead */
  int reads;        /* atomic: holds it shared */
  int n_breaks_seen;
} Slot;

typedef struct
{
  int owner;        /* atomic: number of the slot that holds it exclusively, plus one */
  int owner_breaks; /* atomic: how many breaks had ended before the claim */
  int readers_breaks;
  int n_breaks_begun;
  int n_breaks_ended;
  gint64 n_acquired;
  Slot slots[N_SLOTS];
} Witness;

typedef struct
{
  int stop; /* atomic */
  gint64 n_acquired;
  gint64 n_kills;
  gint64 n_violations;
  gint64 n_errors;
  gint64 n_timeouts;
  gint64 n_breaks;
  Witness locks[N_LOCKS];
} Shared;

static Shared *shared;
static const TestBackend *backend;
static char *paths[N_LOCKS];
static gboolean breaks;
static gboolean synced;

static void
count (gint64 *counter)
{
  __atomic_add_fetch (counter, 1, __ATOMIC_SEQ_CST);
}

G_GNUC_PRINTF (1, 2)
static void
violation (const char *format,
           ...)
{
  va_list arguments;
  g_autofree char *text = NULL;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);

  count (&shared->n_violations);
  g_printerr ("# %s: %s\n", backend->nick, text);
}

/* Whether a break that had not ended at the claim may have broken the lock. */
static gboolean
may_be_broken (Witness *witness,
               int      n_ended_before)
{
  return breaks && g_atomic_int_get (&witness->n_breaks_begun) != n_ended_before;
}

/* The process's own lock may already be broken between the grant and this. */
static void
enter (Witness *witness,
       int      number,
       gboolean is_shared,
       int      n_ended_before)
{
  count (&shared->n_acquired);
  count (&witness->n_acquired);

  if (is_shared)
    {
      int owner;

      g_atomic_int_set (&witness->slots[number].n_breaks_seen, n_ended_before);
      g_atomic_int_set (&witness->slots[number].reads, TRUE);
      owner = g_atomic_int_get (&witness->owner);
      if (owner != 0 && !g_atomic_int_get (&witness->slots[owner - 1].doomed) &&
          !may_be_broken (witness, n_ended_before) &&
          !may_be_broken (witness, g_atomic_int_get (&witness->owner_breaks)))
        violation ("%d reads while %d writes", number, owner - 1);
      return;
    }

  for (int i = 0; i < N_SLOTS; i++)
    {
      if (i != number && g_atomic_int_get (&witness->slots[i].reads) &&
          !g_atomic_int_get (&witness->slots[i].doomed) &&
          !may_be_broken (witness, n_ended_before) &&
          !may_be_broken (witness, g_atomic_int_get (&witness->slots[i].n_breaks_seen)))
        violation ("%d writes while %d reads", number, i);
    }

  {
    int before = g_atomic_int_get (&witness->owner_breaks);
    int owner = __atomic_exchange_n (&witness->owner, number + 1, __ATOMIC_SEQ_CST);

    if (owner != 0 && !g_atomic_int_get (&witness->slots[owner - 1].doomed) &&
          !may_be_broken (witness, n_ended_before) &&
        !may_be_broken (witness, before))
      violation ("%d writes while %d writes", number, owner - 1);
    g_atomic_int_set (&witness->owner_breaks, n_ended_before);
  }
}

static void
leave (Witness *witness,
       int      number,
       gboolean is_shared)
{
  if (is_shared)
    g_atomic_int_set (&witness->slots[number].reads, FALSE);
  else if (!g_atomic_int_compare_and_exchange (&witness->owner, number + 1, 0) && !breaks)
    violation ("somebody came while %d had it", number);
}

typedef struct
{
  gboolean done;
  gboolean granted;
  GError *error;
} Result;

static void
acquired_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  Result *outcome = user_data;

  outcome->granted = lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &outcome->error);
  outcome->done = TRUE;
}

static void
released_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  Result *outcome = user_data;

  outcome->granted = lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &outcome->error);
  outcome->done = TRUE;
}

static gboolean
cancel_cb (gpointer data)
{
  g_cancellable_cancel (data);

  return G_SOURCE_REMOVE;
}

static void
wait_for (Result *outcome)
{
  while (!outcome->done)
    g_main_context_iteration (NULL, TRUE);
}

static Result
claim (LfLockFile *lock,
       GRand      *random)
{
  Result outcome = { FALSE, FALSE, NULL };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  guint source = 0;

  switch (g_rand_int_range (random, 0, 6))
    {
    case 0:
      outcome.granted = lf_lock_file_try_acquire (lock, &outcome.error);
      break;

    case 1:
      outcome.granted = lf_lock_file_acquire_with_timeout (lock, g_rand_double_range (random, 0, 0.02),
                                                           NULL, &outcome.error);
      break;

    case 2:
      lf_lock_file_set_timeout (lock, PATIENCE);
      lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, NULL, acquired_cb, &outcome);
      wait_for (&outcome);
      break;

    case 3:
      lf_lock_file_set_timeout (lock, PATIENCE);
      source = g_timeout_add ((guint) g_rand_int_range (random, 0, 20), cancel_cb, cancellable);
      lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, cancellable, acquired_cb, &outcome);
      wait_for (&outcome);
      if (!g_cancellable_is_cancelled (cancellable))
        g_source_remove (source);
      break;

    default:
      outcome.granted = lf_lock_file_acquire_with_timeout (lock, PATIENCE, NULL, &outcome.error);
      break;
    }

  if (outcome.granted == (outcome.error != NULL))
    violation ("a claim ends with both a grant and an error, or neither");

  return outcome;
}

static gboolean
is_lost (const GError *error)
{
  return g_error_matches (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK) ||
         g_error_matches (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
}

static void
give_back (LfLockFile **lock,
           Witness     *witness,
           int          n_ended_before,
           GRand       *random)
{
  Result outcome = { FALSE, TRUE, NULL };

  switch (g_rand_int_range (random, 0, 4))
    {
    case 0:
      g_clear_object (lock);
      break;

    case 1:
      lf_lock_file_release_async (*lock, G_PRIORITY_DEFAULT, NULL, released_cb, &outcome);
      wait_for (&outcome);
      break;

    default:
      outcome.granted = lf_lock_file_release (*lock, &outcome.error);
      break;
    }

  if (outcome.granted)
    return;

  if (!is_lost (outcome.error) || !may_be_broken (witness, n_ended_before))
    violation ("release: %s", outcome.error->message);
  g_clear_error (&outcome.error);
}

static gboolean
is_expected (const GError *error)
{
  return g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED) ||
         g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
work (int     number,
      guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);

  while (!g_atomic_int_get (&shared->stop))
    {
      int which = g_rand_int_range (random, 0, N_LOCKS);
      Witness *witness = &shared->locks[which];
      gboolean is_shared = backend->has_shared && g_rand_boolean (random);
      LfLockFile *lock = g_object_new (LF_TYPE_LOCK_FILE,
                                       "path", paths[which],
                                       "backend", backend->backend,
                                       "mode", is_shared ? LF_LOCK_MODE_SHARED
                                                         : LF_LOCK_MODE_EXCLUSIVE,
                                       "remove-on-release", g_rand_int_range (random, 0, 4) == 0,
                                       "poll-interval", 0.02,
                                       NULL);
      int n_rounds = g_rand_int_range (random, 1, 5);

      if (!synced && g_object_class_find_property (G_OBJECT_GET_CLASS (lock), "durable") != NULL)
        g_object_set (lock, "durable", FALSE, NULL);

      for (int i = 0; i < n_rounds && lock != NULL; i++)
        {
          int n_ended_before = g_atomic_int_get (&witness->n_breaks_ended);
          Result outcome = claim (lock, random);

          if (outcome.granted)
            {
              enter (witness, number, is_shared, n_ended_before);
              if (g_rand_int_range (random, 0, 8) == 0)
                g_usleep ((gulong) g_rand_int_range (random, 0, 1000));
              leave (witness, number, is_shared);
              give_back (&lock, witness, n_ended_before, random);
              continue;
            }

          if (!is_expected (outcome.error))
            {
              count (&shared->n_errors);
              g_printerr ("# %s: %s\n", backend->nick, outcome.error->message);
            }
          g_clear_error (&outcome.error);
        }

      g_clear_object (&lock);
    }
}

static void
break_locks (guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);

  while (!g_atomic_int_get (&shared->stop))
    {
      int which = g_rand_int_range (random, 0, N_LOCKS);
      Witness *witness = &shared->locks[which];
      g_autoptr (LfLockFile) lock = lock_new (backend, paths[which]);
      g_autoptr (GError) error = NULL;

      g_atomic_int_inc (&witness->n_breaks_begun);
      if (lf_lock_file_break_lock (lock, NULL, &error))
        count (&shared->n_breaks);
      g_atomic_int_inc (&witness->n_breaks_ended);
      g_usleep ((gulong) g_rand_int_range (random, 0, 3000));
    }
}

static pid_t
start (int     number,
       guint32 seed)
{
  pid_t pid;

  for (int i = 0; i < N_LOCKS; i++)
    {
      g_atomic_int_set (&shared->locks[i].slots[number].reads, FALSE);
      g_atomic_int_compare_and_exchange (&shared->locks[i].owner, number + 1, 0);
      g_atomic_int_set (&shared->locks[i].slots[number].doomed, FALSE);
    }

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      if (number < N_WORKERS)
        work (number, seed);
      else
        break_locks (seed);
      _exit (0);
    }

  return pid;
}

static void
doom (pid_t pid,
      int   number)
{
  int status;

  for (int i = 0; i < N_LOCKS; i++)
    g_atomic_int_set (&shared->locks[i].slots[number].doomed, TRUE);
  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  count (&shared->n_kills);

  /* A dead process's break has ended */
  for (int i = 0; i < N_LOCKS && number >= N_WORKERS; i++)
    g_atomic_int_set (&shared->locks[i].n_breaks_ended, shared->locks[i].n_breaks_begun);
}

/* Counts files in the directory that should not be there. */
static guint
count_litter (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;
  guint n_litter = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      gboolean is_kept = FALSE;

      for (int i = 0; i < N_LOCKS && !backend->is_existence; i++)
        {
          g_autofree char *base_name = g_path_get_basename (paths[i]);

          is_kept = is_kept || g_str_equal (name, base_name);
        }
      if (!is_kept)
        {
          n_litter++;
          g_printerr ("# %s: left behind: %s\n", backend->nick, name);
        }
    }

  return n_litter;
}

/* After the storm, a new process must be able to acquire each lock. */
static guint
count_stuck (void)
{
  guint n_stuck = 0;

  for (int i = 0; i < N_LOCKS; i++)
    {
      int status;
      pid_t pid = fork ();

      g_assert_cmpint (pid, >=, 0);
      if (pid == 0)
        {
          g_autoptr (LfLockFile) lock = lock_new (backend, paths[i]);
          g_autoptr (GError) error = NULL;

          if (lf_lock_file_acquire_with_timeout (lock, 5, NULL, &error) &&
              lf_lock_file_release (lock, &error))
            _exit (0);
          g_printerr ("# %s: stuck: %s\n", backend->nick, error->message);
          _exit (1);
        }
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      if (status != 0)
        n_stuck++;
    }

  return n_stuck;
}

static gboolean
blow (double  seconds,
      guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  g_autofree char *directory = g_dir_make_tmp ("lockfile-glib-XXXXXX", NULL);
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  gint64 last_progress = g_get_monotonic_time ();
  gint64 n_last = 0;
  int n_slots = breaks ? N_SLOTS : N_WORKERS;
  guint n_stuck = 0, n_litter;
  pid_t pids[N_SLOTS];

  shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (shared != MAP_FAILED);
  for (int i = 0; i < N_LOCKS; i++)
    paths[i] = g_strdup_printf ("%s/%d.lock", directory, i);
  for (int i = 0; i < n_slots; i++)
    pids[i] = start (i, g_rand_int (random));

  while (g_get_monotonic_time () < end)
    {
      int victim = g_rand_int_range (random, 0, n_slots);

      g_usleep ((gulong) g_rand_int_range (random, 0, 30000));
      doom (pids[victim], victim);
      pids[victim] = start (victim, g_rand_int (random));

      if (shared->n_acquired != n_last)
        {
          n_last = shared->n_acquired;
          last_progress = g_get_monotonic_time ();
        }
      else if (g_get_monotonic_time () - last_progress > PATIENCE * G_TIME_SPAN_SECOND)
        {
          n_stuck++;
          break;
        }
    }

  g_atomic_int_set (&shared->stop, TRUE);
  for (int i = 0; i < n_slots; i++)
    {
      int status;

      g_assert_cmpint (waitpid (pids[i], &status, 0), ==, pids[i]);
      if (status != 0)
        violation ("a worker ends with status %d", status);
    }
  n_stuck += count_stuck ();
  n_litter = count_litter (directory);

  g_print ("# %s%s: %" G_GINT64_FORMAT " acquisitions, %" G_GINT64_FORMAT " kills, %" G_GINT64_FORMAT
           " breaks, %" G_GINT64_FORMAT " errors, %" G_GINT64_FORMAT " violations, %u stuck locks, "
           "%u left behind\n", backend->nick, breaks ? " with breakers" : "", shared->n_acquired,
           shared->n_kills, shared->n_breaks, shared->n_errors, shared->n_violations, n_stuck, n_litter);

  {
    gboolean is_good = shared->n_violations == 0 && shared->n_errors == 0 && n_stuck == 0 &&
                       n_litter == 0 && shared->n_acquired > 0;

    munmap (shared, sizeof *shared);
    for (int i = 0; i < N_LOCKS; i++)
      g_clear_pointer (&paths[i], g_free);
    remove_recursively (directory);

    return is_good;
  }
}

int
main (int    argc,
      char **argv)
{
  double seconds = 10;
  int seed = -1, n_tests = 0, n_failed = 0, n_chosen = 0;
  gboolean tap = FALSE;
  g_autofree char *nick = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "For all ways of locking together", "N" },
    { "backend", 0, 0, G_OPTION_ARG_STRING, &nick, "Only this way of locking", "NICK" },
    { "breakers", 0, 0, G_OPTION_ARG_NONE, &breaks, "Break locks, too", NULL },
    { "synced", 0, 0, G_OPTION_ARG_NONE, &synced, "Have records written to the disk", NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "For what is random", "N" },
    { "tap", 0, 0, G_OPTION_ARG_NONE, &tap, "Report as TAP", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  if (seed < 0)
    seed = (int) (g_random_int () & G_MAXINT);
  g_print ("# Seed: %d\n", seed);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (lf_backend_is_supported (test_backends[i].backend) &&
          (nick == NULL || g_str_equal (nick, test_backends[i].nick)))
        n_chosen++;
    }

  for (gsize i = 0; i < n_test_backends; i++)
    {
      gboolean is_good;

      backend = &test_backends[i];
      if (!lf_backend_is_supported (backend->backend) ||
          (nick != NULL && !g_str_equal (nick, backend->nick)))
        continue;

      /* Breaking the lock of an open database would remove data */
      if (breaks && backend->backend == LF_BACKEND_SQLITE)
        continue;

      is_good = blow (seconds / n_chosen, (guint32) seed + (guint32) i);
      n_tests++;
      n_failed += is_good ? 0 : 1;
      if (tap)
        g_print ("%sok %d /storm/%s%s\n", is_good ? "" : "not ", n_tests, backend->nick,
                 breaks ? "/breakers" : "");
    }
  if (tap)
    g_print ("1..%d\n", n_tests);

  return n_failed > 0;
}
