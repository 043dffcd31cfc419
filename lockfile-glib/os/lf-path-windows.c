/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-path-private.h"

#include <windows.h>

/* With a drive and a directory, or a server. A directory alone is one of the
 * current drive, and a drive alone stands for the current directory of that drive. */
static gboolean
is_complete (const char *path)
{
  if (G_IS_DIR_SEPARATOR (path[0]))
    return G_IS_DIR_SEPARATOR (path[1]);

  return g_ascii_isalpha (path[0]) && path[1] == ':' && G_IS_DIR_SEPARATOR (path[2]);
}

/* Others are tidied up too, as the system does with each that it is given. */
char *
lf_path_make_absolute (const char *path)
{
  g_autofree wchar_t *wide = NULL;
  g_autofree wchar_t *full = NULL;
  char *absolute = NULL;
  DWORD length;

  if (is_complete (path))
    return g_strdup (path);

  /* What is not UTF-8, or has no current directory, is refused when it is used */
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

/* What is not complete here is no path at all, which the system says when it is used. */
gboolean
lf_path_has_directory (const char *path)
{
  return TRUE;
}

/* For messages only: no lock here is that of a descriptor. */
char *
lf_path_new_for_fd (int fd)
{
  return g_strdup_printf ("%d", fd);
}
