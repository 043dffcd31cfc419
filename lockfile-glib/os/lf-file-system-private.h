/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether all that have locks on the file system of a descriptor are of this kernel, which
 * knows them all. Returns 0 or an errno. One file per platform. */
int      lf_file_system_check_local   (int         fd,
                                       gboolean   *is_local);
/* The same; FALSE if that is not known. */
gboolean lf_file_system_path_is_local (const char *path);

/* Whether the kernel queues those who wait for a lock on the file system of a descriptor,
 * and wakes them. On NFS it may ask the server again, after up to half a minute. */
gboolean lf_file_system_has_queue     (int         fd);

G_END_DECLS
