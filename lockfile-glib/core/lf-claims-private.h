/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "core/lf-acquisition-private.h"

G_BEGIN_DECLS

/* The state of one object: which acquisitions are queued, which lock it holds, and whether
 * that lock is being released. This emits no notifications. Any thread may call. */
typedef struct _LfClaims LfClaims;

typedef enum
{
  LF_CLAIMS_STILL_HELD,
  LF_CLAIMS_LOST,           /* no longer held */
  LF_CLAIMS_NOT_VERIFIED,   /* still held, as far as is known */
  LF_CLAIMS_NONE,           /* nothing was held */
  LF_CLAIMS_PARENTS,        /* the process that this one was forked from holds the lock */
} LfClaimsVerified;

typedef enum
{
  LF_CLAIMS_BEGUN,     /* the caller has to release, and to call lf_claims_end_release() */
  LF_CLAIMS_NOT_HELD,
  LF_CLAIMS_PENDING,   /* another release is not finished */
  LF_CLAIMS_INHERITED, /* the lock belongs to the process that this one was forked from */
} LfClaimsRelease;

LfClaims       *lf_claims_new             (void);
void            lf_claims_drop            (LfClaims       *self);
LfClaims       *lf_claims_ref             (LfClaims       *self);
void            lf_claims_unref           (LfClaims       *self);

/* A mutex for the properties of the object. A forked child gets a new one. No other mutex
 * is locked while it is held. */
GMutex         *lf_claims_get_properties_mutex
                                          (LfClaims       *self);

gboolean        lf_claims_is_held         (LfClaims       *self);
gboolean        lf_claims_is_held_here    (LfClaims       *self);
int             lf_claims_get_fd          (LfClaims       *self);

/* The slot of a semaphore, or 0 if none is held. */
guint           lf_claims_get_slot        (LfClaims       *self);

/* The number that rises with each grant, and for how many more microseconds the lock is
 * certainly held; 0 if nothing is held, or the backend knows nothing of the kind. */
gint64          lf_claims_get_token       (LfClaims       *self);
gint64          lf_claims_get_remaining   (LfClaims       *self);

/* Drops a lock whose time is over. Before this returns, the loss was reported to the monitor,
 * even if another thread is about to do so. */
void            lf_claims_report_expired  (LfClaims       *self);

/* Drops a lock that was lost because the program closed its descriptor. Returns TRUE if
 * there was one. */
gboolean        lf_claims_forget_lost     (LfClaims       *self,
                                           gboolean        may_wait);

/* Checks whether the lock is still held. If not, sets an error, except for NONE and PARENTS,
 * whose error the caller sets. */
LfClaimsVerified
                lf_claims_verify          (LfClaims       *self,
                                           GError        **error);

/* Queues a synchronous claim, and waits in the calling thread for its turn and for the
 * lock. Returns the number of the grant, or 0 with an error. */
gssize          lf_claims_acquire         (LfClaims       *self,
                                           LfAcquisition  *acquisition,
                                           const char     *path,
                                           GError        **error);

/* Queues an asynchronous claim. lf_claims_end() ends it, where it is reported. */
void            lf_claims_add             (LfClaims       *self,
                                           LfAcquisition  *acquisition);
gssize          lf_claims_end             (LfClaims       *self,
                                           LfAcquisition  *acquisition,
                                           LfHandle       *handle);

/* Takes the handle, to release it. With a @grant, only if that grant is still held. With a
 * @context, the end of the release is reported there. */
LfClaimsRelease lf_claims_begin_release   (LfClaims       *self,
                                           gssize          grant,
                                           GMainContext   *context,
                                           LfHandle      **handle);
/* Waits for the end of a check. Call it before the handle is released. */
void            lf_claims_wait_for_check  (LfClaims       *self);
void            lf_claims_end_release     (LfClaims       *self,
                                           LfRelease       result);

/* Takes the held handle without releasing the lock. NULL if nothing is held, or if the
 * descriptor does not carry the lock. */
LfHandle       *lf_claims_steal           (LfClaims       *self);

/* Changes the mode of the held lock, and sets @result. Returns FALSE if nothing is held. */
gboolean        lf_claims_convert         (LfClaims       *self,
                                           LfLockMode      mode,
                                           LfAttempt      *result,
                                           GError        **error);

/* The process whose lock this forked child inherited, or 0. */
int             lf_claims_get_inherited_pid (LfClaims     *self);

/* The error for a call that would wait for its own thread. */
void            lf_claims_set_pending_error (const char   *path,
                                             GError      **error);

G_END_DECLS
