/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-identity-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "os/lf-descriptor-private.h"
#include "os/lf-process-private.h"

#define MAX_FILE_LENGTH 1024

/* A missing file will hardly appear, and forbidden access will hardly be allowed: only
 * other errors are worth another try. */
static void
note_failure (int *failure)
{
  if (errno != ENOENT && errno != EACCES && errno != EPERM)
    *failure = errno;
}

/* Not g_file_get_contents(), which translates the errors. Only for files that one read()
 * returns as a whole. */
static char *
read_file (const char *path,
           int        *failure)
{
  char buffer[MAX_FILE_LENGTH];
  int fd = lf_descriptor_open (path, O_RDONLY | O_CLOEXEC, 0, FALSE);
  gssize length = -1;

  if (fd >= 0)
    {
      do
        length = read (fd, buffer, sizeof buffer);
      while (length < 0 && errno == EINTR);
    }
  if (length < 0)
    note_failure (failure);
  if (fd >= 0)
    lf_close (fd);

  return length >= 0 ? g_strndup (buffer, (gsize) length) : NULL;
}

static char *
read_line (const char *path,
           int        *failure)
{
  char *line = read_file (path, failure);

  if (line != NULL && *g_strchomp (line) == '\0')
    g_clear_pointer (&line, g_free);

  return line;
}

char *
lf_identity_get_machine_id (int *failure)
{
  char *machine_id = read_line ("/etc/machine-id", failure);

  return machine_id != NULL ? machine_id : read_line ("/var/lib/dbus/machine-id", failure);
}

char *
lf_identity_get_boot_id (int *failure)
{
  return read_line ("/proc/sys/kernel/random/boot_id", failure);
}

static guint64
get_name_space (const char *path,
                int        *failure)
{
  struct stat name_space;

  if (stat (path, &name_space) == 0)
    return name_space.st_ino;

  note_failure (failure);

  return 0;
}

guint64
lf_identity_get_pid_namespace (int *failure)
{
  return get_name_space ("/proc/self/ns/pid", failure);
}

guint64
lf_identity_get_time_namespace (int *failure)
{
  return get_name_space ("/proc/self/ns/time", failure);
}

/* Every /proc shows a process its own directory. Other PIDs are meaningful only if /proc
 * shows our own namespace. */
static char *
get_process_path (int         pid,
                  const char *name)
{
  if (pid == lf_process_get_id ())
    return g_strdup_printf ("/proc/self/%s", name);

  return g_strdup_printf ("/proc/%d/%s", pid, name);
}

/* The line lists our PIDs, from the namespace that /proc shows down to our own. */
static gboolean
proc_shows_own_namespace (void)
{
  g_autofree char *status = NULL;
  const char *line;
  int outer, inner;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return FALSE;

  line = strstr (status, "\nNSpid:");

  return line != NULL && sscanf (line, " NSpid: %d%*[ \t]%d", &outer, &inner) == 1;
}

/* Base name of the executable. If we may not see it, as for processes of other users, the
 * name that the process gives itself. */
char *
lf_identity_get_application (int pid)
{
  g_autofree char *link = get_process_path (pid, "exe");
  g_autofree char *comm_path = get_process_path (pid, "comm");
  g_autofree char *executable = g_file_read_link (link, NULL);
  int failure;

  if (executable == NULL)
    return read_line (comm_path, &failure);

  /* The kernel appends this after the executable was replaced */
  if (g_str_has_suffix (executable, " (deleted)"))
    executable[strlen (executable) - strlen (" (deleted)")] = '\0';

  return g_path_get_basename (executable);
}

/* proc_pid_stat(5): the fields after the name, which may contain anything. A zombie holds
 * nothing, unless only its first thread has ended. */
LfProcessState
lf_identity_get_process_state (int      pid,
                               guint64 *start_time,
                               int     *failure)
{
  g_autofree char *path = get_process_path (pid, "stat");
  g_autofree char *stat_line = NULL;
  const char *fields;
  char state;
  int n_threads;

  *start_time = 0;

  if (pid == lf_process_get_id () || proc_shows_own_namespace ())
    stat_line = read_file (path, failure);
  if (stat_line == NULL)
    return kill (pid, 0) != 0 && errno == ESRCH ? LF_PROCESS_GONE : LF_PROCESS_UNKNOWN;

  fields = strrchr (stat_line, ')');
  if (fields == NULL ||
      sscanf (fields, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d "
              "%" G_GINT64_MODIFIER "u", &state, &n_threads, start_time) != 3)
    return LF_PROCESS_UNKNOWN;

  return (state == 'Z' || state == 'X') && n_threads <= 1 ? LF_PROCESS_GONE : LF_PROCESS_RUNNING;
}

/* Not g_uuid_string_random(): the mutex of GLib's random numbers may be locked forever in a
 * forked child. */
char *
lf_identity_new_token (void)
{
  guint64 random[2];

  if (getrandom (random, sizeof random, 0) != sizeof random)
    return g_uuid_string_random ();

  return g_strdup_printf ("%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
                          random[0], random[1]);
}

/* musl before 1.2.5 lacks both the function and its flag */
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

int
lf_identity_rename_no_replace (int         directory,
                               const char *from,
                               const char *to)
{
  return syscall (SYS_renameat2, directory, from, directory, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
}
