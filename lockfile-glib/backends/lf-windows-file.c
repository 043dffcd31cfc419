/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-windows-file-private.h"

#include <fcntl.h>
#include <io.h>

#include <gio/gio.h>
#include <winternl.h>

#include "lf-errors.h"
#include "backends/lf-dotlock-guarded-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"
#include "os/lf-windows-error-private.h"

/* Longer paths need a prefix. This is the system's limit for directories. */
#define MAX_ORDINARY_LENGTH 247

/* How long to wait for a name that is being deleted, or for a file that another program
 * does not share, in microseconds, and how often to try. */
#define MAX_PENDING (G_TIME_SPAN_SECOND / 2)
#define PENDING_PAUSE G_TIME_SPAN_MILLISECOND

/* From Windows 10. The headers declare these only for programs that require it. */
#define CLASS_DISPOSITION_EX ((FILE_INFO_BY_HANDLE_CLASS) 21)
#define DISPOSITION_DELETE_POSIX (0x1 | 0x2)
#define LAST_STATUS_DELETE_PENDING ((NTSTATUS) 0xC0000056)

NTSTATUS NTAPI RtlGetLastNtStatus (void);

/* NULL if the path is not UTF-8. */
wchar_t *
lf_windows_path_new (const char *path)
{
  g_autofree wchar_t *wide = (wchar_t *) g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  g_autofree wchar_t *full = NULL;
  gboolean is_share;
  wchar_t *prefixed;
  DWORD length;

  if (wide == NULL)
    {
      SetLastError (ERROR_NO_UNICODE_TRANSLATION);
      return NULL;
    }

  length = GetFullPathNameW (wide, 0, NULL, NULL);
  if (length <= MAX_ORDINARY_LENGTH + 1)
    return g_steal_pointer (&wide);

  full = g_new0 (wchar_t, length);
  GetFullPathNameW (wide, length, full, NULL);
  if (wcsncmp (full, L"\\\\?\\", 4) == 0 || wcsncmp (full, L"\\\\.\\", 4) == 0)
    return g_steal_pointer (&full);

  is_share = wcsncmp (full, L"\\\\", 2) == 0;
  prefixed = g_new0 (wchar_t, length + wcslen (L"\\\\?\\UNC\\"));
  wcscpy (prefixed, is_share ? L"\\\\?\\UNC\\" : L"\\\\?\\");
  wcscat (prefixed, is_share ? full + 2 : full);

  return prefixed;
}

/* Opens the file itself, even if it is a link, and allows others all access. Children do
 * not inherit it. INVALID_HANDLE_VALUE if it fails. */
HANDLE
lf_windows_file_open (const char *path,
                      DWORD       access,
                      DWORD       disposition)
{
  g_autofree wchar_t *wide = lf_windows_path_new (path);

  if (wide == NULL)
    return INVALID_HANDLE_VALUE;

  return CreateFileW (wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                      disposition,
                      FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT |
                      FILE_FLAG_BACKUP_SEMANTICS,
                      NULL);
}

/* The same, but waits for programs that have the file open and do not share it: most
 * programs do not allow others to delete what they read. */
HANDLE
lf_windows_file_open_patiently (const char *path,
                                DWORD       access)
{
  gint64 end = g_get_monotonic_time () + MAX_PENDING;
  HANDLE file = lf_windows_file_open (path, access, OPEN_EXISTING);

  while (file == INVALID_HANDLE_VALUE && GetLastError () == ERROR_SHARING_VIOLATION &&
         g_get_monotonic_time () < end)
    {
      g_usleep (PENDING_PAUSE);
      file = lf_windows_file_open (path, access, OPEN_EXISTING);
    }

  return file;
}

gboolean
lf_windows_file_get_info (HANDLE             file,
                          LfWindowsFileInfo *info)
{
  BY_HANDLE_FILE_INFORMATION system_info;

  *info = (LfWindowsFileInfo) { 0 };
  if (!GetFileInformationByHandle (file, &system_info))
    return FALSE;

  info->device = system_info.dwVolumeSerialNumber;
  info->inode = (guint64) system_info.nFileIndexHigh << 32 | system_info.nFileIndexLow;
  info->size = (guint64) system_info.nFileSizeHigh << 32 | system_info.nFileSizeLow;
  info->attributes = system_info.dwFileAttributes;

  return TRUE;
}

static GFileType
get_kind (HANDLE file,
          DWORD  attributes)
{
  if (GetFileType (file) != FILE_TYPE_DISK)
    return G_FILE_TYPE_SPECIAL;
  if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
    return G_FILE_TYPE_SYMBOLIC_LINK;
  if ((attributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
    return G_FILE_TYPE_DIRECTORY;

  return G_FILE_TYPE_REGULAR;
}

/* A descriptor of the C library; closing it closes the file. On failure the file is closed,
 * and this is -1. */
int
lf_windows_file_to_fd (HANDLE file)
{
  int fd = _open_osfhandle ((intptr_t) file, _O_BINARY | _O_NOINHERIT);

  if (fd < 0)
    {
      CloseHandle (file);
      SetLastError (ERROR_TOO_MANY_OPEN_FILES);
    }

  return fd;
}

HANDLE
lf_windows_file_from_fd (int fd)
{
  return (HANDLE) _get_osfhandle (fd);
}

/* Whether a name could not be used because it is being deleted while another program has
 * the file open. The error alone could also mean missing permission, so call this
 * immediately. */
gboolean
lf_windows_file_is_pending (DWORD code)
{
  return code == ERROR_DELETE_PENDING ||
         (code == ERROR_ACCESS_DENIED && RtlGetLastNtStatus () == LAST_STATUS_DELETE_PENDING);
}

gboolean
lf_windows_file_is_missing (DWORD code)
{
  return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
}

void
lf_windows_file_set_error (GError     **error,
                           const char  *path,
                           DWORD        code)
{
  g_autofree char *display_name = lf_path_get_display_name (path);
  g_autofree char *message = g_win32_error_message ((int) code);

  g_set_error (error, G_IO_ERROR, lf_windows_error_to_io_error (code),
               _("Cannot open lock file %s: %s"), display_name, message);
}

static void
set_not_a_lock_error (GError     **error,
                      const char  *path,
                      GFileType    kind)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
               kind == G_FILE_TYPE_DIRECTORY ? _("%s is not a lock file, but a directory") :
               kind == G_FILE_TYPE_SYMBOLIC_LINK ? _("%s is not a lock file, but a symbolic link") :
               _("%s is not a lock file, but a device"), display_name);
}

/* Opens for writing, and creates the file if it is missing. If it may not be written, opens
 * it as far as a shared lock needs. */
static HANDLE
open_once (const LfRequest *request)
{
  HANDLE file = lf_windows_file_open (request->path, GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS);
  DWORD code = GetLastError ();

  if (file != INVALID_HANDLE_VALUE || request->mode != LF_LOCK_MODE_SHARED ||
      (code != ERROR_ACCESS_DENIED && code != ERROR_WRITE_PROTECT) ||
      lf_windows_file_is_pending (code))
    return file;

  file = lf_windows_file_open (request->path, GENERIC_READ, OPEN_EXISTING);
  if (file == INVALID_HANDLE_VALUE)
    SetLastError (code);

  return file;
}

static HANDLE
open_request_patiently (const LfRequest *request)
{
  gint64 end = g_get_monotonic_time () + MAX_PENDING;
  HANDLE file = open_once (request);

  while (file == INVALID_HANDLE_VALUE && lf_windows_file_is_pending (GetLastError ()) &&
         g_get_monotonic_time () < end)
    {
      g_usleep (PENDING_PAUSE);
      file = open_once (request);
    }

  return file;
}

/* Failures show when the file is opened. */
void
lf_windows_file_make_parents (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree wchar_t *wide = lf_windows_path_new (parent);

  if (wide == NULL || strlen (parent) >= strlen (path))
    return;

  if (!CreateDirectoryW (wide, NULL) && GetLastError () == ERROR_PATH_NOT_FOUND)
    {
      lf_windows_file_make_parents (parent);
      CreateDirectoryW (wide, NULL);
    }
}

/* The file type says more than the error. */
static void
set_open_error (GError     **error,
                const char  *path,
                DWORD        code)
{
  HANDLE file = lf_windows_file_open (path, FILE_READ_ATTRIBUTES, OPEN_EXISTING);
  GFileType kind = G_FILE_TYPE_REGULAR;
  LfWindowsFileInfo info;

  if (file != INVALID_HANDLE_VALUE)
    {
      lf_windows_file_get_info (file, &info);
      kind = get_kind (file, info.attributes);
      CloseHandle (file);
    }

  if (kind != G_FILE_TYPE_REGULAR)
    set_not_a_lock_error (error, path, kind);
  else
    lf_windows_file_set_error (error, path, code);
}

/* Checks that it is a regular file, and closes it otherwise. */
static gboolean
check_kind (HANDLE              file,
            const char         *path,
            LfWindowsFileInfo  *info,
            GError            **error)
{
  gboolean known = lf_windows_file_get_info (file, info);
  DWORD code = GetLastError ();
  GFileType kind = get_kind (file, info->attributes);

  if (kind == G_FILE_TYPE_REGULAR && known)
    return TRUE;

  if (kind != G_FILE_TYPE_REGULAR)
    set_not_a_lock_error (error, path, kind);
  else
    lf_windows_file_set_error (error, path, code);

  return FALSE;
}

gboolean
lf_windows_file_open_handle (LfHandle  *handle,
                             GError   **error)
{
  const LfRequest *request = &handle->request;
  HANDLE file = open_request_patiently (request);
  LfWindowsFileInfo info;

  if (file == INVALID_HANDLE_VALUE && GetLastError () == ERROR_PATH_NOT_FOUND &&
      request->create_parents)
    {
      lf_windows_file_make_parents (request->path);
      file = open_request_patiently (request);
    }

  if (file == INVALID_HANDLE_VALUE)
    {
      set_open_error (error, request->path, GetLastError ());
      return FALSE;
    }

  if (!check_kind (file, request->path, &info, error))
    {
      CloseHandle (file);
      return FALSE;
    }

  handle->device = info.device;
  handle->inode = info.inode;
  handle->fd = lf_windows_file_to_fd (file);
  if (handle->fd < 0)
    lf_windows_file_set_error (error, request->path, GetLastError ());

  return handle->fd >= 0;
}

LfWindowsFileState
lf_windows_file_get_state (const LfHandle    *handle,
                           LfWindowsFileInfo *info)
{
  HANDLE file = lf_windows_file_open (handle->request.path, FILE_READ_ATTRIBUTES, OPEN_EXISTING);
  DWORD code = GetLastError ();
  FILE_STANDARD_INFO standard_info;
  gboolean known;

  if (file == INVALID_HANDLE_VALUE)
    return lf_windows_file_is_missing (code) || lf_windows_file_is_pending (code)
             ? LF_WINDOWS_FILE_REPLACED : LF_WINDOWS_FILE_UNKNOWN;

  known = lf_windows_file_get_info (file, info) &&
          GetFileInformationByHandleEx (file, FileStandardInfo, &standard_info,
                                        sizeof standard_info);
  code = GetLastError ();
  CloseHandle (file);

  if (!known)
    {
      SetLastError (code);
      return LF_WINDOWS_FILE_UNKNOWN;
    }

  /* A file that disappears with its last handle counts as gone */
  if (info->device != handle->device || info->inode != handle->inode ||
      standard_info.DeletePending)
    return LF_WINDOWS_FILE_REPLACED;

  return LF_WINDOWS_FILE_CURRENT;
}

HANDLE
lf_windows_file_open_to_look (const char         *path,
                              DWORD               access,
                              LfWindowsFileInfo  *info,
                              GError            **error)
{
  HANDLE file = lf_windows_file_open (path, access, OPEN_EXISTING);
  DWORD code = GetLastError ();

  if (file == INVALID_HANDLE_VALUE)
    {
      if (!lf_windows_file_is_missing (code) && !lf_windows_file_is_pending (code))
        set_open_error (error, path, code);
      return NULL;
    }

  if (!check_kind (file, path, info, error))
    {
      CloseHandle (file);
      return NULL;
    }

  return file;
}

gboolean
lf_windows_file_lock (HANDLE   file,
                      guint64  offset,
                      gboolean exclusive)
{
  OVERLAPPED range = { .Offset = (DWORD) offset, .OffsetHigh = (DWORD) (offset >> 32) };

  return LockFileEx (file, LOCKFILE_FAIL_IMMEDIATELY | (exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0),
                     0, 1, 0, &range);
}

gboolean
lf_windows_file_unlock (HANDLE  file,
                        guint64 offset)
{
  OVERLAPPED range = { .Offset = (DWORD) offset, .OffsetHigh = (DWORD) (offset >> 32) };

  return UnlockFileEx (file, 0, 1, 0, &range);
}

/* Whether a lock was refused because somebody else has it. */
gboolean
lf_windows_file_is_busy (DWORD code)
{
  return code == ERROR_LOCK_VIOLATION || code == ERROR_IO_PENDING;
}

/* The name disappears when this handle is closed, even if others have the file open. */
static gboolean
delete_at_once (HANDLE file)
{
  ULONG flags = DISPOSITION_DELETE_POSIX;

  return SetFileInformationByHandle (file, CLASS_DISPOSITION_EX, &flags, sizeof flags);
}

/* Deletes a file that was opened for that. If the system can, its name disappears with this
 * handle, otherwise with the last handle of any program. */
gboolean
lf_windows_file_delete (HANDLE file)
{
  FILE_DISPOSITION_INFO disposition = { .DeleteFile = TRUE };

  return delete_at_once (file) ||
         SetFileInformationByHandle (file, FileDispositionInfo, &disposition, sizeof disposition);
}

/* Renames a file that was opened for that. Fails if the new name exists. */
gboolean
lf_windows_file_rename (HANDLE      file,
                        const char *path)
{
  g_autofree wchar_t *wide = lf_windows_path_new (path);
  g_autofree FILE_RENAME_INFO *rename_info = NULL;
  gsize name_size, size;

  if (wide == NULL)
    return FALSE;

  name_size = wcslen (wide) * sizeof (wchar_t);
  size = sizeof (FILE_RENAME_INFO) + name_size;
  rename_info = g_malloc0 (size);
  rename_info->FileNameLength = (DWORD) name_size;
  memcpy (rename_info->FileName, wide, name_size);

  return SetFileInformationByHandle (file, FileRenameInfo, rename_info, (DWORD) size);
}

/* Deletes a file at @path that was opened for that. The path is free when this handle is
 * closed, even if others have the file open. */
gboolean
lf_windows_file_put_away (HANDLE      file,
                          const char *path)
{
  g_autofree char *unique_path = NULL;

  if (delete_at_once (file))
    return TRUE;

  unique_path = lf_dotlock_new_unique_path (path);
  if (!lf_windows_file_rename (file, unique_path))
    return FALSE;

  lf_windows_file_delete (file);

  return TRUE;
}
