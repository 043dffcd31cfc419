/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The URI of a lock in a cluster. */
typedef struct
{
  char *canonical;  /* two URIs of one lock can differ only in the members that they name */
  char *name;       /* of the lock, in the cluster */
  gboolean is_tls;
  /* "http://HOST:PORT", "https://HOST:PORT" or "unix:PATH"; empty if the URI names no member */
  char **endpoints;
} LfRemoteUri;

/* FALSE with an error if it is not one. */
gboolean lf_remote_uri_parse (const char   *text,
                              LfRemoteUri  *uri,
                              GError      **error);
void     lf_remote_uri_clear (LfRemoteUri  *uri);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LfRemoteUri, lf_remote_uri_clear)

/* Members as etcdctl knows them: HOST:PORT, or a URL of http or https, separated by commas. NULL
 * with an error. */
char   **lf_remote_uri_parse_endpoints (const char  *text,
                                        gboolean     is_tls,
                                        GError     **error);

G_END_DECLS
