/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-guarded-private.h"

#include <errno.h>
#include <string.h>

#include "backends/lf-record-private.h"
#include "backends/lf-windows-file-private.h"
#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"
#include "os/lf-windows-error-private.h"

/* Locks that are files, on Windows. The name of a deleted file stays as long as any program
 * has the file open, as every process that looks at it does. So the file is renamed first. */

/* The byte that a living holder has locked. It is far behind the record, since a locked
 * byte cannot be read. */
#define LIFE_BYTE ((guint64) 1 << 30)

/* How long to wait for other processes that remove the lock, in milliseconds. They may in
 * turn wait for programs that have the file open. Only a process that was stopped at that
 * point takes longer. */
#define PATIENCE 5000

/* Reads a record. Returns 0 or an errno: EINVAL if it is too long or not text. */
static int
read_record (HANDLE   file,
             char   **record)
{
  char buffer[LF_RECORD_MAX_LENGTH + 1];
  DWORD length = 0;

  if (!ReadFile (file, buffer, sizeof buffer, &length, NULL))
    return lf_windows_error_to_errno (GetLastError ());
  if (length > LF_RECORD_MAX_LENGTH || memchr (buffer, '\0', length) != NULL)
    return EINVAL;

  *record = g_strndup (buffer, length);
  return 0;
}

LfDotlockResult
lf_dotlock_read_file (const LfDotlockBackend  *self,
                      const char              *path,
                      char                   **record,
                      GError                 **error)
{
  g_autoptr (GError) local_error = NULL;
  LfWindowsFileInfo info;
  HANDLE file = lf_windows_file_open_to_look (path, FILE_READ_ATTRIBUTES, &info, &local_error);
  DWORD code = GetLastError ();
  int result;

  *record = NULL;
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return LF_DOTLOCK_ERROR;
    }
  if (file == NULL && lf_windows_file_is_missing (code))
    return LF_DOTLOCK_ABSENT;
  if (file != NULL)
    CloseHandle (file);

  file = lf_windows_file_open_patiently (path, GENERIC_READ);
  if (file == INVALID_HANDLE_VALUE && lf_windows_file_is_missing (GetLastError ()))
    return LF_DOTLOCK_ABSENT;

  /* It exists, at least for the moment, even if it may not be read */
  if (file == INVALID_HANDLE_VALUE)
    {
      errno = lf_windows_error_to_errno (GetLastError ());
      return LF_DOTLOCK_PRESENT;
    }

  result = read_record (file, record);
  CloseHandle (file);
  if (result == EINVAL)
    {
      g_autofree char *display_name = lf_path_get_display_name (path);

      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("%s is not a lock: it has other content"), display_name);
      return LF_DOTLOCK_ERROR;
    }

  errno = result;
  return LF_DOTLOCK_PRESENT;
}

/* Opens the file so that it can also be deleted and renamed. */
static HANDLE
write_file (const char *path,
            const char *record)
{
  HANDLE file = lf_windows_file_open (path, GENERIC_READ | GENERIC_WRITE | DELETE, CREATE_NEW);
  DWORD length = (DWORD) strlen (record);
  DWORD n_written, code;

  if (file == INVALID_HANDLE_VALUE)
    return INVALID_HANDLE_VALUE;

  if (WriteFile (file, record, length, &n_written, NULL) && n_written == length)
    return file;

  code = GetLastError ();
  lf_windows_file_delete (file);
  CloseHandle (file);
  SetLastError (code);

  return INVALID_HANDLE_VALUE;
}

/* The result of making the name. A name that is just being deleted is taken too. */
static LfDotlockResult
make_result (const LfDotlockBackend  *self,
             const char              *path,
             DWORD                    code,
             GError                 **error)
{
  if (lf_windows_file_is_pending (code) || code == ERROR_ALREADY_EXISTS ||
      code == ERROR_FILE_EXISTS)
    return LF_DOTLOCK_ABSENT;
  /* Another process mistook the unique file for a leftover and removed it */
  if (code == ERROR_FILE_NOT_FOUND)
    return LF_DOTLOCK_RETRY;

  return lf_dotlock_fail (self, path, lf_windows_error_to_errno (code), error);
}

/* Moves a file that its holder keeps open and locked, but not with the handle that wrote
 * it. While a handle with the right to delete is open, most programs cannot open the file,
 * since they do not allow others to delete what they read. */
static LfDotlockResult
make_locked_file (const LfDotlockBackend  *self,
                  const char              *path,
                  const char              *unique_path,
                  HANDLE                   file,
                  const char              *record,
                  int                     *fd,
                  GError                 **error)
{
  LfDotlockResult result = LF_DOTLOCK_PRESENT;
  HANDLE kept = lf_windows_file_open (unique_path, GENERIC_READ | GENERIC_WRITE, OPEN_EXISTING);

  /* The file is not visible yet, so nobody else can have it locked. If the file system has
   * no such locks, nobody can prove later that the lock is stale, and it is held until it
   * is broken */
  if (kept != INVALID_HANDLE_VALUE)
    lf_windows_file_lock (kept, LIFE_BYTE, TRUE);

  if (kept == INVALID_HANDLE_VALUE || !lf_windows_file_rename (file, path))
    {
      result = make_result (self, path, GetLastError (), error);
      lf_windows_file_delete (file);
    }
  CloseHandle (file);

  if (result != LF_DOTLOCK_PRESENT)
    {
      if (kept != INVALID_HANDLE_VALUE)
        CloseHandle (kept);
      return result;
    }

  *fd = lf_windows_file_to_fd (kept);
  if (*fd >= 0)
    return LF_DOTLOCK_PRESENT;

  lf_dotlock_remove_file (path, record);
  return lf_dotlock_fail (self, path, EMFILE, error);
}

/* Links a file and closes it. While it is open, its first name would stay. */
static LfDotlockResult
make_linked_file (const LfDotlockBackend  *self,
                  const char              *path,
                  const char              *unique_path,
                  HANDLE                   file,
                  GError                 **error)
{
  g_autofree wchar_t *wide = lf_windows_path_new (path);
  g_autofree wchar_t *wide_unique = lf_windows_path_new (unique_path);
  LfDotlockResult result = LF_DOTLOCK_PRESENT;

  CloseHandle (file);
  if (!CreateHardLinkW (wide, wide_unique, NULL))
    result = make_result (self, path, GetLastError (), error);
  DeleteFileW (wide_unique);

  return result;
}

LfDotlockResult
lf_dotlock_make_file (const LfDotlockBackend  *self,
                      LfHandle                *handle,
                      const char              *record,
                      GError                 **error)
{
  const LfRequest *request = &handle->request;
  g_autofree char *unique_path = lf_dotlock_new_unique_path (request->path);
  HANDLE file = write_file (unique_path, record);

  if (file == INVALID_HANDLE_VALUE)
    return lf_dotlock_fail (self, request->path,
                              lf_windows_error_to_errno (GetLastError ()), error);

  if (self->has_flock)
    return make_locked_file (self, request->path, unique_path, file, record, &handle->fd,
                             error);

  return make_linked_file (self, request->path, unique_path, file, error);
}

int
lf_dotlock_remove_file (const char *path,
                        const char *record)
{
  HANDLE file = lf_windows_file_open_patiently (path, GENERIC_READ | DELETE);
  g_autofree char *found = NULL;
  DWORD code = ERROR_SUCCESS;
  int result;

  if (file == INVALID_HANDLE_VALUE)
    {
      code = GetLastError ();
      return lf_windows_file_is_pending (code) ? ENOENT : lf_windows_error_to_errno (code);
    }

  /* The file that is renamed is the one that was read, whatever is at the path by then */
  result = read_record (file, &found);
  if (result == EINVAL || (result == 0 && strcmp (found, record) != 0))
    result = ENOENT;
  else if (result == 0 && !lf_windows_file_put_away (file, path))
    {
      code = GetLastError ();
      result = lf_windows_file_is_pending (code) ? ENOENT : lf_windows_error_to_errno (code);
    }
  CloseHandle (file);

  return result;
}

/* Identifies the directory by its file ID, since it may have several paths. */
static wchar_t *
new_guard_name (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  HANDLE file = lf_windows_file_open (directory, FILE_READ_ATTRIBUTES, OPEN_EXISTING);
  g_autofree char *name = NULL;
  LfWindowsFileInfo info;
  gboolean known;

  if (file == INVALID_HANDLE_VALUE)
    return NULL;

  known = lf_windows_file_get_info (file, &info);
  CloseHandle (file);
  if (!known)
    return NULL;

  name = g_strdup_printf ("Global\\lockfile-glib-%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x",
                          info.device, info.inode);

  return (wchar_t *) g_utf8_to_utf16 (name, -1, NULL, NULL, NULL);
}

/* Windows cannot lock a directory. A mutex of that name stands for it; any user may take
 * the mutex. The thread that takes it must release it. */
LfDotlockGuard
lf_dotlock_lock_directory (const char *path,
                             gboolean    patient)
{
  g_autofree wchar_t *name = new_guard_name (path);
  SECURITY_DESCRIPTOR everybody;
  SECURITY_ATTRIBUTES attributes = { sizeof attributes, &everybody, FALSE };
  HANDLE mutex;

  if (name == NULL)
    return LF_DOTLOCK_NO_GUARD;

  InitializeSecurityDescriptor (&everybody, SECURITY_DESCRIPTOR_REVISION);
  SetSecurityDescriptorDacl (&everybody, TRUE, NULL, FALSE);
  mutex = CreateMutexW (&attributes, FALSE, name);
  if (mutex == NULL)
    return LF_DOTLOCK_NO_GUARD;

  switch (WaitForSingleObject (mutex, patient ? PATIENCE : 0))
    {
    case WAIT_OBJECT_0:
    case WAIT_ABANDONED: /* its owner has ended, and it is ours now */
      return (LfDotlockGuard) mutex;

    default:
      CloseHandle (mutex);
      return LF_DOTLOCK_NO_GUARD;
    }
}

void
lf_dotlock_unlock_directory (LfDotlockGuard guard)
{
  if (guard == LF_DOTLOCK_NO_GUARD)
    return;

  ReleaseMutex ((HANDLE) guard);
  CloseHandle ((HANDLE) guard);
}

/* Locks the file at the path, to exclude a living holder. Returns a descriptor, or -1 if
 * the holder has it locked. Processes that only look share this lock, and do not count as
 * holders. */
int
lf_dotlock_lock_file (const char *path)
{
  LfHandle handle = { .request.path = (char *) path };
  HANDLE file = lf_windows_file_open (path, GENERIC_READ, OPEN_EXISTING);
  LfWindowsFileInfo info, path_info;

  if (file == INVALID_HANDLE_VALUE)
    return -1;

  if (lf_windows_file_lock (file, LIFE_BYTE, FALSE) && lf_windows_file_get_info (file, &info))
    {
      handle.device = info.device;
      handle.inode = info.inode;
      if (lf_windows_file_get_state (&handle, &path_info) == LF_WINDOWS_FILE_CURRENT)
        return lf_windows_file_to_fd (file);
    }

  CloseHandle (file);
  return -1;
}

void
lf_dotlock_make_parents (const char *path)
{
  lf_windows_file_make_parents (path);
}

static LfDotlockResult
make_and_close (const LfDotlockBackend  *self,
                LfHandle                *handle,
                const char              *record,
                GError                 **error)
{
  LfDotlockResult result = lf_dotlock_make_file (self, handle, record, error);

  /* The file is closed again: what counts is that it exists */
  lf_handle_close_fd (handle);

  return result;
}

const LfDotlockBackend lf_backend_hard_link = {
  .vtable = {
    .backend = LF_BACKEND_HARD_LINK,
    LF_DOTLOCK_METHODS,
  },
  .read = lf_dotlock_read_file,
  .make = make_and_close,
  .remove = lf_dotlock_remove_file,
};

const LfDotlockBackend lf_backend_pid_file = {
  .vtable = {
    .backend = LF_BACKEND_PID_FILE,
    LF_DOTLOCK_METHODS,
  },
  .read = lf_dotlock_read_file,
  .make = lf_dotlock_make_file,
  .remove = lf_dotlock_remove_file,
  .has_flock = TRUE,
};
