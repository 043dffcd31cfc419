/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-handle-private.h"

#include <errno.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "backends/lf-backend-private.h"
#include "lf-descriptor-private.h"
#include "lf-process-private.h"

/* All handles that hold a lock, so that a thread that would wait for itself can
 * be told. It is searched only where a wait without end would begin. */
static GQueue held_handles = G_QUEUE_INIT;
G_LOCK_DEFINE_STATIC (held_handles);

/* Numbers for threads that, unlike the system's, are never used twice. */
static guint64
get_thread_number (void)
{
  static GPrivate thread_number;
  static gsize last_number;
  gsize number = GPOINTER_TO_SIZE (g_private_get (&thread_number));

  if (number == 0)
    {
      number = 1 + (gsize) g_atomic_pointer_add (&last_number, 1);
      g_private_set (&thread_number, GSIZE_TO_POINTER (number));
    }

  return number;
}

LfHandle *
lf_handle_new (const LfRequest *request)
{
  LfHandle *self = g_new (LfHandle, 1);

  *self = (LfHandle) {
    .backend = request->backend,
    .path = g_ref_string_acquire (request->path),
    .fd = -1,
    .mode = request->mode,
    .pid = lf_process_get_id (),
  };

  return self;
}

/* Closes once, whatever close() says: on Linux the descriptor is gone even
 * after EINTR, and might be somebody else's by now. */
void
lf_close (int fd)
{
  if (close (fd) != 0)
    g_debug ("Closing a lock file's descriptor: %s", g_strerror (errno));
}

void
lf_handle_close (LfHandle *self)
{
  if (self->fd < 0)
    return;

  lf_descriptor_close (self);
  self->fd = -1;
}

void
lf_handle_free (LfHandle *self)
{
  lf_handle_close (self);

  if (self->thread != 0)
    {
      G_LOCK (held_handles);
      g_queue_unlink (&held_handles, &self->link);
      G_UNLOCK (held_handles);
    }

  g_ref_string_release (self->path);
  g_free (self);
}

gboolean
lf_handle_is_own (const LfHandle *self)
{
  return self->pid == lf_process_get_id ();
}

/* Notes that the calling thread holds the lock. */
void
lf_handle_set_held (LfHandle *self)
{
  self->thread = get_thread_number ();
  self->link.data = self;

  G_LOCK (held_handles);
  g_queue_push_head_link (&held_handles, &self->link);
  G_UNLOCK (held_handles);
}

/* Where the lock is that there is something at the path, it does not matter what. */
static gboolean
lf_handle_is_same_lock (const LfHandle *self,
                        const LfHandle *other)
{
  if (self->backend != other->backend &&
      !(self->backend->is_existence && other->backend->is_existence))
    return FALSE;

  if (self->inode != 0 && other->inode != 0)
    return self->inode == other->inode && self->device == other->device;

  return g_str_equal (self->path, other->path);
}

/* Whether the calling thread holds the lock that @self is for. */
gboolean
lf_handle_held_by_thread (const LfHandle *self)
{
  guint64 thread = get_thread_number ();
  gboolean held = FALSE;

  G_LOCK (held_handles);
  for (GList *link = held_handles.head; link != NULL && !held; link = link->next)
    {
      LfHandle *other = link->data;

      held = other->thread == thread && other->pid == self->pid &&
             lf_handle_is_same_lock (self, other);
    }
  G_UNLOCK (held_handles);

  return held;
}

/* Whether this process holds the lock of that file. */
gboolean
lf_handle_held_by_process (guint64 device,
                           guint64 inode)
{
  gboolean held = FALSE;

  G_LOCK (held_handles);
  for (GList *link = held_handles.head; link != NULL && !held; link = link->next)
    {
      LfHandle *handle = link->data;

      held = lf_handle_is_own (handle) && handle->device == device && handle->inode == inode;
    }
  G_UNLOCK (held_handles);

  return held;
}
