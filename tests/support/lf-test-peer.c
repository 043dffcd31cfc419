/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The other process of a test. It obeys commands, one per line, and answers each with a line:
 *
 *   acquire, acquire-async, try
 *                           "held", or "error DOMAIN CODE"
 *   release                 "released", or "error DOMAIN CODE"
 *   break                   "broken", or "error DOMAIN CODE"
 *   waiting                 "waiting"; sent together with the next command, it says
 *                           that this command begins
 *   remove                  "ok"; the file will be removed on release
 *   shared                  "ok"; the lock will be shared
 *   count-sync, count-async FILE ROUNDS
 *                           "counted"; increments the number in the file, each time under
 *                           the lock and in steps that are not atomic
 *   shift-sync, shift-async FILE TEXT
 *                           "done"; acquires, appends to the file, releases
 *
 * It exits at the end of its input. Its arguments are the path and, optionally, the nick of
 * the backend, which is otherwise the platform's best. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

static LfLockFile *lock_file;

static void G_GNUC_PRINTF (1, 2)
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
      lf_test_ignore (lf_lock_file_acquire (lock_file, NULL, error));
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
  FILE *file = g_fopen (path, "ab");

  g_assert_nonnull (file);
  g_assert_cmpint (fprintf (file, "%s\n", text), >, 0);
  g_assert_cmpint (fclose (file), ==, 0);
}

static void
add_one (const char *path)
{
  FILE *file = g_fopen (path, "r+b");
  long number = 0;

  if (file == NULL)
    file = g_fopen (path, "w+b");
  g_assert_nonnull (file);
  if (fscanf (file, "%ld", &number) != 1)
    number = 0;
  rewind (file);
  g_assert_cmpint (fprintf (file, "%ld", number + 1), >, 0);
  g_assert_cmpint (fclose (file), ==, 0);
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
  else if (g_str_equal (words[0], "try"))
    {
      lf_test_ignore (lf_lock_file_try_acquire (lock_file, &error));
      answer_result ("held", error);
    }
  else if (g_str_equal (words[0], "break"))
    {
      lf_lock_file_break_lock (lock_file, NULL, &error);
      answer_result ("broken", error);
    }
  else if (g_str_equal (words[0], "waiting"))
    {
      answer ("waiting");
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

static LfBackend
get_backend (const char *nick)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (LF_TYPE_BACKEND);
  const GEnumValue *value = g_enum_get_value_by_nick (enum_class, nick);

  g_assert_nonnull (value);

  return (LfBackend) value->value;
}

int
main (int    argc,
      char **argv)
{
  g_auto (GStrv) arguments = get_arguments (argv);
  char line[4096];

  g_assert_cmpint (argc, >=, 2);
  g_assert_cmpint (argc, <=, 3);
  lock_file = g_object_new (LF_TYPE_LOCK_FILE, "path", arguments[1],
                            "backend", get_backend (argc == 3 ? arguments[2] : "auto"), NULL);

  while (fgets (line, sizeof line, stdin) != NULL)
    {
      g_auto (GStrv) words = g_strsplit (g_strchomp (line), " ", -1);

      obey (words);
    }

  g_object_unref (lock_file);

  return 0;
}
