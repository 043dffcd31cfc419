/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-kernel-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <gio/gio.h>

#include "os/lf-descriptor-private.h"
#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"
#include "backends/lf-unix-file-private.h"

/* How often in a row a granted file may turn out to be replaced. Others who
 * remove the file cause some such rounds; only a file system whose files change
 * their identity at every look causes this many. */
#define MAX_ROUNDS 10000

static const LfKernelFileBackend *
cast (const LfBackendVTable *vtable)
{
  return (const LfKernelFileBackend *) vtable;
}

/* What others of this process were about to close, or a new descriptor. */
static gboolean
open_handle (LfHandle  *handle,
             GError   **error)
{
  const LfRequest *request = &handle->request;

  handle->fd = lf_descriptor_reuse (request->path, request->mode == LF_LOCK_MODE_EXCLUSIVE,
                                    &handle->device, &handle->inode);

  return handle->fd >= 0 || lf_unix_file_open (handle, error);
}

LfAttempt
lf_kernel_file_attempt (const LfBackendVTable  *vtable,
                        LfHandle               *handle,
                        GError                **error)
{
  const LfKernelFileBackend *self = cast (vtable);
  const LfRequest *request = &handle->request;
  g_autofree char *display_name = NULL;

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      struct stat path_stat;
      LfUnixFileState state;
      int result;

      if (handle->fd < 0 && !open_handle (handle, error))
        return LF_ATTEMPT_ERROR;

      result = self->lock (handle, FALSE);
      if (result == EWOULDBLOCK)
        return LF_ATTEMPT_BUSY;
      if (result != 0)
        {
          lf_kernel_file_set_block_error (vtable, handle, result, error);
          return LF_ATTEMPT_ERROR;
        }

      state = lf_unix_file_get_state (handle, &path_stat);
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
      vtable->close (vtable, handle);
    }

  display_name = lf_path_get_display_name (request->path);
  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("The file system of %s gives a file no lasting identity; "
                 "HARD_LINK works on any"), display_name);
  return LF_ATTEMPT_ERROR;
}

int
lf_kernel_file_block (const LfBackendVTable *vtable,
                      LfHandle              *handle)
{
  return cast (vtable)->lock (handle, TRUE);
}

void
lf_kernel_file_set_block_error (const LfBackendVTable  *vtable,
                                const LfHandle         *handle,
                                int                     saved_errno,
                                GError                **error)
{
  lf_unix_file_set_lock_error (error, vtable, handle->request.path, saved_errno);
}

void
lf_kernel_file_drop (const LfBackendVTable *vtable,
                     LfHandle              *handle)
{
  if (handle->fd < 0)
    return;

  cast (vtable)->unlock (handle);
  vtable->close (vtable, handle);
}

LfRelease
lf_kernel_file_release (const LfBackendVTable  *vtable,
                        LfHandle               *handle,
                        GError                **error)
{
  const LfRequest *request = &handle->request;
  gboolean remove = request->remove_on_release && !handle->removed &&
                    request->mode == LF_LOCK_MODE_EXCLUSIVE;
  struct stat path_stat;
  LfUnixFileState state = LF_UNIX_FILE_CURRENT;
  int result;

  if (!handle->removed && (remove || !lf_unix_file_is_unchanged (handle)))
    state = lf_unix_file_get_state (handle, &path_stat);

  /* Only what is surely our file, and empty as we made it. Somebody else's file
   * in a sticky directory cannot be removed; then it stays. */
  if (remove && state == LF_UNIX_FILE_CURRENT && path_stat.st_size == 0)
    {
      handle->removed = unlink (request->path) == 0;
      if (!handle->removed)
        g_debug ("Keeping the lock file: %s", g_strerror (errno));
    }

  result = cast (vtable)->unlock (handle);
  if (result != 0)
    {
      g_autofree char *display_name = lf_path_get_display_name (request->path);

      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED,
                   _("Cannot unlock %s: %s"), display_name, g_strerror (result));
      return LF_RELEASE_FAILED;
    }

  vtable->close (vtable, handle);

  return state == LF_UNIX_FILE_REPLACED ? LF_RELEASE_LOST : LF_RELEASE_DONE;
}

static gboolean
open_to_look (LfHandle   *handle,
              const char *path)
{
  struct stat file_stat;

  handle->fd = lf_descriptor_reuse (path, FALSE, &handle->device, &handle->inode);
  if (handle->fd >= 0)
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
probe (const LfKernelFileBackend  *self,
       const char                 *path,
       gboolean                   *locked,
       GError                    **error)
{
  LfHandle handle = { .fd = -1, .request.mode = LF_LOCK_MODE_SHARED };
  int result;

  *locked = FALSE;

  if (!open_to_look (&handle, path))
    {
      if (errno == ENOENT)
        return TRUE;

      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  result = self->test (&handle, locked);
  lf_handle_close_fd (&handle);

  if (result != 0)
    {
      lf_unix_file_set_lock_error (error, &self->vtable, path, result);
      return FALSE;
    }

  return TRUE;
}

gboolean
lf_kernel_file_query_holder (const LfBackendVTable  *vtable,
                             const char             *path,
                             LfLockHolder          **holder,
                             GError                **error)
{
  const LfKernelFileBackend *self = cast (vtable);
  struct stat path_stat;
  LfKernelLocks listed;
  gboolean exists, locked;
  int pid;

  *holder = NULL;

  if (!lf_unix_file_check (path, &path_stat, &exists, error))
    return FALSE;

  if (!exists)
    return TRUE;

  listed = lf_kernel_locks_find (path, &path_stat, self->kind, &pid);
  if (listed == LF_KERNEL_LOCKS_HELD)
    *holder = lf_lock_holder_new_for_process (pid);
  if (listed == LF_KERNEL_LOCKS_HELD || listed == LF_KERNEL_LOCKS_FREE)
    return TRUE;

  if (!probe (self, path, &locked, error))
    return FALSE;

  if (locked)
    *holder = lf_lock_holder_new_for_process (lf_kernel_locks_find_held (path, &path_stat,
                                                                         self->kind));

  return TRUE;
}

gboolean
lf_kernel_file_break_lock (const LfBackendVTable  *vtable,
                           const char             *path,
                           GError                **error)
{
  g_autoptr (LfLockHolder) holder = NULL;

  return lf_kernel_file_query_holder (vtable, path, &holder, error) &&
         (holder == NULL || lf_unix_file_put_away (path, error));
}
