/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <sys/stat.h>

#include <glib.h>

G_BEGIN_DECLS

/* What the kernel tells about the locks that are held. One file per platform. */

typedef enum
{
  LF_KERNEL_LOCK_FLOCK,
  LF_KERNEL_LOCK_FCNTL, /* of a process or of an open file description */
  LF_KERNEL_LOCK_POSIX, /* of a process only */
} LfKernelLockKind;

typedef enum
{
  LF_KERNEL_LOCKS_FREE,    /* surely nobody */
  LF_KERNEL_LOCKS_HELD,    /* @pid is set, to 0 if it cannot be seen */
  LF_KERNEL_LOCKS_UNKNOWN, /* it may be held by somebody who is not listed */
} LfKernelLocks;

LfKernelLocks lf_kernel_locks_find      (const char         *path,
                                         const struct stat  *path_stat,
                                         LfKernelLockKind    kind,
                                         int                *pid);

/* Which process holds a lock of which is known that it is held, or 0 if it cannot be
 * seen. */
int           lf_kernel_locks_find_held (const char         *path,
                                         const struct stat  *path_stat,
                                         LfKernelLockKind    kind);

/* The same for one that is known to be of an open file description. */
int           lf_kernel_locks_find_description
                                        (const char         *path,
                                         const struct stat  *path_stat,
                                         LfKernelLockKind    kind);

/* FALSE if this process surely has no lock of POSIX on what @fd is of. */
gboolean      lf_kernel_locks_may_be_own
                                        (int                 fd);

/* Whether locks of all kinds on that file system exclude each other. */
gboolean      lf_kernel_locks_are_one_kind
                                        (const char         *path);

G_END_DECLS
