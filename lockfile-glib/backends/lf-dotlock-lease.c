/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/lf-record-private.h"
#include "os/lf-alarm-private.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-file-attributes-private.h"
#include "os/lf-flock-private.h"

/* Leases: the holder renews the time stamp of the lock, and a lock whose stamp is too old may
 * be taken over.
 *
 * Ages are counted by the clock of the file system: the stamp of the lock is compared with
 * that of a file that has just been made beside it. So the clocks of the hosts do not matter.
 * A holder counts by its own clock, from before it sent the last good renewal, and stops
 * earlier (lf-lease.c). */

/* The stamp of a lock may have been rounded down. A kernel's time of files advances every few
 * milliseconds, that of some file systems every second, and that of FAT every two seconds. */
#define FINE_ROUNDING (50 * G_TIME_SPAN_MILLISECOND)
#define COARSE_ROUNDING (2 * G_TIME_SPAN_SECOND)

#define MAX_SLOTS 100

/* What a renewal needs. It has descriptors of its own, so a renewal that is stuck in a file
 * system does not get in the way of the lock's holder. */
typedef struct
{
  const LfDotlockBackend *backend;
  LfDotlockPlace place;
  LfDotlockNode node;
  char *path;
} Renewal;

static int
duplicate (int fd)
{
  return fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* A descriptor for the times of the lock, or -1 with errno. */
static int
open_node (const LfDotlockBackend *self,
           const LfDotlockPlace   *place,
           const LfDotlockNode    *node)
{
  if (node->fd >= 0)
    return duplicate (node->fd);

#ifdef O_PATH
  return lf_dotlock_open_at (place->fd, place->name, O_PATH, 0);
#else
  errno = ENOTSUP;
  return -1;
#endif
}

static void
renewal_free (Renewal *self)
{
  lf_dotlock_node_close (&self->node);
  lf_dotlock_place_close (&self->place);
  g_free (self->path);
  g_free (self);
}

gpointer
lf_dotlock_open_renewal (const LfDotlockBackend *self,
                         const LfDotlockPlace   *place,
                         const LfDotlockNode    *node)
{
  Renewal *renewal = g_new (Renewal, 1);
  struct stat node_stat;

  *renewal = (Renewal) {
    .backend = self,
    .place = *place,
    .node = LF_DOTLOCK_NODE_INIT,
    .path = g_strdup (place->path),
  };
  renewal->place.path = renewal->path;
  renewal->place.name = g_strdup (place->name);
  renewal->place.fd = duplicate (place->fd);
  renewal->node.record = g_strdup (node->record);
  renewal->node.device = node->device;
  renewal->node.inode = node->inode;

  renewal->node.fd = renewal->place.fd >= 0 ? open_node (self, place, node) : -1;
  if (renewal->node.fd >= 0 && node->fd < 0 && fstat (renewal->node.fd, &node_stat) == 0)
    {
      renewal->node.device = node_stat.st_dev;
      renewal->node.inode = node_stat.st_ino;
    }

  if (renewal->place.fd < 0 || (renewal->node.fd < 0 && errno != ENOTSUP))
    {
      int saved_errno = errno;

      renewal_free (renewal);
      errno = saved_errno;
      return NULL;
    }

  return renewal;
}

/* In a forked child this frees nothing, as other parts of the parent's state. */
void
lf_dotlock_close_renewal (gpointer data,
                          gboolean is_inherited)
{
  Renewal *self = data;

  if (!is_inherited)
    {
      renewal_free (self);
      return;
    }

  if (self->node.fd >= 0)
    lf_descriptor_close_inherited (self->node.fd, self->node.device, self->node.inode);
  if (self->place.fd >= 0)
    lf_descriptor_close_inherited (self->place.fd, self->place.device, self->place.inode);
}

/* Opens again what the program has closed. */
static int
reopen (Renewal *self)
{
  int result = lf_dotlock_place_renew (&self->place);
  int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

  lf_dotlock_node_renew (&self->node);
  /* A system that cannot open a link has no inode here */
  if (result != 0 || self->node.fd >= 0 || self->node.inode == 0)
    return result;

#ifdef O_PATH
  if (self->backend->file_type == S_IFLNK)
    flags = O_PATH;
#endif
  self->node.fd = lf_dotlock_open_at (self->place.fd, self->place.name, flags, 0);
  if (self->node.fd < 0)
    return errno;
  if (lf_descriptor_is (self->node.fd, self->node.device, self->node.inode))
    return 0;

  lf_close (self->node.fd);
  self->node.fd = -1;

  return ENOENT;
}

/* Touches the lock itself, never another one that has its name by now. Only an old system can
 * touch a symbolic link by nothing but its name. */
static int
touch (Renewal *self)
{
  gboolean is_link = self->backend->file_type == S_IFLNK;
  int result = ENOTSUP;

  if (self->node.fd >= 0)
    result = lf_file_attributes_touch (self->node.fd, is_link);
  if (result == ENOTSUP && is_link)
    result = utimensat (self->place.fd, self->place.name, NULL, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;

  return result;
}

LfVerdict
lf_dotlock_renew (gpointer   data,
                  GError   **error)
{
  Renewal *self = data;
  int result = reopen (self);

  if (result == 0)
    result = lf_dotlock_place_verify (&self->place);
  if (result == 0)
    result = self->backend->verify (self->backend, &self->place, &self->node);
  if (result == 0)
    result = touch (self);
  /* A directory or link that was removed by then */
  if (result == 0)
    result = self->backend->verify (self->backend, &self->place, &self->node);

  if (result == 0 || result == ENOENT)
    return result == 0 ? LF_VERDICT_HELD : LF_VERDICT_LOST;

  lf_dotlock_fail (self->backend, self->path, result, error);

  return LF_VERDICT_UNKNOWN;
}

/* Makes a file that nobody else uses. Returns a descriptor, or -1 with errno. */
static int
make_file (const LfDotlockPlace  *place,
           char                 **name)
{
#ifdef O_TMPFILE
  if (place->is_local)
    {
      int fd = lf_dotlock_open_at (place->fd, ".", O_WRONLY | O_TMPFILE, 0600);

      if (fd >= 0)
        return fd;
    }
#endif

  for (guint i = 0; i < MAX_SLOTS; i++)
    {
      g_autofree char *slot = lf_dotlock_place_get_slot (place, i);
      int fd = lf_dotlock_open_at (place->fd, slot, O_WRONLY | O_CREAT | O_EXCL, 0600);

      if (fd < 0 && errno == EEXIST && lf_dotlock_place_clean_slot (place, slot))
        fd = lf_dotlock_open_at (place->fd, slot, O_WRONLY | O_CREAT | O_EXCL, 0600);
      if (fd >= 0)
        {
          /* Others remove it as a leftover otherwise, which does no harm either */
          lf_flock_uninterrupted (fd, LOCK_EX | LOCK_NB);
          *name = g_steal_pointer (&slot);
          return fd;
        }
      if (errno != EEXIST)
        return -1;
    }

  errno = EEXIST;
  return -1;
}

/* The time of the file system's clock. */
static int
get_now (const LfDotlockPlace *place,
         gint64               *now)
{
  g_autofree char *name = NULL;
  struct stat file_stat;
  LfFileTime time;
  int fd = make_file (place, &name);
  int result;

  if (fd < 0)
    return errno;

  /* A client of NFS may keep something else than a time there until then */
  result = lf_file_attributes_touch (fd, FALSE);
  if (result == 0)
    result = lf_file_attributes_get_time (fd, "", &time);
  if (result == 0)
    *now = time.modified;

  if (name != NULL)
    unlinkat (place->fd, name, 0);
  if (fstat (fd, &file_stat) == 0)
    lf_descriptor_close (fd, file_stat.st_dev, file_stat.st_ino);
  else
    lf_close (fd);

  return result;
}

/* How old the lock may become, or 0 if its age does not matter. A lock of ours says itself
 * what counts. */
gint64
lf_dotlock_get_lease (const LfDotlockNode *node,
                      gint64               foreign_lease)
{
  if (node->unknown_errno != 0 || node->record == NULL)
    return 0;

  return lf_record_is_whole (node->record) ? lf_record_get_lease (node->record) : foreign_lease;
}

static int
get_stamp (const LfDotlockPlace *place,
           const LfDotlockNode  *node,
           LfFileTime           *stamp)
{
  /* Of the file whose record was read, if there is one */
  return node->fd >= 0 ? lf_file_attributes_get_time (node->fd, "", stamp)
                       : lf_file_attributes_get_time (place->fd, place->name, stamp);
}

/* Whether the lease of the lock has ended. Looks at the file system's clock only when that may
 * be so. @age remembers what was found before about the locks at this path.
 *
 * If the file system's clock is set back, a stamp may be far in the future. So the lease of a
 * stamp that has not changed during the whole lease has ended, too. */
gboolean
lf_dotlock_is_expired (const LfDotlockBackend *self,
                       const LfDotlockPlace   *place,
                       const LfDotlockNode    *node,
                       gint64                  foreign_lease,
                       LfDotlockAge           *age)
{
  gint64 longest = lf_dotlock_get_lease (node, foreign_lease);
  gint64 now = lf_alarm_get_time ();
  gint64 file_now = 0;
  LfFileTime stamp;

  if (longest == 0 || get_stamp (place, node, &stamp) != 0 ||
      /* Then the stamp is not a time */
      (self->is_announced != NULL && self->is_announced (place, node)))
    return FALSE;

  longest += stamp.is_coarse ? COARSE_ROUNDING : FINE_ROUNDING;
  if (age->seen_at == 0 || age->inode != stamp.inode || age->modified != stamp.modified ||
      age->longest != longest)
    *age = (LfDotlockAge) {
      .seen_at = now, .inode = stamp.inode, .modified = stamp.modified, .longest = longest,
    };

  if (now >= age->seen_at + longest)
    return TRUE;
  if (now < age->next_look)
    return FALSE;

  if (get_now (place, &file_now) != 0)
    return FALSE;
  if (file_now - stamp.modified > longest)
    return TRUE;

  age->next_look = now + longest - MAX (file_now - stamp.modified, 0);

  return FALSE;
}

/* Whether the lock, whose lease had ended, was not renewed since. */
gboolean
lf_dotlock_is_as_old (const LfDotlockPlace *place,
                      const LfDotlockNode  *node,
                      const LfDotlockAge   *age)
{
  LfFileTime stamp;

  return get_stamp (place, node, &stamp) == 0 && stamp.inode == age->inode &&
         stamp.modified == age->modified;
}
