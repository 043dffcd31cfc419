/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-lock-file.h"

G_BEGIN_DECLS

/* What guards need beyond the public methods: to tell one grant from another. */

gboolean lf_lock_file_acquire_sync  (LfLockFile    *self,
                                     const double  *timeout,
                                     gssize        *grant,
                                     GCancellable  *cancellable,
                                     GError       **error);
gboolean lf_lock_file_release_grant (LfLockFile    *self,
                                     gssize         grant,
                                     GError       **error);

G_END_DECLS
