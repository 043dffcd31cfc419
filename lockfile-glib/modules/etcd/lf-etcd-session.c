/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-session-private.h"

#include <unistd.h>

#include "lf-etcd-system-private.h"
#include "os/lf-translate-private.h"

/* A session has one thread, which runs while there are claims and for a moment after that. It
 * alone talks to the cluster. Other threads leave it commands, and read the state of claims
 * under the mutex, which is locked for moments only; nothing else is locked while it is. */

#define MAX_REQUEST_TIME (5 * G_TIME_SPAN_SECOND)
#define MIN_REQUEST_TIME (G_TIME_SPAN_SECOND / 2)

#define FIRST_RETRY (50 * G_TIME_SPAN_MILLISECOND)

/* How long the end of the process waits for releases */
#define EXIT_TIME G_TIME_SPAN_SECOND

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

void
lf_etcd_source_add (LfEngineSession *self,
                    GSource         *source,
                    GSourceFunc      func,
                    gpointer         data)
{
  g_source_set_static_name (source, "[lockfile-glib] etcd");
  g_source_set_callback (source, func, data, NULL);
  g_source_attach (source, self->context);
}

GSource *
lf_etcd_timer_new (LfEngineSession *self,
                   GSourceFunc      func,
                   gpointer         data)
{
  GSource *source = g_source_new (&timer_funcs, sizeof (GSource));

  lf_etcd_source_add (self, source, func, data);

  return source;
}

void
lf_etcd_timer_start (GSource *timer,
                     gint64   delay)
{
  g_source_set_ready_time (timer, g_get_monotonic_time () + delay);
}

void
lf_etcd_source_remove (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

gint64
lf_etcd_session_get_retry_delay (LfEngineSession *self,
                                 guint            n_failures)
{
  gint64 delay = FIRST_RETRY << MIN (n_failures, 5);

  return MIN (delay, MIN (LF_ETCD_LAST_RETRY, self->ttl / 8));
}

GPtrArray *
lf_etcd_session_copy_claims (LfEngineSession *self)
{
  GPtrArray *claims = g_ptr_array_new_with_free_func (lf_etcd_claim_unref);

  for (GList *link = self->claims.head; link != NULL; link = link->next)
    g_ptr_array_add (claims, lf_etcd_claim_ref (link->data));

  return claims;
}

gboolean
lf_etcd_session_has_claims (LfEngineSession *self,
                            LfEtcdState      first,
                            LfEtcdState      last)
{
  for (GList *link = self->claims.head; link != NULL; link = link->next)
    {
      LfEtcdState state = lf_etcd_claim_get_state (link->data);

      if (state >= first && state <= last)
        return TRUE;
    }

  return FALSE;
}

gboolean
lf_etcd_session_open_client (LfEngineSession  *self,
                             GError          **error)
{
  if (self->client == NULL)
    self->client = lf_etcd_client_new (&self->config,
                                       CLAMP (self->ttl / 3, MIN_REQUEST_TIME, MAX_REQUEST_TIME),
                                       error);

  return self->client != NULL;
}

static gboolean
is_idle (LfEngineSession *self)
{
  return g_queue_is_empty (&self->claims) && self->n_inquiries == 0 && self->n_requests == 0 &&
         self->lease == NULL && !self->is_revoking && self->asked == NULL;
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
    return !lf_etcd_session_has_claims (self, LF_ETCD_STATE_LEAVING, LF_ETCD_STATE_LEAVING);

  return is_idle (self);
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
  self->tick = lf_etcd_timer_new (self, lf_etcd_lease_tick_cb, self);
  self->watch_timer = lf_etcd_timer_new (self, lf_etcd_watch_cb, self);
  self->watch_time = -1;
  self->alarm = lf_etcd_alarm_new ();
  lf_etcd_source_add (self, self->alarm, lf_etcd_lease_alarm_cb, self);

  while (runs)
    {
      while (!may_end (self))
        g_main_context_iteration (self->context, TRUE);

      g_mutex_lock (&self->mutex);
      is_ending = self->is_ending;
      if (is_ending)
        stop_running (self);
      g_mutex_unlock (&self->mutex);
      /* Nothing more is used, and nothing freed */
      if (is_ending)
        break;

      lf_etcd_watch_close_unused (self);
      self->stream = NULL;
      /* This iterates the context. Commands that are done in it have another client */
      if (self->client != NULL)
        lf_etcd_client_free (g_steal_pointer (&self->client));

      g_mutex_lock (&self->mutex);
      if (self->n_posted == 0 && is_idle (self) && self->client == NULL)
        {
          lf_etcd_source_remove (&self->tick);
          lf_etcd_source_remove (&self->watch_timer);
          lf_etcd_source_remove (&self->alarm);
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
gboolean
lf_etcd_session_post (LfEngineSession  *self,
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

/* All sessions of this process and of those that it was forked from. */
static LfEngineSession *latest_session;

LfEngineSession *
lf_etcd_session_new (const LfEngineConfig *config)
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
