/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Queries and breaks of kernel locks while calls fail and other processes change what is at
 * the path. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-backend.h"
#include "lf-test-intercept.h"

/* Backends whose locks are broken by removing the file. */
static const struct
{
  LfBackend backend;
  const char *nick;
} kernel_backends[] = {
  { LF_BACKEND_FLOCK, "flock" },
  { LF_BACKEND_FCNTL, "fcntl" },
  { LF_BACKEND_SQLITE, "sqlite" },
};

static LfLockFile *
new_lock (const char *path,
          LfBackend   backend)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend, NULL);
}

/* How often a break looks at the path. */
static guint
count_looks (const char *path,
             LfBackend   backend)
{
  g_autoptr (LfLockFile) lock = new_lock (path, backend);
  guint n_looks;

  intercept_only (path);
  intercept_count ();
  lf_test_ignore (lf_lock_file_break_lock (lock, NULL, NULL));
  n_looks = intercept_get_count (CALL_STAT);
  intercept_nothing ();

  return n_looks;
}

/* Whichever look at the path fails, a break does not remove data. */
static void
test_break_unseen (Fixture       *fixture,
                   gconstpointer  data)
{
  /* SQLite refuses such data */
  for (gsize i = 0; i < G_N_ELEMENTS (kernel_backends) - 1; i++)
    {
      g_autoptr (Peer) peer = peer_start_holder_with (fixture->path, kernel_backends[i].nick);
      g_autoptr (LfLockFile) lock = new_lock (fixture->path, kernel_backends[i].backend);
      guint n_looks;

      write_file (fixture->path, "data");
      n_looks = count_looks (fixture->path, kernel_backends[i].backend);
      g_assert_cmpuint (n_looks, >, 0);

      for (guint look = 1; look <= n_looks; look++)
        {
          g_autoptr (GError) error = NULL;

          g_test_message ("%s, look %u of %u", kernel_backends[i].nick, look, n_looks);
          intercept_only (fixture->path);
          intercept_fault (CALL_STAT, look, 1, EIO);
          g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
          g_assert_cmpuint (intercept_nothing (), ==, 1);
          g_assert_nonnull (error);
          g_assert_true (path_exists (fixture->path));
        }
    }
}

typedef struct
{
  const char *path;
  Peer *peer;
} Successor;

/* Another process breaks the lock first, and the next holder acquires it. */
static void
succeed_cb (const char *path,
            int         fd,
            int         flags,
            gpointer    data)
{
  Successor *successor = data;

  g_assert_no_errno (unlink (successor->path));
  peer_send (successor->peer, "acquire");
  peer_expect (successor->peer, "held");
}

/* If two processes break the same lock, the slower one leaves the next holder alone. */
static void
test_break_at_once (Fixture       *fixture,
                    gconstpointer  data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kernel_backends); i++)
    {
      const char *nick = kernel_backends[i].nick;
      g_autoptr (LfLockFile) lock = NULL;
      g_autoptr (Peer) broken = NULL;
      g_autoptr (Peer) peer = NULL;
      g_autoptr (LfLockHolder) holder = NULL;
      g_autoptr (GError) error = NULL;
      guint n_looks;

      if (!lf_backend_is_supported (kernel_backends[i].backend))
        continue;

      g_test_message ("%s", nick);
      lock = new_lock (fixture->path, kernel_backends[i].backend);
      peer = peer_start_with (fixture->path, nick);
      broken = peer_start_holder_with (fixture->path, nick);
      n_looks = count_looks (fixture->path, kernel_backends[i].backend);
      g_assert_false (path_exists (fixture->path));

      {
        g_autoptr (Peer) other = peer_start_holder_with (fixture->path, nick);
        Successor successor = { fixture->path, peer };

        intercept_only (fixture->path);
        intercept_hook (CALL_STAT, n_looks, succeed_cb, &successor);
        g_assert_true (lf_lock_file_break_lock (lock, NULL, &error));
        g_assert_no_error (error);
        g_assert_cmpuint (intercept_nothing (), ==, 1);
      }

      holder = lf_lock_file_query_holder (lock, NULL, &error);
      g_assert_no_error (error);
      g_assert_nonnull (holder);
      g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, peer_get_pid (peer));
      peer_send (peer, "release");
      peer_expect (peer, "released");
      g_assert_no_errno (g_unlink (fixture->path));
    }
}

typedef struct
{
  const char *path;
  const char *directory;
  gboolean tries;
  guint nth;
} Unknown;

static void
child_does_not_know (gpointer data)
{
  Unknown *this = data;
  struct flock own = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  g_autoptr (LfLockFile) lock = new_lock (this->path, LF_BACKEND_FCNTL);
  int fd = open (this->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  g_assert_no_errno (fcntl (fd, F_SETLK, &own));
  intercept_fault (CALL_FSTAT, this->nth, 1, EIO);
  if (this->tries)
    g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  else
    lf_test_ignore (lf_lock_file_is_locked (lock, NULL, NULL));
  intercept_nothing ();
  g_assert_false (can_lock_outside (this->path, F_WRLCK));

  /* A descriptor that had to stay open is closed when it is no longer needed */
  own.l_type = F_UNLCK;
  g_assert_no_errno (fcntl (fd, F_SETLK, &own));
  close (fd);
  assert_acquires (lock);
  assert_releases (lock);
  g_assert_cmpuint (count_open_files (this->directory), ==, 0);
}

/* A descriptor whose fstat() fails is closed, but not while the program has a POSIX lock of
 * its own. */
static void
test_unknown_descriptor (Fixture       *fixture,
                         gconstpointer  data)
{
  for (int tries = FALSE; tries <= TRUE; tries++)
    {
      for (guint nth = 1; nth <= 4; nth++)
        {
          Unknown this = { fixture->path, fixture->directory, tries, nth };

          g_test_message ("%s, fstat() %u", tries ? "a try" : "a look", nth);
          run_in_child (child_does_not_know, &this);
        }
    }
}

/* The end of a guard whose lock was released explicitly does not search for a holder: it
 * may be in a garbage collection, and a query can take the lock for a moment. */
static void
test_end_of_guard (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockGuard) guard = lf_lock_file_acquire_guard (lock, NULL, NULL);

  assert_releases (lock);
  intercept_count ();
  g_clear_pointer (&guard, lf_lock_guard_unref);
  g_assert_cmpuint (intercept_get_count (CALL_OPEN), ==, 0);
  g_assert_cmpuint (intercept_get_count (CALL_STAT), ==, 0);
  intercept_nothing ();
}

static void
release_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  GError **error = user_data;

  g_assert_false (lf_lock_file_release_finish (LF_LOCK_FILE (object), result, error));
}

/* A guard that found a pending release releases the lock itself if that release fails. */
static void
test_guard_after_failure (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockGuard) guard = lf_lock_file_acquire_guard (lock, NULL, NULL);
  g_autoptr (GError) release_error = NULL;
  g_autoptr (GError) error = NULL;

  intercept_fault (CALL_FLOCK, 1, 1, EIO);
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &release_error);
  g_assert_false (lf_lock_guard_release (guard, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  while (release_error == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (release_error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
  g_assert_cmpuint (intercept_nothing (), ==, 1);

  g_clear_pointer (&guard, lf_lock_guard_unref);
  g_assert_false (lf_lock_file_is_held (lock));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/looks/break-unseen", test_break_unseen);
  add_test ("/looks/break-at-once", test_break_at_once);
  add_test ("/looks/end-of-guard", test_end_of_guard);
  add_test ("/looks/guard-after-failure", test_guard_after_failure);
  /* With POSIX locks, the program's lock is also the library's */
  if (g_strcmp0 (g_getenv ("LF_TEST_OFD_LOCKS"), "0") != 0)
    add_test ("/looks/unknown-descriptor", test_unknown_descriptor);

  return g_test_run ();
}
