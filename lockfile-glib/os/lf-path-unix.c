/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-path-private.h"

#include <sys/stat.h>

/* The name by which a program came into its directory may be one of several; what GLib
 * gives is no name of it at all if the directory was removed. */
static gboolean
is_current_directory (const char *directory)
{
  struct stat directory_stat, current_stat;

  return stat (directory, &directory_stat) == 0 && stat (".", &current_stat) == 0 &&
         directory_stat.st_dev == current_stat.st_dev &&
         directory_stat.st_ino == current_stat.st_ino;
}

/* It is only prefixed: tidying it up could change what it means behind links. */
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

/* Elsewhere than on Linux there is no name but one of the descriptor itself. */
char *
lf_path_new_for_fd (int fd)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *target = g_file_read_link (link, NULL);

  if (target != NULL && g_path_is_absolute (target))
    return g_steal_pointer (&target);

  return g_strdup_printf ("/dev/fd/%d", fd);
}
