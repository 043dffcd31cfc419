/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Reads a file together with other readers, or writes it alone. Both keep the lock until
 * you press Enter, and give up if they have not got it after SECONDS.
 *
 *   readers-writers-c FILE SECONDS            reads
 *   readers-writers-c FILE SECONDS TEXT       writes */

#include <locale.h>
#include <lockfile-glib/lockfile-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* g_ascii_strtod() accepts any text */
static gboolean
is_number (const char *seconds)
{
  return g_regex_match_simple ("^[0-9]+(\\.[0-9]+)?$", seconds, 0, 0);
}

static void
wait_for_enter (void)
{
  int c;

  do
    c = getchar ();
  while (c != '\n' && c != EOF);
}

static gboolean
read_file (const char  *path,
           GError     **error)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;

  g_print ("PID %d reads: %s\n", getpid (), g_strchomp (text));
  wait_for_enter ();
  return TRUE;
}

static gboolean
write_file (const char  *path,
            const char  *text,
            GError     **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileIOStream) stream = g_file_open_readwrite (file, NULL, error);
  GOutputStream *output;

  if (stream == NULL || !g_seekable_truncate (G_SEEKABLE (stream), 0, NULL, error))
    return FALSE;

  /* Without the lock, a reader would now find the file empty */
  g_print ("PID %d writes: %s\n", getpid (), text);
  wait_for_enter ();

  output = g_io_stream_get_output_stream (G_IO_STREAM (stream));
  return g_output_stream_printf (output, NULL, NULL, error, "%s\n", text) &&
         g_io_stream_close (G_IO_STREAM (stream), NULL, error);
}

int
main (int    argc,
      char **argv)
{
  const char *path = argv[1];
  const char *text = argc > 3 ? argv[3] : NULL;
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  if ((argc != 3 && argc != 4) || !is_number (argv[2]))
    {
      g_printerr ("Usage: %s FILE SECONDS [TEXT]\n", argv[0]);
      return 2;
    }

  lock = lf_lock_file_new (path);
  lf_lock_file_set_mode (lock, text != NULL ? LF_LOCK_MODE_EXCLUSIVE : LF_LOCK_MODE_SHARED);

  if (!lf_lock_file_acquire_with_timeout (lock, g_ascii_strtod (argv[2], NULL), NULL, &error) ||
      !(text != NULL ? write_file (path, text, &error) : read_file (path, &error)) ||
      !lf_lock_file_release (lock, &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  return EXIT_SUCCESS;
}
