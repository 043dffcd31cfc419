/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Keeps the library where it is until the process ends, whoever unloads it: GLib
 * remembers its types, and its threads may be there. One file per platform. */
void lf_library_keep_loaded (void);

G_END_DECLS
