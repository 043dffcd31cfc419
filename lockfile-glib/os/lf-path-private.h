/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What @path, which is not empty, means in the current directory, so that it means
 * that in any. One file per platform. */
char *lf_path_make_absolute (const char *path);

/* Whether what was made absolute is. It is not where there was no current directory to
 * make it so; then it must not come to mean something in another one. */
gboolean lf_path_has_directory (const char *path);

/* A path with a count of references. */
char *lf_path_new              (const char *path);
char *lf_path_ref              (const char *path);
void  lf_path_unref            (char       *path);

/* That of an open descriptor, as far as the system knows one. One file per platform. */
char *lf_path_new_for_fd       (int         fd);

/* For messages. */
char *lf_path_get_display_name (const char *path);

G_END_DECLS
