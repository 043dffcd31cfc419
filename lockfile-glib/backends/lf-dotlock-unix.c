/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/lf-record-private.h"
#include "backends/lf-unix-file-private.h"
#include "os/lf-descriptor-private.h"

/* The files of locks that are there or not, as POSIX and flock(2) have them. */

/* A second, in microseconds at a time: even on a machine with much to do nobody of ours
 * needs that long, and a program that locks directories is rarely there. */
#define PATIENT_TRIES 2000
#define PATIENT_PAUSE 500

/* Reads what may be a record: "" if it is too long or not text. */
static char *
read_record (int fd)
{
  char buffer[LF_RECORD_MAX_LENGTH + 1];
  gssize n_read;

  /* In one piece, as it was written */
  do
    n_read = read (fd, buffer, sizeof buffer);
  while (n_read < 0 && errno == EINTR);

  if (n_read < 0 || n_read > LF_RECORD_MAX_LENGTH || memchr (buffer, '\0', (gsize) n_read) != NULL)
    return g_strdup ("");

  return g_strndup (buffer, (gsize) n_read);
}

LfDotlockResult
lf_dotlock_read_file (const LfDotlockBackend  *self,
                      const char              *path,
                      char                   **record,
                      GError                 **error)
{
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat file_stat;
  gboolean exists;

  *record = NULL;
  if (fd < 0 && errno == ENOENT)
    return LF_DOTLOCK_ABSENT;

  if (fd >= 0 && fstat (fd, &file_stat) == 0 && S_ISREG (file_stat.st_mode))
    *record = read_record (fd);
  if (fd >= 0)
    close (fd);
  if (*record != NULL)
    return LF_DOTLOCK_PRESENT;

  /* What cannot be read is there all the same, if it can be a lock */
  if (!lf_unix_file_check (path, &file_stat, &exists, error))
    return LF_DOTLOCK_ERROR;
  if (!exists)
    return LF_DOTLOCK_ABSENT;

  *record = g_strdup ("");
  return LF_DOTLOCK_PRESENT;
}

int
lf_dotlock_write_file (const char *path,
                         const char *record,
                         guint       file_mode)
{
  gsize length = strlen (record);
  int fd = lf_descriptor_raise (open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                      (mode_t) file_mode));
  gssize n_written;
  int saved_errno;

  if (fd < 0)
    return -1;

  do
    n_written = write (fd, record, length);
  while (n_written < 0 && errno == EINTR);

  if (n_written == (gssize) length)
    return fd;

  /* A part is written where the space ends */
  saved_errno = n_written < 0 ? errno : ENOSPC;
  unlink (path);
  close (fd);
  errno = saved_errno;

  return -1;
}

/* Makes a file with the record at a unique path and links it to the lock's. On
 * network file systems link(2) may fail after it has succeeded; the number of
 * links tells. */
LfDotlockResult
lf_dotlock_make_file (const LfDotlockBackend  *self,
                      LfHandle                *handle,
                      const char              *record,
                      GError                 **error)
{
  const LfRequest *request = &handle->request;
  g_autofree char *unique_path = lf_dotlock_new_unique_path (request->path);
  struct stat unique_stat;
  gboolean linked;
  int link_errno = 0;

  handle->fd = lf_dotlock_write_file (unique_path, record, request->file_mode);
  if (handle->fd < 0)
    return lf_dotlock_fail (self, request->path, errno, error);
  if (fstat (handle->fd, &unique_stat) == 0)
    {
      handle->device = unique_stat.st_dev;
      handle->inode = unique_stat.st_ino;
    }

  /* Before others see it, so that nobody else can have it locked */
  if (self->has_flock)
    flock (handle->fd, LOCK_EX | LOCK_NB);

  linked = link (unique_path, request->path) == 0;
  if (!linked)
    {
      link_errno = errno;
      linked = fstat (handle->fd, &unique_stat) == 0 && unique_stat.st_nlink == 2;
    }
  unlink (unique_path);

  if (linked)
    return LF_DOTLOCK_PRESENT;

  lf_handle_close_fd (handle);

  if (link_errno == EEXIST)
    return LF_DOTLOCK_ABSENT;
  /* Somebody who cleaned up took the unique file for a left-over */
  if (link_errno == ENOENT)
    return LF_DOTLOCK_RETRY;

  /* So link(2) says that the file system has no such thing */
  return lf_dotlock_fail (self, request->path,
                            link_errno == EPERM ? EOPNOTSUPP : link_errno, error);
}

int
lf_dotlock_remove_file (const char *path)
{
  return unlink (path) == 0 ? 0 : errno;
}

/* Locks the lock's directory against others of this library who remove locks.
 * Returns the descriptor, or NO_GUARD if it is not to be had: where the directory cannot
 * be read, or some other program has it locked. It is never kept for longer than
 * it takes to look at a lock and to remove it; who must remove one is @patient. */
LfDotlockGuard
lf_dotlock_lock_directory (const char *path,
                             gboolean    patient)
{
  g_autofree char *directory = g_path_get_dirname (path);
  int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return LF_DOTLOCK_NO_GUARD;

  for (guint i = 0; i < (patient ? PATIENT_TRIES : 1); i++)
    {
      if (i > 0)
        g_usleep (PATIENT_PAUSE);
      if (flock (fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    }

  close (fd);
  return LF_DOTLOCK_NO_GUARD;
}

void
lf_dotlock_unlock_directory (LfDotlockGuard guard)
{
  if (guard == LF_DOTLOCK_NO_GUARD)
    return;

  flock ((int) guard, LOCK_UN);
  close ((int) guard);
}

/* Locks the file at the path, which its holder has locked if it lives. Shared: of
 * many who find a dead one's none must take another for its holder. Returns the
 * descriptor, or -1 if somebody has it locked. */
int
lf_dotlock_lock_file (const char *path)
{
  struct stat file_stat, path_stat;
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

  if (fd < 0)
    return -1;

  if (flock (fd, LOCK_SH | LOCK_NB) == 0 && fstat (fd, &file_stat) == 0 &&
      lstat (path, &path_stat) == 0 && file_stat.st_dev == path_stat.st_dev &&
      file_stat.st_ino == path_stat.st_ino)
    return fd;

  close (fd);
  return -1;
}

void
lf_dotlock_make_parents (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);

  g_mkdir_with_parents (parent, 0777);
}
