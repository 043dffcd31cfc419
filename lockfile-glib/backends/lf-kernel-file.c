/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

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

/* How often in a row a granted file may turn out to be replaced. Other programs that remove
 * the file cause some such rounds, but only a file system whose files change their identity
 * at every look causes this many. */
#define MAX_ROUNDS 10000

/* How soon to open a file with a lease again */
static const struct timespec lease_interval = { .tv_nsec = 10 * 1000 * 1000 };

static const LfKernelFileBackend *
cast (const LfBackendVTable *vtable)
{
  return (const LfKernelFileBackend *) vtable;
}

/* Reuses a descriptor that this process has not closed yet, or opens a new one. */
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

/* For a descriptor that the program has closed, and so lost its lock. Its number may now
 * belong to another file. */
static void
forget_descriptor (const LfBackendVTable *vtable,
                   LfHandle              *handle)
{
  handle->fd = -1;
  vtable->close (vtable, handle);
}

/* On a network file system, an exclusive lock may need a descriptor for writing. */
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
      /* An adopted descriptor's lock counts even if another file is at the path */
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

      /* A lock on a file that is no longer at the path excludes nobody */
      vtable->close (vtable, handle);
    }

  display_name = lf_path_get_display_name (request->path);
  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("Files on the file system of %s have no stable identity; HARD_LINK works on any "
                 "file system"), display_name);
  return LF_ATTEMPT_ERROR;
}

/* A file that could not be opened because of a lease has no queue to sleep in, and the end
 * of a lease is not reported. */
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

  /* Executed programs inherit no lock */
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

  /* A single failed attempt has nothing to unlock */
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

LfVerdict
lf_kernel_file_verify (const LfBackendVTable  *vtable,
                       LfHandle               *handle,
                       GError                **error)
{
  if (!lf_unix_file_is_open (handle))
    return LF_VERDICT_LOST;

  /* An adopted descriptor's lock counts even if another file is at the path */
  if (handle->request.adopted != NULL)
    return LF_VERDICT_HELD;

  return lf_unix_file_verify (handle, error);
}

/* Only if the file is certainly ours, and still empty. Another user's file in a sticky
 * directory cannot be removed, so it stays. */
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

  /* If an earlier, failed release has removed the file, it is not at the path */
  if (!handle->removed && request->adopted == NULL)
    state = lf_unix_file_get_state (handle, &path_stat);
  if (request->remove_on_release && request->adopted == NULL && !handle->removed &&
      state == LF_UNIX_FILE_CURRENT && request->mode == LF_LOCK_MODE_EXCLUSIVE)
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

/* On failure returns FALSE with errno; @handle may still have something open. */
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

/* The error of opening the file, or of testing the lock. */
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
  LOOK_UNKNOWN, /* errno says why; a file that cannot be opened may have any lock */
} Look;

/* Tests the lock itself, which some kinds of lock allow only by taking it for a moment. */
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

/* The kernel's list names the holder, if the kernel has such a list. */
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

/* Tries first what does not disturb other programs. */
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

/* If there is a holder, @path_stat describes the file. */
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
