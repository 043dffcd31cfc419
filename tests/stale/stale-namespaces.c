/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Stale locks whose PID belongs to another process by now, or to another namespace. */

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-record.h"
#include "stale.h"

#define STRANGER_PID 300

#define N_SANDBOXES 4
#define N_SANDBOX_ROUNDS 200

typedef struct
{
  const TestBackend *backend;
  const char *path;
  pid_t stranger;
  int held[2];    /* pipes */
  int changed[2];
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

static int
reap (pid_t pid)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);

  return status;
}

static void
kill_and_reap (pid_t pid)
{
  kill (pid, SIGKILL);
  reap (pid);
}

/* Starts @function as the first process of a new PID namespace. */
static pid_t
fork_into_namespace (int       flags,
                     ChildFunc function,
                     gpointer  data)
{
  pid_t pid;

  enter_namespaces (flags | CLONE_NEWPID);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      function (data);
      _exit (0);
    }

  return pid;
}

/* The next process here will have this PID. */
static void
set_next_pid (pid_t pid)
{
  g_autofree char *text = g_strdup_printf ("%d", pid - 1);

  write_file ("/proc/sys/kernel/ns_last_pid", text);
}

/* Makes another process, with another start time, take the PID of one that has ended. */
static void
take_pid (pid_t       pid,
          const char *start_time)
{
  gboolean is_other = FALSE;

  while (!is_other)
    {
      g_autofree char *other_time = NULL;

      set_next_pid (pid);
      g_assert_cmpint (fork_sleeping (), ==, pid);
      other_time = get_start_time (pid);
      is_other = !g_str_equal (other_time, start_time);
      /* The clock for start times advances slowly */
      if (!is_other)
        kill_and_reap (pid);
    }
}

/* The first process of a PID namespace, in which no other process takes PIDs. */
static void
child_that_recycles (gpointer data)
{
  Child *child = data;
  g_auto (GStrv) lines = NULL;
  g_autofree char *text = NULL;
  pid_t pid;
  gsize length;

  g_assert_no_errno (mount ("proc", "/proc", "proc", 0, NULL));

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      assert_acquires (lock_new (child->backend, child->path));
      kill (getpid (), SIGKILL);
    }
  reap (pid);
  text = read_record (child->backend, child->path, &length);
  lines = g_strsplit (text, "\n", -1);
  g_assert_cmpint (atoi (lines[LINE_PID]), ==, pid);

  take_pid (pid, get_value (lines[LINE_START_TIME]));
  assert_taken_over (child->backend, child->path);
  g_assert_no_errno (kill (pid, 0));
  kill_and_reap (pid);
}

static void
child_with_namespace (gpointer data)
{
  g_assert_cmpint (reap (fork_into_namespace (CLONE_NEWNS, child_that_recycles, data)), ==, 0);
}

/* The holder's PID belongs to another process by now. */
static void
test_recycled (Fixture       *fixture,
               gconstpointer  data)
{
  Child child = { data, fixture->path };

  run_in_child (child_with_namespace, &child);
}

/* In a namespace with the outer namespace's /proc, where the holder's PID is that of a
 * stranger. Reports when it has the lock, and continues when the stranger has changed. */
static void
inner_child (gpointer data)
{
  Child *child = data;
  char byte = 'x';
  pid_t holder;

  set_next_pid (child->stranger);
  holder = fork ();
  g_assert_cmpint (holder, >=, 0);
  if (holder == 0)
    {
      g_assert_cmpint (getpid (), ==, child->stranger);
      assert_acquires (lock_new (child->backend, child->path));
      g_assert_cmpint (write (child->held[1], &byte, 1), ==, 1);
      while (TRUE)
        pause ();
    }

  g_assert_cmpint (read (child->changed[0], &byte, 1), ==, 1);
  assert_held_and_kept (child->backend, child->path);
  kill_and_reap (holder);
  remove_recursively (child->path);
}

static void
outer_child (gpointer data)
{
  Child *child = data;
  g_autofree char *start_time = NULL;
  char byte = 'x';
  pid_t inner;

  g_assert_no_errno (mount ("proc", "/proc", "proc", 0, NULL));
  g_assert_no_errno (pipe (child->held));
  g_assert_no_errno (pipe (child->changed));

  child->stranger = STRANGER_PID;
  set_next_pid (child->stranger);
  g_assert_cmpint (fork_sleeping (), ==, child->stranger);
  start_time = get_start_time (child->stranger);

  /* In another process: unshare() puts all later children into the new namespace */
  inner = fork ();
  g_assert_cmpint (inner, >=, 0);
  if (inner == 0)
    {
      g_assert_cmpint (reap (fork_into_namespace (0, inner_child, child)), ==, 0);
      _exit (0);
    }

  g_assert_cmpint (read (child->held[0], &byte, 1), ==, 1);
  kill_and_reap (child->stranger);
  take_pid (child->stranger, start_time);
  g_assert_cmpint (write (child->changed[1], &byte, 1), ==, 1);
  g_assert_cmpint (reap (inner), ==, 0);
  kill_and_reap (child->stranger);
}

static void
child_with_strangers (gpointer data)
{
  g_assert_cmpint (reap (fork_into_namespace (CLONE_NEWNS, outer_child, data)), ==, 0);
}

/* What /proc says about a PID proves nothing if it shows another namespace, as after
 * unshare(1) without --mount-proc. */
static void
test_foreign_proc (Fixture       *fixture,
                   gconstpointer  data)
{
  Child child = { data, fixture->path };

  run_in_child (child_with_strangers, &child);
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

/* Processes of different PID namespaces have the same PIDs and do not see each other. With
 * a /proc of their own or without, each counts the other as alive. */
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

      /* One of them dies with the lock. Outside, only the lock of the inode shows that */
      peer_send (holder, "acquire");
      peer_expect (holder, "held");
      peer_kill (holder);
      g_assert_null (peer_read_line (holder));
      if (backend->kind == LOCK_IS_SYMLINK)
        {
          peer_is_kept_out (other);
          assert_held_until_broken (backend, fixture->path);
        }
      else
        assert_taken_over (backend, fixture->path);

      /* In the namespace, the death of a process outside is also unknown */
      outsider = backend_peer_start_holder (backend, fixture->path);
      peer_is_kept_out (other);
      peer_kill (outsider);
      peer_wait (outsider);
      if (backend->kind == LOCK_IS_SYMLINK)
        peer_is_kept_out (other);
      else
        {
          peer_send (other, "try");
          peer_expect (other, "held");
          peer_kill (other);
          g_assert_null (peer_read_line (other));
        }
      assert_taken_over (backend, fixture->path);
    }
}

/* Sandboxes in which every PID is the same share a lock, and do not disturb each other. */
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
  { "foreign-proc", test_foreign_proc },
  { "namespaces", test_namespaces },
  { "sandboxes", test_sandboxes },
  { NULL, NULL },
};
