/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* A single failure does not exclude anybody forever, and does not make anybody wait
 * forever. */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "hostile.h"
#include "lf-test-intercept.h"

#define SHUTDOWN _IOR ('X', 125, guint32)
#define SHUTDOWN_WITH_LOG 1

#define FIRST_USER 65534
#define SECOND_USER 65533

typedef struct
{
  const char *part;
  InterceptedCall call;
  int fault;
} Fault;

static void
child_with_fault (gpointer data)
{
  Child *child = data;
  const Fault *fault = (const Fault *) (gconstpointer) child->argument;
  g_autofree char *path = g_strconcat (child->fixture->path, ".first", NULL);
  g_autoptr (LfLockFile) first = lock_new (child->backend, path);

  intercept_fault (fault->call, 1, 1, fault->fault);
  intercept_only (fault->part);
  if (lf_lock_file_try_acquire (first, NULL))
    lf_lock_file_release (first, NULL);
  intercept_nothing ();

  assert_acquires (lock_new (child->backend, child->fixture->path));
}

/* The identity of this process cannot be found out once, but later it can. */
static void
test_identity (Fixture       *fixture,
               gconstpointer  data)
{
  const Fault faults[] = {
    { "boot_id", CALL_OPEN, EMFILE },
    { "boot_id", CALL_OPEN, EIO },
    { "machine-id", CALL_OPEN, ENFILE },
    { "self/stat", CALL_OPEN, ENOMEM },
    { "ns/pid", CALL_STAT, ENOMEM },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      Child child = { fixture, data, (const char *) &faults[i] };

      run_in_child (child_with_fault, &child);
      assert_taken_over (data, fixture->path);
    }
}

static void
child_with_lasting_fault (gpointer data)
{
  Child *child = data;
  const Fault *fault = (const Fault *) (gconstpointer) child->argument;
  g_autoptr (LfLockFile) lock = lock_new (child->backend, child->fixture->path);
  g_autoptr (GError) error = NULL;

  intercept_only (fault->part);
  intercept_fault (fault->call, 1, 1000, fault->fault);
  if (lf_lock_file_try_acquire (lock, &error))
    {
      g_assert_cmpint (child->backend->kind, !=, LOCK_IS_SYMLINK);
      /* The process exits without releasing */
      g_steal_pointer (&lock);
    }
  else
    {
      g_assert_cmpint (child->backend->kind, ==, LOCK_IS_SYMLINK);
      g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (fault->fault));
    }
  g_assert_cmpuint (intercept_nothing (), >=, 1);
}

/* The identity cannot be found out at all. Then the inode proves that the holder is gone. A
 * backend without an inode that can be locked refuses to lock. */
static void
test_identity_unknown (Fixture       *fixture,
                       gconstpointer  data)
{
  const TestBackend *backend = data;
  const Fault faults[] = {
    { "boot_id", CALL_OPEN, EMFILE },
    { "machine-id", CALL_OPEN, ENFILE },
    { "self/stat", CALL_OPEN, ENOMEM },
    { "ns/pid", CALL_STAT, ENOMEM },
    { "ns/time", CALL_STAT, ENOMEM },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      Child child = { fixture, data, (const char *) &faults[i] };

      run_in_child (child_with_lasting_fault, &child);
      if (backend->kind == LOCK_IS_SYMLINK)
        g_assert_false (path_exists (fixture->path));
      else
        assert_taken_over (backend, fixture->path);
    }
}

/* It also takes a stale lock over. */
static void
child_that_takes_over (gpointer data)
{
  Child *child = data;
  g_autofree char *path = g_strconcat (child->fixture->path, ".first", NULL);
  g_autoptr (LfLockFile) first = lock_new (child->backend, path);

  intercept_fault (CALL_OPEN, 1, 1, EMFILE);
  intercept_only ("boot_id");
  if (lf_lock_file_try_acquire (first, NULL))
    lf_lock_file_release (first, NULL);
  intercept_nothing ();

  assert_taken_over (child->backend, child->fixture->path);
}

static void
test_identity_of_others (Fixture       *fixture,
                         gconstpointer  data)
{
  Child child = { fixture, data, NULL };
  g_autoptr (Peer) peer = backend_peer_start_holder (data, fixture->path);

  peer_kill (peer);
  peer_wait (peer);
  run_in_child (child_that_takes_over, &child);
}

static void
become (uid_t user)
{
  g_assert_no_errno (setgid (user));
  g_assert_no_errno (setuid (user));
}

static void
child_that_dies (gpointer data)
{
  Child *child = data;

  become (FIRST_USER);
  assert_acquires (lock_new (child->backend, child->fixture->path));
}

static void
assert_denied (const TestBackend *backend,
               const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  assert_not_locked (backend, path);
}

static void
child_of_another_user (gpointer data)
{
  Child *child = data;

  become (SECOND_USER);
  assert_denied (child->backend, child->fixture->path);
}

/* The holder is dead, and its lock cannot be removed. */
static void
test_dead_in_sticky_directory (Fixture       *fixture,
                               gconstpointer  data)
{
  Child child = { fixture, data, NULL };
  mode_t mask = umask (0);

  if (!can_mount ("mount"))
    return;

  g_assert_no_errno (g_chmod (fixture->directory, 01777));
  run_in_child (child_that_dies, &child);
  run_in_child (child_of_another_user, &child);
  umask (mask);
  remove_recursively (fixture->path);
}

static void
test_dead_in_closed_directory (Fixture       *fixture,
                               gconstpointer  data)
{
  Child child = { fixture, data, NULL };
  mode_t mask = umask (0);

  if (!can_mount ("mount"))
    return;

  run_in_child (child_that_dies, &child);
  g_assert_no_errno (g_chmod (fixture->directory, 0555));
  run_in_child (child_of_another_user, &child);
  g_assert_no_errno (g_chmod (fixture->directory, 0777));
  umask (mask);
  remove_recursively (fixture->path);
}

static void
set_immutable (const char *path,
               gboolean    immutable)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  int flags = 0;

  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (ioctl (fd, FS_IOC_GETFLAGS, &flags));
  flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  g_assert_no_errno (ioctl (fd, FS_IOC_SETFLAGS, &flags));
  close (fd);
}

static void
test_dead_and_immutable (Fixture       *fixture,
                         gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = NULL;

  if (!can_mount ("mount"))
    return;

  peer = backend_peer_start_holder (backend, fixture->path);
  peer_kill (peer);
  peer_wait (peer);
  set_immutable (backend->kind == LOCK_IS_SYMLINK ? fixture->directory : fixture->path, TRUE);
  assert_denied (backend, fixture->path);
  set_immutable (backend->kind == LOCK_IS_SYMLINK ? fixture->directory : fixture->path, FALSE);
  assert_taken_over (backend, fixture->path);
}

/* A failed release does not let others acquire the lock. */
static void
test_release_errors (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  const int faults[] = { EMFILE, ENFILE, ENOMEM, EINTR, ESTALE, EACCES };
  const InterceptedCall calls[] = { CALL_OPEN, CALL_FSTAT, CALL_READ };

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (calls); j++)
        {
          for (int n_times = 1; n_times <= 1000; n_times += 999)
            {
              g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
              g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);

              assert_acquires (lock);
              intercept_fault (calls[j], 1, (guint) n_times, faults[i]);
              assert_releases (lock);
              intercept_nothing ();
              assert_not_locked (backend, fixture->path);

              assert_acquires (other);
              intercept_fault (calls[j], 1, (guint) n_times, faults[i]);
              g_clear_object (&other);
              intercept_nothing ();
              assert_not_locked (backend, fixture->path);
            }
        }
    }
}

/* The program has closed the descriptor of the directory, and none is free to open it
 * again: nobody knows whether the lock is lost. */
static void
test_release_without_directory (Fixture       *fixture,
                                gconstpointer  data)
{
  const TestBackend *backend = data;
  const int faults[] = { EMFILE, ENOMEM, EACCES };

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autoptr (GError) error = NULL;
      struct stat directory_stat, fd_stat;

      assert_acquires (lock);
      g_assert_no_errno (stat (fixture->directory, &directory_stat));
      for (int fd = STDERR_FILENO + 1; fd < 100; fd++)
        {
          if (fstat (fd, &fd_stat) == 0 && fd_stat.st_ino == directory_stat.st_ino &&
              fd_stat.st_dev == directory_stat.st_dev)
            close (fd);
        }

      intercept_fault (CALL_OPEN, 1, 1000, faults[i]);
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_cmpuint (intercept_nothing (), >=, 1);
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
      g_assert_true (lf_lock_file_is_held (lock));
      assert_locked (backend, fixture->path);
      assert_releases (lock);
      assert_not_locked (backend, fixture->path);
    }
}

/* A lock whose release failed can be broken without waiting for its holder. */
static void
test_break_after_release_error (Fixture       *fixture,
                                gconstpointer  data)
{
  const TestBackend *backend = data;
  InterceptedCall call = backend->kind == LOCK_IS_DIRECTORY ? CALL_RENAME : CALL_UNLINK;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  intercept_fault (call, 1, 1000, EIO);
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_cmpuint (intercept_nothing (), >=, 1);
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
  g_assert_true (lf_lock_file_is_held (lock));

  peer_send (peer, "break");
  peer_expect (peer, "broken");
  g_assert_false (path_exists (fixture->path));
}

/* It also does not matter which user the holder is, and which of its files it may read. */
static void
child_that_changes_user (gpointer data)
{
  Child *child = data;
  g_autoptr (LfLockFile) lock = lock_new (child->backend, child->fixture->path);

  umask (077);
  assert_acquires (lock);
  become (FIRST_USER);
  if (child->argument != NULL)
    g_clear_object (&lock);
  else
    assert_releases (lock);
}

static void
test_other_user (Fixture       *fixture,
                 gconstpointer  data)
{
  const char *arguments[] = { NULL, "drop" };
  g_autoptr (LfLockFile) lock = NULL;

  if (!can_mount ("mount"))
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (arguments); i++)
    {
      Child child = { fixture, data, arguments[i] };

      run_in_child (child_that_changes_user, &child);
      g_assert_false (path_exists (fixture->path));
    }

  /* Another user's directory with mode 0700 cannot be emptied. It is no longer a lock, and
   * is removed when its owner locks */
  lock = lock_new (data, fixture->path);
  assert_acquires (lock);
  assert_releases (lock);
}

static void
child_that_executes (gpointer data)
{
  Child *child = data;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  char *argv[] = { program, (char *) "--again", (char *) child->backend->nick,
                   child->fixture->path, NULL };

  assert_acquires (lock_new (child->backend, child->fixture->path));
  execv (program, argv);
  g_assert_not_reached ();
}

static int
go_on (const char *nick,
       const char *path)
{
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (g_str_equal (test_backends[i].nick, nick))
        {
          g_autoptr (LfLockFile) lock = lock_new (&test_backends[i], path);

          if (lf_lock_file_try_acquire (lock, &error) && lf_lock_file_release (lock, &error))
            return 0;
        }
    }

  return 1;
}

/* A program that executes itself again has the same PID, but does not hold what it held
 * before. */
static void
test_execution (Fixture       *fixture,
                gconstpointer  data)
{
  Child child = { fixture, data, NULL };

  run_in_child (child_that_executes, &child);
}

static void
child_without_power (gpointer data)
{
  Child *child = data;
  const char *end_argv[] = { "umount", NULL, NULL };
  const char *mount_argv[] = { "mount", "-t", "ext4", "-o", "loop", NULL, NULL, NULL };
  g_autofree char *target = NULL;
  g_autofree char *path = NULL;
  g_autofree char *image = NULL;
  g_autoptr (Peer) peer = NULL;
  guint32 flags = SHUTDOWN_WITH_LOG;
  int fd;

  enter_namespaces (CLONE_NEWNS);
  target = mount_image (child->fixture->directory, "ext4", "20M");
  image = g_strdup_printf ("%s/ext4.img", child->fixture->directory);
  path = g_build_filename (target, "test.lock", NULL);
  sync ();
  peer = backend_peer_start_holder (child->backend, path);

  fd = open (target, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (ioctl (fd, SHUTDOWN, &flags));
  close (fd);
  peer_kill (peer);
  peer_wait (peer);
  end_argv[1] = target;
  run_program (end_argv);
  mount_argv[5] = image;
  mount_argv[6] = target;
  run_program (mount_argv);

  g_assert_true (path_exists (path));
  assert_taken_over (child->backend, path);
  run_program (end_argv);
}

/* The power fails after the journal has the lock. */
static void
test_power_failure (Fixture       *fixture,
                    gconstpointer  data)
{
  Child child = { fixture, data, NULL };

  if (!can_mount ("mkfs.ext4"))
    return;

  run_in_child (child_without_power, &child);
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

static void
note_locked_directory (const char *path,
                       int         fd,
                       int         flags,
                       gpointer    data)
{
  Child *child = data;
  struct stat file_stat, directory_stat;

  g_assert_no_errno (fstat (fd, &file_stat));
  g_assert_no_errno (stat (child->fixture->directory, &directory_stat));
  if (file_stat.st_ino == directory_stat.st_ino && file_stat.st_dev == directory_stat.st_dev)
    child->argument = "locked";
}

/* Anybody who can read the lock's directory can lock it, so the library does not lock it. */
static void
test_directory_locked (Fixture       *fixture,
                       gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) dropped = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);
  g_autoptr (Peer) dead = backend_peer_start_holder (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  Child child = { fixture, backend, NULL };
  int directory = open (fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  g_assert_no_errno (flock (directory, LOCK_EX));
  peer_kill (dead);
  peer_wait (dead);
  intercept_hook (CALL_FLOCK, 0, note_locked_directory, &child);
  assert_taken_over (backend, fixture->path);
  assert_acquires (lock);
  assert_releases (lock);
  assert_acquires (dropped);
  g_clear_object (&dropped);
  assert_acquires (lock);
  g_assert_true (lf_lock_file_break_lock (breaker, NULL, &error));
  g_assert_no_error (error);
  lf_lock_file_release (lock, NULL);
  intercept_nothing ();
  g_assert_null (child.argument);
  close (directory);
}

static void
assert_would_deadlock (const TestBackend *backend,
                       const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;

  g_test_message ("%s", path);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
}

static void
child_with_spellings (gpointer data)
{
  Child *child = data;
  const char *directory = child->fixture->directory;
  g_autofree char *link = g_build_filename (directory, "link", NULL);
  g_autofree char *sub = g_build_filename (directory, "sub", NULL);
  g_autofree char *bound = g_build_filename (directory, "bound", NULL);
  g_autofree char *real = g_build_filename (directory, "real", NULL);
  g_autofree char *path = g_build_filename (real, "test.lock", NULL);
  g_autofree char *same[] = {
    g_build_filename (real, ".", "test.lock", NULL),
    g_strdup_printf ("%s//test.lock", real),
    g_build_filename (sub, "..", "real", "test.lock", NULL),
    g_build_filename (link, "test.lock", NULL),
    g_build_filename (bound, "test.lock", NULL),
  };

  g_assert_no_errno (g_mkdir (real, 0777));
  g_assert_no_errno (g_mkdir (sub, 0777));
  g_assert_no_errno (g_mkdir (bound, 0777));
  g_assert_no_errno (symlink ("real", link));
  enter_namespaces (CLONE_NEWNS);
  mount_over (real, bound);

  for (gsize i = 0; i < G_N_ELEMENTS (same); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (child->backend, path);
      g_autoptr (LfLockFile) other = lock_new (child->backend, same[i]);

      assert_acquires (lock);
      assert_would_deadlock (child->backend, same[i]);
      assert_releases (lock);
      assert_acquires (other);
      assert_would_deadlock (child->backend, path);
      assert_releases (other);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (same); i++)
    g_free (g_steal_pointer (&same[i]));
}

static void
test_spellings (Fixture       *fixture,
                gconstpointer  data)
{
  Child child = { fixture, data, NULL };

  if (!can_mount ("mount"))
    return;

  run_in_child (child_with_spellings, &child);
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

/* Waiters of this process are in one queue, whatever path they use for the lock. */
static void
test_one_queue (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *link = g_build_filename (fixture->directory, "link", NULL);
  g_autofree char *path = g_build_filename (link, "test.lock", NULL);
  g_autoptr (Peer) peer = NULL;
  LfLockFile *locks[6];
  Claim claims[6] = { 0 };
  guint counter = 0;

  g_assert_no_errno (symlink (".", link));
  peer = backend_peer_start_holder (backend, fixture->path);
  for (guint i = 0; i < G_N_ELEMENTS (locks); i++)
    {
      locks[i] = lock_new (backend, i % 2 == 0 ? fixture->path : path);
      claims[i].counter = &counter;
      claim_start (&claims[i], locks[i], NULL);
      /* The waiters and the watch */
      wait_for_sleeping_lock_threads (i + 2);
    }

  peer_send (peer, "release");
  peer_expect (peer, "released");
  for (guint i = 0; i < G_N_ELEMENTS (locks); i++)
    {
      claim_wait (&claims[i]);
      g_assert_no_error (claims[i].error);
      g_assert_cmpuint (claims[i].sequence, ==, i);
      assert_releases (locks[i]);
      g_object_unref (locks[i]);
    }
  g_assert_no_errno (unlink (link));
}

/* A lock stays where it was made, even if its directory is renamed. */
static void
test_parent_exchanged (Fixture       *fixture,
                       gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *link = g_build_filename (fixture->directory, "current", NULL);
  g_autofree char *path = g_build_filename (link, "test.lock", NULL);
  const char *names[] = { "1", "2" };
  g_autofree char *old_path = g_build_filename (fixture->directory, "1", "test.lock", NULL);
  g_autofree char *new_path = g_build_filename (fixture->directory, "2", "test.lock", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *directory = g_build_filename (fixture->directory, names[i], NULL);

      g_assert_no_errno (g_mkdir (directory, 0777));
    }

  for (int drops = FALSE; drops <= TRUE; drops++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, path);
      g_autoptr (Peer) peer = NULL;

      g_assert_no_errno (symlink ("1", link));
      assert_acquires (lock);
      g_assert_no_errno (unlink (link));
      g_assert_no_errno (symlink ("2", link));
      peer = backend_peer_start_holder (backend, path);

      if (drops)
        g_clear_object (&lock);
      else
        assert_releases (lock);
      g_assert_false (path_exists (old_path));
      assert_locked (backend, new_path);
      peer_send (peer, "release");
      peer_expect (peer, "released");
      g_assert_no_errno (unlink (link));
    }

  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

/* Other files in the lock's directory are not looked at. */
static void
test_full_directory (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lock_new (data, fixture->path);

  intercept_count ();
  assert_acquires (lock);
  assert_releases (lock);
  g_assert_cmpuint (intercept_get_count (CALL_OPENDIR), ==, 0);
  intercept_nothing ();
}

/* `kill $(cat FILE)` sends a signal only to the holder. */
static void
test_kill (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;
  gsize length;

  assert_acquires (lock);
  text = read_record (backend, fixture->path, &length);
  words = g_strsplit_set (text, " \t\n", -1);
  g_assert_cmpint (atoi (words[0]), ==, getpid ());
  for (guint i = 1; words[i] != NULL; i++)
    g_assert_true (*words[i] == '\0' || strspn (words[i], "0123456789") < strlen (words[i]));
  assert_releases (lock);
}

/* A container has crashed, and its processes are unknown outside. */
static void
test_container (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  const char *argv[] = { "unshare", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc", "sh",
                         "-c", "hostname container && exec \"$@\"", "sh",
                         g_getenv ("LF_TEST_PEER"), fixture->path, backend->nick, NULL };
  g_autoptr (Peer) peer = NULL;

  /* A link has no inode that could be locked */
  if (backend->kind == LOCK_IS_SYMLINK || !can_mount ("unshare"))
    return;

  peer = peer_start_argv (argv);
  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  assert_held_and_kept (backend, fixture->path);
  peer_kill (peer);
  g_assert_null (peer_read_line (peer));
  assert_taken_over (backend, fixture->path);
}

int
main (int    argc,
      char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "--again"))
    return go_on (argv[2], argv[3]);

  g_test_init (&argc, &argv, NULL);

  add_hostile_test ("identity", test_identity);
  add_hostile_test ("identity-unknown", test_identity_unknown);
  add_hostile_test ("identity-of-others", test_identity_of_others);
  add_hostile_test ("dead-in-sticky-directory", test_dead_in_sticky_directory);
  add_hostile_test ("dead-in-closed-directory", test_dead_in_closed_directory);
  add_hostile_test ("dead-and-immutable", test_dead_and_immutable);
  add_hostile_test ("release-errors", test_release_errors);
  add_hostile_test ("release-without-directory", test_release_without_directory);
  add_hostile_test ("break-after-release-error", test_break_after_release_error);
  add_hostile_test ("other-user", test_other_user);
  add_hostile_test ("execution", test_execution);
  add_hostile_test ("power-failure", test_power_failure);
  add_hostile_test ("directory-locked", test_directory_locked);
  add_hostile_test ("spellings", test_spellings);
  add_hostile_test ("one-queue", test_one_queue);
  add_hostile_test ("parent-exchanged", test_parent_exchanged);
  add_hostile_test ("full-directory", test_full_directory);
  add_hostile_test ("kill", test_kill);
  add_hostile_test ("container", test_container);

  return g_test_run ();
}
