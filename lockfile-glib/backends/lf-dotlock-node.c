/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include "backends/lf-record-private.h"
#include "lf-errors.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-flock-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* Files that contain a record, and locks that are such files. */

#define MAX_SLOTS 100

LfDotlockResult
lf_dotlock_fail (const LfDotlockBackend  *self,
                 const char              *path,
                 int                      saved_errno,
                 GError                 **error)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  if (saved_errno == EOPNOTSUPP || saved_errno == ENOSYS)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("The file system of %s does not support %s locks; %s works on most file "
                   "systems"), display_name,
                 lf_backend_get_name (self->vtable.backend),
                 lf_backend_get_name (lf_backend_resolve (LF_BACKEND_AUTO)));
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                 _("Cannot open lock file %s: %s"), display_name, g_strerror (saved_errno));

  return LF_DOTLOCK_ERROR;
}

/* @format contains one placeholder, for the path. */
LfDotlockResult
lf_dotlock_fail_invalid (const char  *path,
                         const char  *format,
                         GError     **error)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

G_GNUC_BEGIN_IGNORE_DEPRECATIONS
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE, format, display_name);
#pragma GCC diagnostic pop
G_GNUC_END_IGNORE_DEPRECATIONS

  return LF_DOTLOCK_ERROR;
}

/* The path has something of another kind. */
LfDotlockResult
lf_dotlock_fail_kind (const LfDotlockBackend  *self,
                      const char              *path,
                      GError                 **error)
{
  return lf_dotlock_fail_invalid (path, self->file_type == S_IFDIR
                                        ? _("%s is not a lock: it is not a directory")
                                        : _("%s is not a lock: it is not a regular file"), error);
}

/* A program may close descriptors that it does not know, so a descriptor that has another
 * file by now is not ours. A descriptor whose fstat() failed has no inode. */
static void
forget_closed (int     *fd,
               guint64  device,
               guint64  inode)
{
  if (*fd >= 0 && inode != 0 && !lf_descriptor_is (*fd, device, inode))
    *fd = -1;
}

void
lf_dotlock_close_own (int     *fd,
                      guint64  device,
                      guint64  inode)
{
  forget_closed (fd, device, inode);
  if (*fd >= 0 && inode == 0)
    lf_close (*fd);
  else if (*fd >= 0)
    lf_descriptor_close (*fd, device, inode);
  *fd = -1;
}

void
lf_dotlock_node_close (LfDotlockNode *node)
{
  lf_dotlock_close_own (&node->record_fd, node->record_device, node->record_inode);
  lf_dotlock_close_own (&node->fd, node->device, node->inode);
  node->device = node->inode = 0;
  g_clear_pointer (&node->record, g_free);
}

/* Forgets descriptors that the program has closed. */
void
lf_dotlock_node_renew (LfDotlockNode *node)
{
  forget_closed (&node->record_fd, node->record_device, node->record_inode);
  forget_closed (&node->fd, node->device, node->inode);
}

/* Opens without following a link at the end, and above the standard descriptors. Returns -1
 * with errno. */
int
lf_dotlock_open_at (int         directory,
                    const char *name,
                    int         flags,
                    guint       mode)
{
  int fd;

  /* The path to the directory of a lock may contain links */
  if (directory != AT_FDCWD)
    flags |= O_NOFOLLOW;

  do
    fd = openat (directory, name, flags | O_CLOEXEC, (mode_t) mode);
  while (fd < 0 && errno == EINTR);

  return lf_descriptor_raise (fd);
}

/* Reads a record. Returns EINVAL if it cannot be one, because it is too long or not text. */
int
lf_dotlock_read (int    fd,
                 char **record)
{
  char buffer[LF_RECORD_MAX_LENGTH + 1];
  gssize n_read;

  /* In one read, as it was written in one write */
  do
    n_read = read (fd, buffer, sizeof buffer);
  while (n_read < 0 && errno == EINTR);

  if (n_read < 0)
    return errno;
  if (n_read > LF_RECORD_MAX_LENGTH || memchr (buffer, '\0', (gsize) n_read) != NULL)
    return EINVAL;

  *record = g_strndup (buffer, (gsize) n_read);
  return 0;
}

/* Writes the whole record, with @durable to the disk. Returns 0 or an errno. */
int
lf_dotlock_write (int         fd,
                  const char *record,
                  gboolean    durable)
{
  gsize length = strlen (record);
  gssize n_written;

  do
    n_written = write (fd, record, length);
  while (n_written < 0 && errno == EINTR);

  if (n_written < 0)
    return errno;
  /* A partial write means that there is no more space */
  if (n_written < (gssize) length)
    return ENOSPC;

  while (durable && fsync (fd) != 0)
    {
      if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
        break;
      if (errno != EINTR)
        return errno;
    }

  return 0;
}

int
lf_dotlock_verify_inode (const LfDotlockBackend *self,
                         const LfDotlockPlace   *place,
                         const LfDotlockNode    *node)
{
  struct stat name_stat;

  if (fstatat (place->fd, place->name, &name_stat, AT_SYMLINK_NOFOLLOW) != 0)
    return errno;

  return name_stat.st_dev == node->device && name_stat.st_ino == node->inode ? 0 : ENOENT;
}

/* A lock that cannot be opened, for the reason @saved_errno, still counts as present if it
 * has the right file type. */
LfDotlockResult
lf_dotlock_look_from_outside (const LfDotlockBackend  *self,
                              const LfDotlockPlace    *place,
                              LfDotlockNode           *node,
                              int                      saved_errno,
                              GError                 **error)
{
  struct stat name_stat;

  if (saved_errno == ENOENT)
    return LF_DOTLOCK_ABSENT;

  if (fstatat (place->fd, place->name, &name_stat, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? LF_DOTLOCK_ABSENT : lf_dotlock_fail (self, place->path, errno, error);

  if ((name_stat.st_mode & S_IFMT) != self->file_type)
    return lf_dotlock_fail_kind (self, place->path, error);

  if (node->fd >= 0)
    lf_close (node->fd);
  node->fd = -1;
  node->device = name_stat.st_dev;
  node->inode = name_stat.st_ino;
  node->record = g_strdup ("");
  node->unknown_errno = saved_errno;

  return LF_DOTLOCK_PRESENT;
}

LfDotlockResult
lf_dotlock_look_at_file (const LfDotlockBackend  *self,
                         const LfDotlockPlace    *place,
                         LfDotlockNode           *node,
                         GError                 **error)
{
  struct stat file_stat;
  int result;

  node->fd = lf_dotlock_open_at (place->fd, place->name, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
  if (node->fd < 0 || fstat (node->fd, &file_stat) != 0)
    return lf_dotlock_look_from_outside (self, place, node, errno, error);

  node->device = file_stat.st_dev;
  node->inode = file_stat.st_ino;
  if (!S_ISREG (file_stat.st_mode))
    return lf_dotlock_fail_kind (self, place->path, error);

  result = file_stat.st_size > LF_RECORD_MAX_LENGTH ? EINVAL
                                                    : lf_dotlock_read (node->fd, &node->record);
  if (result == EINVAL)
    return lf_dotlock_fail_invalid (place->path,
                                    _("%s is not a lock: it has other content"), error);
  if (result != 0)
    {
      node->record = g_strdup ("");
      node->unknown_errno = result;
    }

  return LF_DOTLOCK_PRESENT;
}

/* Locks a new file, and writes its record. Returns 0 or an errno: EAGAIN if another process
 * mistook it for a leftover. */
static int
fill (const LfDotlockPlace *place,
      const LfRequest      *request,
      LfDotlockNode        *node)
{
  struct stat file_stat;
  int result;

  if (fstat (node->fd, &file_stat) != 0)
    return errno;

  node->device = file_stat.st_dev;
  node->inode = file_stat.st_ino;
  /* The file is not visible yet, so nobody else can have it locked. Some network file
   * systems have no flock(2), or have it only within a host */
  result = lf_flock_uninterrupted (node->fd, LOCK_EX | LOCK_NB);
  if (result == EWOULDBLOCK)
    return EAGAIN;
  if (result != 0 && place->is_local)
    return result;

  node->record = lf_record_new (result == 0 && place->is_local, request->lease);
  if (node->record == NULL)
    return errno;

  return lf_dotlock_write (node->fd, node->record, request->durable);
}

/* A file without a name is not visible, and disappears if its maker crashes. If the file
 * system has no such files, there is nothing to prepare. */
int
lf_dotlock_prepare_file (const LfDotlockBackend *self,
                         const LfDotlockPlace   *place,
                         const LfRequest        *request,
                         LfDotlockNode          *node)
{
#ifdef O_TMPFILE
  int result;

  node->fd = lf_dotlock_open_at (place->fd, ".", O_RDWR | O_TMPFILE, request->file_mode);
  if (node->fd < 0)
    return 0;

  result = fill (place, request, node);
  if (result != 0)
    lf_dotlock_node_close (node);

  return result;
#else
  return 0;
#endif
}

/* A network file system may report a failure although link(2) has succeeded, and another
 * process may have linked a file. What counts is which file has the name. */
static int
check_link (const LfDotlockBackend *self,
            const LfDotlockPlace   *place,
            const LfDotlockNode    *node,
            int                     link_errno)
{
  if (link_errno == 0 || lf_dotlock_verify_inode (self, place, node) == 0)
    return 0;

  /* With EPERM, link(2) says that the file system has no hard links */
  return link_errno == EPERM ? EOPNOTSUPP : link_errno;
}

/* Links a file by its descriptor, which some kernels allow only the superuser, or by its
 * name in /proc. Both certainly link this file. */
static int
link_inode (const LfDotlockBackend *self,
            const LfDotlockPlace   *place,
            const LfDotlockNode    *node)
{
  char name[64];
  int result = EINVAL;

#ifdef AT_EMPTY_PATH
  result = linkat (node->fd, "", place->fd, place->name, AT_EMPTY_PATH) == 0 ? 0 : errno;
#endif
  if (result == ENOENT || result == EINVAL)
    {
      snprintf (name, sizeof name, "/proc/self/fd/%d", node->fd);
      result = linkat (AT_FDCWD, name, place->fd, place->name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
    }

  return check_link (self, place, node, result);
}

/* Links a file by its name, which another file may have by now. */
static int
link_name (const LfDotlockBackend *self,
           const LfDotlockPlace   *place,
           const LfDotlockNode    *node,
           const char             *slot)
{
  struct stat file_stat;
  int result;

  /* Another process mistook it for a leftover and removed it */
  if (fstat (node->fd, &file_stat) == 0 && file_stat.st_nlink == 0)
    return EAGAIN;

  result = linkat (place->fd, slot, place->fd, place->name, 0) == 0 ? 0 : errno;
  result = check_link (self, place, node, result);
  if (result == 0 && lf_dotlock_verify_inode (self, place, node) != 0)
    result = EAGAIN;

  return result == ENOENT ? EAGAIN : result;
}

static int
link_named (const LfDotlockBackend *self,
            const LfDotlockPlace   *place,
            const LfRequest        *request,
            LfDotlockNode          *node,
            const char             *slot)
{
  int result = fill (place, request, node);

  if (result == 0)
    {
      result = link_inode (self, place, node);
      if (result != 0 && result != EEXIST)
        result = link_name (self, place, node, slot);
    }
  unlinkat (place->fd, slot, 0);
  if (result != 0)
    lf_dotlock_node_close (node);

  return result;
}

static int
make_named (const LfDotlockBackend *self,
            const LfDotlockPlace   *place,
            const LfRequest        *request,
            LfDotlockNode          *node)
{
  for (guint i = 0; i < MAX_SLOTS; i++)
    {
      g_autofree char *slot = lf_dotlock_place_get_slot (place, i);

      node->fd = lf_dotlock_open_at (place->fd, slot, O_RDWR | O_CREAT | O_EXCL,
                                     request->file_mode);
      if (node->fd < 0 && errno == EEXIST && lf_dotlock_place_clean_slot (place, slot))
        node->fd = lf_dotlock_open_at (place->fd, slot, O_RDWR | O_CREAT | O_EXCL,
                                       request->file_mode);
      if (node->fd >= 0)
        return link_named (self, place, request, node, slot);
      if (errno != EEXIST)
        return errno;
    }

  return EAGAIN;
}

int
lf_dotlock_make_file (const LfDotlockBackend *self,
                      const LfDotlockPlace   *place,
                      const LfRequest        *request,
                      LfDotlockNode          *node)
{
  int result;

  if (node->fd < 0)
    return make_named (self, place, request, node);

  result = link_inode (self, place, node);
  if (result == 0 || result == EEXIST)
    return result;

  /* This file system cannot give it a name */
  lf_dotlock_node_close (node);

  return make_named (self, place, request, node);
}

int
lf_dotlock_remove_name (const LfDotlockBackend *self,
                        const LfDotlockPlace   *place,
                        LfDotlockNode          *node)
{
  return unlinkat (place->fd, place->name, 0) == 0 ? 0 : errno;
}
