/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-descriptor-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#ifdef HAVE_STATX
#include <sys/sysmacros.h>
#endif
#include <unistd.h>

#include <glib/gstdio.h>

#include "os/lf-process-private.h"

/* Closes once, whatever close() returns: on Linux the descriptor is closed even after
 * EINTR, and its number may already belong to another file. */
void
lf_close (int fd)
{
  if (close (fd) != 0)
    g_debug ("Closing a lock file's descriptor: %s", g_strerror (errno));
}

void
lf_descriptor_close (int     fd,
                     guint64 device,
                     guint64 inode)
{
  const LfDescriptorKeeper *keeper = lf_process_peek_state (LF_PROCESS_DESCRIPTORS);

  if (keeper != NULL)
    keeper->close (fd, device, inode);
  else
    lf_close (fd);
}

int
lf_descriptor_reuse (const char *path,
                     gboolean    for_writing,
                     guint64    *device,
                     guint64    *inode)
{
  const LfDescriptorKeeper *keeper = lf_process_peek_state (LF_PROCESS_DESCRIPTORS);
  GStatBuf path_stat;

  if (keeper == NULL || g_lstat (path, &path_stat) != 0)
    return -1;

  *device = path_stat.st_dev;
  *inode = path_stat.st_ino;

  return keeper->reuse (path_stat.st_dev, path_stat.st_ino, for_writing);
}

void
lf_descriptor_sweep (void)
{
  const LfDescriptorKeeper *keeper = lf_process_peek_state (LF_PROCESS_DESCRIPTORS);

  if (keeper != NULL && keeper->sweep != NULL)
    keeper->sweep ();
}

/* A program may close descriptors that it does not know, and open another file, which gets
 * the same number. This sends no request to a server for what the kernel already knows. */
gboolean
lf_descriptor_is (int     fd,
                  guint64 device,
                  guint64 inode)
{
  struct stat file_stat;
#ifdef HAVE_STATX
  struct statx known;

  /* A sandbox may refuse system calls that it does not know */
  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &known) == 0)
    return makedev (known.stx_dev_major, known.stx_dev_minor) == device && known.stx_ino == inode;
#endif

  /* Any other error is about the file, and does not mean that it is another file */
  if (fstat (fd, &file_stat) != 0)
    return errno != EBADF;

  return file_stat.st_dev == device && file_stat.st_ino == inode;
}

void
lf_descriptor_close_inherited (int     fd,
                               guint64 device,
                               guint64 inode)
{
  if (lf_descriptor_is (fd, device, inode))
    lf_descriptor_close (fd, device, inode);
}
