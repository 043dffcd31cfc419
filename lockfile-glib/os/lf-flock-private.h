/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* flock(2), repeated after EINTR. Returns 0 or an errno: EWOULDBLOCK if somebody else has
 * the lock. */
int lf_flock_uninterrupted (int fd,
                            int operation);

G_END_DECLS
