/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-path-private.h"

#include <windows.h>

/* Whether the path begins with a drive and a directory, or with a server. A directory
 * without a drive is relative to the current drive, and a drive alone means the current
 * directory of that drive. */
static gboolean
is_complete (const char *path)
{
  if (G_IS_DIR_SEPARATOR (path[0]))
    return G_IS_DIR_SEPARATOR (path[1]);

  return g_ascii_isalpha (path[0]) && path[1] == ':' && G_IS_DIR_SEPARATOR (path[2]);
}

/* Also normalizes the path, as the system does with every path. */
char *
lf_path_make_absolute (const char *path)
{
  g_autofree wchar_t *wide = NULL;
  g_autofree wchar_t *full = NULL;
  char *absolute = NULL;
  DWORD length;

  if (is_complete (path))
    return g_strdup (path);

  /* A path that is not UTF-8, or has no current directory, is refused when it is used */
  wide = (wchar_t *) g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  length = wide != NULL ? GetFullPathNameW (wide, 0, NULL, NULL) : 0;
  if (length != 0)
    {
      full = g_new0 (wchar_t, length);
      GetFullPathNameW (wide, length, full, NULL);
      absolute = g_utf16_to_utf8 ((const gunichar2 *) full, -1, NULL, NULL, NULL);
    }

  return absolute != NULL ? absolute : g_strdup (path);
}

/* Always TRUE: an incomplete path is invalid, and the system refuses it when it is used. */
gboolean
lf_path_has_directory (const char *path)
{
  return TRUE;
}

/* Only for messages: no backend of Windows can lock an open descriptor. */
char *
lf_path_new_for_fd (int fd)
{
  return g_strdup_printf ("%d", fd);
}
