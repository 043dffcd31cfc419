/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The part of the contract that exists only on Unix: permissions of files, names with any
 * bytes, and what happens after fork(). */

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "contract.h"

/* However similar their names are. */
static void
test_paths_apart (Fixture       *fixture,
                  gconstpointer  data)
{
  const char *names[] = {
    "a", "a.", "a.lock", "A", ".a", "a~", "a.tmp", "a-journal", "aa", NULL
  };

  assert_paths_apart (data, fixture, names);
}

/* The holder notices that its file was removed. */
static void
test_release_after_removal (Fixture       *fixture,
                            gconstpointer  data)
{
  assert_lost_when_gone (data, fixture, FALSE);
}

/* Permissions are the requested ones, except for the umask, which does not change. */
static void
test_file_mode (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  const guint modes[] = { 0666, 0640, 0600 };
  const guint masked[] = { 0640, 0640, 0600 };

  if (backend->kind != LOCK_IS_FILE)
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      struct stat path_stat;
      mode_t mask = umask (027);

      lf_lock_file_set_file_mode (lock, modes[i]);
      assert_acquires (lock);
      g_assert_cmphex (umask (mask), ==, 027);
      g_assert_no_errno (stat (fixture->path, &path_stat));
      g_assert_cmphex (path_stat.st_mode & 07777, ==, masked[i]);
      assert_releases (lock);

      /* An existing file keeps its permissions */
      if (!backend->is_existence)
        {
          lf_lock_file_set_file_mode (lock, 0604);
          assert_acquires (lock);
          g_assert_no_errno (stat (fixture->path, &path_stat));
          g_assert_cmphex (path_stat.st_mode & 07777, ==, masked[i]);
          assert_releases (lock);
        }
      remove_recursively (fixture->path);
    }
}

/* Created directories have the usual permissions. */
static void
test_parents_mode (Fixture       *fixture,
                   gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *parent = g_build_filename (fixture->directory, "a", NULL);
  g_autofree char *path = g_build_filename (parent, "b.lock", NULL);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  struct stat parent_stat;
  mode_t mask = umask (022);

  lf_lock_file_set_create_parents (lock, TRUE);
  assert_acquires (lock);
  g_assert_no_errno (stat (parent, &parent_stat));
  g_assert_cmphex (parent_stat.st_mode & 07777, ==, 0755);
  umask (mask);
  assert_releases (lock);
  remove_recursively (parent);
}

/* A file in place of a directory. */
static void
test_parent_is_file (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *file = g_build_filename (fixture->directory, "file", NULL);
  g_autofree char *path = g_build_filename (file, "c.lock", NULL);
  g_autofree char *deep_path = g_build_filename (file, "b", "c.lock", NULL);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockFile) deep_lock = lock_new (backend, deep_path);

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  assert_refused (deep_lock, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  lf_lock_file_set_create_parents (deep_lock, TRUE);
  assert_refused (deep_lock, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  g_assert_no_errno (g_unlink (file));
}

typedef struct
{
  Fixture *fixture;
  const TestBackend *backend;
} Child;

static void
child_without_permission (gpointer data)
{
  Child *child = data;
  const char *names[] = { "closed", "readable" };
  const int modes[] = { 0000, 0555 };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *directory = g_build_filename (child->fixture->directory, names[i], NULL);
      g_autofree char *path = g_build_filename (directory, "test.lock", NULL);
      g_autofree char *deep_path = g_build_filename (directory, "a", "test.lock", NULL);
      g_autoptr (LfLockFile) lock = lock_new (child->backend, path);
      g_autoptr (LfLockFile) deep_lock = lock_new (child->backend, deep_path);
      g_autoptr (GError) error = NULL;

      g_assert_no_errno (g_mkdir (directory, modes[i]));
      assert_refused (lock, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
      if (child->backend->has_shared)
        {
          lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
          assert_refused (lock, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
        }
      lf_lock_file_set_create_parents (deep_lock, TRUE);
      assert_refused (deep_lock, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

      /* If the directory can be searched, nothing is there; otherwise nobody knows */
      g_assert_cmpint (lf_lock_file_is_locked (lock, NULL, &error), ==, modes[i] == 0);
      if (modes[i] == 0)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
      else
        g_assert_no_error (error);

      g_assert_no_errno (g_rmdir (directory));
    }
}

/* Each call reports directories that cannot be searched, or not be written to. */
static void
test_permission (Fixture       *fixture,
                 gconstpointer  data)
{
  Child child = { fixture, data };

  run_as_user (child_without_permission, &child);
}

static void
child_with_file (gpointer data)
{
  Child *child = data;
  const char *path = child->fixture->path;
  g_autoptr (LfLockFile) lock = lock_new (child->backend, path);

  g_assert_no_errno (g_chmod (path, 0444));
  /* flock(2) only needs to open the file */
  if (child->backend->backend == LF_BACKEND_FLOCK)
    {
      assert_acquires (lock);
      assert_releases (lock);
    }
  else
    assert_refused (lock, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  assert_not_locked (child->backend, path);
  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  assert_locked (child->backend, path);
  assert_releases (lock);

  g_assert_no_errno (g_chmod (path, 0000));
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

/* A read-only file can be locked shared, but exclusively only with FLOCK. */
static void
test_file_permission (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  Child child = { fixture, backend };

  if (!backend->has_shared)
    return;

  assert_tries (backend, fixture->path);
  if (geteuid () == 0)
    g_assert_no_errno (chown (fixture->path, ORDINARY_USER, ORDINARY_USER));
  run_as_user (child_with_file, &child);
}

static void
child_against_others (gpointer data)
{
  Child *child = data;

  assert_tries_in_vain (child->backend, child->fixture->path);
  assert_locked (child->backend, child->fixture->path);
}

/* Another user's lock, here the superuser's, is respected. */
static void
test_other_user (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  Child child = { fixture, backend };
  mode_t mask = umask (0);
  g_autoptr (Peer) holder = backend_peer_start_holder (backend, fixture->path);

  umask (mask);
  run_as_user (child_against_others, &child);
  peer_send (holder, "release");
  peer_expect (holder, "released");
}

/* Names with any bytes and of maximal length work; one byte more is an error. */
static void
test_names (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  /* The longest name leaves no room to append anything */
  g_autofree char *longest = g_strnfill (255, 'x');
  g_autofree char *too_long = g_strnfill (256, 'x');
  g_autofree char *long_path = g_build_filename (fixture->directory, too_long, NULL);
  const char *names[] = {
    "\xff\xfe\x80.lock", "sp ace\n.lock", "ж漢🔒.lock", "-", ".lock", "%s?a=b#c.lock", "'\".lock",
    longest
  };
  g_autoptr (LfLockFile) lock = lock_new (backend, long_path);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->directory, names[i], NULL);

      assert_path_works (backend, path);
    }

  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG);
}

static void
child_that_moves (gpointer data)
{
  Child *child = data;
  g_autoptr (LfLockFile) lock = NULL;

  g_assert_no_errno (chdir (child->fixture->directory));
  lock = lock_new (child->backend, "test.lock");
  g_assert_cmpstr (lf_lock_file_get_path (lock), ==, child->fixture->path);

  g_assert_no_errno (chdir ("/"));
  assert_acquires (lock);
  assert_tries_in_vain (child->backend, child->fixture->path);
  g_assert_no_errno (chdir ("/proc"));
  assert_releases (lock);
  assert_tries (child->backend, child->fixture->path);
}

/* A relative path refers to the directory in which the object was made. */
static void
test_chdir (Fixture       *fixture,
            gconstpointer  data)
{
  Child child = { fixture, data };

  run_in_child (child_that_moves, &child);
}

/* A directory with another name: both paths mean the same lock. */
static void
test_linked_directory (Fixture       *fixture,
                       gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *link = g_build_filename (fixture->directory, "link", NULL);
  g_autofree char *path = g_build_filename (link, "test.lock", NULL);
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);

  g_assert_no_errno (symlink (".", link));
  assert_acquires (lock);
  assert_tries_in_vain (backend, path);
  assert_locked (backend, path);
  assert_releases (lock);
  assert_tries (backend, path);
  g_assert_no_errno (g_unlink (link));
}

static void
make_thing (const char *path,
            const char *what,
            const char *target)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd;

  if (g_str_equal (what, "file"))
    g_assert_true (g_file_set_contents (path, "precious", -1, NULL));
  else if (g_str_equal (what, "directory"))
    g_assert_no_errno (g_mkdir (path, 0755));
  else if (g_str_equal (what, "fifo"))
    g_assert_no_errno (mkfifo (path, 0666));
  else if (g_str_equal (what, "symlink"))
    g_assert_no_errno (symlink (target, path));
  else if (g_str_equal (what, "dangling-symlink"))
    g_assert_no_errno (symlink ("missing", path));
  else
    {
      fd = socket (AF_UNIX, SOCK_STREAM, 0);
      g_strlcpy (address.sun_path, path, sizeof address.sun_path);
      g_assert_no_errno (bind (fd, (struct sockaddr *) &address, sizeof address));
      close (fd);
    }
}

static void
assert_not_a_lock (const TestBackend *backend,
                   const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (GError) error = NULL;
  struct stat before, after;

  g_assert_no_errno (lstat (path, &before));
  assert_refused (lock, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  if (backend->has_shared)
    {
      lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
      assert_refused (lock, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
    }
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_clear_error (&error);
  holder = lf_lock_file_query_holder (lock, NULL, &error);
  g_assert_null (holder);
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);

  g_assert_no_errno (lstat (path, &after));
  g_assert_cmpuint (before.st_ino, ==, after.st_ino);
  g_assert_cmphex (before.st_mode, ==, after.st_mode);
  g_assert_cmpint (before.st_size, ==, after.st_size);
  g_assert_cmpint (before.st_mtim.tv_nsec, ==, after.st_mtim.tv_nsec);
}

/* Something that cannot be a lock of this backend is refused, and left alone, as is
 * everything that it points to. */
static void
test_not_a_lock (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  const struct
  {
    const char *what;
    int kind;
  } things[] = {
    { "file", LOCK_IS_FILE },
    { "directory", LOCK_IS_DIRECTORY },
    { "fifo", -1 },
    { "socket", -1 },
    { "symlink", LOCK_IS_SYMLINK },
    { "dangling-symlink", LOCK_IS_SYMLINK },
  };
  g_autofree char *target = g_build_filename (fixture->directory, "target", NULL);
  struct stat before, after;

  g_assert_true (g_file_set_contents (target, "target", -1, NULL));
  g_assert_no_errno (stat (target, &before));

  for (gsize i = 0; i < G_N_ELEMENTS (things); i++)
    {
      if (things[i].kind == (int) backend->kind)
        continue;
      if (backend->locks_directories && things[i].kind == LOCK_IS_DIRECTORY)
        continue;

      g_test_message ("%s", things[i].what);
      make_thing (fixture->path, things[i].what, target);
      assert_not_a_lock (backend, fixture->path);
      remove_recursively (fixture->path);
    }

  g_assert_no_errno (stat (target, &after));
  g_assert_cmpuint (before.st_ino, ==, after.st_ino);
  g_assert_cmpint (before.st_mtim.tv_nsec, ==, after.st_mtim.tv_nsec);
  g_assert_cmpint (before.st_size, ==, after.st_size);
  g_assert_no_errno (g_unlink (target));
}

/* A wait that is cancelled or times out leaves the kernel's queue. */
static void
test_queue_left (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) holder = NULL;

  if (!backend->has_queue)
    return;

  holder = backend_peer_start_holder (backend, fixture->path);
  for (int i = 0; i < 20; i++)
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
      wait_for_waiters (fixture->path, 0);
    }
}

typedef struct
{
  const TestBackend *backend;
  LfLockFile *lock;
  const char *path;
} ForkedChild;

static void
child_releases (gpointer data)
{
  ForkedChild *child = data;

  g_assert_false (lf_lock_file_is_held (child->lock));
  g_assert_cmpint (lf_lock_file_get_fd (child->lock), ==, -1);

  /* Also afterwards, when the child no longer refers to the lock */
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (lf_lock_file_release (child->lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
      g_clear_error (&error);
      g_assert_false (lf_lock_file_verify (child->lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
    }
}

static void
child_disposes (gpointer data)
{
  ForkedChild *child = data;

  g_object_run_dispose (G_OBJECT (child->lock));
  g_object_unref (child->lock);
}

static void
child_exits (gpointer data)
{
}

static void
child_acquires (gpointer data)
{
  ForkedChild *child = data;
  g_autoptr (GError) error = NULL;

  if (child->backend->refuses_children)
    {
      g_assert_false (lf_lock_file_try_acquire (child->lock, &error));
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      assert_locked (child->backend, child->path);
      return;
    }

  assert_tries_in_vain (child->backend, child->path);
  g_assert_false (lf_lock_file_try_acquire (child->lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_acquire_with_timeout (child->lock, 0.01, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
}

/* Nothing that a forked child does with the object releases its parent's lock, or removes
 * its file. */
static void
test_fork (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  const ChildFunc functions[] = { child_releases, child_disposes, child_exits, child_acquires };
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) other_process = backend_peer_start (backend, fixture->path);
  ForkedChild child = { backend, lock, fixture->path };

  for (gsize i = 0; i < 2 * G_N_ELEMENTS (functions); i++)
    {
      lf_lock_file_set_remove_on_release (lock, i % 2 == 1);
      assert_acquires (lock);
      /* A descriptor that the child has too, and that may not be closed at once */
      assert_tries_in_vain (backend, fixture->path);
      run_in_child (functions[i / 2], &child);
      g_assert_true (path_exists (fixture->path));
      assert_tries_in_vain (backend, fixture->path);
      assert_locked (backend, fixture->path);
      peer_send (other_process, "try");
      peer_expect (other_process, "error lf-lock-error-quark 1"); /* ALREADY_LOCKED */
      assert_releases (lock);
      assert_tries (backend, fixture->path);
    }
}

static void
child_locks_itself (gpointer data)
{
  ForkedChild *child = data;

  assert_acquires (child->lock);
  assert_tries_in_vain (child->backend, child->path);
  assert_releases (child->lock);
}

/* A child can use an object that its parent used before the fork. */
static void
test_fork_free (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  ForkedChild child = { backend, lock, fixture->path };

  assert_acquires (lock);
  assert_releases (lock);
  run_in_child (child_locks_itself, &child);
  assert_acquires (lock);
  assert_releases (lock);
}

static void
assert_sleeping_child_keeps_nothing (const TestBackend *backend,
                                     Fixture           *fixture,
                                     gboolean           drops)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  int fds[2], status;
  pid_t pid;
  char byte;

  assert_acquires (lock);
  g_assert_no_errno (pipe (fds));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      close (fds[1]);
      _exit (read (fds[0], &byte, 1) == 0 ? 0 : 1);
    }

  close (fds[0]);
  if (drops)
    g_clear_object (&lock);
  else
    assert_releases (lock);
  assert_not_locked (backend, fixture->path);
  assert_tries (backend, fixture->path);
  close (fds[1]);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

/* A child that has inherited the descriptors prevents neither a release nor the end of a
 * dropped object's lock. */
static void
test_fork_sleeping (Fixture       *fixture,
                    gconstpointer  data)
{
  assert_sleeping_child_keeps_nothing (data, fixture, FALSE);
  assert_sleeping_child_keeps_nothing (data, fixture, TRUE);
}

const BackendCase contract_platform_cases[] = {
  { "release-after-removal", test_release_after_removal },
  { "file-mode", test_file_mode },
  { "paths-apart", test_paths_apart },
  { "paths-parents-mode", test_parents_mode },
  { "paths-parent-is-file", test_parent_is_file },
  { "paths-permission", test_permission },
  { "paths-file-permission", test_file_permission },
  { "paths-other-user", test_other_user },
  { "paths-names", test_names },
  { "paths-chdir", test_chdir },
  { "paths-linked-directory", test_linked_directory },
  { "paths-not-a-lock", test_not_a_lock },
  { "queue-left", test_queue_left },
  { "fork-held", test_fork },
  { "fork-free", test_fork_free },
  { "fork-sleeping", test_fork_sleeping },
  { NULL, NULL },
};

const guint contract_losses = (1u << N_LOSSES) - 1;

const MissingCase contract_missing_cases[] = {
  { NULL, NULL },
};
