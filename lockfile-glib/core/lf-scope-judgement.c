/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-scope-private.h"

#include <string.h>

/* How file systems treat locks. If several hosts share a file system, the server knows
 * about kernel locks, unless a mount option keeps these on the client. A lock that is a
 * file is visible to all hosts. Nothing is known about other file systems: those of FUSE
 * and of virtual machines may be anywhere, and do not say how they treat locks. */

static const char *const local_types[] = {
  "bcachefs", "btrfs", "devtmpfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk",
  "hfsplus", "iso9660", "jffs2", "jfs", "minix", "msdos", "nilfs2", "ntfs", "ntfs3", "overlay",
  "ramfs", "reiserfs", "squashfs", "tmpfs", "ubifs", "udf", "vfat", "xfs", "zfs", NULL
};

typedef struct
{
  const char *type;
  const char *option; /* or NULL: no option keeps its locks on the client */
  gboolean keeps_flock;
  gboolean keeps_fcntl;
} SharedType;

static const SharedType shared_types[] = {
  { "nfs", "nolock", TRUE, TRUE },
  { "nfs", "local_lock=all", TRUE, TRUE },
  { "nfs", "local_lock=flock", TRUE, FALSE },
  { "nfs", "local_lock=posix", FALSE, TRUE },
  { "nfs4", "local_lock=all", TRUE, TRUE },
  { "nfs4", "local_lock=flock", TRUE, FALSE },
  { "nfs4", "local_lock=posix", FALSE, TRUE },
  { "cifs", "nobrl", TRUE, TRUE },
  { "smb3", "nobrl", TRUE, TRUE },
  { "lustre", "localflock", TRUE, TRUE },
  { "gfs2", "localflocks", TRUE, TRUE },
  { "ocfs2", "localflocks", TRUE, FALSE },
  { "afs", "flock=local", TRUE, TRUE },
  { "ceph", NULL, FALSE, FALSE },
};

static gboolean
has_option (const LfMount *mount,
            const char    *option)
{
  g_auto (GStrv) options = g_strsplit (mount->options, ",", -1);

  return g_strv_contains ((const char *const *) options, option);
}

static gboolean
keeps_at_home (const SharedType *shared,
               LfBackend         backend)
{
  return backend == LF_BACKEND_FLOCK ? shared->keeps_flock : shared->keeps_fcntl;
}

LfLockScope
lf_scope_judge (LfBackend       backend,
                gboolean        is_dotlock,
                const LfMount  *mount,
                const char    **option)
{
  LfLockScope scope = LF_LOCK_SCOPE_UNKNOWN;

  *option = NULL;
  if (g_strv_contains (local_types, mount->type))
    return LF_LOCK_SCOPE_HOST;

  for (gsize i = 0; i < G_N_ELEMENTS (shared_types); i++)
    {
      const SharedType *shared = &shared_types[i];

      if (!g_str_equal (shared->type, mount->type))
        continue;

      scope = LF_LOCK_SCOPE_ALL_HOSTS;
      if (!is_dotlock && shared->option != NULL && keeps_at_home (shared, backend) &&
          has_option (mount, shared->option))
        {
          *option = shared->option;
          return LF_LOCK_SCOPE_HOST;
        }
    }

  return scope;
}
