/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* LfLock: each case does the same with each class of locks, through the interface. */

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

typedef struct
{
  const char *name;
  LfLock *(*make) (const char *path);
  const char *file_suffix; /* what to append to the path for the file that is locked */
  gboolean has_holder;
} LockClass;

static LfLock *
make_lock_file (const char *path)
{
  return LF_LOCK (lf_lock_file_new (path));
}

static LfLock *
make_semaphore (const char *path)
{
  return LF_LOCK (lf_semaphore_new (path, 1));
}

static const LockClass classes[] = {
  { "lock-file", make_lock_file, "", TRUE },
  { "semaphore", make_semaphore, ".1", FALSE },
};

static void
assert_acquired (LfLock *lock)
{
  GError *error = NULL;
  gboolean acquired = lf_lock_try_acquire (lock, &error);

  g_assert_no_error (error);
  g_assert_true (acquired);
  g_assert_true (lf_lock_is_held (lock));
}

static void
assert_released (LfLock *lock)
{
  GError *error = NULL;
  gboolean released = lf_lock_release (lock, &error);

  g_assert_no_error (error);
  g_assert_true (released);
  g_assert_false (lf_lock_is_held (lock));
}

static void
assert_busy (LfLock *lock)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

static void
take_result_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  GAsyncResult **results = user_data;

  for (; *results != NULL; results++)
    ;
  *results = g_object_ref (result);
}

static void
wait_for_result (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  (*(guint *) user_data)++;
}

/* The synchronous methods and the properties. */
static void
test_sync (Fixture       *fixture,
           gconstpointer  data)
{
  const LockClass *class = data;
  g_autoptr (LfLock) lock = class->make (fixture->path);
  g_autoptr (LfLock) other = class->make (fixture->path);
  g_autofree char *name = lf_lock_get_display_name (lock);
  g_autoptr (GError) error = NULL;
  guint n_held = 0;
  guint n_timeout = 0;
  gboolean held;

  g_assert_cmpstr (name, ==, fixture->path);
  g_signal_connect (lock, "notify::held", G_CALLBACK (count_cb), &n_held);
  g_signal_connect (lock, "notify::timeout", G_CALLBACK (count_cb), &n_timeout);
  g_assert_cmpfloat (lf_lock_get_timeout (lock), ==, -1);
  lf_lock_set_timeout (lock, 0);
  g_assert_cmpfloat (lf_lock_get_timeout (lock), ==, 0);
  g_assert_cmpuint (n_timeout, ==, 1);

  g_assert_true (lf_lock_acquire (lock, NULL, &error));
  g_assert_true (lf_lock_acquire_with_timeout (lock, 1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (lf_lock_is_held (lock));
  g_assert_true (lf_lock_is_acquired_by_thread (lock));
  g_assert_true (lf_lock_verify (lock, &error));
  g_object_get (lock, "held", &held, NULL);
  g_assert_true (held);
  g_assert_cmpuint (n_held, ==, 1);

  assert_busy (other);
  g_assert_false (lf_lock_acquire_with_timeout (other, 0.01, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_false (lf_lock_is_acquired_by_thread (other));

  assert_released (lock);
  g_assert_cmpuint (n_held, ==, 2);
  g_assert_false (lf_lock_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  assert_acquired (other);
}

/* Claims of one object queue. A claim that was started through the class can be finished
 * through the interface, and the other way round. */
static void
test_async (Fixture       *fixture,
            gconstpointer  data)
{
  const LockClass *class = data;
  g_autoptr (LfLock) lock = class->make (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) release_result = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[4] = { NULL };
  gboolean acquired;

  lf_lock_acquire_async (lock, G_PRIORITY_DEFAULT, NULL, take_result_cb, results);
  if (LF_IS_LOCK_FILE (lock))
    lf_lock_file_acquire_async (LF_LOCK_FILE (lock), G_PRIORITY_DEFAULT, NULL, take_result_cb,
                                results);
  else
    lf_semaphore_acquire_async (LF_SEMAPHORE (lock), G_PRIORITY_DEFAULT, NULL, take_result_cb,
                                results);

  wait_for_result (&results[0]);
  g_assert_null (results[1]);
  if (LF_IS_LOCK_FILE (lock))
    acquired = lf_lock_file_acquire_finish (LF_LOCK_FILE (lock), results[0], &error);
  else
    acquired = lf_semaphore_acquire_finish (LF_SEMAPHORE (lock), results[0], &error);
  g_assert_no_error (error);
  g_assert_true (acquired);

  lf_lock_release_async (lock, G_PRIORITY_DEFAULT, NULL, take_result_cb, &release_result);
  wait_for_result (&release_result);
  g_assert_true (lf_lock_release_finish (lock, release_result, &error));
  g_assert_no_error (error);

  wait_for_result (&results[1]);
  g_assert_true (lf_lock_acquire_finish (lock, results[1], &error));
  g_assert_no_error (error);

  lf_lock_acquire_with_timeout_async (lock, -1, G_PRIORITY_DEFAULT, cancellable, take_result_cb,
                                      results);
  g_cancellable_cancel (cancellable);
  wait_for_result (&results[2]);
  g_assert_false (lf_lock_acquire_with_timeout_finish (lock, results[2], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_released (lock);

  for (gsize i = 0; results[i] != NULL; i++)
    g_object_unref (results[i]);
}

/* A guard releases the grant that it acquired, and nothing else. */
static void
test_guard (Fixture       *fixture,
            gconstpointer  data)
{
  const LockClass *class = data;
  g_autoptr (LfLock) lock = class->make (fixture->path);
  g_autoptr (LfLock) other = class->make (fixture->path);
  g_autoptr (GError) error = NULL;
  LfLockGuard *guard = lf_lock_acquire_guard (lock, NULL, &error);
  LfLockGuard *inner;

  g_assert_no_error (error);
  g_assert_true (lf_lock_guard_get_lock (guard) == lock);
  g_assert_true ((gpointer) lf_lock_guard_get_lock_file (guard) ==
                 (LF_IS_LOCK_FILE (lock) ? (gpointer) lock : NULL));
  g_assert_null (lf_lock_acquire_guard_with_timeout (other, 0, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);

  /* The thread holds it already */
  inner = lf_lock_acquire_guard_with_timeout (lock, 0, NULL, &error);
  g_assert_no_error (error);
  lf_lock_guard_unref (inner);
  g_assert_true (lf_lock_is_held (lock));

  /* This is another grant of the same object */
  assert_released (lock);
  assert_acquired (lock);
  lf_lock_guard_unref (guard);
  g_assert_true (lf_lock_is_held (lock));
  assert_released (lock);

  guard = lf_lock_acquire_guard (lock, NULL, &error);
  g_assert_true (lf_lock_guard_release (guard, &error));
  g_assert_no_error (error);
  g_assert_false (lf_lock_guard_release (guard, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_assert_nonnull (strstr (error->message, fixture->path));
  lf_lock_guard_unref (guard);
  assert_acquired (other);
}

static void
test_guard_async (Fixture       *fixture,
                  gconstpointer  data)
{
  const LockClass *class = data;
  g_autoptr (LfLock) lock = class->make (fixture->path);
  g_autoptr (LfLock) other = class->make (fixture->path);
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[3] = { NULL };
  LfLockGuard *guard;

  lf_lock_acquire_guard_async (lock, G_PRIORITY_DEFAULT, NULL, take_result_cb, results);
  wait_for_result (&results[0]);
  guard = lf_lock_acquire_guard_finish (lock, results[0], &error);
  g_assert_no_error (error);
  g_assert_true (lf_lock_is_held (lock));

  lf_lock_acquire_with_timeout_async (other, 0, G_PRIORITY_DEFAULT, NULL, take_result_cb, results);
  wait_for_result (&results[1]);
  g_assert_null (lf_lock_acquire_guard_finish (other, results[1], &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);

  lf_lock_guard_unref (guard);
  g_assert_false (lf_lock_is_held (lock));
  g_object_unref (results[0]);
  g_object_unref (results[1]);
}

static void
assert_no_holder_error (LfLockHolder *holder,
                        GError       *error)
{
  g_assert_null (holder);
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_error_free (error);
}

static void
test_holder (Fixture       *fixture,
             gconstpointer  data)
{
  const LockClass *class = data;
  g_autoptr (LfLock) lock = class->make (fixture->path);
  g_autoptr (GAsyncResult) holder_result = NULL;
  g_autoptr (GAsyncResult) locked_result = NULL;
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (LfLockHolder) async_holder = NULL;
  GError *error = NULL;

  assert_acquired (lock);
  holder = lf_lock_query_holder (lock, NULL, &error);
  if (class->has_holder)
    g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, (int) getpid ());
  else
    assert_no_holder_error (holder, g_steal_pointer (&error));

  /* An error must not look like a free lock */
  g_assert_true (lf_lock_is_locked (lock, NULL, &error));
  g_assert_true ((error == NULL) == class->has_holder);
  g_clear_error (&error);

  lf_lock_query_holder_async (lock, G_PRIORITY_DEFAULT, NULL, take_result_cb, &holder_result);
  g_assert_null (holder_result);
  wait_for_result (&holder_result);
  async_holder = lf_lock_query_holder_finish (lock, holder_result, &error);
  if (class->has_holder)
    g_assert_cmpint (lf_lock_holder_get_pid (async_holder), ==, (int) getpid ());
  else
    assert_no_holder_error (async_holder, g_steal_pointer (&error));

  lf_lock_is_locked_async (lock, G_PRIORITY_DEFAULT, NULL, take_result_cb, &locked_result);
  wait_for_result (&locked_result);
  if (LF_IS_LOCK_FILE (lock))
    g_assert_true (lf_lock_file_is_locked_finish (LF_LOCK_FILE (lock), locked_result, &error));
  else
    g_assert_true (lf_lock_is_locked_finish (lock, locked_result, &error));
  g_assert_true ((error == NULL) == class->has_holder);
  g_clear_error (&error);

  assert_released (lock);
  g_assert_true (lf_lock_is_locked (lock, NULL, &error) != class->has_holder);
  g_clear_error (&error);
}

static void
test_break (Fixture       *fixture,
            gconstpointer  data)
{
  const LockClass *class = data;
  g_autoptr (LfLock) lock = class->make (fixture->path);
  g_autoptr (LfLock) other = class->make (fixture->path);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  assert_acquired (lock);
  g_assert_true (lf_lock_break_lock (other, NULL, &error) == class->has_holder);
  if (class->has_holder)
    {
      assert_acquired (other);
      assert_released (other);
    }
  else
    g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);

  lf_lock_break_lock_async (other, G_PRIORITY_DEFAULT, NULL, take_result_cb, &result);
  g_assert_null (result);
  wait_for_result (&result);
  g_assert_true (lf_lock_break_lock_finish (other, result, &error) == class->has_holder);
  if (!class->has_holder)
    g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
}

static void
lost_cb (LfLock   *lock,
         GError   *reason,
         gpointer  user_data)
{
  GError **lost = user_data;

  g_assert_false (lf_lock_is_held (lock));
  *lost = g_error_copy (reason);
}

/* A loss is found out by verify(), and by the signal if the lock is monitored. */
static void
test_lost (Fixture       *fixture,
           gconstpointer  data)
{
  const LockClass *class = data;
  g_autoptr (LfLock) lock = class->make (fixture->path);
  g_autofree char *file = g_strconcat (fixture->path, class->file_suffix, NULL);
  g_autoptr (GError) lost = NULL;
  g_autoptr (GError) error = NULL;

  assert_acquired (lock);
  g_assert_no_errno (g_unlink (file));
  g_assert_false (lf_lock_verify (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_assert_false (lf_lock_is_held (lock));

  g_signal_connect (lock, "lost", G_CALLBACK (lost_cb), &lost);
  if (!LF_IS_LOCK_FILE (lock))
    return;

  lf_lock_file_set_monitor (LF_LOCK_FILE (lock), TRUE);
  assert_acquired (lock);
  g_assert_no_errno (g_unlink (file));
  while (lost == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (lost, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
}

static void
waiting_cb (LfLock       *lock,
            LfLockHolder *holder,
            gpointer      user_data)
{
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, (int) getpid ());
  g_cancellable_cancel (user_data);
}

/* The signal "waiting" names the holder. */
static void
test_waiting (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (LfLock) holder = make_lock_file (fixture->path);
  g_autoptr (LfLock) waiter = make_lock_file (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  assert_acquired (holder);
  lf_lock_file_set_notice_delay (LF_LOCK_FILE (waiter), 0);
  g_signal_connect (waiter, "waiting", G_CALLBACK (waiting_cb), cancellable);
  lf_lock_acquire_async (waiter, G_PRIORITY_DEFAULT, cancellable, take_result_cb, &result);
  wait_for_result (&result);
  g_assert_false (lf_lock_acquire_finish (waiter, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* The name of a lock can be shown, whatever its path is. */
static void
test_display_name (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (GFile) remote = g_file_new_for_uri ("https://example.org/x.lock");
  g_autoptr (LfLockFile) no_path = lf_lock_file_new_for_file (remote);
  g_autoptr (LfLockFile) not_utf8 = lf_lock_file_new ("/x\xff.lock");
  g_autofree char *empty = lf_lock_get_display_name (LF_LOCK (no_path));
  g_autofree char *valid = lf_lock_get_display_name (LF_LOCK (not_utf8));

  g_assert_cmpstr (empty, ==, "");
  g_assert_true (g_utf8_validate (valid, -1, NULL));
  g_assert_true (g_str_has_suffix (valid, ".lock"));
}

static void
add_class_test (const LockClass *class,
                const char      *name,
                void           (*function) (Fixture *fixture, gconstpointer data))
{
  g_autofree char *path = g_strdup_printf ("/lock/%s/%s", class->name, name);

  add_data_test (path, class, function);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    {
      add_class_test (&classes[i], "sync", test_sync);
      add_class_test (&classes[i], "async", test_async);
      add_class_test (&classes[i], "guard", test_guard);
      add_class_test (&classes[i], "guard-async", test_guard_async);
      add_class_test (&classes[i], "holder", test_holder);
      add_class_test (&classes[i], "break", test_break);
      add_class_test (&classes[i], "lost", test_lost);
    }
  add_test ("/lock/waiting", test_waiting);
  add_test ("/lock/display-name", test_display_name);

  return g_test_run ();
}
