/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/lf-record-private.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-file-attributes-private.h"
#include "os/lf-flock-private.h"
#include "os/lf-identity-private.h"
#include "os/lf-translate-private.h"

/* A directory that contains the record. It is made under another name and moved to the
 * path. If the file system cannot move it without replacing what is there, mkdir(2) makes
 * it at the path, and the record follows.
 *
 * A directory with a lease is empty, and its record is an extended attribute, so that
 * proper-lockfile can remove it after the lease. If the file system has no such attributes, the
 * record is in the directory. It also is there until the lock is at its path: before, an empty
 * directory could be mistaken for a leftover.
 *
 * To remove the lock, the directory is moved away before it is emptied. Emptied first, it
 * might be impossible to remove, and without its record nobody would know whose it is.
 * Files that others have put into it are not removed, and stay in it under its new name. */

#define DIRECTORY_MODE 0777
#define MAX_SLOTS 100

typedef struct
{
  guint n_foreign;
  char *unique_name; /* of the empty file that Python's lockfile makes */
} Contents;

/* HOST.THREADPID, and empty */
static gboolean
is_unique_name (int         fd,
                const char *name)
{
  struct stat file_stat;

  return strchr (name, '.') != NULL && g_ascii_isdigit (name[strlen (name) - 1]) &&
         fstatat (fd, name, &file_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG (file_stat.st_mode) && file_stat.st_size == 0;
}

static gboolean
is_record_name (int         fd,
                const char *name)
{
  struct stat file_stat;

  return g_str_equal (name, LF_DOTLOCK_RECORD_NAME) &&
         fstatat (fd, name, &file_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG (file_stat.st_mode) && file_stat.st_size <= LF_RECORD_MAX_LENGTH;
}

/* The holder may be removing the lock, including entries that were just listed. */
static gboolean
is_gone (int         fd,
         const char *name)
{
  struct stat file_stat;

  return fstatat (fd, name, &file_stat, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* The next entry, or NULL: at the end with errno 0. */
static const struct dirent *
read_entry (DIR *directory)
{
  errno = 0;
  return readdir (directory);
}

/* Returns 0 or an errno. The contents are complete only after 0. */
static int
contents_read (Contents *self,
               int       fd)
{
  int own_fd = lf_dotlock_open_at (fd, ".", O_RDONLY | O_DIRECTORY, 0);
  DIR *directory = own_fd >= 0 ? fdopendir (own_fd) : NULL;
  const struct dirent *entry;
  int saved_errno = errno;

  *self = (Contents) { 0 };
  if (directory == NULL)
    {
      if (own_fd >= 0)
        lf_close (own_fd);
      return saved_errno;
    }

  while ((entry = read_entry (directory)) != NULL)
    {
      if (g_str_equal (entry->d_name, ".") || g_str_equal (entry->d_name, "..") ||
          is_record_name (fd, entry->d_name) || is_gone (fd, entry->d_name))
        continue;

      if (self->unique_name == NULL && is_unique_name (fd, entry->d_name))
        self->unique_name = g_strdup (entry->d_name);
      else
        self->n_foreign++;
    }
  saved_errno = errno;
  closedir (directory);

  return saved_errno;
}

static void
contents_clear (Contents *self)
{
  g_free (self->unique_name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Contents, contents_clear)

static int
check_unused (const LfDotlockNode *node)
{
  g_auto (Contents) contents = { 0 };
  int result = contents_read (&contents, node->fd);

  return contents.n_foreign > 0 ? ENOTEMPTY : result;
}

static int
read_note (LfDotlockNode *node)
{
  int result = lf_file_attributes_get_note (node->fd, LF_RECORD_MAX_LENGTH, &node->record);

  return result == ENODATA || result == ENOTSUP || result == ERANGE ? ENOENT : result;
}

/* Returns 0 or an errno: ENOENT if there is no record, as in other programs' directories,
 * EINVAL if the file cannot be a record. */
static int
read_record (LfDotlockNode *node)
{
  struct stat file_stat;

  node->record_fd = lf_dotlock_open_at (node->fd, LF_DOTLOCK_RECORD_NAME,
                                        O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
  if (node->record_fd < 0 && errno == ENOENT)
    return read_note (node);
  if (node->record_fd < 0)
    return errno;

  if (fstat (node->record_fd, &file_stat) != 0)
    {
      int saved_errno = errno;

      lf_close (node->record_fd);
      node->record_fd = -1;
      return saved_errno;
    }

  node->record_device = file_stat.st_dev;
  node->record_inode = file_stat.st_ino;

  return S_ISREG (file_stat.st_mode) ? lf_dotlock_read (node->record_fd, &node->record) : EINVAL;
}

static LfDotlockResult
look (const LfDotlockBackend  *self,
      const LfDotlockPlace    *place,
      LfDotlockNode           *node,
      GError                 **error)
{
  struct stat directory_stat;
  int record_errno, result = 0;

  node->fd = lf_dotlock_open_at (place->fd, place->name, O_RDONLY | O_DIRECTORY, 0);
  if (node->fd < 0 || fstat (node->fd, &directory_stat) != 0)
    return lf_dotlock_look_from_outside (self, place, node, errno, error);

  node->device = directory_stat.st_dev;
  node->inode = directory_stat.st_ino;
  record_errno = read_record (node);
  if (node->record == NULL)
    node->record = g_strdup ("");

  /* With a record it is a lock, whatever else is in it */
  if (!lf_record_is_ours (node->record))
    result = check_unused (node);
  if (record_errno == EINVAL || result == ENOTEMPTY)
    return lf_dotlock_fail_invalid (place->path,
                                    _("%s is not a lock: it has other content"), error);
  if (result == ENOENT)
    return LF_DOTLOCK_RETRY;

  if (record_errno != ENOENT)
    node->unknown_errno = record_errno;
  if (result != 0)
    node->unknown_errno = result;

  return LF_DOTLOCK_PRESENT;
}

/* Locks a new directory, and writes its record. Returns 0 or an errno: EAGAIN if another
 * process mistook it for a leftover. */
static int
fill (const LfDotlockPlace *place,
      const char           *name,
      const LfRequest      *request,
      LfDotlockNode        *node)
{
  struct stat file_stat;
  int result;

  /* It may be gone by now, or another process may have made a file of that name */
  node->fd = lf_dotlock_open_at (place->fd, name, O_RDONLY | O_DIRECTORY, 0);
  if (node->fd < 0)
    return errno == ENOENT || errno == ENOTDIR ? EAGAIN : errno;
  if (fstat (node->fd, &file_stat) != 0)
    return errno;
  node->device = file_stat.st_dev;
  node->inode = file_stat.st_ino;

  result = lf_flock_uninterrupted (node->fd, LOCK_EX | LOCK_NB);
  if (result == EWOULDBLOCK)
    return EAGAIN;
  if (result != 0 && place->is_local)
    return result;
  node->record = lf_record_new (result == 0 && place->is_local, request->lease);
  if (node->record == NULL)
    return errno;

  /* If two have used the name, one of them has the directory for good, even if it is empty
   * again */
  result = request->lease != 0 ? lf_file_attributes_add_note (node->fd, node->record) : ENOTSUP;
  if (result == EEXIST)
    return EAGAIN;
  node->has_note = result == 0;

  node->record_fd = lf_dotlock_open_at (node->fd, LF_DOTLOCK_RECORD_NAME,
                                        O_RDWR | O_CREAT | O_EXCL, request->file_mode);
  if (node->record_fd < 0)
    return errno == ENOENT ? EAGAIN : errno;
  if (fstat (node->record_fd, &file_stat) != 0)
    return errno;
  node->record_device = file_stat.st_dev;
  node->record_inode = file_stat.st_ino;

  result = lf_dotlock_write (node->record_fd, node->record, request->durable);
  /* This also writes the directory's entry for the record */
  if (result == 0 && request->durable && fsync (node->fd) != 0 && errno == EIO)
    result = errno;

  return result;
}

/* For a directory that no other process uses. */
static void
discard (const LfDotlockPlace *place,
         const char           *name,
         LfDotlockNode        *node)
{
  if (node->record_fd >= 0)
    unlinkat (node->fd, LF_DOTLOCK_RECORD_NAME, 0);
  unlinkat (place->fd, name, AT_REMOVEDIR);
  lf_dotlock_node_close (node);
}

/* For a lock that is at its path. */
static void
leave_note_only (LfDotlockNode *node)
{
  if (!node->has_note || unlinkat (node->fd, LF_DOTLOCK_RECORD_NAME, 0) != 0)
    return;

  lf_dotlock_close_own (&node->record_fd, node->record_device, node->record_inode);
}

static int
make_in_place (const LfDotlockPlace *place,
               const LfRequest      *request,
               LfDotlockNode        *node)
{
  int result;

  if (mkdirat (place->fd, place->name, DIRECTORY_MODE) != 0)
    return errno;

  result = fill (place, place->name, request, node);
  if (result == 0)
    leave_note_only (node);
  else
    discard (place, place->name, node);

  return result;
}

/* Makes a directory for a new lock. Returns its name, or NULL with errno. */
static char *
make_slot (const LfDotlockPlace *place)
{
  for (guint i = 0; i < MAX_SLOTS; i++)
    {
      g_autofree char *slot = lf_dotlock_place_get_slot (place, i);

      if (mkdirat (place->fd, slot, DIRECTORY_MODE) == 0 ||
          (errno == EEXIST && lf_dotlock_place_clean_slot (place, slot) &&
           mkdirat (place->fd, slot, DIRECTORY_MODE) == 0))
        return g_steal_pointer (&slot);
      if (errno != EEXIST && errno != ENOENT)
        return NULL;
    }

  errno = EAGAIN;
  return NULL;
}

static int
make (const LfDotlockBackend *self,
      const LfDotlockPlace   *place,
      const LfRequest        *request,
      LfDotlockNode          *node)
{
  g_autofree char *slot = make_slot (place);
  int result;

  if (slot == NULL)
    return errno;

  result = fill (place, slot, request, node);
  if (result == 0)
    {
      result = lf_identity_rename_no_replace (place->fd, slot, place->name);
      /* A network file system may report a failure although it has moved it. And where flock(2)
       * does not work, two processes can have used the name */
      if (lf_dotlock_verify_inode (self, place, node) == 0)
        {
          leave_note_only (node);
          return 0;
        }
      if (result == 0)
        result = EAGAIN;
    }

  discard (place, slot, node);

  switch (result)
    {
    case EINVAL:
    case ENOSYS:
      return make_in_place (place, request, node);

    case ENOENT:
      /* Another process mistook it for a leftover and removed it */
      return EAGAIN;

    default:
      return result;
    }
}

/* The lock is already released when this runs. The directory may be impossible to remove:
 * others may have put files into it, or the file system may keep files there that others
 * have open. */
static void
remove_rest (const LfDotlockPlace *place,
             const char           *name,
             const char           *unique_name,
             LfDotlockNode        *node)
{
  if (node->fd >= 0)
    {
      unlinkat (node->fd, LF_DOTLOCK_RECORD_NAME, 0);
      if (unique_name != NULL)
        unlinkat (node->fd, unique_name, 0);
    }

  if (unlinkat (place->fd, name, AT_REMOVEDIR) != 0)
    g_debug ("Removing what was a lock: %s", g_strerror (errno));
}

static int
move_away (const LfDotlockPlace  *place,
           guint                  first_slot,
           char                 **slot)
{
  for (guint i = first_slot; i < MAX_SLOTS; i++)
    {
      int result;

      *slot = lf_dotlock_place_get_slot (place, i);
      result = lf_identity_rename_no_replace (place->fd, place->name, *slot);
      /* This fails if there is a directory that is not empty */
      if (result == EINVAL || result == ENOSYS)
        result = renameat (place->fd, place->name, place->fd, *slot) == 0 ? 0 : errno;
      if (result != EEXIST && result != ENOTEMPTY)
        return result;
      lf_dotlock_place_clean_slot (place, *slot);
      g_clear_pointer (slot, g_free);
    }

  return EEXIST;
}

/* Removes the directory without renaming it, which would take space. Only if nothing else
 * is in it: otherwise it would remain, without its record. */
static int
remove_in_place (const LfDotlockPlace *place,
                 LfDotlockNode        *node)
{
  g_auto (Contents) contents = { 0 };
  int result = node->fd >= 0 ? contents_read (&contents, node->fd) : EBADF;

  if (result != 0 || contents.n_foreign > 0)
    return ENOTEMPTY;

  if (unlinkat (node->fd, LF_DOTLOCK_RECORD_NAME, 0) != 0 && errno != ENOENT)
    return errno;
  if (contents.unique_name != NULL)
    unlinkat (node->fd, contents.unique_name, 0);

  return unlinkat (place->fd, place->name, AT_REMOVEDIR) == 0 ? 0 : errno;
}

/* Other programs do not know the guard, and can have replaced a lock of theirs just before it
 * was moved away. Then it is moved back. Nobody else uses the name of the slot. A file at the
 * path is no lock of theirs. */
static gboolean
is_moved (const LfDotlockPlace *place,
          const char           *slot,
          const LfDotlockNode  *node)
{
  struct stat slot_stat;

  if (fstatat (place->fd, slot, &slot_stat, AT_SYMLINK_NOFOLLOW) != 0 ||
      (slot_stat.st_dev == node->device && slot_stat.st_ino == node->inode) ||
      !S_ISDIR (slot_stat.st_mode))
    return TRUE;

  lf_identity_rename_no_replace (place->fd, slot, place->name);

  return FALSE;
}

static int
remove_directory (const LfDotlockBackend *self,
                  const LfDotlockPlace   *place,
                  LfDotlockNode          *node)
{
  g_auto (Contents) contents = { 0 };
  g_autofree char *slot = NULL;
  gboolean is_foreign = !lf_record_is_ours (node->record);
  int result;

  /* Another program's directory may contain a file that ours never has */
  if (node->fd >= 0 && is_foreign)
    contents_read (&contents, node->fd);

  result = move_away (place, is_foreign ? LF_DOTLOCK_N_SLOTS : 0, &slot);
  if (result == 0 && is_foreign && !is_moved (place, slot, node))
    return ENOENT;
  if (result == 0)
    {
      remove_rest (place, slot, contents.unique_name, node);
      return 0;
    }

  if (result != ENOSPC && result != EDQUOT && result != ENAMETOOLONG && result != EEXIST)
    return result;

  return remove_in_place (place, node);
}

const LfDotlockBackend lf_backend_directory = {
  .vtable = {
    .backend = LF_BACKEND_DIRECTORY,
    LF_DOTLOCK_METHODS,
  },
  .has_inode = TRUE,
  .file_type = S_IFDIR,
  .look = look,
  .make = make,
  .verify = lf_dotlock_verify_inode,
  .check_unused = check_unused,
  .remove = remove_directory,
};
