/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Closes a descriptor, or keeps it open for as long as the program itself has a lock of
 * POSIX on the file, which the process would lose. What is kept is used again. */
void lf_kept_descriptors_close (int     fd,
                                guint64 device,
                                guint64 inode);

G_END_DECLS
