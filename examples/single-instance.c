/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Runs once for each user, until Ctrl-C. A second instance prints which process is
 * already running, and exits with status 1.
 *
 *   single-instance-c */

#include <locale.h>
#include <lockfile-glib/lockfile-glib.h>
#include <stdlib.h>
#include <unistd.h>

static void
tell_holder (LfLockFile *lock)
{
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (lock, NULL, NULL);

  /* It may have ended by now, or not be visible from here */
  if (holder != NULL && lf_lock_holder_get_pid (holder) != 0)
    g_printerr ("Already running as PID %d\n", lf_lock_holder_get_pid (holder));
  else
    g_printerr ("Already running\n");
}

int
main (void)
{
  g_autofree char *path = g_build_filename (g_get_user_runtime_dir (),
                                            "lockfile-glib-example.lock", NULL);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  if (!lf_lock_file_try_acquire (lock, &error))
    {
      if (g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
        tell_holder (lock);
      else
        g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  g_print ("Running as PID %d\n", getpid ());
  /* The kernel releases the lock when the process ends, in whatever way */
  g_main_loop_run (loop);

  return EXIT_SUCCESS;
}
