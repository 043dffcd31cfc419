/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The part of the contract that exists only on Windows: names, and files that other
 * programs have open. */

#include <fcntl.h>
#include <io.h>
#include <string.h>

#include <windows.h>

#include <glib/gstdio.h>

#include "contract.h"

#define N_READERS 5
#define GUARDED_TIME (G_USEC_PER_SEC / 2)
#define LONG_PART 120
#define N_LONG_PARTS 6

static wchar_t *
get_wide_path (const char *path)
{
  g_autofree char *prefixed = g_strconcat ("\\\\?\\", path, NULL);
  wchar_t *wide = (wchar_t *) g_utf8_to_utf16 (prefixed, -1, NULL, NULL, NULL);

  g_assert_nonnull (wide);

  return wide;
}

/* However similar their names are. */
static void
test_paths_apart (Fixture       *fixture,
                  gconstpointer  data)
{
  const char *names[] = { "a", "a.lock", ".a", "a~", "a.tmp", "a-journal", "aa", NULL };

  assert_paths_apart (data, fixture, names);
}

/* Windows does not distinguish a file in place of a directory from a missing directory. */
static void
test_parent_is_file (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *file = g_build_filename (fixture->directory, "file", NULL);
  g_autofree char *path = g_build_filename (file, "b", "c.lock", NULL);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  lf_lock_file_set_create_parents (lock, TRUE);
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_no_errno (g_unlink (file));
}

/* Names with any characters and of maximal length work; one more character is an error. */
static void
test_names (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *longest = g_strnfill (255, 'x');
  const char *names[] = {
    "sp ace and more.lock", "ж漢🔒.lock", "-", ".lock", "%s%n#c'=&;.lock", longest
  };
  const char *invalid_names[] = { "\xff\xfe\x80.lock", "a?b.lock" };
  g_autofree char *slashes = g_strdelimit (g_strdup (fixture->path), "\\", '/');

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->directory, names[i], NULL);

      assert_path_works (backend, path);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (invalid_names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->directory, invalid_names[i], NULL);
      g_autoptr (LfLockFile) lock = lock_new (backend, path);

      assert_refused (lock, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
    }

  /* Two spellings of one path */
  {
    g_autoptr (LfLockFile) lock = lock_new (backend, slashes);

    assert_acquires (lock);
    assert_tries_in_vain (backend, fixture->path);
    assert_releases (lock);
  }
}

/* Other processes can use such names too. */
static void
test_names_of_peers (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *path = g_build_filename (fixture->directory, "ж漢🔒 x.lock", NULL);
  g_autoptr (Peer) peer = backend_peer_start_holder (backend, path);

  g_assert_true (path_exists (path));
  assert_tries_in_vain (backend, path);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  assert_tries (backend, path);
  remove_recursively (path);
}

/* Much longer than the old limit of 260 characters. */
static void
test_long_path (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *part = g_strnfill (LONG_PART, 'x');
  g_autofree char *top = g_build_filename (fixture->directory, part, NULL);
  g_autofree char *directory = g_strdup (fixture->directory);
  g_autofree char *path = NULL;
  g_autoptr (LfLockFile) lock = NULL;

  for (int i = 0; i < N_LONG_PARTS; i++)
    {
      g_autofree char *parent = g_steal_pointer (&directory);
      g_autofree wchar_t *wide = NULL;

      directory = g_build_filename (parent, part, NULL);
      wide = get_wide_path (directory);
      g_assert_true (CreateDirectoryW (wide, NULL));
    }

  path = g_build_filename (directory, "test.lock", NULL);
  g_assert_cmpuint (strlen (path), >, 260 + LONG_PART);
  assert_path_works (backend, path);
  remove_recursively (top);

  lock = lock_new (backend, path);
  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  lf_lock_file_set_create_parents (lock, TRUE);
  assert_acquires (lock);
  assert_tries_in_vain (backend, path);
  assert_releases (lock);
  remove_recursively (top);
}

/* A relative path refers to the current directory at construction. So does a path with only
 * a drive or only directories. wine has these two drives. */
static void
test_chdir (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *on_drive = g_strdup_printf ("%.2stest.lock", fixture->path);
  const char *paths[] = { "test.lock", ".\\test.lock", on_drive, fixture->path + 2 };
  const char *elsewhere = g_ascii_toupper (fixture->path[0]) == 'C' ? "Z:\\" : "C:\\";

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (LfLockFile) lock = NULL;

      g_assert_no_errno (g_chdir (fixture->directory));
      lock = lock_new (backend, paths[i]);
      g_assert_no_errno (g_chdir ("\\"));
      g_assert_no_errno (g_chdir (elsewhere));
      g_assert_cmpstr (lf_lock_file_get_path (lock), ==, fixture->path);
      assert_acquires (lock);
      assert_tries_in_vain (backend, fixture->path);
      assert_releases (lock);
      assert_tries (backend, fixture->path);
    }

  g_assert_no_errno (g_chdir (before));
}

/* For root, wine can open such a file for writing. */
static gboolean
can_be_written (const wchar_t *path)
{
  HANDLE file = CreateFileW (path, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);

  if (file == INVALID_HANDLE_VALUE)
    return FALSE;

  CloseHandle (file);

  return TRUE;
}

static void
test_read_only (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autofree wchar_t *wide = get_wide_path (fixture->path);

  /* The holder of such a lock has made its file */
  if (backend->is_existence)
    return;

  g_assert_true (g_file_set_contents (fixture->path, "", 0, NULL));
  g_assert_true (SetFileAttributesW (wide, FILE_ATTRIBUTE_READONLY));
  if (can_be_written (wide))
    g_test_message ("Only a shared lock is tried: nothing is read-only for root");
  else
    assert_refused (lock, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  assert_locked (backend, fixture->path);
  assert_releases (lock);
}

static void
assert_not_a_lock (const TestBackend *backend,
                   const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;

  assert_refused (lock, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
}

static void
test_not_a_lock (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;

  g_assert_no_errno (g_mkdir (fixture->path, 0777));
  assert_not_a_lock (backend, fixture->path);
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_IS_DIR));
  g_assert_no_errno (g_rmdir (fixture->path));

  assert_not_a_lock (backend, "\\\\.\\NUL");
}

/* Neither a break nor a release may remove data. */
static void
test_data_is_kept (Fixture       *fixture,
                   gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  if (backend->is_existence)
    return;

  g_assert_true (g_file_set_contents (fixture->path, "precious", -1, NULL));
  lf_lock_file_set_remove_on_release (lock, TRUE);
  assert_acquires (lock);
  g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  assert_releases (lock);
  g_assert_true (path_exists (fixture->path));
}

/* Child processes do not inherit the file. */
static void
test_not_inherited (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  DWORD flags = HANDLE_FLAG_INHERIT;

  if (!backend->has_descriptor)
    return;

  assert_acquires (lock);
  g_assert_true (GetHandleInformation ((HANDLE) _get_osfhandle (lf_lock_file_get_fd (lock)),
                                       &flags));
  g_assert_cmphex (flags & HANDLE_FLAG_INHERIT, ==, 0);
  assert_releases (lock);
}

/* Opens the file as most programs do to read it, through the C library: others may then not
 * delete it. */
static int
open_as_reader (const char *path)
{
  return g_open (path, _O_RDONLY | _O_BINARY | _O_NOINHERIT, 0);
}

/* Others can read a held file's content. */
static void
test_readable (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = backend_peer_start_holder (backend, fixture->path);
  g_autofree char *pid = g_strdup_printf ("%d\n", peer_get_pid (peer));
  g_autofree char *start = g_new0 (char, strlen (pid) + 1);
  int fd = open_as_reader (fixture->path);

  g_assert_cmpint (fd, >=, 0);
  if (backend->is_existence)
    {
      g_assert_cmpint (_read (fd, start, (guint) strlen (pid)), ==, (int) strlen (pid));
      g_assert_cmpstr (start, ==, pid);
    }
  g_assert_true (g_close (fd, NULL));
  peer_send (peer, "release");
  peer_expect (peer, "released");
}

static gpointer
try_release_in_thread (gpointer data)
{
  return GINT_TO_POINTER (lf_lock_file_release (data, NULL));
}

/* A release waits for a program that reads the file, or has it exclusively. This must take
 * less than half a second, which slow machines may miss. */
static void
test_release_while_open (Fixture       *fixture,
                         gconstpointer  data)
{
  const TestBackend *backend = data;
  guint n_released = 0;

  for (guint i = 0; i < N_READERS && backend->is_existence; i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autofree wchar_t *wide = get_wide_path (fixture->path);
      GThread *releaser;
      HANDLE file;

      assert_acquires (lock);
      /* Because of PID_FILE's descriptor, no program can open the file exclusively */
      file = CreateFileW (wide, GENERIC_READ,
                          backend->has_descriptor ? FILE_SHARE_READ | FILE_SHARE_WRITE : 0,
                          NULL, OPEN_EXISTING, 0, NULL);
      g_assert_true (file != INVALID_HANDLE_VALUE);
      releaser = g_thread_new ("releaser", try_release_in_thread, lock);
      wait_until_others_sleep ();
      CloseHandle (file);
      if (g_thread_join (releaser) != NULL)
        {
          g_assert_false (path_exists (fixture->path));
          n_released++;
        }
      remove_recursively (fixture->path);
    }

  g_assert_true (n_released > 0 || !backend->is_existence);
}

/* The mutex that ensures that only one process at a time removes locks in a directory. */
static HANDLE
take_guard (const char *directory)
{
  g_autofree wchar_t *wide = get_wide_path (directory);
  g_autofree char *name = NULL;
  g_autofree wchar_t *wide_name = NULL;
  BY_HANDLE_FILE_INFORMATION info;
  HANDLE mutex;
  HANDLE file = CreateFileW (wide, FILE_READ_ATTRIBUTES,
                             FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                             OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);

  g_assert_true (GetFileInformationByHandle (file, &info));
  CloseHandle (file);
  name = g_strdup_printf ("Global\\lockfile-glib-%lx-%" G_GINT64_MODIFIER "x",
                          info.dwVolumeSerialNumber,
                          (guint64) info.nFileIndexHigh << 32 | info.nFileIndexLow);
  wide_name = (wchar_t *) g_utf8_to_utf16 (name, -1, NULL, NULL, NULL);
  mutex = CreateMutexW (NULL, FALSE, wide_name);
  g_assert_nonnull (mutex);
  g_assert_cmpint (WaitForSingleObject (mutex, INFINITE), ==, WAIT_OBJECT_0);

  return mutex;
}

/* A release looks at the lock and removes it under the guard, however long another process
 * has it. Otherwise it could remove a lock that was made in between. */
static void
test_release_in_turn (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  GThread *releaser;
  HANDLE guard;

  if (!backend->is_existence)
    return;

  assert_acquires (lock);
  guard = take_guard (fixture->directory);
  releaser = g_thread_new ("releaser", try_release_in_thread, lock);
  g_usleep (GUARDED_TIME);
  g_assert_true (path_exists (fixture->path));
  ReleaseMutex (guard);
  CloseHandle (guard);
  g_assert_nonnull (g_thread_join (releaser));
  g_assert_false (path_exists (fixture->path));
}

/* A release does not wait forever. If it fails, the lock is still held. */
static void
test_release_in_vain (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  int fd;

  if (!backend->is_existence)
    return;

  assert_acquires (lock);
  fd = open_as_reader (fixture->path);
  g_assert_cmpint (fd, >=, 0);
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_tries_in_vain (backend, fixture->path);
  g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);

  g_assert_true (g_close (fd, NULL));
  assert_releases (lock);
  assert_tries (backend, fixture->path);
}

const BackendCase contract_platform_cases[] = {
  { "paths-apart", test_paths_apart },
  { "paths-parent-is-file", test_parent_is_file },
  { "paths-names", test_names },
  { "paths-names-of-peers", test_names_of_peers },
  { "paths-long", test_long_path },
  { "paths-chdir", test_chdir },
  { "paths-read-only", test_read_only },
  { "paths-not-a-lock", test_not_a_lock },
  { "data-is-kept", test_data_is_kept },
  { "not-inherited", test_not_inherited },
  { "readable", test_readable },
  { "release-while-open", test_release_while_open },
  { "release-in-vain", test_release_in_vain },
  { "release-in-turn", test_release_in_turn },
  { NULL, NULL },
};

/* The other cases of contract-unix.c, with the reasons why they are missing here. */
/* A deleted file keeps its name while it is open, and so does its directory. */
const guint contract_losses = 1u << LOSS_RENAME;

const MissingCase contract_missing_cases[] = {
  { "release-after-removal", "a file that is deleted keeps its name while it is open" },
  { "file-mode", "files have no such permissions" },
  { "paths-parents-mode", "directories have no such permissions" },
  { "paths-file-permission", "files have no such permissions" },
  { "paths-permission", "wine has no ordinary user; paths-read-only is there" },
  { "paths-other-user", "wine has one user" },
  { "paths-linked-directory", "wine makes no links of directories" },
  { "queue-left", "the kernel keeps no queue" },
  { "fork-held", "there is no fork()" },
  { "fork-free", "there is no fork()" },
  { "fork-sleeping", "there is no fork()" },
  { NULL, NULL },
};
