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

static LfAttempt
lf_backend_hard_link_attempt (LfHandle         *handle,
                              const LfRequest  *request,
                              GError          **error)
{
  return lf_existence_attempt (&existence, handle, request, error);
}

static LfRelease
lf_backend_hard_link_release (LfHandle    *handle,
                              const char  *path,
                              gboolean     remove,
                              GError     **error)
{
  return lf_existence_release (&existence, handle, error);
}

static gboolean
lf_backend_hard_link_look (const char    *path,
                           LfLockHolder **holder,
                           GError       **error)
{
  return lf_existence_look (&existence, path, holder, error);
}

static gboolean
lf_backend_hard_link_break_lock (const char  *path,
                                 GError     **error)
{
  return lf_existence_break (&existence, path, error);
}

const LfBackendClass lf_backend_hard_link = {
  .backend = LF_BACKEND_HARD_LINK,
  .waiting = &lf_waiting_looks,
  .is_existence = TRUE,
  .attempt = lf_backend_hard_link_attempt,
  .drop = lf_existence_drop,
  .release = lf_backend_hard_link_release,
  .look = lf_backend_hard_link_look,
  .break_lock = lf_backend_hard_link_break_lock,
};
