/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-mounts-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* proc_pid_mountinfo(5): a line for each mount,
 *
 *   36 35 98:0 /root /mnt/point rw,noatime master:1 - ext4 /dev/root rw,errors=continue
 *
 * with any number of fields before the "-". */
#define N_OPTIONS_FIELD 5

void
lf_mount_clear (LfMount *mount)
{
  g_clear_pointer (&mount->type, g_free);
  g_clear_pointer (&mount->options, g_free);
}

static gboolean
parse_line (const char *line,
            gint64      id,
            LfMount    *mount)
{
  g_auto (GStrv) fields = NULL;
  guint n_fields, dash = N_OPTIONS_FIELD + 1;

  if (g_ascii_strtoll (line, NULL, 10) != id)
    return FALSE;

  fields = g_strsplit (line, " ", -1);
  n_fields = g_strv_length (fields);
  while (dash < n_fields && !g_str_equal (fields[dash], "-"))
    dash++;
  if (dash + 3 >= n_fields)
    return FALSE;

  mount->type = g_strdup (fields[dash + 1]);
  mount->options = g_strjoin (",", fields[N_OPTIONS_FIELD], fields[dash + 3], NULL);

  return TRUE;
}

gboolean
lf_mounts_read (const char *list,
                gint64      id,
                LfMount    *mount)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  *mount = (LfMount) { NULL, NULL };
  if (!g_file_get_contents (list, &text, NULL, NULL))
    return FALSE;

  lines = g_strsplit (text, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    {
      if (parse_line (lines[i], id, mount))
        return TRUE;
    }

  return FALSE;
}

/* Opens the part of a path that exists: the path itself, or the nearest directory above it.
 * A file on a server is not really opened (O_PATH), and a link at the end is not followed,
 * since a link is not a lock file. */
static int
open_what_exists (const char *path)
{
  g_autofree char *existing = g_strdup (path);
  int fd = open (existing, O_PATH | O_NOFOLLOW | O_CLOEXEC);

  while (fd < 0 && errno == ENOENT && !g_str_equal (existing, "/"))
    {
      char *parent = g_path_get_dirname (existing);

      g_free (existing);
      existing = parent;
      fd = open (existing, O_PATH | O_CLOEXEC);
    }

  return fd;
}

gboolean
lf_mounts_find (const char *path,
                LfMount    *mount)
{
  g_autofree char *info_path = NULL;
  g_autofree char *info = NULL;
  const char *value;
  int fd = open_what_exists (path);
  gboolean known;

  *mount = (LfMount) { NULL, NULL };
  if (fd < 0)
    return FALSE;

  info_path = g_strdup_printf ("/proc/self/fdinfo/%d", fd);
  known = g_file_get_contents (info_path, &info, NULL, NULL);
  close (fd);

  value = known ? strstr (info, "mnt_id:") : NULL;

  return value != NULL &&
         lf_mounts_read (LF_MOUNTS_LIST, g_ascii_strtoll (value + strlen ("mnt_id:"), NULL, 10),
                         mount);
}
