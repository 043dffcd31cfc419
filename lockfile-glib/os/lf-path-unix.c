/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-path-private.h"

/* It is only prefixed: tidying it up could change what it means behind links. */
char *
lf_path_make_absolute (const char *path)
{
  g_autofree char *directory = NULL;

  if (g_path_is_absolute (path))
    return g_strdup (path);

  directory = g_get_current_dir ();

  return g_build_filename (directory, path, NULL);
}
