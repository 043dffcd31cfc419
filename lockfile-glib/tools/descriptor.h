/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Locks on open descriptors, which the process that started lf-lock keeps open. */

gboolean descriptor_parse (const char *text,
                           int        *fd);

/* The file of the descriptor, if it has a path; otherwise its number. */
char    *descriptor_get_name (int fd);

/* @operation is one of flock(2). A @timeout below 0 waits forever, 0 does not wait. */
gboolean descriptor_lock (int       fd,
                          int       operation,
                          double    timeout,
                          GError  **error);

G_END_DECLS
