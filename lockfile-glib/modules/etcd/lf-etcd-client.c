/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-client-private.h"

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <string.h>

#include "os/lf-translate-private.h"

/* Longer answers, and longer lines of a stream, are not etcd's. */
#define MAX_LENGTH (1024 * 1024)
#define CHUNK_SIZE 4096

/* Other requests wait for a free connection, so that many claims at once do not take as many
 * connections. */
#define MAX_CONNECTIONS 8

#define MAX_LOGINS 2

#define UNIX_PREFIX "unix:"

struct _LfEtcdClient
{
  GMainContext *context;
  guint time_limit; /* milliseconds */

  char **endpoints;
  guint n_endpoints;
  guint current; /* endpoint for the next request */
  char *user;
  char *password;
  GTlsCertificate *certificate;

  SoupSession *requests;
  SoupSession *urgent; /* has connections of its own */

  char *token;
  gboolean logging_in;
  gboolean needs_no_login; /* since the cluster has no authentication */

  GList *pending; /* of LfEtcdRequest */
};

struct _LfEtcdRequest
{
  LfEtcdClient *client;
  char *path;
  GBytes *body;
  gboolean is_urgent;
  gboolean is_login;
  LfEtcdEvent event; /* or NULL, for a single answer */
  LfEtcdDone done;   /* or NULL after it was closed */
  gpointer user_data;

  guint endpoint; /* which it was sent to */
  guint n_logins;
  gboolean has_token;
  gboolean is_waiting; /* for the login */
  GCancellable *cancellable; /* while it is sent */
  GSource *timer;
  gboolean timed_out;
  SoupMessage *message;
  GInputStream *stream;
  GByteArray *received;
};

static void start (LfEtcdRequest *request);

static SoupSession *
new_soup_session (const LfEngineConfig *config,
                  GTlsDatabase         *database,
                  int                   max_connections)
{
  g_autoptr (GSocketAddress) address = NULL;
  SoupSession *session;

  if (g_str_has_prefix (config->endpoints[0], UNIX_PREFIX))
    address = g_unix_socket_address_new (config->endpoints[0] + strlen (UNIX_PREFIX));

  session = soup_session_new_with_options ("max-conns", max_connections,
                                           "max-conns-per-host", max_connections,
                                           "remote-connectable", address,
                                           NULL);
  if (database != NULL)
    soup_session_set_tls_database (session, database);
  /* A proxy for web pages would cut the streams */
  soup_session_set_proxy_resolver (session, NULL);

  return session;
}

LfEtcdClient *
lf_etcd_client_new (const LfEngineConfig  *config,
                    gint64                 time_limit,
                    GError               **error)
{
  g_autoptr (GTlsDatabase) database = NULL;
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GError) local_error = NULL;
  LfEtcdClient *self;

  if (config->ca_file != NULL)
    database = g_tls_file_database_new (config->ca_file, &local_error);
  if (local_error == NULL && config->certificate_file != NULL)
    certificate = g_tls_certificate_new_from_files (config->certificate_file,
                                                    config->key_file != NULL ?
                                                    config->key_file : config->certificate_file,
                                                    &local_error);
  if (local_error != NULL)
    {
      g_set_error (error, G_IO_ERROR,
                   g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ?
                   G_IO_ERROR_NOT_FOUND :
                   g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_ACCES) ?
                   G_IO_ERROR_PERMISSION_DENIED : G_IO_ERROR_INVALID_DATA,
                   _("Cannot read the certificates for the cluster: %s"), local_error->message);
      return NULL;
    }

  self = g_new (LfEtcdClient, 1);
  *self = (LfEtcdClient) {
    .context = g_main_context_ref_thread_default (),
    .time_limit = (guint) (time_limit / 1000),
    .endpoints = g_strdupv (config->endpoints),
    .n_endpoints = g_strv_length (config->endpoints),
    .user = g_strdup (config->user),
    .password = g_strdup (config->password),
    .certificate = g_steal_pointer (&certificate),
    .requests = new_soup_session (config, database, MAX_CONNECTIONS),
    .urgent = new_soup_session (config, database, G_MAXINT16),
  };

  return self;
}

guint
lf_etcd_client_get_n_endpoints (LfEtcdClient *self)
{
  return self->n_endpoints;
}

/* Not in an order that all clients have: they would all move on to the same member. */
static void
avoid_endpoint (LfEtcdClient *self,
                guint         endpoint)
{
  if (self->current == endpoint)
    self->current = (endpoint + 1) % self->n_endpoints;
}

static void
request_free (LfEtcdRequest *request)
{
  LfEtcdClient *self = request->client;

  self->pending = g_list_remove (self->pending, request);
  if (request->timer != NULL)
    {
      g_source_destroy (request->timer);
      g_source_unref (request->timer);
    }
  g_clear_object (&request->cancellable);
  g_clear_object (&request->stream);
  g_clear_object (&request->message);
  g_clear_pointer (&request->received, g_byte_array_unref);
  g_bytes_unref (request->body);
  g_free (request->path);
  g_free (request);
}

static void
finish (LfEtcdRequest *request,
        LfEtcdReply   *reply)
{
  if (request->done != NULL)
    request->done (reply, request->user_data);
  request_free (request);
}

static void
fail (LfEtcdRequest *request,
      LfEtcdResult   result,
      GError        *error)
{
  LfEtcdReply reply = { .result = result, .error = error };

  g_debug ("%s: %s", request->path, error->message);
  if (result == LF_ETCD_UNREACHABLE || result == LF_ETCD_UNANSWERED)
    avoid_endpoint (request->client, request->endpoint);
  finish (request, &reply);
  g_error_free (error);
}

static void
stop_timer (LfEtcdRequest *request)
{
  if (request->timer == NULL)
    return;

  g_source_destroy (request->timer);
  g_clear_pointer (&request->timer, g_source_unref);
}

static gboolean
is_connecting_error (const GError *error)
{
  if (error->domain == G_RESOLVER_ERROR || error->domain == G_TLS_ERROR)
    return TRUE;

  return error->domain == G_IO_ERROR &&
         (error->code == G_IO_ERROR_CONNECTION_REFUSED ||
          error->code == G_IO_ERROR_HOST_UNREACHABLE ||
          error->code == G_IO_ERROR_NETWORK_UNREACHABLE ||
          error->code == G_IO_ERROR_HOST_NOT_FOUND ||
          error->code == G_IO_ERROR_NOT_FOUND ||
          error->code == G_IO_ERROR_PERMISSION_DENIED);
}

/* All errors of a cluster are of one domain. */
static GError *
new_transport_error (LfEtcdRequest *request,
                     const GError  *error)
{
  const char *endpoint = request->client->endpoints[request->endpoint];
  int code = G_IO_ERROR_FAILED;

  if (request->timed_out)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, _("%s does not answer"), endpoint);

  if (error->domain == G_IO_ERROR)
    code = error->code;
  else if (error->domain == G_RESOLVER_ERROR)
    code = G_IO_ERROR_HOST_NOT_FOUND;

  return g_error_new (G_IO_ERROR, code, _("Cannot use %s: %s"), endpoint, error->message);
}

static void
fail_transport (LfEtcdRequest *request,
                const GError  *error)
{
  gboolean is_unreachable = !request->timed_out && is_connecting_error (error);

  /* It was closed, which is no fault of the member */
  if (request->done == NULL)
    {
      request_free (request);
      return;
    }

  fail (request, is_unreachable ? LF_ETCD_UNREACHABLE : LF_ETCD_UNANSWERED,
        new_transport_error (request, error));
}

static void
fail_garbage (LfEtcdRequest *request,
              const char    *reason)
{
  fail (request, LF_ETCD_UNREACHABLE,
        g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _("Cannot use %s: %s"),
                     request->client->endpoints[request->endpoint], reason));
}

/* The error's code of gRPC, or 0 if it is no error. The HTTP status of errors differs between
 * versions. */
static int
get_code (JsonObject  *answer,
          const char **message)
{
  JsonObject *error = lf_etcd_json_get_object (answer, "error");
  gint64 code;

  if (error != NULL)
    {
      code = lf_etcd_json_get_int64 (error, "grpc_code");
      if (code == 0)
        code = lf_etcd_json_get_int64 (error, "code");
      *message = lf_etcd_json_get_string (error, "message");
    }
  else
    {
      code = lf_etcd_json_get_int64 (answer, "code");
      *message = lf_etcd_json_get_string (answer, "message");
      if (code == 0 && **message == '\0' && *lf_etcd_json_get_string (answer, "error") == '\0')
        return 0;
    }

  return code > 0 && code <= 16 ? (int) code : 2;
}

static LfEtcdResult
get_result (int         code,
            const char *message)
{
  switch (code)
    {
    case 1: /* cancelled */
    case 2: /* unknown */
    case 4: /* deadline exceeded */
    case 10: /* aborted */
    case 13: /* internal */
    case 14: /* unavailable */
      return LF_ETCD_UNANSWERED;

    case 8: /* resource exhausted */
      return strstr (message, "space") != NULL ? LF_ETCD_REFUSED : LF_ETCD_UNANSWERED;

    default:
      return LF_ETCD_REFUSED;
    }
}

static int
get_io_error (int code)
{
  switch (code)
    {
    case 3: /* invalid argument: also a wrong password */
    case 7: /* permission denied */
    case 16: /* unauthenticated */
      return G_IO_ERROR_PERMISSION_DENIED;

    case 4:
      return G_IO_ERROR_TIMED_OUT;

    case LF_ETCD_CODE_NOT_FOUND:
      return G_IO_ERROR_NOT_FOUND;

    case 8:
      return G_IO_ERROR_NO_SPACE;

    case 12: /* unimplemented */
      return G_IO_ERROR_NOT_SUPPORTED;

    case 14:
      return G_IO_ERROR_HOST_UNREACHABLE;

    default:
      return G_IO_ERROR_FAILED;
    }
}

/* A token that has expired, or none where one is needed. */
static gboolean
is_login_error (int         code,
                const char *message)
{
  return code == 16 ||
         (code == 3 && (strstr (message, "user name is empty") != NULL ||
                        strstr (message, "auth store is old") != NULL));
}

static void
fail_code (LfEtcdRequest *request,
           int            code,
           const char    *message)
{
  LfEtcdClient *self = request->client;
  LfEtcdReply reply = { .result = get_result (code, message), .code = code };

  if (!request->is_login && self->user != NULL && is_login_error (code, message) &&
      request->n_logins < MAX_LOGINS && request->done != NULL)
    {
      request->n_logins++;
      if (!self->logging_in)
        g_clear_pointer (&self->token, g_free);
      self->needs_no_login = FALSE;
      start (request);
      return;
    }

  if (reply.result == LF_ETCD_UNANSWERED)
    avoid_endpoint (self, request->endpoint);
  reply.error = g_error_new (G_IO_ERROR, get_io_error (code), _("%s answers: %s"),
                             self->endpoints[request->endpoint], message);
  g_debug ("%s: %s", request->path, reply.error->message);
  finish (request, &reply);
  g_error_free (reply.error);
}

/* Returns FALSE if the request has failed and is gone. */
static gboolean
handle_line (LfEtcdRequest *request,
             const char    *text,
             gsize          length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) answer = lf_etcd_json_parse (text, length, &error);
  JsonObject *result;
  const char *message;
  int code;

  if (answer == NULL)
    {
      fail_garbage (request, error->message);
      return FALSE;
    }

  code = get_code (answer, &message);
  if (code != 0)
    {
      fail_code (request, code, message);
      return FALSE;
    }

  /* Streams wrap their answers */
  result = lf_etcd_json_get_object (answer, "result");
  if (result == NULL)
    result = answer;

  if (request->event != NULL)
    {
      request->event (result, request->user_data);
      return TRUE;
    }

  finish (request, &(LfEtcdReply) { .result = LF_ETCD_ANSWERED, .answer = result });

  return FALSE;
}

/* Returns FALSE if the request is gone. */
static gboolean
handle_lines (LfEtcdRequest *request)
{
  GByteArray *received = request->received;
  guint8 *end;

  while (request->done != NULL &&
         (end = memchr (received->data, '\n', received->len)) != NULL)
    {
      gsize length = (gsize) (end - received->data);

      if (length > 0 && !handle_line (request, (const char *) received->data, length))
        return FALSE;
      g_byte_array_remove_range (received, 0, (guint) length + 1);
    }

  return TRUE;
}

static void
handle_end (LfEtcdRequest *request)
{
  guint status = soup_message_get_status (request->message);

  if (request->event == NULL)
    {
      if (request->received->len > 0 || status == SOUP_STATUS_OK)
        handle_line (request, (const char *) request->received->data, request->received->len);
      else
        fail_garbage (request, soup_status_get_phrase (status));
      return;
    }

  fail (request, LF_ETCD_UNANSWERED,
        g_error_new (G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, _("%s has ended a stream"),
                     request->client->endpoints[request->endpoint]));
}

static void read_next (LfEtcdRequest *request);

static void
read_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  LfEtcdRequest *request = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (object), result,
                                                               &error);

  if (bytes == NULL || request->done == NULL)
    {
      if (error == NULL)
        error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "");
      fail_transport (request, error);
      return;
    }

  if (g_bytes_get_size (bytes) == 0)
    {
      stop_timer (request);
      handle_end (request);
      return;
    }

  g_byte_array_append (request->received, g_bytes_get_data (bytes, NULL),
                       (guint) g_bytes_get_size (bytes));
  if (request->event != NULL && !handle_lines (request))
    return;
  if (request->received->len > MAX_LENGTH)
    {
      fail_garbage (request, _("The answer is too long"));
      return;
    }
  read_next (request);
}

static void
read_next (LfEtcdRequest *request)
{
  g_input_stream_read_bytes_async (request->stream, CHUNK_SIZE, G_PRIORITY_DEFAULT,
                                   request->cancellable, read_cb, request);
}

static void
sent_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  LfEtcdRequest *request = user_data;
  g_autoptr (GError) error = NULL;

  request->stream = soup_session_send_finish (SOUP_SESSION (object), result, &error);
  if (request->stream == NULL)
    {
      fail_transport (request, error);
      return;
    }

  /* Only the beginning of a stream has a time limit. An error is a single answer */
  if (request->event != NULL)
    stop_timer (request);
  read_next (request);
}

static gboolean
timed_out_cb (gpointer user_data)
{
  LfEtcdRequest *request = user_data;

  request->timed_out = TRUE;
  g_clear_pointer (&request->timer, g_source_unref);
  g_cancellable_cancel (request->cancellable);

  return G_SOURCE_REMOVE;
}

/* In HTTP/2, libsoup before 3.4 warns about connections that a server has closed. */
static void
network_event_cb (SoupMessage        *message,
                  GSocketClientEvent  event,
                  GIOStream          *connection,
                  gpointer            user_data)
{
  const char *protocols[] = { "http/1.1", NULL };

  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING && G_IS_TLS_CONNECTION (connection))
    g_tls_connection_set_advertised_protocols (G_TLS_CONNECTION (connection), protocols);
}

static void
send (LfEtcdRequest *request)
{
  LfEtcdClient *self = request->client;
  const char *endpoint = self->endpoints[self->current];
  g_autofree char *uri = NULL;
  SoupMessageHeaders *headers;

  if (g_str_has_prefix (endpoint, UNIX_PREFIX))
    endpoint = "http://localhost";
  uri = g_strconcat (endpoint, request->path, NULL);

  request->endpoint = self->current;
  g_clear_object (&request->stream);
  g_clear_object (&request->message);
  g_clear_object (&request->cancellable);
  g_clear_pointer (&request->received, g_byte_array_unref);
  stop_timer (request);

  request->timed_out = FALSE;
  request->cancellable = g_cancellable_new ();
  request->received = g_byte_array_new ();
  request->message = soup_message_new (SOUP_METHOD_POST, uri);
  if (request->message == NULL)
    {
      fail (request, LF_ETCD_UNREACHABLE,
            g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _("Cannot use %s: %s"),
                         endpoint, _("It is not an address")));
      return;
    }

  g_signal_connect (request->message, "network-event", G_CALLBACK (network_event_cb), NULL);
  headers = soup_message_get_request_headers (request->message);
  soup_message_set_request_body_from_bytes (request->message, "application/json", request->body);
  /* Otherwise each request would have a connection of its own */
  soup_message_add_flags (request->message, SOUP_MESSAGE_IDEMPOTENT | SOUP_MESSAGE_NO_REDIRECT |
                                            SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE);
  if (self->certificate != NULL)
    soup_message_set_tls_client_certificate (request->message, self->certificate);
  /* A member without a leader would be silent */
  if (request->event != NULL)
    soup_message_headers_append (headers, "Grpc-Metadata-hasleader", "true");
  request->has_token = self->token != NULL && !request->is_login;
  if (request->has_token)
    soup_message_headers_append (headers, "Authorization", self->token);

  request->timer = g_timeout_source_new (self->time_limit);
  g_source_set_static_name (request->timer, "[lockfile-glib] etcd request");
  g_source_set_callback (request->timer, timed_out_cb, request, NULL);
  g_source_attach (request->timer, self->context);

  soup_session_send_async (request->is_urgent ? self->urgent : self->requests, request->message,
                           request->is_urgent ? G_PRIORITY_HIGH : G_PRIORITY_DEFAULT,
                           request->cancellable, sent_cb, request);
}

/* It becomes part of a header. */
static gboolean
is_token (const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    {
      if (!g_ascii_isgraph (*c))
        return FALSE;
    }

  return *text != '\0';
}

/* All requests that wait for the login are sent, or fail in the same way. */
static void
login_cb (const LfEtcdReply *reply,
          gpointer           user_data)
{
  LfEtcdClient *self = user_data;
  g_autoptr (GPtrArray) waiting = g_ptr_array_new ();
  const char *token = lf_etcd_json_get_string (reply->answer, "token");
  g_autoptr (GError) error = NULL;
  LfEtcdReply failure = *reply;
  gboolean succeeded = is_token (token);

  self->logging_in = FALSE;
  if (succeeded)
    {
      g_free (self->token);
      self->token = g_strdup (token);
    }
  else if (reply->result == LF_ETCD_ANSWERED)
    {
      error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                   _("The answer is not one of etcd"));
      failure = (LfEtcdReply) { .result = LF_ETCD_UNREACHABLE, .error = error };
    }
  else if (reply->result == LF_ETCD_REFUSED && reply->code == LF_ETCD_CODE_FAILED_PRECONDITION)
    succeeded = self->needs_no_login = TRUE;

  for (GList *link = self->pending; link != NULL; link = link->next)
    {
      LfEtcdRequest *request = link->data;

      if (request->is_waiting)
        g_ptr_array_add (waiting, request);
    }
  for (guint i = 0; i < waiting->len; i++)
    {
      LfEtcdRequest *request = waiting->pdata[i];

      /* A callback may have closed it */
      if (g_list_find (self->pending, request) == NULL)
        continue;

      request->is_waiting = FALSE;
      if (succeeded)
        send (request);
      else
        finish (request, &failure);
    }
}

static LfEtcdRequest *
request_new (LfEtcdClient *self,
             const char   *path,
             char         *body,
             LfEtcdDone    done,
             gpointer      user_data)
{
  LfEtcdRequest *request = g_new (LfEtcdRequest, 1);

  *request = (LfEtcdRequest) {
    .client = self,
    .path = g_strdup (path),
    .body = g_bytes_new_take (body, strlen (body)),
    .done = done,
    .user_data = user_data,
  };
  self->pending = g_list_prepend (self->pending, request);

  return request;
}

static void
log_in (LfEtcdClient *self)
{
  g_autofree char *name = lf_etcd_json_quote (self->user);
  g_autofree char *password = lf_etcd_json_quote (self->password != NULL ? self->password : "");
  LfEtcdRequest *request;

  self->logging_in = TRUE;
  request = request_new (self, "/v3/auth/authenticate",
                         g_strdup_printf ("{\"name\":%s,\"password\":%s}", name, password),
                         login_cb, self);
  request->is_login = request->is_urgent = TRUE;
  send (request);
}

static void
start (LfEtcdRequest *request)
{
  LfEtcdClient *self = request->client;

  if (self->user == NULL || self->token != NULL || self->needs_no_login)
    {
      send (request);
      return;
    }

  request->is_waiting = TRUE;
  if (!self->logging_in)
    log_in (self);
}

void
lf_etcd_client_call (LfEtcdClient *self,
                     const char   *path,
                     char         *body,
                     gboolean      urgent,
                     LfEtcdDone    done,
                     gpointer      user_data)
{
  LfEtcdRequest *request = request_new (self, path, body, done, user_data);

  request->is_urgent = urgent;
  start (request);
}

LfEtcdRequest *
lf_etcd_client_open (LfEtcdClient *self,
                     const char   *path,
                     char         *body,
                     LfEtcdEvent   event,
                     LfEtcdDone    done,
                     gpointer      user_data)
{
  LfEtcdRequest *request = request_new (self, path, body, done, user_data);

  request->is_urgent = TRUE;
  request->event = event;
  start (request);

  return request;
}

void
lf_etcd_client_close (LfEtcdClient  *self,
                      LfEtcdRequest *request)
{
  request->done = NULL;
  request->event = NULL;
  if (request->is_waiting)
    request_free (request);
  else
    g_cancellable_cancel (request->cancellable);
}

void
lf_etcd_client_free (LfEtcdClient *self)
{
  g_autoptr (GList) pending = g_list_copy (self->pending);

  for (GList *link = pending; link != NULL; link = link->next)
    {
      LfEtcdRequest *request = link->data;

      if (request->done != NULL)
        lf_etcd_client_close (self, request);
    }
  while (self->pending != NULL)
    g_main_context_iteration (self->context, TRUE);

  soup_session_abort (self->requests);
  soup_session_abort (self->urgent);
  g_object_unref (self->requests);
  g_object_unref (self->urgent);
  g_clear_object (&self->certificate);
  g_strfreev (self->endpoints);
  g_free (self->user);
  g_free (self->password);
  g_free (self->token);
  g_main_context_unref (self->context);
  g_free (self);
}
