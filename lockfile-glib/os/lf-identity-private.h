/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a system says about itself and its processes. One file per platform. Unknown values
 * are NULL or 0. @failure is set to an errno if another attempt could succeed. */

typedef enum
{
  LF_PROCESS_RUNNING,
  LF_PROCESS_GONE,
  LF_PROCESS_UNKNOWN, /* it exists, but its start time is unknown */
} LfProcessState;

char           *lf_identity_get_machine_id      (int         *failure);
char           *lf_identity_get_boot_id         (int         *failure);
guint64         lf_identity_get_pid_namespace   (int         *failure);
guint64         lf_identity_get_time_namespace  (int         *failure);
char           *lf_identity_get_application     (int          pid);

/* @start_time is in units of the platform, and set if the process runs. */
LfProcessState  lf_identity_get_process_state   (int          pid,
                                                 guint64     *start_time,
                                                 int         *failure);

/* A unique text of letters and digits. */
char           *lf_identity_new_token           (void);

/* Like renameat(2) within a directory, but fails with EEXIST. Returns 0 or an errno: EINVAL
 * or ENOSYS if it cannot be done. For DIRECTORY, which not every platform has. */
int             lf_identity_rename_no_replace   (int          directory,
                                                 const char  *from,
                                                 const char  *to);

G_END_DECLS
