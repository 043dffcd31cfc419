/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "command.h"

#include <string.h>

#include "json.h"

/* The limit of the library */
#define MAX_SLOTS 1024

static const char *
translate (const char *message,
           gpointer    user_data)
{
  return lf_translate (message);
}

static gboolean
takes_value (const GOptionEntry *entry)
{
  return entry->arg != G_OPTION_ARG_NONE && (entry->flags & G_OPTION_FLAG_NO_ARG) == 0 &&
         entry->long_name != NULL && *entry->long_name != '\0';
}

/* How many bytes of an argument are options, as opposed to a value: "-nw" of "-nw5". Sets
 * @wants_value if the value is the next argument. */
static gsize
measure_options (const GOptionEntry *entries,
                 const char         *argument,
                 gboolean           *wants_value)
{
  gboolean is_long = argument[1] == '-';
  gsize length = strlen (argument);

  *wants_value = FALSE;

  for (const GOptionEntry *entry = entries; entry->long_name != NULL; entry++)
    {
      const char *letter = entry->short_name != 0 ? strchr (argument, entry->short_name) : NULL;

      if (!takes_value (entry))
        continue;

      if (is_long && g_str_equal (argument + 2, entry->long_name))
        *wants_value = TRUE;
      else if (!is_long && letter != NULL && (gsize) (letter - argument) < length)
        {
          length = (gsize) (letter - argument) + 1;
          *wants_value = argument[length] == '\0';
        }
    }

  return length;
}

/* GOption does not support "-w5", which is usual with getopt(). This turns it into "-w" and
 * "5". Returns: (transfer full) */
static GStrv
split_attached_values (GOptionContext      *context,
                       const GOptionEntry  *entries,
                       char               **argv)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gboolean is_value = TRUE;
  gsize i;

  for (i = 0; argv[i] != NULL; i++)
    {
      g_autofree char *options = NULL;
      gsize length;

      if (is_value || argv[i][0] != '-' || argv[i][1] == '\0')
        {
          if (!is_value && g_option_context_get_strict_posix (context))
            break;

          g_strv_builder_add (builder, argv[i]);
          is_value = FALSE;
          continue;
        }

      if (g_str_equal (argv[i], "--"))
        break;

      length = measure_options (entries, argv[i], &is_value);
      options = g_strndup (argv[i], length);
      g_strv_builder_add (builder, options);
      if (argv[i][length] != '\0')
        g_strv_builder_add (builder, argv[i] + length);
    }

  g_strv_builder_addv (builder, (const char **) argv + i);

  return g_strv_builder_end (builder);
}

/* Takes @context. The callbacks of @entries get @data. On failure, the error has been
 * printed. */
gboolean
command_parse (GOptionContext     *context,
               const GOptionEntry *entries,
               char              **argv,
               gpointer            data)
{
  g_autoptr (GOptionContext) owned_context = context;
  g_auto (GStrv) arguments = split_attached_values (context, entries, argv);
  g_autoptr (GError) error = NULL;

  g_option_context_set_main_group (context, g_option_group_new (NULL, NULL, NULL, data, NULL));
  g_option_context_set_translate_func (context, translate, NULL, NULL);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_group_set_translate_func (g_option_context_get_main_group (context), translate,
                                     NULL, NULL);

  if (g_option_context_parse_strv (context, &arguments, &error))
    return TRUE;

  command_complain_of_usage ("%s", error->message);
  return FALSE;
}

gboolean
command_find_backend (const char *name,
                      LfBackend  *backend)
{
  g_autoptr (GEnumClass) backends = g_type_class_ref (LF_TYPE_BACKEND);
  const GEnumValue *value = g_enum_get_value_by_nick (backends, name != NULL ? name : "auto");

  if (value == NULL)
    {
      command_complain_of_usage (_("There is no backend \"%s\""), name);
      return FALSE;
    }

  *backend = (LfBackend) value->value;
  return TRUE;
}

gboolean
command_is_remote (const char *argument)
{
  static const char *const prefixes[] = { "etcd://", "etcd+tls:", "etcd+unix:" };

  for (gsize i = 0; i < G_N_ELEMENTS (prefixes); i++)
    {
      if (g_ascii_strncasecmp (argument, prefixes[i], strlen (prefixes[i])) == 0)
        return TRUE;
    }

  return FALSE;
}

gboolean
command_check_remote (GStrv       arguments,
                      const char *backend_name,
                      int         slots)
{
  if (backend_name == NULL && slots == COMMAND_NO_SLOTS)
    return TRUE;

  for (gsize i = 0; arguments[i] != NULL; i++)
    {
      if (command_is_remote (arguments[i]))
        {
          command_complain_of_usage (_("A remote lock excludes --backend and --slots"));
          return FALSE;
        }
    }

  return TRUE;
}

/* The only place that decides which class of locks an argument means. */
LfLock *
command_new_lock (const char  *argument,
                  LfBackend    backend,
                  GError     **error)
{
  if (!command_is_remote (argument))
    return LF_LOCK (lf_lock_file_new_with_backend (argument, backend));

  /* NULL, without a cast that checks it, if the URI is not valid */
  return (LfLock *) lf_remote_lock_new (argument, error);
}

/* JSON has only Unicode, but a path may have any bytes. The URI has the exact path. */
void
command_append_json_name (GString    *json,
                          const char *argument,
                          LfLock     *lock)
{
  gboolean is_remote = command_is_remote (argument);
  g_autofree char *path = is_remote ? NULL : g_filename_display_name (argument);
  g_autofree char *uri = NULL;

  if (LF_IS_LOCK_FILE (lock))
    uri = g_filename_to_uri (lf_lock_file_get_path (LF_LOCK_FILE (lock)), NULL, NULL);
  else if (lock != NULL)
    uri = lf_lock_get_display_name (lock);
  else if (is_remote)
    uri = g_strdup (argument);

  g_string_append (json, "\"path\": ");
  json_append_string (json, path);
  g_string_append (json, ", \"uri\": ");
  json_append_string (json, uri);
}

gboolean
command_check_slots (int slots)
{
  if (slots == COMMAND_NO_SLOTS || (slots >= 1 && slots <= MAX_SLOTS))
    return TRUE;

  command_complain_of_usage (_("The number of slots must be between 1 and %d"), MAX_SLOTS);
  return FALSE;
}

char *
command_get_slot_path (const char *path,
                       guint       slot)
{
  return g_strdup_printf ("%s.%u", path, slot);
}

/* A path, or a record's text about its holder, may contain anything. Replaces characters
 * that would end the line or control the terminal. */
char *
command_make_printable (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (GString) printable = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar character = g_utf8_get_char (p);

      g_string_append_unichar (printable, g_unichar_iscntrl (character) ? 0xfffd : character);
    }

  return g_string_free (g_steal_pointer (&printable), FALSE);
}

static char *
format_printable (const char *format,
                  va_list     arguments) G_GNUC_PRINTF (1, 0);

static char *
format_printable (const char *format,
                  va_list     arguments)
{
  g_autofree char *text = g_strdup_vprintf (format, arguments);

  return command_make_printable (text);
}

/* Prints a line on standard output. */
void
command_print (const char *format,
               ...)
{
  g_autofree char *line = NULL;
  va_list arguments;

  va_start (arguments, format);
  line = format_printable (format, arguments);
  va_end (arguments);

  g_print ("%s\n", line);
}

void
command_print_version (void)
{
  command_print ("lf-lock %s", LF_VERSION_STRING);
}

/* Prints a line on standard error. */
void
command_complain (const char *format,
                  ...)
{
  g_autofree char *line = NULL;
  va_list arguments;

  va_start (arguments, format);
  line = format_printable (format, arguments);
  va_end (arguments);

  g_printerr ("lf-lock: %s\n", line);
}

void
command_complain_of_usage (const char *format,
                           ...)
{
  g_autofree char *line = NULL;
  va_list arguments;

  va_start (arguments, format);
  line = format_printable (format, arguments);
  va_end (arguments);

  command_complain ("%s", line);
  command_complain (_("Try \"%s --help\""), g_get_prgname ());
}

/* The exit status for an error of the library. EX_TEMPFAIL, which means "try again", stands
 * for a lock that somebody else has. */
int
command_get_exit_status (const GError *error)
{
  if (error->domain == LF_LOCK_ERROR && error->code != LF_LOCK_ERROR_FAILED)
    return EX_TEMPFAIL;
  if (error->domain == LF_UNLOCK_ERROR && error->code != LF_UNLOCK_ERROR_FAILED)
    return EX_PROTOCOL;
  if (g_error_matches (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED))
    return EX_UNAVAILABLE;
  if (g_error_matches (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE))
    return EX_DATAERR;
  if (error->domain == G_IO_ERROR)
    return EX_CANTCREAT;

  return EX_OSERR;
}
