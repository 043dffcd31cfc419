/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/lf-record-private.h"
#include "os/lf-translate-private.h"

/* A symbolic link whose target is the record, and does not exist. The link is made with its
 * record in one step. It has no inode that could be locked, so only its record proves
 * whether its holder lives. */

static LfDotlockResult
fail_invalid (const LfDotlockPlace  *place,
              const char            *format,
              GError               **error)
{
  return lf_dotlock_fail_invalid (place->path, format, error);
}

/* Returns 0 or an errno: EFBIG if the target is too long for a record. */
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

/* Whether following the link fails with this errno only if its target does not exist. */
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
      return fail_invalid (place, _("%s is not a lock: it has other content"), error);

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

  node->record = lf_record_new (FALSE, request->lease);
  if (node->record == NULL)
    return errno;

  result = symlinkat (node->record, place->fd, place->name) == 0 ? 0 : errno;

  /* A network file system may report a failure although it has made the link */
  if (result != 0 && read_target (place, &target) == 0 && g_str_equal (target, node->record))
    result = 0;
  if (result != 0)
    lf_dotlock_node_close (node);

  /* With EPERM, symlink(2) says that the file system has no symbolic links */
  return result == EPERM ? EOPNOTSUPP : result;
}

/* The record is unique, since it contains a token. */
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

/* A time that no link has by itself, different for each link. */
static struct timespec
get_mark (const LfDotlockNode *node)
{
  return (struct timespec) { .tv_sec = 1, .tv_nsec = g_str_hash (node->record) % 1000000 * 1000 };
}

/* Changing the times of a link needs no space, except on file systems that never write in
 * place. Only the owner of the link may do so, and a holder may have changed its user. */
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

  /* Otherwise it is not known */
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
