/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-file-system-private.h"

#include <windows.h>

/* A file system that is mounted at a longer path counts as not local. */
#define MAX_MOUNT_POINT 1024

/* Windows does not tell what other hosts may lock. */
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
  g_autofree wchar_t *wide = (wchar_t *) g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  wchar_t mount_point[MAX_MOUNT_POINT];
  UINT type;

  if (wide == NULL || !GetVolumePathNameW (wide, mount_point, G_N_ELEMENTS (mount_point)))
    return FALSE;

  type = GetDriveTypeW (mount_point);

  return type == DRIVE_FIXED || type == DRIVE_REMOVABLE || type == DRIVE_RAMDISK;
}
