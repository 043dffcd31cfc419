/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes @path absolute; it must not be empty. One file per platform. */
char *lf_path_make_absolute (const char *path);

/* Whether lf_path_make_absolute() succeeded. It fails if there is no current directory.
 * Then the path must not be used: it could mean something in another directory. */
gboolean lf_path_has_directory (const char *path);

/* A reference-counted path. */
char *lf_path_new              (const char *path);
char *lf_path_ref              (const char *path);
void  lf_path_unref            (char       *path);

/* The path of an open descriptor, if the system knows one. One file per platform. */
char *lf_path_new_for_fd       (int         fd);

/* Only for messages. */
char *lf_path_get_display_name (const char *path);

G_END_DECLS
