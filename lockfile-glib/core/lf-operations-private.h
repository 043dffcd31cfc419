/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* What is done with a lock besides acquiring it. */

/* NULL with an error where this build has no such backend. */
const LfBackendVTable *
          lf_operations_find_backend (LfBackend               backend,
                                      GError                **error);

/* The one of a semaphore. */
const LfBackendVTable *
          lf_operations_get_slots_backend (void);

/* Releases what @handle holds, and lets waiters of this process know. DONE, LOST with
 * an error that says whose the lock is now, or FAILED. */
LfRelease lf_operations_release      (LfHandle               *handle,
                                      GError                **error);

/* Changes the mode of a lock without letting go of it, in one try. */
LfAttempt lf_operations_convert      (LfHandle               *handle,
                                      LfLockMode              mode,
                                      GError                **error);

/* Takes the descriptor out of a handle that is not held any more, which is freed. */
int       lf_operations_steal_fd     (LfHandle               *handle);

/* A descriptor whose lock is to be had, or is there already, or NULL with an error. */
LfAdopted *
          lf_operations_adopt        (const LfBackendVTable  *backend,
                                      int                     fd,
                                      const char             *path,
                                      GError                **error);

/* Releases without a word, and frees the handle. In a forked child it leaves the lock
 * alone. */
void      lf_operations_drop         (LfHandle               *handle);

gboolean  lf_operations_query_holder (const LfBackendVTable  *backend,
                                      const char             *path,
                                      LfLockHolder          **holder,
                                      GError                **error);
gboolean  lf_operations_break_lock   (const LfBackendVTable  *backend,
                                      const char             *path,
                                      GError                **error);

/* Whether the calling thread holds the lock of @path, through any object. */
gboolean  lf_operations_held_by_thread (const LfBackendVTable *backend,
                                        const char            *path);

/* The error for releasing what is not ours, which depends on whose it is. */
void      lf_operations_set_not_held_error (const LfBackendVTable  *backend,
                                            const char             *path,
                                            GError                **error);

G_END_DECLS
