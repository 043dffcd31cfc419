/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* POSIX record locks belong to a process. Here they belong to a claim. */

typedef struct _LfPosixClaim LfPosixClaim;

int      lf_posix_locks_try       (LfPosixClaim  **claim,
                                   int             fd,
                                   guint64         device,
                                   guint64         inode,
                                   gboolean        exclusive);
int      lf_posix_locks_unlock    (LfPosixClaim   *claim,
                                   int             fd);
int      lf_posix_locks_test      (int             fd,
                                   guint64         device,
                                   guint64         inode,
                                   gboolean       *locked,
                                   int            *pid);
void     lf_posix_locks_close     (LfPosixClaim   *claim,
                                   int             fd,
                                   guint64         device,
                                   guint64         inode);

/* Before a claim may sleep in the kernel's queue, it must have its turn in this process. */
void     lf_posix_locks_line_up   (LfPosixClaim  **claim,
                                   guint64         device,
                                   guint64         inode,
                                   gboolean        exclusive);
gboolean lf_posix_claim_wait_turn (LfPosixClaim   *claim);
void     lf_posix_claim_stop      (LfPosixClaim   *claim);

G_END_DECLS
