/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-session-private.h"

#include <string.h>

#include "lf-etcd-system-private.h"
#include "os/lf-translate-private.h"

/* Locks in etcd, by the protocol of `etcdctl lock`
 *
 * The lock NAME is the set of keys that begin with NAME/. A claim puts a key, bound to a lease,
 * and owns the lock as soon as no key of the set has a lower create revision. A claim that does
 * not own it watches the key before its own.
 *
 * A claim first puts its key only if the set is empty. That is common, and the request costs less
 * than one that also asks for the keys before its own.
 *
 * The key is NAME/LEASE, as that of etcdctl; other claims of this session on the same lock have
 * a number after it. Requests can be repeated, since the lease's ID and the keys are ours. */

/* A lock that is held for a shorter time is not watched. A watch needs a new connection */
#define WATCH_DELAY (50 * G_TIME_SPAN_MILLISECOND)

/* A put that was not answered may still be done after the delete that undoes it */
#define SECOND_DELETE (10 * G_TIME_SPAN_SECOND)

/* Names with a slash would meet the keys of other names. */
char *
lf_etcd_prefix_new (const char *name)
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

char *
lf_etcd_prefix_encode_end (const char *prefix)
{
  g_autofree char *end = g_strdup (prefix);

  end[strlen (end) - 1]++;

  return lf_etcd_json_encode (end);
}

gint64
lf_etcd_get_create_revision (JsonObject *kv)
{
  return lf_etcd_json_get_int64 (kv, "create_revision");
}

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
  g_clear_pointer (&claim->lease, lf_etcd_lease_unref);
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

/* The claim is before all others. */
static void
grant (LfEngineClaim *claim,
       gint64         header_revision)
{
  LfEngineSession *self = claim->session;
  gboolean is_granted = FALSE;

  lf_etcd_watch_stop (claim);
  g_clear_pointer (&claim->predecessor, g_free);

  g_mutex_lock (&self->mutex);
  if ((claim->state == LF_ETCD_STATE_STARTING || claim->state == LF_ETCD_STATE_WAITING) &&
      lf_etcd_clock_get () < claim->lease->deadline)
    {
      claim->state = LF_ETCD_STATE_HELD;
      claim->was_granted = TRUE;
      is_granted = TRUE;
      lf_etcd_claim_unlock_and_tell (claim);
    }
  else
    g_mutex_unlock (&self->mutex);

  if (is_granted)
    lf_etcd_watch_start (claim, header_revision + 1, WATCH_DELAY);
  else
    lf_etcd_timer_start (claim->retry, lf_etcd_session_get_retry_delay (self, 2));
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
  if (claim->state == LF_ETCD_STATE_STARTING)
    {
      claim->state = LF_ETCD_STATE_WAITING;
      lf_etcd_claim_unlock_and_tell (claim);
    }
  else
    g_mutex_unlock (&self->mutex);

  if (claim->watch_id != 0 && g_strcmp0 (claim->predecessor, key) == 0)
    {
      claim->watch_revision = header_revision + 1;
      return;
    }

  lf_etcd_watch_stop (claim);
  g_free (claim->predecessor);
  claim->predecessor = g_steal_pointer (&key);
  /* This session knows when its own keys are deleted */
  for (GList *link = self->claims.head; link != NULL && !is_local; link = link->next)
    is_local = g_strcmp0 (((LfEngineClaim *) link->data)->key, claim->predecessor) == 0;
  if (!is_local)
    lf_etcd_watch_start (claim, header_revision + 1, 0);
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

  lf_etcd_claim_handle_failure (claim, &(LfEtcdReply) { .result = LF_ETCD_UNREACHABLE,
                                                        .error = error });
}

static gboolean
is_range (JsonObject *answer,
          guint       index)
{
  JsonObject *response = lf_etcd_json_get_element (answer, "responses", index);

  return lf_etcd_json_get_object (response, "response_range") != NULL;
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
  LfEtcdState state = lf_etcd_claim_get_state (claim);
  gint64 revision = get_header_revision (answer);

  claim->last_look = g_get_monotonic_time ();
  if (revision <= 0 || lf_etcd_json_get_length (answer, "responses") != 3)
    {
      fail_answer (claim);
      return;
    }

  claim->n_failures = 0;
  if (own == NULL || lf_etcd_get_create_revision (own) != claim->revision)
    {
      gboolean exists = own != NULL &&
                        lf_etcd_json_get_int64 (own, "lease") == claim->lease->id;

      /* What an earlier answer said was wrong. Only this claim puts this key, and left alone it
       * would be before all others as long as the lease is kept alive */
      if (exists && state != LF_ETCD_STATE_HELD)
        {
          set_revision (claim, lf_etcd_get_create_revision (own));
          lf_etcd_timer_start (claim->retry, lf_etcd_session_get_retry_delay (claim->session, 2));
        }
      else if (state == LF_ETCD_STATE_HELD)
        {
          lf_etcd_claim_lose (claim);
          if (exists)
            lf_etcd_delete_key (claim->session, claim->key);
          lf_etcd_claim_forget_key (claim);
          if (lf_etcd_claim_get_state (claim) == LF_ETCD_STATE_LOST)
            lf_etcd_claim_end (claim);
        }
      else
        {
          lf_etcd_claim_forget_key (claim);
          lf_etcd_claim_advance (claim);
        }
      return;
    }

  if (state == LF_ETCD_STATE_HELD)
    claim->watch_revision = revision + 1;
  else if (owner != NULL && lf_etcd_get_create_revision (owner) == claim->revision)
    grant (claim, revision);
  else if (owner != NULL && predecessor != NULL)
    wait_behind (claim, owner, predecessor, revision);
  else
    lf_etcd_timer_start (claim->retry, lf_etcd_session_get_retry_delay (claim->session, 2));
}

/* Returns FALSE if nothing came of the request. */
static gboolean
check_reply (LfEngineClaim     *claim,
             const LfEtcdReply *reply)
{
  LfEngineSession *self = claim->session;

  self->n_requests--;
  claim->is_asking = FALSE;
  if (lf_etcd_claim_has_ended (claim))
    return FALSE;

  if (claim->is_reply_stale)
    {
      claim->is_reply_stale = FALSE;
      lf_etcd_claim_advance (claim);
      return FALSE;
    }

  if (reply->result == LF_ETCD_ANSWERED)
    return TRUE;

  /* The lease */
  if (reply->result == LF_ETCD_REFUSED && reply->code == LF_ETCD_CODE_NOT_FOUND &&
      lf_etcd_claim_get_state (claim) != LF_ETCD_STATE_LEAVING)
    {
      claim->may_have_key = FALSE;
      if (claim->lease == self->lease)
        lf_etcd_lease_abandon (self);
      else
        {
          lf_etcd_claim_forget_key (claim);
          lf_etcd_claim_advance (claim);
        }
      return FALSE;
    }

  lf_etcd_claim_handle_failure (claim, reply);

  return FALSE;
}

/* If the claim is leaving by now, its end is near whatever the answer was. */
static gboolean
is_leaving (LfEngineClaim *claim)
{
  if (lf_etcd_claim_get_state (claim) != LF_ETCD_STATE_LEAVING)
    return FALSE;

  lf_etcd_claim_advance (claim);

  return TRUE;
}

static void
looked_cb (const LfEtcdReply *reply,
           gpointer           user_data)
{
  LfEngineClaim *claim = user_data;

  if (check_reply (claim, reply) && !is_leaving (claim))
    handle_look (claim, reply->answer);
  lf_etcd_claim_unref (claim);
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
  lf_etcd_client_call (claim->session->client, path, body, FALSE, done, lf_etcd_claim_ref (claim));
}

static void
send_look (LfEngineClaim *claim)
{
  g_autofree char *key = lf_etcd_json_encode (claim->key);
  g_autofree char *prefix = lf_etcd_json_encode (claim->prefix);
  g_autofree char *end = lf_etcd_prefix_encode_end (claim->prefix);

  send_request (claim, "/v3/kv/txn",
                g_strdup_printf ("{\"success\":[{\"request_range\":{\"key\":\"%s\"}}," OWNER ","
                                 RANGE "\"sort_order\":\"DESCEND\",\"limit\":\"1\","
                                 "\"max_create_revision\":\"%" G_GINT64_FORMAT "\"}}]}",
                                 key, prefix, end, prefix, end, claim->revision - 1),
                looked_cb);
}

/* Whether the answer has the parts that were asked for. */
static gboolean
is_answer_to_put (LfEngineClaim *claim,
                  JsonObject    *answer,
                  gboolean       was_put)
{
  guint n_responses = lf_etcd_json_get_length (answer, "responses");

  if (was_put)
    return n_responses == (claim->is_put_if_free ? 1 : 3);
  if (claim->is_put_if_free && !claim->try_once)
    return n_responses == 0;

  return n_responses == 2 && is_range (answer, 0) && is_range (answer, 1);
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
  gboolean was_free = was_put && claim->is_put_if_free;
  gboolean exists = was_put || own != NULL;

  if (revision <= 0 || !is_answer_to_put (claim, answer, was_put) ||
      (was_put && !was_free && owner == NULL) || (!exists && !claim->is_put_if_free))
    {
      fail_answer (claim);
      return;
    }

  claim->n_failures = 0;
  claim->last_look = g_get_monotonic_time ();
  if (was_put)
    set_revision (claim, revision);
  else if (own != NULL)
    set_revision (claim, lf_etcd_get_create_revision (own));
  claim->is_put_unknown = claim->is_put_unknown && !exists;
  claim->may_have_key = exists || claim->is_put_unknown;

  if (!exists && claim->try_once)
    {
      g_mutex_lock (&self->mutex);
      g_free (claim->obstacle);
      claim->obstacle = owner != NULL ? lf_etcd_json_get_text (owner, "value") : NULL;
      g_mutex_unlock (&self->mutex);
      lf_etcd_claim_set_state (claim, LF_ETCD_STATE_BUSY);
      return;
    }

  if (!exists)
    {
      claim->is_contended = TRUE;
      lf_etcd_claim_advance (claim);
    }
  else if (was_free ||
           (owner != NULL && lf_etcd_get_create_revision (owner) == claim->revision))
    grant (claim, revision);
  else if (was_put && get_key (answer, 2, 1) != NULL)
    wait_behind (claim, owner, get_key (answer, 2, 1), revision);
  else
    lf_etcd_claim_look (claim);
}

/* Claims of one lock put their keys one after the other, in their order. */
static void
put_next (LfEngineSession *self,
          const char      *prefix)
{
  g_autoptr (GPtrArray) claims = lf_etcd_session_copy_claims (self);

  for (guint i = 0; i < claims->len && !g_hash_table_contains (self->puts, prefix); i++)
    {
      LfEngineClaim *claim = claims->pdata[i];

      if (claim->is_put_due && g_str_equal (claim->prefix, prefix))
        {
          claim->is_put_due = FALSE;
          lf_etcd_claim_advance (claim);
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
      if (lf_etcd_claim_get_state (claim) == LF_ETCD_STATE_LEAVING)
        {
          if (lf_etcd_json_get_boolean (reply->answer, "succeeded"))
            claim->is_put_unknown = FALSE;
          lf_etcd_claim_advance (claim);
        }
      else
        handle_put (claim, reply->answer);
    }
  put_next (claim->session, claim->prefix);
  lf_etcd_claim_unref (claim);
}

/* A single try puts the key only if the lock has no other one, so that it does not get into
 * anybody's way. */
static gboolean
puts_if_free (LfEngineClaim *claim)
{
  return claim->try_once ||
         (!claim->is_contended && !claim->is_put_unknown && is_only_one (claim));
}

#define PUT "{\"compare\":[{\"target\":\"CREATE\",\"result\":\"EQUAL\"," \
            "\"create_revision\":\"0\",%s}],\"success\":[{\"request_put\":{\"key\":\"%s\"," \
            "\"value\":\"%s\",\"lease\":\"%" G_GINT64_FORMAT "\"}}%s],\"failure\":[%s]}"

static void
send_put (LfEngineClaim *claim)
{
  g_autofree char *value = lf_etcd_json_encode (claim->value);
  g_autofree char *prefix = lf_etcd_json_encode (claim->prefix);
  g_autofree char *end = lf_etcd_prefix_encode_end (claim->prefix);
  g_autofree char *key = NULL;
  g_autofree char *condition = NULL;
  g_autofree char *found = NULL;
  g_autofree char *queue = NULL;

  claim->is_put_due = !g_hash_table_add (claim->session->puts, g_strdup (claim->prefix));
  if (claim->is_put_due)
    return;

  if (claim->key == NULL)
    choose_key (claim);
  claim->may_have_key = TRUE;
  claim->is_put_deleted = FALSE;
  claim->is_put_if_free = puts_if_free (claim);

  key = lf_etcd_json_encode (claim->key);
  found = g_strdup_printf ("{\"request_range\":{\"key\":\"%s\"}}," OWNER, key, prefix, end);
  if (claim->is_put_if_free)
    condition = g_strdup_printf ("\"key\":\"%s\",\"range_end\":\"%s\"", prefix, end);
  else
    {
      condition = g_strdup_printf ("\"key\":\"%s\"", key);
      queue = g_strdup_printf ("," OWNER "," RANGE "\"sort_order\":\"DESCEND\",\"limit\":\"2\","
                               "\"keys_only\":true}}", prefix, end, prefix, end);
    }
  send_request (claim, "/v3/kv/txn",
                g_strdup_printf (PUT, condition, key, value, claim->lease->id,
                                 queue != NULL ? queue : "",
                                 claim->is_put_if_free && !claim->try_once ? "" : found),
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
  lf_etcd_claim_ref (claim);
  lf_etcd_claim_forget_key (claim);
  lf_etcd_claim_set_state (claim, LF_ETCD_STATE_GONE);
  lf_etcd_claim_end (claim);
  lf_etcd_claim_unref (claim);
}

static void
deleted_cb (const LfEtcdReply *reply,
            gpointer           user_data)
{
  LfEngineClaim *claim = user_data;

  if (check_reply (claim, reply) && lf_etcd_claim_get_state (claim) == LF_ETCD_STATE_LEAVING)
    {
      /* Whether an earlier one deleted it is not known */
      gboolean was_ours = lf_etcd_json_get_boolean (reply->answer, "succeeded") ||
                          claim->n_deletes > 1;

      if (claim->is_put_unknown && !claim->is_put_deleted)
        {
          claim->is_put_deleted = TRUE;
          lf_etcd_session_wake_successors (claim->session, claim->key);
          lf_etcd_timer_start (claim->retry, SECOND_DELETE);
        }
      else
        gone (claim, was_ours);
    }
  lf_etcd_claim_unref (claim);
}

static void
send_delete (LfEngineClaim *claim)
{
  g_autofree char *key = lf_etcd_json_encode (claim->key);
  g_autofree char *condition = NULL;

  if (claim->was_granted)
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
void
lf_etcd_claim_advance (LfEngineClaim *claim)
{
  LfEtcdState state = lf_etcd_claim_get_state (claim);

  if (claim->is_asking)
    return;

  if (state == LF_ETCD_STATE_STARTING || state == LF_ETCD_STATE_WAITING)
    {
      gboolean has_key = claim->key != NULL && claim->revision != 0;

      if (has_key && claim->look_is_due)
        send_look (claim);
      else if (!has_key && (claim->key != NULL || lf_etcd_lease_ensure (claim->session)))
        send_put (claim);
    }
  else if (state == LF_ETCD_STATE_HELD && claim->look_is_due)
    send_look (claim);
  else if (state == LF_ETCD_STATE_LEAVING && claim->may_have_key)
    send_delete (claim);
  else if (state == LF_ETCD_STATE_LEAVING)
    gone (claim, FALSE);
}

void
lf_etcd_session_advance_all (LfEngineSession *self)
{
  g_autoptr (GPtrArray) claims = lf_etcd_session_copy_claims (self);

  for (guint i = 0; i < claims->len; i++)
    lf_etcd_claim_advance (claims->pdata[i]);
}

void
lf_etcd_claim_look (LfEngineClaim *claim)
{
  claim->look_is_due = TRUE;
  lf_etcd_claim_advance (claim);
}

gboolean
lf_etcd_claim_retry_cb (gpointer user_data)
{
  LfEngineClaim *claim = user_data;

  /* Its answer was not good enough, or it should look again */
  claim->look_is_due = TRUE;
  lf_etcd_claim_ref (claim);
  lf_etcd_claim_advance (claim);
  lf_etcd_claim_unref (claim);

  return G_SOURCE_CONTINUE;
}
