/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-lock-file.h"

G_BEGIN_DECLS

/* What guards need beyond the public methods: to tell one grant from another. */

gboolean lf_lock_file_acquire_sync   (LfLockFile    *self,
                                      const double  *timeout,
                                      gssize        *grant,
                                      GCancellable  *cancellable,
                                      GError       **error);
gssize   lf_lock_file_finish_acquire (LfLockFile    *self,
                                      GAsyncResult  *result,
                                      GError       **error);

/* Without @notify nothing calls back, into a language that is collecting garbage. */
gboolean lf_lock_file_release_grant  (LfLockFile    *self,
                                      gssize         grant,
                                      gboolean       notify,
                                      GError       **error);

G_END_DECLS
