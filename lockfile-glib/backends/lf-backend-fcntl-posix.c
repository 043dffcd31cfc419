/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include <fcntl.h>

#include "backends/lf-kernel-file-private.h"
#include "os/lf-fcntl-private.h"
#include "os/lf-posix-locks-private.h"

/* POSIX record locks, for systems without open-file-description locks. The kernel does not
 * distinguish two objects of one process, so this does: the data of a handle is its claim. */

static gboolean
is_exclusive (const LfHandle *handle)
{
  return handle->request.mode == LF_LOCK_MODE_EXCLUSIVE;
}

static int
posix_lock (LfHandle *handle,
            gboolean  wait)
{
  LfPosixClaim *claim = handle->data;
  int result;

  if (wait)
    return lf_fcntl_call (handle->fd, F_SETLKW, is_exclusive (handle) ? F_WRLCK : F_RDLCK);

  result = lf_posix_locks_try (&claim, handle->fd, handle->device, handle->inode,
                               is_exclusive (handle));
  handle->data = claim;

  return result;
}

static int
posix_unlock (LfHandle *handle)
{
  return handle->data != NULL ? lf_posix_locks_unlock (handle->data, handle->fd) : 0;
}

static int
posix_test (LfHandle *handle,
            gboolean *locked,
            int      *pid)
{
  return lf_posix_locks_test (handle->fd, handle->device, handle->inode, locked, pid);
}

static LfLockHolder *
posix_get_obstacle (const LfBackendVTable *vtable,
                    LfHandle              *handle)
{
  int pid = handle->fd >= 0 ? lf_fcntl_get_holder (handle->fd, F_GETLK,
                                                   is_exclusive (handle) ? F_WRLCK : F_RDLCK,
                                                   NULL) : 0;

  return pid > 0 ? lf_lock_holder_new (pid, g_get_host_name (), NULL) : NULL;
}

static gpointer
posix_line_up (const LfBackendVTable *vtable,
               LfHandle              *handle)
{
  LfPosixClaim *claim = handle->data;

  /* A file with a lease is not open yet */
  if (handle->fd < 0)
    return NULL;

  lf_posix_locks_line_up (&claim, handle->device, handle->inode, is_exclusive (handle));
  handle->data = claim;

  return claim;
}

static gboolean
posix_wait_turn (gpointer turn)
{
  return turn == NULL || lf_posix_claim_wait_turn (turn);
}

static void
posix_stop_turn (gpointer turn)
{
  lf_posix_claim_stop (turn);
}

static void
posix_close (const LfBackendVTable *vtable,
             LfHandle              *handle)
{
  LfPosixClaim *claim = g_steal_pointer (&handle->data);
  int fd = handle->fd;

  lf_handle_forget_fd (handle);
  handle->fd = -1;
  if (fd >= 0 || claim != NULL)
    lf_posix_locks_close (claim, fd, handle->device, handle->inode);
}

const LfKernelFileBackend lf_backend_fcntl = {
  .vtable = {
    .backend = LF_BACKEND_FCNTL,
    .get_obstacle = posix_get_obstacle,
    .line_up = posix_line_up,
    .wait_turn = posix_wait_turn,
    .stop_turn = posix_stop_turn,
    .close = posix_close,
    LF_KERNEL_FILE_METHODS,
  },
  .kind = LF_KERNEL_LOCK_FCNTL,
  .read_access = LF_UNIX_FILE_READ,
  .writes_to_exclude = TRUE,
  .lock = posix_lock,
  .unlock = posix_unlock,
  .test = posix_test,
  .test_disturbs_nobody = TRUE,
};
