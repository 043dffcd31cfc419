/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-session-private.h"

/* All watches of a session are in one stream, which takes one connection. */

void
lf_etcd_watch_stop (LfEngineClaim *claim)
{
  claim->watch_id = 0;
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

void
lf_etcd_watch_start (LfEngineClaim *claim,
                     gint64         revision,
                     gint64         delay)
{
  claim->watch_id = ++claim->session->last_watch_id;
  claim->watch_revision = revision;
  restart_stream (claim->session, delay);
}

static const char *
get_watched_key (LfEngineClaim *claim)
{
  return lf_etcd_claim_get_state (claim) == LF_ETCD_STATE_HELD ? claim->key : claim->predecessor;
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
      restart_stream (self, LF_ETCD_LAST_RETRY);
      return;
    }

  for (GList *link = self->claims.head; link != NULL; link = link->next)
    {
      LfEngineClaim *claim = link->data;

      if (claim->watch_id == id && id != 0)
        {
          lf_etcd_watch_stop (claim);
          lf_etcd_claim_look (claim);
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
  restart_stream (self, lf_etcd_session_get_retry_delay (self, self->n_watch_failures++));
}

gboolean
lf_etcd_watch_cb (gpointer user_data)
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

void
lf_etcd_watch_close_unused (LfEngineSession *self)
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
