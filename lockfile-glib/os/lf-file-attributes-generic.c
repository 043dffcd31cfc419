/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-file-attributes-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int
lf_file_attributes_get_time (int         directory,
                             const char *name,
                             LfFileTime *time)
{
  struct stat file_stat;
  int result = *name == '\0' ? fstat (directory, &file_stat)
                             : fstatat (directory, name, &file_stat, AT_SYMLINK_NOFOLLOW);

  if (result != 0)
    return errno;

  *time = (LfFileTime) {
    .modified = (gint64) file_stat.st_mtim.tv_sec * G_USEC_PER_SEC + file_stat.st_mtim.tv_nsec / 1000,
    .is_coarse = file_stat.st_mtim.tv_nsec == 0,
    .inode = file_stat.st_ino,
  };

  return 0;
}

int
lf_file_attributes_touch (int      fd,
                          gboolean is_link)
{
  if (is_link)
    return ENOTSUP;

  return futimens (fd, NULL) == 0 ? 0 : errno;
}

int
lf_file_attributes_add_note (int         fd,
                             const char *text)
{
  return ENOTSUP;
}

int
lf_file_attributes_get_note (int     fd,
                             gsize   max_length,
                             char  **text)
{
  return ENODATA;
}
