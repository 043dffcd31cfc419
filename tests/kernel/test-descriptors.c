/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Programs that close descriptors: the standard streams, or all descriptors that they do
 * not know. Each case runs in a child. */

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lf-test-backend.h"
#include "lf-test-intercept.h"

typedef struct
{
  const TestBackend *backend;
  const char *path;
  const char *log_path;
} Case;

static gboolean
is_file (int         fd,
         const char *path)
{
  struct stat file_stat, path_stat;

  return fstat (fd, &file_stat) == 0 && stat (path, &path_stat) == 0 &&
         file_stat.st_dev == path_stat.st_dev && file_stat.st_ino == path_stat.st_ino;
}

static guint
count_descriptors_of (const char *path)
{
  guint n_descriptors = 0;

  for (int fd = 0; fd < 100; fd++)
    n_descriptors += is_file (fd, path) ? 1 : 0;

  return n_descriptors;
}

/* In a child, which reports by its exit status, since the standard streams may be closed. */
static void
check (gboolean condition,
       int      status)
{
  if (!condition)
    _exit (status);
}

static void
child_without_streams (gpointer data)
{
  Case *this = data;
  g_autoptr (LfLockFile) lock = lock_new (this->backend, this->path);
  g_autoptr (LfLockFile) other = lock_new (this->backend, this->path);
  g_autoptr (LfLockHolder) holder = NULL;

  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    close (fd);

  check (lf_lock_file_acquire (lock, NULL, NULL), 2);
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    check (!is_file (fd, this->path), 3);
  check (lf_lock_file_get_fd (lock) == -1 || lf_lock_file_get_fd (lock) > STDERR_FILENO, 4);

  /* No try, wait or query has left a descriptor open */
  check (!lf_lock_file_try_acquire (other, NULL), 5);
  check (!lf_lock_file_acquire_with_timeout (other, 0.01, NULL, NULL), 6);
  holder = lf_lock_file_query_holder (other, NULL, NULL);
  check (holder != NULL, 7);
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    check (!is_file (fd, this->path), 8);
  check (lf_lock_file_release (lock, NULL), 9);
}

static void
for_each_backend (Fixture   *fixture,
                  ChildFunc  function)
{
  g_autofree char *log_path = g_build_filename (fixture->directory, "log", NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      Case this = { &test_backends[i], fixture->path, log_path };

      if (!lf_backend_is_supported (this.backend->backend))
        continue;

      g_test_message ("%s", this.backend->nick);
      run_in_child (function, &this);
      remove_recursively (fixture->path);
      remove_recursively (log_path);
    }
}

static void
test_no_streams (Fixture       *fixture,
                 gconstpointer  data)
{
  for_each_backend (fixture, child_without_streams);
}

/* Closes all descriptors, as a daemon does, and opens a file that gets our number. Returns
 * its descriptors of @path. */
static void
close_all_and_open (const char *path)
{
  int fd;

  for (fd = STDERR_FILENO + 1; fd < 100; fd++)
    close (fd);

  if (path == NULL)
    return;

  do
    {
      fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
      g_assert_cmpint (fd, >=, 0);
      g_assert_no_errno (flock (fd, LOCK_SH));
    }
  while (fd < 50);
}

static void
assert_log_untouched (const char *path)
{
  int other = open (path, O_RDWR | O_CLOEXEC);

  for (int fd = STDERR_FILENO + 1; fd <= 50; fd++)
    g_assert_true (is_file (fd, path));
  for (int fd = STDERR_FILENO + 1; fd <= 50; fd++)
    {
      /* All others are closed, so only this one has the lock */
      if (fd == STDERR_FILENO + 1)
        continue;
      close (fd);
    }
  g_assert_cmpint (flock (other, LOCK_EX | LOCK_NB), ==, -1);
  g_assert_cmpint (errno, ==, EWOULDBLOCK);
  close (other);
  close (STDERR_FILENO + 1);
}

typedef enum
{
  END_RELEASE,
  END_DROP,
  END_ACQUIRE,
} End;

static void
lose_descriptor (Case     *this,
                 gboolean  reuse,
                 End       end)
{
  g_autoptr (LfLockFile) lock = lock_new (this->backend, this->path);
  g_autoptr (LfLockFile) other = lock_new (this->backend, this->path);
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  g_assert_cmpint (lf_lock_file_get_fd (lock), <=, 50);
  close_all_and_open (reuse ? this->log_path : NULL);

  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);

  switch (end)
    {
    case END_RELEASE:
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
      g_assert_false (lf_lock_file_is_held (lock));
      break;

    case END_DROP:
      g_clear_object (&lock);
      break;

    case END_ACQUIRE:
    default:
      /* Another object has it by now, and this one reports that it no longer holds it */
      assert_acquires (other);
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
      g_clear_error (&error);
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
      assert_releases (other);
      assert_acquires (lock);
      assert_releases (lock);
      break;
    }

  if (reuse && end != END_ACQUIRE)
    assert_log_untouched (this->log_path);
}

static void
child_release (gpointer data)
{
  lose_descriptor (data, FALSE, END_RELEASE);
  lose_descriptor (data, TRUE, END_RELEASE);
}

static void
child_drop (gpointer data)
{
  lose_descriptor (data, FALSE, END_DROP);
  lose_descriptor (data, TRUE, END_DROP);
}

static void
child_acquire (gpointer data)
{
  lose_descriptor (data, FALSE, END_ACQUIRE);
}

static const struct
{
  const char *name;
  ChildFunc function;
} ends[] = {
  { "release", child_release },
  { "drop", child_drop },
  { "acquire", child_acquire },
};

/* Locks that live in a descriptor and nowhere else. */
static void
test_closed (Fixture       *fixture,
             gconstpointer  data)
{
  ChildFunc function = ends[GPOINTER_TO_UINT (data)].function;
  g_autofree char *log_path = g_build_filename (fixture->directory, "log", NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      Case this = { &test_backends[i], fixture->path, log_path };

      if (!this.backend->has_descriptor || this.backend->is_existence)
        continue;
      /* POSIX locks belong to the process, and its table considers the lock held until it
       * is released */
      if (function == child_acquire && this.backend->backend == LF_BACKEND_FCNTL &&
          g_strcmp0 (g_getenv ("LF_TEST_OFD_LOCKS"), "0") == 0)
        continue;

      g_test_message ("%s", this.backend->nick);
      run_in_child (function, &this);
    }
}

typedef struct
{
  GThread *thread;
  guint n_calls;
} Pause;

static void
pause_cb (const char *path,
          int         fd,
          int         flags,
          gpointer    data)
{
  Pause *self = data;

  /* The first call finds that the lock is lost, the second one is about to close what is
   * left */
  if (g_thread_self () == self->thread && ++self->n_calls == 2)
    wait_until_others_sleep ();
}

/* The program closes the descriptor of a held lock behind which a claim is queued. A second
 * claim notices the loss. What is left of the lost lock is cleaned up before the first
 * claim begins, which opens the file with the same number. */
static void
test_closed_before_claim (Fixture       *fixture,
                          gconstpointer  data)
{
  for (gsize i = 0; i < n_test_backends; i++)
    {
      for (InterceptedCall call = CALL_FSTAT; call <= CALL_STAT; call++)
        {
          const TestBackend *backend = &test_backends[i];
          g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
          g_auto (Claim) first = { 0 };
          g_auto (Claim) second = { 0 };
          Pause pause = { g_thread_self (), 0 };

          if (!backend->has_descriptor || backend->is_existence)
            continue;

          assert_acquires (lock);
          claim_start (&first, lock, NULL);
          g_assert_cmpint (close (lf_lock_file_get_fd (lock)), ==, 0);
          intercept_hook (call, 0, pause_cb, &pause);
          claim_start (&second, lock, NULL);
          intercept_nothing ();

          claim_wait (&first);
          g_assert_no_error (first.error);
          assert_locked (backend, fixture->path);
          assert_releases (lock);
          claim_wait (&second);
          g_assert_no_error (second.error);
          assert_releases (lock);
        }
    }
}

typedef struct
{
  LfLockFile *lock;
  const char *log_path;
} Inherited;

static void
child_cleans_up (gpointer data)
{
  Inherited *inherited = data;

  close_all_and_open (inherited->log_path);
  g_assert_false (lf_lock_file_is_held (inherited->lock));
  assert_log_untouched (inherited->log_path);
}

/* A forked child cleans up what it inherited. */
static void
test_child (Fixture       *fixture,
            gconstpointer  data)
{
  g_autofree char *log_path = g_build_filename (fixture->directory, "log", NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (&test_backends[i], fixture->path);
      Inherited inherited = { lock, log_path };

      if (!test_backends[i].has_descriptor || test_backends[i].is_existence)
        continue;

      assert_acquires (lock);
      run_in_child (child_cleans_up, &inherited);
      assert_releases (lock);
    }
}

typedef struct
{
  LfLockFile *lock;
  Claim claim;
  GCancellable *cancellable;
  int fd; /* of the directory */
} Waiter;

static void
find_descriptors (const char *path,
                  gboolean   *found,
                  int         n_fds)
{
  for (int fd = 0; fd < n_fds; fd++)
    found[fd] = is_file (fd, path);
}

/* Begins to wait as the second waiter of this process, which does nothing until the first
 * one has acquired the lock. */
static void
start_second (Waiter            *waiter,
              const TestBackend *backend,
              Fixture           *fixture)
{
  gboolean before[100], after[100];

  find_descriptors (fixture->directory, before, 100);
  waiter->lock = lock_new (backend, fixture->path);
  waiter->cancellable = g_cancellable_new ();
  claim_start (&waiter->claim, waiter->lock, waiter->cancellable);
  wait_until_others_sleep ();
  find_descriptors (fixture->directory, after, 100);

  waiter->fd = -1;
  for (int fd = 0; fd < 100; fd++)
    {
      if (after[fd] && !before[fd])
        waiter->fd = fd;
    }
  g_assert_cmpint (waiter->fd, >=, 0);
}

/* During a wait, the program closes all descriptors that it does not know, and opens files
 * that get their numbers. The wait continues, and leaves these files alone. */
static void
test_closed_while_waiting (Fixture       *fixture,
                           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *log_path = g_build_filename (fixture->directory, "log", NULL);

  for (int i = 0; i < 4; i++)
    {
      gboolean cancels = i % 2 == 1, reuses = i < 2;
      g_autoptr (LfLockFile) first = lock_new (backend, fixture->path);
      g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);
      g_auto (Claim) claim = { 0 };
      Waiter waiter = { 0 };
      int log_fd = open (log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

      claim_start (&claim, first, NULL);
      wait_until_others_sleep ();
      start_second (&waiter, backend, fixture);
      if (reuses)
        g_assert_cmpint (dup2 (log_fd, waiter.fd), ==, waiter.fd);
      else
        close (waiter.fd);

      if (cancels)
        g_cancellable_cancel (waiter.cancellable);
      peer_send (holder, "release");
      peer_expect (holder, "released");
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      assert_releases (first);
      claim_wait (&waiter.claim);
      if (cancels)
        g_assert_error (waiter.claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        {
          g_assert_no_error (waiter.claim.error);
          assert_releases (waiter.lock);
        }
      claim_clear (&waiter.claim);
      g_object_unref (waiter.lock);
      g_object_unref (waiter.cancellable);
      wait_for_no_lock_threads ();

      if (reuses)
        {
          g_assert_true (is_file (waiter.fd, log_path));
          close (waiter.fd);
        }
      g_assert_true (is_file (log_fd, log_path));
      close (log_fd);
      g_assert_no_errno (unlink (log_path));
    }
}

#define PYTHON_LOCKS \
  "import fcntl, os, sys\n" \
  "fd = os.open(sys.argv[1], os.O_RDWR)\n" \
  "try:\n" \
  "    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n" \
  "except OSError:\n" \
  "    sys.exit(3)\n"

/* Whether another process can lock the file with lockf(). */
static gboolean
can_lock_with_posix (const char *path)
{
  const char *argv[] = { "/usr/bin/python3", "-c", PYTHON_LOCKS, path, NULL };
  g_autoptr (Peer) python = peer_start_argv (argv);
  int status = peer_wait (python);

  g_assert_true (status == 0 || status == 3);

  return status == 0;
}

/* A program that has a POSIX lock of its own is refused, however often it tries, and keeps
 * its lock. */
static void
test_own_posix_lock (Fixture       *fixture,
                     gconstpointer  data)
{
  struct flock own = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", fixture->path,
                                              "backend", LF_BACKEND_FCNTL, NULL);
  int fd = open (fixture->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  g_assert_no_errno (fcntl (fd, F_SETLK, &own));
  g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  for (int i = 0; i < 5; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LfLockHolder) holder = NULL;

      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
      g_clear_error (&error);
      g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.01, NULL, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      holder = lf_lock_file_query_holder (lock, NULL, NULL);
      g_assert_nonnull (holder);
      g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, getpid ());
      g_assert_false (can_lock_with_posix (fixture->path));
    }

  /* No more descriptors are kept open than before */
  wait_for_no_lock_threads ();
  g_assert_cmpuint (count_descriptors_of (fixture->path), ==, 2);
  own.l_type = F_UNLCK;
  g_assert_no_errno (fcntl (fd, F_SETLK, &own));
  close (fd);
  assert_acquires (lock);
  assert_releases (lock);
  g_assert_cmpuint (count_descriptors_of (fixture->path), ==, 0);
}

typedef struct
{
  const char *path;
  int closed; /* which standard stream is closed, or -1 for all */
  gboolean tries;
} Streams;

static void
child_locks_without_streams (gpointer data)
{
  const Streams *this = data;
  struct flock own = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", this->path,
                                              "backend", LF_BACKEND_FCNTL, NULL);
  int fd = open (this->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  check (fd > STDERR_FILENO && fcntl (fd, F_SETLK, &own) == 0, 2);
  for (int stream = 0; stream <= STDERR_FILENO; stream++)
    {
      if (this->closed < 0 || this->closed == stream)
        close (stream);
    }

  if (this->tries)
    check (!lf_lock_file_try_acquire (lock, NULL), 3);
  else
    check (lf_lock_file_is_locked (lock, NULL, NULL), 4);
  check (!can_lock_outside (this->path, F_WRLCK), 5);
  for (int stream = 0; stream <= STDERR_FILENO; stream++)
    check (!is_file (stream, this->path), 6);
}

/* The program's lock also survives if a descriptor would become a standard stream and must
 * be replaced. The first call of the process is what matters. */
static void
test_own_lock_without_streams (Fixture       *fixture,
                               gconstpointer  data)
{
  for (int closed = -1; closed <= STDERR_FILENO; closed++)
    {
      for (int tries = FALSE; tries <= TRUE; tries++)
        {
          Streams this = { fixture->path, closed, tries };

          g_test_message ("stream %d, %s", closed, tries ? "a try" : "a look");
          run_in_child (child_locks_without_streams, &this);
        }
    }
}

typedef struct
{
  const char *name;
  struct flock foreign;
  struct flock own;
} Mixture;

/* F_GETLK reports one of these locks. */
static const Mixture mixtures[] = {
  { "two readers", { .l_type = F_RDLCK }, { .l_type = F_RDLCK } },
  { "a reader, and one of a part", { .l_type = F_RDLCK, .l_len = 10 },
    { .l_type = F_WRLCK, .l_start = 100, .l_len = 10 } },
  { "two writers of parts", { .l_type = F_WRLCK, .l_len = 10 },
    { .l_type = F_WRLCK, .l_start = 100, .l_len = 10 } },
};

typedef struct
{
  const char *path;
  const Mixture *mixture;
  gboolean foreign_first;
} MixedLocks;

typedef struct
{
  pid_t pid;
  int end; /* of the pipe that it reads */
} Foreigner;

static Foreigner
start_foreigner (const char         *path,
                 const struct flock *lock)
{
  Foreigner self;
  int to_child[2], from_child[2];
  char byte;

  g_assert_no_errno (pipe (to_child));
  g_assert_no_errno (pipe (from_child));
  self.pid = fork ();
  g_assert_cmpint (self.pid, >=, 0);
  if (self.pid == 0)
    {
      int fd = open (path, O_RDWR | O_CLOEXEC);

      close (to_child[1]);
      check (fcntl (fd, F_SETLK, lock) == 0 && write (from_child[1], "", 1) == 1, 2);
      _exit (read (to_child[0], &byte, 1) == 0 ? 0 : 3);
    }
  close (to_child[0]);
  close (from_child[1]);
  g_assert_cmpint (read (from_child[0], &byte, 1), ==, 1);
  close (from_child[0]);
  self.end = to_child[1];

  return self;
}

static void
stop_foreigner (const Foreigner *self)
{
  close (self->end);
  g_assert_cmpint (wait_for_process (self->pid), ==, 0);
}

static void
child_mixes_locks (gpointer data)
{
  const MixedLocks *this = data;
  struct flock own = this->mixture->own;
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", this->path,
                                              "backend", LF_BACKEND_FCNTL, NULL);
  gboolean is_shared = own.l_type == F_RDLCK && this->mixture->foreign.l_type == F_RDLCK;
  Foreigner foreigner;
  int fd = open (this->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  if (this->foreign_first)
    foreigner = start_foreigner (this->path, &this->mixture->foreign);
  g_assert_no_errno (fcntl (fd, F_SETLK, &own));
  if (!this->foreign_first)
    foreigner = start_foreigner (this->path, &this->mixture->foreign);

  g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  g_assert_true (lf_lock_file_is_locked (lock, NULL, NULL));
  if (is_shared)
    {
      lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
      assert_acquires (lock);
      assert_releases (lock);
    }

  stop_foreigner (&foreigner);
  g_assert_false (can_lock_outside (this->path, F_WRLCK));

  /* Another process's lock does not keep descriptors open */
  own.l_type = F_UNLCK;
  g_assert_no_errno (fcntl (fd, F_SETLK, &own));
  close (fd);
  foreigner = start_foreigner (this->path, &this->mixture->foreign);
  if (is_shared)
    {
      assert_acquires (lock);
      assert_releases (lock);
    }
  else
    g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  g_assert_cmpuint (count_descriptors_of (this->path), ==, 0);
  stop_foreigner (&foreigner);
}

/* The program's lock also survives if another process has one too, which the kernel may
 * report instead. */
static void
test_own_lock_among_others (Fixture       *fixture,
                            gconstpointer  data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mixtures); i++)
    {
      for (int foreign_first = FALSE; foreign_first <= TRUE; foreign_first++)
        {
          MixedLocks this = { fixture->path, &mixtures[i], foreign_first };

          g_test_message ("%s, %s first", mixtures[i].name, foreign_first ? "another's" : "its own");
          run_in_child (child_mixes_locks, &this);
        }
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/descriptors/no-streams", test_no_streams);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *name = g_strconcat ("/descriptors/closed/", ends[i].name, NULL);

      add_data_test (name, GUINT_TO_POINTER (i), test_closed);
    }
  if (g_strcmp0 (g_getenv ("LF_TEST_OFD_LOCKS"), "0") != 0)
    add_test ("/descriptors/closed-before-claim", test_closed_before_claim);
  add_test ("/descriptors/child", test_child);
  for (gsize i = 0; i < n_test_backends; i++)
    {
      const BackendCase cases[] = {
        { "closed-while-waiting", test_closed_while_waiting },
        { NULL, NULL },
      };

      if (test_backends[i].is_existence && lf_backend_is_supported (test_backends[i].backend))
        add_backend_tests ("descriptors", &test_backends[i], cases);
    }
  /* With POSIX locks, the program's lock is also the library's */
  if (g_strcmp0 (g_getenv ("LF_TEST_OFD_LOCKS"), "0") != 0)
    {
      add_test ("/descriptors/own-posix-lock", test_own_posix_lock);
      add_test ("/descriptors/own-lock-without-streams", test_own_lock_without_streams);
      add_test ("/descriptors/own-lock-among-others", test_own_lock_among_others);
    }

  return g_test_run ();
}
