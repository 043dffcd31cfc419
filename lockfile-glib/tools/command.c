/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "command.h"

static const char *
translate (const char *message,
           gpointer    user_data)
{
  return lf_translate (message);
}

/* Takes @context. What is wrong with the arguments has been said if it fails. */
gboolean
command_parse (GOptionContext      *context,
               const GOptionEntry  *entries,
               int                 *argc,
               char              ***argv)
{
  g_autoptr (GOptionContext) owned_context = context;
  g_autoptr (GError) error = NULL;

  g_option_context_set_translate_func (context, translate, NULL, NULL);
  g_option_context_add_main_entries (context, entries, NULL);

  if (g_option_context_parse (context, argc, argv, &error))
    return TRUE;

  command_complain_of_usage ("%s", error->message);
  return FALSE;
}

/* For @backend_name NULL, the platform's best. NULL if there is no such way of
 * locking, which has been said then. */
LfLockFile *
command_new_lock_file (const char *path,
                       const char *backend_name)
{
  g_autoptr (GEnumClass) backends = g_type_class_ref (LF_TYPE_BACKEND);
  const GEnumValue *backend =
    g_enum_get_value_by_nick (backends, backend_name != NULL ? backend_name : "auto");

  if (backend == NULL)
    {
      command_complain_of_usage (_("There is no backend \"%s\""), backend_name);
      return NULL;
    }

  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend->value, NULL);
}

/* A path, or what a lock's record says of its holder, may hold anything. Characters
 * that would end the line or control the terminal are replaced. */
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

/* A line for standard output. */
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

/* A line for standard error. */
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

/* The exit status for what the library could not do. That somebody else has the
 * lock has the one that says "try again". */
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
