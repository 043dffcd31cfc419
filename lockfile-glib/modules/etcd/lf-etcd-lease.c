/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-session-private.h"

#include "lf-etcd-system-private.h"
#include "os/lf-translate-private.h"

/* All claims of a session have the same lease, so that one request keeps all of them alive.
 *
 * Shortly before the lease may end, by our clock, the locks are lost. Then the lease is neither
 * kept alive nor revoked: a server on which it still lives continues to exclude others until the
 * holder has noticed. New claims, and those that wait, get a new lease. */

/* The least that our deadline is before the end of the lease */
#define MIN_MARGIN (G_TIME_SPAN_SECOND / 5)

void
lf_etcd_lease_unref (LfEtcdLease *lease)
{
  g_atomic_rc_box_release (lease);
}

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
              LfEtcdLease     *lease)
{
  gint64 deadline;

  g_mutex_lock (&self->mutex);
  deadline = lease->deadline;
  g_mutex_unlock (&self->mutex);

  return deadline;
}

static void
extend_lease (LfEngineSession *self,
              LfEtcdLease     *lease,
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

/* The keys that are bound to the lease no longer exist, or soon will not. */
void
lf_etcd_lease_abandon (LfEngineSession *self)
{
  g_autoptr (GPtrArray) claims = lf_etcd_session_copy_claims (self);
  LfEtcdLease *lease = g_steal_pointer (&self->lease);

  self->lease_state = LF_ETCD_LEASE_NONE;
  self->n_grants = 0;
  lf_etcd_alarm_set_time (self->alarm, -1);

  for (guint i = 0; i < claims->len; i++)
    {
      LfEngineClaim *claim = claims->pdata[i];
      LfEtcdState state;

      if (claim->lease != lease)
        continue;

      lf_etcd_claim_lose (claim);
      state = lf_etcd_claim_get_state (claim);
      if (state == LF_ETCD_STATE_LEAVING)
        lf_etcd_claim_set_state (claim, LF_ETCD_STATE_GONE);
      if (state == LF_ETCD_STATE_LEAVING || state == LF_ETCD_STATE_LOST)
        lf_etcd_claim_end (claim);
      else
        lf_etcd_claim_forget_key (claim);
    }

  lf_etcd_lease_unref (lease);
  lf_etcd_session_advance_all (self);
}

static void
ignore_cb (const LfEtcdReply *reply,
           gpointer           user_data)
{
}

void
lf_etcd_delete_key (LfEngineSession *self,
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

  if (self->lease == NULL || self->lease_state == LF_ETCD_LEASE_GRANTING)
    return;

  deadline = get_deadline (self, self->lease);
  if (lf_etcd_clock_get () < deadline)
    {
      lf_etcd_alarm_set_time (self->alarm, deadline);
      return;
    }

  if (lf_etcd_session_has_claims (self, LF_ETCD_STATE_HELD, LF_ETCD_STATE_HELD))
    {
      /* Places in the queue under the old lease would delay everybody */
      for (GList *link = self->claims.head; link != NULL; link = link->next)
        {
          LfEngineClaim *claim = link->data;

          if (claim->lease == self->lease && claim->key != NULL &&
              lf_etcd_claim_get_state (claim) == LF_ETCD_STATE_WAITING)
            lf_etcd_delete_key (self, claim->key);
        }
      lf_etcd_lease_abandon (self);
    }
  else if (!lf_etcd_session_has_claims (self, LF_ETCD_STATE_STARTING, LF_ETCD_STATE_WAITING))
    lf_etcd_lease_abandon (self);
}

gboolean
lf_etcd_lease_alarm_cb (gpointer user_data)
{
  check_deadline (user_data);

  return G_SOURCE_CONTINUE;
}

static void
lease_failed (LfEngineSession   *self,
              const LfEtcdReply *reply)
{
  lf_etcd_timer_start (self->tick, lf_etcd_session_get_retry_delay (self, self->n_failures++));
}

static void
kept_alive_cb (const LfEtcdReply *reply,
               gpointer           user_data)
{
  LfEngineSession *self = user_data;
  g_autoptr (LfEtcdLease) lease = g_steal_pointer (&self->asked);
  gint64 ttl = lf_etcd_json_get_int64 (reply->answer, "TTL");
  gboolean was_alive = self->lease_state == LF_ETCD_LEASE_ALIVE;

  /* The deadline may have passed before this answer came */
  if (lease == self->lease)
    check_deadline (self);
  if (lease != self->lease)
    {
      lf_etcd_timer_start (self->tick, 0);
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
      lf_etcd_lease_abandon (self);
      return;
    }

  extend_lease (self, lease, ttl);
  self->lease_state = LF_ETCD_LEASE_ALIVE;
  lf_etcd_timer_start (self->tick, self->ttl / 3 - (lf_etcd_clock_get () - self->asked_time));
  if (!was_alive)
    lf_etcd_session_advance_all (self);
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
  g_autoptr (LfEtcdLease) lease = g_steal_pointer (&self->asked);
  gint64 ttl = lf_etcd_json_get_int64 (reply->answer, "TTL");
  gboolean exists = reply->result == LF_ETCD_REFUSED &&
                    (reply->code == LF_ETCD_CODE_FAILED_PRECONDITION ||
                     reply->code == LF_ETCD_CODE_ALREADY_EXISTS);

  if (reply->result == LF_ETCD_ANSWERED && ttl > 0 &&
      lf_etcd_json_get_int64 (reply->answer, "ID") == lease->id)
    {
      extend_lease (self, lease, ttl);
      self->lease_state = LF_ETCD_LEASE_ALIVE;
      lf_etcd_timer_start (self->tick, self->ttl / 3 - (lf_etcd_clock_get () - self->asked_time));
      lf_etcd_session_advance_all (self);
      return;
    }

  /* It may be ours, from an earlier request */
  if (exists && self->n_grants > 1)
    {
      self->lease_state = LF_ETCD_LEASE_CONFIRMING;
      keep_alive (self);
      return;
    }

  self->lease_state = LF_ETCD_LEASE_NONE;
  if (exists)
    {
      g_clear_pointer (&self->lease, lf_etcd_lease_unref);
      self->n_grants = 0;
    }

  claims = lf_etcd_session_copy_claims (self);
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
      lf_etcd_claim_handle_failure (claim, &failure);
    }
  lease_failed (self, reply);
}

/* Returns whether keys can be bound to it. Otherwise all claims are told when they can. */
gboolean
lf_etcd_lease_ensure (LfEngineSession *self)
{
  if (self->lease_state == LF_ETCD_LEASE_ALIVE)
    return TRUE;
  if (self->lease_state != LF_ETCD_LEASE_NONE || self->asked != NULL)
    return FALSE;

  if (self->lease == NULL)
    {
      self->lease = g_atomic_rc_box_new0 (LfEtcdLease);
      self->lease->id = lf_etcd_random_id ();
    }
  self->lease_state = LF_ETCD_LEASE_GRANTING;
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

  g_clear_pointer (&self->lease, lf_etcd_lease_unref);
  self->lease_state = LF_ETCD_LEASE_NONE;
  self->n_grants = 0;
  self->is_revoking = TRUE;
  lf_etcd_client_call (self->client, "/v3/lease/revoke", g_steal_pointer (&body), FALSE,
                       revoked_cb, self);
}

/* Servers can lose events, and can answer that a lease lives which others have ended. */
static void
look_at_old_claims (LfEngineSession *self)
{
  g_autoptr (GPtrArray) claims = lf_etcd_session_copy_claims (self);
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < claims->len; i++)
    {
      LfEngineClaim *claim = claims->pdata[i];
      LfEtcdState state = lf_etcd_claim_get_state (claim);

      if ((state == LF_ETCD_STATE_HELD || state == LF_ETCD_STATE_WAITING) &&
          now >= claim->last_look + self->ttl)
        lf_etcd_claim_look (claim);
    }
}

gboolean
lf_etcd_lease_tick_cb (gpointer user_data)
{
  LfEngineSession *self = user_data;

  check_deadline (self);
  if (self->asked != NULL)
    return G_SOURCE_CONTINUE;

  if (self->lease == NULL || self->lease_state == LF_ETCD_LEASE_NONE)
    {
      lf_etcd_session_advance_all (self);
      if (g_queue_is_empty (&self->claims))
        g_clear_pointer (&self->lease, lf_etcd_lease_unref);
    }
  else if (g_queue_is_empty (&self->claims))
    revoke_lease (self);
  else if (lf_etcd_session_has_claims (self, LF_ETCD_STATE_STARTING, LF_ETCD_STATE_HELD))
    {
      keep_alive (self);
      look_at_old_claims (self);
      lf_etcd_watch_close_unused (self);
    }
  else
    lf_etcd_timer_start (self->tick, self->ttl / 3);

  return G_SOURCE_CONTINUE;
}
