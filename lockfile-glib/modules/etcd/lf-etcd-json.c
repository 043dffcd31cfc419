/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-json-private.h"

#include <gio/gio.h>
#include <string.h>

#include "os/lf-translate-private.h"

/* The parser calls itself for each level. Answers have fewer than ten. */
#define MAX_DEPTH 32

static gboolean
is_too_deep (const char *text,
             gsize       length)
{
  int depth = 0;
  gboolean in_string = FALSE;

  for (gsize i = 0; i < length; i++)
    {
      if (in_string && text[i] == '\\')
        i++;
      else if (text[i] == '"')
        in_string = !in_string;
      else if (!in_string && (text[i] == '{' || text[i] == '['))
        depth++;
      else if (!in_string && (text[i] == '}' || text[i] == ']'))
        depth--;

      if (depth > MAX_DEPTH)
        return TRUE;
    }

  return FALSE;
}

JsonObject *
lf_etcd_json_parse (const char  *text,
                    gsize        length,
                    GError     **error)
{
  /* Not an immutable one: json-glib 1.10 aborts if a second document follows the first one */
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root = NULL;

  if (length > 0 && g_utf8_validate_len (text, length, NULL) && !is_too_deep (text, length) &&
      json_parser_load_from_data (parser, text, (gssize) length, NULL))
    root = json_parser_get_root (parser);

  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    return json_node_dup_object (root);

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                       _("The answer is not one of etcd"));

  return NULL;
}

static JsonNode *
get_member (JsonObject *object,
            const char *member)
{
  return object != NULL ? json_object_get_member (object, member) : NULL;
}

JsonObject *
lf_etcd_json_get_object (JsonObject *object,
                         const char *member)
{
  JsonNode *node = get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static JsonArray *
get_array (JsonObject *object,
           const char *member)
{
  JsonNode *node = get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

guint
lf_etcd_json_get_length (JsonObject *object,
                         const char *member)
{
  JsonArray *array = get_array (object, member);

  return array != NULL ? json_array_get_length (array) : 0;
}

JsonObject *
lf_etcd_json_get_element (JsonObject *object,
                          const char *member,
                          guint       index)
{
  JsonArray *array = get_array (object, member);
  JsonNode *node;

  if (array == NULL || index >= json_array_get_length (array))
    return NULL;

  node = json_array_get_element (array, index);

  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static const char *
get_string (JsonNode *node)
{
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
      json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;

  return json_node_get_string (node);
}

/* The gateway writes these as strings, since JavaScript has no such integers. */
gint64
lf_etcd_json_get_int64 (JsonObject *object,
                        const char *member)
{
  JsonNode *node = get_member (object, member);
  const char *text = get_string (node);
  gint64 value = 0;

  if (text != NULL)
    g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &value, NULL);
  else if (node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
           json_node_get_value_type (node) == G_TYPE_INT64)
    value = json_node_get_int (node);

  return value;
}

gboolean
lf_etcd_json_get_boolean (JsonObject *object,
                          const char *member)
{
  JsonNode *node = get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
         json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node);
}

const char *
lf_etcd_json_get_string (JsonObject *object,
                         const char *member)
{
  const char *text = get_string (get_member (object, member));

  return text != NULL ? text : "";
}

char *
lf_etcd_json_get_text (JsonObject *object,
                       const char *member)
{
  gsize length;
  g_autofree guchar *data = g_base64_decode (lf_etcd_json_get_string (object, member), &length);

  return g_strndup ((const char *) data, length);
}

char *
lf_etcd_json_encode (const char *text)
{
  return g_base64_encode ((const guchar *) text, strlen (text));
}

char *
lf_etcd_json_quote (const char *text)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), text);

  return json_to_string (node, FALSE);
}
