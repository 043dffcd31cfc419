/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-existence-private.h"

/* A file that is linked to the path: link(2) fails if there is something. It works
 * on every file system that has hard links, network file systems included. */

static LfExistence
make (LfHandle         *handle,
      const LfRequest  *request,
      const char       *record,
      GError          **error);

static const LfExistenceClass existence = {
  .backend = &lf_backend_hard_link,
  .read = lf_existence_read_file,
  .make = make,
  .remove = lf_existence_remove_file,
};

static LfExistence
make (LfHandle         *handle,
      const LfRequest  *request,
      const char       *record,
      GError          **error)
{
  LfExistence result = lf_existence_make_file (&existence, request, record, &handle->fd, error);

  /* Nothing is done with the file; what counts is that it is there */
  lf_handle_close (handle);

  return result;
}

LF_EXISTENCE_DEFINE_BACKEND (lf_backend_hard_link, LF_BACKEND_HARD_LINK, existence)
