/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The record locks of fcntl(2); the command decides who owns them. They cover the whole
 * file, however long it becomes. */

int   lf_fcntl_call           (int              fd,
                               int              command,
                               short            type);
int   lf_fcntl_uninterrupted  (int              fd,
                               int              command,
                               short            type);
int   lf_fcntl_test           (int              fd,
                               int              command,
                               gboolean        *locked,
                               int             *pid);
int   lf_fcntl_get_holder     (int              fd,
                               int              command,
                               short            type,
                               gboolean        *exclusive);

/* Whether the errno means that somebody else has the lock. One file per platform. */
gboolean lf_fcntl_is_contention (int           saved_errno);

G_END_DECLS
