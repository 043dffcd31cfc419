/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Appends lines to a file, as append-in-turn does, but under a lock in etcd, so that programs
 * on several machines take turns. Each line has the token of its turn: later turns have higher
 * tokens.
 *
 *   several-machines-c etcd://HOST:PORT/NAME FILE [LINES [SECONDS]] */

#include <locale.h>
#include <lockfile-glib/lockfile-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
append_line (const char  *path,
             const char  *line,
             GError     **error)
{
  g_autoptr (GFile) file = g_file_new_for_commandline_arg (path);
  g_autoptr (GFileOutputStream) stream = g_file_append_to (file, G_FILE_CREATE_NONE, NULL, error);

  return stream != NULL &&
         g_output_stream_write_all (G_OUTPUT_STREAM (stream), line, strlen (line), NULL, NULL,
                                    error) &&
         g_output_stream_close (G_OUTPUT_STREAM (stream), NULL, error);
}

static gboolean
append_lines (LfRemoteLock  *lock,
              const char    *path,
              int            n_lines,
              double         seconds,
              GError       **error)
{
  gint64 token = lf_remote_lock_get_fencing_token (lock);

  for (int i = 1; i <= n_lines; i++)
    {
      g_autofree char *line = g_strdup_printf ("PID %d, token %" G_GINT64_FORMAT
                                               ", line %d of %d\n", getpid (), token, i, n_lines);

      /* The lock ends if etcd cannot be reached for long */
      if (!lf_lock_verify (LF_LOCK (lock), error) || !append_line (path, line, error))
        return FALSE;
      g_usleep ((gulong) (seconds * G_USEC_PER_SEC));
    }

  return TRUE;
}

static gboolean
work (const char  *uri,
      const char  *path,
      int          n_lines,
      double       seconds,
      GError     **error)
{
  g_autoptr (LfRemoteLock) lock = lf_remote_lock_new (uri, error);

  if (lock == NULL || !lf_lock_acquire (LF_LOCK (lock), NULL, error))
    return FALSE;

  g_print ("PID %d has the lock\n", getpid ());
  if (!append_lines (lock, path, n_lines, seconds, error))
    return FALSE;
  g_print ("PID %d is done\n", getpid ());

  return lf_lock_release (LF_LOCK (lock), error);
}

int
main (int    argc,
      char **argv)
{
  const char *n_lines = argc > 3 ? argv[3] : "3";
  const char *seconds = argc > 4 ? argv[4] : "1";
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  if (argc < 3 || argc > 5 || !are_numbers (n_lines, seconds))
    {
      g_printerr ("Usage: %s etcd://HOST:PORT/NAME FILE [LINES [SECONDS]]\n", argv[0]);
      return 2;
    }

  if (!work (argv[1], argv[2], atoi (n_lines), g_ascii_strtod (seconds, NULL), &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  return EXIT_SUCCESS;
}
