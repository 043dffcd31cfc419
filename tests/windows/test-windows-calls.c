/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* What the library asks of the system. wine's answers do not show it, so functions in front
 * of the system's count calls, and refuse long paths in the ordinary spelling, as Windows
 * does and wine does not. */

#include <string.h>

#include <windows.h>

#include "backends/lf-windows-file-private.h"
#include "lf-test-backend.h"

#define N_PARTS 6
#define PART_LENGTH 60
#define WAIT_SECONDS 2

/* Polls at least every 15 ms are 133 in this time. If each interval were twice as long as
 * the one before, there would be 11, and a wait that does not sleep would poll each
 * millisecond. */
#define MIN_LOOKS 25
#define MAX_LOOKS 400

static int n_opened;      /* atomic: calls for the path below */
static wchar_t *watched_path;
static int n_directories; /* atomic */

static FARPROC
find_function (const char *name)
{
  FARPROC function = GetProcAddress (GetModuleHandleW (L"kernel32.dll"), name);

  g_assert_nonnull (function);

  return function;
}

#define REAL(name) ((__typeof__ (&name)) (void (*) (void)) find_function (#name))

static gboolean
refuses (const wchar_t *path,
         gsize          limit)
{
  if (wcsncmp (path, L"\\\\?\\", 4) == 0 || wcslen (path) < limit)
    return FALSE;

  SetLastError (ERROR_PATH_NOT_FOUND);

  return TRUE;
}

static HANDLE WINAPI
limited_create_file (LPCWSTR               path,
                     DWORD                 access,
                     DWORD                 share_mode,
                     LPSECURITY_ATTRIBUTES security,
                     DWORD                 disposition,
                     DWORD                 flags,
                     HANDLE                template)
{
  if (refuses (path, MAX_PATH))
    return INVALID_HANDLE_VALUE;

  if (watched_path != NULL && wcscmp (path, watched_path) == 0)
    g_atomic_int_inc (&n_opened);

  return REAL (CreateFileW) (path, access, share_mode, security, disposition, flags, template);
}

static BOOL WINAPI
limited_create_directory (LPCWSTR               path,
                          LPSECURITY_ATTRIBUTES security)
{
  gboolean made = !refuses (path, MAX_PATH - 12) && REAL (CreateDirectoryW) (path, security);

  if (made)
    g_atomic_int_inc (&n_directories);

  return made;
}

static BOOL WINAPI
limited_create_hard_link (LPCWSTR               path,
                          LPCWSTR               old_path,
                          LPSECURITY_ATTRIBUTES security)
{
  return !refuses (path, MAX_PATH) && !refuses (old_path, MAX_PATH) &&
         REAL (CreateHardLinkW) (path, old_path, security);
}

static BOOL WINAPI
limited_delete_file (LPCWSTR path)
{
  return !refuses (path, MAX_PATH) && REAL (DeleteFileW) (path);
}

static BOOL WINAPI
limited_set_information (HANDLE                    file,
                         FILE_INFO_BY_HANDLE_CLASS kind,
                         LPVOID                    data,
                         DWORD                     size)
{
  if (kind == FileRenameInfo && refuses (((FILE_RENAME_INFO *) data)->FileName, MAX_PATH))
    return FALSE;

  return REAL (SetFileInformationByHandle) (file, kind, data, size);
}

/* Functions of a DLL are called through such pointers */
#define PUT_IN_FRONT(name, function) \
  extern void *const __imp_##name; \
  void *const __imp_##name = (void *) function;

PUT_IN_FRONT (CreateFileW, limited_create_file)
PUT_IN_FRONT (CreateDirectoryW, limited_create_directory)
PUT_IN_FRONT (CreateHardLinkW, limited_create_hard_link)
PUT_IN_FRONT (DeleteFileW, limited_delete_file)
PUT_IN_FRONT (SetFileInformationByHandle, limited_set_information)

/* Paths have the ordinary spelling as long as they are short enough for it. */
static void
test_spelling (void)
{
  g_autofree char *tail = g_strnfill (300, 'x');
  const struct
  {
    const char *start;
    const char *expected_start;
  } rows[] = {
    { "C:\\a\\", "\\\\?\\C:\\a\\" },
    { "C:/a/", "\\\\?\\C:\\a\\" },
    { "\\\\server\\share\\", "\\\\?\\UNC\\server\\share\\" },
    { "//server/share/", "\\\\?\\UNC\\server\\share\\" },
    { "\\\\?\\C:\\a\\", "\\\\?\\C:\\a\\" },
    { "\\\\?\\UNC\\server\\share\\", "\\\\?\\UNC\\server\\share\\" },
    { "\\\\.\\pipe\\", "\\\\.\\pipe\\" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      for (gsize length = 1; length < 300; length++)
        {
          g_autofree char *path = g_strdup_printf ("%s%.*s", rows[i].start, (int) length, tail);
          g_autofree char *expected = g_strdup_printf ("%s%.*s", rows[i].expected_start,
                                                       (int) length, tail);
          g_autofree wchar_t *wide = lf_windows_path_new (path);
          g_autofree char *spelled = g_utf16_to_utf8 ((gunichar2 *) wide, -1, NULL, NULL, NULL);

          /* The system's limit for directories */
          g_assert_cmpstr (spelled, ==, strlen (path) < MAX_PATH - 12 ? path : expected);
        }
    }

  g_assert_null (lf_windows_path_new ("C:\\\xff\xfe"));
}

static void
test_long_path (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *part = g_strnfill (PART_LENGTH, 'x');
  g_autofree char *top = g_build_filename (fixture->directory, part, NULL);
  g_autofree char *path = g_build_filename (top, part, part, part, part, part, "test.lock", NULL);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, path);

  g_atomic_int_set (&n_directories, 0);
  lf_lock_file_set_create_parents (lock, TRUE);
  lf_lock_file_set_remove_on_release (lock, TRUE);
  for (int i = 0; i < 2; i++)
    {
      assert_acquires (lock);
      assert_tries_in_vain (backend, path);
      assert_locked (backend, path);
      assert_releases (lock);
      g_assert_false (path_exists (path));
    }

  assert_acquires (lock);
  g_assert_true (lf_lock_file_break_lock (breaker, NULL, NULL));
  assert_not_locked (backend, path);
  g_assert_cmpint (g_atomic_int_get (&n_directories), ==, N_PARTS);
  g_clear_object (&lock);
  remove_recursively (top);
}

/* Polls are frequent, whatever the interval, since nothing else reports a release in
 * another process; but they are not permanent. */
static void
test_looks (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  int n_in_try, n_looks;

  lf_lock_file_set_poll_interval (lock, 3600);
  assert_acquires (holder);
  watched_path = (wchar_t *) g_utf8_to_utf16 (fixture->path, -1, NULL, NULL, NULL);
  g_atomic_int_set (&n_opened, 0);
  g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  n_in_try = g_atomic_int_get (&n_opened);
  g_assert_cmpint (n_in_try, >, 0);

  g_atomic_int_set (&n_opened, 0);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, WAIT_SECONDS, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  /* A failing try looks at the lock twice, since its error names the holder */
  n_looks = 2 * g_atomic_int_get (&n_opened) / n_in_try;
  g_clear_pointer (&watched_path, g_free);

  g_test_message ("%d looks in %d s", n_looks, WAIT_SECONDS);
  g_assert_cmpint (n_looks, >=, MIN_LOOKS);
  g_assert_cmpint (n_looks, <=, MAX_LOOKS);
  assert_releases (holder);
}

static const BackendCase cases[] = {
  { "long-path", test_long_path },
  { "looks", test_looks },
  { NULL, NULL },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/windows-calls/spelling", test_spelling);
  for (gsize i = 0; i < n_test_backends; i++)
    add_backend_tests ("windows-calls", &test_backends[i], cases);

  return g_test_run ();
}
