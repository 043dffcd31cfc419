/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* lf-lock: the library's locks for scripts. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"

typedef struct
{
  const char *name;
  const char *help_name;
  const char *summary;
  int (*run) (char **argv);
} Subcommand;

static const Subcommand subcommands[] = {
  { "run", "lf-lock run", N_("Run a command while holding a lock"), command_run },
  { "status", "lf-lock status", N_("Tell whether locks are held, and by whom"), command_status },
  { "break", "lf-lock break", N_("Remove the lock of a holder"), command_break },
};

static char *
describe_subcommands (void)
{
  g_autoptr (GString) text = g_string_new (_("Commands:"));

  for (gsize i = 0; i < G_N_ELEMENTS (subcommands); i++)
    g_string_append_printf (text, "\n  %-8s %s", subcommands[i].name, _(subcommands[i].summary));

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static int
run_subcommand (char **argv)
{
  for (gsize i = 0; i < G_N_ELEMENTS (subcommands); i++)
    {
      if (g_strcmp0 (argv[0], subcommands[i].name) != 0)
        continue;

      g_set_prgname (subcommands[i].help_name);
      return subcommands[i].run (argv);
    }

  command_complain_of_usage (_("There is no command \"%s\""), argv[0]);
  return EX_USAGE;
}

static int
run_lf_lock (char **argv)
{
  gboolean version = FALSE;
  g_auto (GStrv) arguments = NULL;
  const GOptionEntry entries[] = {
    { "version", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &version,
      N_("Print the version"), NULL },
    { G_OPTION_REMAINING, 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME_ARRAY, &arguments,
      NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  GOptionContext *context = g_option_context_new (N_("COMMAND"));
  g_autofree char *description = describe_subcommands ();

  g_option_context_set_summary (context, N_("File locks for scripts."));
  g_option_context_set_description (context, description);
  /* Options after the command's name belong to the command */
  g_option_context_set_strict_posix (context, TRUE);
  if (!command_parse (context, entries, argv, NULL))
    return EX_USAGE;

  if (version)
    {
      command_print_version ();
      return EX_OK;
    }

  if (arguments == NULL)
    {
      command_complain_of_usage (_("A command is missing"));
      return EX_USAGE;
    }

  return run_subcommand (arguments);
}

/* lf-lock may be started with closed standard descriptors. Then the lock file would get one
 * of them, and messages would be written into it. So they are occupied by a file that can
 * neither be read nor written, as if they were still closed. The command finds them closed. */
static gboolean
fill_standard_descriptors (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    {
      int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

      if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", flags | O_CLOEXEC) != fd)
        return FALSE;
    }

  return TRUE;
}

/* Registered with atexit(), since GOption exits after printing the help. */
static void
check_output_cb (void)
{
  if (fflush (stdout) == 0 && ferror (stdout) == 0)
    return;

  command_complain (_("Cannot write the output: %s"), g_strerror (errno));
  _exit (EX_IOERR);
}

int
main (int    argc,
      char **argv)
{
  if (!fill_standard_descriptors () || atexit (check_output_cb) != 0)
    return EX_OSERR;

  setlocale (LC_ALL, "");
  g_set_prgname ("lf-lock");
  /* Standard output belongs to the command, even with G_MESSAGES_DEBUG */
  g_log_writer_default_set_use_stderr (TRUE);

  return run_lf_lock (argv);
}
