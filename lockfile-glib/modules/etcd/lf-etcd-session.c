/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-session-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lf-etcd-client-private.h"
#include "lf-etcd-system-private.h"
#include "os/lf-translate-private.h"

/* Locks in etcd, by the protocol of `etcdctl lock`
 *
 * The lock NAME is the set of keys that begin with NAME/. A claim puts a key, bound to a lease,
 * and owns the lock as soon as no key of the set has a lower create revision. A claim that does
 * not own it watches the key before its own.
 *
 * All claims of a session have the same lease, so that one request keeps all of them alive. The
 * key is NAME/LEASE, as that of etcdctl; other claims of this session on the same lock have a
 * number after it. Requests can be repeated, since the lease's ID and the keys are ours.
 *
 * Shortly before the lease may end, by our clock, the locks are lost. Then the lease is neither
 * kept alive nor revoked: a server on which it still lives goes on to exclude others until the
 * holder has noticed. New claims, and those that wait, get a new lease.
 *
 * A session has one thread, which runs while there are claims and for a moment after that. It
 * alone talks to the cluster. Other threads leave it commands, and read the state of claims
 * under the mutex, which is locked for moments only; nothing else is locked while it is. */

/* The least that our deadline is before the end of the lease */
#define MIN_MARGIN (G_TIME_SPAN_SECOND / 5)

#define MAX_REQUEST_TIME (5 * G_TIME_SPAN_SECOND)
#define MIN_REQUEST_TIME (G_TIME_SPAN_SECOND / 2)

/* How long a cluster that answers with errors, or not at all, is asked before a call fails */
#define PATIENCE (10 * G_TIME_SPAN_SECOND)

/* How long release() waits, and how long the end of the process waits for releases */
#define RELEASE_TIME (5 * G_TIME_SPAN_SECOND)
#define EXIT_TIME G_TIME_SPAN_SECOND

#define FIRST_RETRY (50 * G_TIME_SPAN_MILLISECOND)
#define LAST_RETRY G_TIME_SPAN_SECOND

/* A lock that is held for a shorter time is not watched. A watch needs a new connection */
#define WATCH_DELAY (50 * G_TIME_SPAN_MILLISECOND)

/* A put that was not answered may still be done after the delete that undoes it */
#define SECOND_DELETE (10 * G_TIME_SPAN_SECOND)

typedef enum
{
  STATE_NEW,
  STATE_STARTING, /* the cluster has not answered yet */
  STATE_WAITING,
  STATE_HELD,
  STATE_LOST,
  STATE_BUSY,     /* a single try, which found the lock held */
  STATE_FAILED,
  STATE_LEAVING,  /* its key is to be deleted */
  STATE_GONE,
} State;

typedef struct
{
  gint64 id;
  gint64 deadline; /* protected by the mutex of the session */
} Lease;

typedef enum
{
  LEASE_NONE,
  LEASE_GRANTING,
  LEASE_CONFIRMING, /* an earlier grant was not answered */
  LEASE_ALIVE,
} LeaseState;

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

  Lease *lease;
  LeaseState lease_state;
  guint n_grants;      /* sent for this lease */
  guint n_failures;
  Lease *asked;        /* by the request in progress, or NULL */
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
  State state;
  gboolean is_interrupted;
  gboolean is_attempted;
  GCond cond;
  gint64 revision; /* in which its key was created, or 0 */
  Lease *lease;    /* that its key is bound to */
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
  gboolean is_put_unknown;
  gboolean is_put_deleted; /* once; see SECOND_DELETE */
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
  gboolean is_in_stream;
};

static void advance (LfEngineClaim *claim);
static void advance_all (LfEngineSession *self);
static void restart_stream (LfEngineSession *self,
                            gint64           delay);

static void
lease_unref (Lease *lease)
{
  g_atomic_rc_box_release (lease);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Lease, lease_unref)

static LfEngineClaim *
claim_ref (LfEngineClaim *claim)
{
  g_atomic_ref_count_inc (&claim->ref_count);

  return claim;
}

static void
claim_unref (gpointer data)
{
  LfEngineClaim *claim = data;

  if (!g_atomic_ref_count_dec (&claim->ref_count))
    return;

  if (claim->wakeup >= 0)
    close (claim->wakeup);
  g_clear_pointer (&claim->lease, lease_unref);
  g_clear_error (&claim->error);
  g_cond_clear (&claim->cond);
  g_free (claim->obstacle);
  g_free (claim->predecessor);
  g_free (claim->key);
  g_free (claim->prefix);
  g_free (claim->value);
  g_free (claim);
}

/* Sources of the thread that are dispatched at a time of their own. */

static gboolean
timer_dispatch (GSource     *source,
                GSourceFunc  callback,
                gpointer     user_data)
{
  g_source_set_ready_time (source, -1);

  return callback (user_data);
}

static GSourceFuncs timer_funcs = {
  .dispatch = timer_dispatch,
};

static void
add_source (LfEngineSession *self,
            GSource         *source,
            GSourceFunc      func,
            gpointer         data)
{
  g_source_set_static_name (source, "[lockfile-glib] etcd");
  g_source_set_callback (source, func, data, NULL);
  g_source_attach (source, self->context);
}

static GSource *
timer_new (LfEngineSession *self,
           GSourceFunc      func,
           gpointer         data)
{
  GSource *source = g_source_new (&timer_funcs, sizeof (GSource));

  add_source (self, source, func, data);

  return source;
}

static void
timer_start (GSource *timer,
             gint64   delay)
{
  g_source_set_ready_time (timer, g_get_monotonic_time () + delay);
}

static void
remove_source (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static gint64
get_retry_delay (LfEngineSession *self,
                 guint            n_failures)
{
  gint64 delay = FIRST_RETRY << MIN (n_failures, 5);

  return MIN (delay, MIN (LAST_RETRY, self->ttl / 8));
}

/* With the mutex held: tells whoever waits for the claim. */
static void
tell (LfEngineClaim *claim)
{
  g_cond_broadcast (&claim->cond);
  lf_etcd_wakeup_wake (claim->wakeup);
}

static State
get_state (LfEngineClaim *claim)
{
  State state;

  g_mutex_lock (&claim->session->mutex);
  state = claim->state;
  g_mutex_unlock (&claim->session->mutex);

  return state;
}

/* Changes the state, unless another thread has released the claim in the meantime. */
static gboolean
set_state (LfEngineClaim *claim,
           State          state)
{
  LfEngineSession *self = claim->session;
  gboolean changed = FALSE;

  g_mutex_lock (&self->mutex);
  if (claim->state != STATE_LEAVING || state == STATE_GONE)
    {
      claim->state = state;
      changed = TRUE;
    }
  tell (claim);
  g_mutex_unlock (&self->mutex);

  return changed;
}

/* Removes the claim from the thread, which may have had the last reference. */
static void
end_claim (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;

  remove_source (&claim->retry);
  claim->watch_id = 0;
  g_queue_unlink (&self->claims, &claim->link);
  claim_unref (claim);
}

static void
stop_watch (LfEngineClaim *claim)
{
  claim->watch_id = 0;
  claim->is_in_stream = FALSE;
}

/* Claims of this session behind a key look again, but not now: the caller may be iterating. */
static void
wake_successors (LfEngineSession *self,
                 const char      *key)
{
  for (GList *link = self->claims.head; link != NULL && key != NULL; link = link->next)
    {
      LfEngineClaim *claim = link->data;

      if (g_strcmp0 (claim->predecessor, key) == 0)
        timer_start (claim->retry, 0);
    }
}

/* The key does not exist any more, or is no longer ours. */
static void
forget_key (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;
  g_autofree char *key = g_steal_pointer (&claim->key);

  stop_watch (claim);
  claim->is_reply_stale = claim->is_asking;
  claim->may_have_key = FALSE;
  claim->is_put_unknown = FALSE;
  g_clear_pointer (&claim->predecessor, g_free);
  g_mutex_lock (&self->mutex);
  claim->revision = 0;
  g_clear_pointer (&claim->lease, lease_unref);
  g_mutex_unlock (&self->mutex);

  wake_successors (self, key);
}

static void
lose (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;
  GSourceOnceFunc func = NULL;
  GDestroyNotify destroy = NULL;
  gpointer data = NULL;

  g_mutex_lock (&self->mutex);
  if (claim->state == STATE_HELD)
    {
      claim->state = STATE_LOST;
      func = claim->lost_func;
      data = claim->lost_data;
      destroy = claim->lost_destroy;
      claim->lost_func = NULL;
    }
  g_mutex_unlock (&self->mutex);

  if (func != NULL)
    {
      func (data);
      destroy (data);
    }
}

static void
set_error (LfEngineClaim *claim,
           const GError  *error)
{
  g_mutex_lock (&claim->session->mutex);
  g_clear_error (&claim->error);
  claim->error = g_error_copy (error);
  g_mutex_unlock (&claim->session->mutex);
}

/* With an answer that will not change. */
static void
fail_claim (LfEngineClaim *claim,
            const GError  *error)
{
  set_error (claim, error);
  /* A key that it may have is deleted when the claim is freed */
  set_state (claim, STATE_FAILED);
  stop_watch (claim);
}

/* A request for the claim has failed. */
static void
handle_failure (LfEngineClaim     *claim,
                const LfEtcdReply *reply)
{
  LfEngineSession *self = claim->session;
  State state = get_state (claim);
  gboolean is_final = reply->result == LF_ETCD_REFUSED;

  claim->n_failures++;
  if (state == STATE_STARTING && reply->result == LF_ETCD_UNREACHABLE)
    is_final = claim->n_failures >= lf_etcd_client_get_n_endpoints (self->client);
  else if (state == STATE_STARTING)
    is_final |= g_get_monotonic_time () >= claim->started + PATIENCE;

  if (is_final && (state == STATE_STARTING || state == STATE_WAITING))
    fail_claim (claim, reply->error);
  else if (is_final && state == STATE_LEAVING && reply->result == LF_ETCD_REFUSED)
    timer_start (claim->retry, LAST_RETRY);
  else
    timer_start (claim->retry, get_retry_delay (self, claim->n_failures));

  /* Kept for an interrupted first attempt */
  if (state == STATE_STARTING && !is_final)
    set_error (claim, reply->error);
}

/* The watches */

static void
want_watch (LfEngineClaim *claim,
            gint64         revision,
            gint64         delay)
{
  claim->watch_id = ++claim->session->last_watch_id;
  claim->watch_revision = revision;
  claim->is_in_stream = FALSE;
  restart_stream (claim->session, delay);
}

static const char *
get_watched_key (LfEngineClaim *claim)
{
  return get_state (claim) == STATE_HELD ? claim->key : claim->predecessor;
}

static void
look (LfEngineClaim *claim)
{
  claim->look_is_due = TRUE;
  advance (claim);
}

static void
watch_event_cb (JsonObject *answer,
                gpointer    user_data)
{
  LfEngineSession *self = user_data;
  gint64 id = lf_etcd_json_get_int64 (answer, "watch_id");
  gboolean is_cancelled = lf_etcd_json_get_boolean (answer, "canceled");

  self->n_watch_failures = 0;
  if (!is_cancelled && lf_etcd_json_get_length (answer, "events") == 0)
    return;

  /* All of them, if it does not say which */
  if (is_cancelled && id <= 0)
    {
      g_debug ("A watch was refused: %s", lf_etcd_json_get_string (answer, "cancel_reason"));
      self->n_watch_failures = 5;
      lf_etcd_client_close (self->client, g_steal_pointer (&self->stream));
      restart_stream (self, LAST_RETRY);
      return;
    }

  for (GList *link = self->claims.head; link != NULL; link = link->next)
    {
      LfEngineClaim *claim = link->data;

      if (claim->watch_id == id && id != 0)
        {
          stop_watch (claim);
          look (claim);
          break;
        }
    }
}

static void
watch_ended_cb (const LfEtcdReply *reply,
                gpointer           user_data)
{
  LfEngineSession *self = user_data;

  self->stream = NULL;
  restart_stream (self, get_retry_delay (self, self->n_watch_failures++));
}

static gboolean
watch_cb (gpointer user_data)
{
  LfEngineSession *self = user_data;
  GString *body = g_string_new (NULL);

  self->watch_time = -1;
  for (GList *link = self->claims.head; link != NULL; link = link->next)
    {
      LfEngineClaim *claim = link->data;
      const char *key = claim->watch_id != 0 ? get_watched_key (claim) : NULL;
      g_autofree char *encoded = NULL;

      if (key == NULL)
        continue;

      encoded = lf_etcd_json_encode (key);
      g_string_append_printf (body, "{\"create_request\":{\"key\":\"%s\",\"start_revision\":\"%"
                              G_GINT64_FORMAT "\",\"filters\":[\"NOPUT\"],\"watch_id\":\"%"
                              G_GINT64_FORMAT "\"}}\n", encoded, claim->watch_revision,
                              claim->watch_id);
      claim->is_in_stream = TRUE;
    }

  if (self->stream != NULL)
    lf_etcd_client_close (self->client, g_steal_pointer (&self->stream));
  if (body->len > 0)
    self->stream = lf_etcd_client_open (self->client, "/v3/watch", g_string_free (body, FALSE),
                                        watch_event_cb, watch_ended_cb, self);
  else
    g_string_free (body, TRUE);

  return G_SOURCE_CONTINUE;
}

/* A stream cannot be told to watch more, so it is replaced by one that watches all. Nothing is
 * missed, since each watch says where it begins. */
static void
restart_stream (LfEngineSession *self,
                gint64           delay)
{
  gint64 time = g_get_monotonic_time () + delay;

  if (self->watch_time >= 0 && self->watch_time <= time)
    return;

  self->watch_time = time;
  g_source_set_ready_time (self->watch_timer, time);
}

static void
close_unused_stream (LfEngineSession *self)
{
  for (GList *link = self->claims.head; link != NULL; link = link->next)
    {
      LfEngineClaim *claim = link->data;

      if (claim->watch_id != 0)
        return;
    }

  if (self->stream != NULL)
    lf_etcd_client_close (self->client, g_steal_pointer (&self->stream));
}

/* The lease */

/* Ours must come before the server's, which looks for leases that have ended twice a second: it
 * may do so at their very end, and tell the next one faster than we are dispatched. It also gives
 * the holder a moment to stop. The request was sent before the server began to count. */
static gint64
compute_deadline (gint64 sent,
                  gint64 ttl)
{
  return sent + ttl - MAX (ttl / 10, MIN_MARGIN);
}

/* In microseconds of the clock. */
static gint64
get_deadline (LfEngineSession *self,
              Lease           *lease)
{
  gint64 deadline;

  g_mutex_lock (&self->mutex);
  deadline = lease->deadline;
  g_mutex_unlock (&self->mutex);

  return deadline;
}

static void
extend_lease (LfEngineSession *self,
              Lease           *lease,
              gint64           ttl)
{
  gint64 deadline;

  self->ttl = MIN (ttl, G_MAXINT32) * G_USEC_PER_SEC;
  self->n_failures = 0;
  deadline = compute_deadline (self->asked_time, self->ttl);
  g_mutex_lock (&self->mutex);
  lease->deadline = MAX (lease->deadline, deadline);
  deadline = lease->deadline;
  g_mutex_unlock (&self->mutex);
  lf_etcd_alarm_set_time (self->alarm, deadline);
}

static GPtrArray *
copy_claims (LfEngineSession *self)
{
  GPtrArray *claims = g_ptr_array_new_with_free_func (claim_unref);

  for (GList *link = self->claims.head; link != NULL; link = link->next)
    g_ptr_array_add (claims, claim_ref (link->data));

  return claims;
}

static gboolean
has_claims_in (LfEngineSession *self,
               State            first,
               State            last)
{
  for (GList *link = self->claims.head; link != NULL; link = link->next)
    {
      State state = get_state (link->data);

      if (state >= first && state <= last)
        return TRUE;
    }

  return FALSE;
}

/* The keys that are bound to the lease do not exist any more, or will not for long. */
static void
abandon_lease (LfEngineSession *self)
{
  g_autoptr (GPtrArray) claims = copy_claims (self);
  Lease *lease = g_steal_pointer (&self->lease);

  self->lease_state = LEASE_NONE;
  self->n_grants = 0;
  lf_etcd_alarm_set_time (self->alarm, -1);

  for (guint i = 0; i < claims->len; i++)
    {
      LfEngineClaim *claim = claims->pdata[i];
      State state;

      if (claim->lease != lease)
        continue;

      lose (claim);
      state = get_state (claim);
      if (state == STATE_LEAVING)
        set_state (claim, STATE_GONE);
      if (state == STATE_LEAVING || state == STATE_LOST)
        end_claim (claim);
      else
        forget_key (claim);
    }

  lease_unref (lease);
  advance_all (self);
}

static void
ignore_cb (const LfEtcdReply *reply,
           gpointer           user_data)
{
}

static void
delete_key (LfEngineSession *self,
            const char      *key)
{
  g_autofree char *encoded = lf_etcd_json_encode (key);

  lf_etcd_client_call (self->client, "/v3/kv/deleterange",
                       g_strdup_printf ("{\"key\":\"%s\"}", encoded), FALSE, ignore_cb, NULL);
}

/* Called when the deadline may have passed. If nothing is held, the claims that wait keep their
 * places as long as the servers let them. */
static void
check_deadline (LfEngineSession *self)
{
  gint64 deadline;

  if (self->lease == NULL || self->lease_state == LEASE_GRANTING)
    return;

  deadline = get_deadline (self, self->lease);
  if (lf_etcd_clock_get () < deadline)
    {
      lf_etcd_alarm_set_time (self->alarm, deadline);
      return;
    }

  if (has_claims_in (self, STATE_HELD, STATE_HELD))
    {
      /* Places in the queue under the old lease would delay everybody */
      for (GList *link = self->claims.head; link != NULL; link = link->next)
        {
          LfEngineClaim *claim = link->data;

          if (claim->lease == self->lease && claim->key != NULL &&
              get_state (claim) == STATE_WAITING)
            delete_key (self, claim->key);
        }
      abandon_lease (self);
    }
  else if (!has_claims_in (self, STATE_STARTING, STATE_WAITING))
    abandon_lease (self);
}

static gboolean
alarm_cb (gpointer user_data)
{
  check_deadline (user_data);

  return G_SOURCE_CONTINUE;
}

static void
lease_failed (LfEngineSession   *self,
              const LfEtcdReply *reply)
{
  timer_start (self->tick, get_retry_delay (self, self->n_failures++));
}

static void
kept_alive_cb (const LfEtcdReply *reply,
               gpointer           user_data)
{
  LfEngineSession *self = user_data;
  g_autoptr (Lease) lease = g_steal_pointer (&self->asked);
  gint64 ttl = lf_etcd_json_get_int64 (reply->answer, "TTL");
  gboolean was_alive = self->lease_state == LEASE_ALIVE;

  /* The deadline may have passed before this answer came */
  if (lease == self->lease)
    check_deadline (self);
  if (lease != self->lease)
    {
      timer_start (self->tick, 0);
      return;
    }

  if (reply->result != LF_ETCD_ANSWERED)
    {
      lease_failed (self, reply);
      return;
    }

  if (ttl <= 0 || lf_etcd_json_get_int64 (reply->answer, "ID") != lease->id)
    {
      g_debug ("The lease has ended");
      abandon_lease (self);
      return;
    }

  extend_lease (self, lease, ttl);
  self->lease_state = LEASE_ALIVE;
  timer_start (self->tick, self->ttl / 3 - (lf_etcd_clock_get () - self->asked_time));
  if (!was_alive)
    advance_all (self);
}

static void
keep_alive (LfEngineSession *self)
{
  self->asked = g_atomic_rc_box_acquire (self->lease);
  self->asked_time = lf_etcd_clock_get ();
  lf_etcd_client_call (self->client, "/v3/lease/keepalive",
                       g_strdup_printf ("{\"ID\":\"%" G_GINT64_FORMAT "\"}", self->lease->id),
                       TRUE, kept_alive_cb, self);
}

static void
granted_cb (const LfEtcdReply *reply,
            gpointer           user_data)
{
  LfEngineSession *self = user_data;
  g_autoptr (GPtrArray) claims = NULL;
  g_autoptr (Lease) lease = g_steal_pointer (&self->asked);
  gint64 ttl = lf_etcd_json_get_int64 (reply->answer, "TTL");
  gboolean exists = reply->result == LF_ETCD_REFUSED &&
                    (reply->code == LF_ETCD_CODE_FAILED_PRECONDITION ||
                     reply->code == LF_ETCD_CODE_ALREADY_EXISTS);

  if (reply->result == LF_ETCD_ANSWERED && ttl > 0 &&
      lf_etcd_json_get_int64 (reply->answer, "ID") == lease->id)
    {
      extend_lease (self, lease, ttl);
      self->lease_state = LEASE_ALIVE;
      timer_start (self->tick, self->ttl / 3 - (lf_etcd_clock_get () - self->asked_time));
      advance_all (self);
      return;
    }

  /* It may be ours, from an earlier request */
  if (exists && self->n_grants > 1)
    {
      self->lease_state = LEASE_CONFIRMING;
      keep_alive (self);
      return;
    }

  self->lease_state = LEASE_NONE;
  if (exists)
    {
      g_clear_pointer (&self->lease, lease_unref);
      self->n_grants = 0;
    }

  claims = copy_claims (self);
  for (guint i = 0; i < claims->len; i++)
    {
      LfEngineClaim *claim = claims->pdata[i];
      LfEtcdReply failure = *reply;
      g_autoptr (GError) error = NULL;

      if (claim->key != NULL || exists)
        continue;

      if (failure.error == NULL)
        {
          failure.result = LF_ETCD_UNREACHABLE;
          failure.error = error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                                       _("The answer is not one of etcd"));
        }
      handle_failure (claim, &failure);
    }
  lease_failed (self, reply);
}

/* Returns whether keys can be bound to it. Otherwise all claims are told when they can. */
static gboolean
ensure_lease (LfEngineSession *self)
{
  if (self->lease_state == LEASE_ALIVE)
    return TRUE;
  if (self->lease_state != LEASE_NONE || self->asked != NULL)
    return FALSE;

  if (self->lease == NULL)
    {
      self->lease = g_atomic_rc_box_new0 (Lease);
      self->lease->id = lf_etcd_random_id ();
    }
  self->lease_state = LEASE_GRANTING;
  self->n_grants++;
  self->asked = g_atomic_rc_box_acquire (self->lease);
  self->asked_time = lf_etcd_clock_get ();
  lf_etcd_client_call (self->client, "/v3/lease/grant",
                       g_strdup_printf ("{\"ID\":\"%" G_GINT64_FORMAT "\",\"TTL\":\"%u\"}",
                                        self->lease->id, self->config.lease_duration),
                       TRUE, granted_cb, self);

  return FALSE;
}

static void
revoked_cb (const LfEtcdReply *reply,
            gpointer           user_data)
{
  LfEngineSession *self = user_data;

  self->is_revoking = FALSE;
}

static void
revoke_lease (LfEngineSession *self)
{
  g_autofree char *body = g_strdup_printf ("{\"ID\":\"%" G_GINT64_FORMAT "\"}", self->lease->id);

  g_clear_pointer (&self->lease, lease_unref);
  self->lease_state = LEASE_NONE;
  self->n_grants = 0;
  self->is_revoking = TRUE;
  lf_etcd_client_call (self->client, "/v3/lease/revoke", g_steal_pointer (&body), FALSE,
                       revoked_cb, self);
}

/* Servers can lose events, and can answer that a lease lives which others have ended. */
static void
look_at_old_claims (LfEngineSession *self)
{
  g_autoptr (GPtrArray) claims = copy_claims (self);
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < claims->len; i++)
    {
      LfEngineClaim *claim = claims->pdata[i];
      State state = get_state (claim);

      if ((state == STATE_HELD || state == STATE_WAITING) && now >= claim->last_look + self->ttl)
        look (claim);
    }
}

static gboolean
tick_cb (gpointer user_data)
{
  LfEngineSession *self = user_data;

  check_deadline (self);
  if (self->asked != NULL)
    return G_SOURCE_CONTINUE;

  if (self->lease == NULL || self->lease_state == LEASE_NONE)
    {
      advance_all (self);
      if (g_queue_is_empty (&self->claims))
        g_clear_pointer (&self->lease, lease_unref);
    }
  else if (g_queue_is_empty (&self->claims))
    revoke_lease (self);
  else if (has_claims_in (self, STATE_STARTING, STATE_HELD))
    {
      keep_alive (self);
      look_at_old_claims (self);
      close_unused_stream (self);
    }
  else
    timer_start (self->tick, self->ttl / 3);

  return G_SOURCE_CONTINUE;
}

/* A claim and its key */

static gboolean
is_only_one (LfEngineClaim *claim)
{
  for (GList *link = claim->session->claims.head; link != NULL; link = link->next)
    {
      LfEngineClaim *other = link->data;

      if (other != claim && other->key != NULL && g_str_equal (other->prefix, claim->prefix))
        return FALSE;
    }

  return TRUE;
}

static void
choose_key (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;

  if (is_only_one (claim))
    claim->key = g_strdup_printf ("%s%" G_GINT64_MODIFIER "x", claim->prefix, self->lease->id);
  else
    claim->key = g_strdup_printf ("%s%" G_GINT64_MODIFIER "x.%u", claim->prefix, self->lease->id,
                                  ++self->last_number);

  g_mutex_lock (&self->mutex);
  g_clear_pointer (&claim->lease, lease_unref);
  claim->lease = g_atomic_rc_box_acquire (self->lease);
  g_mutex_unlock (&self->mutex);
}

/* The first key of a range in a transaction's answer, or NULL. */
static JsonObject *
get_key (JsonObject *answer,
         guint       index,
         guint       key_index)
{
  JsonObject *response = lf_etcd_json_get_element (answer, "responses", index);

  return lf_etcd_json_get_element (lf_etcd_json_get_object (response, "response_range"), "kvs",
                                   key_index);
}

static gint64
get_create_revision (JsonObject *kv)
{
  return lf_etcd_json_get_int64 (kv, "create_revision");
}

/* The claim is before all others. */
static void
grant (LfEngineClaim *claim,
       gint64         header_revision)
{
  LfEngineSession *self = claim->session;
  gboolean is_granted = FALSE;

  stop_watch (claim);
  g_clear_pointer (&claim->predecessor, g_free);

  g_mutex_lock (&self->mutex);
  if ((claim->state == STATE_STARTING || claim->state == STATE_WAITING) &&
      lf_etcd_clock_get () < claim->lease->deadline)
    {
      claim->state = STATE_HELD;
      is_granted = TRUE;
      tell (claim);
    }
  g_mutex_unlock (&self->mutex);

  if (is_granted)
    want_watch (claim, header_revision + 1, WATCH_DELAY);
  else
    timer_start (claim->retry, get_retry_delay (self, 2));
}

static void
wait_behind (LfEngineClaim *claim,
             JsonObject    *owner,
             JsonObject    *predecessor,
             gint64         header_revision)
{
  LfEngineSession *self = claim->session;
  g_autofree char *key = lf_etcd_json_get_text (predecessor, "key");
  gboolean is_local = FALSE;

  g_mutex_lock (&self->mutex);
  g_free (claim->obstacle);
  claim->obstacle = lf_etcd_json_get_text (owner, "value");
  if (claim->state == STATE_STARTING)
    {
      claim->state = STATE_WAITING;
      tell (claim);
    }
  g_mutex_unlock (&self->mutex);

  if (claim->watch_id != 0 && g_strcmp0 (claim->predecessor, key) == 0)
    {
      claim->watch_revision = header_revision + 1;
      return;
    }

  stop_watch (claim);
  g_free (claim->predecessor);
  claim->predecessor = g_steal_pointer (&key);
  /* This session knows when its own keys are deleted */
  for (GList *link = self->claims.head; link != NULL && !is_local; link = link->next)
    is_local = g_strcmp0 (((LfEngineClaim *) link->data)->key, claim->predecessor) == 0;
  if (!is_local)
    want_watch (claim, header_revision + 1, 0);
}

static gint64
get_header_revision (JsonObject *answer)
{
  return lf_etcd_json_get_int64 (lf_etcd_json_get_object (answer, "header"), "revision");
}

static void
fail_answer (LfEngineClaim *claim)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                                  _("The answer is not one of etcd"));

  handle_failure (claim, &(LfEtcdReply) { .result = LF_ETCD_UNREACHABLE, .error = error });
}

static void
set_revision (LfEngineClaim *claim,
              gint64         revision)
{
  g_mutex_lock (&claim->session->mutex);
  claim->revision = revision;
  g_mutex_unlock (&claim->session->mutex);
}

/* The answer to the request that looks at the key, the lock and what is before the key. */
static void
handle_look (LfEngineClaim *claim,
             JsonObject    *answer)
{
  JsonObject *own = get_key (answer, 0, 0);
  JsonObject *owner = get_key (answer, 1, 0);
  JsonObject *predecessor = get_key (answer, 2, 0);
  State state = get_state (claim);
  gint64 revision = get_header_revision (answer);

  claim->last_look = g_get_monotonic_time ();
  if (revision <= 0 || lf_etcd_json_get_length (answer, "responses") != 3)
    {
      fail_answer (claim);
      return;
    }

  claim->n_failures = 0;
  if (own == NULL || get_create_revision (own) != claim->revision)
    {
      if (state == STATE_HELD)
        {
          lose (claim);
          forget_key (claim);
          if (get_state (claim) == STATE_LOST)
            end_claim (claim);
        }
      else if (state == STATE_WAITING)
        {
          forget_key (claim);
          advance (claim);
        }
      return;
    }

  if (state == STATE_HELD)
    claim->watch_revision = revision + 1;
  else if (owner != NULL && get_create_revision (owner) == claim->revision)
    grant (claim, revision);
  else if (owner != NULL && predecessor != NULL)
    wait_behind (claim, owner, predecessor, revision);
  else
    timer_start (claim->retry, get_retry_delay (claim->session, 2));
}

/* Whether the thread has nothing to do with the claim any more. */
static gboolean
has_ended (LfEngineClaim *claim)
{
  return claim->retry == NULL;
}

/* Returns FALSE if nothing came of the request. */
static gboolean
check_reply (LfEngineClaim     *claim,
             const LfEtcdReply *reply)
{
  LfEngineSession *self = claim->session;

  self->n_requests--;
  claim->is_asking = FALSE;
  if (has_ended (claim))
    return FALSE;

  if (claim->is_reply_stale)
    {
      claim->is_reply_stale = FALSE;
      advance (claim);
      return FALSE;
    }

  if (reply->result == LF_ETCD_ANSWERED)
    return TRUE;

  /* The lease */
  if (reply->result == LF_ETCD_REFUSED && reply->code == LF_ETCD_CODE_NOT_FOUND &&
      get_state (claim) != STATE_LEAVING)
    {
      claim->may_have_key = FALSE;
      if (claim->lease == self->lease)
        abandon_lease (self);
      else
        {
          forget_key (claim);
          advance (claim);
        }
      return FALSE;
    }

  handle_failure (claim, reply);

  return FALSE;
}

/* If the claim is leaving by now, its end is near whatever the answer was. */
static gboolean
is_leaving (LfEngineClaim *claim)
{
  if (get_state (claim) != STATE_LEAVING)
    return FALSE;

  advance (claim);

  return TRUE;
}

static void
looked_cb (const LfEtcdReply *reply,
           gpointer           user_data)
{
  LfEngineClaim *claim = user_data;

  if (check_reply (claim, reply) && !is_leaving (claim))
    handle_look (claim, reply->answer);
  claim_unref (claim);
}

static char *
encode_prefix_end (const char *prefix)
{
  g_autofree char *end = g_strdup (prefix);

  end[strlen (end) - 1]++;

  return lf_etcd_json_encode (end);
}

#define RANGE "{\"request_range\":{\"key\":\"%s\",\"range_end\":\"%s\"," \
              "\"sort_target\":\"CREATE\","
#define OWNER RANGE "\"sort_order\":\"ASCEND\",\"limit\":\"1\"}}"

static void
send_request (LfEngineClaim *claim,
              const char    *path,
              char          *body,
              LfEtcdDone     done)
{
  claim->session->n_requests++;
  claim->is_asking = TRUE;
  claim->look_is_due = FALSE;
  lf_etcd_client_call (claim->session->client, path, body, FALSE, done, claim_ref (claim));
}

static void
send_look (LfEngineClaim *claim)
{
  g_autofree char *key = lf_etcd_json_encode (claim->key);
  g_autofree char *prefix = lf_etcd_json_encode (claim->prefix);
  g_autofree char *end = encode_prefix_end (claim->prefix);

  send_request (claim, "/v3/kv/txn",
                g_strdup_printf ("{\"success\":[{\"request_range\":{\"key\":\"%s\"}}," OWNER ","
                                 RANGE "\"sort_order\":\"DESCEND\",\"limit\":\"1\","
                                 "\"max_create_revision\":\"%" G_GINT64_FORMAT "\"}}]}",
                                 key, prefix, end, prefix, end, claim->revision - 1),
                looked_cb);
}

/* The answer to the request that puts the key. */
static void
handle_put (LfEngineClaim *claim,
            JsonObject    *answer)
{
  LfEngineSession *self = claim->session;
  gboolean was_put = lf_etcd_json_get_boolean (answer, "succeeded");
  gint64 revision = get_header_revision (answer);
  JsonObject *owner = get_key (answer, 1, 0);
  JsonObject *own = was_put ? NULL : get_key (answer, 0, 0);

  if (revision <= 0 || (was_put && owner == NULL))
    {
      fail_answer (claim);
      return;
    }

  claim->n_failures = 0;
  claim->last_look = g_get_monotonic_time ();
  if (was_put)
    set_revision (claim, revision);
  else if (own != NULL)
    set_revision (claim, get_create_revision (own));
  claim->is_put_unknown = claim->is_put_unknown && !was_put && own == NULL;

  if (!was_put && own == NULL)
    {
      g_mutex_lock (&self->mutex);
      g_free (claim->obstacle);
      claim->obstacle = owner != NULL ? lf_etcd_json_get_text (owner, "value") : NULL;
      g_mutex_unlock (&self->mutex);
      claim->may_have_key = claim->is_put_unknown;
      set_state (claim, STATE_BUSY);
      return;
    }

  if (owner != NULL && get_create_revision (owner) == claim->revision)
    grant (claim, revision);
  else if (was_put && get_key (answer, 2, 1) != NULL)
    wait_behind (claim, owner, get_key (answer, 2, 1), revision);
  else
    look (claim);
}

/* Claims of one lock put their keys one after the other, in their order. */
static void
put_next (LfEngineSession *self,
          const char      *prefix)
{
  g_autoptr (GPtrArray) claims = copy_claims (self);

  for (guint i = 0; i < claims->len && !g_hash_table_contains (self->puts, prefix); i++)
    {
      LfEngineClaim *claim = claims->pdata[i];

      if (claim->is_put_due && g_str_equal (claim->prefix, prefix))
        {
          claim->is_put_due = FALSE;
          advance (claim);
        }
    }
}

static void
put_cb (const LfEtcdReply *reply,
        gpointer           user_data)
{
  LfEngineClaim *claim = user_data;

  g_hash_table_remove (claim->session->puts, claim->prefix);

  if (reply->result == LF_ETCD_UNANSWERED ||
      (reply->result == LF_ETCD_UNREACHABLE && reply->error->code == G_IO_ERROR_INVALID_DATA))
    claim->is_put_unknown = TRUE;
  else if (reply->result != LF_ETCD_ANSWERED)
    claim->may_have_key = claim->is_put_unknown;

  if (check_reply (claim, reply))
    {
      if (get_state (claim) == STATE_LEAVING)
        {
          if (lf_etcd_json_get_boolean (reply->answer, "succeeded"))
            claim->is_put_unknown = FALSE;
          advance (claim);
        }
      else
        handle_put (claim, reply->answer);
    }
  put_next (claim->session, claim->prefix);
  claim_unref (claim);
}

/* A single try puts the key only if the lock has no other one, so that it does not get into
 * anybody's way. */
static void
send_put (LfEngineClaim *claim)
{
  g_autofree char *value = lf_etcd_json_encode (claim->value);
  g_autofree char *prefix = lf_etcd_json_encode (claim->prefix);
  g_autofree char *end = encode_prefix_end (claim->prefix);
  g_autofree char *key = NULL;
  g_autofree char *condition = NULL;

  claim->is_put_due = !g_hash_table_add (claim->session->puts, g_strdup (claim->prefix));
  if (claim->is_put_due)
    return;

  if (claim->key == NULL)
    choose_key (claim);
  claim->may_have_key = TRUE;
  claim->is_put_deleted = FALSE;

  key = lf_etcd_json_encode (claim->key);
  condition = claim->try_once ?
              g_strdup_printf ("\"key\":\"%s\",\"range_end\":\"%s\"", prefix, end) :
              g_strdup_printf ("\"key\":\"%s\"", key);
  send_request (claim, "/v3/kv/txn",
                g_strdup_printf ("{\"compare\":[{\"target\":\"CREATE\",\"result\":\"EQUAL\","
                                 "\"create_revision\":\"0\",%s}],\"success\":[{\"request_put\":"
                                 "{\"key\":\"%s\",\"value\":\"%s\",\"lease\":\"%" G_GINT64_FORMAT
                                 "\"}}," OWNER "," RANGE "\"sort_order\":\"DESCEND\","
                                 "\"limit\":\"2\",\"keys_only\":true}}],"
                                 "\"failure\":[{\"request_range\":{\"key\":\"%s\"}}," OWNER "]}",
                                 condition, key, value, claim->lease->id, prefix, end, prefix, end,
                                 key, prefix, end),
                put_cb);
}

static void
gone (LfEngineClaim *claim,
      gboolean       was_ours)
{
  LfEngineSession *self = claim->session;

  g_mutex_lock (&self->mutex);
  claim->was_ours = was_ours;
  g_mutex_unlock (&self->mutex);

  /* Before the report, so that a claim behind this one is not late */
  claim_ref (claim);
  forget_key (claim);
  set_state (claim, STATE_GONE);
  end_claim (claim);
  claim_unref (claim);
}

static void
deleted_cb (const LfEtcdReply *reply,
            gpointer           user_data)
{
  LfEngineClaim *claim = user_data;

  if (check_reply (claim, reply) && get_state (claim) == STATE_LEAVING)
    {
      /* Whether an earlier one deleted it is not known */
      gboolean was_ours = lf_etcd_json_get_boolean (reply->answer, "succeeded") ||
                          claim->n_deletes > 1;

      if (claim->is_put_unknown && !claim->is_put_deleted)
        {
          claim->is_put_deleted = TRUE;
          wake_successors (claim->session, claim->key);
          timer_start (claim->retry, SECOND_DELETE);
        }
      else
        gone (claim, was_ours);
    }
  claim_unref (claim);
}

static void
send_delete (LfEngineClaim *claim)
{
  g_autofree char *key = lf_etcd_json_encode (claim->key);
  g_autofree char *condition = NULL;

  if (claim->revision != 0)
    condition = g_strdup_printf ("\"compare\":[{\"target\":\"CREATE\",\"result\":\"EQUAL\","
                                 "\"create_revision\":\"%" G_GINT64_FORMAT "\","
                                 "\"key\":\"%s\"}],", claim->revision, key);
  claim->n_deletes++;
  send_request (claim, "/v3/kv/txn",
                g_strdup_printf ("{%s\"success\":[{\"request_delete_range\":{\"key\":\"%s\"}}]}",
                                 condition != NULL ? condition : "", key),
                deleted_cb);
}

/* Does what is to be done next for the claim, which it may end. */
static void
advance (LfEngineClaim *claim)
{
  State state = get_state (claim);

  if (claim->is_asking)
    return;

  if (state == STATE_STARTING || state == STATE_WAITING)
    {
      gboolean has_key = claim->key != NULL && claim->revision != 0;

      if (has_key && claim->look_is_due)
        send_look (claim);
      else if (!has_key && (claim->key != NULL || ensure_lease (claim->session)))
        send_put (claim);
    }
  else if (state == STATE_HELD && claim->look_is_due)
    send_look (claim);
  else if (state == STATE_LEAVING && claim->may_have_key)
    send_delete (claim);
  else if (state == STATE_LEAVING)
    gone (claim, FALSE);
}

static void
advance_all (LfEngineSession *self)
{
  g_autoptr (GPtrArray) claims = copy_claims (self);

  for (guint i = 0; i < claims->len; i++)
    advance (claims->pdata[i]);
}

static gboolean
retry_cb (gpointer user_data)
{
  LfEngineClaim *claim = user_data;

  /* Its answer was not good enough, or it should look again */
  claim->look_is_due = TRUE;
  claim_ref (claim);
  advance (claim);
  claim_unref (claim);

  return G_SOURCE_CONTINUE;
}

/* The thread */

static gboolean
open_client (LfEngineSession  *self,
             GError          **error)
{
  if (self->client == NULL)
    self->client = lf_etcd_client_new (&self->config,
                                       CLAMP (self->ttl / 3, MIN_REQUEST_TIME, MAX_REQUEST_TIME),
                                       error);

  return self->client != NULL;
}

static gboolean
may_end (LfEngineSession *self)
{
  gboolean is_ending, is_posted;

  g_mutex_lock (&self->mutex);
  is_ending = self->is_ending;
  is_posted = self->n_posted > 0;
  g_mutex_unlock (&self->mutex);

  if (is_posted)
    return FALSE;
  if (is_ending)
    return !has_claims_in (self, STATE_LEAVING, STATE_LEAVING);

  return g_queue_is_empty (&self->claims) && self->n_inquiries == 0 && self->n_requests == 0 &&
         self->lease == NULL && !self->is_revoking && self->asked == NULL;
}

/* With the mutex held, since another thread may be started right after that. */
static void
stop_running (LfEngineSession *self)
{
  g_main_context_pop_thread_default (self->context);
  self->runs = FALSE;
  g_cond_broadcast (&self->cond);
}

static gpointer
run (gpointer data)
{
  LfEngineSession *self = data;
  gboolean runs = TRUE;
  gboolean is_ending = FALSE;

  g_main_context_push_thread_default (self->context);
  self->tick = timer_new (self, tick_cb, self);
  self->watch_timer = timer_new (self, watch_cb, self);
  self->watch_time = -1;
  self->alarm = lf_etcd_alarm_new ();
  add_source (self, self->alarm, alarm_cb, self);

  while (runs)
    {
      while (!may_end (self))
        g_main_context_iteration (self->context, TRUE);

      g_mutex_lock (&self->mutex);
      is_ending = self->is_ending;
      if (is_ending)
        stop_running (self);
      g_mutex_unlock (&self->mutex);
      /* Nothing is used any more, and nothing freed */
      if (is_ending)
        break;

      close_unused_stream (self);
      if (self->client != NULL)
        lf_etcd_client_free (g_steal_pointer (&self->client));
      self->stream = NULL;

      g_mutex_lock (&self->mutex);
      if (self->n_posted == 0)
        {
          remove_source (&self->tick);
          remove_source (&self->watch_timer);
          remove_source (&self->alarm);
          stop_running (self);
          runs = FALSE;
        }
      g_mutex_unlock (&self->mutex);
    }

  return NULL;
}

/* A command for the thread. */
typedef struct
{
  void (*func) (gpointer data);
  gpointer data;
  GDestroyNotify destroy;
  LfEngineSession *session;
} Command;

static gboolean
command_cb (gpointer user_data)
{
  Command *command = user_data;
  LfEngineSession *self = command->session;

  command->func (command->data);

  g_mutex_lock (&self->mutex);
  self->n_posted--;
  g_mutex_unlock (&self->mutex);

  return G_SOURCE_REMOVE;
}

static void
command_free (gpointer data)
{
  Command *command = data;

  command->destroy (command->data);
  g_free (command);
}

/* Takes @data. FALSE with an error if there is no thread. */
static gboolean
post (LfEngineSession  *self,
      void            (*func) (gpointer data),
      gpointer          data,
      GDestroyNotify    destroy,
      GError          **error)
{
  Command *command = g_new (Command, 1);
  g_autoptr (GSource) source = g_idle_source_new ();
  GThread *thread = NULL;
  gboolean starts;

  *command = (Command) { func, data, destroy, self };
  g_source_set_static_name (source, "[lockfile-glib] etcd command");
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, command_cb, command, command_free);

  g_mutex_lock (&self->mutex);
  self->n_posted++;
  starts = !self->runs;
  if (starts && self->is_ending)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, _("The process is ending"));
  else if (starts)
    {
      thread = lf_etcd_thread_start (run, self, error);
      self->runs = thread != NULL;
    }
  if (starts && thread == NULL)
    {
      self->n_posted--;
      g_mutex_unlock (&self->mutex);
      return FALSE;
    }
  g_mutex_unlock (&self->mutex);

  if (thread != NULL)
    g_thread_unref (thread);
  g_source_attach (source, self->context);

  return TRUE;
}

/* Inquiries: requests of other threads, which wait for the answer */

typedef struct
{
  gatomicrefcount ref_count;
  LfEngineSession *session;
  const char *path;
  char *body;
  gint64 started;
  guint n_failures;
  GSource *retry;

  /* Protected by the mutex of the session */
  gboolean is_done;
  JsonObject *answer;
  GError *error;
} Inquiry;

static void
inquiry_unref (gpointer data)
{
  Inquiry *inquiry = data;

  if (!g_atomic_ref_count_dec (&inquiry->ref_count))
    return;

  g_clear_pointer (&inquiry->answer, json_object_unref);
  g_clear_error (&inquiry->error);
  g_free (inquiry->body);
  g_free (inquiry);
}

static void
inquiry_end (Inquiry      *inquiry,
             JsonObject   *answer,
             const GError *error)
{
  LfEngineSession *self = inquiry->session;

  remove_source (&inquiry->retry);
  self->n_inquiries--;
  g_mutex_lock (&self->mutex);
  inquiry->answer = answer != NULL ? json_object_ref (answer) : NULL;
  inquiry->error = error != NULL ? g_error_copy (error) : NULL;
  inquiry->is_done = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
  inquiry_unref (inquiry);
}

static void
inquired_cb (const LfEtcdReply *reply,
             gpointer           user_data)
{
  Inquiry *inquiry = user_data;
  LfEngineSession *self = inquiry->session;
  gboolean is_final;

  if (reply->result == LF_ETCD_ANSWERED)
    {
      inquiry_end (inquiry, reply->answer, NULL);
      return;
    }

  inquiry->n_failures++;
  is_final = reply->result == LF_ETCD_REFUSED ||
             g_get_monotonic_time () >= inquiry->started + PATIENCE ||
             (reply->result == LF_ETCD_UNREACHABLE &&
              inquiry->n_failures >= lf_etcd_client_get_n_endpoints (self->client));
  if (is_final)
    inquiry_end (inquiry, NULL, reply->error);
  else
    timer_start (inquiry->retry, get_retry_delay (self, inquiry->n_failures));
}

static gboolean
inquire_cb (gpointer user_data)
{
  Inquiry *inquiry = user_data;

  lf_etcd_client_call (inquiry->session->client, inquiry->path, g_strdup (inquiry->body), FALSE,
                       inquired_cb, inquiry);

  return G_SOURCE_CONTINUE;
}

static void
start_inquiry (gpointer data)
{
  Inquiry *inquiry = data;
  LfEngineSession *self = inquiry->session;
  g_autoptr (GError) error = NULL;

  g_atomic_ref_count_inc (&inquiry->ref_count);
  self->n_inquiries++;
  inquiry->retry = timer_new (self, inquire_cb, inquiry);
  if (open_client (self, &error))
    inquire_cb (inquiry);
  else
    inquiry_end (inquiry, NULL, error);
}

/* Takes the body. NULL with an error. */
static JsonObject *
inquire (LfEngineSession  *self,
         const char       *path,
         char             *body,
         GError          **error)
{
  Inquiry *inquiry = g_new (Inquiry, 1);
  JsonObject *answer = NULL;

  *inquiry = (Inquiry) {
    .session = self,
    .path = path,
    .body = body,
    .started = g_get_monotonic_time (),
  };
  g_atomic_ref_count_init (&inquiry->ref_count);
  g_atomic_ref_count_inc (&inquiry->ref_count);

  if (post (self, start_inquiry, inquiry, inquiry_unref, error))
    {
      g_mutex_lock (&self->mutex);
      while (!inquiry->is_done)
        g_cond_wait (&self->cond, &self->mutex);
      answer = g_steal_pointer (&inquiry->answer);
      if (inquiry->error != NULL)
        g_propagate_error (error, g_steal_pointer (&inquiry->error));
      g_mutex_unlock (&self->mutex);
    }
  inquiry_unref (inquiry);

  return answer;
}

/* The methods */

/* All sessions of this process and of those that it was forked from. */
static LfEngineSession *latest_session;

static LfEngineSession *
etcd_session_new (const LfEngineConfig *config)
{
  LfEngineSession *self = g_new0 (LfEngineSession, 1);

  self->config = (LfEngineConfig) {
    .endpoints = g_strdupv (config->endpoints),
    .user = g_strdup (config->user),
    .password = g_strdup (config->password),
    .ca_file = g_strdup (config->ca_file),
    .certificate_file = g_strdup (config->certificate_file),
    .key_file = g_strdup (config->key_file),
    .lease_duration = config->lease_duration,
  };
  self->pid = getpid ();
  self->context = g_main_context_new ();
  self->ttl = config->lease_duration * G_USEC_PER_SEC;
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  g_queue_init (&self->claims);
  self->puts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  do
    self->next = g_atomic_pointer_get (&latest_session);
  while (!g_atomic_pointer_compare_and_exchange (&latest_session, self->next, self));

  return self;
}

/* Names with a slash would meet the keys of other names. */
static char *
new_prefix (const char *name)
{
  GString *prefix = g_string_new (NULL);

  for (const char *c = name; *c != '\0'; c++)
    {
      if (*c == '/')
        g_string_append (prefix, "%2F");
      else if (*c == '%')
        g_string_append (prefix, "%25");
      else
        g_string_append_c (prefix, *c);
    }
  g_string_append_c (prefix, '/');

  return g_string_free (prefix, FALSE);
}

static LfEngineClaim *
etcd_claim_new (LfEngineSession *session,
                const char      *name,
                const char      *value)
{
  LfEngineClaim *claim = g_new (LfEngineClaim, 1);

  *claim = (LfEngineClaim) {
    .session = session,
    .prefix = new_prefix (name),
    .value = g_strdup (value),
    .wakeup = -1,
  };
  claim->link.data = claim;
  g_atomic_ref_count_init (&claim->ref_count);
  g_cond_init (&claim->cond);

  return claim;
}

static void
start_claim (gpointer data)
{
  LfEngineClaim *claim = data;
  LfEngineSession *self = claim->session;
  g_autoptr (GError) error = NULL;

  claim->started = g_get_monotonic_time ();
  claim->retry = timer_new (self, retry_cb, claim);
  g_queue_push_tail_link (&self->claims, &claim->link);
  claim_ref (claim);

  if (open_client (self, &error))
    advance (claim);
  else
    fail_claim (claim, error);
}

static void
advance_cb (gpointer data)
{
  LfEngineClaim *claim = data;

  if (!has_ended (claim))
    advance (claim);
}

static void
etcd_claim_free (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;
  gpointer lost_data = NULL;
  GDestroyNotify lost_destroy = NULL;
  gboolean leaves;

  g_mutex_lock (&self->mutex);
  leaves = claim->state != STATE_NEW && claim->state != STATE_GONE &&
           claim->state != STATE_LOST && claim->state != STATE_LEAVING;
  if (leaves)
    claim->state = STATE_LEAVING;
  if (claim->lost_func != NULL)
    {
      lost_data = claim->lost_data;
      lost_destroy = claim->lost_destroy;
      claim->lost_func = NULL;
    }
  g_mutex_unlock (&self->mutex);

  if (lost_destroy != NULL)
    lost_destroy (lost_data);
  if (leaves)
    post (self, advance_cb, claim_ref (claim), claim_unref, NULL);
  claim_unref (claim);
}

/* With the mutex held. */
static void
set_attempt_error (LfEngineClaim  *claim,
                   GError        **error)
{
  if (claim->state == STATE_LOST)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                         _("The lease ended before the lock could be used"));
  else if (claim->error != NULL)
    g_propagate_error (error, g_error_copy (claim->error));
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, _("%s does not answer"),
                 claim->session->config.endpoints[0]);
}

static gboolean
begin (LfEngineClaim  *claim,
       gboolean        try_once,
       GError        **error)
{
  LfEngineSession *self = claim->session;
  gboolean is_first;

  g_mutex_lock (&self->mutex);
  is_first = claim->state == STATE_NEW && !claim->is_interrupted;
  if (is_first)
    {
      claim->state = STATE_STARTING;
      claim->try_once = try_once;
    }
  g_mutex_unlock (&self->mutex);

  if (!is_first || post (self, start_claim, claim_ref (claim), claim_unref, error))
    return TRUE;

  g_mutex_lock (&self->mutex);
  claim->state = STATE_NEW;
  g_mutex_unlock (&self->mutex);

  return FALSE;
}

/* Without a thread, the attempt reports the error. */
static void
etcd_begin (LfEngineClaim *claim,
            gboolean       try_once)
{
  begin (claim, try_once, NULL);
}

static LfEngineAttempt
etcd_attempt (LfEngineClaim  *claim,
              gboolean        try_once,
              GError        **error)
{
  LfEngineSession *self = claim->session;
  LfEngineAttempt result = LF_ENGINE_BUSY;

  if (!begin (claim, try_once, error))
    return LF_ENGINE_ERROR;

  g_mutex_lock (&self->mutex);
  lf_etcd_wakeup_clear (claim->wakeup);
  while (claim->state == STATE_STARTING && !claim->is_interrupted)
    g_cond_wait (&claim->cond, &self->mutex);

  if (claim->state == STATE_HELD)
    result = LF_ENGINE_GRANTED;
  else if (claim->state == STATE_STARTING || claim->state == STATE_FAILED ||
           claim->state == STATE_LOST)
    {
      result = LF_ENGINE_ERROR;
      set_attempt_error (claim, error);
    }
  g_mutex_unlock (&self->mutex);

  return result;
}

static void
etcd_interrupt (LfEngineClaim *claim)
{
  g_mutex_lock (&claim->session->mutex);
  claim->is_interrupted = TRUE;
  g_cond_broadcast (&claim->cond);
  g_mutex_unlock (&claim->session->mutex);
}

static int
etcd_get_fd (LfEngineClaim *claim)
{
  int fd;

  g_mutex_lock (&claim->session->mutex);
  if (claim->wakeup < 0)
    {
      claim->wakeup = lf_etcd_wakeup_new ();
      /* What happened before went unnoticed */
      lf_etcd_wakeup_wake (claim->wakeup);
    }
  fd = claim->wakeup;
  g_mutex_unlock (&claim->session->mutex);

  return fd;
}

static char *
etcd_get_obstacle (LfEngineClaim *claim)
{
  char *obstacle;

  g_mutex_lock (&claim->session->mutex);
  obstacle = g_strdup (claim->obstacle);
  g_mutex_unlock (&claim->session->mutex);

  return obstacle;
}

static gint64
etcd_get_token (LfEngineClaim *claim)
{
  gint64 token;

  g_mutex_lock (&claim->session->mutex);
  token = claim->revision;
  g_mutex_unlock (&claim->session->mutex);

  return token;
}

static gint64
etcd_get_remaining (LfEngineClaim *claim)
{
  gint64 remaining = 0;

  g_mutex_lock (&claim->session->mutex);
  if (claim->state == STATE_HELD)
    remaining = MAX (claim->lease->deadline - lf_etcd_clock_get (), 0);
  g_mutex_unlock (&claim->session->mutex);

  return remaining;
}

static void
etcd_set_lost_func (LfEngineClaim   *claim,
                    GSourceOnceFunc  func,
                    gpointer         data,
                    GDestroyNotify   destroy)
{
  gboolean is_lost;

  g_mutex_lock (&claim->session->mutex);
  is_lost = claim->state != STATE_HELD;
  if (!is_lost)
    {
      claim->lost_func = func;
      claim->lost_data = data;
      claim->lost_destroy = destroy;
    }
  g_mutex_unlock (&claim->session->mutex);

  if (is_lost)
    {
      func (data);
      destroy (data);
    }
}

static LfEngineVerdict
etcd_verify (LfEngineClaim  *claim,
             GError        **error)
{
  g_autoptr (JsonObject) answer = NULL;
  g_autofree char *key = NULL;
  gint64 revision = 0;

  if (etcd_get_remaining (claim) == 0)
    return LF_ENGINE_LOST;

  /* The key does not change while the lock is held */
  g_mutex_lock (&claim->session->mutex);
  if (claim->state == STATE_HELD)
    {
      key = lf_etcd_json_encode (claim->key);
      revision = claim->revision;
    }
  g_mutex_unlock (&claim->session->mutex);
  if (key == NULL)
    return LF_ENGINE_LOST;

  answer = inquire (claim->session, "/v3/kv/range", g_strdup_printf ("{\"key\":\"%s\"}", key),
                    error);
  if (etcd_get_remaining (claim) == 0)
    {
      g_clear_error (error);
      return LF_ENGINE_LOST;
    }
  if (answer == NULL)
    return LF_ENGINE_UNKNOWN;

  return get_create_revision (lf_etcd_json_get_element (answer, "kvs", 0)) == revision ?
         LF_ENGINE_HELD : LF_ENGINE_LOST;
}

static LfEngineRelease
etcd_release (LfEngineClaim  *claim,
              GError        **error)
{
  LfEngineSession *self = claim->session;
  gint64 end = g_get_monotonic_time () + RELEASE_TIME;
  LfEngineRelease result = LF_ENGINE_RELEASED;
  gboolean was_held;

  g_mutex_lock (&self->mutex);
  was_held = claim->state == STATE_HELD && lf_etcd_clock_get () < claim->lease->deadline;
  if (was_held)
    claim->state = STATE_LEAVING;
  g_mutex_unlock (&self->mutex);

  if (!was_held)
    return LF_ENGINE_NOT_OURS;

  if (!post (self, advance_cb, claim_ref (claim), claim_unref, error))
    return LF_ENGINE_RELEASING;

  g_mutex_lock (&self->mutex);
  while (claim->state != STATE_GONE && g_cond_wait_until (&claim->cond, &self->mutex, end))
    ;
  if (claim->state != STATE_GONE)
    {
      result = LF_ENGINE_RELEASING;
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                           _("The cluster does not answer"));
    }
  else if (!claim->was_ours)
    result = LF_ENGINE_NOT_OURS;
  g_mutex_unlock (&self->mutex);

  return result;
}

/* The holder's key, or NULL with an error or without one. */
static JsonObject *
find_owner (LfEngineSession  *self,
            const char       *name,
            JsonObject      **answer,
            GError          **error)
{
  g_autofree char *prefix = new_prefix (name);
  g_autofree char *key = lf_etcd_json_encode (prefix);
  g_autofree char *end = encode_prefix_end (prefix);

  *answer = inquire (self, "/v3/kv/range",
                     g_strdup_printf ("{\"key\":\"%s\",\"range_end\":\"%s\",\"limit\":\"1\","
                                      "\"sort_order\":\"ASCEND\",\"sort_target\":\"CREATE\"}",
                                      key, end), error);

  return lf_etcd_json_get_element (*answer, "kvs", 0);
}

static gboolean
etcd_query (LfEngineSession  *session,
            const char       *name,
            char            **value,
            GError          **error)
{
  g_autoptr (JsonObject) answer = NULL;
  JsonObject *owner = find_owner (session, name, &answer, error);

  *value = owner != NULL ? lf_etcd_json_get_text (owner, "value") : NULL;

  return answer != NULL;
}

static gboolean
etcd_break_lock (LfEngineSession  *session,
                 const char       *name,
                 GError          **error)
{
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (JsonObject) deleted = NULL;
  JsonObject *owner = find_owner (session, name, &answer, error);
  const char *key;
  g_autofree char *copy = NULL;
  g_autofree guchar *data = NULL;
  gsize length;

  if (owner == NULL)
    return answer != NULL;

  key = lf_etcd_json_get_string (owner, "key");
  data = g_base64_decode (key, &length);
  copy = g_base64_encode (data, length);
  deleted = inquire (session, "/v3/kv/txn",
                     g_strdup_printf ("{\"compare\":[{\"target\":\"CREATE\",\"result\":\"EQUAL\","
                                      "\"create_revision\":\"%" G_GINT64_FORMAT "\","
                                      "\"key\":\"%s\"}],\"success\":[{\"request_delete_range\":"
                                      "{\"key\":\"%s\"}}]}", get_create_revision (owner), copy,
                                      copy), error);

  return deleted != NULL;
}

void
lf_etcd_session_set_methods (LfEngineClass *klass)
{
  klass->session_new = etcd_session_new;
  klass->claim_new = etcd_claim_new;
  klass->claim_free = etcd_claim_free;
  klass->begin = etcd_begin;
  klass->attempt = etcd_attempt;
  klass->interrupt = etcd_interrupt;
  klass->get_fd = etcd_get_fd;
  klass->get_obstacle = etcd_get_obstacle;
  klass->get_token = etcd_get_token;
  klass->get_remaining = etcd_get_remaining;
  klass->set_lost_func = etcd_set_lost_func;
  klass->verify = etcd_verify;
  klass->release = etcd_release;
  klass->query = etcd_query;
  klass->break_lock = etcd_break_lock;
}

/* At the end of the process: locks that objects dropped just before are still released. */
__attribute__ ((destructor))
static void
end_sessions (void)
{
  gint64 end = g_get_monotonic_time () + EXIT_TIME;

  for (LfEngineSession *self = latest_session; self != NULL; self = self->next)
    {
      /* A child has no thread of its parent, which may have locked the mutex */
      if (self->pid != getpid ())
        continue;

      g_mutex_lock (&self->mutex);
      self->is_ending = TRUE;
      g_main_context_wakeup (self->context);
      while (self->runs && g_cond_wait_until (&self->cond, &self->mutex, end))
        ;
      g_mutex_unlock (&self->mutex);
    }
}
