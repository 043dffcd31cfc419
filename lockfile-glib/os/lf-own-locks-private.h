/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* FALSE if this process certainly has no POSIX lock on that part of the file. It would lose
 * such a lock as soon as any part of the process closes any descriptor of the file. */
gboolean lf_own_locks_may_have (int      fd,
                                gint64   start,
                                gint64   length,
                                gboolean exclusive);

G_END_DECLS
