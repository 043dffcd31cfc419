/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Locks that are left behind where a PID has been given to another process, or is
 * that of another namespace. */

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-record.h"
#include "stale.h"

#define N_SANDBOXES 4
#define N_SANDBOX_ROUNDS 200

typedef struct
{
  const TestBackend *backend;
  const char *path;
} Child;

static pid_t
fork_sleeping (void)
{
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  while (pid == 0)
    pause ();

  return pid;
}

static void
kill_and_reap (pid_t pid)
{
  int status;

  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
}

/* The first process of a PID namespace, where nobody else takes PIDs. */
static void
recycle (Child *child)
{
  g_auto (GStrv) lines = NULL;
  g_autofree char *text = NULL;
  g_autofree char *last_pid = NULL;
  gboolean recycled = FALSE;
  pid_t pid, successor;
  gsize length;
  int status;

  g_assert_cmpint (getpid (), ==, 1);
  g_assert_no_errno (mount ("proc", "/proc", "proc", 0, NULL));

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      assert_acquires (lock_new (child->backend, child->path));
      kill (getpid (), SIGKILL);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  text = read_record (child->backend, child->path, &length);
  lines = g_strsplit (text, "\n", -1);
  g_assert_cmpint (atoi (lines[LINE_PID]), ==, pid);
  last_pid = g_strdup_printf ("%d", pid - 1);

  /* Until the clock that dates processes has gone on */
  while (!recycled)
    {
      g_autofree char *start_time = NULL;

      write_file ("/proc/sys/kernel/ns_last_pid", last_pid);
      successor = fork_sleeping ();
      g_assert_cmpint (successor, ==, pid);
      start_time = get_start_time (successor);
      recycled = !g_str_equal (start_time, lines[LINE_START_TIME]);
      if (!recycled)
        kill_and_reap (successor);
    }

  assert_taken_over (child->backend, child->path);
  g_assert_no_errno (kill (pid, 0));
  kill_and_reap (pid);
}

static void
child_that_recycles (gpointer data)
{
  int status;
  pid_t pid;

  enter_namespaces (CLONE_NEWPID | CLONE_NEWNS);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      recycle (data);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

/* The system has given the holder's PID to another process. */
static void
test_recycled (Fixture       *fixture,
               gconstpointer  data)
{
  Child child = { data, fixture->path };

  run_in_child (child_that_recycles, &child);
}

/* Starts a peer that is the first process of a PID namespace of its own. */
static Peer *
start_in_sandbox (const TestBackend *backend,
                  const char        *path,
                  gboolean           mounts)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  const char *common[] = { "unshare", "--pid", "--fork", "--kill-child" };

  for (gsize i = 0; i < G_N_ELEMENTS (common); i++)
    g_ptr_array_add (argv, (char *) common[i]);
  if (geteuid () != 0)
    g_ptr_array_add (argv, (char *) "--map-root-user");
  if (mounts)
    g_ptr_array_add (argv, (char *) "--mount-proc");
  g_ptr_array_add (argv, (char *) g_getenv ("LF_TEST_PEER"));
  g_ptr_array_add (argv, (char *) path);
  g_ptr_array_add (argv, (char *) backend->nick);
  g_ptr_array_add (argv, NULL);

  return peer_start_argv ((const char *const *) argv->pdata);
}

static void
peer_is_kept_out (Peer *peer)
{
  peer_send (peer, "try");
  peer_expect (peer, "error lf-lock-error-quark 1"); /* ALREADY_LOCKED */
}

/* Processes of different PID namespaces have the same PIDs and do not see each
 * other. With a /proc of their own or without: to each, the others live. */
static void
test_namespaces (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;

  for (int mounts = FALSE; mounts <= TRUE; mounts++)
    {
      g_autoptr (Peer) holder = start_in_sandbox (backend, fixture->path, mounts);
      g_autoptr (Peer) other = start_in_sandbox (backend, fixture->path, mounts);
      g_autoptr (Peer) outsider = NULL;

      peer_send (holder, "acquire");
      peer_expect (holder, "held");
      assert_held_and_kept (backend, fixture->path);
      peer_is_kept_out (other);
      peer_send (holder, "release");
      peer_expect (holder, "released");

      peer_send (other, "acquire");
      peer_expect (other, "held");
      peer_is_kept_out (holder);
      peer_send (other, "release");
      peer_expect (other, "released");

      /* One of them dies with the lock, which nobody outside can know */
      peer_send (holder, "acquire");
      peer_expect (holder, "held");
      peer_kill (holder);
      g_assert_null (peer_read_line (holder));
      peer_is_kept_out (other);
      assert_held_until_broken (backend, fixture->path);

      /* Nor does somebody in there know of one who has died out here */
      outsider = backend_peer_start_holder (backend, fixture->path);
      peer_is_kept_out (other);
      peer_kill (outsider);
      peer_wait (outsider);
      peer_is_kept_out (other);
      assert_taken_over (backend, fixture->path);
    }
}

/* Sandboxes in which every PID is the same share a lock and get in nobody's way. */
static void
test_sandboxes (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *counter = g_build_filename (fixture->directory, "counter", NULL);
  g_autofree char *number = NULL;
  Peer *peers[N_SANDBOXES];

  for (int i = 0; i < N_SANDBOXES; i++)
    {
      g_autofree char *command = g_strdup_printf ("count-%s %s %d", i % 2 == 0 ? "sync" : "async",
                                                  counter, N_SANDBOX_ROUNDS);

      peers[i] = start_in_sandbox (backend, fixture->path, i < N_SANDBOXES / 2);
      peer_send (peers[i], command);
    }

  for (int i = 0; i < N_SANDBOXES; i++)
    {
      peer_expect (peers[i], "counted");
      peer_free (peers[i]);
    }

  g_assert_true (g_file_get_contents (counter, &number, NULL, NULL));
  g_assert_cmpint (atoi (number), ==, N_SANDBOXES * N_SANDBOX_ROUNDS);
  g_assert_no_errno (g_unlink (counter));
}

const BackendCase stale_namespace_cases[] = {
  { "recycled", test_recycled },
  { "namespaces", test_namespaces },
  { "sandboxes", test_sandboxes },
  { NULL, NULL },
};
