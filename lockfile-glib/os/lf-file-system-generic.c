/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-file-system-private.h"

int
lf_file_system_check_local (int       fd,
                            gboolean *is_local)
{
  *is_local = FALSE;

  return 0;
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
