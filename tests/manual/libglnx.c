/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around code for libglnx, which is copied into programs and not available as a library:
 * declares what that code needs of it. */

#include <fcntl.h>
#include <gio/gio.h>
#include <sys/file.h>

typedef struct
{
  int dfd;
  int fd;
  int operation;
  char *path;
} GLnxLockFile;

#define GLNX_LOCK_FILE_INIT { .dfd = -1, .fd = -1 }

gboolean glnx_make_lock_file (int dfd, const char *path, int operation,
                              GLnxLockFile *lock, GError **error);
void glnx_release_lock_file (GLnxLockFile *lock);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GLnxLockFile, glnx_release_lock_file)

gboolean do_something (GError **error);
gboolean work (GError **error);

gboolean
work (GError **error)
{
  @BLOCK@
}
