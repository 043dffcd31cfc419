/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <sys/stat.h>

#include <glib.h>

G_BEGIN_DECLS

/* What the kernel says about held locks. One file per platform. */

typedef enum
{
  LF_KERNEL_LOCK_FLOCK,
  LF_KERNEL_LOCK_FCNTL, /* of a process or of an open file description */
  LF_KERNEL_LOCK_POSIX, /* of a process only */
} LfKernelLockKind;

typedef enum
{
  LF_KERNEL_LOCKS_FREE,    /* certainly not held */
  LF_KERNEL_LOCKS_HELD,    /* @pid is set, to 0 if the holder cannot be seen */
  LF_KERNEL_LOCKS_UNKNOWN, /* somebody who is not listed may hold it */
} LfKernelLocks;

LfKernelLocks lf_kernel_locks_find      (const char         *path,
                                         const struct stat  *path_stat,
                                         LfKernelLockKind    kind,
                                         int                *pid);

/* Which process holds a lock that is known to be held, or 0 if it cannot be seen. */
int           lf_kernel_locks_find_held (const char         *path,
                                         const struct stat  *path_stat,
                                         LfKernelLockKind    kind);

/* The same, for a lock that is known to belong to an open file description. */
int           lf_kernel_locks_find_description
                                        (const char         *path,
                                         const struct stat  *path_stat,
                                         LfKernelLockKind    kind);

/* FALSE if this process certainly has no POSIX lock on the file of @fd. */
gboolean      lf_kernel_locks_may_be_own
                                        (int                 fd);

/* Whether locks of all kinds exclude each other on that file system. */
gboolean      lf_kernel_locks_are_one_kind
                                        (const char         *path);

G_END_DECLS
