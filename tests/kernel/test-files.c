/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Unusual lock files: running programs, files that can only be read, that have a lease or
 * that are replaced, and directories. The program's own calls simulate a server that has
 * lost a handle, and a security module that allows no locks. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <linux/fs.h>

#include "lf-test-backend.h"
#include "lf-test-fuse.h"

static int lock_fault;       /* atomic: an errno of fcntl(), or 0 */
static int flock_wants_write; /* atomic: as NFS does */
static const char *stale_path;

static int
fault_fcntl (int   fd,
             int   command,
             void *argument)
{
  static int (*real_fcntl) (int, int, ...);

  if (real_fcntl == NULL)
    real_fcntl = (int (*) (int, int, ...)) dlsym (RTLD_NEXT, "fcntl64");

  if ((command == F_SETLK || command == F_OFD_SETLK) && g_atomic_int_get (&lock_fault) != 0)
    {
      errno = g_atomic_int_get (&lock_fault);
      return -1;
    }

  return real_fcntl (fd, command, argument);
}

/* The same function with 64-bit file offsets. */
G_MODULE_EXPORT int
fcntl (int fd,
       int command,
       ...)
{
  va_list arguments;
  void *argument;

  va_start (arguments, command);
  argument = va_arg (arguments, void *);
  va_end (arguments);

  return fault_fcntl (fd, command, argument);
}

G_MODULE_EXPORT int
flock (int fd,
       int operation)
{
  int (*real_flock) (int, int) = (int (*) (int, int)) dlsym (RTLD_NEXT, "flock");
  int flags = fcntl (fd, F_GETFL, NULL);

  if (g_atomic_int_get (&flock_wants_write) && (operation & LOCK_EX) != 0 &&
      (flags & O_ACCMODE) == O_RDONLY)
    {
      errno = EBADF;
      return -1;
    }

  return real_flock (fd, operation);
}

G_MODULE_EXPORT int
lstat (const char  *path,
       struct stat *path_stat)
{
  static int (*real_lstat) (const char *, struct stat *);

  if (real_lstat == NULL)
    real_lstat = (int (*) (const char *, struct stat *)) dlsym (RTLD_NEXT, "lstat64");

  if (g_strcmp0 (path, stale_path) == 0)
    {
      errno = ESTALE;
      return -1;
    }

  return real_lstat (path, path_stat);
}

static LfLockFile *
new_lock (const char *path,
          LfBackend   backend,
          LfLockMode  mode)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend, "mode", mode, NULL);
}

static void
assert_lockable (const char *path,
                 LfBackend   backend,
                 LfLockMode  mode)
{
  g_autoptr (LfLockFile) lock = new_lock (path, backend, mode);

  assert_acquires (lock);
  assert_releases (lock);
}

/* A running program can be locked, and a locked program can run. */
static void
test_program (Fixture       *fixture,
              gconstpointer  data)
{
  const char *argv[] = { fixture->path, "/dev/null", NULL };
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (GError) error = NULL;
  g_autofree char *program = NULL;
  gsize length;
  int status;

  g_assert_true (g_file_get_contents ("/bin/sleep", &program, &length, NULL));
  g_assert_true (g_file_set_contents (fixture->path, program, (gssize) length, NULL));
  g_assert_no_errno (g_chmod (fixture->path, 0755));

  assert_acquires (lock);
  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                               NULL, NULL, &status, &error));
  g_assert_no_error (error);
  assert_releases (lock);

  {
    const char *sleeping[] = { fixture->path, "1000", NULL };
    g_autoptr (Peer) runs = peer_start_argv (sleeping);

    assert_lockable (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
    assert_lockable (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_SHARED);
    assert_lockable (fixture->path, LF_BACKEND_FCNTL, LF_LOCK_MODE_SHARED);
  }
}

static gboolean
set_attributes (const char *path,
                int         attributes)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  gboolean set = ioctl (fd, FS_IOC_SETFLAGS, &attributes) == 0;

  close (fd);

  return set;
}

static void
test_immutable (Fixture       *fixture,
                gconstpointer  data)
{
  const int attributes[] = { FS_IMMUTABLE_FL, FS_APPEND_FL };

  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (attributes); i++)
    {
      if (!set_attributes (fixture->path, attributes[i]))
        {
          g_test_skip ("Only root may do that, and not on every file system");
          return;
        }

      assert_lockable (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
      assert_lockable (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_SHARED);
      assert_lockable (fixture->path, LF_BACKEND_FCNTL, LF_LOCK_MODE_SHARED);
      g_assert_true (set_attributes (fixture->path, 0));
    }
}

static void
child_reads (gpointer data)
{
  assert_lockable (data, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
  assert_lockable (data, LF_BACKEND_FCNTL, LF_LOCK_MODE_SHARED);
}

static void
test_only_readable (Fixture       *fixture,
                    gconstpointer  data)
{
  g_assert_true (g_file_set_contents (fixture->path, "data", -1, NULL));
  g_assert_no_errno (g_chmod (fixture->path, 0444));
  run_as_user (child_reads, fixture->path);
}

/* The same as flock(1), which is excluded and excludes. */
static void
test_directory (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->directory, LF_BACKEND_FLOCK,
                                          LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (LfLockFile) other = new_lock (fixture->directory, LF_BACKEND_FLOCK,
                                           LF_LOCK_MODE_SHARED);
  g_autoptr (LfLockFile) fcntl_lock = new_lock (fixture->directory, LF_BACKEND_FCNTL,
                                                LF_LOCK_MODE_SHARED);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (GError) error = NULL;
  int fd = open (fixture->directory, O_RDONLY | O_CLOEXEC);

  lf_lock_file_set_remove_on_release (lock, TRUE);
  assert_acquires (lock);
  g_assert_cmpint (flock (fd, LOCK_SH | LOCK_NB), ==, -1);
  g_assert_false (lf_lock_file_try_acquire (other, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  holder = lf_lock_file_query_holder (other, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, getpid ());
  g_assert_false (lf_lock_file_break_lock (other, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_clear_error (&error);
  assert_releases (lock);
  g_assert_true (g_file_test (fixture->directory, G_FILE_TEST_IS_DIR));
  g_assert_no_errno (flock (fd, LOCK_EX | LOCK_NB));
  close (fd);
  assert_acquires (other);

  g_assert_false (lf_lock_file_try_acquire (fcntl_lock, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
}

/* A network file system whose exclusive locks need a descriptor for writing. */
static void
test_wants_write (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (LfLockFile) other = new_lock (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
  g_auto (Claim) claim = { 0 };

  g_atomic_int_set (&flock_wants_write, TRUE);
  assert_acquires (lock);
  claim_start (&claim, other, NULL);
  wait_for_waiters (fixture->path, 1);
  assert_releases (lock);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (other);
  g_atomic_int_set (&flock_wants_write, FALSE);
}

/* A wait for a lease works like a wait for a lock. */
static void
test_lease (Fixture       *fixture,
            gconstpointer  data)
{
  LfBackend backend = (LfBackend) GPOINTER_TO_INT (data);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, backend, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Claim) claim = { 0 };
  g_auto (Claim) cancelled = { 0 };
  int fd = open (fixture->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  /* The kernel sends a signal to the holder of the lease */
  signal (SIGIO, SIG_IGN);
  g_assert_no_errno (fcntl (fd, F_SETLEASE, F_WRLCK));

  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);

  claim_start (&cancelled, lock, cancellable);
  g_cancellable_cancel (cancellable);
  claim_wait (&cancelled);
  g_assert_error (cancelled.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  claim_start (&claim, lock, NULL);
  g_assert_no_errno (fcntl (fd, F_SETLEASE, F_UNLCK));
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  close (fd);
  assert_releases (lock);
  signal (SIGIO, SIG_DFL);
}

/* A server that has lost the handle of the path does not mean that the lock is lost. */
static void
test_stale_handle (Fixture       *fixture,
                   gconstpointer  data)
{
  const LfBackend backends[] = { LF_BACKEND_FLOCK, LF_BACKEND_FCNTL };

  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path, backends[i], LF_LOCK_MODE_EXCLUSIVE);

      assert_acquires (lock);
      stale_path = fixture->path;
      assert_releases (lock);
      stale_path = NULL;
    }
}

/* A system that allows no locks does not count as a holder. */
static void
test_not_allowed (Fixture       *fixture,
                  gconstpointer  data)
{
  const LfBackend backends[] = { LF_BACKEND_FCNTL, LF_BACKEND_SQLITE };

  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autoptr (LfLockFile) lock = NULL;
      g_autoptr (GError) error = NULL;

      if (!lf_backend_is_supported (backends[i]))
        continue;

      lock = new_lock (fixture->path, backends[i], LF_LOCK_MODE_EXCLUSIVE);
      g_atomic_int_set (&lock_fault, EACCES);
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_atomic_int_set (&lock_fault, 0);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
      assert_acquires (lock);
      assert_releases (lock);
    }
}

/* However the path gets another file, and whatever the file's times are: the lock is lost. */
static void
child_mounts_over (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *other_path = g_build_filename (fixture->directory, "other", NULL);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (GError) error = NULL;

  enter_namespaces (CLONE_NEWNS);
  g_assert_true (g_file_set_contents (other_path, "", 0, NULL));
  assert_acquires (lock);
  g_assert_no_errno (mount (other_path, fixture->path, NULL, MS_BIND, NULL));
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
}

/* An old file: its change time does not show changes of its directory. */
static void
make_old_file (const char *path)
{
  const struct timespec old[] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  g_assert_no_errno (utimensat (AT_FDCWD, path, old, 0));
}

static void
test_mounted_over (Fixture       *fixture,
                   gconstpointer  data)
{
  make_old_file (fixture->path);
  /* The change must be older than the time for which file systems keep exact times */
  g_usleep (2100 * G_TIME_SPAN_MILLISECOND);
  run_in_child (child_mounts_over, fixture);
}

static void
test_parent_renamed (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *parent = g_build_filename (fixture->directory, "parent", NULL);
  g_autofree char *moved = g_build_filename (fixture->directory, "moved", NULL);
  g_autofree char *path = g_build_filename (parent, "test.lock", NULL);
  g_autoptr (LfLockFile) lock = new_lock (path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (LfLockFile) other = new_lock (path, LF_BACKEND_FLOCK, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (g_mkdir (parent, 0755));
  make_old_file (path);
  g_usleep (2100 * G_TIME_SPAN_MILLISECOND);
  assert_acquires (lock);
  g_assert_no_errno (g_rename (parent, moved));
  g_assert_no_errno (g_mkdir (parent, 0755));
  assert_acquires (other);
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  assert_releases (other);
}

static void
assert_nowhere (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
child_without_directory (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *gone = g_build_filename (fixture->directory, "gone", NULL);
  g_autofree char *name = g_strdup_printf ("lf-test-nowhere-%d.lock", getpid ());
  g_autofree char *in_root = g_build_filename ("/", name, NULL);
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func (g_object_unref);

  g_assert_no_errno (g_mkdir (gone, 0755));
  g_assert_no_errno (g_chdir (gone));
  g_assert_no_errno (g_rmdir (gone));
  for (gsize i = 0; i < n_test_backends; i++)
    {
      g_ptr_array_add (locks, lock_new (&test_backends[i], name));
      assert_nowhere (locks->pdata[i]);
    }
  g_assert_false (path_exists (in_root));

  /* The path does not change its meaning in another directory */
  g_assert_no_errno (g_chdir (fixture->directory));
  for (gsize i = 0; i < n_test_backends; i++)
    assert_nowhere (locks->pdata[i]);
}

static void
test_no_directory (Fixture       *fixture,
                   gconstpointer  data)
{
  run_in_child (child_without_directory, fixture);
}

typedef struct
{
  const Fixture *fixture;
  LfBackend backend;
  gboolean skipped; /* shared with the child */
} Silent;

/* A system call that waits for the server cannot be interrupted by a signal. After a while,
 * this lets the server continue. */
static pid_t
start_watchdog (pid_t server)
{
  pid_t watchdog = fork ();

  g_assert_cmpint (watchdog, >=, 0);
  if (watchdog == 0)
    {
      sleep (10);
      kill (server, SIGCONT);
      _exit (1);
    }

  return watchdog;
}

static void
stop_watchdog (pid_t watchdog)
{
  int status;

  g_assert_no_errno (kill (watchdog, SIGKILL));
  g_assert_cmpint (waitpid (watchdog, &status, 0), ==, watchdog);
  g_assert_true (WIFSIGNALED (status));
}

static void
child_with_silent_server (gpointer data)
{
  Silent *silent = data;
  g_autofree char *top = g_build_filename (silent->fixture->directory, "fuse", NULL);
  g_autofree char *path = g_build_filename (top, FUSE_FILE, NULL);
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", path,
                                              "backend", silent->backend, NULL);
  g_auto (Claim) claim = { 0 };
  pid_t server = fuse_start (top);
  pid_t watchdog;
  int status;

  silent->skipped = server == 0;
  if (silent->skipped)
    return;

  watchdog = start_watchdog (server);
  assert_acquires (lock);
  g_assert_no_errno (kill (server, SIGSTOP));
  g_assert_cmpint (waitpid (server, &status, WUNTRACED), ==, server);

  g_assert_true (lf_lock_file_is_held (lock));
  g_assert_cmpint (lf_lock_file_get_fd (lock), >=, 0);
  claim_start (&claim, lock, NULL);
  stop_watchdog (watchdog);

  g_assert_no_errno (kill (server, SIGCONT));
  assert_releases (lock);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
  fuse_stop (top, server);
}

/* While a server does not answer, a program can query whether it holds the lock, and start
 * to acquire: the program's thread sends no requests. */
static void
test_silent_server (Fixture       *fixture,
                    gconstpointer  data)
{
  Silent *silent = mmap (NULL, sizeof *silent, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  g_assert_true (silent != MAP_FAILED);
  *silent = (Silent) { fixture, GPOINTER_TO_INT (data), FALSE };
  run_in_child (child_with_silent_server, silent);
  if (silent->skipped)
    g_test_skip ("FUSE cannot be had");
  munmap (silent, sizeof *silent);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/files/program", test_program);
  add_test ("/files/immutable", test_immutable);
  add_test ("/files/only-readable", test_only_readable);
  add_test ("/files/directory", test_directory);
  add_test ("/files/wants-write", test_wants_write);
  add_data_test ("/files/lease/flock", GINT_TO_POINTER (LF_BACKEND_FLOCK), test_lease);
  add_data_test ("/files/lease/fcntl", GINT_TO_POINTER (LF_BACKEND_FCNTL), test_lease);
  add_test ("/files/stale-handle", test_stale_handle);
  add_test ("/files/not-allowed", test_not_allowed);
  add_test ("/files/mounted-over", test_mounted_over);
  add_test ("/files/parent-renamed", test_parent_renamed);
  add_test ("/files/no-directory", test_no_directory);
  add_data_test ("/files/silent-server/flock", GINT_TO_POINTER (LF_BACKEND_FLOCK),
                 test_silent_server);
  add_data_test ("/files/silent-server/fcntl", GINT_TO_POINTER (LF_BACKEND_FCNTL),
                 test_silent_server);

  return g_test_run ();
}
