/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <lockfile-glib/lockfile-glib.h>

G_BEGIN_DECLS

/* All holders of a kernel lock; the library names only one of them. One file per platform. */

typedef struct
{
  int pid;
  LfLockMode mode;
} KernelHolder;

/* All holders that can be seen. Empty if locks of @backend are files. */
GArray *kernel_holders_find (const char *path,
                             LfBackend   backend);

G_END_DECLS
