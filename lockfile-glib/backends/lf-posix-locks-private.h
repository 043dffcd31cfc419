/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-handle-private.h"

G_BEGIN_DECLS

/* The record locks of POSIX, which belong to a process: here they belong to a
 * handle. */

typedef struct _LfPosixClaim LfPosixClaim;

int           lf_posix_locks_try       (LfHandle      *handle);
int           lf_posix_locks_unlock    (LfHandle      *handle);
int           lf_posix_locks_test      (LfHandle      *handle,
                                        gboolean      *locked);

/* Before a handle may sleep in the kernel's queue, it must be its turn in this
 * process. The claim is the handle's. */
LfPosixClaim *lf_posix_locks_line_up   (LfHandle      *handle);
gboolean      lf_posix_locks_wait_turn (LfPosixClaim  *claim);
void          lf_posix_locks_stop      (LfPosixClaim  *claim);

G_END_DECLS
