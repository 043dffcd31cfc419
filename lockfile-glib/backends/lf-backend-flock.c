/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "backends/lf-kernel-file-private.h"
#include "os/lf-fcntl-private.h"
#include "os/lf-flock-private.h"

/* flock(2): the lock belongs to the open file description, so two objects of one process
 * exclude each other as two processes do. */

static int
flock_lock (LfHandle *handle,
            gboolean  wait)
{
  int operation = handle->request.mode == LF_LOCK_MODE_SHARED ? LOCK_SH : LOCK_EX;

  if (wait)
    return flock (handle->fd, operation) == 0 ? 0 : errno;

  return lf_flock_uninterrupted (handle->fd, operation | LOCK_NB);
}

static int
flock_unlock (LfHandle *handle)
{
  return lf_flock_uninterrupted (handle->fd, LOCK_UN);
}

/* If a server has only one kind of lock, fcntl(2) can test for it. Otherwise this takes the
 * lock for a moment. If another program tries to lock in that moment, it fails although
 * nobody uses the file. */
static int
flock_test (LfHandle *handle,
            gboolean *locked,
            int      *pid)
{
  int result;

  *pid = 0;
  if (lf_kernel_locks_are_one_kind (handle->request.path))
    return lf_fcntl_test (handle->fd, F_GETLK, locked, pid);

  result = lf_flock_uninterrupted (handle->fd, LOCK_EX | LOCK_NB);

  *locked = result == EWOULDBLOCK;
  if (result == 0)
    lf_flock_uninterrupted (handle->fd, LOCK_UN);

  return *locked ? 0 : result;
}

const LfKernelFileBackend lf_backend_flock = {
  .vtable = {
    .backend = LF_BACKEND_FLOCK,
    .close = lf_backend_close_fd,
    .adopt = lf_kernel_file_adopt,
    LF_KERNEL_FILE_METHODS,
  },
  .kind = LF_KERNEL_LOCK_FLOCK,
  .read_access = LF_UNIX_FILE_READ_ANY,
  .lock = flock_lock,
  .unlock = flock_unlock,
  .test = flock_test,
};
