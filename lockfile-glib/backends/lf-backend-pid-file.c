/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

/* A file that names its holder. The holder keeps it locked with flock(2), so QLockFile,
 * which removes files that it considers too old, does not remove ours. Whatever the record
 * says, the holder of a locked file is not dead. */

const LfDotlockBackend lf_backend_pid_file = {
  .vtable = {
    .backend = LF_BACKEND_PID_FILE,
    LF_DOTLOCK_METHODS,
  },
  .has_inode = TRUE,
  .file_type = S_IFREG,
  .shows_fd = TRUE,
  .look = lf_dotlock_look_at_file,
  .prepare = lf_dotlock_prepare_file,
  .make = lf_dotlock_make_file,
  .verify = lf_dotlock_verify_inode,
  .remove = lf_dotlock_remove_name,
};
