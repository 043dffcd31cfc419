/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "backends/lf-backend-private.h"
#include "backends/lf-unix-file-private.h"
#include "os/lf-kernel-locks-private.h"

G_BEGIN_DECLS

/* The family of backends whose lock the kernel keeps for an open regular file. They differ
 * in the system calls. */

typedef struct
{
  LfBackendVTable vtable;
  LfKernelLockKind kind;
  LfUnixFileAccess read_access;
  gboolean writes_to_exclude; /* an exclusive lock needs a descriptor for writing */

  /* Locks the handle's file in its mode. Returns 0 or an errno, which is EWOULDBLOCK if
   * somebody else has the lock. With @wait it must be a single system call that sleeps
   * until the lock is granted, and may return EINTR. */
  int (*lock) (LfHandle *handle,
               gboolean  wait);

  /* Unlocks explicitly: a mere close() would leave the lock to a forked child that has
   * inherited the descriptor. Returns 0 or an errno. */
  int (*unlock) (LfHandle *handle);

  /* Tests whether anybody has a lock on the file of @handle, which is not locked itself and
   * may be open only for reading. @pid is -1 if an open file description has the lock, and
   * 0 if the holder is unknown. Returns 0 or an errno. */
  int (*test) (LfHandle *handle,
               gboolean *locked,
               int      *pid);
  gboolean test_disturbs_nobody;
  gboolean test_sees_this_process; /* including its POSIX locks */
} LfKernelFileBackend;

LfAttempt lf_kernel_file_attempt         (const LfBackendVTable  *vtable,
                                          LfHandle               *handle,
                                          GError                **error);
int       lf_kernel_file_block           (const LfBackendVTable  *vtable,
                                          LfHandle               *handle);
void      lf_kernel_file_set_block_error (const LfBackendVTable  *vtable,
                                          const LfHandle         *handle,
                                          int                     saved_errno,
                                          GError                **error);
gboolean  lf_kernel_file_has_queue       (const LfBackendVTable  *vtable,
                                          const LfHandle         *handle);
void      lf_kernel_file_drop            (const LfBackendVTable  *vtable,
                                          LfHandle               *handle);
gboolean  lf_kernel_file_is_intact       (const LfBackendVTable  *vtable,
                                          LfHandle               *handle,
                                          gboolean                may_wait);
gboolean  lf_kernel_file_adopt           (const LfBackendVTable  *vtable,
                                          int                     fd,
                                          const char             *path,
                                          LfAdopted             **adopted,
                                          GError                **error);
LfVerdict lf_kernel_file_verify          (const LfBackendVTable  *vtable,
                                          LfHandle               *handle,
                                          GError                **error);
LfRelease lf_kernel_file_release         (const LfBackendVTable  *vtable,
                                          LfHandle               *handle,
                                          GError                **error);
gboolean  lf_kernel_file_query_holder    (const LfBackendVTable  *vtable,
                                          const char             *path,
                                          LfLockHolder          **holder,
                                          GError                **error);
gboolean  lf_kernel_file_break_lock      (const LfBackendVTable  *vtable,
                                          const char             *path,
                                          GError                **error);

/* The methods that all members of the family share */
#define LF_KERNEL_FILE_METHODS \
  .has_shared = TRUE, \
  .attempt = lf_kernel_file_attempt, \
  .block = lf_kernel_file_block, \
  .has_queue = lf_kernel_file_has_queue, \
  .set_block_error = lf_kernel_file_set_block_error, \
  .drop = lf_kernel_file_drop, \
  .is_intact = lf_kernel_file_is_intact, \
  .verify = lf_kernel_file_verify, \
  .leave = lf_backend_leave_fd, \
  .release = lf_kernel_file_release, \
  .query_holder = lf_kernel_file_query_holder, \
  .break_lock = lf_kernel_file_break_lock

extern const LfKernelFileBackend lf_backend_flock;
extern const LfKernelFileBackend lf_backend_fcntl;

G_END_DECLS
