/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-posix-locks-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lf-descriptor-private.h"
#include "lf-fcntl-private.h"
#include "lf-process-private.h"

/* To the kernel all handles of a process are one owner, who loses the lock of a
 * file with the first descriptor of it that is closed. So there is a table of the
 * files that this process has to do with: who has the lock or asks the kernel for
 * it, who waits until these are done, and which descriptors are to be closed then.
 * Only handles that do not exclude each other deal with the kernel at a time; the
 * first of them gets the lock and the last of them gives it up. */

typedef enum
{
  CLAIM_WAITING, /* for others of this process */
  CLAIM_TURN,    /* asks the kernel, which may grant the lock at any time */
  CLAIM_HELD,
  CLAIM_LEFT,    /* unlocked, and about to be closed */
} ClaimState;

typedef struct
{
  guint64 device;
  guint64 inode;
  guint n_users; /* under the table's mutex */

  /* Held over system calls, so that what is said here and what the kernel knows
   * go together. Where these do not return, only this file is affected. */
  GMutex mutex;
  GQueue claims;       /* in the order in which they came */
  GArray *descriptors; /* that are to be closed when nobody deals with the kernel */
} LockedFile;

struct _LfPosixClaim
{
  LockedFile *file;
  LfLockMode mode;
  ClaimState state;
  GList link;

  /* What the waiter waits for. Its mutex is never held over anything else. */
  GMutex mutex;
  GCond cond;
  gboolean has_turn;
  gboolean stopped;
};

static GHashTable *table; /* a set of LockedFile */
static int table_pid;
G_LOCK_DEFINE_STATIC (table);

static guint
locked_file_hash (gconstpointer key)
{
  const LockedFile *file = key;

  return (guint) (file->inode ^ (file->inode >> 32) ^ file->device);
}

static gboolean
locked_file_equal (gconstpointer a,
                   gconstpointer b)
{
  const LockedFile *file = a, *other = b;

  return file->inode == other->inode && file->device == other->device;
}

static void
close_descriptors (LockedFile *file)
{
  for (guint i = 0; i < file->descriptors->len; i++)
    lf_close (g_array_index (file->descriptors, int, i));
  g_array_set_size (file->descriptors, 0);
}

/* In a forked child, which has no locks yet. The table is left behind as it is:
 * threads that are not in the child may have been at work on it. */
static void
leave_table_to_parent (void)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      LockedFile *file = key;

      if (g_mutex_trylock (&file->mutex))
        close_descriptors (file);
    }

  table = NULL;
}

/* The table, with its mutex locked. */
static GHashTable *
lock_table (void)
{
  int pid = lf_process_get_id ();

  G_LOCK (table);

  if (table != NULL && table_pid != pid)
    leave_table_to_parent ();
  if (table == NULL)
    table = g_hash_table_new (locked_file_hash, locked_file_equal);
  table_pid = pid;

  return table;
}

/* With a reference, or NULL if the table does not have it. */
static LockedFile *
locked_file_find (guint64 device,
                  guint64 inode)
{
  LockedFile wanted = { .device = device, .inode = inode };
  LockedFile *file = g_hash_table_lookup (lock_table (), &wanted);

  if (file != NULL)
    file->n_users++;
  G_UNLOCK (table);

  return file;
}

static LockedFile *
locked_file_get (guint64 device,
                 guint64 inode)
{
  LockedFile wanted = { .device = device, .inode = inode };
  GHashTable *files = lock_table ();
  LockedFile *file = g_hash_table_lookup (files, &wanted);

  if (file == NULL)
    {
      file = g_new0 (LockedFile, 1);
      *file = wanted;
      g_mutex_init (&file->mutex);
      file->descriptors = g_array_new (FALSE, FALSE, sizeof (int));
      g_hash_table_add (files, file);
    }
  file->n_users++;
  G_UNLOCK (table);

  return file;
}

/* Without users there are no claims, and so no descriptors that are put off. */
static void
locked_file_unref (LockedFile *file)
{
  GHashTable *files = lock_table ();
  gboolean unused = --file->n_users == 0;

  if (unused)
    g_hash_table_remove (files, file);
  G_UNLOCK (table);

  if (!unused)
    return;

  g_array_unref (file->descriptors);
  g_mutex_clear (&file->mutex);
  g_free (file);
}

/* Whether it is known to the kernel, or may be. */
static gboolean
is_active (const LfPosixClaim *claim)
{
  return claim->state == CLAIM_TURN || claim->state == CLAIM_HELD;
}

static gboolean
has_active (LockedFile *file)
{
  for (GList *link = file->claims.head; link != NULL; link = link->next)
    {
      if (is_active (link->data))
        return TRUE;
    }

  return FALSE;
}

/* Whether others of this process are in the way. Who only asks the kernel is too:
 * it would get the same lock, whoever the kernel grants it to. */
static gboolean
is_excluded (const LfPosixClaim *claim)
{
  for (GList *link = claim->file->claims.head; link != NULL; link = link->next)
    {
      LfPosixClaim *other = link->data;

      if (other != claim && is_active (other) &&
          (other->mode == LF_LOCK_MODE_EXCLUSIVE || claim->mode == LF_LOCK_MODE_EXCLUSIVE))
        return TRUE;
    }

  return FALSE;
}

static void
pass_turn (LockedFile *file)
{
  for (GList *link = file->claims.head; link != NULL; link = link->next)
    {
      LfPosixClaim *claim = link->data;

      if (claim->state != CLAIM_WAITING)
        continue;
      if (is_excluded (claim))
        return;

      claim->state = CLAIM_TURN;
      g_mutex_lock (&claim->mutex);
      claim->has_turn = TRUE;
      g_cond_signal (&claim->cond);
      g_mutex_unlock (&claim->mutex);
    }
}

static LfPosixClaim *
lf_posix_claim_new (LfHandle *handle)
{
  LfPosixClaim *self = g_new0 (LfPosixClaim, 1);

  self->file = locked_file_get (handle->device, handle->inode);
  self->mode = handle->mode;
  self->state = CLAIM_WAITING;
  self->link.data = self;
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);

  return self;
}

static void
lf_posix_claim_free (LfPosixClaim *self)
{
  locked_file_unref (self->file);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* With the file's mutex held. */
static void
lf_posix_claim_enter (LfPosixClaim *self,
                      LfHandle     *handle)
{
  handle->data = self;
  g_queue_push_tail_link (&self->file->claims, &self->link);
}

/* Tries once. Returns 0 or an errno: EWOULDBLOCK if somebody else has the lock. */
int
lf_posix_locks_try (LfHandle *handle)
{
  LfPosixClaim *claim = handle->data != NULL ? handle->data : lf_posix_claim_new (handle);
  int result = EWOULDBLOCK;

  g_mutex_lock (&claim->file->mutex);
  if (is_active (claim) || !is_excluded (claim))
    result = lf_fcntl_uninterrupted (handle->fd, F_SETLK, lf_fcntl_get_type (handle));
  if (result == 0)
    {
      claim->state = CLAIM_HELD;
      if (handle->data == NULL)
        lf_posix_claim_enter (claim, handle);
    }
  g_mutex_unlock (&claim->file->mutex);

  if (handle->data == NULL)
    lf_posix_claim_free (claim);

  return result;
}

/* Those who wait get their turn when the handle is closed: the one moment, however
 * many take turns, in which descriptors can be closed. */
int
lf_posix_locks_unlock (LfHandle *handle)
{
  LfPosixClaim *claim = handle->data;
  ClaimState old_state;
  int result = 0;

  if (claim == NULL)
    return 0;

  g_mutex_lock (&claim->file->mutex);
  old_state = claim->state;
  claim->state = CLAIM_LEFT;
  if (old_state != CLAIM_WAITING && !has_active (claim->file))
    result = lf_fcntl_uninterrupted (handle->fd, F_SETLK, F_UNLCK);
  if (result != 0)
    claim->state = old_state;
  g_mutex_unlock (&claim->file->mutex);

  return result;
}

/* The kernel tells only of other processes. */
int
lf_posix_locks_test (LfHandle *handle,
                     gboolean *locked)
{
  LockedFile *file = locked_file_find (handle->device, handle->inode);

  *locked = FALSE;
  if (file != NULL)
    {
      g_mutex_lock (&file->mutex);
      for (GList *link = file->claims.head; link != NULL && !*locked; link = link->next)
        *locked = ((LfPosixClaim *) link->data)->state == CLAIM_HELD;
      g_mutex_unlock (&file->mutex);
      locked_file_unref (file);
    }

  return *locked ? 0 : lf_fcntl_test (handle->fd, F_GETLK, locked);
}

LfPosixClaim *
lf_posix_locks_line_up (LfHandle *handle)
{
  LfPosixClaim *claim = handle->data != NULL ? handle->data : lf_posix_claim_new (handle);

  g_mutex_lock (&claim->file->mutex);
  if (handle->data == NULL)
    lf_posix_claim_enter (claim, handle);
  pass_turn (claim->file);
  g_mutex_unlock (&claim->file->mutex);

  return claim;
}

/* Returns FALSE if it was told to stop. */
gboolean
lf_posix_locks_wait_turn (LfPosixClaim *claim)
{
  gboolean has_turn;

  g_mutex_lock (&claim->mutex);
  while (!claim->has_turn && !claim->stopped)
    g_cond_wait (&claim->cond, &claim->mutex);
  has_turn = claim->has_turn;
  g_mutex_unlock (&claim->mutex);

  return has_turn;
}

void
lf_posix_locks_stop (LfPosixClaim *claim)
{
  g_mutex_lock (&claim->mutex);
  claim->stopped = TRUE;
  g_cond_signal (&claim->cond);
  g_mutex_unlock (&claim->mutex);
}

/* Whatever kind of lock the handle was for: closing it may cost another one the
 * lock. */
void
lf_descriptor_close (LfHandle *handle)
{
  LfPosixClaim *claim = g_steal_pointer (&handle->data);
  LockedFile *file;

  /* A file that was not even looked at is nobody's */
  if (handle->inode == 0)
    {
      lf_close (handle->fd);
      return;
    }

  /* After fork() the claim is the parent's */
  if (claim != NULL && !lf_handle_is_own (handle))
    claim = NULL;

  file = locked_file_get (handle->device, handle->inode);

  g_mutex_lock (&file->mutex);
  if (claim != NULL)
    g_queue_unlink (&file->claims, &claim->link);
  if (has_active (file))
    g_array_append_val (file->descriptors, handle->fd);
  else
    {
      lf_close (handle->fd);
      close_descriptors (file);
    }
  pass_turn (file);
  g_mutex_unlock (&file->mutex);

  g_clear_pointer (&claim, lf_posix_claim_free);
  locked_file_unref (file);
}

static gboolean
is_enough (int        fd,
           LfLockMode mode)
{
  int flags = fcntl (fd, F_GETFL);

  return mode == LF_LOCK_MODE_SHARED || (flags >= 0 && (flags & O_ACCMODE) == O_RDWR);
}

/* However often something is tried while the lock is held, no more descriptors
 * are put off than were open at once. */
gboolean
lf_descriptor_reuse (LfHandle   *handle,
                     const char *path)
{
  struct stat path_stat;
  LockedFile *file;

  if (lstat (path, &path_stat) != 0)
    return FALSE;

  file = locked_file_find (path_stat.st_dev, path_stat.st_ino);
  if (file == NULL)
    return FALSE;

  g_mutex_lock (&file->mutex);
  for (guint i = 0; i < file->descriptors->len && handle->fd < 0; i++)
    {
      int fd = g_array_index (file->descriptors, int, i);

      if (!is_enough (fd, handle->mode))
        continue;

      handle->fd = fd;
      handle->device = file->device;
      handle->inode = file->inode;
      g_array_remove_index_fast (file->descriptors, i);
    }
  g_mutex_unlock (&file->mutex);
  locked_file_unref (file);

  return handle->fd >= 0;
}
