/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-path-private.h"

#include <string.h>

/* Not GRefString: releasing the last reference locks a table of GLib, which a forked child
 * may find locked. */

char *
lf_path_new (const char *path)
{
  return (char *) g_atomic_rc_box_dup (strlen (path) + 1, path);
}

char *
lf_path_ref (const char *path)
{
  return g_atomic_rc_box_acquire ((char *) path);
}

void
lf_path_unref (char *path)
{
  g_atomic_rc_box_release (path);
}

static gboolean
is_utf8 (void)
{
  static int utf8; /* 1 or -1, or 0 while it is not known */
  const char **charsets;

  if (g_atomic_int_get (&utf8) == 0)
    g_atomic_int_set (&utf8, g_get_filename_charsets (&charsets) ? 1 : -1);

  return g_atomic_int_get (&utf8) > 0;
}

/* g_filename_display_name() looks up the encoding at each call, under a lock. */
char *
lf_path_get_display_name (const char *path)
{
  return is_utf8 () ? g_utf8_make_valid (path, -1) : g_filename_display_name (path);
}
