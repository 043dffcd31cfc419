/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Closes a descriptor, or keeps it open as long as the program itself has a POSIX lock on
 * the file, which closing would release. Kept descriptors are reused. */
void lf_kept_descriptors_close (int     fd,
                                guint64 device,
                                guint64 inode);

G_END_DECLS
