/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* FALSE if this process surely has no lock of POSIX on that part of the file, which it loses
 * with the first descriptor of the file that anything in it closes. */
gboolean lf_own_locks_may_have (int      fd,
                                gint64   start,
                                gint64   length,
                                gboolean exclusive);

G_END_DECLS
