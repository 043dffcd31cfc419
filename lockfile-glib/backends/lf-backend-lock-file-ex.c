/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include <gio/gio.h>

#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-process-private.h"
#include "os/lf-translate-private.h"
#include "os/lf-windows-error-private.h"
#include "backends/lf-windows-file-private.h"

/* LockFileEx() on the first byte of the file: the lock belongs to the open file, so two
 * objects of one process exclude each other as two processes do. Attempts never wait in the
 * system, but fail at once if somebody else has the lock.
 *
 * Between two attempts the file is closed, since the name of a deleted file stays as long
 * as any program has the file open. */

#define LOCKED_BYTE 0

/* Only a file system whose files change their identity at every look causes this many
 * rounds. */
#define MAX_ROUNDS 10000

/* A query has the lock for some microseconds, so a busy attempt is repeated this many
 * times. */
#define MAX_COLLISIONS 20

static void
close_handle (LfHandle *handle)
{
  lf_handle_close_fd (handle);
  handle->data = NULL;
}

static void
set_lock_error (GError     **error,
                const char  *path,
                DWORD        code)
{
  g_autofree char *display_name = lf_path_get_display_name (path);
  g_autofree char *message = g_win32_error_message ((int) code);
  GIOErrorEnum io_error = lf_windows_error_to_io_error (code);

  if (io_error == G_IO_ERROR_NOT_SUPPORTED)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("The file system of %s does not support %s locks; PID_FILE works on any file "
                   "system"),
                 display_name, lf_backend_get_name (LF_BACKEND_LOCK_FILE_EX));
  else
    g_set_error (error, G_IO_ERROR, (int) io_error, _("Cannot lock %s: %s"), display_name,
                 message);
}

static void
lock_file_ex_drop (const LfBackendVTable *self,
                   LfHandle              *handle)
{
  if (handle->fd < 0)
    return;

  /* After a mere close, the system unlocks only when it finds the time */
  lf_windows_file_unlock (lf_windows_file_from_fd (handle->fd), LOCKED_BYTE);
  close_handle (handle);
}

static gboolean
lock_despite_looks (LfHandle *handle)
{
  HANDLE file = lf_windows_file_from_fd (handle->fd);
  gboolean exclusive = handle->request.mode == LF_LOCK_MODE_EXCLUSIVE;
  gboolean locked = lf_windows_file_lock (file, LOCKED_BYTE, exclusive);

  for (guint n = 0; n < MAX_COLLISIONS && !locked && lf_windows_file_is_busy (GetLastError ()); n++)
    {
      SwitchToThread ();
      locked = lf_windows_file_lock (file, LOCKED_BYTE, exclusive);
    }

  return locked;
}

static LfAttempt
lock_file_ex_attempt (const LfBackendVTable  *self,
                      LfHandle               *handle,
                      GError                **error)
{
  const LfRequest *request = &handle->request;
  g_autofree char *display_name = NULL;

  /* A second lock of the same open file would not be granted */
  if (handle->data != NULL)
    return LF_ATTEMPT_GRANTED;

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      LfWindowsFileInfo info;
      LfWindowsFileState state;
      DWORD code;

      if (!lf_windows_file_open_handle (handle, error))
        return LF_ATTEMPT_ERROR;

      if (!lock_despite_looks (handle))
        {
          code = GetLastError ();
          close_handle (handle);
          if (lf_windows_file_is_busy (code))
            return LF_ATTEMPT_BUSY;

          set_lock_error (error, request->path, code);
          return LF_ATTEMPT_ERROR;
        }

      handle->data = handle;
      state = lf_windows_file_get_state (handle, &info);
      if (state == LF_WINDOWS_FILE_CURRENT)
        return LF_ATTEMPT_GRANTED;

      code = GetLastError ();
      lock_file_ex_drop (self, handle);
      if (state == LF_WINDOWS_FILE_UNKNOWN)
        {
          lf_windows_file_set_error (error, request->path, code);
          return LF_ATTEMPT_ERROR;
        }
    }

  display_name = lf_path_get_display_name (request->path);
  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("Files on the file system of %s have no stable identity; PID_FILE works on any "
                 "file system"), display_name);
  return LF_ATTEMPT_ERROR;
}

/* Removes the file through another handle while it is locked: its name must be gone, or
 * going, before another program can get the lock. The next holder notices that, and makes
 * another file. */
static gboolean
remove_held (LfHandle *handle)
{
  HANDLE file = lf_windows_file_open (handle->request.path, DELETE | FILE_READ_ATTRIBUTES, OPEN_EXISTING);
  LfWindowsFileInfo info;
  gboolean removed;

  if (file == INVALID_HANDLE_VALUE)
    return FALSE;

  removed = lf_windows_file_get_info (file, &info) &&
            info.device == handle->device && info.inode == handle->inode &&
            lf_windows_file_delete (file);
  CloseHandle (file);

  return removed;
}

static LfVerdict
lock_file_ex_verify (const LfBackendVTable  *self,
                     LfHandle               *handle,
                     GError                **error)
{
  LfWindowsFileInfo info;

  switch (lf_windows_file_get_state (handle, &info))
    {
    case LF_WINDOWS_FILE_CURRENT:
      return LF_VERDICT_HELD;

    case LF_WINDOWS_FILE_REPLACED:
      return LF_VERDICT_LOST;

    case LF_WINDOWS_FILE_UNKNOWN:
    default:
      lf_windows_file_set_error (error, handle->request.path, GetLastError ());
      return LF_VERDICT_UNKNOWN;
    }
}

static LfRelease
lock_file_ex_release (const LfBackendVTable  *self,
                      LfHandle               *handle,
                      GError                **error)
{
  const LfRequest *request = &handle->request;
  LfWindowsFileState state = LF_WINDOWS_FILE_CURRENT;
  LfWindowsFileInfo info;

  if (!handle->removed)
    state = lf_windows_file_get_state (handle, &info);

  /* Only if the file is certainly ours, and still empty */
  if (request->remove_on_release && !handle->removed && state == LF_WINDOWS_FILE_CURRENT &&
      handle->request.mode == LF_LOCK_MODE_EXCLUSIVE && info.size == 0)
    {
      handle->removed = remove_held (handle);
      if (!handle->removed)
        g_debug ("Keeping the lock file: error %lu", GetLastError ());
    }

  if (!lf_windows_file_unlock (lf_windows_file_from_fd (handle->fd), LOCKED_BYTE))
    {
      g_autofree char *display_name = lf_path_get_display_name (request->path);
      g_autofree char *message = g_win32_error_message ((int) GetLastError ());

      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED, _("Cannot unlock %s: %s"),
                   display_name, message);
      return LF_RELEASE_FAILED;
    }

  close_handle (handle);

  return state == LF_WINDOWS_FILE_REPLACED ? LF_RELEASE_LOST : LF_RELEASE_DONE;
}

/* The system does not say who has a lock. */
static LfLockHolder *
new_holder (const LfWindowsFileInfo *info)
{
  if (!lf_handle_held_by_process (info->device, info->inode))
    return lf_lock_holder_new (0, NULL, NULL);

  return lf_lock_holder_new_for_process (lf_process_get_id ());
}

/* Takes the lock for a moment. If another program tries in that moment, and only once, it
 * fails although nobody uses the file. If there is a holder, @info describes the file. */
static gboolean
query_holder (const char         *path,
              LfWindowsFileInfo  *info,
              LfLockHolder      **holder,
              GError            **error)
{
  g_autoptr (GError) local_error = NULL;
  HANDLE file = lf_windows_file_open_to_look (path, GENERIC_READ, info, &local_error);
  DWORD code = ERROR_SUCCESS;

  *holder = NULL;

  if (file == NULL)
    {
      gboolean missing = local_error == NULL;

      if (!missing)
        g_propagate_error (error, g_steal_pointer (&local_error));
      return missing;
    }

  if (lf_windows_file_lock (file, LOCKED_BYTE, TRUE))
    lf_windows_file_unlock (file, LOCKED_BYTE);
  else
    code = GetLastError ();
  CloseHandle (file);

  if (lf_windows_file_is_busy (code))
    *holder = new_holder (info);
  else if (code != ERROR_SUCCESS)
    set_lock_error (error, path, code);

  return code == ERROR_SUCCESS || *holder != NULL;
}

static gboolean
lock_file_ex_query_holder (const LfBackendVTable  *self,
                           const char             *path,
                           LfLockHolder          **holder,
                           GError                **error)
{
  LfWindowsFileInfo info;

  return query_holder (path, &info, holder, error);
}

/* Removes the file @broken so that the next claim locks a new one. Does nothing if another
 * file is at @path by now, and refuses a file with content. */
static gboolean
put_away (const char               *path,
          const LfWindowsFileInfo  *broken,
          GError                  **error)
{
  g_autoptr (GError) local_error = NULL;
  LfWindowsFileInfo info;
  HANDLE file = lf_windows_file_open_to_look (path, DELETE | FILE_READ_ATTRIBUTES, &info,
                                              &local_error);

  if (file == NULL)
    {
      gboolean missing = local_error == NULL;

      if (!missing)
        g_propagate_error (error, g_steal_pointer (&local_error));
      return missing;
    }

  /* Somebody else has broken the lock. The new file may already be locked */
  if (info.device != broken->device || info.inode != broken->inode)
    {
      CloseHandle (file);
      return TRUE;
    }

  if (info.size != 0)
    {
      g_autofree char *display_name = lf_path_get_display_name (path);

      g_set_error (&local_error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("Breaking the lock of %s would remove the data in it"), display_name);
    }
  else if (!lf_windows_file_put_away (file, path))
    lf_windows_file_set_error (&local_error, path, GetLastError ());
  CloseHandle (file);

  if (local_error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
lock_file_ex_break_lock (const LfBackendVTable  *self,
                         const char             *path,
                         GError                **error)
{
  g_autoptr (LfLockHolder) holder = NULL;
  LfWindowsFileInfo info;

  return query_holder (path, &info, &holder, error) &&
         (holder == NULL || put_away (path, &info, error));
}

const LfBackendVTable lf_backend_lock_file_ex = {
  .backend = LF_BACKEND_LOCK_FILE_EX,
  .has_shared = TRUE,
  .attempt = lock_file_ex_attempt,
  .drop = lock_file_ex_drop,
  .verify = lock_file_ex_verify,
  .release = lock_file_ex_release,
  .close = lf_backend_close_fd,
  .leave = lf_backend_leave_fd,
  .query_holder = lock_file_ex_query_holder,
  .break_lock = lock_file_ex_break_lock,
};
