/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-existence-private.h"

/* A file that names its holder, who has it locked with flock(2) as long as it
 * lives. So QLockFile, which removes what it thinks is too old, does not remove
 * ours; and whatever a record says, nobody is dead whose file is locked. */

static LfExistence
make (LfHandle         *handle,
      const LfRequest  *request,
      const char       *record,
      GError          **error);

static const LfExistenceClass existence = {
  .backend = &lf_backend_pid_file,
  .read = lf_existence_read_file,
  .make = make,
  .remove = lf_existence_remove_file,
  .has_flock = TRUE,
};

static LfExistence
make (LfHandle         *handle,
      const LfRequest  *request,
      const char       *record,
      GError          **error)
{
  return lf_existence_make_file (&existence, request, record, &handle->fd, error);
}

static LfAttempt
lf_backend_pid_file_attempt (LfHandle         *handle,
                             const LfRequest  *request,
                             GError          **error)
{
  return lf_existence_attempt (&existence, handle, request, error);
}

static LfRelease
lf_backend_pid_file_release (LfHandle    *handle,
                             const char  *path,
                             gboolean     remove,
                             GError     **error)
{
  return lf_existence_release (&existence, handle, error);
}

static gboolean
lf_backend_pid_file_look (const char    *path,
                          LfLockHolder **holder,
                          GError       **error)
{
  return lf_existence_look (&existence, path, holder, error);
}

static gboolean
lf_backend_pid_file_break_lock (const char  *path,
                                GError     **error)
{
  return lf_existence_break (&existence, path, error);
}

const LfBackendClass lf_backend_pid_file = {
  .backend = LF_BACKEND_PID_FILE,
  .waiting = &lf_waiting_looks,
  .is_existence = TRUE,
  .attempt = lf_backend_pid_file_attempt,
  .drop = lf_existence_drop,
  .release = lf_backend_pid_file_release,
  .look = lf_backend_pid_file_look,
  .break_lock = lf_backend_pid_file_break_lock,
};
