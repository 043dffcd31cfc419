/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* The family of backends whose lock is the existence of something at the path. */

typedef enum
{
  LF_DOTLOCK_ABSENT,
  LF_DOTLOCK_PRESENT,
  LF_DOTLOCK_RETRY, /* it has just changed */
  LF_DOTLOCK_ERROR, /* the only one that sets a GError */
} LfDotlockResult;

typedef struct _LfDotlockBackend LfDotlockBackend;

struct _LfDotlockBackend
{
  LfBackendVTable vtable;

  /* Reads the record of the lock at the path: NULL with errno if it cannot be read. Fails
   * if the path has something that cannot be such a lock. */
  LfDotlockResult (*read) (const LfDotlockBackend  *self,
                           const char              *path,
                           char                   **record,
                           GError                 **error);

  /* Makes a lock with its record in one step: PRESENT if it is ours, ABSENT if the path
   * already exists. */
  LfDotlockResult (*make) (const LfDotlockBackend  *self,
                           LfHandle                *handle,
                           const char              *record,
                           GError                 **error);

  /* Removes the lock that has this record; 0 or an errno. ENOENT if the lock at the path
   * has another record. */
  int (*remove) (const char *path,
                 const char *record);

  /* Whether the holder also has the file locked with flock(2) */
  gboolean has_flock;
};

LfAttempt       lf_dotlock_attempt         (const LfBackendVTable   *vtable,
                                            LfHandle                *handle,
                                            GError                 **error);
void            lf_dotlock_drop            (const LfBackendVTable   *vtable,
                                            LfHandle                *handle);
LfRelease       lf_dotlock_release         (const LfBackendVTable   *vtable,
                                            LfHandle                *handle,
                                            GError                 **error);
LfVerdict       lf_dotlock_verify          (const LfBackendVTable   *vtable,
                                            LfHandle                *handle,
                                            GError                 **error);
void            lf_dotlock_close           (const LfBackendVTable   *vtable,
                                            LfHandle                *handle);
gboolean        lf_dotlock_query_holder    (const LfBackendVTable   *vtable,
                                            const char              *path,
                                            LfLockHolder           **holder,
                                            GError                 **error);
gboolean        lf_dotlock_break_lock      (const LfBackendVTable   *vtable,
                                            const char              *path,
                                            GError                 **error);

/* The methods that all members of the family share */
#define LF_DOTLOCK_METHODS \
  .is_dotlock = TRUE, \
  .attempt = lf_dotlock_attempt, \
  .drop = lf_dotlock_drop, \
  .verify = lf_dotlock_verify, \
  .leave = lf_backend_leave_fd, \
  .release = lf_dotlock_release, \
  .close = lf_dotlock_close, \
  .query_holder = lf_dotlock_query_holder, \
  .break_lock = lf_dotlock_break_lock

extern const LfDotlockBackend lf_backend_hard_link;
extern const LfDotlockBackend lf_backend_directory;
extern const LfDotlockBackend lf_backend_symlink;
extern const LfDotlockBackend lf_backend_pid_file;

/* A unique name in the directory of the lock. */
char           *lf_dotlock_new_unique_path (const char              *path);

LfDotlockResult lf_dotlock_fail            (const LfDotlockBackend  *self,
                                            const char              *path,
                                            int                      saved_errno,
                                            GError                 **error);

/* The following functions depend on the platform. */

/* Prevents other users of this library from removing locks in a directory.
 * LF_DOTLOCK_NO_GUARD if there is no guard. */
typedef gintptr LfDotlockGuard;

#define LF_DOTLOCK_NO_GUARD ((LfDotlockGuard) -1)

LfDotlockGuard  lf_dotlock_lock_directory   (const char              *path,
                                             gboolean                 patient);
void            lf_dotlock_unlock_directory (LfDotlockGuard           guard);
int             lf_dotlock_lock_file        (const char              *path);

/* Makes missing directories above @path. Failures show in the next step. */
void            lf_dotlock_make_parents     (const char              *path);

/* For locks that are regular files */
LfDotlockResult lf_dotlock_read_file        (const LfDotlockBackend  *self,
                                             const char              *path,
                                             char                   **record,
                                             GError                 **error);
LfDotlockResult lf_dotlock_make_file        (const LfDotlockBackend  *self,
                                             LfHandle                *handle,
                                             const char              *record,
                                             GError                 **error);
int             lf_dotlock_remove_file      (const char              *path,
                                             const char              *record);

G_END_DECLS
