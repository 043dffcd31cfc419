/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-kernel-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <gio/gio.h>

#include "os/lf-descriptor-private.h"
#include "lf-errors.h"
#include "os/lf-file-system-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"
#include "backends/lf-unix-file-private.h"

/* How often in a row a granted file may turn out to be replaced. Others who
 * remove the file cause some such rounds; only a file system whose files change
 * their identity at every look causes this many. */
#define MAX_ROUNDS 10000

/* How soon a file is opened again that has a lease */
static const struct timespec lease_interval = { .tv_nsec = 10 * 1000 * 1000 };

static const LfKernelFileBackend *
cast (const LfBackendVTable *vtable)
{
  return (const LfKernelFileBackend *) vtable;
}

/* What others of this process were about to close, or a new descriptor. */
static LfUnixFileOpen
open_handle (const LfKernelFileBackend  *self,
             LfHandle                   *handle,
             gboolean                    for_writing,
             GError                    **error)
{
  LfUnixFileAccess access = for_writing ? LF_UNIX_FILE_WRITE : self->read_access;

  if (handle->request.adopted != NULL)
    return lf_unix_file_duplicate (handle, error);

  handle->fd = lf_descriptor_reuse (handle->request.path, for_writing,
                                    &handle->device, &handle->inode);

  return handle->fd >= 0 ? LF_UNIX_FILE_OPENED : lf_unix_file_open (handle, access, error);
}

/* What the handle had open was closed by the program, and its lock with it. The number may
 * be somebody else's now. */
static void
forget_descriptor (const LfBackendVTable *vtable,
                   LfHandle              *handle)
{
  handle->fd = -1;
  vtable->close (vtable, handle);
}

/* A network file system may make an exclusive lock one that needs writing. */
static gboolean
wants_writing (const LfHandle *handle,
               int             saved_errno)
{
  return handle->request.mode == LF_LOCK_MODE_EXCLUSIVE &&
         (saved_errno == EBADF || saved_errno == EIO);
}

LfAttempt
lf_kernel_file_attempt (const LfBackendVTable  *vtable,
                        LfHandle               *handle,
                        GError                **error)
{
  const LfKernelFileBackend *self = cast (vtable);
  const LfRequest *request = &handle->request;
  gboolean for_writing = self->writes_to_exclude &&
                         (request->mode == LF_LOCK_MODE_EXCLUSIVE || request->upgradable);
  g_autofree char *display_name = NULL;

  if (handle->fd >= 0 && !lf_unix_file_is_open (handle))
    forget_descriptor (vtable, handle);

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      struct stat path_stat;
      LfUnixFileState state;
      int result;

      if (handle->fd < 0)
        {
          LfUnixFileOpen opened = open_handle (self, handle, for_writing, error);

          if (opened != LF_UNIX_FILE_OPENED)
            return opened == LF_UNIX_FILE_LEASED ? LF_ATTEMPT_BUSY : LF_ATTEMPT_ERROR;
        }

      result = self->lock (handle, FALSE);
      if (result == EWOULDBLOCK)
        return LF_ATTEMPT_BUSY;
      if (!for_writing && request->adopted == NULL && wants_writing (handle, result))
        {
          for_writing = TRUE;
          vtable->close (vtable, handle);
          continue;
        }
      if (result != 0)
        {
          lf_kernel_file_set_block_error (vtable, handle, result, error);
          return LF_ATTEMPT_ERROR;
        }

      handle->may_be_locked = TRUE;
      /* The lock of an adopted descriptor is that of the file that it has open */
      if (request->adopted != NULL)
        return LF_ATTEMPT_GRANTED;

      state = lf_unix_file_get_state (handle, &path_stat);
      if (state == LF_UNIX_FILE_CURRENT)
        return LF_ATTEMPT_GRANTED;
      if (state == LF_UNIX_FILE_UNKNOWN && errno != ESTALE)
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

/* The queue of a file that could not be opened for a lease cannot be entered, and nothing
 * tells of the lease's end. */
int
lf_kernel_file_block (const LfBackendVTable *vtable,
                      LfHandle              *handle)
{
  if (handle->fd < 0)
    {
      nanosleep (&lease_interval, NULL);
      return 0;
    }

  handle->may_be_locked = TRUE;

  return cast (vtable)->lock (handle, TRUE);
}

gboolean
lf_kernel_file_adopt (const LfBackendVTable  *vtable,
                      int                     fd,
                      const char             *path,
                      LfAdopted             **adopted,
                      GError                **error)
{
  struct stat file_stat;

  if (!lf_unix_file_check_fd (fd, path, cast (vtable)->read_access, &file_stat, error))
    return FALSE;

  /* What is executed inherits nothing, as of any lock */
  fcntl (fd, F_SETFD, FD_CLOEXEC);
  *adopted = lf_adopted_new (vtable, fd, file_stat.st_dev, file_stat.st_ino);

  return TRUE;
}

gboolean
lf_kernel_file_has_queue (const LfBackendVTable *vtable,
                          const LfHandle        *handle)
{
  return handle->fd < 0 || lf_file_system_has_queue (handle->fd);
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

  /* A try that just failed has nothing to unlock */
  if (handle->may_be_locked)
    {
      if (!lf_unix_file_is_open (handle))
        {
          forget_descriptor (vtable, handle);
          return;
        }

      cast (vtable)->unlock (handle);
    }

  vtable->close (vtable, handle);
}

gboolean
lf_kernel_file_is_intact (const LfBackendVTable *vtable,
                          LfHandle              *handle,
                          gboolean               may_wait)
{
  return lf_unix_file_is_open (handle);
}

/* Only what is surely our file, and empty as we made it. Somebody else's file in a sticky
 * directory cannot be removed; then it stays. */
static void
remove_file (LfHandle          *handle,
             const struct stat *path_stat)
{
  if (!S_ISREG (path_stat->st_mode) || path_stat->st_size != 0)
    return;

  handle->removed = unlink (handle->request.path) == 0;
  if (!handle->removed)
    g_debug ("Keeping the lock file: %s", g_strerror (errno));
}

LfRelease
lf_kernel_file_release (const LfBackendVTable  *vtable,
                        LfHandle               *handle,
                        GError                **error)
{
  const LfRequest *request = &handle->request;
  LfUnixFileState state = LF_UNIX_FILE_CURRENT;
  struct stat path_stat;
  int result;

  if (!lf_unix_file_take (handle))
    {
      forget_descriptor (vtable, handle);
      return LF_RELEASE_LOST;
    }

  /* What a release that failed has removed is not at the path any more */
  if (!handle->removed && request->adopted == NULL)
    state = lf_unix_file_get_state (handle, &path_stat);
  if (request->remove_on_release && request->adopted == NULL && !handle->removed && state == LF_UNIX_FILE_CURRENT &&
      request->mode == LF_LOCK_MODE_EXCLUSIVE)
    remove_file (handle, &path_stat);

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

/* Returns FALSE with errno, and @handle may have something open all the same. */
static gboolean
open_to_look (LfHandle *handle)
{
  struct stat file_stat;
  int fd;

  handle->fd = lf_descriptor_reuse (handle->request.path, FALSE,
                                    &handle->device, &handle->inode);
  if (handle->fd >= 0)
    return TRUE;

  fd = lf_unix_file_open_once (&handle->request, O_RDONLY);

  return fd >= 0 && lf_unix_file_set_fd (handle, fd, &file_stat);
}

/* An error of opening, or of asking for the lock. */
static void
set_look_error (GError                **error,
                const LfBackendVTable  *vtable,
                const char             *path,
                int                     saved_errno)
{
  if (saved_errno == EACCES || saved_errno == EPERM || saved_errno == EWOULDBLOCK)
    lf_unix_file_set_path_error (error, path, saved_errno);
  else
    lf_unix_file_set_lock_error (error, vtable, path, saved_errno);
}

typedef enum
{
  LOOK_FREE,
  LOOK_HELD,
  LOOK_UNKNOWN, /* errno says why; a file that is not opened may tell nothing */
} Look;

/* Asks for the lock itself, which not every kind of lock can do without taking it
 * for a moment. */
static Look
probe (const LfKernelFileBackend *self,
       const char                *path,
       int                       *pid)
{
  LfHandle handle = {
    .fd = -1,
    .request = {
      .backend = &self->vtable, .path = (char *) path, .mode = LF_LOCK_MODE_SHARED,
    },
  };
  gboolean locked = FALSE;
  gboolean opened = open_to_look (&handle);
  int result;

  *pid = 0;
  result = opened ? self->test (&handle, &locked, pid) : errno;
  self->vtable.close (&self->vtable, &handle);

  errno = result;
  if (result != 0)
    return result == ENOENT && !opened ? LOOK_FREE : LOOK_UNKNOWN;

  return locked ? LOOK_HELD : LOOK_FREE;
}

/* The kernel's list says who, if it has it. */
static Look
look_at_list (const LfKernelFileBackend *self,
              const char                *path,
              const struct stat         *path_stat,
              int                       *pid)
{
  switch (lf_kernel_locks_find (path, path_stat, self->kind, pid))
    {
    case LF_KERNEL_LOCKS_HELD:
      return LOOK_HELD;

    case LF_KERNEL_LOCKS_FREE:
      return LOOK_FREE;

    case LF_KERNEL_LOCKS_UNKNOWN:
    default:
      return LOOK_UNKNOWN;
    }
}

/* What disturbs nobody comes first. */
static Look
look (const LfKernelFileBackend *self,
      const char                *path,
      const struct stat         *path_stat,
      int                       *pid)
{
  Look result = LOOK_UNKNOWN;
  int probe_errno;

  if (self->test_disturbs_nobody)
    {
      result = probe (self, path, pid);
      probe_errno = errno;
      if (result == LOOK_HELD && *pid <= 0)
        *pid = lf_kernel_locks_find_description (path, path_stat, self->kind);
      if (result == LOOK_UNKNOWN)
        result = look_at_list (self, path, path_stat, pid);
      errno = probe_errno;
      return result;
    }

  result = look_at_list (self, path, path_stat, pid);
  if (result != LOOK_UNKNOWN)
    return result;

  result = probe (self, path, pid);
  if (result == LOOK_HELD && *pid <= 0)
    *pid = lf_kernel_locks_find_held (path, path_stat, self->kind);

  return result;
}

/* @path_stat is of the file that was looked at, if there is a holder. */
static gboolean
query_holder (const LfKernelFileBackend  *self,
              const char                 *path,
              struct stat                *path_stat,
              LfLockHolder              **holder,
              GError                    **error)
{
  gboolean exists;
  int pid;

  *holder = NULL;

  if (!lf_unix_file_look (path, self->read_access, path_stat, &exists, error))
    return FALSE;

  if (!exists)
    return TRUE;

  switch (look (self, path, path_stat, &pid))
    {
    case LOOK_HELD:
      *holder = lf_lock_holder_new_for_process (pid);
      return TRUE;

    case LOOK_FREE:
      return TRUE;

    case LOOK_UNKNOWN:
    default:
      set_look_error (error, &self->vtable, path, errno);
      return FALSE;
    }
}

gboolean
lf_kernel_file_query_holder (const LfBackendVTable  *vtable,
                             const char             *path,
                             LfLockHolder          **holder,
                             GError                **error)
{
  struct stat path_stat;

  return query_holder (cast (vtable), path, &path_stat, holder, error);
}

gboolean
lf_kernel_file_break_lock (const LfBackendVTable  *vtable,
                           const char             *path,
                           GError                **error)
{
  g_autoptr (LfLockHolder) holder = NULL;
  struct stat path_stat;

  return query_holder (cast (vtable), path, &path_stat, &holder, error) &&
         (holder == NULL || lf_unix_file_put_away (path, &path_stat, error));
}
