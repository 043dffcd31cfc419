/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-session-private.h"

#include <unistd.h>

#include "lf-etcd-system-private.h"

/* What becomes of a claim, whose state other threads read and wait for. */

LfEngineClaim *
lf_etcd_claim_ref (LfEngineClaim *claim)
{
  g_atomic_ref_count_inc (&claim->ref_count);

  return claim;
}

void
lf_etcd_claim_unref (gpointer data)
{
  LfEngineClaim *claim = data;

  if (!g_atomic_ref_count_dec (&claim->ref_count))
    return;

  if (claim->wakeup >= 0)
    close (claim->wakeup);
  g_clear_pointer (&claim->lease, lf_etcd_lease_unref);
  g_clear_error (&claim->error);
  g_cond_clear (&claim->cond);
  g_free (claim->obstacle);
  g_free (claim->predecessor);
  g_free (claim->key);
  g_free (claim->prefix);
  g_free (claim->value);
  g_free (claim);
}

/* In this order, since a thread that wakes up locks the mutex. */
void
lf_etcd_claim_unlock_and_tell (LfEngineClaim *claim)
{
  int wakeup = claim->wakeup;

  g_mutex_unlock (&claim->session->mutex);
  g_cond_broadcast (&claim->cond);
  lf_etcd_wakeup_wake (wakeup);
}

LfEtcdState
lf_etcd_claim_get_state (LfEngineClaim *claim)
{
  LfEtcdState state;

  g_mutex_lock (&claim->session->mutex);
  state = claim->state;
  g_mutex_unlock (&claim->session->mutex);

  return state;
}

/* Changes the state, unless another thread has released the claim before that. */
gboolean
lf_etcd_claim_set_state (LfEngineClaim *claim,
                         LfEtcdState    state)
{
  LfEngineSession *self = claim->session;
  gboolean changed = FALSE;

  g_mutex_lock (&self->mutex);
  if (claim->state != LF_ETCD_STATE_LEAVING || state == LF_ETCD_STATE_GONE)
    {
      claim->state = state;
      changed = TRUE;
    }
  lf_etcd_claim_unlock_and_tell (claim);

  return changed;
}

/* Whether the thread has nothing more to do with the claim. */
gboolean
lf_etcd_claim_has_ended (LfEngineClaim *claim)
{
  return claim->retry == NULL;
}

/* Removes the claim from the thread, which may have had the last reference. */
void
lf_etcd_claim_end (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;

  lf_etcd_source_remove (&claim->retry);
  claim->watch_id = 0;
  g_queue_unlink (&self->claims, &claim->link);
  lf_etcd_claim_unref (claim);
}

/* Claims of this session behind a key look again, but not now: the caller may be iterating. */
void
lf_etcd_session_wake_successors (LfEngineSession *self,
                                 const char      *key)
{
  for (GList *link = self->claims.head; link != NULL && key != NULL; link = link->next)
    {
      LfEngineClaim *claim = link->data;

      if (g_strcmp0 (claim->predecessor, key) == 0)
        lf_etcd_timer_start (claim->retry, 0);
    }
}

/* The key no longer exists, or is no longer ours. */
void
lf_etcd_claim_forget_key (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;
  g_autofree char *key = g_steal_pointer (&claim->key);

  lf_etcd_watch_stop (claim);
  claim->is_reply_stale = claim->is_asking;
  claim->may_have_key = FALSE;
  claim->is_put_unknown = FALSE;
  g_clear_pointer (&claim->predecessor, g_free);
  g_mutex_lock (&self->mutex);
  claim->revision = 0;
  g_clear_pointer (&claim->lease, lf_etcd_lease_unref);
  g_mutex_unlock (&self->mutex);

  lf_etcd_session_wake_successors (self, key);
}

void
lf_etcd_claim_lose (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;
  GSourceOnceFunc func = NULL;
  GDestroyNotify destroy = NULL;
  gpointer data = NULL;

  g_mutex_lock (&self->mutex);
  if (claim->state == LF_ETCD_STATE_HELD)
    {
      claim->state = LF_ETCD_STATE_LOST;
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
void
lf_etcd_claim_fail (LfEngineClaim *claim,
                    const GError  *error)
{
  set_error (claim, error);
  /* A key that it may have is deleted when the claim is freed */
  lf_etcd_claim_set_state (claim, LF_ETCD_STATE_FAILED);
  lf_etcd_watch_stop (claim);
}

/* A request for the claim has failed. */
void
lf_etcd_claim_handle_failure (LfEngineClaim     *claim,
                              const LfEtcdReply *reply)
{
  LfEngineSession *self = claim->session;
  LfEtcdState state = lf_etcd_claim_get_state (claim);
  gboolean is_final = reply->result == LF_ETCD_REFUSED;

  claim->n_failures++;
  if (state == LF_ETCD_STATE_STARTING && reply->result == LF_ETCD_UNREACHABLE)
    is_final = claim->n_failures >= lf_etcd_client_get_n_endpoints (self->client);
  else if (state == LF_ETCD_STATE_STARTING)
    is_final |= g_get_monotonic_time () >= claim->started + LF_ETCD_PATIENCE;

  if (is_final && (state == LF_ETCD_STATE_STARTING || state == LF_ETCD_STATE_WAITING))
    lf_etcd_claim_fail (claim, reply->error);
  else if (is_final && state == LF_ETCD_STATE_LEAVING && reply->result == LF_ETCD_REFUSED)
    lf_etcd_timer_start (claim->retry, LF_ETCD_LAST_RETRY);
  else
    lf_etcd_timer_start (claim->retry, lf_etcd_session_get_retry_delay (self, claim->n_failures));

  /* Kept for an interrupted first attempt */
  if (state == LF_ETCD_STATE_STARTING && !is_final)
    set_error (claim, reply->error);
}
