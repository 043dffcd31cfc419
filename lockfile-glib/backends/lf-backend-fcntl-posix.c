/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <fcntl.h>

#include "lf-fcntl-private.h"
#include "lf-kernel-file-private.h"
#include "lf-posix-locks-private.h"

/* The record locks of POSIX, for systems that have no locks of open file
 * descriptions. That two objects of one process exclude each other is our own
 * doing. */

static int
posix_lock (LfHandle *handle,
            gboolean  wait)
{
  if (wait)
    return lf_fcntl_call (handle->fd, F_SETLKW, lf_fcntl_get_type (handle));

  return lf_posix_locks_try (handle);
}

static const LfKernelFileOperations posix_operations = {
  .backend = &lf_backend_fcntl,
  .kind = LF_KERNEL_LOCK_FCNTL,
  .lock = posix_lock,
  .unlock = lf_posix_locks_unlock,
  .test = lf_posix_locks_test,
};

LF_KERNEL_FILE_DEFINE_BACKEND (lf_backend_fcntl, LF_BACKEND_FCNTL, lf_waiting_posix_queue,
                               posix_operations)
