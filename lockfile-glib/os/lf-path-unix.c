/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-path-private.h"

#include <sys/stat.h>

/* GLib may return any of several names of the current directory, but after that directory
 * was removed, the name is wrong. */
static gboolean
is_current_directory (const char *directory)
{
  struct stat directory_stat, current_stat;

  return stat (directory, &directory_stat) == 0 && stat (".", &current_stat) == 0 &&
         directory_stat.st_dev == current_stat.st_dev &&
         directory_stat.st_ino == current_stat.st_ino;
}

/* Only prepends the directory: normalizing the path could change its meaning if it contains
 * links. */
char *
lf_path_make_absolute (const char *path)
{
  g_autofree char *directory = NULL;

  if (g_path_is_absolute (path))
    return g_strdup (path);

  directory = g_get_current_dir ();
  if (!is_current_directory (directory))
    return g_strdup (path);

  return g_build_filename (directory, path, NULL);
}

gboolean
lf_path_has_directory (const char *path)
{
  return g_path_is_absolute (path);
}

/* Only Linux knows the path. Other systems have only a name for the descriptor itself. */
char *
lf_path_new_for_fd (int fd)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *target = g_file_read_link (link, NULL);

  if (target != NULL && g_path_is_absolute (target))
    return g_steal_pointer (&target);

  return g_strdup_printf ("/dev/fd/%d", fd);
}
