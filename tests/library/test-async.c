/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Asynchronous claims: their order, their contexts, and what they do not disturb. */

#include <string.h>

#include "lf-test-util.h"

typedef struct
{
  gboolean done;
  gboolean success;
  GError *error;
} Release;

static void
release_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  Release *release = user_data;

  release->success = lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &release->error);
  release->done = TRUE;
}

static void
release_async (LfLockFile *lock,
               Release    *release)
{
  *release = (Release) { FALSE, FALSE, NULL };
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, release);
  g_assert_false (release->done);
}

static void
log_held_cb (GObject    *object,
             GParamSpec *pspec,
             gpointer    user_data)
{
  Claim *claim = user_data;

  /* The property changes before the callback is called */
  g_assert_false (claim->done);
  g_assert_true (lf_lock_file_is_held (LF_LOCK_FILE (object)));
  (*claim->counter)++;
}

/* The property changes before the callback is called, for an acquire and for a release. */
static void
test_acquire_release (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  guint n_notified = 0;
  g_auto (Claim) claim = { .counter = &n_notified };
  Release release;
  gulong handler = g_signal_connect (lock, "notify::held", G_CALLBACK (log_held_cb), &claim);

  claim_start (&claim, lock, NULL);
  g_assert_false (lf_lock_file_is_held (lock));
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_true (lf_lock_file_is_held (lock));
  g_assert_cmpuint (n_notified, ==, 2); /* by the notification and by the claim */
  g_signal_handler_disconnect (lock, handler);

  release_async (lock, &release);
  g_assert_false (lf_lock_file_is_held (lock));
  iterate_until (&release.done);
  g_assert_no_error (release.error);
  g_assert_true (release.success);
  g_assert_false (lf_lock_file_is_held (lock));

  release_async (lock, &release);
  iterate_until (&release.done);
  g_assert_error (release.error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_clear_error (&release.error);
}

/* The state of an object while its release is not reported yet. */
static void
test_releasing (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };
  Release release, second;

  assert_acquires (lock);
  release_async (lock, &release);
  release_async (lock, &second);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  claim_start (&claim, lock, NULL);

  iterate_until (&second.done);
  g_assert_error (second.error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&second.error);
  iterate_until (&release.done);
  g_assert_no_error (release.error);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

/* A release that is cancelled before it begins leaves the lock held. */
static void
test_release_cancelled (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Release release = { FALSE, FALSE, NULL };

  assert_acquires (lock);
  g_cancellable_cancel (cancellable);
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, cancellable, release_cb, &release);
  iterate_until (&release.done);
  g_assert_error (release.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&release.error);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_not_free (fixture->path);
}

/* Two tasks that share one object exclude each other. */
static void
test_two_tasks (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = NULL;
  g_autofree char *command = g_strdup_printf ("shift-sync %s/log x", fixture->directory);
  g_auto (Claim) first = { 0 };
  g_auto (Claim) second = { 0 };

  claim_start (&first, lock, NULL);
  claim_start (&second, lock, NULL);
  claim_wait (&first);
  g_assert_no_error (first.error);

  /* The second claim is not even in the kernel's queue, unlike another process: it begins
   * only after the release */
  peer = peer_start (fixture->path);
  peer_send (peer, command);
  wait_for_waiters (fixture->path, 1);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_false (second.done);

  assert_releases (lock);
  claim_wait (&second);
  g_assert_no_error (second.error);
  assert_releases (lock);
  peer_expect (peer, "done");
}

#define N_CLAIMS 20

/* Claims of one object are served one at a time, in order of arrival. */
static void
test_claims_in_order (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  Claim claims[N_CLAIMS] = { 0 };
  guint n_done = 0;

  for (guint i = 0; i < N_CLAIMS; i++)
    {
      claims[i].counter = &n_done;
      claim_start (&claims[i], lock, NULL);
    }

  for (guint i = 0; i < N_CLAIMS; i++)
    {
      claim_wait (&claims[i]);
      g_assert_no_error (claims[i].error);
      g_assert_cmpuint (claims[i].sequence, ==, i);
      g_assert_cmpuint (n_done, ==, i + 1);
      assert_releases (lock);
    }

  assert_free (fixture->path);
}

/* Claims that end while queued do not disturb the others. */
static void
test_claims_that_end (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Claim) first = { 0 };
  g_auto (Claim) cancelled = { 0 };
  g_auto (Claim) timed_out = { 0 };
  g_auto (Claim) tried = { 0 };
  g_auto (Claim) last = { 0 };
  gint64 start;

  claim_start (&first, lock, NULL);
  claim_wait (&first);

  claim_start (&cancelled, lock, cancellable);
  start = g_get_monotonic_time ();
  lf_lock_file_set_timeout (lock, 0.05);
  claim_start (&timed_out, lock, NULL);
  lf_lock_file_set_timeout (lock, 0);
  claim_start (&tried, lock, NULL);
  lf_lock_file_set_timeout (lock, -1);
  claim_start (&last, lock, NULL);

  claim_wait (&tried);
  g_assert_error (tried.error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  claim_wait (&timed_out);
  g_assert_error (timed_out.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 50000);
  g_cancellable_cancel (cancellable);
  claim_wait (&cancelled);
  g_assert_error (cancelled.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (lf_lock_file_is_held (lock));

  assert_releases (lock);
  claim_wait (&last);
  g_assert_no_error (last.error);
}

/* A claim keeps its object alive, and the lock is released with the last reference. */
static void
test_unref_pending (Fixture       *fixture,
                    gconstpointer  data)
{
  LfLockFile *lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = peer_start_holder (fixture->path);
  g_auto (Claim) claim = { 0 };

  g_object_add_weak_pointer (G_OBJECT (lock), (gpointer *) &lock);
  claim_start (&claim, lock, NULL);
  g_object_unref (lock);
  g_assert_nonnull (lock);

  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  while (lock != NULL)
    g_main_context_iteration (NULL, FALSE);
  assert_free (fixture->path);
}

static void
query_done_cb (GObject      *object,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LfLockHolder) holder =
    lf_lock_file_query_holder_finish (LF_LOCK_FILE (object), result, &error);

  g_assert_no_error (error);
  g_assert_nonnull (holder);
  *(gboolean *) user_data = TRUE;
}

/* Even after threads worked for the object, dropping the caller's last reference releases
 * the lock at once. */
static void
test_unref_after (Fixture       *fixture,
                  gconstpointer  data)
{
  for (int i = 0; i < 300; i++)
    {
      LfLockFile *lock = lf_lock_file_new (fixture->path);
      g_auto (Claim) claim = { 0 };
      gboolean queried = FALSE;
      Release release;

      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      release_async (lock, &release);
      iterate_until (&release.done);
      claim_clear (&claim);
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      lf_lock_file_query_holder_async (lock, G_PRIORITY_DEFAULT, NULL, query_done_cb, &queried);
      iterate_until (&queried);

      g_object_unref (lock);
      assert_free (fixture->path);
    }
}

typedef struct
{
  const char *path;
  Claim claim;
  GThread *notified;
} InThread;

static void
note_thread_cb (GObject    *object,
                GParamSpec *pspec,
                gpointer    user_data)
{
  ((InThread *) user_data)->notified = g_thread_self ();
}

static gpointer
claim_in_thread (gpointer user_data)
{
  InThread *in_thread = user_data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (LfLockFile) lock = lf_lock_file_new (in_thread->path);

  g_main_context_push_thread_default (context);
  g_signal_connect (lock, "notify::held", G_CALLBACK (note_thread_cb), in_thread);
  claim_start (&in_thread->claim, lock, NULL);
  claim_wait (&in_thread->claim);
  g_main_context_pop_thread_default (context);

  return g_thread_self ();
}

/* The callback and the notification run in the thread that owns the context. */
static void
test_thread_context (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  InThread in_thread = { .path = fixture->path };
  GThread *thread;

  assert_acquires (lock);
  thread = g_thread_new ("context", claim_in_thread, &in_thread);
  wait_for_waiters (fixture->path, 1);
  assert_releases (lock);
  g_assert_true (g_thread_join (thread) == thread);
  g_assert_no_error (in_thread.claim.error);
  g_assert_true (in_thread.claim.thread == thread);
  g_assert_true (in_thread.notified == thread);
}

#define N_PENDING 100

typedef struct
{
  guint n_left;
  gboolean done;
} Unrelated;

static void
unrelated_done (Unrelated *unrelated)
{
  unrelated->done = --unrelated->n_left == 0;
}

static void
query_info_cb (GObject      *object,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GFileInfo) info = g_file_query_info_finish (G_FILE (object), result, &error);

  g_assert_no_error (error);
  unrelated_done (user_data);
}

static void
load_contents_cb (GObject      *object,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *contents = NULL;

  g_file_load_contents_finish (G_FILE (object), result, &contents, NULL, NULL, &error);
  g_assert_no_error (error);
  unrelated_done (user_data);
}

static gboolean
tick_cb (gpointer user_data)
{
  unrelated_done (user_data);

  return G_SOURCE_CONTINUE;
}

/* 100 waits of one process block neither GIO's threads nor the main loop. In GIO's pool,
 * they would delay these operations by most of a minute. */
static void
test_many_pending (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (Peer) peer = peer_start_holder (fixture->path);
  g_autoptr (GFile) file = g_file_new_for_path (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  LfLockFile *locks[N_PENDING];
  Claim claims[N_PENDING] = { 0 };
  Unrelated unrelated = { 2 + 20, FALSE };
  gint64 start;
  guint tick;

  for (guint i = 0; i < N_PENDING; i++)
    {
      locks[i] = lf_lock_file_new (fixture->path);
      claim_start (&claims[i], locks[i], cancellable);
    }
  wait_for_waiters (fixture->path, N_PENDING);

  start = g_get_monotonic_time ();
  tick = g_timeout_add (10, tick_cb, &unrelated);
  g_file_query_info_async (file, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_FILE_QUERY_INFO_NONE,
                           G_PRIORITY_DEFAULT, NULL, query_info_cb, &unrelated);
  g_file_load_contents_async (file, NULL, load_contents_cb, &unrelated);
  iterate_until (&unrelated.done);
  g_source_remove (tick);
  g_test_message ("20 ticks of 10 ms, a query and a read took %.1f ms",
                  (double) (g_get_monotonic_time () - start) / 1000);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 5 * G_USEC_PER_SEC);

  g_cancellable_cancel (cancellable);
  for (guint i = 0; i < N_PENDING; i++)
    {
      claim_wait (&claims[i]);
      g_assert_error (claims[i].error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      claim_clear (&claims[i]);
      g_object_unref (locks[i]);
    }
}

/* Idle threads stay for a moment, so that many claims one after another need few threads. */
static void
test_threads_reused (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GHashTable) threads = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const guint n_claims = 200;

  /* Threads of earlier cases may still be ending */
  wait_for_no_lock_threads ();

  for (guint i = 0; i < n_claims; i++)
    {
      g_auto (Claim) claim = { 0 };
      g_autoptr (GDir) directory = g_dir_open ("/proc/self/task", 0, NULL);
      const char *name;

      claim_start (&claim, lock, NULL);
      while ((name = g_dir_read_name (directory)) != NULL)
        g_hash_table_add (threads, g_strdup (name));
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      assert_releases (lock);
    }

  g_test_message ("%u threads for %u claims", g_hash_table_size (threads), n_claims);
  g_assert_cmpuint (g_hash_table_size (threads), <, n_claims);

  /* Idle threads do not stay longer than that */
  wait_for_no_lock_threads ();
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/async/acquire-release", test_acquire_release);
  add_test ("/async/releasing", test_releasing);
  add_test ("/async/release-cancelled", test_release_cancelled);
  add_test ("/async/two-tasks", test_two_tasks);
  add_test ("/async/claims-in-order", test_claims_in_order);
  add_test ("/async/claims-that-end", test_claims_that_end);
  add_test ("/async/unref-pending", test_unref_pending);
  add_test ("/async/unref-after", test_unref_after);
  add_test ("/async/thread-context", test_thread_context);
  add_test ("/async/many-pending", test_many_pending);
  add_test ("/async/threads-reused", test_threads_reused);

  return g_test_run ();
}
