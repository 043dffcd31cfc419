/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-file-system-private.h"

gboolean
lf_file_system_is_local (int fd)
{
  return FALSE;
}

gboolean
lf_file_system_has_queue (int fd)
{
  return TRUE;
}

gboolean
lf_file_system_path_is_local (const char *path)
{
  return FALSE;
}
