/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-unix-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <gio/gio.h>

#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* The kernel's own ENOTSUPP, which some file systems let through to programs.
 * The C library has no name for it. */
#define KERNEL_ENOTSUPP 524

/* How often a file that vanishes between two calls is looked for again. */
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
                   _("The file system of %s has no locks of the kind %s; HARD_LINK works on any"),
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
                      const char  *what)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
               _("%s is not a lock file but %s"), display_name, what);
}

static const char *
describe_file_type (mode_t mode)
{
  if (S_ISDIR (mode))
    return _("a directory");
  if (S_ISLNK (mode))
    return _("a symbolic link");
  if (S_ISFIFO (mode))
    return _("a FIFO");
  if (S_ISSOCK (mode))
    return _("a socket");

  return _("a device");
}

/* Turns a failed open() into an error. What the path holds says more than the
 * errno: a socket gives ENXIO and a symbolic link ELOOP, as others do too. */
static void
set_open_error (GError     **error,
                const char  *path,
                int          saved_errno)
{
  struct stat path_stat;

  if (lstat (path, &path_stat) == 0 && !S_ISREG (path_stat.st_mode))
    set_not_a_lock_error (error, path, describe_file_type (path_stat.st_mode));
  else
    lf_unix_file_set_path_error (error, path, saved_errno);
}

static int
open_once (const LfRequest *request,
           int              flags)
{
  int fd;

  do
    fd = open (request->path, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
               (mode_t) request->file_mode);
  while (fd < 0 && errno == EINTR);

  return fd;
}

/* Opens for writing, made if missing, since an exclusive lock on a network file
 * system needs that, or as far as the file's permissions let a shared lock go.
 * Returns the descriptor, or -1 with errno. */
static int
open_for_lock (const LfRequest *request)
{
  int fd = -1, first_errno = 0;

  for (guint round = 0; round < MAX_OPEN_ROUNDS; round++)
    {
      fd = open_once (request, O_RDWR | O_CREAT);
      if (fd >= 0)
        return fd;
      first_errno = errno;

      /* In a sticky directory Linux refuses O_CREAT for somebody else's file,
       * even where the file may be written */
      if (errno == EACCES)
        fd = open_once (request, O_RDWR);

      if (fd < 0 && (errno == EACCES || errno == EROFS) && request->mode == LF_LOCK_MODE_SHARED)
        fd = open_once (request, O_RDONLY);

      /* Missing: removed since it was refused, or not to be made at all */
      if (fd >= 0 || errno != ENOENT || first_errno != EACCES)
        break;
    }

  if (fd < 0)
    errno = first_errno;

  return fd;
}

gboolean
lf_unix_file_open (LfHandle  *handle,
                   GError   **error)
{
  const LfRequest *request = &handle->request;
  struct stat file_stat;
  int fd = open_for_lock (request);

  if (fd < 0 && errno == ENOENT && request->create_parents)
    {
      g_autofree char *parent = g_path_get_dirname (request->path);

      if (g_mkdir_with_parents (parent, 0777) != 0)
        {
          lf_unix_file_set_path_error (error, request->path, errno);
          return FALSE;
        }

      fd = open_for_lock (request);
    }

  if (fd < 0)
    {
      set_open_error (error, request->path, errno);
      return FALSE;
    }

  handle->fd = fd;

  if (fstat (fd, &file_stat) != 0)
    {
      lf_unix_file_set_path_error (error, request->path, errno);
      lf_handle_close_fd (handle);
      return FALSE;
    }

  if (!S_ISREG (file_stat.st_mode))
    {
      set_not_a_lock_error (error, request->path, describe_file_type (file_stat.st_mode));
      lf_handle_close_fd (handle);
      return FALSE;
    }

  handle->device = file_stat.st_dev;
  handle->inode = file_stat.st_ino;

  return TRUE;
}

/* Comparing link counts would not do: a file that was renamed away has one. */
LfUnixFileState
lf_unix_file_get_state (const LfHandle *handle,
                        struct stat    *path_stat)
{
  if (lstat (handle->request.path, path_stat) != 0)
    return errno == ENOENT || errno == ENOTDIR || errno == ESTALE ? LF_UNIX_FILE_REPLACED
                                                                  : LF_UNIX_FILE_UNKNOWN;

  if (path_stat->st_dev != handle->device || path_stat->st_ino != handle->inode)
    return LF_UNIX_FILE_REPLACED;

  return LF_UNIX_FILE_CURRENT;
}

/* Whoever moves or removes a file changes its inode, and asking for that costs a
 * third of asking for the path. What was changed a moment ago may be changed again
 * without showing it, since file systems keep that time in steps of up to two
 * seconds. */
#define LONGEST_STEP (2 * G_TIME_SPAN_SECOND)

static gint64
get_change_time (const struct stat *file_stat)
{
#ifdef HAVE_STAT_CTIMESPEC
  const struct timespec *changed = &file_stat->st_ctimespec;
#else
  const struct timespec *changed = &file_stat->st_ctim;
#endif

  return (gint64) changed->tv_sec * G_USEC_PER_SEC * 1000 + changed->tv_nsec;
}

/* With what the path named when the lock was granted. */
void
lf_unix_file_note_change (LfHandle          *handle,
                          const struct stat *path_stat)
{
  gint64 changed = get_change_time (path_stat);

  handle->changed = changed / 1000 < g_get_real_time () - LONGEST_STEP ? changed : 0;
}

/* Whether the file is surely still where it was when the lock was granted, in its
 * directory. */
gboolean
lf_unix_file_is_unchanged (const LfHandle *handle)
{
  struct stat file_stat;

  return handle->changed != 0 && fstat (handle->fd, &file_stat) == 0 &&
         file_stat.st_nlink > 0 && get_change_time (&file_stat) == handle->changed;
}

gboolean
lf_unix_file_check (const char   *path,
                    struct stat  *path_stat,
                    gboolean     *exists,
                    GError      **error)
{
  *exists = FALSE;

  if (lstat (path, path_stat) != 0)
    {
      if (errno == ENOENT)
        return TRUE;

      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  if (!S_ISREG (path_stat->st_mode))
    {
      set_not_a_lock_error (error, path, describe_file_type (path_stat->st_mode));
      return FALSE;
    }

  *exists = TRUE;
  return TRUE;
}

gboolean
lf_unix_file_put_away (const char  *path,
                       GError     **error)
{
  g_autofree char *display_name = NULL;
  struct stat path_stat;

  if (lstat (path, &path_stat) == 0 && path_stat.st_size != 0)
    {
      display_name = lf_path_get_display_name (path);
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("Breaking the lock of %s would remove the data in it"), display_name);
      return FALSE;
    }

  if (unlink (path) != 0 && errno != ENOENT)
    {
      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  return TRUE;
}
