/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "command.h"

static int
break_lock (const char *path,
            const char *backend_name)
{
  g_autoptr (LfLockFile) lock_file = command_new_lock_file (path, backend_name);
  g_autoptr (GError) error = NULL;

  if (lock_file == NULL)
    return EX_USAGE;

  if (lf_lock_file_break_lock (lock_file, NULL, &error))
    return EX_OK;

  command_complain ("%s", error->message);
  return command_get_exit_status (error);
}

int
command_break (char **argv)
{
  g_autofree char *backend_name = NULL;
  g_auto (GStrv) paths = NULL;
  const GOptionEntry entries[] = {
    COMMAND_BACKEND_ENTRY (&backend_name),
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

  return break_lock (paths[0], backend_name);
}
