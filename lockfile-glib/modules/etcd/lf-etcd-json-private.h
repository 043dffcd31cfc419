/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Reads what a server has sent, which may be anything. An absent member is zero, FALSE or
 * empty, as in the gateway's answers; one of another type is as good as absent. */

/* NULL with an error if the text is not a JSON object. */
JsonObject *lf_etcd_json_parse       (const char  *text,
                                      gsize        length,
                                      GError     **error);

/* These take NULL for an object that is absent. */
JsonObject *lf_etcd_json_get_object  (JsonObject  *object,
                                      const char  *member);
guint       lf_etcd_json_get_length  (JsonObject  *object,
                                      const char  *member);
JsonObject *lf_etcd_json_get_element (JsonObject  *object,
                                      const char  *member,
                                      guint        index);
gint64      lf_etcd_json_get_int64   (JsonObject  *object,
                                      const char  *member);
gboolean    lf_etcd_json_get_boolean (JsonObject  *object,
                                      const char  *member);
const char *lf_etcd_json_get_string  (JsonObject  *object,
                                      const char  *member);

/* Text in base64, up to its first NUL. */
char       *lf_etcd_json_get_text    (JsonObject  *object,
                                      const char  *member);

/* For requests. */
char       *lf_etcd_json_encode      (const char  *text);
char       *lf_etcd_json_quote       (const char  *text);

G_END_DECLS
