/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Locks that are transactions: programs that use the file themselves, threads that open and
 * close connections, and files that disappear. The program's own close() lets other threads
 * run between SQLite's steps before it and the end of the lock. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

#include "lf-test-intercept.h"
#include "lf-test-util.h"

#define N_THREADS 6
#define N_ROUNDS 1000
#define N_REMOVALS 600

static int yields; /* atomic */

G_MODULE_EXPORT int
close (int fd)
{
  static int (*real_close) (int);

  if (real_close == NULL)
    real_close = (int (*) (int)) dlsym (RTLD_NEXT, "close");
  if (g_atomic_int_get (&yields))
    sched_yield ();

  return real_close (fd);
}

static LfLockFile *
new_lock (const char *path)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", LF_BACKEND_SQLITE, NULL);
}

/* What a child uses: another process that it did not start itself, since GLib waits for
 * such a process in a thread that a child may lack. */
typedef struct
{
  Fixture *fixture;
  Peer *peer;
} PeerFixture;

static void
run_with_peer (ChildFunc  function,
               Fixture   *fixture)
{
  g_autoptr (Peer) peer = peer_start_with (fixture->path, "sqlite");
  PeerFixture data = { fixture, peer };

  run_in_child (function, &data);
}

typedef struct
{
  const char *path;
  gboolean removes;
  int n_rounds;
  int n_inside;   /* atomic */
  int n_breaches; /* atomic */
  int n_lost;     /* atomic */
} Storm;

static gpointer
storm_thread (gpointer data)
{
  Storm *storm = data;

  for (int i = 0; i < storm->n_rounds; i++)
    {
      g_autoptr (LfLockFile) lock = new_lock (storm->path);
      g_autoptr (GError) error = NULL;

      lf_lock_file_set_remove_on_release (lock, storm->removes);
      if (!lf_lock_file_acquire_with_timeout (lock, 60, NULL, &error))
        {
          g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
          g_assert_not_reached ();
        }

      if (g_atomic_int_add (&storm->n_inside, 1) != 0)
        g_atomic_int_inc (&storm->n_breaches);
      g_atomic_int_add (&storm->n_inside, -1);

      if (!lf_lock_file_release (lock, &error))
        {
          g_test_message ("%s", error->message);
          g_atomic_int_inc (&storm->n_lost);
        }
    }

  return NULL;
}

static gpointer
try_thread (gpointer data)
{
  Storm *storm = data;

  for (int i = 0; i < storm->n_rounds; i++)
    {
      g_autoptr (LfLockFile) lock = new_lock (storm->path);

      if (lf_lock_file_try_acquire (lock, NULL))
        lf_lock_file_release (lock, NULL);
    }

  return NULL;
}

static void
run_storm (Storm *storm)
{
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("storm", i % 2 == 0 || storm->removes ? storm_thread : try_thread,
                               storm);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* Closing a connection in one thread does not release the lock of another thread. Each
 * release checks whether the kernel still has the lock. */
static void
test_threads (Fixture       *fixture,
              gconstpointer  data)
{
  Storm storm = { .path = fixture->path, .n_rounds = N_ROUNDS };

  g_atomic_int_set (&yields, TRUE);
  run_storm (&storm);
  g_atomic_int_set (&yields, FALSE);
  g_assert_cmpint (storm.n_breaches, ==, 0);
  g_assert_cmpint (storm.n_lost, ==, 0);
}

/* A file that disappears at any moment is made again, by whatever step finds it missing. */
static void
test_removal (Fixture       *fixture,
              gconstpointer  data)
{
  Storm storm = { .path = fixture->path, .removes = TRUE, .n_rounds = N_REMOVALS / N_THREADS };

  run_storm (&storm);
  g_assert_cmpint (storm.n_breaches, ==, 0);
  g_assert_cmpint (storm.n_lost, ==, 0);
}

static gpointer
look_thread (gpointer data)
{
  Storm *storm = data;
  g_autoptr (LfLockFile) lock = new_lock (storm->path);

  while (g_atomic_int_get (&storm->n_inside) == 0)
    {
      g_autoptr (LfLockHolder) holder = NULL;
      g_autoptr (GError) error = NULL;

      holder = lf_lock_file_query_holder (lock, NULL, &error);
      g_assert_no_error (error);
    }

  return NULL;
}

/* A query also copes with that. */
static void
test_looks_at_removal (Fixture       *fixture,
                       gconstpointer  data)
{
  Storm storm = { .path = fixture->path };
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  GThread *thread = g_thread_new ("look", look_thread, &storm);

  lf_lock_file_set_remove_on_release (lock, TRUE);
  for (int i = 0; i < N_REMOVALS; i++)
    {
      g_autoptr (GError) error = NULL;

      /* A query prevents nobody from acquiring */
      g_assert_true (lf_lock_file_try_acquire (lock, &error));
      g_assert_no_error (error);
      assert_releases (lock);
    }
  g_atomic_int_set (&storm.n_inside, 1);
  g_thread_join (thread);
}

/* A program that reads the file itself loses its process's lock. */
static void
test_read_by_program (Fixture       *fixture,
                      gconstpointer  data)
{
  LfLockMode mode = (LfLockMode) GPOINTER_TO_INT (data);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *content = NULL;
  gsize length;

  lf_lock_file_set_mode (lock, mode);
  assert_acquires (lock);
  assert_acquires (lock);
  g_assert_true (g_file_get_contents (fixture->path, &content, &length, NULL));

  /* Another process has it by now */
  {
    g_autoptr (Peer) peer = peer_start_holder_with (fixture->path, "sqlite");

    g_assert_false (lf_lock_file_release (lock, &error));
    g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
    g_clear_error (&error);
    g_assert_false (lf_lock_file_is_held (lock));
  }

  assert_acquires (lock);
  g_clear_pointer (&content, g_free);
  g_assert_true (g_file_get_contents (fixture->path, &content, &length, NULL));
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_clear_error (&error);

  /* acquire() in the former holder's thread does not report that it still holds the lock */
  assert_acquires (lock);
  g_clear_pointer (&content, g_free);
  g_assert_true (g_file_get_contents (fixture->path, &content, &length, NULL));
  assert_acquires (lock);

  /* A query releases nothing */
  holder = lf_lock_file_query_holder (other, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, getpid ());
  assert_releases (lock);
}

/* A lost lock is not shared with another object either. */
static void
test_shared_after_read (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;
  g_autofree char *content = NULL;

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_mode (other, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  g_assert_true (g_file_get_contents (fixture->path, &content, NULL, NULL));

  {
    g_autoptr (Peer) peer = peer_start_holder_with (fixture->path, "sqlite");

    g_assert_false (lf_lock_file_try_acquire (other, &error));
    g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  }

  g_assert_false (lf_lock_file_release (lock, NULL));
  assert_acquires (other);
  assert_releases (other);
}

static void
child_closes_all (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *log_path = g_build_filename (fixture->directory, "log", NULL);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;
  struct stat log_stat, file_stat;
  int fd;

  assert_acquires (lock);
  for (fd = STDERR_FILENO + 1; fd < 100; fd++)
    close (fd);
  do
    fd = open (log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  while (fd < 50);

  /* SQLite opens the file again, and does not close it */
  g_assert_false (lf_lock_file_try_acquire (other, NULL));
  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_assert_false (lf_lock_file_is_held (lock));

  g_assert_no_errno (stat (log_path, &log_stat));
  for (fd = STDERR_FILENO + 1; fd <= 50; fd++)
    {
      g_assert_no_errno (fstat (fd, &file_stat));
      g_assert_cmpuint (file_stat.st_ino, ==, log_stat.st_ino);
    }
}

/* Files that a program opens after it has closed SQLite's descriptor are left alone. */
static void
test_closed (Fixture       *fixture,
             gconstpointer  data)
{
  run_in_child (child_closes_all, fixture);
}

/* Closes all descriptors of the lock file, and uses their numbers for another file. */
static void
take_descriptors (const char *path,
                  int         fd,
                  int         flags,
                  gpointer    data)
{
  Fixture *fixture = data;
  g_autofree char *log_path = g_build_filename (fixture->directory, "log", NULL);
  struct stat path_stat, file_stat;
  int last = -1;

  g_assert_no_errno (stat (fixture->path, &path_stat));
  for (int number = STDERR_FILENO + 1; number < 1000; number++)
    {
      if (fstat (number, &file_stat) != 0 || file_stat.st_ino != path_stat.st_ino)
        continue;

      close (number);
      last = number;
    }

  do
    fd = open (log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  while (fd < last);
}

static void
child_closes_while_waiting (gpointer data)
{
  Fixture *fixture = ((PeerFixture *) data)->fixture;
  Peer *peer = ((PeerFixture *) data)->peer;
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;
  guint n_log, n_looks;

  peer_send (peer, "acquire");
  peer_expect (peer, "held");

  /* The last step of an attempt is to look at the path */
  intercept_only ("test.lock");
  intercept_count ();
  g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  n_looks = intercept_get_count (CALL_STAT);
  intercept_hook (CALL_STAT, n_looks, take_descriptors, fixture);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
  g_assert_cmpuint (intercept_nothing (), ==, 1);
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  n_log = count_open_files (fixture->directory);
  g_assert_cmpuint (n_log, >, 0);

  peer_send (peer, "release");
  peer_expect (peer, "released");
  assert_acquires (lock);
  assert_releases (lock);
  g_assert_cmpuint (count_open_files (fixture->directory), ==, n_log);
}

/* The same during a wait: it neither mistakes a lock on the other file for its own, nor
 * closes that file. */
static void
test_closed_while_waiting (Fixture       *fixture,
                           gconstpointer  data)
{
  run_with_peer (child_closes_while_waiting, fixture);
}

/* The file disappears when SQLite is about to open it, and another file replaces it, which
 * SQLite opens only for reading. */
static void
test_replaced (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);

  intercept_only ("test.lock");
  intercept_fault (CALL_OPEN, 1, 1, ENOENT);
  assert_acquires (lock);
  g_assert_cmpuint (intercept_nothing (), ==, 1);
  assert_releases (lock);
}

static void
replace_file (const char *path,
              int         fd,
              int         flags,
              gpointer    data)
{
  Fixture *fixture = data;
  g_autofree char *other = g_build_filename (fixture->directory, "other", NULL);

  g_assert_true (g_file_set_contents (other, "", 0, NULL));
  g_assert_no_errno (rename (other, fixture->path));
}

/* If every file is replaced, the attempt fails, and does not wait. */
static void
test_replaced_always (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;

  intercept_only ("test.lock");
  intercept_hook (CALL_STAT, 0, replace_file, fixture);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  intercept_nothing ();
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
}

static void
replace_by_link (const char *path,
                 int         fd,
                 int         flags,
                 gpointer    data)
{
  Fixture *fixture = data;
  g_autofree char *other = g_build_filename (fixture->directory, "other", NULL);

  g_assert_true (g_file_set_contents (other, "", 0, NULL));
  g_assert_no_errno (unlink (fixture->path));
  g_assert_no_errno (symlink (other, fixture->path));
}

/* A link is refused, whenever it appears. */
static void
test_replaced_by_link (Fixture       *fixture,
                       gconstpointer  data)
{
  InterceptedCall call = (InterceptedCall) GPOINTER_TO_INT (data);
  guint n_replaced, n_calls = 1;

  do
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path);
      g_autoptr (GError) error = NULL;
      gboolean granted;

      remove_recursively (fixture->path);
      assert_acquires (lock);
      assert_releases (lock);
      intercept_only ("test.lock");
      intercept_hook (call, n_calls++, replace_by_link, fixture);
      granted = lf_lock_file_try_acquire (lock, &error);
      n_replaced = intercept_nothing ();
      g_assert_cmpint (granted, ==, n_replaced == 0);
      if (!granted)
        g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
    }
  while (n_replaced > 0);
  g_assert_cmpuint (n_calls, >, 2);
}

/* The granted lock is on the file at the path, whenever that file is replaced. */
static void
test_replaced_at_acquire (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (Peer) peer = peer_start_with (fixture->path, "sqlite");
  guint n_replaced, n_looks = 1;

  do
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path);

      assert_acquires (lock);
      assert_releases (lock);
      intercept_only ("test.lock");
      intercept_hook (CALL_STAT, n_looks++, replace_file, fixture);
      assert_acquires (lock);
      n_replaced = intercept_nothing ();
      peer_send (peer, "try");
      peer_expect (peer, "error lf-lock-error-quark 1");
      assert_releases (lock);
    }
  while (n_replaced == 1);
  g_assert_cmpuint (n_looks, >, 3);
}

/* Another file that appears at the path, whenever the path is looked at, is not removed. */
static void
test_replaced_at_release (Fixture       *fixture,
                          gconstpointer  data)
{
  guint n_replaced, n_looks = 1;

  do
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path);
      g_autoptr (GError) error = NULL;

      lf_lock_file_set_remove_on_release (lock, TRUE);
      assert_acquires (lock);
      intercept_only ("test.lock");
      intercept_hook (CALL_STAT, n_looks++, replace_file, fixture);
      lf_test_ignore (lf_lock_file_release (lock, &error));
      n_replaced = intercept_nothing ();
      g_assert_cmpint (path_exists (fixture->path), ==, n_replaced == 1);
    }
  while (n_replaced == 1);
  g_assert_cmpuint (n_looks, >, 2);
}

/* If the path can no longer be looked at, the attempt fails, and does not wait. */
static void
test_unseen_at_acquire (Fixture       *fixture,
                        gconstpointer  data)
{
  guint n_failed, n_looks = 1;

  do
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path);
      g_autoptr (GError) error = NULL;

      assert_acquires (lock);
      assert_releases (lock);
      intercept_only ("test.lock");
      intercept_fault (CALL_STAT, n_looks++, G_MAXINT32 / 2, GPOINTER_TO_INT (data));
      lf_test_ignore (lf_lock_file_try_acquire (lock, &error));
      n_failed = intercept_nothing ();
      if (n_failed == 0)
        g_assert_no_error (error);
      else if (error != NULL)
        g_assert_true (error->domain == G_IO_ERROR || error->domain == LF_BACKEND_ERROR);
    }
  while (n_failed > 0);
  g_assert_cmpuint (n_looks, >, 3);
}

/* A server that does not answer does not mean that the lock is lost. */
static void
test_unseen_at_release (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);

  assert_acquires (lock);
  intercept_only ("test.lock");
  intercept_fault (CALL_STAT, 1, 100, GPOINTER_TO_INT (data));
  assert_releases (lock);
  g_assert_cmpuint (intercept_nothing (), >, 0);
}

/* A descriptor whose fstat() fails, since its file system has gone. */
static int
open_dead (void)
{
  pid_t pid = fork ();
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", pid);
  int fd;

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      pause ();
      _exit (1);
    }

  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  kill_process (pid);
  wait_for_process (pid);

  return fd;
}

static void
child_has_other_default (gpointer data)
{
  Peer *peer = ((PeerFixture *) data)->peer;
  g_autoptr (LfLockFile) lock = new_lock (((PeerFixture *) data)->fixture->path);

  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  g_assert_cmpint (sqlite3_vfs_register (sqlite3_vfs_find ("unix-none"), TRUE), ==, SQLITE_OK);
  g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  peer_send (peer, "release");
  peer_expect (peer, "released");
  g_assert_true (lf_lock_file_try_acquire (lock, NULL));
  assert_releases (lock);
}

/* Even if SQLite's default VFS has no locks, our locks work. */
static void
test_other_default (Fixture       *fixture,
                    gconstpointer  data)
{
  run_with_peer (child_has_other_default, fixture);
}

static void
child_is_other_user (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (chmod (fixture->directory, 0755));
  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  g_assert_no_errno (chmod (fixture->path, 0644));
  g_assert_no_errno (seteuid (ORDINARY_USER));
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_no_errno (seteuid (0));
}

/* The effective user counts, who may not write. */
static void
test_other_user (Fixture       *fixture,
                 gconstpointer  data)
{
  if (geteuid () != 0)
    {
      g_test_skip ("Only the superuser can be another user");
      return;
    }

  run_in_child (child_is_other_user, fixture);
}

/* An error of the kernel while locking does not count as contention. */
static void
test_refusals (Fixture       *fixture,
               gconstpointer  data)
{
  const struct
  {
    int saved_errno;
    GQuark domain;
    int code;
  } refusals[] = {
    { ENOLCK, LF_BACKEND_ERROR, LF_BACKEND_ERROR_FAILED },
    { EOPNOTSUPP, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED },
    { EINVAL, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED },
    { EPERM, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED },
    { EACCES, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path);
      g_autoptr (GError) error = NULL;

      lf_lock_file_set_mode (lock, (LfLockMode) GPOINTER_TO_INT (data));
      intercept_fault (CALL_FCNTL, 1, G_MAXINT32 / 2, refusals[i].saved_errno);
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      intercept_nothing ();
      g_assert_error (error, refusals[i].domain, refusals[i].code);
    }
}

static gboolean
has_wal (const char *path)
{
  g_autofree char *content = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &content, &length, NULL));
  g_assert_cmpuint (length, >, 18);

  return content[18] == 2;
}

static void
run_program (const char *argument,
             const char *path)
{
  const char *argv[] = { "/proc/self/exe", argument, path, NULL };
  g_autofree char *program = g_file_read_link (argv[0], NULL);
  int status;

  argv[0] = program;
  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL,
                               &status, NULL));
  g_assert_cmpint (status, ==, 0);
}

/* Another program, which does not wait for a lock. */
static int
change_database (const char *sql,
                 const char *path)
{
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_exec (db, sql, NULL, NULL, NULL);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);

  return 0;
}

static void
make_wal (const char *path,
          int         fd,
          int         flags,
          gpointer    data)
{
  Fixture *fixture = data;

  run_program ("PRAGMA journal_mode = WAL", fixture->path);
}

/* Another program starts write-ahead logging, before any call with which SQLite locks and
 * unlocks. The library notices that, and does not change it. */
static void
test_wal (Fixture       *fixture,
          gconstpointer  data)
{
  LfLockMode mode = (LfLockMode) GPOINTER_TO_INT (data);
  gboolean struck;
  guint n_calls = 1;

  do
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path);
      g_autoptr (GError) error = NULL;
      gboolean granted;

      remove_recursively (fixture->path);
      run_program ("CREATE TABLE t (x)", fixture->path);
      lf_lock_file_set_mode (lock, mode);
      intercept_hook (CALL_FCNTL, n_calls++, make_wal, fixture);
      granted = lf_lock_file_try_acquire (lock, &error);
      struck = intercept_nothing () > 0;
      if (!granted)
        g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_cmpint (granted, ==, !has_wal (fixture->path));
    }
  while (struck);
  g_assert_cmpuint (n_calls, >, 5);
}

/* Lets SQLite reuse the descriptor of @set_aside, which was closed. */
static void
take_set_aside (LfLockFile *holder,
                LfLockFile *set_aside,
                LfLockFile *taker)
{
  g_auto (Claim) claim = { 0 };

  g_assert_false (lf_lock_file_try_acquire (set_aside, NULL));
  claim_start (&claim, taker, NULL);
  wait_until_asleep (getpid ());
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

#define FIRST_NUMBER 200

static void
run_with_others (Fixture *fixture,
                 gboolean is_set_aside)
{
  const struct rlimit limit = { FIRST_NUMBER / 2, FIRST_NUMBER / 2 };
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);
  g_autoptr (LfLockFile) taker = new_lock (fixture->path);
  int dead = open_dead ();
  int fd;

  do
    fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  while (fd < FIRST_NUMBER);

  assert_acquires (lock);
  if (is_set_aside)
    take_set_aside (lock, other, taker);

  for (; fd > dead; fd--)
    close (fd);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));

  assert_releases (is_set_aside ? taker : lock);
  g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
}

static void
child_has_others (gpointer data)
{
  run_with_others (data, FALSE);
}

static void
child_has_others_set_aside (gpointer data)
{
  run_with_others (data, TRUE);
}

/* SQLite's descriptor is found among descriptors about which the kernel says nothing, and
 * above the limit. */
static void
test_others (Fixture       *fixture,
             gconstpointer  data)
{
  run_in_child (data != NULL ? child_has_others_set_aside : child_has_others, fixture);
}

static void
child_has_no_streams (gpointer data)
{
  Fixture *fixture = ((PeerFixture *) data)->fixture;
  Peer *peer = ((PeerFixture *) data)->peer;
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (fixture->path);

  assert_acquires (lock);
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    close (fd);

  g_assert_false (lf_lock_file_try_acquire (other, NULL));
  peer_send (peer, "try");
  peer_expect (peer, "error lf-lock-error-quark 1");
  assert_releases (lock);

  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    g_assert_cmpint (fcntl (fd, F_GETFD), <, 0);
}

/* No standard descriptor is used, or left open, if the standard streams are closed. */
static void
test_no_streams (Fixture       *fixture,
                 gconstpointer  data)
{
  run_with_peer (child_has_no_streams, fixture);
}

/* Another path to the same database means the same lock. */
static void
test_would_deadlock (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *link = g_build_filename (fixture->directory, "link", NULL);
  g_autofree char *path = g_build_filename (link, "test.lock", NULL);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other = new_lock (path);
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (symlink (".", link));
  assert_acquires (lock);
  g_assert_false (lf_lock_file_acquire (other, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
  assert_releases (lock);
}

int
main (int    argc,
      char **argv)
{
  if (argc == 3 && argv[1][0] != '-')
    return change_database (argv[1], argv[2]);

  g_test_init (&argc, &argv, NULL);

  add_test ("/transactions/threads", test_threads);
  add_test ("/transactions/removal", test_removal);
  add_test ("/transactions/replaced/at-open", test_replaced);
  add_test ("/transactions/replaced/always", test_replaced_always);
  add_data_test ("/transactions/replaced/by-link-at-look", GINT_TO_POINTER (CALL_STAT),
                 test_replaced_by_link);
  add_data_test ("/transactions/replaced/by-link-at-open", GINT_TO_POINTER (CALL_OPEN),
                 test_replaced_by_link);
  add_test ("/transactions/replaced/at-acquire", test_replaced_at_acquire);
  add_test ("/transactions/replaced/at-release", test_replaced_at_release);
  add_data_test ("/transactions/unseen/acquire-stale", GINT_TO_POINTER (ESTALE),
                 test_unseen_at_acquire);
  add_data_test ("/transactions/unseen/acquire-error", GINT_TO_POINTER (EIO),
                 test_unseen_at_acquire);
  add_data_test ("/transactions/unseen/release-stale", GINT_TO_POINTER (ESTALE),
                 test_unseen_at_release);
  add_data_test ("/transactions/unseen/release-error", GINT_TO_POINTER (EIO),
                 test_unseen_at_release);
  add_test ("/transactions/looks-at-removal", test_looks_at_removal);
  /* POSIX locks are invisible to their own process */
  if (g_strcmp0 (g_getenv ("LF_TEST_OFD_LOCKS"), "0") != 0)
    {
      add_data_test ("/transactions/read-by-program/exclusive",
                     GINT_TO_POINTER (LF_LOCK_MODE_EXCLUSIVE), test_read_by_program);
      add_data_test ("/transactions/read-by-program/shared",
                     GINT_TO_POINTER (LF_LOCK_MODE_SHARED), test_read_by_program);
      add_test ("/transactions/read-by-program/shared-with", test_shared_after_read);
    }
  add_test ("/transactions/closed/held", test_closed);
  add_test ("/transactions/closed/waiting", test_closed_while_waiting);
  add_test ("/transactions/other-default", test_other_default);
  add_test ("/transactions/other-user", test_other_user);
  add_data_test ("/transactions/refusals/exclusive", GINT_TO_POINTER (LF_LOCK_MODE_EXCLUSIVE),
                 test_refusals);
  add_data_test ("/transactions/refusals/shared", GINT_TO_POINTER (LF_LOCK_MODE_SHARED),
                 test_refusals);
  add_data_test ("/transactions/wal/exclusive", GINT_TO_POINTER (LF_LOCK_MODE_EXCLUSIVE), test_wal);
  add_data_test ("/transactions/wal/shared", GINT_TO_POINTER (LF_LOCK_MODE_SHARED), test_wal);
  add_test ("/transactions/closed/streams", test_no_streams);
  add_data_test ("/transactions/others/plain", NULL, test_others);
  add_data_test ("/transactions/others/set-aside", GINT_TO_POINTER (TRUE), test_others);
  add_test ("/transactions/would-deadlock", test_would_deadlock);

  return g_test_run ();
}
