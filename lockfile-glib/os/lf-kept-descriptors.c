/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-kept-descriptors-private.h"

#include "os/lf-descriptor-private.h"
#include "os/lf-own-locks-private.h"
#include "os/lf-process-private.h"

/* The descriptors that the process keeps open. For each file and access mode, at most one
 * of them is unused, since it is reused before another one is opened. */

typedef struct
{
  int fd;
  guint64 device;
  guint64 inode;
} Kept;

typedef struct
{
  LfDescriptorKeeper keeper;

  /* Held over F_OFD_GETLK, for which the kernel may ask the server of a network file
   * system, and over close(). Only a program that has locks of its own on the lock's file
   * keeps anything, so no other program waits for a server here. */
  GMutex mutex;
  GArray *kept;
} Table;

static gboolean
program_has_lock (int fd)
{
  return lf_own_locks_may_have (fd, 0, 0, FALSE);
}

static gboolean
is_of (const Kept *kept,
       guint64     device,
       guint64     inode)
{
  return kept->device == device && kept->inode == inode;
}

/* With the mutex held: closes the descriptors that are no longer needed. The program may
 * have closed them. */
static void
sweep (Table *self)
{
  for (guint i = self->kept->len; i-- > 0;)
    {
      const Kept *kept = &g_array_index (self->kept, Kept, i);
      gboolean is_open = lf_descriptor_is (kept->fd, kept->device, kept->inode);

      if (is_open && program_has_lock (kept->fd))
        continue;

      if (is_open)
        lf_close (kept->fd);
      g_array_remove_index_fast (self->kept, i);
    }
}

static void
table_close (int     fd,
             guint64 device,
             guint64 inode)
{
  Table *self = lf_process_peek_state (LF_PROCESS_DESCRIPTORS);
  Kept kept = { fd, device, inode };

  g_mutex_lock (&self->mutex);
  g_array_append_val (self->kept, kept);
  sweep (self);
  g_mutex_unlock (&self->mutex);
}

static void
table_sweep (void)
{
  Table *self = lf_process_peek_state (LF_PROCESS_DESCRIPTORS);

  g_mutex_lock (&self->mutex);
  sweep (self);
  g_mutex_unlock (&self->mutex);
}

static int
table_reuse (guint64  device,
             guint64  inode,
             gboolean for_writing)
{
  Table *self = lf_process_peek_state (LF_PROCESS_DESCRIPTORS);
  int fd = -1;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->kept->len && fd < 0; i++)
    {
      const Kept *kept = &g_array_index (self->kept, Kept, i);

      if (!is_of (kept, device, inode) ||
          !lf_descriptor_is_enough (kept->fd, device, inode, for_writing))
        continue;

      fd = kept->fd;
      g_array_remove_index_fast (self->kept, i);
    }
  g_mutex_unlock (&self->mutex);

  return fd;
}

/* A forked child inherits the descriptors, but not the locks that they were kept for. If a
 * thread of the parent was changing a table, that table is left alone. */
static void
close_inherited (gpointer state,
                 gpointer user_data)
{
  Table *table = state;

  if (!g_mutex_trylock (&table->mutex))
    return;

  for (guint i = 0; i < table->kept->len; i++)
    {
      const Kept *kept = &g_array_index (table->kept, Kept, i);

      if (lf_descriptor_is (kept->fd, kept->device, kept->inode))
        lf_close (kept->fd);
    }
  g_array_set_size (table->kept, 0);
}

static gpointer
table_new (void)
{
  Table *self = g_new0 (Table, 1);

  self->keeper = (LfDescriptorKeeper) { table_close, table_reuse, table_sweep };
  g_mutex_init (&self->mutex);
  self->kept = g_array_new (FALSE, FALSE, sizeof (Kept));
  lf_process_foreach_inherited (LF_PROCESS_DESCRIPTORS, close_inherited, NULL);

  return self;
}

/* Usually nothing is kept; then nothing is looked up. */
void
lf_kept_descriptors_close (int     fd,
                           guint64 device,
                           guint64 inode)
{
  if (program_has_lock (fd))
    lf_process_get_state (LF_PROCESS_DESCRIPTORS, table_new);

  lf_descriptor_close (fd, device, inode);
}
