/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Calls with an argument in place of a property, queries, and breaks. */

/* A program that declares which versions it is for */
#define LF_VERSION_MIN_REQUIRED LF_VERSION_1_0
#define LF_VERSION_MAX_ALLOWED LF_VERSION_1_0

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "lf-test-backend.h"

/* An asynchronous call whose result is yes or no. */
typedef struct
{
  gboolean (*finish) (LfLockFile *lock, GAsyncResult *result, GError **error);
  gboolean done;
  gboolean answer;
  GError *error;
} Question;

static void
question_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  Question *question = user_data;

  question->answer = question->finish (LF_LOCK_FILE (object), result, &question->error);
  question->done = TRUE;
}

static void
question_clear (Question *question)
{
  g_clear_error (&question->error);
  question->done = question->answer = FALSE;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Question, question_clear)

static void
ask_is_locked (Question     *question,
               LfLockFile   *lock,
               GCancellable *cancellable)
{
  question_clear (question);
  question->finish = lf_lock_file_is_locked_finish;
  lf_lock_file_is_locked_async (lock, G_PRIORITY_DEFAULT, cancellable, question_cb, question);
  g_assert_false (question->done);
  iterate_until (&question->done);
}

static void
break_lock (Question     *question,
            LfLockFile   *lock,
            GCancellable *cancellable)
{
  question_clear (question);
  question->finish = lf_lock_file_break_lock_finish;
  lf_lock_file_break_lock_async (lock, G_PRIORITY_DEFAULT, cancellable, question_cb, question);
  g_assert_false (question->done);
  iterate_until (&question->done);
}

static void
test_is_locked (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Question) question = { 0 };

  for (int i = 0; i < 2; i++)
    {
      g_assert_false (lf_lock_file_is_locked (other, NULL, &error));
      g_assert_no_error (error);
      ask_is_locked (&question, other, NULL);
      g_assert_no_error (question.error);
      g_assert_false (question.answer);

      assert_acquires (lock);
      g_assert_true (lf_lock_file_is_locked (other, NULL, &error));
      g_assert_no_error (error);
      ask_is_locked (&question, other, NULL);
      g_assert_no_error (question.error);
      g_assert_true (question.answer);
      assert_releases (lock);
    }
}

/* If it is unknown whether the lock is held, it counts as held, for callers that ignore the
 * error. */
static void
test_is_locked_unknown (Fixture       *fixture,
                        gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *path = g_build_filename (fixture->path, "lock", NULL);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Question) question = { 0 };

  g_cancellable_cancel (cancellable);
  g_assert_true (lf_lock_file_is_locked (lock, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_true (lf_lock_file_is_locked (lock, cancellable, NULL));
  ask_is_locked (&question, lock, cancellable);
  g_assert_error (question.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (question.answer);

  /* The parent is not a directory */
  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  ask_is_locked (&question, lock, NULL);
  g_assert_nonnull (question.error);
  g_assert_true (question.answer);
  g_assert_no_errno (g_unlink (fixture->path));
}

static void
test_break (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Question) question = { 0 };

  assert_acquires (lock);
  g_cancellable_cancel (cancellable);
  g_assert_false (lf_lock_file_break_lock (other, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  break_lock (&question, other, cancellable);
  g_assert_error (question.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (question.answer);
  assert_tries_in_vain (backend, fixture->path);

  break_lock (&question, other, NULL);
  if (question.error == NULL)
    {
      g_assert_true (question.answer);
      assert_tries (backend, fixture->path);
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
    }
  else
    {
      /* A database has content, so it is not removed */
      g_assert_cmpint (backend->backend, ==, LF_BACKEND_SQLITE);
      g_assert_error (question.error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
      assert_releases (lock);
    }
}

static void
test_with_backend (Fixture       *fixture,
                   gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lf_lock_file_new_with_backend (fixture->path, backend->backend);

  g_assert_cmpint (lf_lock_file_get_backend (lock), ==, backend->backend);
  g_assert_cmpstr (lf_lock_file_get_path (lock), ==, fixture->path);
  assert_acquires (lock);
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (lock);
}

static void
timed_claim_cb (GObject      *object,
                GAsyncResult *result,
                gpointer      user_data)
{
  Claim *claim = user_data;

  claim->granted = lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &claim->error);
  claim->done = TRUE;
}

static void
claim_start_with_timeout (Claim      *claim,
                          LfLockFile *lock,
                          double      timeout)
{
  claim_clear (claim);
  lf_lock_file_acquire_with_timeout_async (lock, timeout, G_PRIORITY_DEFAULT, NULL,
                                           timed_claim_cb, claim);
  g_assert_false (claim->done);
}

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  (*(guint *) user_data)++;
}

/* The timeout of one call does not affect other calls. */
static void
test_with_timeout (Fixture       *fixture,
                   gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_auto (Claim) plain = { 0 };
  g_auto (Claim) first = { 0 };
  g_auto (Claim) second = { 0 };
  guint n_notified = 0;

  g_signal_connect (lock, "notify::timeout", G_CALLBACK (count_notify_cb), &n_notified);
  assert_acquires (holder);

  claim_start_with_timeout (&first, lock, 0.01);
  claim_start (&plain, lock, NULL);
  claim_wait (&first);
  g_assert_error (first.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_false (plain.done);

  claim_start_with_timeout (&second, lock, 0.01);
  claim_wait (&second);
  g_assert_error (second.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_false (plain.done);

  assert_releases (holder);
  claim_wait (&plain);
  g_assert_no_error (plain.error);
  g_assert_cmpfloat (lf_lock_file_get_timeout (lock), <, 0);
  assert_releases (lock);

  /* The property does not affect this call */
  lf_lock_file_set_timeout (lock, 0);
  n_notified = 0;
  assert_acquires (holder);
  claim_start_with_timeout (&first, lock, -1);
  wait_until_others_sleep ();
  assert_releases (holder);
  claim_wait (&first);
  g_assert_no_error (first.error);
  assert_releases (lock);

  lf_lock_file_set_timeout (lock, -1);
  n_notified = 0;
  assert_acquires (holder);
  claim_start_with_timeout (&first, lock, 0);
  claim_wait (&first);
  g_assert_error (first.error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  assert_releases (holder);

  claim_start_with_timeout (&first, lock, NAN);
  claim_wait (&first);
  g_assert_error (first.error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (n_notified, ==, 0);
}

static const BackendCase cases[] = {
  { "is-locked", test_is_locked },
  { "is-locked-unknown", test_is_locked_unknown },
  { "break", test_break },
  { "with-backend", test_with_backend },
  { "with-timeout", test_with_timeout },
  { NULL, NULL },
};

static void
test_auto_backend (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new_with_backend ("relative", LF_BACKEND_AUTO);

  g_assert_cmpint (lf_lock_file_get_backend (lock), !=, LF_BACKEND_AUTO);
  g_assert_true (g_path_is_absolute (lf_lock_file_get_path (lock)));
}

static void
test_guard_with_timeout (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) holder = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  LfLockGuard *guard;

  lf_lock_file_set_timeout (lock, 0);
  assert_acquires (holder);
  guard = lf_lock_file_acquire_guard_with_timeout (lock, 0.01, NULL, &error);
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_null (guard);
  g_clear_error (&error);
  assert_releases (holder);

  guard = lf_lock_file_acquire_guard_with_timeout (lock, 1, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (lf_lock_guard_get_lock_file (guard) == lock);
  assert_not_free (fixture->path);
  lf_lock_guard_unref (guard);
  assert_free (fixture->path);
  g_assert_cmpfloat (lf_lock_file_get_timeout (lock), ==, 0);
}

/* A guard reports whether its release succeeded, and then holds nothing. */
static void
test_guard_release (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) other = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  LfLockGuard *guard;
  guint n_notified = 0;

  g_signal_connect (lock, "notify::held", G_CALLBACK (count_notify_cb), &n_notified);
  guard = lf_lock_file_acquire_guard (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (lf_lock_guard_release (guard, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_notified, ==, 2);
  g_assert_false (lf_lock_file_is_held (lock));
  assert_free (fixture->path);

  /* The next grant does not belong to this guard */
  assert_acquires (lock);
  g_assert_false (lf_lock_guard_release (guard, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_clear_error (&error);
  lf_lock_guard_unref (guard);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_not_free (fixture->path);
  assert_releases (lock);

  /* A guard in a function that was called with the lock held leaves the lock to the caller */
  assert_acquires (lock);
  guard = lf_lock_file_acquire_guard (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (lf_lock_guard_release (guard, &error));
  g_assert_no_error (error);
  g_assert_true (lf_lock_file_is_held (lock));
  g_assert_false (lf_lock_guard_release (guard, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_clear_error (&error);
  lf_lock_guard_unref (guard);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_releases (lock);

  /* The lock is broken while the guard holds it */
  guard = lf_lock_file_acquire_guard (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (lf_lock_file_break_lock (other, NULL, &error));
  g_assert_no_error (error);
  assert_acquires (other);
  g_assert_false (lf_lock_guard_release (guard, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  lf_lock_guard_unref (guard);
  g_assert_true (lf_lock_file_is_held (other));
  assert_releases (other);
}

static void
test_version (void)
{
  g_autofree char *version = g_strdup_printf ("%u.%u.%u", lf_get_major_version (),
                                              lf_get_minor_version (), lf_get_micro_version ());

  g_assert_cmpstr (version, ==, LF_VERSION_STRING);
  g_assert_cmpuint (lf_get_major_version (), ==, LF_MAJOR_VERSION);
  g_assert_cmpuint (lf_get_minor_version (), ==, LF_MINOR_VERSION);
  g_assert_cmpuint (lf_get_micro_version (), ==, LF_MICRO_VERSION);

  g_assert_null (lf_check_version (LF_MAJOR_VERSION, LF_MINOR_VERSION, LF_MICRO_VERSION));
  g_assert_null (lf_check_version (1, 0, 0));
  g_assert_nonnull (lf_check_version (LF_MAJOR_VERSION, LF_MINOR_VERSION, LF_MICRO_VERSION + 1));
  g_assert_nonnull (lf_check_version (LF_MAJOR_VERSION, LF_MINOR_VERSION + 1, 0));
  g_assert_nonnull (lf_check_version (LF_MAJOR_VERSION + 1, 0, 0));
  g_assert_nonnull (lf_check_version (0, 9, 9));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    add_backend_tests ("calls", &test_backends[i], cases);
  add_test ("/calls/auto-backend", test_auto_backend);
  add_test ("/calls/guard-with-timeout", test_guard_with_timeout);
  add_test ("/calls/guard-release", test_guard_release);
  g_test_add_func ("/calls/version", test_version);

  return g_test_run ();
}
