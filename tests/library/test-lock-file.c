/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The object itself: its properties, guards, and differences between backends. */

#include <math.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  (*(guint *) user_data)++;
}

/* The state of an object that has only a path. Querying it makes no file. */
static void
test_defaults (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GFile) file = lf_lock_file_get_file (lock);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (lf_lock_file_get_path (lock), ==, fixture->path);
  g_assert_cmpstr (g_file_peek_path (file), ==, fixture->path);
  g_assert_cmpint (lf_lock_file_get_backend (lock), ==, LF_BACKEND_FLOCK);
  g_assert_cmpint (lf_lock_file_get_mode (lock), ==, LF_LOCK_MODE_EXCLUSIVE);
  g_assert_cmpfloat (lf_lock_file_get_timeout (lock), ==, -1);
  g_assert_false (lf_lock_file_get_remove_on_release (lock));
  g_assert_false (lf_lock_file_get_create_parents (lock));
  g_assert_cmphex (lf_lock_file_get_file_mode (lock), ==, 0666);
  g_assert_cmpfloat (lf_lock_file_get_poll_interval (lock), ==, 0.5);
  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);

  g_assert_false (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
}

/* All properties at once, as bindings and builders set them. */
static void
test_construct (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE,
                                              "path", fixture->path,
                                              "backend", LF_BACKEND_SQLITE,
                                              "mode", LF_LOCK_MODE_SHARED,
                                              "timeout", 2.5,
                                              "remove-on-release", TRUE,
                                              "create-parents", TRUE,
                                              "file-mode", 0600,
                                              "poll-interval", 0.25,
                                              NULL);
  g_autofree char *path = NULL;
  LfBackend backend;
  LfLockMode mode;
  double timeout, poll_interval;
  gboolean remove_on_release, create_parents, held;
  guint file_mode;

  g_object_get (lock, "path", &path, "backend", &backend, "mode", &mode, "timeout", &timeout,
                "remove-on-release", &remove_on_release, "create-parents", &create_parents,
                "file-mode", &file_mode, "poll-interval", &poll_interval, "held", &held, NULL);

  g_assert_cmpstr (path, ==, fixture->path);
  g_assert_cmpint (backend, ==, LF_BACKEND_SQLITE);
  g_assert_cmpint (mode, ==, LF_LOCK_MODE_SHARED);
  g_assert_cmpfloat (timeout, ==, 2.5);
  g_assert_true (remove_on_release);
  g_assert_true (create_parents);
  g_assert_cmphex (file_mode, ==, 0600);
  g_assert_cmpfloat (poll_interval, ==, 0.25);
  g_assert_false (held);
}

/* A file in place of a path, for names that are not text in every language. */
static void
test_construct_with_file (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (GFile) file = g_file_new_for_path (fixture->path);
  g_autoptr (GFile) remote = g_file_new_for_uri ("no-such-scheme://host/lock");
  g_autoptr (GFile) read_back = NULL;
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "file", file,
                                              "backend", LF_BACKEND_SYMLINK, NULL);
  g_autoptr (LfLockFile) without_path = g_object_new (LF_TYPE_LOCK_FILE, "file", remote, NULL);

  g_object_get (lock, "file", &read_back, NULL);
  g_assert_true (g_file_equal (read_back, file));
  g_assert_cmpstr (lf_lock_file_get_path (lock), ==, fixture->path);
  g_assert_cmpint (lf_lock_file_get_backend (lock), ==, LF_BACKEND_SYMLINK);
  g_assert_null (lf_lock_file_get_path (without_path));
}

/* A setter notifies, but only if it changes something. */
static void
test_notify (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  guint n_changes = 0;

  g_signal_connect (lock, "notify", G_CALLBACK (count_cb), &n_changes);
  for (int i = 0; i < 2; i++)
    {
      lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
      lf_lock_file_set_timeout (lock, 1.5);
      lf_lock_file_set_remove_on_release (lock, TRUE);
      lf_lock_file_set_create_parents (lock, TRUE);
      lf_lock_file_set_file_mode (lock, 0640);
      lf_lock_file_set_poll_interval (lock, 2);
      g_assert_cmpuint (n_changes, ==, 6);
    }
}

/* An interval out of range is limited to the range; NaN gives the default. */
static void
test_poll_interval_range (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);

  lf_lock_file_set_poll_interval (lock, -1);
  g_assert_cmpfloat (lf_lock_file_get_poll_interval (lock), ==, 0.001);
  lf_lock_file_set_poll_interval (lock, 1e9);
  g_assert_cmpfloat (lf_lock_file_get_poll_interval (lock), ==, 3600);
  lf_lock_file_set_poll_interval (lock, NAN);
  g_assert_cmpfloat (lf_lock_file_get_poll_interval (lock), ==, 0.5);

  g_object_set (lock, "poll-interval", 1e9, NULL);
  g_assert_cmpfloat (lf_lock_file_get_poll_interval (lock), ==, 3600);
  g_object_set (lock, "poll-interval", NAN, NULL);
  g_assert_cmpfloat (lf_lock_file_get_poll_interval (lock), ==, 0.5);
}

/* The property "held" notifies only when it changes. */
static void
test_notify_held (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  guint n_changes = 0;

  g_signal_connect (lock, "notify::held", G_CALLBACK (count_cb), &n_changes);
  assert_acquires (lock);
  g_assert_cmpuint (n_changes, ==, 1);
  assert_acquires (lock);
  g_assert_cmpuint (n_changes, ==, 1);
  assert_releases (lock);
  g_assert_cmpuint (n_changes, ==, 2);
  lf_lock_file_release (lock, NULL);
  g_assert_cmpuint (n_changes, ==, 2);
}

/* A data file that is locked itself is never removed. */
static void
test_content_is_kept (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) other = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  g_autofree char *content = NULL;

  g_assert_true (g_file_set_contents (fixture->path, "precious", -1, NULL));
  g_assert_no_errno (g_chmod (fixture->path, 0640));
  lf_lock_file_set_remove_on_release (lock, TRUE);

  assert_acquires (lock);
  assert_not_free (fixture->path);
  g_assert_false (lf_lock_file_break_lock (other, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  assert_releases (lock);

  g_assert_true (g_file_get_contents (fixture->path, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, "precious");
}

/* The descriptor can be used to read and write such a file. */
static void
test_descriptor (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", fixture->path,
                                              "backend", LF_BACKEND_FCNTL, NULL);
  g_autofree char *content = NULL;

  assert_acquires (lock);
  g_assert_cmpint (lf_lock_file_get_fd (lock), >=, 0);
  g_assert_cmpint (write (lf_lock_file_get_fd (lock), "data", 4), ==, 4);
  assert_releases (lock);
  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);

  g_assert_true (g_file_get_contents (fixture->path, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, "data");
}

/* The mode does not change while the lock is held. */
static void
test_mode_while_held (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) other = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;

  lf_lock_file_set_mode (other, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  g_assert_cmpint (lf_lock_file_get_mode (lock), ==, LF_LOCK_MODE_SHARED);
  g_assert_false (lf_lock_file_try_acquire (other, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  assert_releases (lock);
  assert_acquires (lock);
  assert_acquires (other);
}

/* A guard releases the lock with its last reference. After a failure there is no guard. */
static void
test_guard (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;

  {
    g_autoptr (LfLockGuard) guard = lf_lock_file_acquire_guard (lock, NULL, &error);
    g_autoptr (LfLockGuard) second = lf_lock_guard_ref (guard);

    g_assert_no_error (error);
    g_assert_true (lf_lock_guard_get_lock_file (second) == lock);
    g_clear_pointer (&second, lf_lock_guard_unref);
    g_assert_true (lf_lock_file_is_held (lock));
  }
  g_assert_false (lf_lock_file_is_held (lock));

  {
    g_autoptr (LfLockFile) other = lf_lock_file_new (fixture->path);
    g_autoptr (LfLockGuard) guard = NULL;

    assert_acquires (other);
    lf_lock_file_set_timeout (lock, 0);
    guard = lf_lock_file_acquire_guard (lock, NULL, &error);
    g_assert_null (guard);
    g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  }
}

static void
guard_cb (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  *(LfLockGuard **) user_data =
    lf_lock_file_acquire_guard_finish (LF_LOCK_FILE (object), result, &error);
  g_assert_no_error (error);
}

/* A guard releases only its own grant. */
static void
test_guard_owns (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  LfLockGuard *guard = NULL;
  LfLockGuard *inner;

  lf_lock_file_acquire_guard_async (lock, G_PRIORITY_DEFAULT, NULL, guard_cb, &guard);
  while (guard == NULL)
    g_main_context_iteration (NULL, TRUE);

  inner = lf_lock_file_acquire_guard (lock, NULL, NULL);
  g_assert_nonnull (inner);
  lf_lock_guard_unref (inner);
  g_assert_true (lf_lock_file_is_held (lock));

  assert_releases (lock);
  assert_acquires (lock);
  lf_lock_guard_unref (guard);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_not_free (fixture->path);
}

/* Two backends do not see each other's locks, unless both lock by what is at the path. */
static void
test_held_in_another_way (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) fcntl = g_object_new (LF_TYPE_LOCK_FILE, "path", fixture->path,
                                               "backend", LF_BACKEND_FCNTL, NULL);
  g_autofree char *other_path = g_build_filename (fixture->directory, "other", NULL);
  g_autoptr (LfLockFile) link = g_object_new (LF_TYPE_LOCK_FILE, "path", other_path,
                                              "backend", LF_BACKEND_HARD_LINK, NULL);
  g_autoptr (LfLockFile) pid_file = g_object_new (LF_TYPE_LOCK_FILE, "path", other_path,
                                                  "backend", LF_BACKEND_PID_FILE, NULL);
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  g_assert_false (lf_lock_file_is_held_by_thread (fcntl));

  assert_acquires (link);
  g_assert_true (lf_lock_file_is_held_by_thread (pid_file));
  g_assert_false (lf_lock_file_acquire (pid_file, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
}

/* For a missing backend, the error names one that works. */
static void
test_not_supported (Fixture       *fixture,
                    gconstpointer  data)
{
  g_assert_true (lf_backend_is_supported (LF_BACKEND_AUTO));
  g_assert_true (lf_backend_is_supported (LF_BACKEND_FLOCK));

  for (int backend = LF_BACKEND_AUTO; backend <= LF_BACKEND_SQLITE; backend++)
    {
      g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", fixture->path,
                                                  "backend", backend, NULL);
      g_autoptr (GError) error = NULL;

      if (lf_backend_is_supported ((LfBackend) backend))
        continue;

      g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_nonnull (strstr (error->message, "use FLOCK"));
      g_clear_error (&error);
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_clear_error (&error);
      g_assert_null (lf_lock_file_query_holder (lock, NULL, &error));
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
    }

  g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
}

typedef struct
{
  LfLockFile *locks[300];
  gboolean ends; /* atomic */
} Crowd;

/* Releases and acquires many locks, again and again. */
static gpointer
crowd_main (gpointer data)
{
  Crowd *crowd = data;

  for (gsize i = 0; !g_atomic_int_get (&crowd->ends); i++)
    {
      assert_releases (crowd->locks[i % G_N_ELEMENTS (crowd->locks)]);
      assert_acquires (crowd->locks[i % G_N_ELEMENTS (crowd->locks)]);
    }

  return NULL;
}

/* The kernel's list is read in pieces. A holder is found even while other locks come and
 * go, and its entry moves from one piece to another. */
static void
test_holder_in_crowd (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = NULL;
  Crowd crowd = { .ends = FALSE };
  GThread *thread;

  for (gsize i = 0; i < G_N_ELEMENTS (crowd.locks); i++)
    {
      g_autofree char *path = g_strdup_printf ("%s.%u", fixture->path, (guint) i);

      crowd.locks[i] = lf_lock_file_new (path);
      assert_acquires (crowd.locks[i]);
    }

  /* After the others in the list, so that its entry moves when they are released */
  peer = peer_start_holder (fixture->path);
  thread = g_thread_new ("crowd", crowd_main, &crowd);
  for (int i = 0; i < 200; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (lock, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, peer_get_pid (peer));
    }

  g_atomic_int_set (&crowd.ends, TRUE);
  g_thread_join (thread);
  for (gsize i = 0; i < G_N_ELEMENTS (crowd.locks); i++)
    g_object_unref (crowd.locks[i]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/lock-file/defaults", test_defaults);
  add_test ("/lock-file/construct", test_construct);
  add_test ("/lock-file/construct-with-file", test_construct_with_file);
  add_test ("/lock-file/notify", test_notify);
  add_test ("/lock-file/poll-interval-range", test_poll_interval_range);
  add_test ("/lock-file/notify-held", test_notify_held);
  add_test ("/lock-file/content-is-kept", test_content_is_kept);
  add_test ("/lock-file/descriptor", test_descriptor);
  add_test ("/lock-file/mode-while-held", test_mode_while_held);
  add_test ("/lock-file/guard", test_guard);
  add_test ("/lock-file/guard-owns", test_guard_owns);
  add_test ("/lock-file/held-in-another-way", test_held_in_another_way);
  add_test ("/lock-file/not-supported", test_not_supported);
  add_test ("/lock-file/holder-in-crowd", test_holder_in_crowd);

  return g_test_run ();
}
