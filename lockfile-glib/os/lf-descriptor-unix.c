/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-descriptor-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Takes @fd, or -1 with errno, and returns a descriptor of the same that is not one of
 * the three that a program takes for its standard streams: where they are closed, its
 * next warning would be written into the file. */
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
  errno = saved_errno;

  return raised;
}

/* A program may close descriptors that it does not know, and open something else, which
 * gets the same number. Nothing is asked of a server for this. */
gboolean
lf_descriptor_is (int     fd,
                  guint64 device,
                  guint64 inode)
{
  struct stat file_stat;

  return fstat (fd, &file_stat) == 0 &&
         file_stat.st_dev == device && file_stat.st_ino == inode;
}
