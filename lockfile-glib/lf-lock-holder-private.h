/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-lock-holder.h"

G_BEGIN_DECLS

/* Text from a record may hold anything; what is not printable is replaced. */
LfLockHolder *lf_lock_holder_new             (int         pid,
                                              const char *host,
                                              const char *application);

/* A process of this host; with a @pid of 0 one that cannot be seen. */
LfLockHolder *lf_lock_holder_new_for_process (int         pid);

G_END_DECLS
