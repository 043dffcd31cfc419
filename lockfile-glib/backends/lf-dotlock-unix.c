/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include "backends/lf-record-private.h"
#include "lf-errors.h"
#include "os/lf-alarm-private.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-fcntl-private.h"
#include "os/lf-file-attributes-private.h"
#include "os/lf-flock-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* A lock is made where it is not visible, and moved to its path in one step that fails if
 * the path exists. So every lock has a record.
 *
 * The holder keeps flock(2) on the inode of the lock, from before the lock is visible until
 * it is gone. Whatever the record says, the holder of a locked inode is not dead. A process
 * that takes over a stale lock locks its inode too, and then looks at the path again. So
 * when two processes find a stale lock, the second one finds the lock of the first, and no
 * fresh lock is ever removed.
 *
 * break_lock() removes the lock of a living holder, which has the inode locked. So the two
 * exclude each other with a lock of fcntl(2). A holder that removes its own lock takes it
 * shared, which anybody may do who has the file open. A breaker takes it exclusively, and
 * for that must be allowed to write to the file: otherwise it cannot break the lock of a
 * living holder. So nobody else can delay a release.
 *
 * A lock without an inode that can be locked is removed under a guard: a file beside it
 * that exists only during the removal. So is a lock that may be on a network: there
 * flock(2) may become a lock of fcntl(2) on the server, which the holder already has, or
 * may need write permission.
 *
 * A lock with a lease also needs the guard. Its holder may live, and have the inode locked,
 * and still lose it.
 *
 * A release avoids the guard if it can, since it must not need space. The holder of a
 * symbolic link announces the removal in the times of the link, and then checks for a
 * guard. A breaker takes the guard first, and then checks for an announcement. */

#define MAX_ROUNDS 100

/* How often to try to remove our own lock: a failure may be temporary */
#define MAX_TRIES 3

/* How long to wait for processes that are about to remove a lock, or only look at it, in
 * microseconds. They need a few system calls, but a disk may be slow. Only a process that
 * was stopped at that point takes longer. */
#define REMOVAL_PATIENCE G_TIME_SPAN_SECOND
#define LOOK_PATIENCE (20 * G_TIME_SPAN_MILLISECOND)
#define PAUSE 500

/* The private data of a handle. */
typedef struct
{
  LfDotlockPlace place;
  LfDotlockNode node; /* prepared or held */
  LfDotlockAge age;   /* of the lock that is in the way */
  gboolean granted;
  gboolean was_busy;
} Lock;

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LfDotlockNode, lf_dotlock_node_close)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LfDotlockPlace, lf_dotlock_place_close)

static const LfDotlockBackend *
cast (const LfBackendVTable *vtable)
{
  return (const LfDotlockBackend *) vtable;
}

static int
get_removal_fd (const LfDotlockNode *node)
{
  return node->record_fd >= 0 ? node->record_fd : node->fd;
}

/* Sleeps for a moment. Returns FALSE after the total time @patience. @end is 0 at first. */
static gboolean
pause_until (gint64 *end,
             gint64  patience)
{
  gint64 now = g_get_monotonic_time ();

  if (*end == 0)
    *end = now + patience;
  if (now >= *end)
    return FALSE;

  g_usleep (PAUSE);
  return TRUE;
}

/* Returns 0 or an errno: EWOULDBLOCK if others have it for too long. Returns 0 also if the
 * system has no such locks. */
static int
lock_removal (int   fd,
              short type)
{
#ifdef F_OFD_SETLK
  gint64 end = 0;
  int result;

  do
    result = lf_fcntl_uninterrupted (fd, F_OFD_SETLK, type);
  while (result == EWOULDBLOCK && pause_until (&end, REMOVAL_PATIENCE));

  return result == EINVAL || result == ENOSYS || result == EOPNOTSUPP ? 0 : result;
#else
  return 0;
#endif
}

static void
unlock_removal (int fd)
{
#ifdef F_OFD_SETLK
  lf_fcntl_uninterrupted (fd, F_OFD_SETLK, F_UNLCK);
#endif
}

/* Whether the holder is proved dead. Other processes that look at the same moment do not
 * count as holders. */
static gboolean
is_dead (const LfDotlockBackend *self,
         const LfDotlockPlace   *place,
         const LfDotlockNode    *node)
{
  LfRecordVerdict verdict = lf_record_judge (node->record);
  int result;

  if (verdict == LF_RECORD_HELD)
    return FALSE;
  if (!self->has_inode || node->fd < 0)
    return verdict == LF_RECORD_DEAD;

  result = lf_flock_uninterrupted (node->fd, LOCK_SH | LOCK_NB);
  if (result == EWOULDBLOCK)
    return FALSE;

  return verdict == LF_RECORD_DEAD || (result == 0 && place->is_local);
}

/* Locks the inode of a stale lock. Processes that only look have it locked, shared, for a
 * moment. Returns 0 or an errno: EWOULDBLOCK if somebody has it. */
static int
lock_inode (int fd)
{
  gint64 end = 0;
  int result;

  do
    result = lf_flock_uninterrupted (fd, LOCK_EX | LOCK_NB);
  while (result == EWOULDBLOCK && pause_until (&end, LOOK_PATIENCE));

  return result;
}

static int
remove_verified (const LfDotlockBackend *self,
                 const LfDotlockPlace   *place,
                 LfDotlockNode          *node)
{
  int result = self->verify (self, place, node);

  return result == 0 ? self->remove (self, place, node) : result;
}

static int
remove_guarded (const LfDotlockBackend *self,
                const LfDotlockPlace   *place,
                LfDotlockNode          *node)
{
  int guard = lf_dotlock_place_lock (place);
  int result = guard < 0 ? errno : 0;
  gint64 end = 0;

  /* Its holder is just removing it, or was stopped at that point */
  while (result == 0 && self->is_announced != NULL && self->is_announced (place, node) &&
         lf_record_judge (node->record) != LF_RECORD_DEAD)
    {
      if (!pause_until (&end, REMOVAL_PATIENCE))
        result = EBUSY;
    }

  if (result == 0)
    result = remove_verified (self, place, node);
  lf_dotlock_place_unlock (place, guard);

  return result;
}

/* Whether removals need a guard, since the kernel has no lock with which they exclude each
 * other. */
static gboolean
needs_guard (const LfDotlockBackend *self,
             const LfDotlockPlace   *place,
             const LfDotlockNode    *node)
{
  return !self->has_inode || !place->is_local || lf_dotlock_get_lease (node, 0) != 0;
}

static int
remove_dead (const LfDotlockBackend *self,
             const LfDotlockPlace   *place,
             LfDotlockNode          *node)
{
  int result;

  if (!self->has_inode)
    return remove_guarded (self, place, node);

  /* Locked even if a guard follows, since other programs check for it */
  result = lock_inode (node->fd);
  if (needs_guard (self, place, node) && result != EWOULDBLOCK)
    return remove_guarded (self, place, node);

  if (result == 0)
    result = lock_removal (get_removal_fd (node), F_RDLCK);

  return result == 0 ? remove_verified (self, place, node) : result;
}

/* Removes a lock whose lease has ended. */
static int
remove_expired (const LfDotlockBackend *self,
                const LfDotlockPlace   *place,
                LfDotlockNode          *node,
                const LfDotlockAge     *age)
{
  int result = self->has_inode && node->fd >= 0 ? lock_inode (node->fd) : 0;
  int guard;

  /* A holder with a lease has lost it even if it has the inode locked. Other programs do not
   * remove a file that is locked, and so need a lock against each other */
  if (result == EWOULDBLOCK && lf_dotlock_get_lease (node, 0) == 0)
    return result;

  guard = lf_dotlock_place_lock (place);
  if (guard < 0)
    return errno;

  result = lf_dotlock_is_as_old (place, node, age) ? remove_verified (self, place, node) : ENOENT;
  lf_dotlock_place_unlock (place, guard);

  return result;
}

/* Removes a stale lock or, with an @age, one whose lease has ended, if it is still at the path.
 * Returns 0 if it makes sense to look again, EWOULDBLOCK if another process is removing it, or
 * another errno. */
static int
take_over (const LfDotlockBackend *self,
           const LfDotlockPlace   *place,
           LfDotlockNode          *node,
           const LfDotlockAge     *age)
{
  int result = age != NULL ? remove_expired (self, place, node, age)
                           : remove_dead (self, place, node);

  g_debug ("Stale lock: %s", g_strerror (result));

  return result == ENOENT ? 0 : result == EBUSY ? EWOULDBLOCK : result;
}

static void
fail_to_take_over (const char  *path,
                   int          saved_errno,
                   GError     **error)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, G_IO_ERROR,
               saved_errno == EPERM ? G_IO_ERROR_PERMISSION_DENIED
                                    : g_io_error_from_errno (saved_errno),
               _("Cannot remove the stale lock %s: %s"), display_name,
               g_strerror (saved_errno));
}

/* For a lock that was opened earlier, since a wait may be long. Opens again what the
 * program has closed, and forgets a prepared lock that it has closed. Returns 0 or an
 * errno. */
static int
renew_lock (Lock *lock)
{
  lf_dotlock_node_renew (&lock->node);
  if (lock->node.fd < 0)
    lf_dotlock_node_close (&lock->node);

  return lf_dotlock_place_renew (&lock->place);
}

/* Opens the directory. Returns NULL with errno. */
static Lock *
open_lock (LfHandle *handle)
{
  Lock *lock = handle->data;
  LfDotlockPlace place;
  int result;

  if (lock != NULL)
    {
      result = lock->granted ? 0 : renew_lock (lock);
      errno = result;
      return result == 0 ? lock : NULL;
    }

  result = lf_dotlock_place_open (&place, handle->request.path, handle->request.create_parents);
  if (result != 0)
    {
      errno = result;
      return NULL;
    }

  lock = g_new (Lock, 1);
  *lock = (Lock) { .place = place, .node = LF_DOTLOCK_NODE_INIT };
  handle->lock_name = g_strdup_printf ("%" G_GINT64_MODIFIER "x:%" G_GINT64_MODIFIER "x/%s",
                                       place.device, place.inode, place.name);
  handle->data = lock;

  return lock;
}

void
lf_dotlock_identify (const LfBackendVTable *vtable,
                     LfHandle              *handle)
{
  open_lock (handle);
}

/* Prepares a durable lock while somebody else holds it, since writing to the disk takes
 * time. But not in the first attempt, which may be the only one. Returns whether it was
 * prepared now. */
static gboolean
prepare_ahead (const LfDotlockBackend *self,
               const LfRequest        *request,
               Lock                   *lock)
{
  gboolean prepares = lock->was_busy && request->durable && self->prepare != NULL &&
                      lock->node.fd < 0;

  lock->was_busy = TRUE;

  return prepares && self->prepare (self, &lock->place, request, &lock->node) == 0 &&
         lock->node.fd >= 0;
}

static void
grant (const LfDotlockBackend *self,
       LfHandle               *handle,
       Lock                   *lock)
{
  lock->granted = TRUE;
  if (!self->shows_fd)
    return;

  handle->device = lock->node.device;
  handle->inode = lock->node.inode;
  handle->fd = lock->node.fd;
}

static int
make (const LfDotlockBackend *self,
      LfHandle               *handle,
      Lock                   *lock)
{
  const LfRequest *request = &handle->request;
  int result = 0;

  lf_dotlock_place_clean_up (&lock->place, handle->lock_name);
  handle->made_at = lf_alarm_get_time ();
  /* It may have been prepared long ago */
  if (lock->node.fd >= 0 && request->lease != 0)
    result = lf_file_attributes_touch (lock->node.fd, FALSE);
  if (lock->node.fd < 0 && self->prepare != NULL)
    result = self->prepare (self, &lock->place, request, &lock->node);

  return result == 0 ? self->make (self, &lock->place, request, &lock->node) : result;
}

/* Like take_over(). Returns EWOULDBLOCK also if somebody holds the lock. */
static int
try_to_take_over (const LfDotlockBackend *self,
                  const LfRequest        *request,
                  Lock                   *lock,
                  LfDotlockNode          *found)
{
  if (is_dead (self, &lock->place, found))
    return take_over (self, &lock->place, found, NULL);
  if (lf_dotlock_is_expired (self, &lock->place, found, request->lease, &lock->age))
    return take_over (self, &lock->place, found, &lock->age);

  return EWOULDBLOCK;
}

LfAttempt
lf_dotlock_attempt (const LfBackendVTable  *vtable,
                    LfHandle               *handle,
                    GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  const LfRequest *request = &handle->request;
  Lock *lock = open_lock (handle);

  if (lock == NULL)
    {
      lf_dotlock_fail (self, request->path, errno, error);
      return LF_ATTEMPT_ERROR;
    }
  if (lock->granted)
    return LF_ATTEMPT_GRANTED;

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      g_auto (LfDotlockNode) found = LF_DOTLOCK_NODE_INIT;
      int result;

      switch (self->look (self, &lock->place, &found, error))
        {
        case LF_DOTLOCK_ERROR:
          return LF_ATTEMPT_ERROR;

        case LF_DOTLOCK_PRESENT:
          result = try_to_take_over (self, request, lock, &found);
          if (result == 0)
            continue;
          if (result != EWOULDBLOCK)
            {
              fail_to_take_over (request->path, result, error);
              return LF_ATTEMPT_ERROR;
            }
          if (prepare_ahead (self, request, lock))
            continue;
          return LF_ATTEMPT_BUSY;

        case LF_DOTLOCK_RETRY:
          continue;

        case LF_DOTLOCK_ABSENT:
        default:
          break;
        }

      result = make (self, handle, lock);
      if (result == 0)
        {
          grant (self, handle, lock);
          return LF_ATTEMPT_GRANTED;
        }
      if (result != EEXIST && result != EAGAIN)
        {
          lf_dotlock_fail (self, request->path, result, error);
          return LF_ATTEMPT_ERROR;
        }
    }

  return LF_ATTEMPT_BUSY;
}

void
lf_dotlock_close (const LfBackendVTable *vtable,
                  LfHandle              *handle)
{
  Lock *lock = g_steal_pointer (&handle->data);

  handle->fd = -1;
  if (lock == NULL)
    return;

  lf_dotlock_node_close (&lock->node);
  lf_dotlock_place_close (&lock->place);
  g_free (lock);
}

void
lf_dotlock_leave (const LfBackendVTable *vtable,
                  LfHandle              *handle)
{
  Lock *lock = g_steal_pointer (&handle->data);

  handle->fd = -1;
  if (lock == NULL)
    return;

  if (lock->node.record_fd >= 0)
    lf_descriptor_close_inherited (lock->node.record_fd, lock->node.record_device,
                                   lock->node.record_inode);
  if (lock->node.fd >= 0)
    lf_descriptor_close_inherited (lock->node.fd, lock->node.device, lock->node.inode);
  if (lock->place.fd >= 0)
    lf_descriptor_close_inherited (lock->place.fd, lock->place.device, lock->place.inode);
}

/* Whether nobody can have a guard for this reason: there is no space, or something else has
 * its name. A breaker cannot have one either then. */
static gboolean
forbids_guards (int saved_errno)
{
  return saved_errno == ENOSPC || saved_errno == EDQUOT || saved_errno == ELOOP ||
         saved_errno == EISDIR;
}

static int
remove_own_guarded (const LfDotlockBackend *self,
                    const LfDotlockPlace   *place,
                    LfDotlockNode          *node)
{
  int guard = lf_dotlock_place_lock (place);
  int result;

  if (guard < 0 && !forbids_guards (errno))
    return errno == EBUSY ? EWOULDBLOCK : errno;

  result = remove_verified (self, place, node);
  lf_dotlock_place_unlock (place, guard);

  return result;
}

static int
remove_announced (const LfDotlockBackend *self,
                  const LfDotlockPlace   *place,
                  LfDotlockNode          *node)
{
  /* The times of somebody else's lock must not change */
  int result = self->verify (self, place, node);

  if (result != 0)
    return result;

  if (!self->announce (place, node, TRUE))
    return remove_own_guarded (self, place, node);

  if (lf_dotlock_place_is_locked (place))
    {
      /* Otherwise the two would wait for each other */
      self->announce (place, node, FALSE);
      return remove_own_guarded (self, place, node);
    }

  result = remove_verified (self, place, node);
  if (result != 0 && result != ENOENT)
    self->announce (place, node, FALSE);

  return result;
}

/* Removes our own lock. Returns 0, ENOENT if it is no longer at the path, EWOULDBLOCK if
 * another process takes too long to break it, or another errno. */
static int
remove_own (const LfDotlockBackend *self,
            const LfDotlockPlace   *place,
            LfDotlockNode          *node)
{
  int fd = get_removal_fd (node);
  int result;

  /* A renewal in progress could overwrite the announcement */
  if (self->announce != NULL && lf_dotlock_get_lease (node, 0) == 0)
    return remove_announced (self, place, node);
  if (needs_guard (self, place, node))
    return remove_own_guarded (self, place, node);

  result = fd >= 0 ? lock_removal (fd, F_RDLCK) : 0;
  if (result != 0)
    return result;

  result = remove_verified (self, place, node);
  if (fd >= 0 && result != 0)
    unlock_removal (fd);

  return result;
}

/* Does not use descriptors that the program has closed, and opens the directory again. Returns
 * 0 or an errno. */
static int
renew_granted (Lock *lock)
{
  lf_dotlock_node_renew (&lock->node);

  return lf_dotlock_place_renew (&lock->place);
}

LfVerdict
lf_dotlock_verify (const LfBackendVTable  *vtable,
                   LfHandle               *handle,
                   GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  Lock *lock = handle->data;
  int result = renew_granted (lock);

  if (result == 0)
    result = lf_dotlock_place_verify (&lock->place);
  if (result == 0)
    result = self->verify (self, &lock->place, &lock->node);
  if (result == 0 || result == ENOENT)
    return result == 0 ? LF_VERDICT_HELD : LF_VERDICT_LOST;

  lf_dotlock_fail (self, handle->request.path, result, error);

  return LF_VERDICT_UNKNOWN;
}

LfRelease
lf_dotlock_release (const LfBackendVTable  *vtable,
                    LfHandle               *handle,
                    GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  Lock *lock = handle->data;
  g_autofree char *display_name = NULL;
  int result;

  result = renew_granted (lock);
  if (result == 0)
    {
      result = remove_own (self, &lock->place, &lock->node);
      for (guint i = 1; i < MAX_TRIES && result != 0 && result != ENOENT && result != EWOULDBLOCK; i++)
        result = remove_own (self, &lock->place, &lock->node);
    }

  if (result != 0 && result != ENOENT)
    {
      display_name = lf_path_get_display_name (handle->request.path);
      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED,
                   _("Cannot remove the lock %s: %s"), display_name, g_strerror (result));
      return LF_RELEASE_FAILED;
    }

  vtable->close (vtable, handle);

  return result == 0 ? LF_RELEASE_DONE : LF_RELEASE_LOST;
}

gpointer
lf_dotlock_open_handle_renewal (const LfBackendVTable *vtable,
                                LfHandle              *handle)
{
  const Lock *lock = handle->data;

  return lf_dotlock_open_renewal (cast (vtable), &lock->place, &lock->node);
}

gboolean
lf_dotlock_query_holder (const LfBackendVTable  *vtable,
                         const char             *path,
                         LfLockHolder          **holder,
                         GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  g_auto (LfDotlockPlace) place = { .fd = -1 };
  g_auto (LfDotlockNode) found = LF_DOTLOCK_NODE_INIT;
  LfDotlockAge age = { 0 };
  int result = lf_dotlock_place_open (&place, path, FALSE);

  *holder = NULL;
  if (result == ENOENT)
    return TRUE;
  if (result != 0)
    {
      lf_dotlock_fail (self, path, result, error);
      return FALSE;
    }

  switch (self->look (self, &place, &found, error))
    {
    case LF_DOTLOCK_PRESENT:
      if (!is_dead (self, &place, &found) &&
          !lf_dotlock_is_expired (self, &place, &found, 0, &age))
        *holder = lf_record_get_holder (found.record);
      return TRUE;

    case LF_DOTLOCK_ABSENT:
    case LF_DOTLOCK_RETRY:
      return TRUE;

    case LF_DOTLOCK_ERROR:
    default:
      return FALSE;
    }
}

/* Opens the record for writing, which needs permission. Returns -1 with errno: ENOENT if
 * another lock is at the path by now. */
static int
open_to_break (const LfDotlockPlace *place,
               const LfDotlockNode  *node)
{
  gboolean has_record = node->record_fd >= 0;
  guint64 device = has_record ? node->record_device : node->device;
  guint64 inode = has_record ? node->record_inode : node->inode;
  struct stat file_stat;
  int fd = has_record ? lf_dotlock_open_at (node->fd, LF_DOTLOCK_RECORD_NAME,
                                            O_RDWR | O_NOCTTY | O_NONBLOCK, 0)
                      : lf_dotlock_open_at (place->fd, place->name,
                                            O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
  int result = ENOENT;

  if (fd < 0)
    return -1;

  if (fstat (fd, &file_stat) != 0)
    result = errno;
  else if (file_stat.st_dev == device && file_stat.st_ino == inode)
    return fd;

  lf_close (fd);
  errno = result;

  return -1;
}

static int
remove_excluding (const LfDotlockBackend *self,
                  const LfDotlockPlace   *place,
                  LfDotlockNode          *node,
                  int                     fd,
                  short                   type)
{
  int result = lock_removal (fd, type);

  if (result == 0)
    return remove_verified (self, place, node);

  return result == EWOULDBLOCK ? EBUSY : result;
}

/* Removes the lock, even if it is held. Returns 0 or an errno: ENOENT if it is no longer at
 * the path, EBUSY if another process takes too long to remove it. */
static int
break_found (const LfDotlockBackend *self,
             const LfDotlockPlace   *place,
             LfDotlockNode          *node)
{
  int fd, result;

  if (needs_guard (self, place, node))
    return remove_guarded (self, place, node);

  /* It has no living holder */
  if (lf_flock_uninterrupted (node->fd, LOCK_EX | LOCK_NB) == 0)
    return remove_excluding (self, place, node, get_removal_fd (node), F_RDLCK);

  /* Other programs' directories have no record, and no such lock */
  if (self->file_type == S_IFDIR && node->record_fd < 0)
    return remove_verified (self, place, node);

  fd = open_to_break (place, node);
  /* Without the lock, the holder could remove its own lock just now, and the next holder's
   * lock would be broken */
  if (fd < 0)
    return errno;

  result = remove_excluding (self, place, node, fd, F_WRLCK);
  lf_descriptor_close (fd, node->record_fd >= 0 ? node->record_device : node->device,
                       node->record_fd >= 0 ? node->record_inode : node->inode);

  return result;
}

gboolean
lf_dotlock_break_lock (const LfBackendVTable  *vtable,
                       const char             *path,
                       GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  g_auto (LfDotlockPlace) place = { .fd = -1 };
  g_auto (LfDotlockNode) found = LF_DOTLOCK_NODE_INIT;
  int result = lf_dotlock_place_open (&place, path, FALSE);

  if (result == 0)
    {
      switch (self->look (self, &place, &found, error))
        {
        case LF_DOTLOCK_PRESENT:
          break;

        case LF_DOTLOCK_ABSENT:
        case LF_DOTLOCK_RETRY:
          return TRUE;

        case LF_DOTLOCK_ERROR:
        default:
          return FALSE;
        }

      /* If the content is unknown, it may be other programs' files */
      result = found.unknown_errno;
      if (result == 0 && self->check_unused != NULL)
        result = self->check_unused (&found);
      if (result == ENOTEMPTY)
        {
          lf_dotlock_fail_invalid (path, _("%s is not a lock: it has other content"), error);
          return FALSE;
        }
      if (result == 0)
        result = break_found (self, &place, &found);
    }

  if (result == 0 || result == ENOENT)
    return TRUE;

  lf_dotlock_fail (self, path, result, error);
  return FALSE;
}
