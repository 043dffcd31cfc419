/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <lockfile-glib/lockfile-glib.h>

G_BEGIN_DECLS

/* All who hold a lock of the kernel: the library names one of them. One file per
 * platform. */

typedef struct
{
  int pid;
  LfLockMode mode;
} KernelHolder;

/* Those that can be seen. Nobody for a @backend whose locks are files. */
GArray *kernel_holders_find (const char *path,
                             LfBackend   backend);

G_END_DECLS
