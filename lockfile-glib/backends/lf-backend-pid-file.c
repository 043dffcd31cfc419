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

LF_EXISTENCE_DEFINE_BACKEND (lf_backend_pid_file, LF_BACKEND_PID_FILE, existence)
