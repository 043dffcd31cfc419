/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether this kernel knows all locks on the file system of a descriptor, since no other
 * host has any. Returns 0 or an errno. One file per platform. */
int      lf_file_system_check_local   (int         fd,
                                       gboolean   *is_local);
/* The same; FALSE if it is not known. */
gboolean lf_file_system_path_is_local (const char *path);

/* Whether the kernel queues waiters for a lock on the file system of a descriptor, and
 * wakes them. On NFS the kernel may instead ask the server again, up to half a minute
 * later. */
gboolean lf_file_system_has_queue     (int         fd);

G_END_DECLS
