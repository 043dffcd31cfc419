/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <fcntl.h>

#include "lf-fcntl-private.h"
#include "lf-kernel-file-private.h"

/* Open-file-description locks of fcntl(2): the lock belongs to the description,
 * as flock(2)'s do, and it and the locks of POSIX, which belong to a process,
 * exclude each other. */

static int
ofd_lock (LfHandle *handle,
          gboolean  wait)
{
  if (wait)
    return lf_fcntl_call (handle->fd, F_OFD_SETLKW, lf_fcntl_get_type (handle));

  return lf_fcntl_uninterrupted (handle->fd, F_OFD_SETLK, lf_fcntl_get_type (handle));
}

static int
ofd_unlock (LfHandle *handle)
{
  return lf_fcntl_uninterrupted (handle->fd, F_OFD_SETLK, F_UNLCK);
}

static int
ofd_test (LfHandle *handle,
          gboolean *locked)
{
  return lf_fcntl_test (handle->fd, F_OFD_GETLK, locked);
}

static const LfKernelFileOperations ofd_operations = {
  .backend = &lf_backend_fcntl,
  .kind = LF_KERNEL_LOCK_FCNTL,
  .lock = ofd_lock,
  .unlock = ofd_unlock,
  .test = ofd_test,
};

LF_KERNEL_FILE_DEFINE_BACKEND (lf_backend_fcntl, LF_BACKEND_FCNTL, lf_waiting_kernel_queue,
                               ofd_operations)
