/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Several threads that use one object. */

#include <string.h>
#include <unistd.h>

#include "lf-test-backend.h"

#define N_ROUNDS 150

/* A call in a thread of its own. */
typedef struct _Call Call;

struct _Call
{
  void (*function) (Call *call);
  LfLockFile *lock;
  double timeout;
  GCancellable *cancellable;
  GThread *thread;

  gboolean granted;
  GError *error;
  guint *counter; /* atomic */
  guint sequence; /* how many of a group were granted before it */
};

static gpointer
call_main (gpointer data)
{
  Call *call = data;

  call->function (call);

  return NULL;
}

static void
call_start (Call        *call,
            void       (*function) (Call *call),
            LfLockFile  *lock)
{
  call->function = function;
  call->lock = lock;
  call->thread = g_thread_new ("call", call_main, call);
}

static void
call_join (Call *call)
{
  g_thread_join (g_steal_pointer (&call->thread));
}

static void
call_clear (Call *call)
{
  g_assert_null (call->thread);
  g_clear_error (&call->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Call, call_clear)

static void
call_run (Call        *call,
          void       (*function) (Call *call),
          LfLockFile  *lock)
{
  g_clear_error (&call->error);
  call_start (call, function, lock);
  call_join (call);
}

static void
try_acquire (Call *call)
{
  call->granted = lf_lock_file_try_acquire (call->lock, &call->error);
}

static void
acquire (Call *call)
{
  call->granted = lf_lock_file_acquire (call->lock, call->cancellable, &call->error);
}

static void
acquire_with_timeout (Call *call)
{
  call->granted = lf_lock_file_acquire_with_timeout (call->lock, call->timeout,
                                                     call->cancellable, &call->error);
}

static void
release (Call *call)
{
  call->granted = lf_lock_file_release (call->lock, &call->error);
}

static void
acquire_and_release (Call *call)
{
  call->granted = lf_lock_file_acquire (call->lock, call->cancellable, &call->error);
  if (!call->granted)
    return;

  call->sequence = (guint) g_atomic_int_add (call->counter, 1);
  lf_lock_file_release (call->lock, &call->error);
}

/* Of the threads and tasks that hold the lock at the moment. */
static int n_inside;
static int n_rounds_done;

static void
be_inside (void)
{
  g_assert_cmpint (g_atomic_int_add (&n_inside, 1), ==, 0);
  g_thread_yield ();
  g_assert_true (g_atomic_int_dec_and_test (&n_inside));
  g_atomic_int_inc (&n_rounds_done);
}

static void
use_sync (Call *call)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      gboolean granted = i % 2 == 0
        ? lf_lock_file_acquire (call->lock, NULL, &call->error)
        : lf_lock_file_acquire_with_timeout (call->lock, 3600, NULL, &call->error);

      g_assert_no_error (call->error);
      g_assert_true (granted);
      be_inside ();
      lf_lock_file_release (call->lock, &call->error);
      g_assert_no_error (call->error);
    }
}

static void
released_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &error);
  g_assert_no_error (error);
  *(gboolean *) user_data = TRUE;
}

static void
use_async (Call *call)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_auto (Claim) claim = { 0 };
      gboolean released = FALSE;

      claim_start (&claim, call->lock, NULL);
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      be_inside ();
      if (i % 2 == 0)
        {
          lf_lock_file_release (call->lock, &call->error);
          g_assert_no_error (call->error);
        }
      else
        {
          lf_lock_file_release_async (call->lock, G_PRIORITY_DEFAULT, NULL, released_cb,
                                      &released);
          iterate_until (&released);
        }
    }
  g_main_context_pop_thread_default (context);
}

/* Synchronous and asynchronous users of one object never hold its lock at once. */
static void
test_exclude (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  void (*const functions[]) (Call *) = { use_sync, use_sync, use_async, use_async };
  Call calls[G_N_ELEMENTS (functions)] = { 0 };

  n_rounds_done = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (calls); i++)
    call_start (&calls[i], functions[i], lock);
  for (gsize i = 0; i < G_N_ELEMENTS (calls); i++)
    call_join (&calls[i]);

  g_assert_cmpint (n_rounds_done, ==, N_ROUNDS * (int) G_N_ELEMENTS (calls));
  g_assert_false (lf_lock_file_is_held (lock));
  assert_tries (backend, fixture->path);
}

/* Another thread may have the lock as soon as it is released. */
static void
hand_over (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  gboolean released = lf_lock_file_release (lock, &error);

  g_assert_no_error (error);
  g_assert_true (released);
}

/* For the holding thread, another acquire has no effect, and is not counted. */
static void
test_again (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  assert_acquires (lock);
  g_assert_true (lf_lock_file_try_acquire (lock, &error));
  g_assert_no_error (error);
  g_assert_true (lf_lock_file_acquire_with_timeout (lock, 1, cancellable, &error));
  g_assert_no_error (error);
  assert_releases (lock);
  assert_tries (backend, fixture->path);
}

/* In any other thread, an acquire is a claim. */
static void
test_other (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Call) call = { .cancellable = cancellable };

  assert_acquires (lock);

  call_run (&call, try_acquire, lock);
  g_assert_error (call.error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_false (call.granted);

  call.timeout = 0;
  call_run (&call, acquire_with_timeout, lock);
  g_assert_error (call.error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);

  call.timeout = 0.01;
  call_run (&call, acquire_with_timeout, lock);
  g_assert_error (call.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);

  /* Cancelled while queued */
  g_clear_error (&call.error);
  call_start (&call, acquire, lock);
  wait_until_others_sleep ();
  g_cancellable_cancel (cancellable);
  call_join (&call);
  g_assert_error (call.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (call.granted);

  /* The cancelled claim left no trace */
  g_assert_true (lf_lock_file_is_held (lock));
  assert_releases (lock);
  assert_acquires (lock);
  assert_releases (lock);
}

/* Any thread may release, and so let the next claim begin. */
static void
test_release (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Call) waiter = { 0 };
  g_auto (Call) releaser = { 0 };

  assert_acquires (lock);
  call_start (&waiter, acquire, lock);
  wait_until_others_sleep ();
  call_run (&releaser, release, lock);
  g_assert_no_error (releaser.error);
  call_join (&waiter);
  g_assert_no_error (waiter.error);
  g_assert_true (lf_lock_file_is_held (lock));

  /* The holder is that other thread, which has ended, and not this one */
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  assert_releases (lock);
  assert_tries (backend, fixture->path);
}

/* First come, first served, among claims of all kinds. */
static void
test_order (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  guint counter = 0;
  Call calls[2] = { { .counter = &counter }, { .counter = &counter } };
  g_auto (Claim) first = { .counter = &counter };
  g_auto (Claim) second = { .counter = &counter };

  assert_acquires (lock);
  call_start (&calls[0], acquire_and_release, lock);
  wait_until_others_sleep ();
  claim_start (&first, lock, NULL);
  call_start (&calls[1], acquire_and_release, lock);
  wait_until_others_sleep ();
  claim_start (&second, lock, NULL);

  hand_over (lock);
  claim_wait (&first);
  g_assert_no_error (first.error);
  g_assert_false (second.done);
  hand_over (lock);
  claim_wait (&second);
  g_assert_no_error (second.error);
  assert_releases (lock);

  for (gsize i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      call_join (&calls[i]);
      g_assert_no_error (calls[i].error);
    }
  g_assert_cmpuint (calls[0].sequence, ==, 0);
  g_assert_cmpuint (first.sequence, ==, 1);
  g_assert_cmpuint (calls[1].sequence, ==, 2);
  g_assert_cmpuint (second.sequence, ==, 3);
}

/* A thread that releases and acquires again is behind the waiters. */
static void
test_behind (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  guint counter = 0;
  g_auto (Call) waiter = { .counter = &counter };

  for (guint i = 0; i < 20; i++)
    {
      assert_acquires (lock);
      call_start (&waiter, acquire_and_release, lock);
      wait_until_others_sleep ();

      /* While it holds the lock, another thread's claim does not affect it */
      assert_acquires (lock);

      hand_over (lock);
      assert_acquires (lock);
      g_assert_cmpint (g_atomic_int_get (&counter), ==, i + 1);
      assert_releases (lock);
      call_join (&waiter);
      g_assert_no_error (waiter.error);
    }
}

/* The holder of an asynchronous grant is the thread in whose context it was reported. */
static void
acquire_async_and_again (Call *call)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_auto (Claim) claim = { 0 };

  g_main_context_push_thread_default (context);
  claim_start (&claim, call->lock, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_main_context_pop_thread_default (context);

  call->granted = lf_lock_file_acquire (call->lock, NULL, &call->error);
}

static void
test_reported (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };
  g_auto (Call) call = { 0 };

  call_run (&call, acquire_async_and_again, lock);
  g_assert_no_error (call.error);
  g_assert_true (call.granted);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  assert_releases (lock);

  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_acquires (lock);
  call_run (&call, try_acquire, lock);
  g_assert_error (call.error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  assert_releases (lock);
}

/* A wait fails only if the thread would wait for its own main loop. */
static void
test_pending (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  guint counter = 0;
  g_auto (Claim) claim = { .counter = &counter };
  g_auto (Call) call = { .counter = &counter };
  gboolean released = FALSE;

  assert_acquires (holder);
  claim_start (&claim, lock, NULL);
  wait_until_others_sleep ();
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);

  call_start (&call, acquire_and_release, lock);
  wait_until_others_sleep ();
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  /* The same during a release. The other thread has to wait for the report */
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, released_cb, &released);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  iterate_until (&released);
  call_join (&call);
  g_assert_no_error (call.error);
  g_assert_cmpuint (claim.sequence, ==, 0);
  g_assert_cmpuint (call.sequence, ==, 1);
  assert_tries (backend, fixture->path);
}

static const BackendCase cases[] = {
  { "exclude", test_exclude },
  { "again", test_again },
  { "other", test_other },
  { "release", test_release },
  { "order", test_order },
  { "behind", test_behind },
  { "reported", test_reported },
  { "pending", test_pending },
  { NULL, NULL },
};

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  (*(guint *) user_data)++;
}

static gboolean
can_share (const char *path)
{
  g_autoptr (LfLockFile) other = lf_lock_file_new (path);

  lf_lock_file_set_mode (other, LF_LOCK_MODE_SHARED);

  return lf_lock_file_try_acquire (other, NULL);
}

/* A new mode can be read at once, but applies only to the next acquire. */
static void
test_mode (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = NULL;
  g_auto (Claim) claim = { 0 };
  guint n_notified = 0;

  g_signal_connect (lock, "notify::mode", G_CALLBACK (count_notify_cb), &n_notified);

  /* While the lock is held */
  assert_acquires (lock);
  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  g_assert_cmpint (lf_lock_file_get_mode (lock), ==, LF_LOCK_MODE_SHARED);
  g_assert_cmpuint (n_notified, ==, 1);
  g_assert_false (can_share (fixture->path));
  assert_acquires (lock);
  g_assert_false (can_share (fixture->path));
  assert_releases (lock);
  assert_acquires (lock);
  g_assert_true (can_share (fixture->path));
  lf_lock_file_set_mode (lock, LF_LOCK_MODE_EXCLUSIVE);
  g_assert_true (can_share (fixture->path));
  assert_releases (lock);

  /* During a wait */
  peer = peer_start_holder (fixture->path);
  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  g_assert_cmpint (lf_lock_file_get_mode (lock), ==, LF_LOCK_MODE_SHARED);
  g_assert_cmpuint (n_notified, ==, 3);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_false (can_share (fixture->path));
  assert_releases (lock);
}

/* The same for remove-on-release. */
static void
test_remove_on_release (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = NULL;
  g_auto (Claim) claim = { 0 };

  assert_acquires (lock);
  lf_lock_file_set_remove_on_release (lock, TRUE);
  g_assert_true (lf_lock_file_get_remove_on_release (lock));
  assert_releases (lock);
  g_assert_true (path_exists (fixture->path));

  assert_acquires (lock);
  lf_lock_file_set_remove_on_release (lock, FALSE);
  g_assert_false (lf_lock_file_get_remove_on_release (lock));
  assert_releases (lock);
  g_assert_false (path_exists (fixture->path));

  /* The value at the time of the acquire applies, also if the object is dropped */
  assert_acquires (lock);
  lf_lock_file_set_remove_on_release (lock, TRUE);
  g_clear_object (&lock);
  g_assert_true (path_exists (fixture->path));

  lock = lf_lock_file_new (fixture->path);
  peer = peer_start_holder (fixture->path);
  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  lf_lock_file_set_remove_on_release (lock, TRUE);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
  g_assert_true (path_exists (fixture->path));
}

static gboolean
has_thread (const char *wanted)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  gboolean found = FALSE;

  while (!found && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "comm", NULL);
      g_autofree char *text = NULL;

      found = g_file_get_contents (path, &text, NULL, NULL) &&
              g_str_equal (g_strchomp (text), wanted);
    }

  return found;
}

/* Debuggers and system monitors show the names of threads. */
static void
test_name (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_auto (Claim) claim = { 0 };

  assert_acquires (holder);
  claim_start (&claim, lock, NULL);
  wait_until_others_sleep ();
  g_assert_true (has_thread ("lf-wait"));
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
}

/* A guard may end in a language's garbage collection, in which it must not call back. */
static void
test_guard (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  LfLockGuard *guard;
  guint n_notified = 0;

  g_signal_connect (lock, "notify::held", G_CALLBACK (count_notify_cb), &n_notified);
  guard = lf_lock_file_acquire_guard (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_notified, ==, 1);
  lf_lock_guard_unref (guard);
  g_assert_cmpuint (n_notified, ==, 1);
  g_assert_false (lf_lock_file_is_held (lock));
  assert_free (fixture->path);
}

static void
assert_is_printable (const char *text)
{
  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    g_assert_false (g_unichar_iscntrl (g_utf8_get_char (c)));
}

/* A record may contain control characters for the terminal of a program that shows the
 * holder. */
static void
test_control_characters (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", fixture->path,
                                              "backend", LF_BACKEND_HARD_LINK, NULL);
  const char *const names[] = {
    "\033]0;title\007", "\033[31mred", "\tta\bb\r", "\302\23331m", "\377\376", "\177",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *record = g_strdup_printf ("%d\n%s\n%s\n", getpid (), names[i], names[i]);
      g_autoptr (LfLockHolder) holder = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *text = NULL;

      g_assert_true (g_file_set_contents (fixture->path, record, -1, NULL));

      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
      assert_is_printable (error->message);
      g_clear_error (&error);

      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
      assert_is_printable (error->message);
      g_clear_error (&error);

      holder = lf_lock_file_query_holder (lock, NULL, &error);
      g_assert_no_error (error);
      text = lf_lock_holder_to_string (holder);
      assert_is_printable (text);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    add_backend_tests ("threads", &test_backends[i], cases);
  add_data_test ("/threads/name/flock", &test_backends[0], test_name);
  add_data_test ("/threads/name/hard-link", &test_backends[2], test_name);
  add_test ("/threads/mode", test_mode);
  add_test ("/threads/remove-on-release", test_remove_on_release);
  add_test ("/threads/guard", test_guard);
  add_test ("/threads/control-characters", test_control_characters);

  return g_test_run ();
}
