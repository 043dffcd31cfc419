/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-engine-private.h"

#include "lf-etcd-session-private.h"
#include "lf-etcd-system-private.h"
#include "os/lf-translate-private.h"

/* What other threads ask of claims. */

/* How long release() waits */
#define RELEASE_TIME (5 * G_TIME_SPAN_SECOND)

static LfEngineClaim *
etcd_claim_new (LfEngineSession *session,
                const char      *name,
                const char      *value)
{
  LfEngineClaim *claim = g_new (LfEngineClaim, 1);

  *claim = (LfEngineClaim) {
    .session = session,
    .prefix = lf_etcd_prefix_new (name),
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
  claim->retry = lf_etcd_timer_new (self, lf_etcd_claim_retry_cb, claim);
  g_queue_push_tail_link (&self->claims, &claim->link);
  lf_etcd_claim_ref (claim);

  if (lf_etcd_session_open_client (self, &error))
    lf_etcd_claim_advance (claim);
  else
    lf_etcd_claim_fail (claim, error);
}

static void
advance_cb (gpointer data)
{
  LfEngineClaim *claim = data;

  if (!lf_etcd_claim_has_ended (claim))
    lf_etcd_claim_advance (claim);
}

static void
etcd_claim_free (LfEngineClaim *claim)
{
  LfEngineSession *self = claim->session;
  gpointer lost_data = NULL;
  GDestroyNotify lost_destroy = NULL;
  gboolean leaves;

  g_mutex_lock (&self->mutex);
  leaves = claim->state != LF_ETCD_STATE_NEW && claim->state != LF_ETCD_STATE_GONE &&
           claim->state != LF_ETCD_STATE_LOST && claim->state != LF_ETCD_STATE_LEAVING;
  if (leaves)
    claim->state = LF_ETCD_STATE_LEAVING;
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
    lf_etcd_session_post (self, advance_cb, lf_etcd_claim_ref (claim), lf_etcd_claim_unref, NULL);
  lf_etcd_claim_unref (claim);
}

/* With the mutex held. */
static void
set_attempt_error (LfEngineClaim  *claim,
                   GError        **error)
{
  if (claim->state == LF_ETCD_STATE_LOST)
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
  is_first = claim->state == LF_ETCD_STATE_NEW && !claim->is_interrupted;
  if (is_first)
    {
      claim->state = LF_ETCD_STATE_STARTING;
      claim->try_once = try_once;
    }
  g_mutex_unlock (&self->mutex);

  if (!is_first ||
      lf_etcd_session_post (self, start_claim, lf_etcd_claim_ref (claim), lf_etcd_claim_unref,
                            error))
    return TRUE;

  g_mutex_lock (&self->mutex);
  claim->state = LF_ETCD_STATE_NEW;
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
  while (claim->state == LF_ETCD_STATE_STARTING && !claim->is_interrupted)
    g_cond_wait (&claim->cond, &self->mutex);

  if (claim->state == LF_ETCD_STATE_HELD)
    result = LF_ENGINE_GRANTED;
  else if (claim->state == LF_ETCD_STATE_STARTING || claim->state == LF_ETCD_STATE_FAILED ||
           claim->state == LF_ETCD_STATE_LOST)
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

gint64
lf_etcd_claim_get_remaining (LfEngineClaim *claim)
{
  gint64 remaining = 0;

  g_mutex_lock (&claim->session->mutex);
  if (claim->state == LF_ETCD_STATE_HELD)
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
  is_lost = claim->state != LF_ETCD_STATE_HELD;
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

static LfEngineRelease
etcd_release (LfEngineClaim  *claim,
              GError        **error)
{
  LfEngineSession *self = claim->session;
  gint64 end = g_get_monotonic_time () + RELEASE_TIME;
  LfEngineRelease result = LF_ENGINE_RELEASED;
  gboolean was_held;

  g_mutex_lock (&self->mutex);
  was_held = claim->state == LF_ETCD_STATE_HELD && lf_etcd_clock_get () < claim->lease->deadline;
  if (was_held)
    claim->state = LF_ETCD_STATE_LEAVING;
  g_mutex_unlock (&self->mutex);

  if (!was_held)
    return LF_ENGINE_NOT_OURS;

  if (!lf_etcd_session_post (self, advance_cb, lf_etcd_claim_ref (claim), lf_etcd_claim_unref,
                             error))
    return LF_ENGINE_RELEASING;

  g_mutex_lock (&self->mutex);
  while (claim->state != LF_ETCD_STATE_GONE && g_cond_wait_until (&claim->cond, &self->mutex, end))
    ;
  if (claim->state != LF_ETCD_STATE_GONE)
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

void
lf_etcd_engine_set_methods (LfEngineClass *klass)
{
  klass->session_new = lf_etcd_session_new;
  klass->claim_new = etcd_claim_new;
  klass->claim_free = etcd_claim_free;
  klass->begin = etcd_begin;
  klass->attempt = etcd_attempt;
  klass->interrupt = etcd_interrupt;
  klass->get_fd = etcd_get_fd;
  klass->get_obstacle = etcd_get_obstacle;
  klass->get_token = etcd_get_token;
  klass->get_remaining = lf_etcd_claim_get_remaining;
  klass->set_lost_func = etcd_set_lost_func;
  klass->verify = lf_etcd_claim_verify;
  klass->release = etcd_release;
  klass->query = lf_etcd_session_query;
  klass->break_lock = lf_etcd_session_break_lock;
}
