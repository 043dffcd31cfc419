/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* A FUSE file system with an empty file, which leaves locks to the kernel. Its server is a
 * process: if it is stopped with a signal, the file system does not answer. */

#define FUSE_TYPE "fuse.lf-test"
#define FUSE_FILE "test.lock"

/* Mounts it at @top, which it makes, in new namespaces. Returns 0 if that is not possible. */
pid_t fuse_start (const char *top);
void  fuse_stop  (const char *top, pid_t server);

G_END_DECLS
