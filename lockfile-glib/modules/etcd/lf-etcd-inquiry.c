/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-session-private.h"

/* Inquiries: requests of other threads, which wait for the answer. */

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

  lf_etcd_source_remove (&inquiry->retry);
  self->n_inquiries--;
  g_mutex_lock (&self->mutex);
  inquiry->answer = answer != NULL ? json_object_ref (answer) : NULL;
  inquiry->error = error != NULL ? g_error_copy (error) : NULL;
  inquiry->is_done = TRUE;
  g_mutex_unlock (&self->mutex);
  g_cond_broadcast (&self->cond);
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
             g_get_monotonic_time () >= inquiry->started + LF_ETCD_PATIENCE ||
             (reply->result == LF_ETCD_UNREACHABLE &&
              inquiry->n_failures >= lf_etcd_client_get_n_endpoints (self->client));
  if (is_final)
    inquiry_end (inquiry, NULL, reply->error);
  else
    lf_etcd_timer_start (inquiry->retry,
                         lf_etcd_session_get_retry_delay (self, inquiry->n_failures));
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
  inquiry->retry = lf_etcd_timer_new (self, inquire_cb, inquiry);
  if (lf_etcd_session_open_client (self, &error))
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

  if (lf_etcd_session_post (self, start_inquiry, inquiry, inquiry_unref, error))
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

/* The holder's key, or NULL with an error or without one. */
static JsonObject *
find_owner (LfEngineSession  *self,
            const char       *name,
            JsonObject      **answer,
            GError          **error)
{
  g_autofree char *prefix = lf_etcd_prefix_new (name);
  g_autofree char *key = lf_etcd_json_encode (prefix);
  g_autofree char *end = lf_etcd_prefix_encode_end (prefix);

  *answer = inquire (self, "/v3/kv/range",
                     g_strdup_printf ("{\"key\":\"%s\",\"range_end\":\"%s\",\"limit\":\"1\","
                                      "\"sort_order\":\"ASCEND\",\"sort_target\":\"CREATE\"}",
                                      key, end), error);

  return lf_etcd_json_get_element (*answer, "kvs", 0);
}

gboolean
lf_etcd_session_query (LfEngineSession  *session,
                       const char       *name,
                       char            **value,
                       GError          **error)
{
  g_autoptr (JsonObject) answer = NULL;
  JsonObject *owner = find_owner (session, name, &answer, error);

  *value = owner != NULL ? lf_etcd_json_get_text (owner, "value") : NULL;

  return answer != NULL;
}

gboolean
lf_etcd_session_break_lock (LfEngineSession  *session,
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
                                      "{\"key\":\"%s\"}}]}",
                                      lf_etcd_get_create_revision (owner), copy, copy), error);

  return deleted != NULL;
}

LfEngineVerdict
lf_etcd_claim_verify (LfEngineClaim  *claim,
                      GError        **error)
{
  g_autoptr (JsonObject) answer = NULL;
  g_autofree char *key = NULL;
  gint64 revision = 0;

  if (lf_etcd_claim_get_remaining (claim) == 0)
    return LF_ENGINE_LOST;

  /* The key does not change while the lock is held */
  g_mutex_lock (&claim->session->mutex);
  if (claim->state == LF_ETCD_STATE_HELD)
    {
      key = lf_etcd_json_encode (claim->key);
      revision = claim->revision;
    }
  g_mutex_unlock (&claim->session->mutex);
  if (key == NULL)
    return LF_ENGINE_LOST;

  answer = inquire (claim->session, "/v3/kv/range", g_strdup_printf ("{\"key\":\"%s\"}", key),
                    error);
  if (lf_etcd_claim_get_remaining (claim) == 0)
    {
      g_clear_error (error);
      return LF_ENGINE_LOST;
    }
  if (answer == NULL)
    return LF_ENGINE_UNKNOWN;

  return lf_etcd_get_create_revision (lf_etcd_json_get_element (answer, "kvs", 0)) == revision ?
         LF_ENGINE_HELD : LF_ENGINE_LOST;
}
