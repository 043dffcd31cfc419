/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gi18n-lib.h>

#include "lf-errors.h"
#include "lf-kernel-locks-private.h"
#include "lf-unix-file-private.h"

/* flock(2): the lock belongs to the open file description, so two objects of
 * one process exclude each other as two processes do. */

/* How often in a row a granted file may turn out to be replaced. Others who
 * remove the file cause some such rounds; only a file system whose files change
 * their identity at every look causes this many. */
#define MAX_ROUNDS 10000

/* How often a lock that is surely held is looked for in a list that changes. */
#define MAX_LOOKS 20

/* Returns 0 or an errno. */
static int
flock_uninterrupted (int fd,
                     int operation)
{
  while (flock (fd, operation) != 0)
    {
      if (errno != EINTR)
        return errno;
    }

  return 0;
}

static int
get_operation (const LfHandle *handle)
{
  return handle->mode == LF_LOCK_MODE_SHARED ? LOCK_SH : LOCK_EX;
}

static LfAttempt
lf_backend_flock_attempt (LfHandle         *handle,
                          const LfRequest  *request,
                          GError          **error)
{
  g_autofree char *display_name = NULL;

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      struct stat path_stat;
      LfUnixFileState state;
      int result;

      if (handle->fd < 0 && !lf_unix_file_open (handle, request, error))
        return LF_ATTEMPT_ERROR;

      result = flock_uninterrupted (handle->fd, get_operation (handle) | LOCK_NB);
      if (result == EWOULDBLOCK)
        return LF_ATTEMPT_BUSY;
      if (result != 0)
        {
          lf_unix_file_set_lock_error (error, &lf_backend_flock, request->path, result);
          return LF_ATTEMPT_ERROR;
        }

      state = lf_unix_file_get_state (handle, request->path, &path_stat);
      if (state == LF_UNIX_FILE_CURRENT)
        return LF_ATTEMPT_GRANTED;
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

static int
lf_backend_flock_block (LfHandle *handle)
{
  return flock (handle->fd, get_operation (handle)) == 0 ? 0 : errno;
}

/* Unlocks by itself: a child that was forked meanwhile may have the descriptor
 * too, and would keep the lock alive after a mere close(). */
static void
lf_backend_flock_drop (LfHandle *handle)
{
  if (handle->fd < 0)
    return;

  flock_uninterrupted (handle->fd, LOCK_UN);
  lf_handle_close (handle);
}

static LfRelease
lf_backend_flock_release (LfHandle    *handle,
                          const char  *path,
                          gboolean     remove,
                          GError     **error)
{
  struct stat path_stat;
  LfUnixFileState state = LF_UNIX_FILE_CURRENT;
  int result;

  if (!handle->removed)
    state = lf_unix_file_get_state (handle, path, &path_stat);

  /* Only what is surely our file, and empty as we made it. Somebody else's file
   * in a sticky directory cannot be removed; then it stays. */
  if (remove && !handle->removed && state == LF_UNIX_FILE_CURRENT &&
      handle->mode == LF_LOCK_MODE_EXCLUSIVE && path_stat.st_size == 0)
    {
      handle->removed = unlink (path) == 0;
      if (!handle->removed)
        g_debug ("Keeping the lock file: %s", g_strerror (errno));
    }

  result = flock_uninterrupted (handle->fd, LOCK_UN);
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

/* Tries the lock itself, for a moment. Another program that tries in this moment
 * fails although nobody works with the file, so it is the last resort. */
static gboolean
probe (const char  *path,
       gboolean    *locked,
       GError     **error)
{
  int fd, result;

  do
    fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  while (fd < 0 && errno == EINTR);

  if (fd < 0 && errno == ENOENT)
    {
      *locked = FALSE;
      return TRUE;
    }

  if (fd < 0)
    {
      lf_unix_file_set_path_error (error, path, errno);
      return FALSE;
    }

  result = flock_uninterrupted (fd, LOCK_EX | LOCK_NB);
  if (result == 0)
    flock_uninterrupted (fd, LOCK_UN);
  close (fd);

  if (result != 0 && result != EWOULDBLOCK)
    {
      lf_unix_file_set_lock_error (error, &lf_backend_flock, path, result);
      return FALSE;
    }

  *locked = result == EWOULDBLOCK;
  return TRUE;
}

static gboolean
lf_backend_flock_look (const char    *path,
                       LfLockHolder **holder,
                       GError       **error)
{
  struct stat path_stat;
  LfKernelLocks listed;
  gboolean exists, locked;

  *holder = NULL;

  if (!lf_unix_file_check (path, &path_stat, &exists, error))
    return FALSE;

  if (!exists)
    return TRUE;

  listed = lf_kernel_locks_find (path, &path_stat, LF_KERNEL_LOCK_FLOCK, holder);
  if (listed == LF_KERNEL_LOCKS_HELD || listed == LF_KERNEL_LOCKS_FREE)
    return TRUE;

  if (!probe (path, &locked, error))
    return FALSE;
  if (!locked)
    return TRUE;

  for (guint i = 0; i < MAX_LOOKS && listed == LF_KERNEL_LOCKS_MISSED; i++)
    listed = lf_kernel_locks_find (path, &path_stat, LF_KERNEL_LOCK_FLOCK, holder);

  if (*holder == NULL)
    *holder = lf_lock_holder_new (0, NULL, NULL);

  return TRUE;
}

/* Nothing can take a kernel lock from its holder. What can be done is to put the
 * file out of the way, so that the next one to lock gets a new one. */
static gboolean
lf_backend_flock_break_lock (const char  *path,
                             GError     **error)
{
  g_autoptr (LfLockHolder) holder = NULL;
  g_autofree char *display_name = NULL;
  struct stat path_stat;

  if (!lf_backend_flock_look (path, &holder, error))
    return FALSE;

  if (holder == NULL)
    return TRUE;

  if (lstat (path, &path_stat) == 0 && path_stat.st_size != 0)
    {
      display_name = g_filename_display_name (path);
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

const LfBackendClass lf_backend_flock = {
  .backend = LF_BACKEND_FLOCK,
  .waiting = &lf_waiting_kernel_queue,
  .has_shared = TRUE,
  .attempt = lf_backend_flock_attempt,
  .block = lf_backend_flock_block,
  .drop = lf_backend_flock_drop,
  .release = lf_backend_flock_release,
  .look = lf_backend_flock_look,
  .break_lock = lf_backend_flock_break_lock,
};
