/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* What forked and executed children do, and must not do, to their parent's lock. */

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lf-test-util.h"

typedef struct
{
  LfLockFile *lock;
  const char *path;
} Child;

/* A child that was made without running fork()'s handlers, as some sandboxes and language
 * runtimes do. */
static void
test_unannounced_child (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  int status;
  pid_t pid;

  assert_acquires (lock);
  pid = _Fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      g_autoptr (GError) error = NULL;
      gboolean released = lf_lock_file_release (lock, &error);

      _exit (!released && g_error_matches (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK)
               ? 0 : 1);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  assert_not_free (fixture->path);
  assert_releases (lock);
}

/* A child locks an object that it inherited with a guard. The end of the guard does not
 * release the child's own lock. */
static void
test_inherited_guard (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockGuard) guard = lf_lock_file_acquire_guard (lock, NULL, NULL);
  int status;
  pid_t pid;

  g_assert_nonnull (guard);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      /* Waits until the parent's guard has ended */
      if (!lf_lock_file_acquire (lock, NULL, NULL))
        _exit (1);
      lf_lock_guard_unref (guard);
      _exit (lf_lock_file_is_held (lock) ? 0 : 2);
    }

  wait_for_waiters (fixture->path, 1);
  g_clear_pointer (&guard, lf_lock_guard_unref);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

/* Starts a child that has all our descriptors and does nothing, until the returned pipe is
 * closed. */
static pid_t
start_sleeping_child (int *pipe_fd)
{
  int fds[2];
  pid_t pid;
  char byte;

  g_assert_no_errno (pipe (fds));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      close (fds[1]);
      g_assert_cmpint (read (fds[0], &byte, 1), ==, 0);
      _exit (0);
    }

  close (fds[0]);
  *pipe_fd = fds[1];

  return pid;
}

static void
end_child (pid_t pid,
           int   pipe_fd)
{
  int status;

  close (pipe_fd);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

/* A child that was forked during its parent's wait has the waiting descriptor. After the
 * wait is cancelled, that must not exclude anybody. */
static void
test_sleeping_child_of_waiter (Fixture       *fixture,
                               gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Peer) peer = peer_start_holder (fixture->path);
  g_auto (Claim) claim = { 0 };
  int pipe_fd;
  pid_t pid;

  claim_start (&claim, lock, cancellable);
  wait_for_waiters (fixture->path, 1);
  pid = start_sleeping_child (&pipe_fd);
  g_cancellable_cancel (cancellable);
  claim_wait (&claim);
  g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  assert_free (fixture->path);

  claim_clear (&claim);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
  assert_free (fixture->path);
  end_child (pid, pipe_fd);
}

/* The process that took the lock has died, and its child has the lock: the child is the
 * holder. */
static void
test_heir (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *heir = NULL;
  const char *argv[] = {
    /* flock(1) leaves its descriptor to the command, which outlives it here */
    "sh", "-c", "exec 9>>\"$0\" && flock 9 && { sh -c 'echo $$; read x' <&3 & } 3<&0; exit 0",
    fixture->path, NULL
  };
  g_autoptr (Peer) peer = peer_start_argv (argv);

  heir = peer_read_line (peer);
  g_assert_cmpint (peer_wait (peer), ==, 0);
  holder = lf_lock_file_query_holder (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, atoi (heir));
}

/* The same in a PID namespace other than the initial one, where the kernel does not list
 * locks of dead processes. */
static void
test_heir_in_namespace (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autofree char *executable = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  const char *argv[] = {
    "unshare", geteuid () == 0 ? "--fork" : "--map-root-user", "--pid", "--fork", "--kill-child",
    "--mount-proc", executable, "-p", "/fork/heir", NULL
  };
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL,
                &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

/* A program that is executed does not inherit the descriptor. */
static void
test_exec (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  char *argv[] = { (char *) "ls", (char *) "-l", (char *) "/proc/self/fd", NULL };

  assert_acquires (lock);
  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL,
                &output, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (output, " 1 -> "));
  g_assert_null (strstr (output, fixture->path));
}

/* A pending claim belongs to the parent, but the child can use the object. */
static void
child_of_pending (gpointer data)
{
  Child *child = data;
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_try_acquire (child->lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

/* The child of a waiting process can use the object, and does not end the wait. */
static void
test_pending (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = peer_start_holder (fixture->path);
  Child child = { lock, fixture->path };
  g_auto (Claim) claim = { 0 };

  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  run_in_child (child_of_pending, &child);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_not_free (fixture->path);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/fork/unannounced-child", test_unannounced_child);
  add_test ("/fork/inherited-guard", test_inherited_guard);
  add_test ("/fork/sleeping-child-of-waiter", test_sleeping_child_of_waiter);
  add_test ("/fork/heir", test_heir);
  add_test ("/fork/namespace", test_heir_in_namespace);
  add_test ("/fork/exec", test_exec);
  add_test ("/fork/pending", test_pending);

  return g_test_run ();
}
