/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What @path, which is not empty, means in the current directory, so that it means
 * that in any. One file a platform. */
char *lf_path_make_absolute (const char *path);

G_END_DECLS
