/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The other process of the tests of leases. Its main loop obeys commands, one per line, and
 * answers each with a line:
 *
 *   acquire        "held TIME", or "error DOMAIN CODE"
 *   release        "released", or "error DOMAIN CODE"
 *   held           "yes" or "no"
 *   verify         "yes", or "error DOMAIN CODE"
 *   block SECONDS  "unblocked"; the main loop does not run during that time
 *   part           "ok"; from now on the file system refuses renewals
 *   fork           "ok"; a child lives on with what it inherited
 *   turn MARKER    "done", after an acquire and a release; the marker is a file that exists
 *                  while somebody has the lock
 *   stay FILE      never ends: acquires and releases, and while it holds the lock, it appends
 *                  the number of the grant and the time to a file
 *
 * When the lock is lost, it says "lost TIME CODE". Times are microseconds since the boot. At the
 * end of its input it exits.
 *
 * Arguments: PATH BACKEND LEASE [network], the latter to find all file systems shared. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <glib-unix.h>

#include "lf-test-intercept.h"
#include "lf-test-util.h"

#define POLL_INTERVAL 0.05
#define LONGEST_STAY (100 * 1000)
#define STAY_PAUSE (2 * 1000)

static LfLockFile *lock_file;
static GMainLoop *loop;

static gint64
get_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);

  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

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
lost_cb (LfLockFile *lock,
         GError     *reason,
         gpointer    user_data)
{
  answer ("lost %" G_GINT64_FORMAT " %d", get_time (), reason->code);
}

static void
acquired_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error))
    answer ("held %" G_GINT64_FORMAT, get_time ());
  else
    answer_result ("", error);
}

static void
take_turn (const char *marker)
{
  g_autoptr (GError) error = NULL;
  int fd;

  lf_test_ignore (lf_lock_file_acquire (lock_file, NULL, &error));
  g_assert_no_error (error);
  fd = open (marker, O_CREAT | O_EXCL | O_WRONLY, 0600);
  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_assert_no_errno (unlink (marker));
  lf_lock_file_release (lock_file, &error);
  g_assert_no_error (error);
  answer ("done");
}

static void
stay (const char *path)
{
  int fd = open (path, O_CREAT | O_APPEND | O_WRONLY, 0600);

  g_assert_cmpint (fd, >=, 0);
  for (int grant = 0;; grant++)
    {
      gint64 end, now;

      if (!lf_lock_file_acquire (lock_file, NULL, NULL))
        continue;
      end = get_time () + g_random_int_range (0, LONGEST_STAY);
      /* Held later than at that time, or the loop ends */
      while ((now = get_time ()) < end && lf_lock_file_is_held (lock_file))
        {
          char line[64];
          int length = snprintf (line, sizeof line, "%d %" G_GINT64_FORMAT "\n", grant, now);

          g_assert_cmpint (write (fd, line, (gsize) length), ==, length);
          g_usleep (STAY_PAUSE);
        }
      lf_lock_file_release (lock_file, NULL);
    }
}

static void
obey (char **words)
{
  g_autoptr (GError) error = NULL;
  const char *command = words[0];

  if (g_str_equal (command, "acquire"))
    {
      lf_lock_file_acquire_async (lock_file, G_PRIORITY_DEFAULT, NULL, acquired_cb, NULL);
    }
  else if (g_str_equal (command, "release"))
    {
      lf_lock_file_release (lock_file, &error);
      answer_result ("released", error);
    }
  else if (g_str_equal (command, "held"))
    {
      answer ("%s", lf_lock_file_is_held (lock_file) ? "yes" : "no");
    }
  else if (g_str_equal (command, "verify"))
    {
      lf_lock_file_verify (lock_file, &error);
      answer_result ("yes", error);
    }
  else if (g_str_equal (command, "block"))
    {
      g_usleep ((gulong) (g_ascii_strtod (words[1], NULL) * G_USEC_PER_SEC));
      answer ("unblocked");
    }
  else if (g_str_equal (command, "part"))
    {
      intercept_fault (CALL_UTIMES, 1, 1000, EIO);
      answer ("ok");
    }
  else if (g_str_equal (command, "fork"))
    {
      if (fork () == 0)
        {
          close (STDIN_FILENO);
          close (STDOUT_FILENO);
          close (STDERR_FILENO);
          alarm (20);
          while (TRUE)
            pause ();
        }
      answer ("ok");
    }
  else if (g_str_equal (command, "turn"))
    {
      take_turn (words[1]);
    }
  else if (g_str_equal (command, "stay"))
    {
      stay (words[1]);
    }
  else
    g_error ("No such command: %s", command);
}

static gboolean
input_cb (int          fd,
          GIOCondition condition,
          gpointer     user_data)
{
  char line[4096];
  g_auto (GStrv) words = NULL;

  /* One command at a time, so nothing remains in the buffer */
  if (fgets (line, sizeof line, stdin) == NULL)
    {
      g_main_loop_quit (loop);
      return G_SOURCE_REMOVE;
    }

  words = g_strsplit (g_strchomp (line), " ", -1);
  obey (words);

  return G_SOURCE_CONTINUE;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (LF_TYPE_BACKEND);

  g_assert_cmpint (argc, >=, 4);
  if (argc > 4)
    intercept_network (TRUE);
  setvbuf (stdin, NULL, _IONBF, 0);

  loop = g_main_loop_new (NULL, FALSE);
  lock_file = g_object_new (LF_TYPE_LOCK_FILE,
                            "path", argv[1],
                            "backend", g_enum_get_value_by_nick (enum_class, argv[2])->value,
                            "lease-duration", g_ascii_strtod (argv[3], NULL),
                            "poll-interval", POLL_INTERVAL,
                            NULL);
  g_signal_connect (lock_file, "lost", G_CALLBACK (lost_cb), NULL);
  g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, input_cb, NULL);
  g_main_loop_run (loop);

  g_object_unref (lock_file);
  g_main_loop_unref (loop);

  return 0;
}
