/* SPDX-License-Identifier: LGPL-2.1-or-later */

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

/* The files of locks that are there or not, as Windows has them. A file that was
 * deleted keeps its name as long as anybody has it open, and those who look have
 * it open: so it is renamed first. */

/* The byte that a living holder has locked, far behind the record, since a locked
 * byte cannot be read. */
#define LIFE_BYTE ((guint64) 1 << 30)

/* How long who must remove a lock waits for others who do, in milliseconds: they may
 * wait in turn, for programs that have the file open. Only a process that was stopped
 * just there is in the way for longer. */
#define PATIENCE 5000

/* Reads what may be a record: 0 or an errno, EINVAL if it cannot be one, being too long
 * or not text. */
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

  /* Something is there, even if it cannot be read */
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
                   _("%s is not a lock: it holds something else"), display_name);
      return LF_DOTLOCK_ERROR;
    }

  errno = result;
  return LF_DOTLOCK_PRESENT;
}

/* The file is open for being deleted and renamed, too. */
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

/* What making the name gives: it is taken also while it is being deleted. */
static LfDotlockResult
make_result (const LfDotlockBackend  *self,
             const char              *path,
             DWORD                    code,
             GError                 **error)
{
  if (lf_windows_file_is_pending (code) || code == ERROR_ALREADY_EXISTS ||
      code == ERROR_FILE_EXISTS)
    return LF_DOTLOCK_ABSENT;
  /* Somebody who cleaned up took the unique file for a left-over */
  if (code == ERROR_FILE_NOT_FOUND)
    return LF_DOTLOCK_RETRY;

  return lf_dotlock_fail (self, path, lf_windows_error_to_errno (code), error);
}

/* Moves a file, which its holder keeps open and locked. Not with the handle that it
 * was written with: as long as one is open that may delete, most programs, those
 * that do not let others delete what they read, cannot open the file. */
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

  /* Before others see it, so that nobody else can have it locked. Where the file
   * system has no such locks, nobody can lock it later and prove that it is stale:
   * it is held until it is broken */
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

/* Links a file, which is not kept open: as long as it is, its first name stays. */
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

  /* What is renamed is what was read, whatever is at the path by then */
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

/* By the identity of the directory, which may have several names. */
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

/* Directories cannot be locked here: a mutex of that name, which any user may
 * take, stands for the directory. The thread that takes it gives it back. */
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
    case WAIT_ABANDONED: /* who had it has ended, and it is ours */
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

/* Locks the file at the path against the holder, if that lives. Returns a
 * descriptor, or -1 if the holder has it locked. Others who look do the same, and
 * do not take each other for the holder. */
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

  /* Nothing is done with the file; what counts is that it is there */
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
