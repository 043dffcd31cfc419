/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/lf-record-private.h"
#include "os/lf-translate-private.h"

/* A symbolic link whose target is the record and leads nowhere: it is made with
 * its record in one step. It has no inode that could be locked: whether its holder lives,
 * its record alone tells. */

static LfDotlockResult
fail_invalid (const LfDotlockPlace  *place,
              const char            *format,
              GError               **error)
{
  return lf_dotlock_fail_invalid (place->path, format, error);
}

/* Returns 0 or an errno: EFBIG for a target that is too long for a record. */
static int
read_target (const LfDotlockPlace  *place,
             char                 **target)
{
  char buffer[LF_RECORD_MAX_LENGTH + 1];
  gssize length;

  do
    length = readlinkat (place->fd, place->name, buffer, sizeof buffer);
  while (length < 0 && errno == EINTR);

  if (length < 0)
    return errno;
  if (length > LF_RECORD_MAX_LENGTH)
    return EFBIG;

  *target = g_strndup (buffer, (gsize) length);
  return 0;
}

/* Whether that is what following the link gives only if there is nothing. */
static gboolean
leads_nowhere (int saved_errno)
{
  return saved_errno == ENOENT || saved_errno == ENOTDIR || saved_errno == ENAMETOOLONG;
}

static LfDotlockResult
look (const LfDotlockBackend  *self,
      const LfDotlockPlace    *place,
      LfDotlockNode           *node,
      GError                 **error)
{
  struct stat target_stat;
  int result = read_target (place, &node->record);

  switch (result)
    {
    case 0:
      break;

    case ENOENT:
      return LF_DOTLOCK_ABSENT;

    case EINVAL:
      return fail_invalid (place, _("%s is not a lock: it is not a symbolic link"), error);

    case EFBIG:
      return fail_invalid (place, _("%s is not a lock: it holds something else"), error);

    default:
      return lf_dotlock_fail (self, place->path, result, error);
    }

  if (lf_record_is_ours (node->record))
    return LF_DOTLOCK_PRESENT;

  if (fstatat (place->fd, place->name, &target_stat, 0) == 0)
    return fail_invalid (place, _("%s is not a lock: it is a link to something"), error);
  if (!leads_nowhere (errno))
    node->unknown_errno = errno;

  return LF_DOTLOCK_PRESENT;
}

static int
make (const LfDotlockBackend *self,
      const LfDotlockPlace   *place,
      const LfRequest        *request,
      LfDotlockNode          *node)
{
  g_autofree char *target = NULL;
  int result;

  node->record = lf_record_new (FALSE);
  if (node->record == NULL)
    return errno;

  result = symlinkat (node->record, place->fd, place->name) == 0 ? 0 : errno;

  /* Network file systems may say that it failed after it has succeeded */
  if (result != 0 && read_target (place, &target) == 0 && g_str_equal (target, node->record))
    result = 0;
  if (result != 0)
    lf_dotlock_node_close (node);

  /* So symlink(2) says that the file system has no such thing */
  return result == EPERM ? EOPNOTSUPP : result;
}

/* The token in it makes the record the only one of its kind. */
static int
verify (const LfDotlockBackend *self,
        const LfDotlockPlace   *place,
        const LfDotlockNode    *node)
{
  g_autofree char *target = NULL;
  int result = read_target (place, &target);

  if (result == EINVAL || result == EFBIG)
    return ENOENT;

  return result != 0 || g_str_equal (target, node->record) ? result : ENOENT;
}

/* A time that no link has by itself, and another for each. */
static struct timespec
get_mark (const LfDotlockNode *node)
{
  return (struct timespec) { .tv_sec = 1, .tv_nsec = g_str_hash (node->record) % 1000000 * 1000 };
}

/* The times of a link take no space, but for file systems that write nothing in place. They
 * are its owner's, which a holder need not be any more. */
static gboolean
announce (const LfDotlockPlace *place,
          const LfDotlockNode  *node,
          gboolean              announces)
{
  const struct timespec now = { .tv_nsec = UTIME_NOW };
  const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, announces ? get_mark (node) : now };

  if (utimensat (place->fd, place->name, times, AT_SYMLINK_NOFOLLOW) == 0)
    return TRUE;

  g_debug ("Announcing a release: %s", g_strerror (errno));
  return FALSE;
}

static gboolean
is_announced (const LfDotlockPlace *place,
              const LfDotlockNode  *node)
{
  struct timespec mark = get_mark (node);
  struct stat link_stat;

  /* Whether it is, is not known then */
  if (fstatat (place->fd, place->name, &link_stat, AT_SYMLINK_NOFOLLOW) != 0)
    return errno != ENOENT;

  return link_stat.st_mtim.tv_sec == mark.tv_sec &&
         (link_stat.st_mtim.tv_nsec == mark.tv_nsec || link_stat.st_mtim.tv_nsec == 0);
}

const LfDotlockBackend lf_backend_symlink = {
  .vtable = {
    .backend = LF_BACKEND_SYMLINK,
    LF_DOTLOCK_METHODS,
  },
  .file_type = S_IFLNK,
  .look = look,
  .make = make,
  .verify = verify,
  .remove = lf_dotlock_remove_name,
  .announce = announce,
  .is_announced = is_announced,
};
