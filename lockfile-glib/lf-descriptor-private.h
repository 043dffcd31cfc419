/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-handle-private.h"

G_BEGIN_DECLS

/* How the descriptor of a lock file is closed. Where a lock belongs to the process
 * and not to an open file, closing any descriptor of the file gives up the lock,
 * so it may have to be put off. One file a kind of lock. */

void     lf_descriptor_close (LfHandle    *handle);

/* Gives @handle a descriptor of the file at @path whose closing was put off.
 * FALSE if there is none, and it is to be opened. */
gboolean lf_descriptor_reuse (LfHandle    *handle,
                              const char  *path);

G_END_DECLS
