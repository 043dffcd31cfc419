/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The contract between processes: exclusion, hand-over, and what killed processes leave
 * behind. */

#include <stdlib.h>

#include <glib/gstdio.h>

#include "contract.h"

#define N_COUNTERS 8
#define N_WAITERS 20
#define N_FINDERS 20
#define N_FINDER_ROUNDS 100

#define SAYS_NOT_LOCKED "error lf-unlock-error-quark 1"
#define SAYS_NOT_MY_LOCK "error lf-unlock-error-quark 2"
#define SAYS_ALREADY_LOCKED "error lf-lock-error-quark 1"

static void
peer_releases (Peer *peer)
{
  peer_send (peer, "release");
  peer_expect (peer, "released");
}

static void
kill_and_reap (Peer *peer)
{
  peer_kill (peer);
  peer_wait (peer);
}

/* One process can neither acquire nor release what another one holds. */
static void
test_processes (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = backend_peer_start_holder (backend, fixture->path);

  assert_tries_in_vain (backend, fixture->path);
  assert_locked (backend, fixture->path);
  peer_releases (peer);

  assert_acquires (lock);
  peer_send (peer, "try");
  peer_expect (peer, SAYS_ALREADY_LOCKED);
  peer_send (peer, "release");
  peer_expect (peer, SAYS_NOT_MY_LOCK);
  assert_releases (lock);
  peer_send (peer, "release");
  peer_expect (peer, SAYS_NOT_LOCKED);
  peer_send (peer, "try");
  peer_expect (peer, "held");
  peer_releases (peer);
}

/* Each process waits for the other one, with both ways to wait. */
static void
test_hand_over (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  const char *commands[] = { "acquire", "acquire-async" };
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_auto (Claim) claim = { 0 };

      assert_acquires (lock);
      peer_start_waiting (peer, commands[i]);
      assert_releases (lock);
      peer_expect (peer, "held");

      claim_start (&claim, lock, NULL);
      wait_until_others_sleep ();
      g_assert_false (claim.done);
      assert_tries_in_vain (backend, fixture->path);
      peer_releases (peer);
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      assert_releases (lock);

      peer_send (peer, commands[i]);
      peer_expect (peer, "held");
      peer_releases (peer);
    }
}

/* 8 processes increment a number many times each, half of them with acquire() and half with
 * acquire_async(). */
static void
assert_processes_exclude (const TestBackend *backend,
                          Fixture           *fixture,
                          gboolean           removes)
{
  g_autofree char *counter = g_build_filename (fixture->directory, "counter", NULL);
  g_autofree char *number = NULL;
  gint64 start = g_get_monotonic_time ();
  Peer *peers[N_COUNTERS];

  for (guint i = 0; i < N_COUNTERS; i++)
    {
      g_autofree char *command = g_strdup_printf ("count-%s %s %u", i % 2 == 0 ? "sync" : "async",
                                                  counter, backend->n_counter_rounds);

      peers[i] = backend_peer_start (backend, fixture->path);
      if (removes)
        {
          peer_send (peers[i], "remove");
          peer_expect (peers[i], "ok");
        }
      peer_send (peers[i], command);
    }

  for (guint i = 0; i < N_COUNTERS; i++)
    {
      peer_expect (peers[i], "counted");
      peer_free (peers[i]);
    }

  g_test_message ("%.1f s", (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC);
  g_assert_true (g_file_get_contents (counter, &number, NULL, NULL));
  g_assert_cmpuint ((guint) atoi (number), ==, N_COUNTERS * backend->n_counter_rounds);
  g_assert_no_errno (g_unlink (counter));
}

static void
test_counter (Fixture       *fixture,
              gconstpointer  data)
{
  assert_processes_exclude (data, fixture, FALSE);
}

/* The same with a file that is removed at each release. */
static void
test_counter_removed (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;

  /* For dotlocks, test_counter() does the same; and SQLITE may fail to open a file that
   * another process is removing */
  if (backend->is_existence || backend->backend == LF_BACKEND_SQLITE)
    return;

  assert_processes_exclude (backend, fixture, TRUE);
  g_assert_false (path_exists (fixture->path));
}

/* 20 processes wait at once. Each has its turn, and if the kernel keeps a queue, in order
 * of arrival. */
static void
test_waiters (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autofree char *log = g_build_filename (fixture->directory, "log", NULL);
  g_autofree char *order = NULL;
  g_auto (GStrv) lines = NULL;
  Peer *peers[N_WAITERS];

  assert_acquires (lock);
  for (guint i = 0; i < N_WAITERS; i++)
    {
      g_autofree char *command = g_strdup_printf ("shift-%s %s %u", i % 2 == 0 ? "sync" : "async",
                                                  log, i);

      peers[i] = backend_peer_start (backend, fixture->path);
      peer_start_waiting (peers[i], command);
    }

  g_assert_false (path_exists (log));
  assert_releases (lock);
  for (guint i = 0; i < N_WAITERS; i++)
    {
      peer_expect (peers[i], "done");
      peer_free (peers[i]);
    }

  g_assert_true (g_file_get_contents (log, &order, NULL, NULL));
  lines = g_strsplit (g_strchomp (order), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, N_WAITERS);
  for (guint i = 0; i < N_WAITERS; i++)
    {
      g_autofree char *number = g_strdup_printf ("%u", i);

      g_assert_true (g_strv_contains ((const char *const *) lines, number));
      if (backend->has_queue)
        g_assert_cmpstr (lines[i], ==, number);
    }
  g_assert_no_errno (g_unlink (log));
}

/* The lock of another process can be broken, by us and by a third process. Its holder has
 * then lost it. */
static void
test_broken_by_others (Fixture       *fixture,
                       gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
  g_autoptr (Peer) breaker = backend_peer_start (backend, fixture->path);

  peer_send (breaker, "break");
  peer_expect (breaker, "broken");
  assert_not_locked (backend, fixture->path);
  peer_send (holder, "release");
  peer_expect (holder, SAYS_NOT_LOCKED);

  peer_send (holder, "try");
  peer_expect (holder, "held");
  peer_send (breaker, "break");
  peer_expect (breaker, "broken");
  assert_acquires (lock);
  peer_send (holder, "release");
  peer_expect (holder, SAYS_NOT_MY_LOCK);
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (lock);
}

/* A break also ends waits that have already begun. A waiter may be anywhere between two
 * polls, so this is repeated. */
static void
test_break_frees_waiters (Fixture       *fixture,
                          gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) breaker = backend_peer_start (backend, fixture->path);

  /* In the kernel's queue for a removed file, nothing changes */
  if (!backend->is_existence)
    return;

  for (int i = 0; i < 10; i++)
    {
      g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
      g_auto (Claim) claim = { 0 };

      claim_start (&claim, lock, NULL);
      peer_send (breaker, "break");
      peer_expect (breaker, "broken");
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      peer_send (holder, "release");
      peer_expect (holder, SAYS_NOT_MY_LOCK);
      assert_tries_in_vain (backend, fixture->path);
      assert_releases (lock);
    }
}

/* The next claim acquires the lock of a killed holder. */
static void
test_killed (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;

  for (int i = 0; i < 10; i++)
    {
      g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);

      kill_and_reap (holder);
      g_assert_true (path_exists (fixture->path));
      assert_tries (backend, fixture->path);
      g_assert_true (path_exists (fixture->path) == !backend->is_existence);
      assert_not_locked (backend, fixture->path);
    }
}

/* Waiters acquire the lock of a killed holder one after another. */
static void
test_killed_with_waiters (Fixture       *fixture,
                          gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
  g_autoptr (Peer) waiter = backend_peer_start (backend, fixture->path);
  g_autofree char *log = g_build_filename (fixture->directory, "log", NULL);
  g_autofree char *command = g_strdup_printf ("shift-sync %s served", log);
  g_auto (Claim) claim = { 0 };

  claim_start (&claim, lock, NULL);
  wait_until_others_sleep ();
  peer_start_waiting (waiter, command);

  kill_and_reap (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_tries_in_vain (backend, fixture->path);
  if (backend->has_queue)
    g_assert_false (path_exists (log));
  assert_releases (lock);
  peer_expect (waiter, "done");
  assert_tries (backend, fixture->path);
  g_assert_no_errno (g_unlink (log));
}

/* A killed waiter does not disturb the others. */
static void
test_waiter_killed (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) waiter = backend_peer_start (backend, fixture->path);
  g_autoptr (Peer) second_waiter = backend_peer_start (backend, fixture->path);

  assert_acquires (lock);
  peer_start_waiting (waiter, "acquire");
  peer_start_waiting (second_waiter, "acquire-async");
  kill_and_reap (waiter);
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (lock);
  peer_expect (second_waiter, "held");
  peer_releases (second_waiter);
  assert_tries (backend, fixture->path);
}

/* Tells all to try, reads all answers, and returns the one that has the lock, or NULL. */
static Peer *
try_all (Peer *finders[N_FINDERS])
{
  Peer *winner = NULL;

  for (gsize i = 0; i < N_FINDERS; i++)
    peer_send (finders[i], "try");

  for (gsize i = 0; i < N_FINDERS; i++)
    {
      g_autofree char *line = peer_read_line (finders[i]);

      if (g_strcmp0 (line, "held") == 0)
        {
          g_assert_null (winner);
          winner = finders[i];
        }
      else
        g_assert_cmpstr (line, ==, SAYS_ALREADY_LOCKED);
    }

  return winner;
}

static Peer *
find_winner (const TestBackend *backend,
             Peer              *finders[N_FINDERS])
{
  Peer *winner;

  /* Two processes can keep each other from a lock of SQLITE while both try, and on a busy
   * machine one of them may not run for long */
  do
    winner = try_all (finders);
  while (winner == NULL && backend->backend == LF_BACKEND_SQLITE);
  g_assert_nonnull (winner);

  return winner;
}

/* 20 processes find the same stale lock at once. Each time exactly one of them acquires it,
 * and its lock counts as fresh for the others. */
static void
test_stale_found_by_many (Fixture       *fixture,
                          gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  Peer *finders[N_FINDERS];

  for (gsize i = 0; i < N_FINDERS; i++)
    {
      finders[i] = backend_peer_start (backend, fixture->path);
      peer_send (finders[i], "waiting");
      peer_expect (finders[i], "waiting");
    }

  for (int round = 0; round < N_FINDER_ROUNDS; round++)
    {
      g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
      g_autoptr (LfLockHolder) seen = NULL;
      Peer *winner;

      kill_and_reap (holder);
      winner = find_winner (backend, finders);

      assert_tries_in_vain (backend, fixture->path);
      seen = lf_lock_file_query_holder (lock, NULL, NULL);
      g_assert_nonnull (seen);
      if (backend->names_others)
        g_assert_cmpint (lf_lock_holder_get_pid (seen), ==, peer_get_pid (winner));

      /* The release would fail if its lock had been removed or replaced */
      peer_releases (winner);
      assert_not_locked (backend, fixture->path);
    }

  for (gsize i = 0; i < N_FINDERS; i++)
    peer_free (finders[i]);
}

const BackendCase contract_process_cases[] = {
  { "processes", test_processes },
  { "hand-over", test_hand_over },
  { "counter", test_counter },
  { "counter-removed", test_counter_removed },
  { "waiters", test_waiters },
  { "broken-by-others", test_broken_by_others },
  { "break-frees-waiters", test_break_frees_waiters },
  { "killed-holder", test_killed },
  { "killed-holder-with-waiters", test_killed_with_waiters },
  { "killed-waiter", test_waiter_killed },
  { "killed-found-by-many", test_stale_found_by_many },
  { NULL, NULL },
};
