/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-handle-private.h"

#include "backends/lf-backend-private.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-path-private.h"
#include "os/lf-thread-private.h"

/* All handles that hold a lock, to notice when a thread would wait for itself. Searched
 * only before a wait that could last forever. No other mutex is locked while this one is
 * held. */
typedef struct
{
  GMutex mutex;
  GQueue handles;
  GPtrArray *by_fd; /* the handle of each descriptor */
} HeldHandles;

/* Higher descriptors are possible, but not noted. */
#define MAX_NOTED_FD 65536

static gpointer
held_handles_new (void)
{
  HeldHandles *self = g_new0 (HeldHandles, 1);

  g_mutex_init (&self->mutex);
  g_queue_init (&self->handles);
  self->by_fd = g_ptr_array_new ();

  return self;
}

static HeldHandles *
lock_held_handles (void)
{
  HeldHandles *self = lf_process_get_state (LF_PROCESS_HELD, held_handles_new);

  g_mutex_lock (&self->mutex);

  return self;
}

LfHandle *
lf_handle_new (const LfRequest *request)
{
  /* Not g_new0(): the C library has no cache of small blocks for calloc() */
  LfHandle *self = g_new (LfHandle, 1);

  *self = (LfHandle) {
    .request = *request,
    .fd = -1,
    .noted_fd = -1,
    .process = lf_process_get (),
  };
  self->request.path = lf_path_ref (request->path);
  if (request->adopted != NULL)
    lf_adopted_ref (request->adopted);

  return self;
}

/* With the mutex held: where the handle of a descriptor is noted, or NULL. */
static gpointer *
find_place (HeldHandles *held,
            int          fd)
{
  if (fd < 0 || (guint) fd >= held->by_fd->len)
    return NULL;

  return &held->by_fd->pdata[fd];
}

/* With the mutex held. */
static void
note_fd (HeldHandles *held,
         LfHandle    *self)
{
  if (self->fd < 0 || self->fd >= MAX_NOTED_FD)
    return;

  if ((guint) self->fd >= held->by_fd->len)
    g_ptr_array_set_size (held->by_fd, self->fd + 1);
  held->by_fd->pdata[self->fd] = self;
  self->noted_fd = self->fd;
}

/* With the mutex held. */
static void
forget_fd (HeldHandles *held,
           LfHandle    *self)
{
  gpointer *place = find_place (held, self->noted_fd);

  if (place != NULL && *place == self)
    *place = NULL;
  self->noted_fd = -1;
}

/* Must be called before the descriptor is closed: afterwards another handle may get its
 * number. */
void
lf_handle_forget_fd (LfHandle *self)
{
  HeldHandles *held;

  if (self->noted_fd < 0)
    return;

  held = lock_held_handles ();
  forget_fd (held, self);
  g_mutex_unlock (&held->mutex);
}

/* FALSE if the descriptor now belongs to another handle, which got the number after the
 * program had closed this handle's. */
gboolean
lf_handle_has_fd (const LfHandle *self)
{
  HeldHandles *held = lock_held_handles ();
  gpointer *place = find_place (held, self->fd);
  gboolean has_fd = place == NULL || *place == NULL || *place == self;

  g_mutex_unlock (&held->mutex);

  return has_fd;
}

/* The same, and forgets the descriptor if it is still ours, since it is about to be closed. */
gboolean
lf_handle_take_fd (LfHandle *self)
{
  HeldHandles *held = lock_held_handles ();
  gpointer *place = find_place (held, self->fd);
  gboolean has_fd = place == NULL || *place == NULL || *place == self;

  forget_fd (held, self);
  g_mutex_unlock (&held->mutex);

  return has_fd;
}

void
lf_handle_close_fd (LfHandle *self)
{
  lf_handle_forget_fd (self);
  if (self->fd < 0)
    return;

  lf_descriptor_close (self->fd, self->device, self->inode);
  self->fd = -1;
}

/* Close what the handle has open before this. */
void
lf_handle_free (LfHandle *self)
{
  if (self->thread != 0 && lf_handle_is_own (self))
    {
      HeldHandles *held = lock_held_handles ();

      g_queue_unlink (&held->handles, &self->link);
      forget_fd (held, self);
      g_mutex_unlock (&held->mutex);
    }

  lf_path_unref (self->request.path);
  g_clear_pointer (&self->request.adopted, lf_adopted_unref);
  g_free (self->lock_name);
  g_free (self);
}

const char *
lf_handle_get_lock_name (const LfHandle *self)
{
  return self->lock_name != NULL ? self->lock_name : self->request.path;
}

gboolean
lf_handle_is_own (const LfHandle *self)
{
  return self->process == lf_process_get ();
}

/* Notes that the calling thread holds the lock. If another handle was noted with the same
 * descriptor, the program has closed that one's. */
void
lf_handle_set_held (LfHandle *self)
{
  HeldHandles *held = lock_held_handles ();

  self->thread = lf_thread_get_number ();
  self->link.data = self;
  g_queue_push_head_link (&held->handles, &self->link);
  note_fd (held, self);
  g_mutex_unlock (&held->mutex);
}

/* A lock that is being released does not make a thread wait forever. */
void
lf_handle_set_releasing (LfHandle *self,
                         gboolean  releasing)
{
  g_atomic_int_set (&self->releasing, releasing);
}

/* From now on the lock is not held, although the handle still exists. */
void
lf_handle_set_over (LfHandle *self)
{
  g_atomic_int_set (&self->is_over, TRUE);
}

/* For a dotlock, only the path matters, not what is there. */
static gboolean
lf_handle_is_same_lock (const LfHandle *self,
                        const LfHandle *other)
{
  const LfBackendVTable *backend = self->request.backend;
  const LfBackendVTable *other_backend = other->request.backend;

  if (backend != other_backend && !(backend->is_dotlock && other_backend->is_dotlock))
    return FALSE;

  if (self->lock_name != NULL && other->lock_name != NULL)
    return g_str_equal (self->lock_name, other->lock_name);

  if (self->inode != 0 && other->inode != 0)
    return self->inode == other->inode && self->device == other->device;

  return g_str_equal (self->request.path, other->request.path);
}

/* Whether the calling thread holds the lock of @self, through any handle. */
gboolean
lf_handle_held_by_thread (const LfHandle *self)
{
  const LfBackendVTable *backend = self->request.backend;
  guint64 thread = lf_thread_get_number ();
  HeldHandles *table;
  gboolean held = FALSE;

  if (backend->held_by_thread != NULL)
    return backend->held_by_thread (backend, self);

  table = lock_held_handles ();

  for (GList *link = table->handles.head; link != NULL && !held; link = link->next)
    {
      LfHandle *other = link->data;

      held = other->thread == thread && !g_atomic_int_get (&other->releasing) &&
             !g_atomic_int_get (&other->is_over) &&
             lf_handle_is_same_lock (self, other);
    }
  g_mutex_unlock (&table->mutex);

  return held;
}

/* Whether any thread of this process holds the lock of @self, through any handle. */
gboolean
lf_handle_held_by_any_thread (const LfHandle *self)
{
  HeldHandles *table = lock_held_handles ();
  gboolean held = FALSE;

  for (GList *link = table->handles.head; link != NULL && !held; link = link->next)
    {
      LfHandle *other = link->data;

      held = !g_atomic_int_get (&other->is_over) && lf_handle_is_same_lock (self, other);
    }
  g_mutex_unlock (&table->mutex);

  return held;
}

/* Whether this process holds a lock on that file. */
gboolean
lf_handle_held_by_process (guint64 device,
                           guint64 inode)
{
  HeldHandles *table = lock_held_handles ();
  gboolean held = FALSE;

  for (GList *link = table->handles.head; link != NULL && !held; link = link->next)
    {
      LfHandle *handle = link->data;

      held = handle->device == device && handle->inode == inode;
    }
  g_mutex_unlock (&table->mutex);

  return held;
}
