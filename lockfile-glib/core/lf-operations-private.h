/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* Everything that is done with a lock, except acquiring it. */

/* NULL with an error if this build does not have the backend. */
const LfBackendVTable *
          lf_operations_find_backend (LfBackend               backend,
                                      GError                **error);

/* The backend of a lock in a cluster. NULL with an error if its module cannot be loaded. */
const LfBackendVTable *
          lf_operations_get_remote_backend (const LfEngineConfig  *config,
                                            GError               **error);

/* The backend of semaphores. */
const LfBackendVTable *
          lf_operations_get_slots_backend (void);

/* Begins the lease of a lock that was just granted, if it has one. Returns FALSE with an error,
 * and releases the lock, if that is not possible. */
gboolean  lf_operations_begin_lease  (LfHandle               *handle,
                                      GError                **error);

/* Whether the lease of a held lock is over. Then its path is no longer touched. */
gboolean  lf_operations_is_over      (const LfHandle         *handle);

/* The error for such a lock. With @asks, it says whose the lock is now. */
void      lf_operations_set_over_error (LfHandle             *handle,
                                        gboolean              asks,
                                        GError              **error);

/* Releases what @handle holds, and wakes waiters of this process. Returns DONE, LOST with
 * an error that says whose the lock is now, or FAILED. */
LfRelease lf_operations_release      (LfHandle               *handle,
                                      GError                **error);

/* The same for a caller that needs no result, and does not wait for a server. Frees nothing. */
LfRelease lf_operations_abandon      (LfHandle               *handle);

/* Checks whether @handle still holds its lock. */
LfVerdict lf_operations_verify       (LfHandle               *handle,
                                      GError                **error);

/* Tries once to change the mode of a held lock without releasing it. */
LfAttempt lf_operations_convert      (LfHandle               *handle,
                                      LfLockMode              mode,
                                      GError                **error);

/* Takes the descriptor out of a handle that no object holds, and frees the handle. */
int       lf_operations_steal_fd     (LfHandle               *handle);

/* For a descriptor whose lock is to be acquired, or is already held. NULL with an error if
 * the backend cannot lock it. */
LfAdopted *
          lf_operations_adopt        (const LfBackendVTable  *backend,
                                      int                     fd,
                                      const char             *path,
                                      GError                **error);

/* Releases without errors or notifications, and frees the handle. In a forked child it
 * leaves the lock alone. */
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

/* The error for releasing a lock that we do not hold. It depends on who holds the lock. */
void      lf_operations_set_not_held_error (const LfBackendVTable  *backend,
                                            const char             *path,
                                            GError                **error);

/* The same for a lock that nobody holds, as far as is known. */
void      lf_operations_set_not_locked_error (const char     *path,
                                              GError        **error);

G_END_DECLS
