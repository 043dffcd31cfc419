/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

/* A file that is linked to the path: link(2) fails if the path exists. This works on every
 * file system that has hard links, including network file systems. */

const LfDotlockBackend lf_backend_hard_link = {
  .vtable = {
    .backend = LF_BACKEND_HARD_LINK,
    LF_DOTLOCK_METHODS,
  },
  .has_inode = TRUE,
  .file_type = S_IFREG,
  .look = lf_dotlock_look_at_file,
  .prepare = lf_dotlock_prepare_file,
  .make = lf_dotlock_make_file,
  .verify = lf_dotlock_verify_inode,
  .remove = lf_dotlock_remove_name,
};
