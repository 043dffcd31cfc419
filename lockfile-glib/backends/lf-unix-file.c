/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-unix-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <gio/gio.h>

#include "lf-errors.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* The kernel's own ENOTSUPP, which some file systems return to programs. The C library does
 * not define it. */
#define KERNEL_ENOTSUPP 524

/* How often to open a file again that disappears between two calls. */
#define MAX_OPEN_ROUNDS 100

void
lf_unix_file_set_path_error (GError     **error,
                             const char  *path,
                             int          saved_errno)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               _("Cannot open lock file %s: %s"), display_name, g_strerror (saved_errno));
}

void
lf_unix_file_set_lock_error (GError               **error,
                             const LfBackendVTable  *backend,
                             const char            *path,
                             int                    saved_errno)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  switch (saved_errno)
    {
    case ENOSYS:
    case EOPNOTSUPP:
#if EOPNOTSUPP != ENOTSUP
    case ENOTSUP:
#endif
    case EINVAL:
    case KERNEL_ENOTSUPP:
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                   _("The file system of %s does not support %s locks; HARD_LINK works on any file "
                     "system"),
                   display_name, lf_backend_get_name (backend->backend));
      break;

    case EDEADLK:
      g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK,
                   _("Waiting to lock %s would never end: its holder waits for a lock of this "
                     "process"), display_name);
      break;

    case ENOLCK:
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_FAILED,
                   _("Cannot lock %s with %s: %s"), display_name,
                   lf_backend_get_name (backend->backend), g_strerror (saved_errno));
      break;

    default:
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   _("Cannot lock %s: %s"), display_name, g_strerror (saved_errno));
    }
}

static void
set_not_a_lock_error (GError     **error,
                      const char  *path,
                      mode_t       mode)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
               S_ISDIR (mode) ? _("%s is not a lock file, but a directory") :
               S_ISLNK (mode) ? _("%s is not a lock file, but a symbolic link") :
               S_ISFIFO (mode) ? _("%s is not a lock file, but a FIFO") :
               S_ISSOCK (mode) ? _("%s is not a lock file, but a socket") :
               _("%s is not a lock file, but a device"), display_name);
}

/* Turns a failed open() into an error. The file type says more than the errno: a socket
 * gives ENXIO and a symbolic link ELOOP, but other problems do too. */
static void
set_open_error (GError     **error,
                const char  *path,
                int          saved_errno)
{
  struct stat path_stat;

  if (lstat (path, &path_stat) == 0 && !S_ISREG (path_stat.st_mode))
    set_not_a_lock_error (error, path, path_stat.st_mode);
  else
    lf_unix_file_set_path_error (error, path, saved_errno);
}

/* Returns the descriptor, or -1 with errno. The program may have POSIX locks on a file that
 * FCNTL locks. They would be lost if the descriptor was closed too early. */
int
lf_unix_file_open_once (const LfRequest *request,
                        int              flags)
{
  return lf_descriptor_open (request->path,
                             flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                             (mode_t) request->file_mode,
                             request->backend->backend == LF_BACKEND_FCNTL);
}

/* Whether open() may have failed only because of O_CREAT, although the file itself can be
 * opened. In a sticky directory, Linux refuses O_CREAT for another user's file, and a
 * directory can never be opened with it. */
static gboolean
is_about_making (int saved_errno)
{
  return saved_errno == EACCES || saved_errno == EROFS || saved_errno == EISDIR;
}

/* Opens the file, and creates it if it is missing. Returns the descriptor, or -1 with
 * errno. */
static int
open_for_lock (const LfRequest *request,
               int              access_mode)
{
  for (guint round = 0; round < MAX_OPEN_ROUNDS; round++)
    {
      int fd = lf_unix_file_open_once (request, access_mode | O_CREAT);
      int first_errno = errno;

      if (fd >= 0 || !is_about_making (first_errno))
        return fd;

      fd = lf_unix_file_open_once (request, access_mode);
      if (fd >= 0 || errno == EWOULDBLOCK)
        return fd;

      /* If it is missing, it was either removed since the first open(), or cannot be
       * created */
      if (errno != ENOENT || first_errno != EACCES || round + 1 == MAX_OPEN_ROUNDS)
        {
          errno = first_errno;
          return -1;
        }
    }

  g_return_val_if_reached (-1);
}

static gboolean
is_lockable (mode_t            mode,
             LfUnixFileAccess  access)
{
  return S_ISREG (mode) || (S_ISDIR (mode) && access == LF_UNIX_FILE_READ_ANY);
}

/* Notes the new descriptor, which will be closed in the backend's way. If fstat() fails,
 * returns FALSE with errno and notes the device and inode of the path instead: without
 * them, a descriptor could not be kept open for the program's own POSIX locks. */
gboolean
lf_unix_file_set_fd (LfHandle    *handle,
                     int          fd,
                     struct stat *file_stat)
{
  gboolean is_known = fstat (fd, file_stat) == 0;
  int saved_errno = errno;

  handle->fd = fd;
  if (is_known || lstat (handle->request.path, file_stat) == 0)
    {
      handle->device = file_stat->st_dev;
      handle->inode = file_stat->st_ino;
    }
  errno = saved_errno;

  return is_known;
}

/* A file with a lease cannot be opened yet. Its holder has been told to give up the lease,
 * so another attempt makes sense. */
LfUnixFileOpen
lf_unix_file_open (LfHandle          *handle,
                   LfUnixFileAccess   access,
                   GError           **error)
{
  const LfRequest *request = &handle->request;
  int access_mode = access == LF_UNIX_FILE_WRITE ? O_RDWR : O_RDONLY;
  struct stat file_stat;
  int fd = open_for_lock (request, access_mode);

  if (fd < 0 && errno == ENOENT && request->create_parents)
    {
      g_autofree char *parent = g_path_get_dirname (request->path);

      if (g_mkdir_with_parents (parent, 0777) != 0)
        {
          lf_unix_file_set_path_error (error, request->path, errno);
          return LF_UNIX_FILE_OPEN_ERROR;
        }

      fd = open_for_lock (request, access_mode);
    }

  if (fd < 0 && errno == EWOULDBLOCK)
    return LF_UNIX_FILE_LEASED;

  if (fd < 0)
    {
      set_open_error (error, request->path, errno);
      return LF_UNIX_FILE_OPEN_ERROR;
    }

  if (!lf_unix_file_set_fd (handle, fd, &file_stat))
    {
      lf_unix_file_set_path_error (error, request->path, errno);
      return LF_UNIX_FILE_OPEN_ERROR;
    }

  if (!is_lockable (file_stat.st_mode, access))
    {
      set_not_a_lock_error (error, request->path, file_stat.st_mode);
      lf_handle_close_fd (handle);
      return LF_UNIX_FILE_OPEN_ERROR;
    }

  return LF_UNIX_FILE_OPENED;
}

gboolean
lf_unix_file_check_fd (int                fd,
                       const char        *path,
                       LfUnixFileAccess   access,
                       struct stat       *file_stat,
                       GError           **error)
{
  if (fstat (fd, file_stat) != 0)
    {
      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  if (!is_lockable (file_stat->st_mode, access))
    {
      set_not_a_lock_error (error, path, file_stat->st_mode);
      return FALSE;
    }

  return TRUE;
}

/* Opening the file would make another open file description, which does not share the
 * lock. */
LfUnixFileOpen
lf_unix_file_duplicate (LfHandle  *handle,
                        GError   **error)
{
  const LfAdopted *adopted = handle->request.adopted;
  struct stat file_stat;
  int fd = -1;

  errno = EBADF;
  if (lf_descriptor_is (adopted->fd, adopted->device, adopted->inode))
    fd = fcntl (adopted->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

  if (fd < 0 || !lf_unix_file_set_fd (handle, fd, &file_stat))
    {
      lf_unix_file_set_path_error (error, handle->request.path, errno);
      return LF_UNIX_FILE_OPEN_ERROR;
    }

  return LF_UNIX_FILE_OPENED;
}

/* The same as lf_unix_file_is_open(), for a descriptor that is about to be closed. */
gboolean
lf_unix_file_take (LfHandle *handle)
{
  return handle->fd >= 0 && lf_handle_take_fd (handle) &&
         lf_descriptor_is (handle->fd, handle->device, handle->inode);
}

/* Whether the descriptor still has the file that was opened. */
gboolean
lf_unix_file_is_open (const LfHandle *handle)
{
  return handle->fd >= 0 && lf_handle_has_fd (handle) &&
         lf_descriptor_is (handle->fd, handle->device, handle->inode);
}

/* Does not count links: a renamed file still has one. If a server does not answer, or
 * reports a stale handle, it is not known what is at the path. */
LfUnixFileState
lf_unix_file_get_state (const LfHandle *handle,
                        struct stat    *path_stat)
{
  if (lstat (handle->request.path, path_stat) != 0)
    return errno == ENOENT || errno == ENOTDIR ? LF_UNIX_FILE_REPLACED : LF_UNIX_FILE_UNKNOWN;

  if (path_stat->st_dev != handle->device || path_stat->st_ino != handle->inode)
    return LF_UNIX_FILE_REPLACED;

  return LF_UNIX_FILE_CURRENT;
}

LfVerdict
lf_unix_file_verify (const LfHandle  *handle,
                     GError         **error)
{
  struct stat path_stat;

  switch (lf_unix_file_get_state (handle, &path_stat))
    {
    case LF_UNIX_FILE_CURRENT:
      return LF_VERDICT_HELD;

    case LF_UNIX_FILE_REPLACED:
      return LF_VERDICT_LOST;

    case LF_UNIX_FILE_UNKNOWN:
    default:
      lf_unix_file_set_path_error (error, handle->request.path, errno);
      return LF_VERDICT_UNKNOWN;
    }
}

gboolean
lf_unix_file_look (const char        *path,
                   LfUnixFileAccess   access,
                   struct stat       *path_stat,
                   gboolean          *exists,
                   GError           **error)
{
  *exists = FALSE;

  if (lstat (path, path_stat) != 0)
    {
      if (errno == ENOENT)
        return TRUE;

      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  if (!is_lockable (path_stat->st_mode, access))
    {
      set_not_a_lock_error (error, path, path_stat->st_mode);
      return FALSE;
    }

  *exists = TRUE;
  return TRUE;
}

gboolean
lf_unix_file_check (const char   *path,
                    struct stat  *path_stat,
                    gboolean     *exists,
                    GError      **error)
{
  return lf_unix_file_look (path, LF_UNIX_FILE_READ, path_stat, exists, error);
}

/* Decides by a single lstat(). Every failure of it, except that nothing exists, is an
 * error. */
gboolean
lf_unix_file_put_away (const char         *path,
                       const struct stat  *broken,
                       GError            **error)
{
  g_autofree char *display_name = NULL;
  struct stat path_stat;
  int result = lstat (path, &path_stat);

  /* Somebody else has broken the lock. The new file may already be locked */
  if (result == 0 &&
      (path_stat.st_dev != broken->st_dev || path_stat.st_ino != broken->st_ino))
    return TRUE;

  if (result == 0 && !S_ISREG (path_stat.st_mode))
    {
      set_not_a_lock_error (error, path, path_stat.st_mode);
      return FALSE;
    }

  if (result == 0 && path_stat.st_size != 0)
    {
      display_name = lf_path_get_display_name (path);
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("Breaking the lock of %s would remove the data in it"), display_name);
      return FALSE;
    }

  if (result == 0)
    result = unlink (path);
  if (result != 0 && errno != ENOENT)
    {
      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  return TRUE;
}
