/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-kernel-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <gio/gio.h>

#include "lf-descriptor-private.h"
#include "lf-errors.h"
#include "lf-translate-private.h"
#include "lf-unix-file-private.h"

/* How often in a row a granted file may turn out to be replaced. Others who
 * remove the file cause some such rounds; only a file system whose files change
 * their identity at every look causes this many. */
#define MAX_ROUNDS 10000

LfAttempt
lf_kernel_file_attempt (const LfKernelFileOperations  *operations,
                        LfHandle                      *handle,
                        const LfRequest               *request,
                        GError                       **error)
{
  g_autofree char *display_name = NULL;

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      struct stat path_stat;
      LfUnixFileState state;
      int result;

      if (handle->fd < 0 && !lf_descriptor_reuse (handle, request->path) &&
          !lf_unix_file_open (handle, request, error))
        return LF_ATTEMPT_ERROR;

      result = operations->lock (handle, FALSE);
      if (result == EWOULDBLOCK)
        return LF_ATTEMPT_BUSY;
      if (result != 0)
        {
          lf_unix_file_set_lock_error (error, operations->backend, request->path, result);
          return LF_ATTEMPT_ERROR;
        }

      state = lf_unix_file_get_state (handle, request->path, &path_stat);
      if (state == LF_UNIX_FILE_CURRENT)
        {
          lf_unix_file_note_change (handle, &path_stat);
          return LF_ATTEMPT_GRANTED;
        }
      if (state == LF_UNIX_FILE_UNKNOWN)
        {
          lf_unix_file_set_path_error (error, request->path, errno);
          return LF_ATTEMPT_ERROR;
        }

      /* The lock of a file that is not at the path any more excludes nobody */
      lf_handle_close (handle);
    }

  display_name = g_filename_display_name (request->path);
  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("The file system of %s gives a file no lasting identity; "
                 "HARD_LINK works on any"), display_name);
  return LF_ATTEMPT_ERROR;
}

void
lf_kernel_file_drop (const LfKernelFileOperations *operations,
                     LfHandle                     *handle)
{
  if (handle->fd < 0)
    return;

  operations->unlock (handle);
  lf_handle_close (handle);
}

LfRelease
lf_kernel_file_release (const LfKernelFileOperations  *operations,
                        LfHandle                      *handle,
                        const char                    *path,
                        gboolean                       remove,
                        GError                       **error)
{
  struct stat path_stat;
  LfUnixFileState state = LF_UNIX_FILE_CURRENT;
  int result;

  remove = remove && !handle->removed && handle->mode == LF_LOCK_MODE_EXCLUSIVE;
  if (!handle->removed && (remove || !lf_unix_file_is_unchanged (handle)))
    state = lf_unix_file_get_state (handle, path, &path_stat);

  /* Only what is surely our file, and empty as we made it. Somebody else's file
   * in a sticky directory cannot be removed; then it stays. */
  if (remove && state == LF_UNIX_FILE_CURRENT && path_stat.st_size == 0)
    {
      handle->removed = unlink (path) == 0;
      if (!handle->removed)
        g_debug ("Keeping the lock file: %s", g_strerror (errno));
    }

  result = operations->unlock (handle);
  if (result != 0)
    {
      g_autofree char *display_name = g_filename_display_name (path);

      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED,
                   _("Cannot unlock %s: %s"), display_name, g_strerror (result));
      return LF_RELEASE_FAILED;
    }

  lf_handle_close (handle);

  return state == LF_UNIX_FILE_REPLACED ? LF_RELEASE_LOST : LF_RELEASE_DONE;
}

static gboolean
open_to_look (LfHandle   *handle,
              const char *path)
{
  struct stat file_stat;

  if (lf_descriptor_reuse (handle, path))
    return TRUE;

  do
    handle->fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  while (handle->fd < 0 && errno == EINTR);

  if (handle->fd >= 0 && fstat (handle->fd, &file_stat) == 0)
    {
      handle->device = file_stat.st_dev;
      handle->inode = file_stat.st_ino;
    }

  return handle->fd >= 0;
}

/* Asks for the lock itself, which not every kind of lock can do without taking it
 * for a moment; so it is the last resort. */
static gboolean
probe (const LfKernelFileOperations  *operations,
       const char                    *path,
       gboolean                      *locked,
       GError                       **error)
{
  LfHandle handle = { .fd = -1, .mode = LF_LOCK_MODE_SHARED };
  int result;

  *locked = FALSE;

  if (!open_to_look (&handle, path))
    {
      if (errno == ENOENT)
        return TRUE;

      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  result = operations->test (&handle, locked);
  lf_handle_close (&handle);

  if (result != 0)
    {
      lf_unix_file_set_lock_error (error, operations->backend, path, result);
      return FALSE;
    }

  return TRUE;
}

gboolean
lf_kernel_file_look (const LfKernelFileOperations  *operations,
                     const char                    *path,
                     LfLockHolder                 **holder,
                     GError                       **error)
{
  struct stat path_stat;
  LfKernelLocks listed;
  gboolean exists, locked;

  *holder = NULL;

  if (!lf_unix_file_check (path, &path_stat, &exists, error))
    return FALSE;

  if (!exists)
    return TRUE;

  listed = lf_kernel_locks_find (path, &path_stat, operations->kind, holder);
  if (listed == LF_KERNEL_LOCKS_HELD || listed == LF_KERNEL_LOCKS_FREE)
    return TRUE;

  if (!probe (operations, path, &locked, error))
    return FALSE;

  if (locked)
    *holder = lf_kernel_locks_find_held (path, &path_stat, operations->kind);

  return TRUE;
}

gboolean
lf_kernel_file_break_lock (const LfKernelFileOperations  *operations,
                           const char                    *path,
                           GError                       **error)
{
  g_autoptr (LfLockHolder) holder = NULL;

  return lf_kernel_file_look (operations, path, &holder, error) &&
         (holder == NULL || lf_unix_file_put_away (path, error));
}
