/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What @path, which is not empty, means in the current directory, so that it means
 * that in any. One file per platform. */
char *lf_path_make_absolute (const char *path);

/* A path with a count of references. */
char *lf_path_new              (const char *path);
char *lf_path_ref              (const char *path);
void  lf_path_unref            (char       *path);

/* For messages. */
char *lf_path_get_display_name (const char *path);

G_END_DECLS
