/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The lock of a document: where it is, and that all names of the document have the same
 * one. */

#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lf-test-util.h"

#define LONGEST_NAME 255

static char *
path_of (Fixture    *fixture,
         const char *name)
{
  return g_build_filename (fixture->directory, name, NULL);
}

static void
make_document (Fixture    *fixture,
               const char *name)
{
  g_autofree char *path = path_of (fixture, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, "Text\n", -1, &error);
  g_assert_no_error (error);
}

static void
make_directory (Fixture    *fixture,
                const char *name,
                mode_t      mode)
{
  g_autofree char *path = path_of (fixture, name);

  g_assert_no_errno (g_mkdir (path, 0777));
  g_assert_no_errno (g_chmod (path, (int) mode));
}

static void
make_link (Fixture    *fixture,
           const char *target,
           const char *name)
{
  g_autofree char *path = path_of (fixture, name);

  g_assert_no_errno (symlink (target, path));
}

static LfLockFile *
lock_of (Fixture    *fixture,
         const char *name)
{
  g_autofree char *path = path_of (fixture, name);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;
  LfLockFile *lock = lf_lock_file_new_for_document (file, &error);

  g_assert_no_error (error);
  g_assert_true (lf_lock_file_get_remove_on_release (lock));

  return lock;
}

static void
assert_fails (Fixture    *fixture,
              const char *name,
              int         code)
{
  g_autofree char *path = path_of (fixture, name);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;

  g_assert_null (lf_lock_file_new_for_document (file, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_nonnull (strstr (error->message, path));
}

static void
assert_document (LfLockFile *lock,
                 Fixture    *fixture,
                 const char *name)
{
  g_autofree char *expected = path_of (fixture, name);
  g_autoptr (GFile) document = lf_lock_file_get_document (lock);
  g_autoptr (GFile) property = NULL;

  g_assert_cmpstr (g_file_peek_path (document), ==, expected);
  g_object_get (lock, "document", &property, NULL);
  g_assert_true (g_file_equal (property, document));
}

static void
assert_path (LfLockFile *lock,
             Fixture    *fixture,
             const char *name)
{
  g_autofree char *expected = path_of (fixture, name);

  g_assert_cmpstr (lf_lock_file_get_path (lock), ==, expected);
}

/* Whatever the names are, only one of them at a time has the lock, and nothing is left. */
static void
assert_one_lock (LfLockFile *one,
                 LfLockFile *other)
{
  g_assert_cmpstr (lf_lock_file_get_path (one), ==, lf_lock_file_get_path (other));
  assert_acquires (one);
  lf_lock_file_set_timeout (other, 0);
  assert_refused (other, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  assert_releases (one);
  assert_acquires (other);
  assert_releases (other);
  g_assert_false (path_exists (lf_lock_file_get_path (one)));
}

/* The lock is beside the document, hidden, and exists only while it is held. Other locks
 * have no document. */
static void
test_beside (Fixture       *fixture,
             gconstpointer  data)
{
  const struct {
    const char *name;
    const char *lock;
  } names[] = {
    { "notes.txt", ".notes.txt.lock" },
    { ".profile", "..profile.lock" },
    { "a b\n.lock", ".a b\n.lock.lock" },
    { "caf\351", ".caf\351.lock" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (LfLockFile) lock = NULL;
      g_autoptr (LfLockFile) other = NULL;

      make_document (fixture, names[i].name);
      lock = lock_of (fixture, names[i].name);
      other = lock_of (fixture, names[i].name);
      assert_path (lock, fixture, names[i].lock);
      assert_document (lock, fixture, names[i].name);
      g_assert_false (lf_lock_file_get_create_parents (lock));
      assert_one_lock (lock, other);
    }

  {
    g_autoptr (LfLockFile) plain = lf_lock_file_new (fixture->path);
    g_autoptr (GFile) property = NULL;

    g_assert_null (lf_lock_file_get_document (plain));
    g_object_get (plain, "document", &property, NULL);
    g_assert_null (property);
  }
}

/* Links to the document, to its directory and to other links are names of the document. */
static void
test_links (Fixture       *fixture,
            gconstpointer  data)
{
  const char *const names[] = {
    "one/absolute", "relative", "chain", "linked/notes.txt", "linked/up", "one/../relative",
  };
  g_autofree char *target = path_of (fixture, "one/notes.txt");
  g_autoptr (LfLockFile) lock = NULL;

  make_directory (fixture, "one", 0777);
  make_document (fixture, "one/notes.txt");
  make_link (fixture, target, "one/absolute");
  make_link (fixture, "one/notes.txt", "relative");
  make_link (fixture, "relative", "chain");
  make_link (fixture, "one", "linked");
  make_link (fixture, "../one/./notes.txt", "one/up");

  lock = lock_of (fixture, "one/notes.txt");
  assert_path (lock, fixture, "one/.notes.txt.lock");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (LfLockFile) other = lock_of (fixture, names[i]);

      assert_document (other, fixture, "one/notes.txt");
      assert_one_lock (lock, other);
    }
}

/* A document that does not exist yet has the same lock as later, even through a dangling
 * link. */
static void
test_not_there (Fixture       *fixture,
                gconstpointer  data)
{
  const char *const names[] = { "one/notes.txt", "dangling", "chain", "linked/notes.txt" };
  LfLockFile *locks[G_N_ELEMENTS (names)];

  make_directory (fixture, "one", 0777);
  make_link (fixture, "one/notes.txt", "dangling");
  make_link (fixture, "dangling", "chain");
  make_link (fixture, "one", "linked");

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      locks[i] = lock_of (fixture, names[i]);
      assert_document (locks[i], fixture, "one/notes.txt");
    }

  make_document (fixture, "one/notes.txt");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (LfLockFile) lock = lock_of (fixture, names[i]);

      assert_one_lock (lock, locks[i]);
      g_clear_object (&locks[i]);
    }
}

/* Paths that cannot be resolved give an error about the path that was given. */
static void
test_errors (Fixture       *fixture,
             gconstpointer  data)
{
  g_autofree char *long_name = g_strnfill (LONGEST_NAME + 1, 'x');
  g_autoptr (GFile) root = g_file_new_for_path ("/");
  g_autoptr (GFile) remote = g_file_new_for_uri ("sftp://example.invalid/notes.txt");
  g_autoptr (GError) error = NULL;

  make_document (fixture, "notes.txt");
  make_link (fixture, "loop", "loop");
  make_link (fixture, "here", "there");
  make_link (fixture, "there", "here");
  make_link (fixture, "missing/notes.txt", "dangling");
  make_link (fixture, "missing/", "directory");

  assert_fails (fixture, "loop", G_IO_ERROR_TOO_MANY_LINKS);
  assert_fails (fixture, "here", G_IO_ERROR_TOO_MANY_LINKS);
  assert_fails (fixture, "loop/notes.txt", G_IO_ERROR_TOO_MANY_LINKS);
  assert_fails (fixture, "dangling", G_IO_ERROR_NOT_FOUND);
  assert_fails (fixture, "directory", G_IO_ERROR_NOT_FOUND);
  assert_fails (fixture, "missing/notes.txt", G_IO_ERROR_NOT_FOUND);
  assert_fails (fixture, "notes.txt/notes.txt", G_IO_ERROR_NOT_DIRECTORY);
  assert_fails (fixture, long_name, G_IO_ERROR_FILENAME_TOO_LONG);

  g_assert_null (lf_lock_file_new_for_document (root, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY);
  g_clear_error (&error);
  g_assert_null (lf_lock_file_new_for_document (remote, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
}

/* If the document's name is too long to append to it, all processes derive the same shorter
 * name. */
static void
test_long_names (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autofree char *fits = g_strnfill (LONGEST_NAME - strlen ("..lock"), 'x');
  g_autofree char *longer = g_strnfill (LONGEST_NAME - strlen ("..lock") + 1, 'x');
  g_autofree char *longest = g_strnfill (LONGEST_NAME, 'x');
  const char *const names[] = { fits, longer, longest };
  g_autofree char *beside = g_strconcat (".", fits, ".lock", NULL);
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (LfLockFile) lock = lock_of (fixture, names[i]);
      g_autoptr (LfLockFile) other = lock_of (fixture, names[i]);
      g_autofree char *directory = g_path_get_dirname (lf_lock_file_get_path (lock));
      g_autofree char *name = g_path_get_basename (lf_lock_file_get_path (lock));

      g_assert_cmpstr (directory, ==, fixture->directory);
      g_assert_true (g_str_has_prefix (name, ".") && g_str_has_suffix (name, ".lock"));
      assert_one_lock (lock, other);
      g_assert_true (g_hash_table_add (paths, g_strdup (lf_lock_file_get_path (lock))));
      if (i == 0)
        assert_path (lock, fixture, beside);
    }
}

/* A hard link is a separate document: no path leads from one to the other. */
static void
test_hard_link (Fixture       *fixture,
                gconstpointer  data)
{
  g_autofree char *one = path_of (fixture, "one");
  g_autofree char *two = path_of (fixture, "two");
  g_autoptr (LfLockFile) first = NULL;
  g_autoptr (LfLockFile) second = NULL;

  make_document (fixture, "one");
  g_assert_no_errno (link (one, two));
  first = lock_of (fixture, "one");
  second = lock_of (fixture, "two");
  assert_path (first, fixture, ".one.lock");
  assert_path (second, fixture, ".two.lock");
}

/* Saving to get_document() keeps the link and the permissions. */
static void
test_save (Fixture       *fixture,
           gconstpointer  data)
{
  g_autofree char *path = path_of (fixture, "notes.txt");
  g_autofree char *linked = path_of (fixture, "link");
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GFile) document = NULL;
  g_autofree char *text = NULL;
  GStatBuf before, after;

  make_document (fixture, "notes.txt");
  g_assert_no_errno (g_chmod (path, 0604));
  g_assert_no_errno (g_stat (path, &before));
  make_link (fixture, "notes.txt", "link");

  lock = lock_of (fixture, "link");
  document = lf_lock_file_get_document (lock);
  g_assert_true (g_file_replace_contents (document, "New\n", 4, NULL, FALSE, G_FILE_CREATE_NONE,
                                          NULL, NULL, NULL));

  g_assert_true (g_file_test (linked, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_get_contents (linked, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "New\n");
  g_assert_no_errno (g_stat (path, &after));
  g_assert_cmpint (after.st_mode, ==, before.st_mode);
  /* A new file replaces it in one step, so the document is always complete */
  g_assert_cmpint (after.st_ino, !=, before.st_ino);
}

/* Checks for locks in a user's own directory: two names have one lock, two documents have
 * two. */
static void
assert_locks_in (Fixture    *fixture,
                 const char *runtime_directory)
{
  g_autofree char *directory = g_build_filename (runtime_directory, "lockfile-glib", NULL);
  g_autoptr (LfLockFile) lock = lock_of (fixture, "closed/notes.txt");
  g_autoptr (LfLockFile) by_link = lock_of (fixture, "link");
  g_autoptr (LfLockFile) second = lock_of (fixture, "closed/second.txt");
  g_autofree char *lock_directory = g_path_get_dirname (lf_lock_file_get_path (lock));

  g_assert_cmpstr (lock_directory, ==, directory);
  assert_document (by_link, fixture, "closed/notes.txt");
  assert_one_lock (lock, by_link);

  assert_acquires (lock);
  assert_acquires (second);
  assert_releases (second);
  assert_releases (lock);
}

static void
child_without_permission (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *runtime_directory = path_of (fixture, "runtime");

  g_setenv ("XDG_RUNTIME_DIR", runtime_directory, TRUE);
  g_assert_no_errno (g_mkdir (runtime_directory, 0700));
  assert_locks_in (fixture, runtime_directory);
}

/* A user who may not create files in the document's directory. A user who may has another
 * lock: this is a limit, which the manual describes. */
static void
test_no_permission (Fixture       *fixture,
                    gconstpointer  data)
{
  make_directory (fixture, "closed", 0777);
  make_document (fixture, "closed/notes.txt");
  make_link (fixture, "closed/notes.txt", "link");
  {
    g_autofree char *closed = path_of (fixture, "closed");

    g_assert_no_errno (g_chmod (closed, 0555));
    run_as_user (child_without_permission, fixture);
    if (geteuid () == 0)
      {
        g_autoptr (LfLockFile) lock = lock_of (fixture, "link");

        assert_path (lock, fixture, "closed/.notes.txt.lock");
      }
    g_assert_no_errno (g_chmod (closed, 0777));
  }
}

/* Mounts an empty file system at an existing directory. */
static void
mount_empty (const char *directory)
{
  g_assert_no_errno (mount ("tmpfs", directory, "tmpfs", 0, NULL));
}

static void
enter_read_only (Fixture *fixture)
{
  g_autofree char *closed = path_of (fixture, "closed");

  enter_namespaces (CLONE_NEWNS);
  mount_empty (closed);
  make_document (fixture, "closed/notes.txt");
  g_assert_no_errno (mount (NULL, closed, NULL, MS_REMOUNT | MS_RDONLY, NULL));
}

static void
child_on_read_only (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *runtime_directory = path_of (fixture, "runtime");

  g_setenv ("XDG_RUNTIME_DIR", runtime_directory, TRUE);
  enter_read_only (fixture);
  assert_locks_in (fixture, runtime_directory);
}

/* A process without the session's environment uses the same lock as processes that have it. */
static void
child_without_environment (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *usual = NULL;

  enter_read_only (fixture);
  mount_empty ("/run");
  g_assert_no_errno (g_mkdir ("/run/user", 0755));
  /* In a user namespace the user may be another one */
  usual = g_strdup_printf ("/run/user/%u", geteuid ());
  g_assert_no_errno (g_mkdir (usual, 0700));

  g_unsetenv ("XDG_RUNTIME_DIR");
  assert_locks_in (fixture, usual);
  /* The directory must be an absolute path */
  g_setenv ("XDG_RUNTIME_DIR", "runtime", TRUE);
  assert_locks_in (fixture, usual);
}

/* The directory does not exist, or belongs to another user. */
static void
child_without_runtime_directory (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *cache = path_of (fixture, "cache");

  enter_read_only (fixture);
  mount_empty ("/run");

  g_unsetenv ("XDG_RUNTIME_DIR");
  g_setenv ("XDG_CACHE_HOME", cache, TRUE);
  assert_locks_in (fixture, cache);
}

/* A read-only file system, on which the superuser cannot create files either. */
static void
test_read_only (Fixture       *fixture,
                gconstpointer  data)
{
  ChildFunc function = (ChildFunc) data;

  make_directory (fixture, "closed", 0777);
  make_link (fixture, "closed/notes.txt", "link");
  run_in_child (function, fixture);
}

static void
child_in_unreadable (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *closed = path_of (fixture, "closed");
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (LfLockFile) other = NULL;

  make_directory (fixture, "closed", 0777);
  make_document (fixture, "closed/notes.txt");

  g_assert_no_errno (g_chmod (closed, 0300));
  lock = lock_of (fixture, "closed/notes.txt");
  other = lock_of (fixture, "closed/notes.txt");
  assert_path (lock, fixture, "closed/.notes.txt.lock");
  assert_one_lock (lock, other);

  g_assert_no_errno (g_chmod (closed, 0600));
  assert_fails (fixture, "closed/notes.txt", G_IO_ERROR_PERMISSION_DENIED);
  g_assert_no_errno (g_chmod (closed, 0777));
}

/* A directory that cannot be listed works; one that cannot be searched is an error. */
static void
test_unreadable (Fixture       *fixture,
                 gconstpointer  data)
{
  run_as_user (child_in_unreadable, fixture);
}

static void
child_in_shared (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (LfLockFile) lock = lock_of (fixture, "shared/notes.txt");

  assert_path (lock, fixture, "shared/.notes.txt.lock");
  lf_lock_file_set_timeout (lock, 0);
  assert_refused (lock, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

static void
child_with_others_file (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (LfLockFile) lock = lock_of (fixture, "shared/notes.txt");

  assert_acquires (lock);
  assert_releases (lock);
}

/* In a directory like /tmp, users exclude each other. A lock file that another user has
 * left there can be locked, but not removed. */
static void
test_sticky (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = NULL;

  make_directory (fixture, "shared", 01777);
  make_document (fixture, "shared/notes.txt");
  lock = lock_of (fixture, "shared/notes.txt");
  assert_acquires (lock);
  run_as_user (child_in_shared, fixture);
  assert_releases (lock);

  lf_lock_file_set_remove_on_release (lock, FALSE);
  assert_acquires (lock);
  assert_releases (lock);
  run_as_user (child_with_others_file, fixture);
  g_assert_true (path_exists (lf_lock_file_get_path (lock)) == (geteuid () == 0));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/document/beside", test_beside);
  add_test ("/document/links", test_links);
  add_test ("/document/not-there", test_not_there);
  add_test ("/document/errors", test_errors);
  add_test ("/document/long-names", test_long_names);
  add_test ("/document/hard-link", test_hard_link);
  add_test ("/document/save", test_save);
  add_test ("/document/no-permission", test_no_permission);
  add_data_test ("/document/read-only", child_on_read_only, test_read_only);
  add_data_test ("/document/no-environment", child_without_environment, test_read_only);
  add_data_test ("/document/no-runtime-directory", child_without_runtime_directory,
                 test_read_only);
  add_test ("/document/unreadable", test_unreadable);
  add_test ("/document/sticky", test_sticky);

  return g_test_run ();
}
