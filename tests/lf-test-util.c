/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lf-test-util.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define ORDINARY_USER 65534

void
remove_recursively (const char *path)
{
  g_autoptr (GDir) directory = NULL;
  const char *name;

  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    {
      g_chmod (path, 0700);
      directory = g_dir_open (path, 0, NULL);
      while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
        {
          g_autofree char *child = g_build_filename (path, name, NULL);

          remove_recursively (child);
        }
    }

  g_remove (path);
}

void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  fixture->directory = g_dir_make_tmp ("lockfile-glib-XXXXXX", &error);
  g_assert_no_error (error);
  /* For the cases that go on as another user */
  g_assert_no_errno (g_chmod (fixture->directory, 0777));
  fixture->path = g_build_filename (fixture->directory, "test.lock", NULL);
}

void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  remove_recursively (fixture->directory);
  g_clear_pointer (&fixture->directory, g_free);
  g_clear_pointer (&fixture->path, g_free);
}

Peer *
peer_start_argv (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  Peer *peer = g_new0 (Peer, 1);

  peer->process = g_subprocess_newv (argv,
                                     G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                     &error);
  g_assert_no_error (error);
  peer->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (peer->process));

  return peer;
}

/* Starts our own peer program; its commands are in lf-test-peer.c. */
Peer *
peer_start (const char *path)
{
  return peer_start_with (path, "auto");
}

Peer *
peer_start_with (const char *path,
                 const char *backend)
{
  const char *argv[] = { g_getenv ("LF_TEST_PEER"), path, backend, NULL };

  g_assert_nonnull (argv[0]);

  return peer_start_argv (argv);
}

Peer *
peer_start_holder (const char *path)
{
  return peer_start_holder_with (path, "auto");
}

Peer *
peer_start_holder_with (const char *path,
                        const char *backend)
{
  Peer *peer = peer_start_with (path, backend);

  peer_send (peer, "acquire");
  peer_expect (peer, "held");

  return peer;
}

void
peer_send (Peer       *peer,
           const char *command)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_strconcat (command, "\n", NULL);
  GOutputStream *input = g_subprocess_get_stdin_pipe (peer->process);

  g_output_stream_write_all (input, line, strlen (line), NULL, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_flush (input, NULL, &error);
  g_assert_no_error (error);
}

char *
peer_read_line (Peer *peer)
{
  g_autoptr (GError) error = NULL;
  char *line = g_data_input_stream_read_line (peer->output, NULL, NULL, &error);

  g_assert_no_error (error);

  return line;
}

void
peer_expect (Peer       *peer,
             const char *expected)
{
  g_autofree char *line = peer_read_line (peer);

  g_assert_cmpstr (line, ==, expected);
}

int
peer_get_pid (Peer *peer)
{
  return atoi (g_subprocess_get_identifier (peer->process));
}

void
peer_kill (Peer *peer)
{
  g_subprocess_send_signal (peer->process, SIGKILL);
}

/* Waits for its end and returns the exit status. */
int
peer_wait (Peer *peer)
{
  g_autoptr (GError) error = NULL;

  g_subprocess_wait (peer->process, NULL, &error);
  g_assert_no_error (error);

  return g_subprocess_get_if_exited (peer->process) ? g_subprocess_get_exit_status (peer->process)
                                                    : -1;
}

void
peer_free (Peer *peer)
{
  g_subprocess_force_exit (peer->process);
  g_subprocess_wait (peer->process, NULL, NULL);
  g_object_unref (peer->output);
  g_object_unref (peer->process);
  g_free (peer);
}

guint
count_waiters (const char *path)
{
  g_autofree char *list = NULL;
  g_autofree char *wanted = NULL;
  g_auto (GStrv) lines = NULL;
  struct stat path_stat;
  guint n_waiters = 0;

  if (stat (path, &path_stat) != 0)
    return 0;

  g_assert_true (g_file_get_contents ("/proc/locks", &list, NULL, NULL));
  wanted = g_strdup_printf (" %02x:%02x:%" G_GUINT64_FORMAT " ", major (path_stat.st_dev),
                            minor (path_stat.st_dev), (guint64) path_stat.st_ino);
  lines = g_strsplit (list, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (strstr (lines[i], wanted) != NULL && strstr (lines[i], "->") != NULL)
        n_waiters++;
    }

  return n_waiters;
}

/* The list is not steady while other locks come and go: it is read until it says
 * the same twice. */
void
wait_for_waiters (const char *path,
                  guint       n_waiters)
{
  while (count_waiters (path) != n_waiters || count_waiters (path) != n_waiters)
    g_usleep (500);
}

static gboolean
has_sleeper (int  pid,
             long system_call)
{
  g_autofree char *tasks = g_strdup_printf ("/proc/%d/task", pid);
  g_autofree char *wanted = g_strdup_printf ("%ld ", system_call);
  g_autoptr (GDir) directory = g_dir_open (tasks, 0, NULL);
  const char *name;
  gboolean found = FALSE;

  g_assert_nonnull (directory);
  while (!found && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename (tasks, name, "syscall", NULL);
      g_autofree char *text = NULL;

      found = g_file_get_contents (path, &text, NULL, NULL) && g_str_has_prefix (text, wanted);
    }

  return found;
}

void
wait_for_sleeper (int  pid,
                  long system_call)
{
  while (!has_sleeper (pid, system_call))
    g_usleep (500);
}

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  guint n_entries = 0;

  g_assert_nonnull (directory);
  while (g_dir_read_name (directory) != NULL)
    n_entries++;

  return n_entries;
}

guint
count_descriptors (void)
{
  return count_entries ("/proc/self/fd");
}

/* GLib's own threads have names; one of the library has that of the program. */
static guint
count_lock_threads (gboolean only_sleeping)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/task", 0, NULL);
  g_autofree char *program = NULL;
  const char *name;
  guint n_threads = 0;

  g_assert_nonnull (directory);
  g_assert_true (g_file_get_contents ("/proc/self/comm", &program, NULL, NULL));
  g_strchomp (program);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "stat", NULL);
      g_autofree char *line = NULL;
      g_autofree char *any = g_strdup_printf ("%s (%s) ", name, program);
      g_autofree char *sleeping = g_strdup_printf ("%s (%s) S", name, program);

      /* It may have ended meanwhile */
      if (atoi (name) != getpid () && g_file_get_contents (path, &line, NULL, NULL) &&
          g_str_has_prefix (line, only_sleeping ? sleeping : any))
        n_threads++;
    }

  return n_threads;
}

void
wait_for_sleeping_lock_threads (guint n_threads)
{
  while (count_lock_threads (TRUE) != n_threads)
    g_usleep (500);
}

/* A thread that has reported is still listed while the kernel takes it down, and
 * one that was abandoned has still to clean up. */
void
wait_for_no_lock_threads (void)
{
  while (count_lock_threads (FALSE) > 0)
    g_usleep (500);
}

static void
run_child (ChildFunc function,
           gpointer  data,
           gboolean  as_user)
{
  int status;
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      if (as_user && geteuid () == 0)
        {
          g_assert_no_errno (setgroups (0, NULL));
          g_assert_no_errno (setgid (ORDINARY_USER));
          g_assert_no_errno (setuid (ORDINARY_USER));
        }
      function (data);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

void
run_in_child (ChildFunc function,
              gpointer  data)
{
  run_child (function, data, FALSE);
}

void
run_as_user (ChildFunc function,
             gpointer  data)
{
  run_child (function, data, TRUE);
}

/* Writes to a file that is there, in one piece, as those of the kernel want it. */
void
write_file (const char *path,
            const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize) strlen (text));
  close (fd);
}

void
enter_namespaces (int flags)
{
  g_autofree char *user_map = g_strdup_printf ("0 %u 1", geteuid ());
  g_autofree char *group_map = g_strdup_printf ("0 %u 1", getegid ());
  gboolean is_root = geteuid () == 0;

  g_assert_no_errno (unshare (is_root ? flags : flags | CLONE_NEWUSER));
  if (!is_root)
    {
      write_file ("/proc/self/setgroups", "deny");
      write_file ("/proc/self/uid_map", user_map);
      write_file ("/proc/self/gid_map", group_map);
    }

  /* What is mounted here stays here */
  if ((flags & CLONE_NEWNS) != 0)
    g_assert_no_errno (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void
claim_done_cb (GObject      *object,
               GAsyncResult *result,
               gpointer      user_data)
{
  Claim *claim = user_data;

  g_assert_false (claim->done);
  claim->granted = lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &claim->error);
  g_assert_true (claim->granted == (claim->error == NULL));
  claim->thread = g_thread_self ();
  if (claim->counter != NULL)
    claim->sequence = (*claim->counter)++;
  claim->done = TRUE;
}

void
claim_start (Claim        *claim,
             LfLockFile   *lock,
             GCancellable *cancellable)
{
  lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, cancellable, claim_done_cb, claim);
  g_assert_false (claim->done);
}

void
iterate_until (gboolean *flag)
{
  GMainContext *context = g_main_context_get_thread_default ();

  while (!*flag)
    g_main_context_iteration (context, TRUE);
}

void
claim_wait (Claim *claim)
{
  iterate_until (&claim->done);
}

void
claim_clear (Claim *claim)
{
  g_clear_error (&claim->error);
  claim->done = claim->granted = FALSE;
}

void
assert_acquires (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_acquire (lock, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (granted);
  g_assert_true (lf_lock_file_is_held (lock));
}

void
assert_releases (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  gboolean released = lf_lock_file_release (lock, &error);

  g_assert_no_error (error);
  g_assert_true (released);
  g_assert_false (lf_lock_file_is_held (lock));
}

void
assert_free (const char *path)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_try_acquire (lock, &error);

  g_assert_no_error (error);
  g_assert_true (granted);
  assert_releases (lock);
}

void
assert_not_free (const char *path)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_try_acquire (lock, &error);

  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_false (granted);
}
