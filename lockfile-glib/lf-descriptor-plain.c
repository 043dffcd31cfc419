/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-descriptor-private.h"

/* For locks that belong to an open file. */

void
lf_descriptor_close (LfHandle *handle)
{
  lf_close (handle->fd);
}

gboolean
lf_descriptor_reuse (LfHandle   *handle,
                     const char *path)
{
  return FALSE;
}
