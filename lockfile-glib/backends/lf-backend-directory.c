/* SPDX-License-Identifier: LGPL-2.1-or-later */

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
#include "os/lf-flock-private.h"
#include "os/lf-identity-private.h"
#include "os/lf-translate-private.h"

/* A directory with the record in it. It is made elsewhere and moved to the path;
 * where a move cannot be told to fail if something is there, mkdir(2) comes first
 * and the record after.
 *
 * It is moved away before it is emptied, too: until it is empty it could not be removed,
 * and without its record it would be nobody's. What others have put into it is not
 * removed, and stays where it was moved to. */

#define DIRECTORY_MODE 0777
#define MAX_SLOTS 100

typedef struct
{
  guint n_foreign;
  char *unique_name; /* of the empty file that python-lockfile makes */
} Contents;

/* HOST.THREADPID, and nothing in it */
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

/* The holder may be removing the lock, and with it what was just listed. */
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

/* Returns 0 or an errno; only with 0 it is all that is there. */
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

/* Returns 0 or an errno: ENOENT if there is no record, as in others' directories, EINVAL if
 * what there is cannot be one. */
static int
read_record (LfDotlockNode *node)
{
  struct stat file_stat;

  node->record_fd = lf_dotlock_open_at (node->fd, LF_DOTLOCK_RECORD_NAME,
                                        O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
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

  /* With a record it is a lock, whatever else was put there */
  if (!lf_record_is_ours (node->record))
    result = check_unused (node);
  if (record_errno == EINVAL || result == ENOTEMPTY)
    return lf_dotlock_fail_invalid (place->path,
                                    _("%s is not a lock: it holds something else"), error);
  if (result == ENOENT)
    return LF_DOTLOCK_RETRY;

  if (record_errno != ENOENT)
    node->unknown_errno = record_errno;
  if (result != 0)
    node->unknown_errno = result;

  return LF_DOTLOCK_PRESENT;
}

/* Locks a new directory, and writes its record. 0 or an errno: EAGAIN if somebody took it
 * for a left-over. */
static int
fill (const LfDotlockPlace *place,
      const char           *name,
      const LfRequest      *request,
      LfDotlockNode        *node)
{
  struct stat file_stat;
  int result;

  node->fd = lf_dotlock_open_at (place->fd, name, O_RDONLY | O_DIRECTORY, 0);
  if (node->fd < 0)
    return errno == ENOENT ? EAGAIN : errno;
  if (fstat (node->fd, &file_stat) != 0)
    return errno;
  node->device = file_stat.st_dev;
  node->inode = file_stat.st_ino;

  result = lf_flock_uninterrupted (node->fd, LOCK_EX | LOCK_NB);
  if (result == EWOULDBLOCK)
    return EAGAIN;
  if (result != 0 && place->is_local)
    return result;
  node->record = lf_record_new (result == 0 && place->is_local);
  if (node->record == NULL)
    return errno;

  node->record_fd = lf_dotlock_open_at (node->fd, LF_DOTLOCK_RECORD_NAME,
                                        O_RDWR | O_CREAT | O_EXCL, request->file_mode);
  if (node->record_fd < 0)
    return errno == ENOENT ? EAGAIN : errno;
  if (fstat (node->record_fd, &file_stat) != 0)
    return errno;
  node->record_device = file_stat.st_dev;
  node->record_inode = file_stat.st_ino;

  result = lf_dotlock_write (node->record_fd, node->record, request->durable);
  /* With the name of the record in it */
  if (result == 0 && request->durable && fsync (node->fd) != 0 && errno == EIO)
    result = errno;

  return result;
}

/* For one that nobody else has. */
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

static int
make_in_place (const LfDotlockPlace *place,
               const LfRequest      *request,
               LfDotlockNode        *node)
{
  int result;

  if (mkdirat (place->fd, place->name, DIRECTORY_MODE) != 0)
    return errno;

  result = fill (place, place->name, request, node);
  if (result != 0)
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
      /* Network file systems may say that it failed after it has succeeded */
      if (result == 0 || lf_dotlock_verify_inode (self, place, node) == 0)
        return 0;
    }

  discard (place, slot, node);

  switch (result)
    {
    case EINVAL:
    case ENOSYS:
      return make_in_place (place, request, node);

    case ENOENT:
      /* Somebody who cleaned up took it for a left-over */
      return EAGAIN;

    default:
      return result;
    }
}

/* What is not at the name any more need not be removable: something else may have been
 * put into it, or be kept there by a file system for those who have it open. */
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
           char                 **slot)
{
  for (guint i = 0; i < MAX_SLOTS; i++)
    {
      int result;

      *slot = lf_dotlock_place_get_slot (place, i);
      result = lf_identity_rename_no_replace (place->fd, place->name, *slot);
      /* Onto a directory that is not empty it fails in any case */
      if (result == EINVAL || result == ENOSYS)
        result = renameat (place->fd, place->name, place->fd, *slot) == 0 ? 0 : errno;
      if (result != EEXIST && result != ENOTEMPTY)
        return result;
      lf_dotlock_place_clean_slot (place, *slot);
      g_clear_pointer (slot, g_free);
    }

  return EEXIST;
}

/* Without another name, which takes space. Only where nothing else is in it: else it
 * would lose its record and stay. */
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

static int
remove_directory (const LfDotlockBackend *self,
                  const LfDotlockPlace   *place,
                  LfDotlockNode          *node)
{
  g_auto (Contents) contents = { 0 };
  g_autofree char *slot = NULL;
  int result;

  /* That of another program may have something in it, which ours has not */
  if (node->fd >= 0 && !lf_record_is_ours (node->record))
    contents_read (&contents, node->fd);

  result = move_away (place, &slot);
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
