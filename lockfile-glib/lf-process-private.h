/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The ID of the calling process, which is another one after fork(). One file a
 * platform. */
int lf_process_get_id (void);

G_END_DECLS
