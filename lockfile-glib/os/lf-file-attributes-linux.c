/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-file-attributes-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define NOTE_NAME "user.lockfile-glib.holder"

static int
get_time_by_stat (int         directory,
                  const char *name,
                  LfFileTime *time)
{
  struct stat file_stat;

  if (fstatat (directory, name, &file_stat, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0)
    return errno;

  *time = (LfFileTime) {
    .modified = (gint64) file_stat.st_mtim.tv_sec * G_USEC_PER_SEC + file_stat.st_mtim.tv_nsec / 1000,
    .is_coarse = file_stat.st_mtim.tv_nsec == 0,
    .inode = file_stat.st_ino,
  };

  return 0;
}

int
lf_file_attributes_get_time (int         directory,
                             const char *name,
                             LfFileTime *time)
{
#ifdef HAVE_STATX
  struct statx file_stat;

  /* A client of NFS keeps attributes for up to a minute */
  if (statx (directory, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_STATX_FORCE_SYNC,
             STATX_MTIME | STATX_INO, &file_stat) == 0)
    {
      *time = (LfFileTime) {
        .modified = file_stat.stx_mtime.tv_sec * G_USEC_PER_SEC + file_stat.stx_mtime.tv_nsec / 1000,
        .is_coarse = file_stat.stx_mtime.tv_nsec == 0,
        .inode = file_stat.stx_ino,
      };
      return 0;
    }
  /* Sandboxes may forbid it */
  if (errno != ENOSYS && errno != EPERM && errno != EINVAL)
    return errno;
#endif

  return get_time_by_stat (directory, name, time);
}

int
lf_file_attributes_touch (int      fd,
                          gboolean is_link)
{
  int result = is_link ? utimensat (fd, "", NULL, AT_EMPTY_PATH) : futimens (fd, NULL);

  if (result == 0)
    return 0;

  /* Before Linux 5.8 */
  return is_link && (errno == EINVAL || errno == ENOENT) ? ENOTSUP : errno;
}

int
lf_file_attributes_add_note (int         fd,
                             const char *text)
{
  return fsetxattr (fd, NOTE_NAME, text, strlen (text), XATTR_CREATE) == 0 ? 0 : errno;
}

int
lf_file_attributes_get_note (int     fd,
                             gsize   max_length,
                             char  **text)
{
  g_autofree char *note = g_malloc (max_length + 1);
  gssize length = fgetxattr (fd, NOTE_NAME, note, max_length);

  if (length < 0)
    return errno;

  *text = g_strndup (note, (gsize) length);

  return 0;
}
