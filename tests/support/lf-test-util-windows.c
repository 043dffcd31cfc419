/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-util.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

/* Must come after windows.h */
#include <tlhelp32.h>

/* main() gets its arguments in another encoding. This also makes output lines end as they
 * are written, for readers outside. */
char **
get_arguments (char **argv)
{
  _setmode (_fileno (stdin), _O_BINARY);
  _setmode (_fileno (stdout), _O_BINARY);

  return g_win32_get_command_line ();
}

char *
get_own_application (void)
{
  g_auto (GStrv) arguments = g_win32_get_command_line ();
  char *name = g_path_get_basename (arguments[0]);

  if (g_str_has_suffix (name, ".exe"))
    name[strlen (name) - strlen (".exe")] = '\0';

  return name;
}

/* With the prefix for unlimited length, for which the path must be absolute and have no
 * slashes. */
static wchar_t *
get_wide_path (const char *path)
{
  g_autofree char *prefixed = g_strconcat ("\\\\?\\", path, NULL);
  wchar_t *wide = (wchar_t *) g_utf8_to_utf16 (prefixed, -1, NULL, NULL, NULL);

  g_assert_nonnull (wide);

  return wide;
}

static void
remove_contents (const char *path)
{
  g_autofree char *pattern = g_build_filename (path, "*", NULL);
  g_autofree wchar_t *wide_pattern = get_wide_path (pattern);
  WIN32_FIND_DATAW data;
  HANDLE find = FindFirstFileW (wide_pattern, &data);

  if (find == INVALID_HANDLE_VALUE)
    return;

  do
    {
      g_autofree char *name = g_utf16_to_utf8 ((gunichar2 *) data.cFileName, -1, NULL, NULL, NULL);
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (strcmp (name, ".") != 0 && strcmp (name, "..") != 0)
        remove_recursively (child);
    }
  while (FindNextFileW (find, &data));

  FindClose (find);
}

void
remove_recursively (const char *path)
{
  g_autofree wchar_t *wide = get_wide_path (path);
  DWORD attributes = GetFileAttributesW (wide);

  if (attributes == INVALID_FILE_ATTRIBUTES)
    return;

  SetFileAttributesW (wide, FILE_ATTRIBUTE_NORMAL);
  if ((attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
    {
      DeleteFileW (wide);
      return;
    }

  remove_contents (path);
  RemoveDirectoryW (wide);
}

gboolean
path_exists (const char *path)
{
  g_autofree wchar_t *wide = get_wide_path (path);

  if (GetFileAttributesW (wide) != INVALID_FILE_ATTRIBUTES)
    return TRUE;

  g_assert_true (GetLastError () == ERROR_FILE_NOT_FOUND ||
                 GetLastError () == ERROR_PATH_NOT_FOUND);

  return FALSE;
}

/* Files that are open in the C library, as those of locks are. */
guint
count_descriptors (void)
{
  guint n_descriptors = 0;

  for (int fd = 0; fd < _getmaxstdio (); fd++)
    {
      if (_get_osfhandle (fd) != -1)
        n_descriptors++;
    }

  return n_descriptors;
}

guint
count_open_files (const char *directory)
{
  return 0;
}

/* From Windows 10, but not in the headers. */
typedef HRESULT (WINAPI *GetThreadDescriptionFunc) (HANDLE thread, PWSTR *description);

static GetThreadDescriptionFunc
find_get_thread_description (void)
{
  FARPROC function = GetProcAddress (GetModuleHandleW (L"kernel32.dll"), "GetThreadDescription");

  g_assert_nonnull (function);

  return (GetThreadDescriptionFunc) (void (*) (void)) function;
}

static gboolean
is_lock_thread (DWORD id)
{
  GetThreadDescriptionFunc get_thread_description = find_get_thread_description ();
  HANDLE thread = OpenThread (THREAD_QUERY_LIMITED_INFORMATION, FALSE, id);
  PWSTR name = NULL;
  gboolean result;

  /* It may have just ended */
  if (thread == NULL)
    return FALSE;

  get_thread_description (thread, &name);
  result = name != NULL && wcscmp (name, L"lf-wait") == 0;
  LocalFree (name);
  CloseHandle (thread);

  return result;
}

static guint
count_lock_threads (void)
{
  HANDLE snapshot = CreateToolhelp32Snapshot (TH32CS_SNAPTHREAD, 0);
  THREADENTRY32 entry = { .dwSize = sizeof entry };
  guint n_threads = 0;

  g_assert_true (snapshot != INVALID_HANDLE_VALUE);
  for (gboolean more = Thread32First (snapshot, &entry); more;
       more = Thread32Next (snapshot, &entry))
    {
      if (entry.th32OwnerProcessID == GetCurrentProcessId () && is_lock_thread (entry.th32ThreadID))
        n_threads++;
    }
  CloseHandle (snapshot);

  return n_threads;
}

/* The number alone: Windows does not say whether a thread sleeps. */
void
wait_for_sleeping_lock_threads (guint n_threads)
{
  while (count_lock_threads () != n_threads)
    g_usleep (500);
}

void
wait_for_no_lock_threads (void)
{
  while (count_lock_threads () > 0)
    g_usleep (500);
}

static guint64
get_processor_time (int pid)
{
  HANDLE process = OpenProcess (PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD) pid);
  FILETIME start, end, kernel, user;

  g_assert_nonnull (process);
  g_assert_true (GetProcessTimes (process, &start, &end, &kernel, &user));
  CloseHandle (process);

  return ((guint64) (kernel.dwHighDateTime + user.dwHighDateTime) << 32) +
         kernel.dwLowDateTime + user.dwLowDateTime;
}

/* The system does not say what a thread waits for. A process that has used no processor
 * time in several moments in a row only waits or polls. */
void
wait_until_asleep (int pid)
{
  guint64 last_time = 0;
  guint n_moments = 0;

  while (n_moments < 5)
    {
      guint64 time = get_processor_time (pid);

      n_moments = time == last_time ? n_moments + 1 : 0;
      last_time = time;
      g_usleep (5000);
    }
}

gboolean
has_process_watcher (void)
{
  return TRUE;
}

void
kill_process (int pid)
{
  g_assert_not_reached ();
}

int
wait_for_process (int pid)
{
  g_assert_not_reached ();
}
