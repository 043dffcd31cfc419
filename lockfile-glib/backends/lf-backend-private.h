/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "backends/lf-handle-private.h"
#include "lf-engine-private.h"
#include "lf-enums.h"
#include "lf-lock-holder-private.h"

G_BEGIN_DECLS

typedef enum
{
  LF_ATTEMPT_GRANTED,
  LF_ATTEMPT_BUSY,
  LF_ATTEMPT_ERROR, /* the only one that sets a GError */
} LfAttempt;

typedef enum
{
  LF_RELEASE_DONE,
  LF_RELEASE_LOST,   /* released, but the path no longer named our lock */
  LF_RELEASE_FAILED, /* still held; the only one that sets a GError */
} LfRelease;

typedef enum
{
  LF_VERDICT_HELD,
  LF_VERDICT_LOST,
  LF_VERDICT_UNKNOWN, /* it cannot be found out now; the only one that sets a GError */
} LfVerdict;

/* A backend. It knows nothing about main loops, tasks or time. Every method may be called
 * in any thread, but only in one thread at a time for each handle. */
struct _LfBackendVTable
{
  LfBackend backend;
  gboolean has_shared;
  gboolean is_dotlock; /* the lock is the existence of something at the path */
  gboolean is_remote;  /* the path is a URI, and a server knows who holds the lock */

  /* Finds out which lock the path of a new handle means, and sets the lock's name, which is
   * the same for all paths to that lock. NULL if the path is the name. */
  void (*identify) (const LfBackendVTable *self,
                    LfHandle              *handle);

  /* Called before the first attempt, in the thread that claims, which must not be delayed: the
   * first attempt may begin. For locks that nobody else puts in order. NULL otherwise. */
  void (*begin) (const LfBackendVTable *self,
                 LfHandle              *handle);

  /* Opens what is not open yet and tries once to acquire the lock, without ever waiting. If
   * the handle already has the lock, this succeeds again. After block(), attempt() must
   * confirm that the lock was acquired. */
  LfAttempt (*attempt) (const LfBackendVTable  *self,
                        LfHandle               *handle,
                        GError                **error);

  /* Makes an attempt in progress return, since nobody waits for its result. Called in another
   * thread. NULL if attempts take no time. */
  void (*interrupt) (const LfBackendVTable *self,
                     LfHandle              *handle);

  /* Sleeps in the kernel's queue until the lock is granted, and returns 0 or an errno, for
   * which set_block_error() makes the error. It must be a single system call and nothing
   * else, since the thread may be cancelled in it. NULL if the kernel has no such queue:
   * then attempts are repeated. */
  int  (*block)           (const LfBackendVTable  *self,
                           LfHandle               *handle);

  /* For a wait that ends with the first grant of several handles: block() of all of them is
   * called at once, instead of that of this handle. NULL if there is only one handle. */
  LfHandle ** (*get_members) (const LfBackendVTable *self,
                              LfHandle              *handle,
                              guint                 *n_members);

  /* Whether the kernel has a queue for the lock of this handle, whose attempt found it
   * busy. A network file system may have none. NULL if there always is one. */
  gboolean (*has_queue)   (const LfBackendVTable  *self,
                           const LfHandle         *handle);
  void (*set_block_error) (const LfBackendVTable  *self,
                           const LfHandle         *handle,
                           int                     saved_errno,
                           GError                **error);

  /* If the kernel cannot tell the handles of a process apart, they line up before they may
   * block. wait_turn() sleeps until it is the handle's turn, and returns FALSE after
   * stop_turn(), which any thread may call. NULL if the kernel can tell them apart. */
  gpointer (*line_up)   (const LfBackendVTable *self,
                         LfHandle              *handle);
  gboolean (*wait_turn) (gpointer turn);
  void     (*stop_turn) (gpointer turn);

  /* The holder that made the last attempt of the handle fail, or NULL if it is not known.
   * This may ask the kernel in a single system call, but not search. NULL if there is
   * nothing to ask. */
  LfLockHolder * (*get_obstacle) (const LfBackendVTable *self,
                                  LfHandle              *handle);

  /* Whether the calling thread holds all locks that this handle could be granted. NULL if
   * that is only one lock, which is looked up in the table of held locks. */
  gboolean (*held_by_thread) (const LfBackendVTable *self,
                              const LfHandle        *handle);

  /* Releases what may be held, without touching the path, and closes. For the end of an
   * acquisition that was not granted. */
  void (*drop) (const LfBackendVTable *self,
                LfHandle              *handle);

  /* Whether the handle still has what it was granted. A program can destroy that by closing
   * descriptors that it does not know. Without @may_wait, this must not take time. NULL if
   * the lock consists only of what is at the path. */
  gboolean (*is_intact) (const LfBackendVTable *self,
                         LfHandle              *handle,
                         gboolean               may_wait);

  /* Checks whether the granted lock still exists and still excludes others: it is intact, and
   * the path leads to it. It changes nothing. */
  LfVerdict (*verify) (const LfBackendVTable  *self,
                       LfHandle               *handle,
                       GError                **error);

  /* What is needed to renew the lease of a granted lock. It does not depend on the handle, so
   * another thread may use it. NULL with an errno, or if the backend has no leases. */
  gpointer (*open_renewal) (const LfBackendVTable *self,
                            LfHandle              *handle);

  /* Renews the time stamp of the lock, if it is still ours. */
  LfVerdict (*renew) (gpointer   renewal,
                      GError   **error);

  /* In a forked child, too. */
  void (*close_renewal) (gpointer renewal,
                         gboolean is_inherited);

  /* Calls @func once, in any thread, when the granted lock is lost. NULL if only a watch or a
   * check can find that out. */
  void (*set_lost_func) (const LfBackendVTable *self,
                         LfHandle              *handle,
                         GSourceOnceFunc        func,
                         gpointer               data,
                         GDestroyNotify         destroy);

  /* What else is known of a granted lock: a number that rises with each grant, and how many
   * microseconds may pass before it is lost. NULL if there is nothing of the kind. */
  gint64 (*get_token)     (const LfBackendVTable *self,
                           LfHandle              *handle);
  gint64 (*get_remaining) (const LfBackendVTable *self,
                           LfHandle              *handle);

  /* In a forked child: closes what was inherited and leaves the lock alone. */
  void (*leave) (const LfBackendVTable *self,
                 LfHandle              *handle);

  /* Makes @adopted for the descriptor @fd, whose lock can then be acquired at any path. NULL
   * if a descriptor of this backend does not carry the lock, and so cannot be stolen
   * either. */
  gboolean (*adopt) (const LfBackendVTable  *self,
                     int                     fd,
                     const char             *path,
                     LfAdopted             **adopted,
                     GError                **error);

  /* Tries once to change the mode of a held lock without releasing it. After BUSY and ERROR
   * the mode is unchanged. NULL if the system cannot do that. */
  LfAttempt (*convert) (const LfBackendVTable  *self,
                        LfHandle               *handle,
                        LfLockMode              mode,
                        GError                **error);

  /* Releases the lock and closes. With LOST it may set an error, which then says more than who
   * holds the lock now. */
  LfRelease (*release) (const LfBackendVTable  *self,
                        LfHandle               *handle,
                        GError                **error);

  /* The same without waiting for a result, which nobody needs. NULL if release() does not
   * wait. */
  void (*abandon) (const LfBackendVTable *self,
                   LfHandle              *handle);

  /* Closes without releasing, after a release that failed. */
  void (*close) (const LfBackendVTable *self,
                 LfHandle              *handle);

  /* Whether anybody holds the lock, and who. Sets a holder if anybody does. Returns FALSE
   * only with an error. */
  gboolean (*query_holder) (const LfBackendVTable  *self,
                            const char             *path,
                            LfLockHolder          **holder,
                            GError                **error);

  /* Lets others acquire the lock, even if it is held. */
  gboolean (*break_lock) (const LfBackendVTable  *self,
                          const char             *path,
                          GError                **error);
};

/* The backends of this build, with NULL at the end; the first one is the platform's best.
 * To add one, add its file, its declaration and a line in the table. One table per
 * platform. */
extern const LfBackendVTable *const lf_backends[];

/* For semaphores, whose slots are locked with the default backend. It is not in the table. */
extern const LfBackendVTable lf_backend_slots;

/* The locks of a cluster, as its path, a canonical URI, and @config describe it. NULL with an
 * error if the module cannot be loaded. Any number of calls return the same backend, which is
 * never freed. It is not in the table. */
const LfBackendVTable *lf_backend_get_remote (const LfEngineConfig  *config,
                                              GError               **error);

const LfBackendVTable *lf_backend_get_vtable (LfBackend              backend);
LfBackend              lf_backend_resolve    (LfBackend              backend);
const char            *lf_backend_get_name   (LfBackend              backend);

/* Methods for backends that keep only a descriptor open */
void                   lf_backend_close_fd   (const LfBackendVTable *self,
                                              LfHandle              *handle);
void                   lf_backend_leave_fd   (const LfBackendVTable *self,
                                              LfHandle              *handle);

/* Backends of a family are declared in the family's header. */
extern const LfBackendVTable lf_backend_lock_file_ex;
extern const LfBackendVTable lf_backend_sqlite;

G_END_DECLS
