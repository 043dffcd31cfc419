/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-remote-uri-private.h"

#include <string.h>

#include "os/lf-translate-private.h"

/* GUri cannot read several hosts. The grammar is
 *
 *   etcd://[HOST[:PORT][,HOST[:PORT]...]]/NAME
 *   etcd+tls://[HOST[:PORT][,HOST[:PORT]...]]/NAME
 *   etcd+unix://PATH-IN-PERCENT-ENCODING/NAME
 */

#define PLAIN "etcd"
#define TLS "etcd+tls"
#define UNIX "etcd+unix"

#define DEFAULT_PORT 2379
#define MAX_NAME_LENGTH 4096

/* What need not be encoded in the path of a URI */
#define NAME_CHARS "/:@!$&'()*+,;="

static gboolean
set_invalid (GError     **error,
             const char  *reason)
{
  /* Without the text: somebody may have written a password into it */
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               _("This is not the URI of a lock: %s"), reason);

  return FALSE;
}

static gboolean
parse_port (const char *text,
            guint64    *port)
{
  *port = DEFAULT_PORT;

  return *text == '\0' ||
         (*text == ':' && g_ascii_string_to_unsigned (text + 1, 10, 1, 65535, port, NULL));
}

static gboolean
is_host (const char *text,
         gsize       length)
{
  for (gsize i = 0; i < length; i++)
    {
      if (!g_ascii_isalnum (text[i]) && strchr (".-_", text[i]) == NULL)
        return FALSE;
    }

  return length > 0;
}

/* Returns "HOST:PORT", or NULL if it is none. */
static char *
parse_host (const char *text)
{
  gsize length = strcspn (text, ":");
  g_autofree char *host = NULL;
  guint64 port;

  if (*text == '[')
    {
      const char *end = strchr (text, ']');
      g_autofree char *address = end != NULL ? g_strndup (text + 1, (gsize) (end - text) - 1) : NULL;

      if (address == NULL || !g_hostname_is_ip_address (address) || strchr (address, ':') == NULL)
        return NULL;

      length = (gsize) (end - text) + 1;
    }
  else if (!is_host (text, length))
    return NULL;

  if (!parse_port (text + length, &port))
    return NULL;

  host = g_ascii_strdown (text, (gssize) length);

  return g_strdup_printf ("%s:%u", host, (guint) port);
}

char **
lf_remote_uri_parse_endpoints (const char  *text,
                               gboolean     is_tls,
                               GError     **error)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);
  g_autoptr (GPtrArray) endpoints = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; items[i] != NULL; i++)
    {
      char *item = g_strstrip (items[i]);
      gboolean item_is_tls = is_tls || g_str_has_prefix (item, "https://");
      g_autofree char *host = NULL;
      gsize length;

      if (g_str_has_prefix (item, "https://"))
        item += strlen ("https://");
      else if (g_str_has_prefix (item, "http://"))
        item += strlen ("http://");
      length = strlen (item);
      if (length > 0 && item[length - 1] == '/')
        item[length - 1] = '\0';

      host = parse_host (item);
      if (host == NULL)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                               _("The members of a cluster are given as HOST:PORT, separated by "
                                 "commas"));
          return NULL;
        }
      g_ptr_array_add (endpoints, g_strconcat (item_is_tls ? "https://" : "http://", host, NULL));
    }
  g_ptr_array_add (endpoints, NULL);

  return (char **) g_ptr_array_free (g_steal_pointer (&endpoints), FALSE);
}

static gboolean
parse_hosts (LfRemoteUri  *uri,
             const char   *authority,
             GError      **error)
{
  const char *scheme = uri->is_tls ? TLS : PLAIN;
  g_autoptr (GString) hosts = g_string_new (NULL);

  if (strchr (authority, '@') != NULL)
    return set_invalid (error, _("User and password are properties, since URIs are often seen by "
                                 "others"));

  if (*authority == '\0')
    uri->endpoints = g_new0 (char *, 1);
  else if (strstr (authority, "://") == NULL)
    uri->endpoints = lf_remote_uri_parse_endpoints (authority, uri->is_tls, NULL);
  if (uri->endpoints == NULL)
    return set_invalid (error, _("It has no valid host names and ports"));

  for (guint i = 0; uri->endpoints[i] != NULL; i++)
    g_string_append_printf (hosts, "%s%s", i > 0 ? "," : "",
                            strstr (uri->endpoints[i], "://") + strlen ("://"));
  uri->canonical = g_strconcat (scheme, "://", hosts->str, NULL);

  return TRUE;
}

static gboolean
parse_socket (LfRemoteUri  *uri,
              const char   *authority,
              GError      **error)
{
  g_autofree char *path = g_uri_unescape_string (authority, NULL);
  g_autofree char *escaped = NULL;

  if (path == NULL || !g_path_is_absolute (path))
    return set_invalid (error, _("The path of a socket must be absolute and percent-encoded"));

  escaped = g_uri_escape_string (path, NULL, FALSE);
  uri->endpoints = g_new0 (char *, 2);
  uri->endpoints[0] = g_strconcat ("unix:", path, NULL);
  uri->canonical = g_strconcat (UNIX "://", escaped, NULL);

  return TRUE;
}

static gboolean
parse_name (LfRemoteUri  *uri,
            const char   *text,
            GError      **error)
{
  g_autofree char *escaped = NULL;
  g_autofree char *before = NULL;

  if (strpbrk (text, "?#") != NULL)
    return set_invalid (error, _("Characters ? and # in the name must be percent-encoded"));

  uri->name = g_uri_unescape_string (text, NULL);
  if (uri->name == NULL || *uri->name == '\0' || strlen (uri->name) > MAX_NAME_LENGTH ||
      !g_utf8_validate (uri->name, -1, NULL))
    return set_invalid (error, _("It has no valid name of a lock"));

  escaped = g_uri_escape_string (uri->name, NAME_CHARS, FALSE);
  before = g_steal_pointer (&uri->canonical);
  uri->canonical = g_strconcat (before, "/", escaped, NULL);

  return TRUE;
}

static gboolean
parse_authority (LfRemoteUri  *uri,
                 const char   *scheme,
                 const char   *authority,
                 GError      **error)
{
  if (g_ascii_strcasecmp (scheme, UNIX) == 0)
    return parse_socket (uri, authority, error);

  uri->is_tls = g_ascii_strcasecmp (scheme, TLS) == 0;
  if (uri->is_tls || g_ascii_strcasecmp (scheme, PLAIN) == 0)
    return parse_hosts (uri, authority, error);

  return set_invalid (error, _("It must begin with etcd://, etcd+tls:// or etcd+unix://"));
}

gboolean
lf_remote_uri_parse (const char   *text,
                     LfRemoteUri  *uri,
                     GError      **error)
{
  const char *scheme_end = strstr (text, "://");
  const char *slash = scheme_end != NULL ? strchr (scheme_end + strlen ("://"), '/') : NULL;
  g_autofree char *scheme = NULL;
  g_autofree char *authority = NULL;

  *uri = (LfRemoteUri) { NULL };
  if (scheme_end == NULL)
    return set_invalid (error, _("It must begin with etcd://, etcd+tls:// or etcd+unix://"));
  if (slash == NULL)
    return set_invalid (error, _("It has no valid name of a lock"));

  scheme = g_strndup (text, (gsize) (scheme_end - text));
  authority = g_strndup (scheme_end + strlen ("://"),
                         (gsize) (slash - scheme_end) - strlen ("://"));
  if (parse_authority (uri, scheme, authority, error) && parse_name (uri, slash + 1, error))
    return TRUE;

  lf_remote_uri_clear (uri);

  return FALSE;
}

void
lf_remote_uri_clear (LfRemoteUri *uri)
{
  g_clear_pointer (&uri->canonical, g_free);
  g_clear_pointer (&uri->name, g_free);
  g_clear_pointer (&uri->endpoints, g_strfreev);
}
