/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include <errno.h>
#include <fcntl.h>

#include "backends/lf-kernel-file-private.h"
#include "lf-errors.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-fcntl-private.h"
#include "os/lf-kept-descriptors-private.h"
#include "os/lf-path-private.h"
#include "os/lf-process-private.h"
#include "os/lf-translate-private.h"

/* Open-file-description locks of fcntl(2): like flock(2) locks, they belong to the open
 * file description. They and POSIX locks, which belong to a process, exclude each other. */

static short
get_type (const LfHandle *handle)
{
  return handle->request.mode == LF_LOCK_MODE_SHARED ? F_RDLCK : F_WRLCK;
}

static int
ofd_lock (LfHandle *handle,
          gboolean  wait)
{
  if (wait)
    return lf_fcntl_call (handle->fd, F_OFD_SETLKW, get_type (handle));

  return lf_fcntl_uninterrupted (handle->fd, F_OFD_SETLK, get_type (handle));
}

static int
ofd_unlock (LfHandle *handle)
{
  return lf_fcntl_uninterrupted (handle->fd, F_OFD_SETLK, F_UNLCK);
}

static int
ofd_test (LfHandle *handle,
          gboolean *locked,
          int      *pid)
{
  return lf_fcntl_test (handle->fd, F_OFD_GETLK, locked, pid);
}

/* The data of a handle whose attempt has just found a lock of another process that leaves
 * no room for a POSIX lock of this program. */
#define NO_LOCK_OF_PROGRAM GINT_TO_POINTER (1)

/* Closing any descriptor of a file releases the POSIX locks that the program itself has on
 * it. */
static void
ofd_close (const LfBackendVTable *vtable,
           LfHandle              *handle)
{
  lf_handle_forget_fd (handle);
  if (handle->fd >= 0 && handle->data == NO_LOCK_OF_PROGRAM)
    lf_close (handle->fd);
  else if (handle->fd >= 0)
    lf_kept_descriptors_close (handle->fd, handle->device, handle->inode);
  handle->data = NULL;
  handle->fd = -1;
}

/* The kernel replaces the lock of an open file description in one step, or does not change
 * it. */
static LfAttempt
ofd_convert (const LfBackendVTable  *vtable,
             LfHandle               *handle,
             LfLockMode              mode,
             GError                **error)
{
  LfHandle converted = { .fd = handle->fd, .request.mode = mode };
  int result = ofd_lock (&converted, FALSE);

  if (result == EWOULDBLOCK)
    return LF_ATTEMPT_BUSY;

  if (result == EBADF)
    {
      g_autofree char *display_name = lf_path_get_display_name (handle->request.path);

      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                   _("The shared lock of %s is not upgradable: its file is open for reading only"),
                   display_name);
      return LF_ATTEMPT_ERROR;
    }

  if (result != 0)
    {
      vtable->set_block_error (vtable, handle, result, error);
      return LF_ATTEMPT_ERROR;
    }

  handle->request.mode = mode;

  return LF_ATTEMPT_GRANTED;
}

/* The kernel names the process that has a POSIX lock, but no process for an open file
 * description. */
static LfLockHolder *
ofd_get_obstacle (const LfBackendVTable *vtable,
                  LfHandle              *handle)
{
  gboolean exclusive = FALSE;
  int pid = handle->fd >= 0 ? lf_fcntl_get_holder (handle->fd, F_OFD_GETLK, get_type (handle),
                                                   &exclusive) : 0;

  handle->data = exclusive && pid != lf_process_get_id () ? NO_LOCK_OF_PROGRAM : NULL;

  return pid > 0 ? lf_lock_holder_new (pid, g_get_host_name (), NULL) : NULL;
}

const LfKernelFileBackend lf_backend_fcntl = {
  .vtable = {
    .backend = LF_BACKEND_FCNTL,
    .get_obstacle = ofd_get_obstacle,
    .close = ofd_close,
    .adopt = lf_kernel_file_adopt,
    .convert = ofd_convert,
    LF_KERNEL_FILE_METHODS,
  },
  .kind = LF_KERNEL_LOCK_FCNTL,
  .read_access = LF_UNIX_FILE_READ,
  .writes_to_exclude = TRUE,
  .lock = ofd_lock,
  .unlock = ofd_unlock,
  .test = ofd_test,
  .test_disturbs_nobody = TRUE,
  .test_sees_this_process = TRUE,
};
