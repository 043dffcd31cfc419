/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "kernel-holders.h"

GArray *
kernel_holders_find (const char *path,
                     LfBackend   backend)
{
  return g_array_new (FALSE, FALSE, sizeof (KernelHolder));
}
