/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "json.h"

static void
append_character (GString  *json,
                  gunichar  character)
{
  if (character == '"' || character == '\\')
    g_string_append_printf (json, "\\%c", (char) character);
  else if (character >= 0x20 && character < 0x7f)
    g_string_append_c (json, (char) character);
  else if (character <= 0xffff)
    g_string_append_printf (json, "\\u%04x", character);
  else
    g_string_append_printf (json, "\\u%04x\\u%04x",
                            0xd800 + ((character - 0x10000) >> 10),
                            0xdc00 + ((character - 0x10000) & 0x3ff));
}

/* Appends a string, or null. The result is ASCII, independent of the locale. */
void
json_append_string (GString    *json,
                    const char *string)
{
  g_autofree char *valid = NULL;

  if (string == NULL)
    {
      g_string_append (json, "null");
      return;
    }

  valid = g_utf8_make_valid (string, -1);
  g_string_append_c (json, '"');
  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    append_character (json, g_utf8_get_char (p));
  g_string_append_c (json, '"');
}
