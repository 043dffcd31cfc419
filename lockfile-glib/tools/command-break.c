/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "command.h"

#include "json.h"

static int
break_lock (const char *argument,
            LfBackend   backend,
            gboolean    as_json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LfLock) lock = command_new_lock (argument, backend, &error);
  gboolean is_broken = lock != NULL && lf_lock_break_lock (lock, NULL, &error);

  if (as_json)
    {
      g_autoptr (GString) json = g_string_new ("{");

      command_append_json_name (json, argument, lock);
      g_string_append_printf (json, ", \"broken\": %s, \"error\": ", is_broken ? "true" : "false");
      json_append_string (json, is_broken ? NULL : error->message);
      g_print ("%s}\n", json->str);
    }
  else if (!is_broken)
    command_complain ("%s", error->message);

  return is_broken ? EX_OK : command_get_exit_status (error);
}

int
command_break (char **argv)
{
  g_autofree char *backend_name = NULL;
  g_auto (GStrv) paths = NULL;
  gboolean as_json = FALSE;
  LfBackend backend;
  const GOptionEntry entries[] = {
    COMMAND_BACKEND_ENTRY (&backend_name),
    COMMAND_JSON_ENTRY (&as_json),
    { G_OPTION_REMAINING, 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  GOptionContext *context = g_option_context_new (N_("PATH"));

  g_option_context_set_summary (context, N_("Removes the lock of a holder, which is neither asked\n"
                                            "nor stopped. Use this only if you know that the\n"
                                            "holder will never continue."));
  g_option_context_set_description (
    context, N_("Afterwards the lock can be acquired. The file at the path is removed, unless\n"
                "it has content that does not belong to the lock. If nobody holds the lock,\n"
                "nothing is done. If the holder is \"lf-lock run\", its exit status will be 76."));
  if (!command_parse (context, entries, argv, NULL))
    return EX_USAGE;

  if (paths == NULL || paths[1] != NULL)
    {
      command_complain_of_usage (_("One path is needed"));
      return EX_USAGE;
    }

  if (!command_check_remote (paths, backend_name, COMMAND_NO_SLOTS) ||
      !command_find_backend (backend_name, &backend))
    return EX_USAGE;

  return break_lock (paths[0], backend, as_json);
}
