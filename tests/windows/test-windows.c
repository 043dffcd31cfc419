/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Which backends Windows has, and which other programs they exclude. */

#include <fcntl.h>
#include <io.h>
#include <string.h>
#include <sys/locking.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

#define N_TRIES 500

static void
test_default (void)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new ("C:\\test.lock");

  g_assert_cmpint (lf_lock_file_get_backend (lock), ==, LF_BACKEND_LOCK_FILE_EX);
  g_assert_true (lf_backend_is_supported (LF_BACKEND_AUTO));
}

/* The error names a backend that works, and no file is touched. */
static void
test_not_supported (Fixture       *fixture,
                    gconstpointer  data)
{
  const LfBackend backends[] = {
    LF_BACKEND_FLOCK, LF_BACKEND_FCNTL, LF_BACKEND_DIRECTORY, LF_BACKEND_SYMLINK,
    LF_BACKEND_SQLITE
  };

  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", fixture->path,
                                                  "backend", backends[i], NULL);
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };

      g_assert_false (lf_backend_is_supported (backends[i]));
      g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_nonnull (strstr (error->message, "LOCK_FILE_EX"));
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      g_assert_error (claim.error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_false (path_exists (fixture->path));
    }
}

/* The C library's locking, which Python's msvcrt.locking() uses: a byte at the file
 * position, for all users of the file. */
static void
test_c_runtime (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  int fd = g_open (fixture->path, _O_RDWR | _O_CREAT | _O_BINARY, 0666);

  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (_locking (fd, _LK_NBLCK, 1));
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_no_errno (_locking (fd, _LK_UNLCK, 1));

  assert_acquires (lock);
  g_assert_cmpint (_locking (fd, _LK_NBLCK, 1), ==, -1);
  assert_releases (lock);
  g_assert_no_errno (_locking (fd, _LK_NBLCK, 1));
  g_assert_no_errno (_locking (fd, _LK_UNLCK, 1));
  g_assert_true (g_close (fd, NULL));
}

typedef struct
{
  const char *path;
  int ended; /* atomic */
} Looker;

static gpointer
look_in_thread (gpointer data)
{
  Looker *looker = data;
  g_autoptr (LfLockFile) lock = lf_lock_file_new (looker->path);

  while (!g_atomic_int_get (&looker->ended))
    lf_lock_file_is_locked (lock, NULL, NULL);

  return NULL;
}

/* A query takes the lock for a moment. A try outlasts that, unless the querying thread is
 * suspended in this moment. */
static void
test_looks (Fixture       *fixture,
            gconstpointer  data)
{
  Looker looker = { fixture->path, FALSE };
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  GThread *thread = g_thread_new ("looker", look_in_thread, &looker);
  guint n_refused = 0;

  for (guint i = 0; i < N_TRIES; i++)
    {
      if (lf_lock_file_try_acquire (lock, NULL))
        assert_releases (lock);
      else
        n_refused++;
    }
  g_atomic_int_set (&looker.ended, TRUE);
  g_thread_join (thread);
  g_test_message ("%u of %u tries refused", n_refused, N_TRIES);
  g_assert_cmpuint (n_refused, <=, N_TRIES / 50);
}

static gpointer
acquire_slot_in_thread (gpointer data)
{
  LfSemaphore *semaphore = data;
  GError *error = NULL;

  g_assert_true (lf_semaphore_acquire_with_timeout (semaphore, 60, NULL, &error));
  g_assert_no_error (error);

  return GUINT_TO_POINTER (lf_semaphore_get_slot (semaphore));
}

/* A semaphore has as many holders as slots, and a waiter polls for a free slot. Descriptors and
 * changes of the mode are not supported on Windows. */
static void
test_semaphore (Fixture       *fixture,
                gconstpointer  data)
{
  LfSemaphore *semaphores[3];
  g_autoptr (LfLockFile) adopted = NULL;
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  for (guint i = 0; i < 3; i++)
    {
      semaphores[i] = lf_semaphore_new (fixture->path, 2);
      g_assert_cmpint (lf_semaphore_try_acquire (semaphores[i], &error), ==, i < 2);
    }
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  g_assert_false (lf_semaphore_acquire_with_timeout (semaphores[2], 0.05, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_clear_error (&error);

  thread = g_thread_new ("acquire", acquire_slot_in_thread, semaphores[2]);
  g_assert_true (lf_semaphore_release (semaphores[1], &error));
  g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (thread)), ==, 2);
  for (guint i = 0; i < 3; i++)
    g_object_unref (semaphores[i]);

  adopted = lf_lock_file_new_for_fd (0, LF_BACKEND_AUTO, &error);
  g_assert_null (adopted);
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  assert_acquires (lock);
  g_assert_cmpint (lf_lock_file_steal_fd (lock), ==, -1);
  g_assert_false (lf_lock_file_downgrade (lock, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/windows/default", test_default);
  add_test ("/windows/not-supported", test_not_supported);
  add_test ("/windows/c-runtime", test_c_runtime);

  add_test ("/windows/looks", test_looks);
  add_test ("/windows/semaphore", test_semaphore);

  return g_test_run ();
}
