/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-lock-holder.h"

G_BEGIN_DECLS

/* Text from a record may contain anything, so unprintable characters are replaced. */
LfLockHolder *lf_lock_holder_new             (int         pid,
                                              const char *host,
                                              const char *application);

/* A process of this host. A @pid of 0 means a process that cannot be seen. */
LfLockHolder *lf_lock_holder_new_for_process (int         pid);

G_END_DECLS
