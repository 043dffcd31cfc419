/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* FCNTL: what fcntl(2) locks do beyond the contract. They belong to open file descriptions
 * or, in a build without those, to the process. From outside there is no difference, except
 * that in the latter case only one waiter of a process is in the kernel's queue. */

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lf-test-util.h"

static LfLockFile *
new_lock (const char *path)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", LF_BACKEND_FCNTL, NULL);
}

static void
assert_busy (const char *path)
{
  g_autoptr (LfLockFile) lock = new_lock (path);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

/* Another program, in the ways in which this test uses it. */
#define PYTHON_OPEN "import fcntl, sys; file = open(sys.argv[1], 'a'); "
#define PYTHON_HOLD_PART PYTHON_OPEN \
  "fcntl.lockf(file, fcntl.LOCK_EX, 2, 1000); print('held', flush=True); input()"
#define PYTHON_TRY PYTHON_OPEN "\n" \
  "try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB); print('held')\n" \
  "except OSError: print('busy')"

static Peer *
start_python (const char *code,
              const char *path)
{
  const char *argv[] = { "/usr/bin/python3", "-c", code, path, NULL };

  return peer_start_argv (argv);
}

/* Checks the lock from an independent process. */
static void
assert_state_outside (const char *path,
                      const char *state)
{
  g_autoptr (Peer) peer = start_python (PYTHON_TRY, path);

  peer_expect (peer, state);
}

#define N_CROWD 4
#define N_CROWD_ROUNDS 300

/* In memory that all processes share. */
typedef struct
{
  int n_readers;
  int n_writers;
  guint n_entered;
} Room;

typedef struct
{
  const char *path;
  Room *room;
  guint32 seed;
} Visitor;

static void
visit (LfLockFile *lock,
       Room       *room)
{
  gboolean reads = lf_lock_file_get_mode (lock) == LF_LOCK_MODE_SHARED;
  int *n_mine = reads ? &room->n_readers : &room->n_writers;

  g_atomic_int_inc (n_mine);
  g_atomic_int_inc (&room->n_entered);
  g_thread_yield ();
  g_assert_cmpint (g_atomic_int_get (&room->n_writers), ==, reads ? 0 : 1);
  if (!reads)
    g_assert_cmpint (g_atomic_int_get (&room->n_readers), ==, 0);
  g_atomic_int_add (n_mine, -1);
}

/* Waits with and without a timeout, which may be too short, in both modes. */
static gpointer
visit_in_thread (gpointer data)
{
  Visitor *visitor = data;
  g_autoptr (LfLockFile) lock = new_lock (visitor->path);
  g_autoptr (GRand) random = g_rand_new_with_seed (visitor->seed);

  for (guint i = 0; i < N_CROWD_ROUNDS; i++)
    {
      const double timeouts[] = { -1, 0, 0.0002, 0.002, 60 };
      double timeout = timeouts[g_rand_int_range (random, 0, G_N_ELEMENTS (timeouts))];
      g_autoptr (GError) error = NULL;

      lf_lock_file_set_mode (lock, g_rand_boolean (random) ? LF_LOCK_MODE_SHARED
                                                           : LF_LOCK_MODE_EXCLUSIVE);
      if (lf_lock_file_acquire_with_timeout (lock, timeout, NULL, &error))
        {
          visit (lock, visitor->room);
          assert_releases (lock);
        }
      else if (!g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT))
        g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
    }

  return NULL;
}

static void
visit_in_process (const char *path,
                  Room       *room,
                  guint       number)
{
  Visitor visitors[N_CROWD];
  GThread *threads[N_CROWD];

  for (guint i = 0; i < N_CROWD; i++)
    {
      visitors[i] = (Visitor) { path, room, number * N_CROWD + i };
      threads[i] = g_thread_new ("visitor", visit_in_thread, &visitors[i]);
    }
  for (guint i = 0; i < N_CROWD; i++)
    g_thread_join (threads[i]);
}

/* Readers and writers in threads of several processes. */
static void
test_crowd (Fixture       *fixture,
            gconstpointer  data)
{
  Room *room = mmap (NULL, sizeof *room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t children[N_CROWD];

  g_assert_true (room != MAP_FAILED);
  for (guint i = 0; i < N_CROWD; i++)
    {
      children[i] = fork ();
      g_assert_cmpint (children[i], >=, 0);
      if (children[i] == 0)
        {
          visit_in_process (fixture->path, room, i);
          wait_for_no_lock_threads ();
          g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
          _exit (0);
        }
    }

  for (guint i = 0; i < N_CROWD; i++)
    {
      int status;

      g_assert_cmpint (waitpid (children[i], &status, 0), ==, children[i]);
      g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    }
  g_test_message ("%u got in", room->n_entered);
  g_assert_cmpuint (room->n_entered, >, 0);
  assert_state_outside (fixture->path, "held");
  g_assert_no_errno (munmap (room, sizeof *room));
}

static void
assert_holder (LfLockFile *lock,
               int         pid,
               const char *application)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (lock, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (holder);
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, pid);
  if (application != NULL)
    g_assert_true (g_str_has_prefix (lf_lock_holder_get_application (holder), application));
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);
}

/* Whatever else the library does with the file in this process, opening and closing it, the
 * lock stays. */
static void
test_looks_keep_lock (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);
  g_autoptr (LfLockFile) flock_other = lf_lock_file_new (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };
  guint n_while_held;

  assert_acquires (lock);
  g_assert_true (lf_lock_file_is_locked (other, NULL, &error));
  assert_busy (fixture->path);
  g_assert_false (lf_lock_file_acquire_with_timeout (other, 0.01, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  assert_acquires (flock_other);
  assert_releases (flock_other);
  claim_start (&claim, other, cancellable);
  g_cancellable_cancel (cancellable);
  claim_wait (&claim);
  g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_state_outside (fixture->path, "busy");

  /* Descriptors that cannot be closed yet are reused */
  n_while_held = count_open_files (fixture->directory);
  for (guint i = 0; i < 100; i++)
    {
      assert_busy (fixture->path);
      assert_acquires (flock_other);
      assert_releases (flock_other);
    }
  g_assert_cmpuint (count_open_files (fixture->directory), <=, n_while_held);

  assert_state_outside (fixture->path, "busy");
  assert_releases (lock);
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
  assert_state_outside (fixture->path, "held");
}

/* The program itself opens and closes the file, which may contain its data. */
static void
test_other_descriptor (Fixture       *fixture,
                       gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autofree char *contents = NULL;

  assert_acquires (lock);
  g_assert_true (g_file_get_contents (fixture->path, &contents, NULL, NULL));
  assert_state_outside (fixture->path, "busy");
  assert_busy (fixture->path);
}

#define PYTHON_DEADLOCK PYTHON_OPEN \
  "other = open(sys.argv[1] + '.other', 'a'); fcntl.lockf(other, fcntl.LOCK_EX); " \
  "print('held', flush=True); fcntl.lockf(file, fcntl.LOCK_EX); print('held', flush=True)"

/* Deadlocks between processes, which the kernel detects if locks belong to processes. */
static void
test_would_deadlock (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *other_path = g_strconcat (fixture->path, ".other", NULL);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (other_path);
  g_autoptr (Peer) python = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  assert_acquires (lock);
  python = start_python (PYTHON_DEADLOCK, fixture->path);
  peer_expect (python, "held");
  wait_for_waiters (fixture->path, 1);

  g_assert_false (lf_lock_file_acquire (other, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
  claim_start (&claim, other, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);

  assert_releases (lock);
  peer_expect (python, "held");
}

/* On Linux, a lock of another kind does not conflict with ours. */
static void
test_not_flock (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) flock_lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = NULL;
  g_autoptr (GError) error = NULL;

  assert_acquires (flock_lock);
  g_assert_false (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);
  assert_acquires (lock);
  assert_releases (flock_lock);
  g_assert_false (lf_lock_file_is_locked (flock_lock, NULL, &error));
  g_assert_no_error (error);
  assert_state_outside (fixture->path, "busy");

  peer = peer_start_holder (fixture->path);
  assert_holder (lock, getpid (), NULL);
  assert_holder (flock_lock, peer_get_pid (peer), NULL);
}

/* The child acquires a lock of its own, and keeps it when it drops its parent's object. */
static void
test_child_has_own (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  int to_child[2], from_child[2], status;
  char byte;
  pid_t pid;

  g_assert_no_errno (pipe (to_child));
  g_assert_no_errno (pipe (from_child));
  assert_acquires (lock);

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      g_autoptr (LfLockFile) own = new_lock (fixture->path);

      /* After the parent has released its lock, and has queried it before */
      g_assert_cmpint (read (to_child[0], &byte, 1), ==, 1);
      assert_acquires (own);
      g_object_run_dispose (G_OBJECT (lock));
      assert_busy (fixture->path);
      g_assert_cmpint (write (from_child[1], "", 1), ==, 1);
      g_assert_cmpint (read (to_child[0], &byte, 1), ==, 1);
      assert_releases (own);
      _exit (0);
    }

  assert_releases (lock);
  g_assert_cmpint (write (to_child[1], "", 1), ==, 1);
  g_assert_cmpint (read (from_child[0], &byte, 1), ==, 1);
  assert_state_outside (fixture->path, "busy");
  assert_busy (fixture->path);
  assert_holder (lock, pid, NULL);
  g_assert_cmpint (write (to_child[1], "", 1), ==, 1);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  assert_acquires (lock);

  close (to_child[0]);
  close (to_child[1]);
  close (from_child[0]);
  close (from_child[1]);
}

/* A lock on a range beyond the end of the file excludes ours, which covers the whole file. */
static void
test_part_excludes_us (Fixture       *fixture,
                       gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) peer = start_python (PYTHON_HOLD_PART, fixture->path);
  g_auto (Claim) claim = { 0 };

  peer_expect (peer, "held");
  assert_busy (fixture->path);
  assert_holder (lock, peer_get_pid (peer), "python3");

  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  peer_send (peer, "");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

/* And ours excludes such a lock. */
static void
test_part_excluded_by_us (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) waiter = NULL;

  assert_acquires (lock);
  assert_state_outside (fixture->path, "busy");

  waiter = start_python (PYTHON_HOLD_PART, fixture->path);
  wait_for_waiters (fixture->path, 1);
  assert_releases (lock);
  peer_expect (waiter, "held");
  peer_send (waiter, "");
  peer_wait (waiter);
  assert_state_outside (fixture->path, "held");
}

int
main (int    argc,
      char **argv)
{
  gboolean ofd_locks = g_strcmp0 (g_getenv ("LF_TEST_OFD_LOCKS"), "1") == 0;

  g_test_init (&argc, &argv, NULL);

  add_test ("/fcntl/crowd", test_crowd);
  add_test ("/fcntl/looks-keep-lock", test_looks_keep_lock);
  if (ofd_locks)
    add_test ("/fcntl/other-descriptor", test_other_descriptor);
  else
    add_test ("/fcntl/would-deadlock", test_would_deadlock);
  add_test ("/fcntl/not-flock", test_not_flock);
  add_test ("/fcntl/child-has-own", test_child_has_own);
  add_test ("/fcntl/part-excludes-us", test_part_excludes_us);
  add_test ("/fcntl/part-excluded-by-us", test_part_excluded_by_us);

  return g_test_run ();
}
