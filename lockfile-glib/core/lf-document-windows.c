/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-document-private.h"

#include <errno.h>
#include <string.h>
#include <windows.h>

#include "os/lf-windows-error-private.h"

/* The longest name on any file system, in characters. It is compared with the number of
 * bytes, which is never smaller. */
#define MAX_NAME 255

#define PREFIX L"\\\\?\\"
#define SERVER_PREFIX PREFIX L"UNC\\"

/* Opens a file or a directory, in whatever way other programs have it open. */
static HANDLE
open_any (const char *path,
          DWORD       access)
{
  g_autofree wchar_t *wide = (wchar_t *) g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);

  if (wide == NULL)
    {
      SetLastError (ERROR_INVALID_NAME);
      return INVALID_HANDLE_VALUE;
    }

  return CreateFileW (wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                      OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

static char *
without_prefix (const wchar_t *path)
{
  g_autofree char *utf8 = NULL;
  gboolean on_server = wcsncmp (path, SERVER_PREFIX, wcslen (SERVER_PREFIX)) == 0;

  if (on_server)
    path += wcslen (SERVER_PREFIX);
  else if (wcsncmp (path, PREFIX, wcslen (PREFIX)) == 0)
    path += wcslen (PREFIX);

  utf8 = g_utf16_to_utf8 ((const gunichar2 *) path, -1, NULL, NULL, NULL);
  return on_server && utf8 != NULL ? g_strconcat ("\\\\", utf8, NULL) : g_steal_pointer (&utf8);
}

/* NULL with GetLastError(). */
static char *
get_real_path (const char *path)
{
  g_autofree wchar_t *wide = NULL;
  HANDLE file = open_any (path, 0);
  DWORD length;
  DWORD code;

  if (file == INVALID_HANDLE_VALUE)
    return NULL;

  length = GetFinalPathNameByHandleW (file, NULL, 0, 0);
  wide = g_new0 (wchar_t, length + 1);
  length = GetFinalPathNameByHandleW (file, wide, length + 1, 0);
  code = GetLastError ();
  CloseHandle (file);
  SetLastError (code);

  return length != 0 ? without_prefix (wide) : NULL;
}

/* A dangling link is not followed; it counts as the document itself. */
char *
lf_document_resolve (const char  *path,
                     GError     **error)
{
  g_autofree char *real_path = get_real_path (path);

  if (real_path == NULL && GetLastError () == ERROR_FILE_NOT_FOUND)
    {
      g_autofree char *directory = g_path_get_dirname (path);
      g_autofree char *name = g_path_get_basename (path);
      g_autofree char *real_directory = get_real_path (directory);

      if (real_directory != NULL)
        real_path = g_build_filename (real_directory, name, NULL);
    }

  if (real_path == NULL)
    lf_document_set_resolve_error (error, path, lf_windows_error_to_errno (GetLastError ()));

  return g_steal_pointer (&real_path);
}

gboolean
lf_document_can_make_files (const char *directory)
{
  HANDLE file = open_any (directory, FILE_ADD_FILE);

  if (file != INVALID_HANDLE_VALUE)
    CloseHandle (file);

  return file != INVALID_HANDLE_VALUE ||
         (GetLastError () != ERROR_ACCESS_DENIED && GetLastError () != ERROR_WRITE_PROTECT);
}

gsize
lf_document_get_name_max (const char *directory)
{
  return MAX_NAME;
}

char *
lf_document_get_runtime_directory (void)
{
  return g_strdup (g_get_user_runtime_dir ());
}
