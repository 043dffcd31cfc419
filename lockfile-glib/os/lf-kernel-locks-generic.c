/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-kernel-locks-private.h"

/* For systems that do not tell who holds a lock. */
LfKernelLocks
lf_kernel_locks_find (const char         *path,
                      const struct stat  *path_stat,
                      LfKernelLockKind    kind,
                      int                *pid)
{
  return LF_KERNEL_LOCKS_UNKNOWN;
}

int
lf_kernel_locks_find_held (const char        *path,
                           const struct stat *path_stat,
                           LfKernelLockKind   kind)
{
  return 0;
}

int
lf_kernel_locks_find_description (const char        *path,
                                  const struct stat *path_stat,
                                  LfKernelLockKind   kind)
{
  return 0;
}

gboolean
lf_kernel_locks_may_be_own (int fd)
{
  return TRUE;
}

gboolean
lf_kernel_locks_are_one_kind (const char *path)
{
  return FALSE;
}
