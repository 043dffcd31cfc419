/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Other programs: they exclude this library and it excludes them, in either order, waiting
 * and not waiting; and each reads what the other one wrote. The scripts in interop/ use the
 * programs.
 *
 * Each program is first tested with itself, without the library: a program that does not
 * lock would prove nothing. A missing program fails. */

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lf-test-util.h"

typedef enum
{
  SHELL,
  PYTHON,
  NODE,
  QT,
} Runner;

typedef enum
{
  NEVER_WAITS,
  POLLS,
  QUEUES, /* in the kernel, which lists its waiters */
} Waiting;

typedef enum
{
  NO_INFO,
  INFO_PID,
  INFO_ALL,
} Info;

typedef struct
{
  const char *name;
  Runner runner;
  LfBackend backend;
  Waiting waiting;
  /* A program that it excludes, if it does not exclude itself because its lock is shared */
  const char *rival;
  /* We find the process that holds its lock, and its name */
  gboolean names_itself;
  const char *application;
  /* What it finds out about our locks */
  Info info;
  /* It takes over the lock of a dead process */
  gboolean takes_over;
  /* The result of trying our lock if that was made an hour ago; NULL is "busy" */
  const char *try_old;
} Program;

static const Program programs[] = {
  { "flock", SHELL, LF_BACKEND_FLOCK, QUEUES, .names_itself = TRUE },
  { "flock-shared", SHELL, LF_BACKEND_FLOCK, QUEUES, .names_itself = TRUE, .rival = "flock" },
  { "python-fcntl-flock", PYTHON, LF_BACKEND_FLOCK, QUEUES, .names_itself = TRUE },
  { "python-filelock", PYTHON, LF_BACKEND_FLOCK, POLLS, .names_itself = TRUE },
  { "python-portalocker", PYTHON, LF_BACKEND_FLOCK, POLLS, .names_itself = TRUE },

  { "python-fcntl-lockf", PYTHON, LF_BACKEND_FCNTL, QUEUES, .names_itself = TRUE },
  { "python-fcntl-lockf-shared", PYTHON, LF_BACKEND_FCNTL, QUEUES, .names_itself = TRUE,
    .rival = "python-fcntl-lockf" },
  { "python-os-lockf", PYTHON, LF_BACKEND_FCNTL, QUEUES, .names_itself = TRUE },
  { "python-fcntl-ofd", PYTHON, LF_BACKEND_FCNTL, QUEUES, .names_itself = TRUE },
  { "python-fasteners", PYTHON, LF_BACKEND_FCNTL, POLLS, .names_itself = TRUE },
  { "python-fasteners-reader", PYTHON, LF_BACKEND_FCNTL, POLLS, .names_itself = TRUE,
    .rival = "python-fasteners" },
  { "bubblewrap", SHELL, LF_BACKEND_FCNTL, NEVER_WAITS, .rival = "python-fcntl-lockf" },

  { "python-linklockfile", PYTHON, LF_BACKEND_HARD_LINK, POLLS },
  { "dotlockfile", SHELL, LF_BACKEND_HARD_LINK, POLLS, .names_itself = TRUE, .takes_over = TRUE },
  /* It considers only the age, and breaks locks that are older than five minutes */
  { "dotlockfile-without-pid", SHELL, LF_BACKEND_HARD_LINK, POLLS, .try_old = "held" },

  { "python-mkdirlockfile", PYTHON, LF_BACKEND_DIRECTORY, POLLS },
  /* It removes a directory that is older than ten seconds, if it is empty */
  { "proper-lockfile", NODE, LF_BACKEND_DIRECTORY, POLLS, .try_old = "error ENOTEMPTY" },

  { "python-symlinklockfile", PYTHON, LF_BACKEND_SYMLINK, POLLS },

  { "python-pidlockfile", PYTHON, LF_BACKEND_PID_FILE, POLLS, .names_itself = TRUE,
    .info = INFO_PID },
  { "qlockfile", QT, LF_BACKEND_PID_FILE, POLLS, .names_itself = TRUE,
    .application = "interop-qt", .info = INFO_ALL, .takes_over = TRUE },
  /* Without our flock(), it would remove locks that are older than half a minute */
  { "qlockfile-short", QT, LF_BACKEND_PID_FILE, POLLS, .names_itself = TRUE,
    .application = "interop-qt", .info = INFO_ALL, .takes_over = TRUE },

  { "sqlite3", SHELL, LF_BACKEND_SQLITE, POLLS },
  { "sqlite3-reader", SHELL, LF_BACKEND_SQLITE, POLLS, .rival = "sqlite3" },
};

static Peer *
start_program (const Program *program,
               const char    *verb,
               const char    *path)
{
  static const struct
  {
    const char *interpreter;
    GTestFileType place;
    const char *script;
  } runners[] = {
    [SHELL] = { "/bin/sh", G_TEST_DIST, "interop-shell.sh" },
    [PYTHON] = { "/usr/bin/python3", G_TEST_DIST, "interop-python.py" },
    [NODE] = { "/usr/bin/node", G_TEST_DIST, "interop-node.js" },
    /* Only executes the program */
    [QT] = { "/usr/bin/env", G_TEST_BUILT, "interop-qt" },
  };
  g_autofree char *script = g_test_build_filename (runners[program->runner].place, "interop",
                                                   runners[program->runner].script, NULL);
  const char *argv[] = {
    runners[program->runner].interpreter, script, program->name, verb, path, NULL,
  };

  return peer_start_argv (argv);
}

static Peer *
start_holder (const Program *program,
              const char    *path)
{
  Peer *peer = start_program (program, "hold", path);

  peer_expect (peer, "held");

  return peer;
}

/* Starts a program that has to wait, and returns when it does. */
static Peer *
start_waiter (const Program *program,
              const char    *path)
{
  Peer *peer = start_program (program, "hold", path);

  peer_expect (peer, "busy");
  if (program->waiting == QUEUES)
    wait_for_waiters (path, 1);

  return peer;
}

static void
end_holder (Peer *peer)
{
  peer_send (peer, "");
  peer_wait (peer);
}

static void
assert_tries (const Program *program,
              const char    *path,
              const char    *expected)
{
  g_autoptr (Peer) peer = start_program (program, "try", path);

  peer_expect (peer, expected);
  peer_wait (peer);
}

static LfLockFile *
lock_new (const Program *program,
          const char    *path,
          LfLockMode     mode)
{
  return g_object_new (LF_TYPE_LOCK_FILE,
                       "path", path,
                       "backend", program->backend,
                       "mode", mode,
                       NULL);
}

static gboolean
has_shared_locks (const Program *program)
{
  return program->backend == LF_BACKEND_FLOCK || program->backend == LF_BACKEND_FCNTL ||
         program->backend == LF_BACKEND_SQLITE;
}

static gboolean
is_kernel_lock (const Program *program)
{
  return program->backend == LF_BACKEND_FLOCK || program->backend == LF_BACKEND_FCNTL;
}

static const Program *
get_rival (const Program *program)
{
  if (program->rival == NULL)
    return program;

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    {
      if (g_str_equal (programs[i].name, program->rival))
        return &programs[i];
    }

  g_assert_not_reached ();
}

static void
assert_busy (const Program *program,
             const char    *path,
             LfLockMode     mode)
{
  g_autoptr (LfLockFile) lock = lock_new (program, path, mode);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

static void
assert_gets (const Program *program,
             const char    *path,
             LfLockMode     mode)
{
  g_autoptr (LfLockFile) lock = lock_new (program, path, mode);
  g_autoptr (GError) error = NULL;

  g_assert_true (lf_lock_file_try_acquire (lock, &error));
  g_assert_no_error (error);
  assert_releases (lock);
}

/* As if it had been locked an hour ago, but read since: dotlockfile assumes that the file
 * system's current time is that of the latest access. */
static void
make_old (const char *path)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { 0 } };

  g_assert_no_errno (clock_gettime (CLOCK_REALTIME, &times[1]));
  times[1].tv_sec -= 3600;
  g_assert_no_errno (utimensat (AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

/* The programs among themselves, without this library. */
static void
test_by_itself (Fixture       *fixture,
                gconstpointer  data)
{
  const Program *program = data;
  const Program *rival = get_rival (program);
  g_autoptr (Peer) holder = start_holder (program, fixture->path);
  g_autoptr (Peer) second_holder = NULL;
  g_autoptr (Peer) waiter = NULL;

  assert_tries (rival, fixture->path, "busy");
  if (rival != program)
    {
      assert_tries (program, fixture->path, "held");
      second_holder = start_holder (program, fixture->path);
      end_holder (second_holder);
    }

  waiter = start_waiter (rival, fixture->path);
  end_holder (holder);
  peer_expect (waiter, "held");
  assert_tries (program, fixture->path, "busy");
  end_holder (waiter);
  assert_tries (program, fixture->path, "held");
  assert_tries (rival, fixture->path, "held");
}

/* They hold the lock, and we acquire it when they release it, with every call. */
static void
test_excludes_us (Fixture       *fixture,
                  gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lock_new (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (Peer) peer = start_holder (program, fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  assert_busy (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);

  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  lf_lock_file_set_timeout (lock, 0.05);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  claim_clear (&claim);

  lf_lock_file_set_timeout (lock, -1);
  claim_start (&claim, lock, NULL);
  if (is_kernel_lock (program))
    wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  end_holder (peer);
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  assert_tries (program, fixture->path, "busy");
  assert_releases (lock);
  assert_tries (program, fixture->path, "held");
}

/* The same the other way round. */
static void
test_excluded_by_us (Fixture       *fixture,
                     gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lock_new (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (Peer) waiter = NULL;

  assert_acquires (lock);
  assert_tries (program, fixture->path, "busy");

  if (program->waiting != NEVER_WAITS)
    {
      waiter = start_waiter (program, fixture->path);
      assert_releases (lock);
      peer_expect (waiter, "held");
      assert_busy (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
      end_holder (waiter);
    }
  else
    {
      assert_releases (lock);
    }

  assert_tries (program, fixture->path, "held");
  assert_gets (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
}

/* A shared lock of ours excludes an exclusive one of theirs, and the reverse; two shared
 * locks do not exclude each other. */
static void
test_shared (Fixture       *fixture,
             gconstpointer  data)
{
  const Program *program = data;
  gboolean is_shared = program->rival != NULL;
  g_autoptr (LfLockFile) lock = lock_new (program, fixture->path, LF_LOCK_MODE_SHARED);
  g_autoptr (Peer) peer = NULL;

  assert_acquires (lock);
  assert_tries (program, fixture->path, is_shared ? "held" : "busy");
  assert_gets (program, fixture->path, LF_LOCK_MODE_SHARED);
  assert_releases (lock);

  peer = start_holder (program, fixture->path);
  if (is_shared)
    assert_gets (program, fixture->path, LF_LOCK_MODE_SHARED);
  else
    assert_busy (program, fixture->path, LF_LOCK_MODE_SHARED);
  assert_busy (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  end_holder (peer);
}

/* Their waiters and ours are in one queue, and are served in order of arrival. */
static void
test_one_queue (Fixture       *fixture,
                gconstpointer  data)
{
  const Program *program = data;
  const char *nick = program->backend == LF_BACKEND_FLOCK ? "flock" : "fcntl";
  g_autoptr (LfLockFile) last = lock_new (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  /* In another process, since a lock of this process is not waited for in the kernel */
  g_autoptr (Peer) first = peer_start_holder_with (fixture->path, nick);
  g_autoptr (Peer) peer = NULL;
  g_auto (Claim) claim = { 0 };

  peer = start_waiter (program, fixture->path);
  claim_start (&claim, last, NULL);
  wait_for_waiters (fixture->path, 2);

  peer_send (first, "release");
  peer_expect (first, "released");
  peer_expect (peer, "held");
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  peer_send (peer, "");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

/* We find the holder of their lock, or at least that there is one. */
static void
test_their_holder (Fixture       *fixture,
                   gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lock_new (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (Peer) peer = start_holder (program, fixture->path);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (LfLockHolder) nobody = NULL;
  g_autoptr (GError) error = NULL;

  holder = lf_lock_file_query_holder (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (holder);
  if (program->names_itself)
    g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, peer_get_pid (peer));
  if (program->application != NULL)
    {
      g_assert_cmpstr (lf_lock_holder_get_application (holder), ==, program->application);
      g_assert_cmpstr (lf_lock_holder_get_host (holder), ==, g_get_host_name ());
    }

  end_holder (peer);
  nobody = lf_lock_file_query_holder (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (nobody);
}

/* They find the holder of our lock. */
static void
test_our_holder (Fixture       *fixture,
                 gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lock_new (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autofree char *executable = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *name = g_path_get_basename (executable);
  g_autofree char *expected = NULL;
  g_autoptr (Peer) peer = NULL;

  if (program->info == INFO_ALL)
    expected = g_strdup_printf ("%d %s %s", getpid (), g_get_host_name (), name);
  else
    expected = g_strdup_printf ("%d", getpid ());

  assert_acquires (lock);
  peer = start_program (program, "info", fixture->path);
  peer_expect (peer, expected);
  assert_releases (lock);
}

/* Some programs break locks because of their age. We prevent that if we can; otherwise we
 * notice it. */
static void
test_our_old_lock (Fixture       *fixture,
                   gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lock_new (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (Peer) peer = NULL;
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  make_old (fixture->path);

  if (g_strcmp0 (program->try_old, "held") != 0)
    {
      assert_tries (program, fixture->path, program->try_old != NULL ? program->try_old : "busy");
      assert_busy (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
      assert_releases (lock);
      assert_tries (program, fixture->path, "held");
      return;
    }

  peer = start_holder (program, fixture->path);
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  assert_busy (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  end_holder (peer);
  assert_gets (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
}

/* We never break a lock because of its age. */
static void
test_their_old_lock (Fixture       *fixture,
                     gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (Peer) peer = start_holder (program, fixture->path);

  make_old (fixture->path);
  assert_busy (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  end_holder (peer);
  assert_gets (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
}

typedef struct
{
  const Program *program;
  const char *path;
} Leaving;

static void
acquire_and_leave (gpointer data)
{
  Leaving *leaving = data;

  /* Exits without releasing it */
  assert_acquires (lock_new (leaving->program, leaving->path, LF_LOCK_MODE_EXCLUSIVE));
}

/* They recognize a lock that a dead process of ours has left. */
static void
test_left_by_us (Fixture       *fixture,
                 gconstpointer  data)
{
  const Program *program = data;
  Leaving leaving = { program, fixture->path };

  run_in_child (acquire_and_leave, &leaving);
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
  assert_tries (program, fixture->path, "held");
}

/* A lock that a dead process of theirs has left counts as held until it is broken: a PID
 * alone proves nothing. */
static void
test_left_by_them (Fixture       *fixture,
                   gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lock_new (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (Peer) peer = start_holder (program, fixture->path);
  g_autoptr (GError) error = NULL;

  peer_kill (peer);
  peer_wait (peer);
  assert_busy (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);

  g_assert_true (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_no_error (error);
  assert_gets (program, fixture->path, LF_LOCK_MODE_EXCLUSIVE);
}

static void
add_case (const Program *program,
          const char    *name,
          void         (*function) (Fixture *, gconstpointer))
{
  g_autofree char *path = g_strdup_printf ("/interop/%s/%s", program->name, name);

  add_data_test (path, program, function);
}

static void
add_cases (const Program *program)
{
  add_case (program, "by-itself", test_by_itself);

  if (!lf_backend_is_supported (program->backend))
    return;

  add_case (program, "excludes-us", test_excludes_us);
  add_case (program, "excluded-by-us", test_excluded_by_us);
  add_case (program, "their-holder", test_their_holder);

  if (has_shared_locks (program))
    add_case (program, "shared", test_shared);
  if (program->waiting == QUEUES)
    add_case (program, "one-queue", test_one_queue);
  if (program->info != NO_INFO)
    add_case (program, "our-holder", test_our_holder);
  if (program->takes_over)
    add_case (program, "left-by-us", test_left_by_us);

  if (is_kernel_lock (program) || program->backend == LF_BACKEND_SQLITE)
    return;

  add_case (program, "our-old-lock", test_our_old_lock);
  add_case (program, "their-old-lock", test_their_old_lock);
  /* Its record contains as much as ours */
  if (program->runner != QT)
    add_case (program, "left-by-them", test_left_by_them);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    add_cases (&programs[i]);

  return g_test_run ();
}
