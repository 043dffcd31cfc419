/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "fork-child.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lf-test-util.h"

/* A child needs some milliseconds. It counts as stuck if it is in the same place for this
 * many seconds in a row. */
#define PATIENCE 5
#define PATIENCE_WITH_GLIB 2

#define MAX_FRAMES 64

#define STATUS_WRONG 1
#define STATUS_STUCK 2
#define STATUS_STUCK_IN_GLIB 3

static void
say (const char *text)
{
  G_GNUC_UNUSED gssize n_written = write (STDERR_FILENO, text, strlen (text));
}

static gboolean
is_in (const Dl_info *frame,
       const char    *library)
{
  return frame->dli_fname != NULL && strstr (frame->dli_fname, library) != NULL;
}

/* Functions that lock a mutex for their caller. */
static gboolean
takes_lock (const Dl_info *frame)
{
  static const char *const names[] = {
    "g_mutex_lock", "g_rec_mutex_lock", "g_rw_lock_reader_lock", "g_rw_lock_writer_lock",
    "g_cond_wait", "g_cond_wait_until", "g_bit_lock", "g_pointer_bit_lock",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      if (g_strcmp0 (frame->dli_sname, names[i]) == 0)
        return TRUE;
    }

  return FALSE;
}

static gboolean
allocates (const Dl_info *frame)
{
  return frame->dli_sname != NULL && g_str_has_prefix (frame->dli_sname, "g_slice_");
}

/* Whether the calling thread waits for a mutex that GLib locks to make or end an object, or
 * to allocate memory. The frames, from the inner ones on, are those of this file, of the C
 * library and of GLib's function for such mutexes, which may contain another frame without
 * a name. The next frame wants the mutex. */
static gboolean
is_stuck_in_glib (void *const *addresses,
                  int          n_addresses)
{
  Dl_info frames[MAX_FRAMES] = { 0 };
  int i = 0;

  for (int j = 0; j < n_addresses; j++)
    dladdr (addresses[j], &frames[j]);

  while (i < n_addresses && !is_in (&frames[i], "libc.so"))
    i++;
  while (i < n_addresses && is_in (&frames[i], "libc.so"))
    i++;
  if (i < n_addresses && is_in (&frames[i], "libglib-2.0.so"))
    i++;
  while (i < n_addresses && takes_lock (&frames[i]))
    i++;

  /* The library could avoid calling any other function of GLib */
  while (i < n_addresses && is_in (&frames[i], "libglib-2.0.so") && !allocates (&frames[i]))
    i++;

  return i < n_addresses && (allocates (&frames[i]) ||
                             is_in (&frames[i], "libgobject-2.0.so") ||
                             is_in (&frames[i], "libgio-2.0.so"));
}

/* Called every second. When the child is stuck, stops it, so that the parent can also show
 * its other threads, if it has a debugger. */
static void
alarm_cb (int signal_number)
{
  static void *last_addresses[MAX_FRAMES];
  static int n_seconds;
  void *addresses[MAX_FRAMES] = { NULL };
  int n_addresses = backtrace (addresses, MAX_FRAMES);
  gboolean in_glib;

  if (memcmp (addresses, last_addresses, sizeof addresses) != 0)
    n_seconds = 0;
  memcpy (last_addresses, addresses, sizeof addresses);
  in_glib = is_stuck_in_glib (addresses, n_addresses);
  if (++n_seconds < (in_glib ? PATIENCE_WITH_GLIB : PATIENCE))
    {
      alarm (1);
      return;
    }

  say ("# A child is stuck:\n");
  backtrace_symbols_fd (addresses, n_addresses, STDERR_FILENO);
  kill (getpid (), SIGSTOP);

  _exit (in_glib ? STATUS_STUCK_IN_GLIB : STATUS_STUCK);
}

/* Must be called before the first child: loads what backtrace() needs, which locks mutexes. */
void
fork_child_prepare (void)
{
  void *addresses[1];

  backtrace (addresses, 1);
}

static pid_t
start_child (ForkedFunc function,
             gpointer   data)
{
  pid_t pid = fork ();

  if (pid == 0)
    {
      const char *wrong;

      signal (SIGALRM, alarm_cb);
      alarm (1);

      wrong = function (data);
      if (wrong != NULL)
        {
          say ("# In a child: ");
          say (wrong);
          say ("\n");
        }

      _exit (wrong != NULL ? STATUS_WRONG : 0);
    }

  return pid;
}

/* Once, with a debugger, if there is one. The child has already shown its first thread. */
static void
show_threads (pid_t pid)
{
  static gboolean shown;
  g_autofree char *debugger = g_find_program_in_path ("gdb");
  g_autofree char *id = g_strdup_printf ("%d", pid);
  const char *argv[] = {
    debugger, "-nx", "-batch", "-ex", "thread apply all backtrace", "-p", id, NULL
  };
  g_autofree char *output = NULL;

  if (shown || debugger == NULL ||
      !g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                     &output, NULL, NULL, NULL))
    return;

  shown = TRUE;
  for (char *line = strtok (output, "\n"); line != NULL; line = strtok (NULL, "\n"))
    {
      if (*line == '#' || g_str_has_prefix (line, "Thread"))
        g_printerr ("# %s\n", line);
    }
}

static ChildResult
wait_for_child (pid_t    pid,
                gboolean shows_threads)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  if (WIFSTOPPED (status))
    {
      if (shows_threads)
        show_threads (pid);
      kill (pid, SIGCONT);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    }

  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return CHILD_WELL;
  if (WIFEXITED (status) && WEXITSTATUS (status) == STATUS_STUCK)
    return CHILD_STUCK;
  if (WIFEXITED (status) && WEXITSTATUS (status) == STATUS_STUCK_IN_GLIB)
    return CHILD_STUCK_IN_GLIB;
  if (WIFSIGNALED (status))
    g_printerr ("# A child was ended by signal %d\n", WTERMSIG (status));

  return CHILD_WRONG;
}

ChildResult
fork_child (ForkedFunc function,
            gpointer   data)
{
  pid_t pid = start_child (function, data);

  g_assert_cmpint (pid, >=, 0);

  return wait_for_child (pid, TRUE);
}

const char *
fork_grandchild (ForkedFunc function,
                 gpointer   data)
{
  pid_t pid = start_child (function, data);

  if (pid < 0)
    return "cannot fork";

  switch (wait_for_child (pid, FALSE))
    {
    case CHILD_WELL:
      return NULL;

    case CHILD_STUCK_IN_GLIB:
      _exit (STATUS_STUCK_IN_GLIB);

    case CHILD_STUCK:
      _exit (STATUS_STUCK);

    case CHILD_WRONG:
    default:
      return "the child's child is not well";
    }
}
