/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Only what can be a lock of ours is removed or followed. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "hostile.h"
#include "lf-test-intercept.h"

#define LARGE 1300000

/* Every use as a lock is refused, and changes nothing. */
static void
assert_left_alone (const TestBackend *backend,
                   const char        *path)
{
  for (int i = 0; i < 5; i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, path);
      g_autoptr (GError) error = NULL;
      struct stat before, after;
      gboolean done = TRUE;

      g_assert_no_errno (lstat (path, &before));
      switch (i)
        {
        case 0:
          done = lf_lock_file_acquire (lock, NULL, &error);
          break;
        case 1:
          done = lf_lock_file_try_acquire (lock, &error);
          break;
        case 2:
          done = lf_lock_file_acquire_with_timeout (lock, 0.01, NULL, &error);
          break;
        case 3:
          done = lf_lock_file_break_lock (lock, NULL, &error);
          break;
        default:
          /* Nobody knows whether it is locked */
          g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
          done = FALSE;
          break;
        }
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
      g_assert_false (done);

      g_assert_no_errno (lstat (path, &after));
      g_assert_cmpuint (before.st_ino, ==, after.st_ino);
      g_assert_cmpint (before.st_size, ==, after.st_size);
    }
}

static void
make_file (const char *directory,
           const char *name,
           const char *text)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
test_not_a_lock (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *large = g_strnfill (LARGE, 'x');
  g_autofree char *text = g_strnfill (3000, '1');
  g_autofree char *child = g_build_filename (fixture->path, "holder", NULL);
  g_autofree char *contents = NULL;
  gsize length;

  switch (backend->kind)
    {
    case LOCK_IS_FILE:
      g_assert_true (g_file_set_contents (fixture->path, large, LARGE, NULL));
      assert_left_alone (backend, fixture->path);
      g_assert_true (g_file_get_contents (fixture->path, &contents, &length, NULL));
      g_assert_cmpmem (contents, length, large, LARGE);
      g_assert_true (g_file_set_contents (fixture->path, text, -1, NULL));
      assert_left_alone (backend, fixture->path);
      g_assert_true (g_file_set_contents (fixture->path, "123\n\0binary", 11, NULL));
      assert_left_alone (backend, fixture->path);
      break;

    case LOCK_IS_DIRECTORY:
      g_assert_no_errno (g_mkdir (fixture->path, 0777));
      make_file (fixture->path, "main.c", "int main;");
      assert_left_alone (backend, fixture->path);
      g_assert_true (is_somewhere (fixture->path, "main.c"));
      make_file (fixture->path, "holder", "of a candle");
      assert_left_alone (backend, fixture->path);
      g_assert_true (is_somewhere (fixture->path, "holder"));
      remove_recursively (fixture->path);

      g_assert_no_errno (g_mkdir (fixture->path, 0777));
      g_assert_no_errno (g_mkdir (child, 0777));
      assert_left_alone (backend, fixture->path);
      remove_recursively (fixture->path);

      g_assert_no_errno (g_mkdir (fixture->path, 0777));
      make_file (fixture->path, "holder", text);
      assert_left_alone (backend, fixture->path);
      g_assert_true (is_somewhere (fixture->path, "holder"));
      break;

    case LOCK_IS_SYMLINK:
    default:
      /* Its target exists, unlike a lock's */
      make_file (fixture->directory, "precious", "precious");
      g_assert_no_errno (symlink ("precious", fixture->path));
      assert_left_alone (backend, fixture->path);
      g_assert_no_errno (unlink (fixture->path));
      g_assert_no_errno (symlink ("..", fixture->path));
      assert_left_alone (backend, fixture->path);
      g_assert_no_errno (unlink (fixture->path));
      g_assert_no_errno (symlink (text, fixture->path));
      assert_left_alone (backend, fixture->path);
      remove_recursively (fixture->directory);
      g_assert_no_errno (g_mkdir (fixture->directory, 0777));
      break;
    }

  remove_recursively (fixture->path);
}

/* Files that others have put into the lock are kept, and do not prevent a release. */
static void
test_held_directory (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;

  if (backend->kind != LOCK_IS_DIRECTORY)
    return;

  for (int i = 0; i < 3; i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autofree char *path = g_build_filename (fixture->path, i == 1 ? "@eaDir" : "precious", NULL);

      assert_acquires (lock);
      if (i == 1)
        g_assert_cmpint (g_mkdir (path, 0777), ==, 0);
      else
        make_file (fixture->path, "precious", "precious");

      if (i == 2)
        g_clear_object (&lock);
      else
        assert_releases (lock);
      g_assert_false (path_exists (fixture->path));
      g_assert_true (is_somewhere (fixture->directory, i == 1 ? "@eaDir" : "precious"));
      peer_gets (backend, fixture->path);
      remove_recursively (fixture->directory);
      g_assert_no_errno (g_mkdir (fixture->directory, 0777));
    }
}

/* A break keeps them too. */
static void
test_break_held_directory (Fixture       *fixture,
                           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  if (backend->kind != LOCK_IS_DIRECTORY)
    return;

  assert_acquires (lock);
  make_file (fixture->path, "precious", "precious");
  g_assert_false (lf_lock_file_break_lock (breaker, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_assert_true (is_somewhere (fixture->path, "precious"));
  assert_releases (lock);
  g_assert_true (is_somewhere (fixture->directory, "precious"));
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

typedef struct
{
  InterceptedCall call;
  guint nth;
  int fault;
  gboolean only_lock; /* if it fails only for the lock's own name */
} LookFault;

typedef struct
{
  InterceptedCall call;
  int fault;
} Fault;

static void
make_precious (const TestBackend *backend,
               Fixture           *fixture)
{
  g_autofree char *large = g_strnfill (LARGE, 'x');

  switch (backend->kind)
    {
    case LOCK_IS_FILE:
      g_assert_true (g_file_set_contents (fixture->path, large, LARGE, NULL));
      break;

    case LOCK_IS_DIRECTORY:
      g_assert_no_errno (g_mkdir (fixture->path, 0777));
      make_file (fixture->path, "precious", "precious");
      break;

    case LOCK_IS_SYMLINK:
    default:
      make_file (fixture->directory, "precious", "precious");
      g_assert_no_errno (symlink ("precious", fixture->path));
      break;
    }
}

/* A lock that could not be looked into may be anything: it counts as held, and cannot be
 * broken. */
static void
test_look_fails (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *base_name = g_path_get_basename (fixture->path);
  const LookFault faults[] = {
    { CALL_OPEN, 1, EMFILE, TRUE },
    { CALL_OPEN, 1, EACCES, TRUE },
    /* The first call is for the directory */
    { CALL_FSTAT, 2, EIO, FALSE },
    { CALL_READ, 1, EIO, FALSE },
    { CALL_OPENDIR, 1, EMFILE, FALSE },
    { CALL_READDIR, 1, EIO, FALSE },
    { CALL_STAT, 1, EIO, TRUE },
    { CALL_STAT, 1, EACCES, TRUE },
    { CALL_STAT, 1, ESTALE, TRUE },
  };

  make_precious (backend, fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autoptr (GError) error = NULL;
      gboolean is_struck;

      /* A link is only read and followed */
      if (backend->kind == LOCK_IS_SYMLINK && faults[i].call != CALL_STAT)
        continue;

      intercept_only (faults[i].only_lock ? base_name : NULL);
      intercept_fault (faults[i].call, faults[i].nth, 1000, faults[i].fault);
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      is_struck = intercept_nothing () > 0;
      if (is_struck)
        g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
      g_clear_error (&error);

      intercept_only (faults[i].only_lock ? base_name : NULL);
      intercept_fault (faults[i].call, faults[i].nth, 1000, faults[i].fault);
      g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
      is_struck = intercept_nothing () > 0;
      g_test_message ("%s %u: %s", intercepted_names[faults[i].call], faults[i].nth,
                      error->message);
      if (is_struck)
        g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (faults[i].fault));
      g_assert_true (path_exists (fixture->path));
      g_assert_true (backend->kind == LOCK_IS_FILE || is_somewhere (fixture->directory, "precious"));
    }
  assert_left_alone (backend, fixture->path);

  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

static void
child_that_may_not_follow (gpointer data)
{
  Child *child = data;
  g_autoptr (LfLockFile) lock = lock_new (child->backend, child->fixture->path);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

/* A link whose target may not be seen is not a dangling link. */
static void
test_closed_target (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  Child child = { fixture, backend, NULL };
  g_autofree char *closed = g_build_filename (fixture->directory, "closed", NULL);

  if (backend->kind != LOCK_IS_SYMLINK)
    return;
  if (geteuid () != 0)
    {
      g_test_skip ("Only the superuser can become another user");
      return;
    }

  g_assert_no_errno (g_chmod (fixture->directory, 0777));
  g_assert_no_errno (g_mkdir (closed, 0700));
  make_file (closed, "precious", "precious");
  g_assert_no_errno (symlink ("closed/precious", fixture->path));
  run_as_user (child_that_may_not_follow, &child);
  g_assert_true (path_exists (fixture->path));
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

/* A lock whose record could not be read is not broken either; another attempt breaks it. */
static void
test_break_unread (Fixture       *fixture,
                   gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *record_path = get_record_path (backend, fixture->path);
  g_autofree char *record_name = g_path_get_basename (record_path);
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);
  const Fault faults[] = { { CALL_OPEN, EMFILE }, { CALL_READ, EIO } };

  if (backend->kind == LOCK_IS_SYMLINK)
    return;

  assert_acquires (lock);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (GError) error = NULL;

      intercept_only (faults[i].call == CALL_OPEN ? record_name : NULL);
      intercept_fault (faults[i].call, 1, 1, faults[i].fault);
      g_assert_false (lf_lock_file_break_lock (breaker, NULL, &error));
      g_assert_cmpuint (intercept_nothing (), ==, 1);
      g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (faults[i].fault));
      assert_locked (backend, fixture->path);
    }
  g_assert_true (lf_lock_file_break_lock (breaker, NULL, NULL));
  g_assert_false (path_exists (fixture->path));
}

/* Links under the names of a crash's leftovers. */
static void
test_linked_litter (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *victim = g_build_filename (fixture->directory, "victim", NULL);
  g_autofree char *base_name = g_path_get_basename (fixture->path);
  const char *ends[] = { "x", "0", "1", "2", "3", "7", "guard" };

  g_assert_no_errno (g_mkdir (victim, 0777));
  make_file (victim, "holder", "");
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *link = g_strdup_printf ("%s/.lf-%08x-%s", fixture->directory,
                                               g_str_hash (base_name), ends[i]);

      g_assert_cmpint (symlink (i % 2 == 0 ? "victim" : "victim/holder", link), ==, 0);
    }

  peer_gets (backend, fixture->path);
  g_assert_true (is_somewhere (victim, "holder"));
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

/* A directory that another process may just be making is not emptied: it would become a
 * lock without a record. */
static void
test_slot_of_living (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *base_name = g_path_get_basename (fixture->path);
  g_autofree char *slot = g_strdup_printf ("%s/.lf-%08x-0", fixture->directory,
                                           g_str_hash (base_name));
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) lines = get_lines (backend, fixture->path, peer);
  g_autofree char *text = g_strjoinv ("\n", lines);
  g_autoptr (LfLockFile) last = lock_new (backend, fixture->path);
  const int faults[] = { ENOLCK, EIO };

  if (backend->kind != LOCK_IS_DIRECTORY)
    return;

  /* A process cleans up only once */
  assert_acquires (last);
  assert_releases (last);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);

      write_record (backend, slot, text, strlen (text));
      intercept_fault (CALL_FLOCK, 1, 1, faults[i]);
      assert_acquires (lock);
      g_assert_cmpuint (intercept_nothing (), ==, 1);
      g_assert_true (is_somewhere (slot, "holder"));
      /* It wants the same name, and sees that nobody has that file locked */
      assert_releases (lock);
      g_assert_false (path_exists (slot));
    }

  /* After its death, its record proves that it is dead */
  write_record (backend, slot, text, strlen (text));
  peer_kill (peer);
  peer_wait (peer);
  intercept_fault (CALL_FLOCK, 1, 1, ENOLCK);
  assert_acquires (last);
  g_assert_cmpuint (intercept_nothing (), ==, 1);
  assert_releases (last);
  g_assert_false (path_exists (slot));
}

static void
exchange_for_link (const char *path,
                   int         fd,
                   int         flags,
                   gpointer    data)
{
  Child *child = data;
  g_autofree char *aside = g_strconcat (child->fixture->path, ".aside", NULL);

  if (rename (child->fixture->path, aside) == 0)
    g_assert_no_errno (symlink (child->argument, child->fixture->path));
}

/* A link to a directory replaces the lock just before a call that removes it. */
static void
test_exchanged (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *victim = g_build_filename (fixture->directory, "victim", NULL);
  Child child = { fixture, backend, "victim" };

  for (guint i = 0; i < 12; i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);

      g_assert_no_errno (g_mkdir (victim, 0777));
      make_file (victim, "holder", "");
      make_file (victim, "precious", "precious");
      assert_acquires (lock);
      intercept_hook (i % 2 == 0 ? CALL_RENAME : CALL_UNLINK, 1 + i / 4, exchange_for_link, &child);
      if (i / 2 % 2 == 0)
        lf_lock_file_release (lock, NULL);
      else
        lf_lock_file_break_lock (breaker, NULL, NULL);
      intercept_nothing ();
      g_assert_true (is_somewhere (victim, "precious"));
      g_assert_true (is_somewhere (victim, "holder"));
      g_clear_object (&lock);
      g_assert_true (is_somewhere (victim, "precious"));
      g_assert_true (is_somewhere (victim, "holder"));
      remove_recursively (fixture->directory);
      g_assert_no_errno (g_mkdir (fixture->directory, 0777));
    }
}

static void
child_on_fuse (gpointer data)
{
  Child *child = data;
  g_autofree char *source = g_build_filename (child->fixture->directory, "source", NULL);
  g_autofree char *target = g_build_filename (child->fixture->directory, "target", NULL);
  g_autofree char *path = g_build_filename (target, "test.lock", NULL);
  g_autofree char *record_path = get_record_path (child->backend, path);
  const char *mount_argv[] = { "bindfs", "--no-allow-other", source, target, NULL };
  const char *end_argv[] = { "umount", "--lazy", target, NULL };

  enter_namespaces (CLONE_NEWNS);
  g_assert_no_errno (g_mkdir (source, 0777));
  g_assert_no_errno (g_mkdir (target, 0777));
  run_program (mount_argv);

  for (int i = 0; i < 20; i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (child->backend, path);
      int reader = -1;

      assert_acquires (lock);
      /* Another process reads the record while it is removed */
      if (child->backend->kind != LOCK_IS_SYMLINK)
        {
          reader = open (record_path, O_RDONLY | O_CLOEXEC);
          g_assert_cmpint (reader, >=, 0);
        }
      if (i % 2 == 0)
        assert_releases (lock);
      else
        g_clear_object (&lock);
      g_assert_false (path_exists (path));
      if (reader >= 0)
        close (reader);
    }

  run_program (end_argv);
}

static void
test_fuse (Fixture       *fixture,
           gconstpointer  data)
{
  Child child = { fixture, data, NULL };

  if (!can_mount ("bindfs"))
    return;

  run_in_child (child_on_fuse, &child);
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

/* A dead holder's lock is removed, whether or not there is space for a new lock. */
static void
assert_taken_over_on_full_disk (const TestBackend *backend,
                                const char        *directory,
                                const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (Peer) holder = backend_peer_start_holder (backend, path);
  g_autoptr (GError) error = NULL;

  peer_kill (holder);
  peer_wait (holder);
  fill_file_system (directory);
  g_assert_false (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_no_error (error);
  if (lf_lock_file_try_acquire (lock, &error))
    assert_releases (lock);
  else
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);

  /* A symbolic link has no inode to lock, and needs a guard beside it */
  if (backend->backend != LF_BACKEND_SYMLINK)
    g_assert_false (path_exists (path));
}

static void
child_on_full_disk (gpointer data)
{
  Child *child = data;
  g_autofree char *target = NULL;
  g_autofree char *path = NULL;
  const char *end_argv[] = { "umount", NULL, NULL };

  enter_namespaces (CLONE_NEWNS);
  target = mount_image (child->fixture->directory, child->argument,
                        g_str_equal (child->argument, "btrfs") ? "110M" : "2M");
  path = g_build_filename (target, "test.lock", NULL);

  for (int i = 0; i < 2; i++)
    {
      LfLockFile *lock = lock_new (child->backend, path);

      assert_acquires (lock);
      fill_file_system (target);
      if (i == 0)
        assert_releases (lock);
      else
        g_object_unref (lock);
      g_assert_false (path_exists (path));
      remove_recursively (target);
    }

  assert_taken_over_on_full_disk (child->backend, target, path);

  end_argv[1] = target;
  run_program (end_argv);
}

/* A release needs no space. */
static void
test_full_ext4 (Fixture       *fixture,
                gconstpointer  data)
{
  Child child = { fixture, data, "ext4" };

  if (!can_mount ("mkfs.ext4"))
    return;

  run_in_child (child_on_full_disk, &child);
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

static void
test_full_btrfs (Fixture       *fixture,
                 gconstpointer  data)
{
  Child child = { fixture, data, "btrfs" };

  if (!can_mount ("mkfs.btrfs"))
    return;

  run_in_child (child_on_full_disk, &child);
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_hostile_test ("not-a-lock", test_not_a_lock);
  add_hostile_test ("held-directory", test_held_directory);
  add_hostile_test ("break-held-directory", test_break_held_directory);
  add_hostile_test ("look-fails", test_look_fails);
  add_hostile_test ("closed-target", test_closed_target);
  add_hostile_test ("break-unread", test_break_unread);
  add_hostile_test ("linked-litter", test_linked_litter);
  add_hostile_test ("slot-of-living", test_slot_of_living);
  add_hostile_test ("exchanged", test_exchanged);
  add_hostile_test ("fuse", test_fuse);
  add_hostile_test ("full-ext4", test_full_ext4);
  add_hostile_test ("full-btrfs", test_full_btrfs);

  return g_test_run ();
}
