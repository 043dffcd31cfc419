/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The other process of a test, for the path and the way of locking ("fcntl") that
 * its arguments are. It does what it is told, a line at a time, and
 * answers each command with a line:
 *
 *   acquire, acquire-async  "held", or "error DOMAIN CODE"
 *   release                 "released", or "error DOMAIN CODE"
 *   remove                  "ok"; the file will be removed on release
 *   shared                  "ok"; the lock will be shared
 *   count-sync, count-async FILE ROUNDS
 *                           "counted"; adds one to the number in the file, each
 *                           round under the lock and in steps that are not atomic
 *   shift-sync, shift-async FILE TEXT
 *                           "done"; acquires, appends to the file, releases
 *
 * It ends with its input. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lockfile-glib/lockfile-glib.h>

static LfLockFile *lock_file;

static void
answer (const char *format,
        ...)
{
  va_list arguments;

  va_start (arguments, format);
  vprintf (format, arguments);
  va_end (arguments);
  putchar ('\n');
  fflush (stdout);
}

static void
answer_result (const char *word,
               GError     *error)
{
  if (error == NULL)
    answer ("%s", word);
  else
    answer ("error %s %d", g_quark_to_string (error->domain), error->code);
}

static void
acquired_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  GError **error = user_data;

  if (!lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, error))
    g_assert_nonnull (*error);
}

static void
acquire (gboolean   async,
         GError   **error)
{
  if (!async)
    {
      lf_lock_file_acquire (lock_file, NULL, error);
      return;
    }

  lf_lock_file_acquire_async (lock_file, G_PRIORITY_DEFAULT, NULL, acquired_cb, error);
  while (!lf_lock_file_is_held (lock_file) && *error == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
append (const char *path,
        const char *text)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  g_autofree char *line = g_strconcat (text, "\n", NULL);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, line, strlen (line)), ==, (gssize) strlen (line));
  close (fd);
}

static void
add_one (const char *path)
{
  char text[32] = "";
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  long number;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (pread (fd, text, sizeof text - 1, 0), >=, 0);
  number = strtol (text, NULL, 10);
  g_snprintf (text, sizeof text, "%ld", number + 1);
  g_assert_cmpint (pwrite (fd, text, strlen (text), 0), ==, (gssize) strlen (text));
  close (fd);
}

static void
count (const char  *path,
       int          rounds,
       gboolean     async,
       GError     **error)
{
  for (int i = 0; i < rounds && *error == NULL; i++)
    {
      acquire (async, error);
      if (*error == NULL)
        {
          add_one (path);
          lf_lock_file_release (lock_file, error);
        }
    }
}

static void
shift (const char  *path,
       const char  *text,
       gboolean     async,
       GError     **error)
{
  acquire (async, error);
  if (*error == NULL)
    {
      append (path, text);
      lf_lock_file_release (lock_file, error);
    }
}

static void
obey (char **words)
{
  g_autoptr (GError) error = NULL;
  gboolean async = g_str_has_suffix (words[0], "-async");

  if (g_str_has_prefix (words[0], "acquire"))
    {
      acquire (async, &error);
      answer_result ("held", error);
    }
  else if (g_str_equal (words[0], "release"))
    {
      lf_lock_file_release (lock_file, &error);
      answer_result ("released", error);
    }
  else if (g_str_has_prefix (words[0], "count"))
    {
      count (words[1], atoi (words[2]), async, &error);
      answer_result ("counted", error);
    }
  else if (g_str_has_prefix (words[0], "shift"))
    {
      shift (words[1], words[2], async, &error);
      answer_result ("done", error);
    }
  else
    {
      if (g_str_equal (words[0], "remove"))
        lf_lock_file_set_remove_on_release (lock_file, TRUE);
      else if (g_str_equal (words[0], "shared"))
        lf_lock_file_set_mode (lock_file, LF_LOCK_MODE_SHARED);
      else
        g_error ("No such command: %s", words[0]);
      answer ("ok");
    }
}

int
main (int    argc,
      char **argv)
{
  char line[4096];

  g_autoptr (GEnumClass) backends = g_type_class_ref (LF_TYPE_BACKEND);
  GEnumValue *backend;

  g_assert_cmpint (argc, ==, 3);
  backend = g_enum_get_value_by_nick (backends, argv[2]);
  g_assert_nonnull (backend);
  lock_file = g_object_new (LF_TYPE_LOCK_FILE, "path", argv[1], "backend", backend->value, NULL);

  while (fgets (line, sizeof line, stdin) != NULL)
    {
      g_auto (GStrv) words = g_strsplit (g_strchomp (line), " ", -1);

      obey (words);
    }

  g_object_unref (lock_file);

  return 0;
}
