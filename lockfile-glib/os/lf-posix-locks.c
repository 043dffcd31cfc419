/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-posix-locks-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/lf-descriptor-private.h"
#include "os/lf-fcntl-private.h"
#include "os/lf-process-private.h"

/* For the kernel, all claims of a process have one owner, which loses the lock of a file as
 * soon as any descriptor of the file is closed. So there is a table of the files that this
 * process uses. It says which claims have the lock or are asking the kernel for it, which
 * claims wait for these, and which descriptors to close afterwards. Only claims that do not
 * exclude each other use the kernel at the same time. The first of them takes the lock and
 * the last of them releases it. */

typedef enum
{
  CLAIM_WAITING, /* for other claims of this process */
  CLAIM_TURN,    /* asks the kernel, which may grant the lock at any time */
  CLAIM_HELD,
  CLAIM_LEFT,    /* unlocked, and about to be closed */
} ClaimState;

typedef struct
{
  guint64 device;
  guint64 inode;
  guint n_users; /* protected by the table's mutex */

  /* Held over system calls, so that this state and the kernel's agree. If a system call
   * does not return, only this file is affected. */
  GMutex mutex;
  GQueue claims;       /* in order of arrival */
  GArray *descriptors; /* to be closed when no claim uses the kernel */
} LockedFile;

struct _LfPosixClaim
{
  LockedFile *file;
  gboolean exclusive;
  ClaimState state;
  GList link;

  /* For the waiter. No other mutex is locked while this one is held. */
  GMutex mutex;
  GCond cond;
  gboolean has_turn;
  gboolean stopped;
};

typedef struct
{
  LfDescriptorKeeper keeper;

  GMutex mutex;
  GHashTable *files; /* a set of LockedFile */
} Table;

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

/* The program may have closed some of them. */
static void
close_descriptors (LockedFile *file)
{
  for (guint i = 0; i < file->descriptors->len; i++)
    {
      int fd = g_array_index (file->descriptors, int, i);

      if (lf_descriptor_is (fd, file->device, file->inode))
        lf_close (fd);
    }
  g_array_set_size (file->descriptors, 0);
}

/* In a forked child, which has no locks yet: closes the descriptors that an ancestor was
 * going to close. If a thread of the ancestor was changing a table, that table is left
 * alone. */
static void
close_inherited (gpointer state,
                 gpointer user_data)
{
  Table *table = state;
  GHashTableIter iter;
  gpointer key;

  if (!g_mutex_trylock (&table->mutex))
    return;

  g_hash_table_iter_init (&iter, table->files);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      LockedFile *file = key;

      if (g_mutex_trylock (&file->mutex))
        close_descriptors (file);
    }
}

static void
table_close (int     fd,
             guint64 device,
             guint64 inode)
{
  lf_posix_locks_close (NULL, fd, device, inode);
}

static int
table_reuse (guint64  device,
             guint64  inode,
             gboolean for_writing);

static gpointer
table_new (void)
{
  Table *self = g_new0 (Table, 1);

  self->keeper = (LfDescriptorKeeper) { table_close, table_reuse, NULL };
  g_mutex_init (&self->mutex);
  self->files = g_hash_table_new (locked_file_hash, locked_file_equal);
  lf_process_foreach_inherited (LF_PROCESS_DESCRIPTORS, close_inherited, NULL);

  return self;
}

/* Returns the table, with its mutex locked. */
static Table *
lock_table (void)
{
  Table *table = lf_process_get_state (LF_PROCESS_DESCRIPTORS, table_new);

  g_mutex_lock (&table->mutex);

  return table;
}

/* Returns a reference, or NULL if the file is not in the table. */
static LockedFile *
locked_file_find (guint64 device,
                  guint64 inode)
{
  LockedFile wanted = { .device = device, .inode = inode };
  Table *table = lock_table ();
  LockedFile *file = g_hash_table_lookup (table->files, &wanted);

  if (file != NULL)
    file->n_users++;
  g_mutex_unlock (&table->mutex);

  return file;
}

static LockedFile *
locked_file_get (guint64 device,
                 guint64 inode)
{
  LockedFile wanted = { .device = device, .inode = inode };
  Table *table = lock_table ();
  LockedFile *file = g_hash_table_lookup (table->files, &wanted);

  if (file == NULL)
    {
      file = g_new0 (LockedFile, 1);
      *file = wanted;
      g_mutex_init (&file->mutex);
      file->descriptors = g_array_new (FALSE, FALSE, sizeof (int));
      g_hash_table_add (table->files, file);
    }
  file->n_users++;
  g_mutex_unlock (&table->mutex);

  return file;
}

/* Without users there are no claims, so no descriptors wait to be closed. */
static void
locked_file_unref (LockedFile *file)
{
  Table *table = lock_table ();
  gboolean unused = --file->n_users == 0;

  if (unused)
    g_hash_table_remove (table->files, file);
  g_mutex_unlock (&table->mutex);

  if (!unused)
    return;

  g_array_unref (file->descriptors);
  g_mutex_clear (&file->mutex);
  g_free (file);
}

/* Whether the kernel knows the claim, or may know it. */
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

/* Whether other claims of this process exclude this one. A claim that asks the kernel does
 * so too: whichever of the two the kernel granted the lock, both would have it. */
static gboolean
is_excluded (const LfPosixClaim *claim)
{
  for (GList *link = claim->file->claims.head; link != NULL; link = link->next)
    {
      LfPosixClaim *other = link->data;

      if (other != claim && is_active (other) &&
          (other->exclusive || claim->exclusive))
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
lf_posix_claim_new (guint64  device,
                    guint64  inode,
                    gboolean exclusive)
{
  LfPosixClaim *self = g_new0 (LfPosixClaim, 1);

  self->file = locked_file_get (device, inode);
  self->exclusive = exclusive;
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

static short
get_type (gboolean exclusive)
{
  return exclusive ? F_WRLCK : F_RDLCK;
}

/* Tries once. Returns 0 or an errno: EWOULDBLOCK if somebody else has the lock. If the lock
 * is granted, sets @claim, which may be NULL before. */
int
lf_posix_locks_try (LfPosixClaim **claim,
                    int            fd,
                    guint64        device,
                    guint64        inode,
                    gboolean       exclusive)
{
  LfPosixClaim *tried = *claim != NULL ? *claim : lf_posix_claim_new (device, inode, exclusive);
  int result = EWOULDBLOCK;

  g_mutex_lock (&tried->file->mutex);
  if (is_active (tried) || !is_excluded (tried))
    result = lf_fcntl_uninterrupted (fd, F_SETLK, get_type (exclusive));
  if (result == 0)
    {
      tried->state = CLAIM_HELD;
      if (*claim == NULL)
        g_queue_push_tail_link (&tried->file->claims, &tried->link);
      *claim = tried;
    }
  g_mutex_unlock (&tried->file->mutex);

  if (*claim == NULL)
    lf_posix_claim_free (tried);

  return result;
}

/* Waiting claims get their turn when the descriptor is closed, not here: however many
 * claims take turns, this is the only moment at which descriptors can be closed. */
int
lf_posix_locks_unlock (LfPosixClaim *claim,
                       int           fd)
{
  ClaimState old_state;
  int result = 0;

  g_mutex_lock (&claim->file->mutex);
  old_state = claim->state;
  claim->state = CLAIM_LEFT;
  if (old_state != CLAIM_WAITING && !has_active (claim->file))
    result = lf_fcntl_uninterrupted (fd, F_SETLK, F_UNLCK);
  if (result != 0)
    claim->state = old_state;
  g_mutex_unlock (&claim->file->mutex);

  return result;
}

/* F_GETLK reports only other processes, so this also checks our own claims. */
int
lf_posix_locks_test (int       fd,
                     guint64   device,
                     guint64   inode,
                     gboolean *locked,
                     int      *pid)
{
  LockedFile *file = locked_file_find (device, inode);

  *pid = lf_process_get_id ();
  *locked = FALSE;
  if (file != NULL)
    {
      g_mutex_lock (&file->mutex);
      for (GList *link = file->claims.head; link != NULL && !*locked; link = link->next)
        *locked = ((LfPosixClaim *) link->data)->state == CLAIM_HELD;
      g_mutex_unlock (&file->mutex);
      locked_file_unref (file);
    }

  return *locked ? 0 : lf_fcntl_test (fd, F_GETLK, locked, pid);
}

/* Sets @claim, which may be NULL before. */
void
lf_posix_locks_line_up (LfPosixClaim **claim,
                        guint64        device,
                        guint64        inode,
                        gboolean       exclusive)
{
  gboolean is_new = *claim == NULL;

  if (is_new)
    *claim = lf_posix_claim_new (device, inode, exclusive);

  g_mutex_lock (&(*claim)->file->mutex);
  if (is_new)
    g_queue_push_tail_link (&(*claim)->file->claims, &(*claim)->link);
  pass_turn ((*claim)->file);
  g_mutex_unlock (&(*claim)->file->mutex);
}

/* Returns FALSE if lf_posix_claim_stop() was called. */
gboolean
lf_posix_claim_wait_turn (LfPosixClaim *claim)
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
lf_posix_claim_stop (LfPosixClaim *claim)
{
  g_mutex_lock (&claim->mutex);
  claim->stopped = TRUE;
  g_cond_signal (&claim->cond);
  g_mutex_unlock (&claim->mutex);
}

/* Closing any descriptor of a file releases the process's lock. So the descriptor stays
 * open as long as a lock is held. Ends the claim. @fd is -1 if it was already closed. */
void
lf_posix_locks_close (LfPosixClaim *claim,
                      int           fd,
                      guint64       device,
                      guint64       inode)
{
  LockedFile *file;

  /* Without an inode, the file cannot be in the table */
  if (inode == 0)
    {
      lf_close (fd);
      return;
    }

  file = locked_file_get (device, inode);

  g_mutex_lock (&file->mutex);
  if (claim != NULL)
    g_queue_unlink (&file->claims, &claim->link);
  if (fd >= 0 && has_active (file))
    g_array_append_val (file->descriptors, fd);
  else if (fd >= 0)
    lf_close (fd);
  if (!has_active (file))
    close_descriptors (file);
  pass_turn (file);
  g_mutex_unlock (&file->mutex);

  g_clear_pointer (&claim, lf_posix_claim_free);
  locked_file_unref (file);
}

/* Reuses a descriptor that waits to be closed. So their number stays at the number that
 * were ever open at once, however often something is tried while the lock is held. */
static int
table_reuse (guint64  device,
             guint64  inode,
             gboolean for_writing)
{
  LockedFile *file = locked_file_find (device, inode);
  int reused = -1;

  if (file == NULL)
    return -1;

  g_mutex_lock (&file->mutex);
  for (guint i = 0; i < file->descriptors->len && reused < 0; i++)
    {
      int fd = g_array_index (file->descriptors, int, i);

      if (!lf_descriptor_is_enough (fd, device, inode, for_writing))
        continue;

      reused = fd;
      g_array_remove_index_fast (file->descriptors, i);
    }
  g_mutex_unlock (&file->mutex);
  locked_file_unref (file);

  return reused;
}
