/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "process.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The content of a file of proc(5) about the process, or NULL. */
static char *
read_file (int         pid,
           const char *name,
           gsize      *length)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", pid, name);
  char *text = NULL;

  return g_file_get_contents (path, &text, length, NULL) ? text : NULL;
}

char *
process_get_application (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/exe", pid);
  g_autofree char *executable = g_file_read_link (path, NULL);

  if (executable == NULL)
    {
      char *name = read_file (pid, "comm", NULL);

      return name != NULL ? g_strchomp (name) : NULL;
    }

  /* The kernel appends this after the executable was replaced */
  if (g_str_has_suffix (executable, " (deleted)"))
    executable[strlen (executable) - strlen (" (deleted)")] = '\0';

  return g_path_get_basename (executable);
}

GStrv
process_get_command_line (int pid)
{
  gsize length = 0;
  g_autofree char *text = read_file (pid, "cmdline", &length);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (text == NULL || length == 0)
    return NULL;

  /* Each argument ends with a NUL, and so does `text` */
  for (const char *argument = text; argument < text + length; argument += strlen (argument) + 1)
    g_strv_builder_add (builder, argument);

  return g_strv_builder_end (builder);
}

char *
process_get_user (int pid)
{
  g_autofree char *status = read_file (pid, "status", NULL);
  const char *line = status != NULL ? strstr (status, "\nUid:") : NULL;
  const struct passwd *user;
  guint id;

  /* The first ID is that of the user who started it, even if its privileges changed */
  if (line == NULL || sscanf (line, " Uid: %u", &id) != 1)
    return NULL;

  user = getpwuid ((uid_t) id);

  return user != NULL ? g_strdup (user->pw_name) : g_strdup_printf ("%u", id);
}

static double
get_seconds (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);

  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* proc_pid_stat(5) gives it in clock ticks after the boot. */
GDateTime *
process_get_start (int pid)
{
  g_autofree char *stat_line = read_file (pid, "stat", NULL);
  const char *fields = stat_line != NULL ? strrchr (stat_line, ')') : NULL;
  g_autoptr (GDateTime) epoch = NULL;
  guint64 ticks;
  double age;

  if (fields == NULL ||
      sscanf (fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
              "%*d %" G_GINT64_MODIFIER "u", &ticks) != 1)
    return NULL;

  age = get_seconds (CLOCK_BOOTTIME) - (double) ticks / (double) sysconf (_SC_CLK_TCK);
  epoch = g_date_time_new_from_unix_utc (0);

  return g_date_time_add_seconds (epoch, get_seconds (CLOCK_REALTIME) - age);
}

int
process_get_child (int pid)
{
  g_autofree char *name = g_strdup_printf ("task/%d/children", pid);
  g_autofree char *children = read_file (pid, name, NULL);

  return children != NULL ? atoi (children) : 0;
}
