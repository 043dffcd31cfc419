/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* All lines of /proc/locks that were seen, some of them twice. Sets @is_complete if every
 * lock that was held all the time is certainly among them. NULL if the list cannot be read. */
char *lf_lock_list_read (gboolean *is_complete);

G_END_DECLS
