/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-backend-private.h"

#include <errno.h>

#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* A limited number of holders of a path. Each one holds the lock of one of the slot files
 * PATH.1, PATH.2, ..., with the platform's default backend. A waiter first waits for the lock
 * of PATH.queue. The waiter that holds it is the head of the queue. It waits for all slots at
 * once, and releases the lock of the queue after it was granted a slot. So the kernel keeps
 * the order of the waiters, and frees a slot or the head's place if its process ends.
 *
 * Before a slot is granted, a handle has data of this backend. After that it is a handle of
 * the slot's file and backend, which then releases it. */

typedef struct
{
  const LfBackendVTable *backend;
  LfHandle *queue;  /* NULL for a single try, which does not queue */
  gboolean is_head;
  guint n_slots;
  LfHandle **slots; /* an element is NULL before its first attempt */
} Slots;

static LfHandle *
new_member (const LfRequest *request,
            const char      *suffix)
{
  g_autofree char *name = g_strconcat (request->path, ".", suffix, NULL);
  char *path = lf_path_new (name);
  LfRequest member_request = *request;
  LfHandle *member;

  member_request.backend = lf_backend_get_vtable (lf_backend_resolve (LF_BACKEND_AUTO));
  member_request.path = path;
  member = lf_handle_new (&member_request);
  lf_path_unref (path);

  return member;
}

static Slots *
get_slots (LfHandle *handle)
{
  Slots *slots = handle->data;

  if (slots != NULL)
    return slots;

  slots = g_new0 (Slots, 1);
  slots->backend = lf_backend_get_vtable (lf_backend_resolve (LF_BACKEND_AUTO));
  slots->n_slots = handle->request.slots;
  slots->slots = g_new0 (LfHandle *, slots->n_slots);
  if (!handle->request.try_once)
    slots->queue = new_member (&handle->request, "queue");
  g_atomic_pointer_set (&handle->data, slots);

  return slots;
}

static void
drop_member (LfHandle **member)
{
  LfHandle *handle = g_steal_pointer (member);

  if (handle == NULL)
    return;

  handle->request.backend->drop (handle->request.backend, handle);
  lf_handle_free (handle);
}

/* The slots are dropped first, because the next head must find them free. */
static void
drop_members (Slots *slots,
              guint  kept)
{
  for (guint i = 0; i < slots->n_slots; i++)
    {
      if (i != kept)
        drop_member (&slots->slots[i]);
    }
  drop_member (&slots->queue);
}

static void
free_slots (Slots *slots)
{
  g_free (slots->slots);
  g_free (slots);
}

static void
slots_drop (const LfBackendVTable *vtable,
            LfHandle              *handle)
{
  Slots *slots = g_steal_pointer (&handle->data);

  if (slots == NULL)
    return;

  drop_members (slots, G_MAXUINT);
  free_slots (slots);
}

static gboolean
has_slot (const LfHandle *handle)
{
  return g_atomic_int_get (&handle->slot) != 0;
}

/* Makes @handle the handle of the slot that was granted, and lets the next waiter become the
 * head. The process may be forked at any point here, and the child then closes what it
 * finds. */
static void
take_slot (LfHandle *handle,
           guint     index)
{
  Slots *slots = handle->data;
  LfHandle *member = slots->slots[index];

  drop_members (slots, index);

  /* Waiters of this process that poll are woken by this name */
  handle->lock_name = g_strdup (handle->request.path);
  lf_path_unref (handle->request.path);
  handle->request.path = lf_path_ref (member->request.path);
  handle->request.backend = member->request.backend;
  handle->fd = member->fd;
  handle->device = member->device;
  handle->inode = member->inode;
  handle->may_be_locked = member->may_be_locked;
  g_atomic_int_set (&handle->slot, index + 1);
  handle->data = member->data;

  lf_handle_free (member);
  free_slots (slots);
}

static LfAttempt
try_slots (LfHandle  *handle,
           GError   **error)
{
  Slots *slots = handle->data;

  for (guint i = 0; i < slots->n_slots; i++)
    {
      LfAttempt result;

      if (slots->slots[i] == NULL)
        {
          g_autofree char *number = g_strdup_printf ("%u", i + 1);

          slots->slots[i] = new_member (&handle->request, number);
        }

      result = slots->backend->attempt (slots->backend, slots->slots[i], error);
      if (result == LF_ATTEMPT_GRANTED)
        take_slot (handle, i);
      if (result != LF_ATTEMPT_BUSY)
        return result;
    }

  return LF_ATTEMPT_BUSY;
}

/* While others wait, a slot that is released is granted to the head by the kernel. So a
 * single try, which does not queue, can be granted a slot before the head only in the moment
 * until the head has woken up, as with any waiter in the kernel. */
static LfAttempt
slots_attempt (const LfBackendVTable  *vtable,
               LfHandle               *handle,
               GError                **error)
{
  Slots *slots;

  if (has_slot (handle))
    return handle->request.backend->attempt (handle->request.backend, handle, error);

  slots = get_slots (handle);
  if (slots->queue != NULL && !slots->is_head)
    {
      LfAttempt result = slots->backend->attempt (slots->backend, slots->queue, error);

      if (result != LF_ATTEMPT_GRANTED)
        return result;

      slots->is_head = TRUE;
    }

  return try_slots (handle, error);
}

/* The first grant of one of these ends the wait. */
static LfHandle **
slots_get_members (const LfBackendVTable *vtable,
                   LfHandle              *handle,
                   guint                 *n_members)
{
  Slots *slots = handle->data;

  *n_members = slots->is_head ? slots->n_slots : 1;

  return slots->is_head ? slots->slots : &slots->queue;
}

static gboolean
slots_has_queue (const LfBackendVTable *vtable,
                 const LfHandle        *handle)
{
  const Slots *slots = handle->data;

  return slots->backend->has_queue == NULL ||
         slots->backend->has_queue (slots->backend, slots->queue);
}

/* All files are in one directory, so the queue stands for all of them. EAGAIN means that a
 * thread could not be started for a slot, since no wait in the kernel fails with it. */
static void
slots_set_block_error (const LfBackendVTable  *vtable,
                       const LfHandle         *handle,
                       int                     saved_errno,
                       GError                **error)
{
  const Slots *slots = handle->data;

  if (saved_errno == EAGAIN)
    {
      g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED,
                   _("Cannot start a thread to wait for a lock: %s"), g_strerror (saved_errno));
      return;
    }

  slots->backend->set_block_error (slots->backend, slots->queue, saved_errno, error);
}

/* Only the head has tried all slots. */
static gboolean
slots_held_by_thread (const LfBackendVTable *vtable,
                      const LfHandle        *handle)
{
  const Slots *slots = handle->data;

  if (slots == NULL || !slots->is_head)
    return FALSE;

  for (guint i = 0; i < slots->n_slots; i++)
    {
      if (!lf_handle_held_by_thread (slots->slots[i]))
        return FALSE;
    }

  return TRUE;
}

static void
leave_member (LfHandle *member)
{
  if (member != NULL)
    member->request.backend->leave (member->request.backend, member);
}

static void
slots_leave (const LfBackendVTable *vtable,
             LfHandle              *handle)
{
  Slots *slots = g_atomic_pointer_get (&handle->data);

  if (has_slot (handle))
    {
      leave_member (handle);
      return;
    }

  if (slots == NULL)
    return;

  for (guint i = 0; i < slots->n_slots; i++)
    leave_member (slots->slots[i]);
  leave_member (slots->queue);
}

/* The holder of a slot does not tell whether this object has lost its own slot. */
static gboolean
slots_query_holder (const LfBackendVTable  *vtable,
                    const char             *path,
                    LfLockHolder          **holder,
                    GError                **error)
{
  *holder = NULL;

  return TRUE;
}

/* A granted handle has the slot's backend, so this one has no release() */
const LfBackendVTable lf_backend_slots = {
  .backend = LF_BACKEND_AUTO,
  .attempt = slots_attempt,
  .get_members = slots_get_members,
  .has_queue = slots_has_queue,
  .set_block_error = slots_set_block_error,
  .held_by_thread = slots_held_by_thread,
  .drop = slots_drop,
  .leave = slots_leave,
  .query_holder = slots_query_holder,
};
