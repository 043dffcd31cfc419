/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-mounts-private.h"

/* For systems that list mounts in another way. */
gboolean
lf_mounts_find (const char *path,
                LfMount    *mount)
{
  *mount = (LfMount) { NULL, NULL };

  return FALSE;
}

void
lf_mount_clear (LfMount *mount)
{
}
