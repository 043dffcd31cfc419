/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-descriptor-private.h"

#include <errno.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "os/lf-process-private.h"

/* Closes once, whatever close() says: on Linux the descriptor is gone even
 * after EINTR, and might be somebody else's by now. */
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

void
lf_descriptor_close_inherited (int     fd,
                               guint64 device,
                               guint64 inode)
{
  struct stat file_stat;

  if (fstat (fd, &file_stat) == 0 && file_stat.st_dev == device && file_stat.st_ino == inode)
    lf_descriptor_close (fd, device, inode);
}
