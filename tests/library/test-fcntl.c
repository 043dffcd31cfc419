/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* FCNTL: the locks of fcntl(2), which belong to open file descriptions or, in a
 * build without those, to the process. What is to be seen from outside is the same
 * but for where the waiters of one process wait: there only one of them is in the
 * kernel's queue. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* Descriptors of this process that are open on a lock file of the fixture, removed
 * ones included. GLib has others, and closes them when it likes. */
static guint
count_open (Fixture *fixture)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n_open = 0;

  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (target != NULL && g_str_has_prefix (target, fixture->path))
        n_open++;
    }

  return n_open;
}

/* Other people's program, in the ways that it is used here. */
#define PYTHON_OPEN "import fcntl, sys; file = open(sys.argv[1], 'a'); "
#define PYTHON_HOLD PYTHON_OPEN \
  "fcntl.lockf(file, fcntl.LOCK_EX); print('held', flush=True); input()"
#define PYTHON_HOLD_SHARED "import fcntl, sys; file = open(sys.argv[1], 'a+'); " \
  "fcntl.lockf(file, fcntl.LOCK_SH); print('held', flush=True); input()"
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

/* Asks a process that has nothing to do with us. */
static void
assert_state_outside (const char *path,
                      const char *state)
{
  g_autoptr (Peer) peer = start_python (PYTHON_TRY, path);

  peer_expect (peer, state);
}

static void
test_objects (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  g_assert_true (lf_backend_is_supported (LF_BACKEND_FCNTL));
  g_assert_cmpint (lf_lock_file_get_backend (lock), ==, LF_BACKEND_FCNTL);

  assert_acquires (lock);
  g_assert_cmpint (lf_lock_file_get_fd (lock), >=, 0);
  assert_acquires (lock);
  g_assert_false (lf_lock_file_try_acquire (other, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_acquire_with_timeout (other, 0.02, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_acquire (other, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_release (other, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  g_clear_error (&error);
  assert_state_outside (fixture->path, "busy");

  claim_start (&claim, other, NULL);
  assert_releases (lock);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_busy (fixture->path);
  assert_releases (other);
  assert_state_outside (fixture->path, "held");
  g_assert_false (lf_lock_file_release (other, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
}

#define N_THREADS 8
#define N_THREAD_ROUNDS 200

typedef struct
{
  const char *path;
  gboolean removes;
  int number; /* under the lock, and nothing else */
} Counter;

/* By turns the three ways to wait: in this thread, in one of the library's, and
 * not at all. */
static gpointer
count_in_thread (gpointer data)
{
  Counter *counter = data;
  g_autoptr (LfLockFile) lock = new_lock (counter->path);

  lf_lock_file_set_remove_on_release (lock, counter->removes);

  for (int i = 0; i < N_THREAD_ROUNDS; i++)
    {
      g_autoptr (GError) error = NULL;
      int number;

      if (i % 3 == 0)
        lf_test_ignore (lf_lock_file_acquire (lock, NULL, &error));
      else if (i % 3 == 1)
        lf_test_ignore (lf_lock_file_acquire_with_timeout (lock, 60, NULL, &error));
      else
        while (!lf_lock_file_try_acquire (lock, &error))
          {
            g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
            g_clear_error (&error);
            g_thread_yield ();
          }
      g_assert_no_error (error);

      number = g_atomic_int_get (&counter->number);
      g_thread_yield ();
      g_atomic_int_set (&counter->number, number + 1);
      assert_releases (lock);
    }

  return NULL;
}

static void
test_threads (Fixture       *fixture,
              gconstpointer  data)
{
  Counter counter = { fixture->path, GPOINTER_TO_INT (data), 0 };
  GThread *threads[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("counter", count_in_thread, &counter);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  g_assert_cmpint (counter.number, ==, N_THREADS * N_THREAD_ROUNDS);
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_open (fixture), ==, 0);
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

/* With and without end, some of them too short, in both modes. */
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

/* Threads of some processes, readers and writers, against each other. */
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
          g_assert_cmpuint (count_open (fixture), ==, 0);
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

#define N_COUNTERS 8
#define N_ROUNDS 1000

static void
test_processes (Fixture       *fixture,
                gconstpointer  data)
{
  gboolean removes = GPOINTER_TO_INT (data);
  g_autofree char *counter = g_build_filename (fixture->directory, "counter", NULL);
  g_autofree char *number = NULL;
  Peer *peers[N_COUNTERS];

  for (int i = 0; i < N_COUNTERS; i++)
    {
      g_autofree char *command = g_strdup_printf ("count-%s %s %d", i % 2 == 0 ? "sync" : "async",
                                                  counter, N_ROUNDS);

      peers[i] = peer_start_with (fixture->path, "fcntl");
      if (removes)
        {
          peer_send (peers[i], "remove");
          peer_expect (peers[i], "ok");
        }
      peer_send (peers[i], command);
    }

  for (int i = 0; i < N_COUNTERS; i++)
    {
      peer_expect (peers[i], "counted");
      peer_free (peers[i]);
    }

  g_assert_true (g_file_get_contents (counter, &number, NULL, NULL));
  g_assert_cmpint (atoi (number), ==, N_COUNTERS * N_ROUNDS);
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS) == !removes);
}

#define N_WAITERS 20

static void
test_order (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autofree char *log = g_build_filename (fixture->directory, "log", NULL);
  g_autofree char *order = NULL;
  g_autoptr (GString) expected = g_string_new (NULL);
  Peer *peers[N_WAITERS];

  assert_acquires (lock);
  for (guint i = 0; i < N_WAITERS; i++)
    {
      g_autofree char *command = g_strdup_printf ("shift-%s %s %u", i % 2 == 0 ? "sync" : "async",
                                                  log, i);

      peers[i] = peer_start_with (fixture->path, "fcntl");
      peer_send (peers[i], command);
      /* The list may show one twice while others come and go */
      wait_for_sleeper (peer_get_pid (peers[i]), SYS_fcntl);
      wait_for_waiters (fixture->path, i + 1);
      g_string_append_printf (expected, "%u\n", i);
    }

  assert_releases (lock);
  for (guint i = 0; i < N_WAITERS; i++)
    {
      peer_expect (peers[i], "done");
      peer_free (peers[i]);
    }

  g_assert_true (g_file_get_contents (log, &order, NULL, NULL));
  g_assert_cmpstr (order, ==, expected->str);
}

#define N_CLAIMS 100

/* All of one process, and every third of them cancelled. */
static void
test_claims (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Peer) holder = peer_start_holder_with (fixture->path, "fcntl");
  LfLockFile *locks[N_CLAIMS];
  Claim claims[N_CLAIMS] = { 0 };

  for (guint i = 0; i < N_CLAIMS; i++)
    {
      locks[i] = new_lock (fixture->path);
      claim_start (&claims[i], locks[i], i % 3 == 0 ? cancellable : NULL);
    }

  g_cancellable_cancel (cancellable);
  for (guint i = 0; i < N_CLAIMS; i += 3)
    {
      claim_wait (&claims[i]);
      g_assert_error (claims[i].error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }

  peer_send (holder, "release");
  peer_expect (holder, "released");
  for (guint n_left = N_CLAIMS - (N_CLAIMS + 2) / 3; n_left > 0;)
    {
      g_main_context_iteration (NULL, TRUE);
      for (guint i = 0; i < N_CLAIMS; i++)
        {
          if (claims[i].done && lf_lock_file_is_held (locks[i]))
            {
              assert_busy (fixture->path);
              assert_releases (locks[i]);
              n_left--;
            }
        }
    }

  for (guint i = 0; i < N_CLAIMS; i++)
    {
      g_assert_true (claims[i].done);
      claim_clear (&claims[i]);
      g_object_unref (locks[i]);
    }
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_open (fixture), ==, 0);
  assert_state_outside (fixture->path, "held");
}

static void
test_holder_killed (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) holder = peer_start_holder_with (fixture->path, "fcntl");
  g_autoptr (Peer) sync_waiter = peer_start_with (fixture->path, "fcntl");
  g_auto (Claim) claim = { 0 };

  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  peer_send (sync_waiter, "acquire");
  wait_for_waiters (fixture->path, 2);

  peer_kill (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
  peer_expect (sync_waiter, "held");
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

static void
test_holder (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) peer = peer_start_holder_with (fixture->path, "fcntl");
  g_autoptr (Peer) python = NULL;
  g_autoptr (GError) error = NULL;

  assert_holder (lock, peer_get_pid (peer), "lf-test-peer");
  peer_send (peer, "release");
  peer_expect (peer, "released");
  g_assert_false (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);

  assert_acquires (lock);
  assert_holder (lock, getpid (), "test-fcntl");
  assert_releases (lock);

  /* A lock of some bytes that are not there excludes ours, which is for all */
  python = start_python (PYTHON_HOLD_PART, fixture->path);
  peer_expect (python, "held");
  assert_holder (lock, peer_get_pid (python), "python3");
  assert_busy (fixture->path);
}

static void
test_break_lock (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) holder = peer_start_holder_with (fixture->path, "fcntl");
  g_autoptr (GError) error = NULL;

  g_assert_true (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_no_error (error);
  assert_acquires (lock);
  peer_send (holder, "release");
  peer_expect (holder, "error lf-unlock-error-quark 2"); /* NOT_MY_LOCK */
  assert_state_outside (fixture->path, "busy");
  assert_releases (lock);
}

static void
test_shared (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) reader = new_lock (fixture->path);
  g_autoptr (LfLockFile) second_reader = new_lock (fixture->path);
  g_autoptr (LfLockFile) writer = new_lock (fixture->path);
  g_autoptr (Peer) python = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_mode (reader, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_mode (second_reader, LF_LOCK_MODE_SHARED);
  assert_acquires (reader);
  assert_acquires (second_reader);
  python = start_python (PYTHON_HOLD_SHARED, fixture->path);
  peer_expect (python, "held");
  assert_busy (fixture->path);

  /* The first to go does not take the lock from the second */
  assert_releases (reader);
  assert_busy (fixture->path);
  assert_state_outside (fixture->path, "busy");
  assert_releases (second_reader);

  claim_start (&claim, writer, NULL);
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  peer_send (python, "");
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  g_assert_false (lf_lock_file_try_acquire (reader, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

/* A writer of the same process waits for its readers too, and they for it. */
static void
test_shared_in_process (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) reader = new_lock (fixture->path);
  g_autoptr (LfLockFile) second_reader = new_lock (fixture->path);
  g_autoptr (LfLockFile) writer = new_lock (fixture->path);
  g_auto (Claim) write_claim = { 0 };
  g_auto (Claim) read_claim = { 0 };

  lf_lock_file_set_mode (reader, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_mode (second_reader, LF_LOCK_MODE_SHARED);
  assert_acquires (reader);
  assert_acquires (second_reader);
  claim_start (&write_claim, writer, NULL);
  assert_releases (reader);
  assert_busy (fixture->path);
  g_assert_false (write_claim.done);
  assert_releases (second_reader);
  claim_wait (&write_claim);
  g_assert_no_error (write_claim.error);

  claim_start (&read_claim, reader, NULL);
  assert_busy (fixture->path);
  g_assert_false (read_claim.done);
  assert_releases (writer);
  claim_wait (&read_claim);
  g_assert_no_error (read_claim.error);
  assert_busy (fixture->path);
}

/* Who may only read the file can share the lock, and not have it alone. */
static void
acquire_read_only (gpointer data)
{
  const char *path = data;
  g_autoptr (LfLockFile) lock = new_lock (path);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_clear_error (&error);

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);
  assert_releases (lock);
}

static void
test_read_only (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (fixture->path, "", 0, &error));
  g_assert_no_errno (chmod (fixture->path, 0444));
  run_as_user (acquire_read_only, fixture->path);
}

/* Whatever else the library does with the file in this process, which opens and
 * closes it, the lock stays. */
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

  /* Descriptors that cannot be closed yet are used again */
  n_while_held = count_open (fixture);
  for (guint i = 0; i < 100; i++)
    {
      assert_busy (fixture->path);
      assert_acquires (flock_other);
      assert_releases (flock_other);
    }
  g_assert_cmpuint (count_open (fixture), <=, n_while_held);

  assert_state_outside (fixture->path, "busy");
  assert_releases (lock);
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_open (fixture), ==, 0);
  assert_state_outside (fixture->path, "held");
}

/* The program itself opens and closes the file, in which it may have data. */
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

/* Between processes the kernel sees it where the locks belong to those. */
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

/* Whose locks are of another kind has no part in ours, on Linux. */
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

static void
test_cancel (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) holder = peer_start_holder_with (fixture->path, "fcntl");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };

      claim_start (&claim, lock, cancellable);
      wait_for_waiters (fixture->path, 1);
      g_cancellable_cancel (cancellable);
      claim_wait (&claim);
      g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      wait_for_waiters (fixture->path, 0);

      g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.005, NULL, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
    }

  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_open (fixture), ==, 0);
}

/* A holder of this process lets go in the moment in which the waiter is told to
 * stop, over and over: the lock must always be free then. */
static void
test_cancel_race (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);
  guint n_granted = 0;

  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_auto (Claim) claim = { 0 };
      gint64 until = g_get_monotonic_time () + i % 100;

      assert_acquires (lock);
      claim_start (&claim, other, cancellable);
      while (g_get_monotonic_time () < until)
        g_main_context_iteration (NULL, FALSE);
      assert_releases (lock);
      if (i % 2 == 0)
        g_main_context_iteration (NULL, FALSE);
      g_cancellable_cancel (cancellable);
      claim_wait (&claim);

      if (claim.granted)
        {
          n_granted++;
          assert_busy (fixture->path);
          assert_releases (other);
        }
      else
        g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      assert_acquires (lock);
      assert_releases (lock);
    }

  g_test_message ("%u of 1000 were granted", n_granted);
  wait_for_no_lock_threads ();
  assert_state_outside (fixture->path, "held");
}

static void
child_releases (gpointer data)
{
  LfLockFile *lock = data;
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
}

static void
child_disposes (gpointer data)
{
  g_object_run_dispose (data);
}

static void
child_acquires (gpointer data)
{
  LfLockFile *lock = data;
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.01, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
}

static void
test_fork (Fixture       *fixture,
           gconstpointer  data)
{
  ChildFunc function = *(const ChildFunc *) data;
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);

  for (int removes = FALSE; removes <= TRUE; removes++)
    {
      lf_lock_file_set_remove_on_release (lock, removes);
      assert_acquires (lock);
      /* Something whose closing may have been put off */
      assert_busy (fixture->path);
      run_in_child (function, lock);
      g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
      assert_state_outside (fixture->path, "busy");
      assert_busy (fixture->path);
      assert_releases (lock);
      assert_state_outside (fixture->path, "held");
    }
}

/* The child gets a lock of its own, which it keeps when it forgets its parent's. */
static void
test_fork_child_has_own (Fixture       *fixture,
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

      /* When the parent has let go, and has taken a look meanwhile */
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

static void
test_lockf_excludes_us (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) peer = start_python (data, fixture->path);
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

static void
test_lockf_excluded_by_us (Fixture       *fixture,
                           gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (Peer) waiter = NULL;

  assert_acquires (lock);
  assert_state_outside (fixture->path, "busy");

  waiter = start_python (data, fixture->path);
  wait_for_waiters (fixture->path, 1);
  assert_releases (lock);
  peer_expect (waiter, "held");
  peer_send (waiter, "");
  peer_wait (waiter);
  assert_state_outside (fixture->path, "held");
}

static void
test_lockf_one_queue (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) last = new_lock (fixture->path);
  g_autoptr (Peer) first = peer_start_holder_with (fixture->path, "fcntl");
  g_autoptr (Peer) python = start_python (PYTHON_HOLD, fixture->path);
  g_auto (Claim) claim = { 0 };

  wait_for_waiters (fixture->path, 1);
  claim_start (&claim, last, NULL);
  wait_for_waiters (fixture->path, 2);

  peer_send (first, "release");
  peer_expect (python, "held");
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  peer_send (python, "");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

int
main (int    argc,
      char **argv)
{
  static const ChildFunc children[] = { child_releases, child_disposes, child_acquires };

  gboolean ofd_locks = g_strcmp0 (g_getenv ("LF_TEST_OFD_LOCKS"), "1") == 0;

  g_test_init (&argc, &argv, NULL);

  add_test ("/fcntl/objects", test_objects);
  add_data_test ("/fcntl/threads/kept", GINT_TO_POINTER (FALSE), test_threads);
  add_data_test ("/fcntl/threads/removed", GINT_TO_POINTER (TRUE), test_threads);
  add_test ("/fcntl/crowd", test_crowd);
  add_data_test ("/fcntl/processes/kept", GINT_TO_POINTER (FALSE), test_processes);
  add_data_test ("/fcntl/processes/removed", GINT_TO_POINTER (TRUE), test_processes);
  add_test ("/fcntl/order", test_order);
  add_test ("/fcntl/claims", test_claims);
  add_test ("/fcntl/holder-killed", test_holder_killed);
  add_test ("/fcntl/holder", test_holder);
  add_test ("/fcntl/break-lock", test_break_lock);
  add_test ("/fcntl/shared", test_shared);
  add_test ("/fcntl/shared-in-process", test_shared_in_process);
  add_test ("/fcntl/read-only", test_read_only);
  add_test ("/fcntl/looks-keep-lock", test_looks_keep_lock);
  if (ofd_locks)
    add_test ("/fcntl/other-descriptor", test_other_descriptor);
  else
    add_test ("/fcntl/would-deadlock", test_would_deadlock);
  add_test ("/fcntl/not-flock", test_not_flock);
  add_test ("/fcntl/cancel", test_cancel);
  add_test ("/fcntl/cancel-race", test_cancel_race);
  add_data_test ("/fcntl/fork/child-releases", &children[0], test_fork);
  add_data_test ("/fcntl/fork/child-disposes", &children[1], test_fork);
  add_data_test ("/fcntl/fork/child-acquires", &children[2], test_fork);
  add_test ("/fcntl/fork/child-has-own", test_fork_child_has_own);
  add_data_test ("/fcntl/lockf/excludes-us", PYTHON_HOLD, test_lockf_excludes_us);
  add_data_test ("/fcntl/lockf/part-excludes-us", PYTHON_HOLD_PART, test_lockf_excludes_us);
  add_data_test ("/fcntl/lockf/shared-excludes-us", PYTHON_HOLD_SHARED, test_lockf_excludes_us);
  add_data_test ("/fcntl/lockf/excluded-by-us", PYTHON_HOLD, test_lockf_excluded_by_us);
  add_data_test ("/fcntl/lockf/part-excluded-by-us", PYTHON_HOLD_PART, test_lockf_excluded_by_us);
  add_test ("/fcntl/lockf/one-queue", test_lockf_one_queue);

  return g_test_run ();
}
