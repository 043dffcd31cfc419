/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Appends lines to a file, without lines of other programs between them. While another
 * program writes, this one waits in a queue: first come, first served.
 *
 *   append-in-turn-c FILE [LINES [SECONDS]]     3 lines, 1 second after each */

#include <locale.h>
#include <lockfile-glib/lockfile-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The functions that convert numbers accept any text */
static gboolean
are_numbers (const char *n_lines,
             const char *seconds)
{
  return g_regex_match_simple ("^[0-9]+$", n_lines, 0, 0) &&
         g_regex_match_simple ("^[0-9]+(\\.[0-9]+)?$", seconds, 0, 0);
}

static gboolean
append_lines (const char *path,
              int         n_lines,
              double      seconds)
{
  FILE *file = fopen (path, "a");

  for (int i = 1; file != NULL && i <= n_lines; i++)
    {
      fprintf (file, "PID %d, line %d of %d\n", getpid (), i, n_lines);
      fflush (file);
      g_usleep ((gulong) (seconds * G_USEC_PER_SEC));
    }

  return file != NULL && fclose (file) == 0;
}

int
main (int    argc,
      char **argv)
{
  const char *n_lines = argc > 2 ? argv[2] : "3";
  const char *seconds = argc > 3 ? argv[3] : "1";
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (LfLockGuard) guard = NULL;
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  if (argc < 2 || argc > 4 || !are_numbers (n_lines, seconds))
    {
      g_printerr ("Usage: %s FILE [LINES [SECONDS]]\n", argv[0]);
      return 2;
    }

  /* The file itself can be the lock, since no program replaces it */
  lock = lf_lock_file_new (argv[1]);
  holder = lf_lock_file_query_holder (lock, NULL, NULL);
  if (holder != NULL)
    {
      g_autofree char *whom = lf_lock_holder_to_string (holder);
      g_print ("PID %d waits for %s\n", getpid (), whom);
    }

  /* The lock is released at the end of the function */
  guard = lf_lock_file_acquire_guard (lock, NULL, &error);
  if (guard == NULL)
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  g_print ("PID %d has the lock\n", getpid ());
  if (!append_lines (argv[1], atoi (n_lines), g_ascii_strtod (seconds, NULL)))
    {
      perror (argv[1]);
      return EXIT_FAILURE;
    }
  g_print ("PID %d is done\n", getpid ());

  return EXIT_SUCCESS;
}
