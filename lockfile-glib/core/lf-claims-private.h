/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "core/lf-acquisition-private.h"

G_BEGIN_DECLS

/* The state of one object: which acquisitions it has queued, what it holds, and
 * whether that is being released. It notifies nobody. Any thread may call. */
typedef struct _LfClaims LfClaims;

typedef enum
{
  LF_CLAIMS_BEGUN,     /* the caller has to do it, and to end it */
  LF_CLAIMS_NOT_HELD,
  LF_CLAIMS_PENDING,   /* another release is not finished */
  LF_CLAIMS_INHERITED, /* the lock is that of the process that this was forked from */
} LfClaimsRelease;

LfClaims       *lf_claims_new             (void);
void            lf_claims_drop            (LfClaims       *self);
void            lf_claims_free            (LfClaims       *self);

/* A mutex for the properties of the object, which a forked child has anew. Nothing else
 * is locked under it. */
GMutex         *lf_claims_get_properties_mutex
                                          (LfClaims       *self);

gboolean        lf_claims_is_held         (LfClaims       *self);
gboolean        lf_claims_is_held_here    (LfClaims       *self);
int             lf_claims_get_fd          (LfClaims       *self);

/* Of a semaphore; 0 where none is held. */
guint           lf_claims_get_slot        (LfClaims       *self);

/* Lets go of a lock that is held no more because the program closed what held it.
 * Returns TRUE if there was one. */
gboolean        lf_claims_forget_lost     (LfClaims       *self,
                                           gboolean        may_wait);

/* A claim that is synchronous is queued and waits in the calling thread for its turn
 * and for the lock. Returns the number of the grant, or 0 with an error. */
gssize          lf_claims_acquire         (LfClaims       *self,
                                           LfAcquisition  *acquisition,
                                           const char     *path,
                                           GError        **error);

/* One that is asynchronous is queued, and ended where it is reported. */
void            lf_claims_add             (LfClaims       *self,
                                           LfAcquisition  *acquisition);
gssize          lf_claims_end             (LfClaims       *self,
                                           LfAcquisition  *acquisition,
                                           LfHandle       *handle);

/* Takes the handle to release it: with a @grant, only if it is that one which is
 * still held. With a @context the end is reported there. */
LfClaimsRelease lf_claims_begin_release   (LfClaims       *self,
                                           gssize          grant,
                                           GMainContext   *context,
                                           LfHandle      **handle);
void            lf_claims_end_release     (LfClaims       *self,
                                           LfRelease       result);

/* Takes what is held without releasing it, where the lock is that of a descriptor; else NULL. */
LfHandle       *lf_claims_steal           (LfClaims       *self);

/* Changes the mode of what is held. Returns FALSE if nothing is held, else with @result. */
gboolean        lf_claims_convert         (LfClaims       *self,
                                           LfLockMode      mode,
                                           LfAttempt      *result,
                                           GError        **error);

/* The process whose lock a child inherited, or 0. */
int             lf_claims_get_inherited_pid (LfClaims     *self);

/* The error for a call that would wait for its own thread. */
void            lf_claims_set_pending_error (const char   *path,
                                             GError      **error);

G_END_DECLS
