/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Keeps the library loaded until the process ends, even if a program unloads it: GLib
 * refers to its types, and its threads may run. One file per platform. */
void lf_library_keep_loaded (void);

/* Where the modules of this library are installed. The environment may name another directory,
 * but not to a program with more rights than its caller. One file per platform. */
char *lf_library_get_modules_directory (void);

G_END_DECLS
