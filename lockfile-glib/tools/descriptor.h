/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Locks of open descriptors, which whoever started us keeps. */

gboolean descriptor_parse (const char *text,
                           int        *fd);

/* The file behind it, if it has a path; else its number. */
char    *descriptor_get_name (int fd);

/* @operation is of flock(2). A @timeout below 0 waits for ever, 0 does not wait. */
gboolean descriptor_lock (int       fd,
                          int       operation,
                          double    timeout,
                          GError  **error);

G_END_DECLS
