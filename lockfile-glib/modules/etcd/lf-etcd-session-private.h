/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include "lf-engine-private.h"
#include "lf-etcd-client-private.h"

G_BEGIN_DECLS

/* What the files of a session share. Functions are for its thread, unless they say otherwise. */

/* How long a cluster that answers with errors, or not at all, is asked before a call fails */
#define LF_ETCD_PATIENCE (10 * G_TIME_SPAN_SECOND)

#define LF_ETCD_LAST_RETRY G_TIME_SPAN_SECOND

typedef enum
{
  LF_ETCD_STATE_NEW,
  LF_ETCD_STATE_STARTING, /* the cluster has not answered yet */
  LF_ETCD_STATE_WAITING,
  LF_ETCD_STATE_HELD,
  LF_ETCD_STATE_LOST,
  LF_ETCD_STATE_BUSY,     /* a single try, which found the lock held */
  LF_ETCD_STATE_FAILED,
  LF_ETCD_STATE_LEAVING,  /* its key is to be deleted */
  LF_ETCD_STATE_GONE,
} LfEtcdState;

typedef struct
{
  gint64 id;
  gint64 deadline; /* protected by the mutex of the session */
} LfEtcdLease;

typedef enum
{
  LF_ETCD_LEASE_NONE,
  LF_ETCD_LEASE_GRANTING,
  LF_ETCD_LEASE_CONFIRMING, /* an earlier grant was not answered */
  LF_ETCD_LEASE_ALIVE,
} LfEtcdLeaseState;

struct _LfEngineSession
{
  LfEngineConfig config;
  int pid; /* of the process that made it */
  LfEngineSession *next;
  GMainContext *context;

  GMutex mutex;
  GCond cond;        /* when the thread or an inquiry has ended */
  gboolean runs;     /* whether the thread runs */
  gboolean is_ending; /* the process ends */
  guint n_posted;    /* commands that were not done yet */

  /* Only the thread uses these */
  LfEtcdClient *client;
  GQueue claims; /* all that are not at their end, in their order */
  GHashTable *puts; /* prefixes of which a key is being put */
  guint last_number;
  guint n_inquiries;
  guint n_requests; /* of claims */
  gint64 ttl; /* microseconds */

  LfEtcdLease *lease;
  LfEtcdLeaseState lease_state;
  guint n_grants;      /* sent for this lease */
  guint n_failures;
  LfEtcdLease *asked;  /* by the request in progress, or NULL */
  gint64 asked_time;
  gboolean is_revoking;
  GSource *tick;       /* keeps the lease alive */
  GSource *alarm;      /* at its deadline */

  LfEtcdRequest *stream; /* of all watches */
  GSource *watch_timer;
  gint64 watch_time;   /* when the timer is due; monotonic, or -1 */
  guint n_watch_failures;
  gint64 last_watch_id;
};

struct _LfEngineClaim
{
  gatomicrefcount ref_count;
  LfEngineSession *session;
  char *prefix; /* of all keys of the lock */
  char *value;
  gboolean try_once;

  /* Protected by the mutex of the session */
  LfEtcdState state;
  gboolean is_interrupted;
  GCond cond;
  gint64 revision; /* in which its key was created, or 0 */
  LfEtcdLease *lease; /* that its key is bound to */
  GError *error;
  char *obstacle;
  gboolean was_ours; /* at the release */
  int wakeup; /* descriptor, or -1 */
  GSourceOnceFunc lost_func;
  gpointer lost_data;
  GDestroyNotify lost_destroy;

  /* Only the thread uses these */
  GList link;
  char *key;             /* NULL if there is none */
  gboolean may_have_key; /* in the cluster */
  gboolean was_granted;  /* what is released is the revision that was granted */
  gboolean is_put_unknown;
  gboolean is_put_deleted; /* once; see SECOND_DELETE */
  gboolean is_put_if_free; /* only if the lock has no other key */
  gboolean is_contended;   /* the lock had one */
  gboolean is_asking;
  gboolean is_reply_stale; /* of the request in progress, since it was for another key */
  gboolean look_is_due;
  gboolean is_put_due;   /* after that of another claim */
  gint64 last_look;      /* monotonic */
  gint64 started;
  guint n_failures;
  guint n_deletes;       /* sent without an answer */
  GSource *retry;
  char *predecessor;     /* key, or NULL */
  gint64 watch_id;       /* or 0 */
  gint64 watch_revision;
};

/* lf-etcd-session.c: the thread, and what it waits for */

/* For any thread. */
LfEngineSession *lf_etcd_session_new             (const LfEngineConfig  *config);

/* For any thread: has @func called in the thread of the session. Takes @data. FALSE with an
 * error if there is no thread. */
gboolean         lf_etcd_session_post            (LfEngineSession       *self,
                                                  void                 (*func) (gpointer data),
                                                  gpointer               data,
                                                  GDestroyNotify         destroy,
                                                  GError               **error);

/* FALSE with an error. */
gboolean         lf_etcd_session_open_client     (LfEngineSession       *self,
                                                  GError               **error);

gint64           lf_etcd_session_get_retry_delay (LfEngineSession       *self,
                                                  guint                  n_failures);

/* With references, for a function that may end claims. */
GPtrArray       *lf_etcd_session_copy_claims     (LfEngineSession       *self);

/* Whether a claim is in one of these states. */
gboolean         lf_etcd_session_has_claims      (LfEngineSession       *self,
                                                  LfEtcdState            first,
                                                  LfEtcdState            last);

/* Sources of the thread. A timer is dispatched once, after each start. */
void             lf_etcd_source_add              (LfEngineSession       *self,
                                                  GSource               *source,
                                                  GSourceFunc            func,
                                                  gpointer               data);
void             lf_etcd_source_remove           (GSource              **source);
GSource         *lf_etcd_timer_new               (LfEngineSession       *self,
                                                  GSourceFunc            func,
                                                  gpointer               data);
void             lf_etcd_timer_start             (GSource               *timer,
                                                  gint64                 delay);

/* lf-etcd-claim.c: what becomes of a claim */

LfEngineClaim   *lf_etcd_claim_ref               (LfEngineClaim         *claim);
void             lf_etcd_claim_unref             (gpointer               data);

/* Unlocks the mutex, and tells the threads that wait for the claim. */
void             lf_etcd_claim_unlock_and_tell   (LfEngineClaim         *claim);

LfEtcdState      lf_etcd_claim_get_state         (LfEngineClaim         *claim);

/* Returns FALSE if another thread has released the claim before that. */
gboolean         lf_etcd_claim_set_state         (LfEngineClaim         *claim,
                                                  LfEtcdState            state);

/* Removes the claim from the thread, which may have had the last reference. */
void             lf_etcd_claim_end               (LfEngineClaim         *claim);
gboolean         lf_etcd_claim_has_ended         (LfEngineClaim         *claim);

/* The key no longer exists, or is no longer ours. */
void             lf_etcd_claim_forget_key        (LfEngineClaim         *claim);
void             lf_etcd_session_wake_successors (LfEngineSession       *self,
                                                  const char            *key);

/* Tells the program, if the claim was held. */
void             lf_etcd_claim_lose              (LfEngineClaim         *claim);

/* With an answer that will not change. */
void             lf_etcd_claim_fail              (LfEngineClaim         *claim,
                                                  const GError          *error);

/* A request for the claim has failed: fails, or begins again later. */
void             lf_etcd_claim_handle_failure    (LfEngineClaim         *claim,
                                                  const LfEtcdReply     *reply);

/* lf-etcd-requests.c: the requests of claims */

/* Does what is to be done next for the claim, which it may end. */
void             lf_etcd_claim_advance           (LfEngineClaim         *claim);
void             lf_etcd_session_advance_all     (LfEngineSession       *self);
void             lf_etcd_claim_look              (LfEngineClaim         *claim);
gboolean         lf_etcd_claim_retry_cb          (gpointer               user_data);

/* Of the keys of a lock. */
char            *lf_etcd_prefix_new              (const char            *name);
char            *lf_etcd_prefix_encode_end       (const char            *prefix);
gint64           lf_etcd_get_create_revision     (JsonObject            *kv);

/* lf-etcd-watch.c: the watches of claims */

/* From the revision on, after the delay. */
void             lf_etcd_watch_start             (LfEngineClaim         *claim,
                                                  gint64                 revision,
                                                  gint64                 delay);
void             lf_etcd_watch_stop              (LfEngineClaim         *claim);
void             lf_etcd_watch_close_unused      (LfEngineSession       *self);
gboolean         lf_etcd_watch_cb                (gpointer               user_data);

/* lf-etcd-lease.c: the lease of all claims */

void             lf_etcd_lease_unref             (LfEtcdLease           *lease);

/* Returns whether keys can be bound to it. Otherwise all claims are told when they can. */
gboolean         lf_etcd_lease_ensure            (LfEngineSession       *self);

/* Without waiting for the answer. */
void             lf_etcd_delete_key              (LfEngineSession       *self,
                                                  const char            *key);

/* The keys that are bound to it no longer exist, or soon will not. */
void             lf_etcd_lease_abandon           (LfEngineSession       *self);
gboolean         lf_etcd_lease_tick_cb           (gpointer               user_data);
gboolean         lf_etcd_lease_alarm_cb          (gpointer               user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LfEtcdLease, lf_etcd_lease_unref)

/* Methods of the engine, for other threads; lf-etcd-inquiry.c has those that ask the cluster */

LfEngineVerdict  lf_etcd_claim_verify            (LfEngineClaim         *claim,
                                                  GError               **error);
gint64           lf_etcd_claim_get_remaining     (LfEngineClaim         *claim);
gboolean         lf_etcd_session_query           (LfEngineSession       *session,
                                                  const char            *name,
                                                  char                 **value,
                                                  GError               **error);
gboolean         lf_etcd_session_break_lock      (LfEngineSession       *session,
                                                  const char            *name,
                                                  GError               **error);

G_END_DECLS
