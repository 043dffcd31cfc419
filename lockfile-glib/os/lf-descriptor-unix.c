/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-descriptor-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/lf-process-private.h"

/* Takes @fd, or -1 with errno, and returns a duplicate above the three standard
 * descriptors. If a program has closed these, its next warning would be written into the
 * file. */
int
lf_descriptor_raise (int fd)
{
  struct stat file_stat;
  int raised, saved_errno;

  if (fd < 0 || fd > STDERR_FILENO)
    return fd;

  raised = fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  saved_errno = errno;
  if (fstat (fd, &file_stat) == 0)
    lf_descriptor_close (fd, file_stat.st_dev, file_stat.st_ino);
  else
    lf_close (fd);
  errno = saved_errno;

  return raised;
}

void
lf_descriptor_fill_streams (int *fillers)
{
  for (int fd = 0; fd < LF_N_STREAMS; fd++)
    fillers[fd] = fcntl (fd, F_GETFD) < 0 ? open ("/dev/null", O_RDWR | O_CLOEXEC) : -1;
}

void
lf_descriptor_empty_streams (const int *fillers)
{
  for (int fd = 0; fd < LF_N_STREAMS; fd++)
    {
      if (fillers[fd] >= 0)
        close (fillers[fd]);
    }
}

/* open(), above the standard descriptors. Sometimes a descriptor of the file must not be
 * closed, not even one that was too low: with @may_not_close, or if closing some
 * descriptors has to wait. Then the standard descriptors are occupied first. */
int
lf_descriptor_open (const char *path,
                    int         flags,
                    mode_t      mode,
                    gboolean    may_not_close)
{
  gboolean fills = may_not_close || lf_process_peek_state (LF_PROCESS_DESCRIPTORS) != NULL;
  int fillers[LF_N_STREAMS];
  int fd, saved_errno;

  if (fills)
    lf_descriptor_fill_streams (fillers);

  do
    fd = open (path, flags, mode);
  while (fd < 0 && errno == EINTR);
  fd = lf_descriptor_raise (fd);

  saved_errno = errno;
  if (fills)
    lf_descriptor_empty_streams (fillers);
  errno = saved_errno;

  return fd;
}

/* lf_descriptor_is(), and whether its access mode suffices. */
gboolean
lf_descriptor_is_enough (int      fd,
                         guint64  device,
                         guint64  inode,
                         gboolean for_writing)
{
  int flags = fcntl (fd, F_GETFL);

  if (!lf_descriptor_is (fd, device, inode))
    return FALSE;

  return !for_writing || (flags >= 0 && (flags & O_ACCMODE) == O_RDWR);
}
