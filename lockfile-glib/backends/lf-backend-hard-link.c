/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-dotlock-private.h"

/* A file that is linked to the path: link(2) fails if there is something. It works
 * on every file system that has hard links, network file systems included. */

static LfDotlockResult
make (const LfDotlockBackend  *self,
      LfHandle                *handle,
      const char              *record,
      GError                 **error)
{
  LfDotlockResult result = lf_dotlock_make_file (self, handle, record, error);

  /* Nothing is done with the file; what counts is that it is there */
  lf_handle_close_fd (handle);

  return result;
}

const LfDotlockBackend lf_backend_hard_link = {
  .vtable = {
    .backend = LF_BACKEND_HARD_LINK,
    LF_DOTLOCK_METHODS,
  },
  .read = lf_dotlock_read_file,
  .make = make,
  .remove = lf_dotlock_remove_file,
};
