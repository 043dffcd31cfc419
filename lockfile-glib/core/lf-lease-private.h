/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* The lease of one granted lock, which is renewed until it is stopped. Any thread may call. */
typedef struct _LfLease LfLease;

/* Called once, in a thread of the library, when the lease is over. */
typedef void (*LfLeaseOver) (LfLease  *lease,
                             gpointer  data);

/* Begins to renew the lease of a lock that was just granted. Returns NULL with an errno. */
LfLease *lf_lease_new     (LfHandle       *handle);

/* Whether the lock may no longer be used: somebody else may take it soon, or has taken it. This
 * never waits for a file system. */
gboolean lf_lease_is_over (LfLease        *self);

/* Whether a renewal has found that the lock is no longer at its path. */
gboolean lf_lease_is_lost (LfLease        *self);

/* Calls @over when the lease is over, or soon if it already is. The caller may hold the mutex
 * of the claims. */
void     lf_lease_watch   (LfLease        *self,
                           LfLeaseOver     over,
                           gpointer        data,
                           GDestroyNotify  destroy);

/* The end of the lease is to be reported again. */
void     lf_lease_poke    (LfLease        *self);

/* Ends the renewals, without waiting for one in progress, and drops the reference. */
void     lf_lease_stop    (LfLease        *self);

G_END_DECLS
