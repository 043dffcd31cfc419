/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* etcd raw|sync|async|fresh etcd://HOST:PORT/NAME: a lock in etcd, from C.
 *
 *   raw     the transactions that a lock needs, two for a cycle, through the gateway and
 *           a socket of its own. It cannot wait, and keeps no lease alive.
 *   sync    this library: lf_lock_acquire() and lf_lock_release()
 *   async   lf_lock_acquire_async() in a main loop, and lf_lock_release()
 *   fresh   as sync, with a new object for each acquire */

#include "contestant.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lockfile-glib/lockfile-glib.h>

static const char *uri;
static gboolean fresh;
static LfLock *lock;

/* Of the raw transactions */
static GSocketConnection *connection;
static GDataInputStream *replies;
static char *host;
static char *key;
static char *range_end;
static char *prefix;
static char *lease;

static char *
in_base64 (const char *text)
{
  return g_base64_encode ((const guchar *) text, strlen (text));
}

/* Returns the body of the reply, which is not chunked if it is this short. */
static char *
post (const char *path,
      const char *body)
{
  GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autofree char *request = g_strdup_printf ("POST %s HTTP/1.1\r\nHost: %s\r\n"
                                              "Content-Length: %zu\r\n\r\n%s",
                                              path, host, strlen (body), body);
  g_autoptr (GError) error = NULL;
  gsize length = 0;
  char *reply;

  if (!g_output_stream_write_all (output, request, strlen (request), NULL, NULL, &error))
    g_error ("%s", error->message);

  for (;;)
    {
      g_autofree char *line = g_data_input_stream_read_line (replies, NULL, NULL, &error);

      if (line == NULL)
        g_error ("No reply to %s", request);
      if (*line == '\0')
        break;
      if (g_ascii_strncasecmp (line, "Content-Length:", 15) == 0)
        length = (gsize) g_ascii_strtoull (line + 15, NULL, 10);
    }

  reply = g_malloc0 (length + 1);
  if (!g_input_stream_read_all (G_INPUT_STREAM (replies), reply, length, NULL, NULL, &error))
    g_error ("%s", error->message);

  return reply;
}

static void
transact (const char *target,
          const char *success)
{
  g_autofree char *body = g_strdup_printf (
    "{\"compare\":[{\"key\":\"%s\",\"target\":\"CREATE\",\"result\":\"%s\","
    "\"create_revision\":\"0\"}],\"success\":[%s,{\"request_range\":{\"key\":\"%s\","
    "\"range_end\":\"%s\",\"limit\":\"1\",\"sort_target\":\"CREATE\"}}]}",
    key, target, success, prefix, range_end);
  g_autofree char *reply = post ("/v3/kv/txn", body);

  if (strstr (reply, "\"succeeded\":true") == NULL)
    g_error ("Not done: %s", reply);
}

static void
acquire_raw (void)
{
  g_autofree char *put = g_strdup_printf ("{\"request_put\":{\"key\":\"%s\",\"lease\":\"%s\"}}", key,
                                          lease);

  transact ("EQUAL", put);
}

static void
release_raw (void)
{
  g_autofree char *delete = g_strdup_printf ("{\"request_delete_range\":{\"key\":\"%s\"}}", key);

  transact ("GREATER", delete);
}

static void
connect_raw (void)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *body = NULL;
  g_autofree char *reply = NULL;
  g_auto (GStrv) words = g_strsplit (uri + strlen ("etcd://"), "/", 2);
  g_autofree char *key_text = NULL;
  g_autofree char *prefix_text = g_strdup_printf ("%s/", words[1]);
  g_autofree char *end_text = g_strdup_printf ("%s0", words[1]);

  host = g_strdup (words[0]);
  connection = g_socket_client_connect_to_host (client, host, 2379, NULL, &error);
  if (connection == NULL)
    g_error ("%s", error->message);
  replies = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  g_data_input_stream_set_newline_type (replies, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);

  lease = g_strdup_printf ("%d", getpid ());
  key_text = g_strdup_printf ("%s/%s", words[1], lease);
  key = in_base64 (key_text);
  prefix = in_base64 (prefix_text);
  range_end = in_base64 (end_text);
  body = g_strdup_printf ("{\"ID\":\"%s\",\"TTL\":\"3600\"}", lease);
  reply = post ("/v3/lease/grant", body);
}

static void
make_lock (void)
{
  g_autoptr (GError) error = NULL;

  lock = LF_LOCK (lf_remote_lock_new (uri, &error));
  if (lock == NULL)
    g_error ("%s", error->message);
}

static void
acquire_sync (void)
{
  g_autoptr (GError) error = NULL;

  if (fresh)
    make_lock ();
  if (!lf_lock_acquire (lock, NULL, &error))
    g_error ("%s", error->message);
}

static void
release (void)
{
  g_autoptr (GError) error = NULL;

  if (!lf_lock_release (lock, &error))
    g_error ("%s", error->message);
  if (fresh)
    g_clear_object (&lock);
}

static void
acquired_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  gboolean *is_done = user_data;
  g_autoptr (GError) error = NULL;

  if (!lf_lock_acquire_finish (LF_LOCK (object), result, &error))
    g_error ("%s", error->message);
  *is_done = TRUE;
}

static void
acquire_async (void)
{
  gboolean is_done = FALSE;

  lf_lock_acquire_async (lock, G_PRIORITY_DEFAULT, NULL, acquired_cb, &is_done);
  while (!is_done)
    g_main_context_iteration (NULL, TRUE);
}

int
main (int    argc,
      char **argv)
{
  const Contestant raw = { acquire_raw, release_raw };
  const Contestant sync = { acquire_sync, release };
  const Contestant async = { acquire_async, release };

  g_assert_cmpint (argc, ==, 3);
  uri = argv[2];

  if (g_str_equal (argv[1], "raw"))
    {
      connect_raw ();
      contestant_run (&raw);
      return 0;
    }

  fresh = g_str_equal (argv[1], "fresh");
  if (!fresh)
    make_lock ();
  contestant_run (g_str_equal (argv[1], "async") ? &async : &sync);

  return 0;
}
