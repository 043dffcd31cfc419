/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-file-system-private.h"

#include <errno.h>
#include <sys/vfs.h>

/* From statfs(2) and the kernel's headers. Other file systems may be on a network, or in a
 * program. */
static const guint32 local_types[] = {
  0xef53,     /* ext2, ext3, ext4 */
  0x9123683e, /* btrfs */
  0x58465342, /* XFS */
  0x01021994, /* tmpfs */
  0x858458f6, /* ramfs */
  0x794c7630, /* overlayfs */
  0xf2f52010, /* F2FS */
  0xca451a4e, /* bcachefs */
  0x2fc12fc1, /* ZFS */
  0x52654973, /* ReiserFS */
  0x3153464a, /* JFS */
  0x3434,     /* NILFS */
  0x4d44,     /* FAT */
  0x2011bab0, /* exFAT */
  0x7366746e, /* NTFS */
};

#define NFS_TYPE 0x6969

static gboolean
is_local_type (const struct statfs *file_system)
{
  for (gsize i = 0; i < G_N_ELEMENTS (local_types); i++)
    {
      if ((guint32) file_system->f_type == local_types[i])
        return TRUE;
    }

  return FALSE;
}

int
lf_file_system_check_local (int       fd,
                            gboolean *is_local)
{
  struct statfs file_system;
  int result;

  do
    result = fstatfs (fd, &file_system) == 0 ? 0 : errno;
  while (result == EINTR);
  *is_local = result == 0 && is_local_type (&file_system);

  return result;
}

gboolean
lf_file_system_path_is_local (const char *path)
{
  struct statfs file_system;

  return statfs (path, &file_system) == 0 && is_local_type (&file_system);
}

gboolean
lf_file_system_has_queue (int fd)
{
  struct statfs file_system;

  return fstatfs (fd, &file_system) != 0 || (guint32) file_system.f_type != NFS_TYPE;
}
