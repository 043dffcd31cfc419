/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Semaphores: there are never more holders than slots, waiters are served first come, first
 * served, and a process that dies leaves nothing behind. */

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lf-test-util.h"

#define N_SLOTS 3

/* An asynchronous acquisition */
typedef struct
{
  LfSemaphore *semaphore;
  gboolean done;
  gboolean granted;
  GError *error;
  guint sequence;
} SlotClaim;

static guint n_done;

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  SlotClaim *claim = user_data;

  claim->granted = lf_semaphore_acquire_finish (LF_SEMAPHORE (source), result, &claim->error);
  claim->sequence = n_done++;
  claim->done = TRUE;
}

static void
slot_claim_start (SlotClaim    *claim,
                  const char   *path,
                  guint         slots,
                  double        timeout,
                  GCancellable *cancellable)
{
  *claim = (SlotClaim) { .semaphore = lf_semaphore_new (path, slots) };
  lf_semaphore_acquire_with_timeout_async (claim->semaphore, timeout, G_PRIORITY_DEFAULT,
                                           cancellable, acquired_cb, claim);
}

static void
slot_claim_clear (SlotClaim *claim)
{
  g_clear_object (&claim->semaphore);
  g_clear_error (&claim->error);
}

static LfSemaphore *
new_holder (const char *path,
            guint       slots)
{
  LfSemaphore *semaphore = lf_semaphore_new (path, slots);
  gboolean acquired;
  GError *error = NULL;

  acquired = lf_semaphore_try_acquire (semaphore, &error);
  g_assert_no_error (error);
  g_assert_true (acquired);

  return semaphore;
}

static void
assert_full (const char *path,
             guint       slots)
{
  g_autoptr (LfSemaphore) semaphore = lf_semaphore_new (path, slots);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_semaphore_try_acquire (semaphore, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_false (lf_semaphore_is_held (semaphore));
}

static void
assert_released (LfSemaphore *semaphore)
{
  GError *error = NULL;
  gboolean released = lf_semaphore_release (semaphore, &error);

  g_assert_no_error (error);
  g_assert_true (released);
}

static char *
get_queue_path (Fixture *fixture)
{
  return g_strconcat (fixture->path, ".queue", NULL);
}

/* As many objects as there are slots acquire different slots. Another object acquires none
 * until a slot is released. The last reference of an object releases its slot. */
static void
test_slots (Fixture       *fixture,
            gconstpointer  data)
{
  LfSemaphore *holders[N_SLOTS];
  g_autoptr (GError) error = NULL;
  g_autofree char *slot_path = g_strconcat (fixture->path, ".2", NULL);

  for (guint i = 0; i < N_SLOTS; i++)
    {
      holders[i] = new_holder (fixture->path, N_SLOTS);
      g_assert_cmpuint (lf_semaphore_get_slot (holders[i]), ==, i + 1);
      g_assert_true (lf_semaphore_is_held (holders[i]));
      g_assert_true (lf_semaphore_is_acquired_by_thread (holders[i]));
    }
  assert_full (fixture->path, N_SLOTS);
  assert_not_free (slot_path);

  assert_released (holders[1]);
  assert_free (slot_path);
  g_assert_false (lf_semaphore_is_held (holders[1]));
  g_assert_cmpuint (lf_semaphore_get_slot (holders[1]), ==, 0);
  g_assert_false (lf_semaphore_release (holders[1], &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);

  g_object_unref (holders[1]);
  holders[1] = new_holder (fixture->path, N_SLOTS);
  g_assert_cmpuint (lf_semaphore_get_slot (holders[1]), ==, 2);

  g_object_unref (holders[0]);
  holders[0] = new_holder (fixture->path, N_SLOTS);
  assert_full (fixture->path, N_SLOTS);

  for (guint i = 0; i < N_SLOTS; i++)
    g_object_unref (holders[i]);
  g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
  g_assert_false (path_exists (fixture->path));
}

static void
held_cb (guint *n_notified)
{
  ++*n_notified;
}

/* The properties are correct, and an object holds one slot even if its thread acquires it again. */
static void
test_object (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfSemaphore) semaphore = lf_semaphore_new (fixture->path, N_SLOTS);
  g_autofree char *path = NULL;
  GError *error = NULL;
  guint slots = 0, n_notified = 0;
  double timeout = 0;
  gboolean held = TRUE;

  g_object_get (semaphore, "path", &path, "slots", &slots, "timeout", &timeout, "held", &held,
                NULL);
  g_assert_cmpstr (path, ==, fixture->path);
  g_assert_cmpstr (path, ==, lf_semaphore_get_path (semaphore));
  g_assert_cmpuint (slots, ==, N_SLOTS);
  g_assert_cmpuint (slots, ==, lf_semaphore_get_slots (semaphore));
  g_assert_cmpfloat (timeout, ==, -1);
  g_assert_false (held);

  g_object_set (semaphore, "timeout", 2.5, NULL);
  g_assert_cmpfloat (lf_semaphore_get_timeout (semaphore), ==, 2.5);

  g_signal_connect_swapped (semaphore, "notify::held", G_CALLBACK (held_cb), &n_notified);
  g_assert_true (lf_semaphore_acquire (semaphore, NULL, &error));
  g_assert_true (lf_semaphore_acquire (semaphore, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_notified, ==, 1);
  g_object_unref (new_holder (fixture->path, 2));
  assert_released (semaphore);
  g_assert_cmpuint (n_notified, ==, 2);
}

/* A path that cannot be used is reported when a slot is acquired. */
static void
test_errors (Fixture       *fixture,
             gconstpointer  data)
{
  g_autofree char *missing = g_build_filename (fixture->directory, "missing", "x", NULL);
  g_autofree char *slot_path = g_strconcat (fixture->path, ".1", NULL);
  g_autoptr (LfSemaphore) nowhere = lf_semaphore_new (missing, N_SLOTS);
  g_autoptr (LfSemaphore) no_slot = lf_semaphore_new (fixture->path, N_SLOTS);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_semaphore_acquire (nowhere, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_assert_no_errno (symlink ("elsewhere", slot_path));
  g_assert_false (lf_semaphore_acquire (no_slot, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
}

/* Waiters are granted slots in the order of their claims, whichever slot is released. */
static void
test_order (Fixture       *fixture,
            gconstpointer  data)
{
  g_autofree char *queue = get_queue_path (fixture);
  LfSemaphore *holders[N_SLOTS];
  SlotClaim claims[3 * N_SLOTS];

  for (guint i = 0; i < N_SLOTS; i++)
    holders[i] = new_holder (fixture->path, N_SLOTS);

  n_done = 0;
  for (guint i = 0; i < G_N_ELEMENTS (claims); i++)
    {
      slot_claim_start (&claims[i], fixture->path, N_SLOTS, -1, NULL);
      /* The first waiter holds the lock of the queue, and has a thread per slot */
      wait_for_waiters (queue, i);
      wait_for_sleeping_lock_threads (N_SLOTS + 1 + i);
    }

  assert_released (holders[1]);
  for (guint i = 0; i < G_N_ELEMENTS (claims); i++)
    {
      iterate_until (&claims[i].done);
      g_assert_no_error (claims[i].error);
      g_assert_true (claims[i].granted);
      g_assert_cmpuint (claims[i].sequence, ==, i);
      g_assert_cmpuint (lf_semaphore_get_slot (claims[i].semaphore), ==, 2);
      assert_released (claims[i].semaphore);
      slot_claim_clear (&claims[i]);
    }

  g_object_unref (holders[0]);
  g_object_unref (holders[1]);
  g_object_unref (holders[2]);
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
}

/* No waiter wakes up while nothing happens. */
static void
test_idle (Fixture       *fixture,
           gconstpointer  data)
{
  g_autofree char *queue = get_queue_path (fixture);
  LfSemaphore *holders[N_SLOTS];
  SlotClaim claims[2];
  struct rusage before, after;

  for (guint i = 0; i < N_SLOTS; i++)
    holders[i] = new_holder (fixture->path, N_SLOTS);
  for (guint i = 0; i < G_N_ELEMENTS (claims); i++)
    {
      slot_claim_start (&claims[i], fixture->path, N_SLOTS, -1, NULL);
      wait_for_waiters (queue, i);
    }
  wait_for_sleeping_lock_threads (N_SLOTS + 2);

  getrusage (RUSAGE_SELF, &before);
  g_usleep (G_USEC_PER_SEC);
  getrusage (RUSAGE_SELF, &after);
  /* The sleep of this case is one of them */
  g_assert_cmpint (after.ru_nvcsw - before.ru_nvcsw, <=, 1);

  for (guint i = 0; i < N_SLOTS; i++)
    g_object_unref (holders[i]);
  for (guint i = 0; i < G_N_ELEMENTS (claims); i++)
    {
      iterate_until (&claims[i].done);
      g_assert_true (claims[i].granted);
      slot_claim_clear (&claims[i]);
    }
}

/* A synchronous call waits in its own thread for any of the slots. */
static gpointer
acquire_in_thread (gpointer data)
{
  LfSemaphore *semaphore = data;
  GError *error = NULL;

  g_assert_true (lf_semaphore_acquire (semaphore, NULL, &error));
  g_assert_no_error (error);
  assert_released (semaphore);

  return NULL;
}

static void
test_sync (Fixture       *fixture,
           gconstpointer  data)
{
  g_autofree char *queue = get_queue_path (fixture);
  g_autoptr (LfSemaphore) first = new_holder (fixture->path, 2);
  g_autoptr (LfSemaphore) second = new_holder (fixture->path, 2);
  g_autoptr (LfSemaphore) waiting = lf_semaphore_new (fixture->path, 2);
  g_autoptr (LfSemaphore) next = lf_semaphore_new (fixture->path, 2);
  GThread *thread = g_thread_new (NULL, acquire_in_thread, waiting);
  GThread *next_thread;

  wait_for_sleeping_lock_threads (2);
  next_thread = g_thread_new (NULL, acquire_in_thread, next);
  wait_for_waiters (queue, 1);
  assert_released (second);
  g_thread_join (thread);
  g_thread_join (next_thread);
  wait_for_no_lock_threads ();
}

/* A cancel ends a wait at once, in the queue and as its head. Nothing is left behind, and the
 * next waiter becomes the head. */
static void
test_cancel (Fixture       *fixture,
             gconstpointer  data)
{
  g_autofree char *queue = get_queue_path (fixture);
  GCancellable *cancellables[3];
  LfSemaphore *holders[N_SLOTS];
  SlotClaim claims[3];

  for (guint i = 0; i < N_SLOTS; i++)
    holders[i] = new_holder (fixture->path, N_SLOTS);
  for (guint i = 0; i < G_N_ELEMENTS (claims); i++)
    {
      cancellables[i] = g_cancellable_new ();
      slot_claim_start (&claims[i], fixture->path, N_SLOTS, -1, cancellables[i]);
      wait_for_waiters (queue, i);
      wait_for_sleeping_lock_threads (N_SLOTS + 1 + i);
    }

  for (guint i = 0; i < 2; i++)
    {
      /* First the waiter behind the head, then the head */
      SlotClaim *claim = &claims[1 - i];

      g_cancellable_cancel (cancellables[1 - i]);
      iterate_until (&claim->done);
      g_assert_error (claim->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_false (lf_semaphore_is_held (claim->semaphore));
      slot_claim_clear (claim);
      wait_for_sleeping_lock_threads (N_SLOTS + (i == 0 ? 2 : 1));
    }

  assert_released (holders[2]);
  iterate_until (&claims[2].done);
  g_assert_true (claims[2].granted);
  slot_claim_clear (&claims[2]);

  for (guint i = 0; i < N_SLOTS; i++)
    g_object_unref (holders[i]);
  for (guint i = 0; i < G_N_ELEMENTS (cancellables); i++)
    g_clear_object (&cancellables[i]);
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
}

/* A timeout is not early and leaves nothing held, in the queue and as its head. */
static void
test_timeout (Fixture       *fixture,
              gconstpointer  data)
{
  g_autofree char *queue = get_queue_path (fixture);
  g_autoptr (LfSemaphore) first = new_holder (fixture->path, 2);
  g_autoptr (LfSemaphore) second = new_holder (fixture->path, 2);
  g_autoptr (LfSemaphore) sync = lf_semaphore_new (fixture->path, 2);
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();
  SlotClaim claims[2];

  g_assert_false (lf_semaphore_acquire_with_timeout (sync, 0.05, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, fixture->path));
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 50 * 1000);

  for (guint i = 0; i < G_N_ELEMENTS (claims); i++)
    slot_claim_start (&claims[i], fixture->path, 2, 0.2, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (claims); i++)
    {
      iterate_until (&claims[i].done);
      g_assert_error (claims[i].error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      slot_claim_clear (&claims[i]);
    }
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 250 * 1000);
  wait_for_no_lock_threads ();
  assert_free (queue);

  assert_released (second);
  g_object_unref (new_holder (fixture->path, 2));
}

/* A thread that holds all slots and would wait for itself gets an error, with one slot and with
 * several. */
static void
would_deadlock (gpointer data)
{
  const char *path = data;
  g_autoptr (LfSemaphore) mutex = new_holder (path, 1);
  g_autoptr (LfSemaphore) again = lf_semaphore_new (path, 1);
  g_autoptr (LfSemaphore) second = NULL;
  g_autoptr (LfSemaphore) third = lf_semaphore_new (path, 2);
  g_autofree char *slot_path = g_strconcat (path, ".1", NULL);
  g_autoptr (LfLockFile) lock_file = lf_lock_file_new (slot_path);
  g_autoptr (GError) error = NULL;

  assert_full (path, 1);
  g_assert_false (lf_lock_file_try_acquire (lock_file, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  g_assert_false (lf_semaphore_acquire (again, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
  g_clear_error (&error);

  second = new_holder (path, 2);
  g_assert_false (lf_semaphore_acquire (third, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);

  assert_released (mutex);
  assert_acquires (lock_file);
  assert_full (path, 1);
}

static void
test_mutex (Fixture       *fixture,
            gconstpointer  data)
{
  run_in_child (would_deadlock, fixture->path);
}

/* Programs with different numbers of slots share the slots that both have. */
static void
test_other_number (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfSemaphore) first = new_holder (fixture->path, 3);
  g_autoptr (LfSemaphore) second = new_holder (fixture->path, 3);
  g_autoptr (LfSemaphore) third = NULL;

  assert_full (fixture->path, 1);
  assert_full (fixture->path, 2);
  third = new_holder (fixture->path, 3);
  assert_released (first);
  g_object_unref (new_holder (fixture->path, 1));
}

/* In a child: waits until the parent says that it has happened. */
typedef struct
{
  int told[2];
  pid_t pid;
} Child;

static void
child_start (Child      *child,
             const char *path,
             guint       slots)
{
  g_assert_no_errno (pipe (child->told));
  child->pid = fork ();
  g_assert_no_errno (child->pid);
  if (child->pid != 0)
    return;

  {
    LfSemaphore *semaphore = lf_semaphore_new (path, slots);

    /* The child ends if the case fails */
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (!lf_semaphore_acquire (semaphore, NULL, NULL) || write (child->told[1], "!", 1) != 1)
      _exit (1);
    pause ();
    _exit (0);
  }
}

static void
child_expect_acquired (Child *child)
{
  char byte;

  g_assert_cmpint (read (child->told[0], &byte, 1), ==, 1);
}

static void
child_kill (Child *child)
{
  g_assert_no_errno (kill (child->pid, SIGKILL));
  g_assert_no_errno (waitpid (child->pid, NULL, 0));
  close (child->told[0]);
  close (child->told[1]);
}

/* If a holder is killed, its slot is free at once, and if the head is killed, its place. */
static void
test_killed (Fixture       *fixture,
             gconstpointer  data)
{
  g_autofree char *queue = get_queue_path (fixture);
  g_autofree char *first_slot = g_strconcat (fixture->path, ".1", NULL);
  g_autofree char *second_slot = g_strconcat (fixture->path, ".2", NULL);
  Child holders[2], head, next;

  for (guint i = 0; i < 2; i++)
    {
      child_start (&holders[i], fixture->path, 2);
      child_expect_acquired (&holders[i]);
    }
  child_start (&head, fixture->path, 2);
  wait_for_waiters (first_slot, 1);
  wait_for_waiters (second_slot, 1);
  child_start (&next, fixture->path, 2);
  wait_for_waiters (queue, 1);

  child_kill (&head);
  wait_for_waiters (queue, 0);
  wait_for_waiters (first_slot, 1);
  wait_for_waiters (second_slot, 1);

  child_kill (&holders[1]);
  child_expect_acquired (&next);
  assert_full (fixture->path, 2);
  child_kill (&next);
  child_kill (&holders[0]);
  g_object_unref (new_holder (fixture->path, 2));
}

static void
use_inherited (gpointer data)
{
  LfSemaphore *semaphore = data;
  g_autoptr (LfSemaphore) own = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_semaphore_is_held (semaphore));
  g_assert_cmpuint (lf_semaphore_get_slot (semaphore), ==, 0);
  g_assert_false (lf_semaphore_release (semaphore, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  own = new_holder (lf_semaphore_get_path (semaphore), 2);
  assert_full (lf_semaphore_get_path (semaphore), 2);
  g_object_unref (semaphore);
  assert_full (lf_semaphore_get_path (own), 2);
}

static void
leave_waiting (gpointer data)
{
  SlotClaim *claim = data;
  g_autofree char *path = g_strdup (lf_semaphore_get_path (claim->semaphore));

  g_object_unref (claim->semaphore);
  assert_full (path, 2);
}

/* After a fork, a held slot and a waiting claim stay with the parent. */
static void
test_fork (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (LfSemaphore) first = new_holder (fixture->path, 2);
  g_autoptr (LfSemaphore) second = NULL;
  SlotClaim claim;

  run_in_child (use_inherited, first);
  g_assert_true (lf_semaphore_is_held (first));
  second = new_holder (fixture->path, 2);
  assert_full (fixture->path, 2);

  slot_claim_start (&claim, fixture->path, 2, -1, NULL);
  wait_for_sleeping_lock_threads (3);
  run_in_child (leave_waiting, &claim);
  assert_released (first);
  iterate_until (&claim.done);
  g_assert_no_error (claim.error);
  g_assert_cmpuint (lf_semaphore_get_slot (claim.semaphore), ==, 1);
  slot_claim_clear (&claim);
}

/* If the last reference is dropped during a wait, the claim ends and no slot is lost. */
static void
test_dropped (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (LfSemaphore) holder = new_holder (fixture->path, 1);
  SlotClaim claim;

  slot_claim_start (&claim, fixture->path, 1, -1, NULL);
  wait_for_sleeping_lock_threads (1);
  g_object_unref (claim.semaphore);
  claim.semaphore = NULL;
  assert_released (holder);
  iterate_until (&claim.done);
  g_assert_true (claim.granted);
  g_object_unref (new_holder (fixture->path, 1));
}

static void
released_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  SlotClaim *claim = user_data;

  claim->granted = lf_semaphore_release_finish (LF_SEMAPHORE (source), result, &claim->error);
  claim->done = TRUE;
}

static void
test_release_async (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfSemaphore) semaphore = new_holder (fixture->path, 1);
  SlotClaim claim = { NULL };

  lf_semaphore_release_async (semaphore, G_PRIORITY_DEFAULT, NULL, released_cb, &claim);
  g_assert_false (claim.done);
  iterate_until (&claim.done);
  g_assert_no_error (claim.error);
  g_assert_true (claim.granted);
  g_object_unref (new_holder (fixture->path, 1));

  claim.done = FALSE;
  lf_semaphore_release_async (semaphore, G_PRIORITY_DEFAULT, NULL, released_cb, &claim);
  iterate_until (&claim.done);
  g_assert_error (claim.error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  slot_claim_clear (&claim);
}

/* If the user may start no more threads, the head fails with an error, and the next waiter
 * becomes the head. */
static void
wait_without_threads (gpointer data)
{
  const char *path = data;
  const struct rlimit none = { 1, 1 };
  g_autoptr (LfSemaphore) waiting = lf_semaphore_new (path, 2);
  g_autofree char *queue = g_strconcat (path, ".queue", NULL);
  g_autoptr (GError) error = NULL;
  Child holders[2];

  for (guint i = 0; i < 2; i++)
    {
      child_start (&holders[i], path, 2);
      child_expect_acquired (&holders[i]);
    }

  /* Only the slots need other threads */
  g_assert_no_errno (setrlimit (RLIMIT_NPROC, &none));
  g_assert_false (lf_semaphore_acquire (waiting, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "thread"));
  assert_free (queue);

  child_kill (&holders[0]);
  g_object_unref (new_holder (path, 2));
  child_kill (&holders[1]);
}

static void
test_no_threads (Fixture       *fixture,
                 gconstpointer  data)
{
  run_as_user (wait_without_threads, fixture->path);
}

/* A storm of three processes per slot, some of which are killed. Shared memory has a bit for
 * each process that holds a slot, and the process that holds each slot. */

#define N_WORKERS (3 * N_SLOTS)
#define N_KILLS 60

typedef struct
{
  guint inside; /* atomic: a bit for each worker */
  guint owners[N_SLOTS]; /* atomic: a bit too */
  int stop; /* atomic */
  int n_violations; /* atomic */
  int n_errors;     /* atomic */
  int n_acquired;   /* atomic */
  guint most;       /* atomic */
} Witness;

static void
enter (Witness *witness,
       guint    worker,
       guint    slot)
{
  guint bit = 1u << worker;
  guint inside = __atomic_or_fetch (&witness->inside, bit, __ATOMIC_SEQ_CST);
  guint n_inside = (guint) __builtin_popcount (inside);

  if (n_inside > N_SLOTS ||
      __atomic_exchange_n (&witness->owners[slot - 1], bit, __ATOMIC_SEQ_CST) != 0)
    g_atomic_int_inc (&witness->n_violations);
  if (n_inside > (guint) g_atomic_int_get (&witness->most))
    g_atomic_int_set (&witness->most, n_inside);
  g_atomic_int_inc (&witness->n_acquired);
}

static void
leave (Witness *witness,
       guint    worker,
       guint    slot)
{
  guint bit = 1u << worker;

  if (__atomic_exchange_n (&witness->owners[slot - 1], 0, __ATOMIC_SEQ_CST) != bit)
    g_atomic_int_inc (&witness->n_violations);
  __atomic_and_fetch (&witness->inside, ~bit, __ATOMIC_SEQ_CST);
}

static gboolean
acquire_somehow (LfSemaphore  *semaphore,
                 GRand        *rand,
                 GError      **error)
{
  switch (g_rand_int_range (rand, 0, 4))
    {
    case 0:
      return lf_semaphore_try_acquire (semaphore, error);

    case 1:
      return lf_semaphore_acquire_with_timeout (semaphore, 0.001, NULL, error);

    case 2:
      return lf_semaphore_acquire_with_timeout (semaphore, 5, NULL, error);

    default:
      return lf_semaphore_acquire (semaphore, NULL, error);
    }
}

G_GNUC_NORETURN static void
work (Witness    *witness,
      const char *path,
      guint       worker)
{
  g_autoptr (GRand) rand = g_rand_new ();

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  while (!g_atomic_int_get (&witness->stop))
    {
      g_autoptr (LfSemaphore) semaphore = lf_semaphore_new (path, N_SLOTS);
      g_autoptr (GError) error = NULL;

      if (acquire_somehow (semaphore, rand, &error))
        {
          guint slot = lf_semaphore_get_slot (semaphore);

          enter (witness, worker, slot);
          if (g_rand_int_range (rand, 0, 4) == 0)
            g_usleep (500);
          leave (witness, worker, slot);
          if (g_rand_boolean (rand) && !lf_semaphore_release (semaphore, &error))
            g_atomic_int_inc (&witness->n_errors);
        }
      else if (!g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED) &&
               !g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT))
        {
          g_printerr ("# %s\n", error->message);
          g_atomic_int_inc (&witness->n_errors);
        }
    }
  _exit (0);
}

static pid_t
start_worker (Witness    *witness,
              const char *path,
              guint       worker)
{
  pid_t pid = fork ();

  g_assert_no_errno (pid);
  if (pid == 0)
    work (witness, path, worker);

  return pid;
}

/* Stops it first: it holds its slot until it is dead, but no longer counts. */
static void
kill_worker (Witness *witness,
             pid_t    pid,
             guint    worker)
{
  guint bit = 1u << worker;

  g_assert_no_errno (kill (pid, SIGSTOP));
  g_assert_no_errno (waitpid (pid, NULL, WUNTRACED));
  for (guint i = 0; i < N_SLOTS; i++)
    {
      guint expected = bit;

      __atomic_compare_exchange_n (&witness->owners[i], &expected, 0, FALSE,
                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
  __atomic_and_fetch (&witness->inside, ~bit, __ATOMIC_SEQ_CST);
  g_assert_no_errno (kill (pid, SIGKILL));
  g_assert_no_errno (waitpid (pid, NULL, 0));
}

static void
test_storm (Fixture       *fixture,
            gconstpointer  data)
{
  Witness *witness = mmap (NULL, sizeof (Witness), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t workers[N_WORKERS];

  g_assert_true (witness != MAP_FAILED);
  for (guint i = 0; i < N_WORKERS; i++)
    workers[i] = start_worker (witness, fixture->path, i);

  for (guint i = 0; i < N_KILLS; i++)
    {
      guint victim = (guint) g_test_rand_int_range (0, N_WORKERS);
      int n_acquired = g_atomic_int_get (&witness->n_acquired);

      kill_worker (witness, workers[victim], victim);
      workers[victim] = start_worker (witness, fixture->path, victim);
      /* No lock of a dead process is in the way */
      while (g_atomic_int_get (&witness->n_acquired) < n_acquired + 20)
        g_usleep (1000);
    }

  g_atomic_int_set (&witness->stop, TRUE);
  for (guint i = 0; i < N_WORKERS; i++)
    {
      int status;

      g_assert_no_errno (waitpid (workers[i], &status, 0));
      g_assert_cmpint (status, ==, 0);
    }

  g_test_message ("%d acquired, %u at most inside", witness->n_acquired, witness->most);
  g_assert_cmpint (witness->n_violations, ==, 0);
  g_assert_cmpint (witness->n_errors, ==, 0);
  g_assert_cmpuint (witness->inside, ==, 0);
  g_assert_cmpuint (witness->most, ==, N_SLOTS);
  munmap (witness, sizeof (Witness));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/semaphore/slots", test_slots);
  add_test ("/semaphore/object", test_object);
  add_test ("/semaphore/errors", test_errors);
  add_test ("/semaphore/order", test_order);
  add_test ("/semaphore/idle", test_idle);
  add_test ("/semaphore/sync", test_sync);
  add_test ("/semaphore/cancel", test_cancel);
  add_test ("/semaphore/timeout", test_timeout);
  add_test ("/semaphore/mutex", test_mutex);
  add_test ("/semaphore/other-number", test_other_number);
  add_test ("/semaphore/killed", test_killed);
  add_test ("/semaphore/fork", test_fork);
  add_test ("/semaphore/dropped", test_dropped);
  add_test ("/semaphore/release-async", test_release_async);
  add_test ("/semaphore/no-threads", test_no_threads);
  add_test ("/semaphore/storm", test_storm);

  return g_test_run ();
}
