/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-claims-private.h"

#include "core/lf-operations-private.h"
#include "os/lf-path-private.h"
#include "os/lf-thread-private.h"
#include "os/lf-translate-private.h"

/* The state of an object in one process. A forked child makes a new one, since a thread
 * that does not exist in the child may have locked the mutex. lf-acquisition.c describes
 * the order of the mutexes; this mutex is the first. */
typedef struct _State State;

struct _State
{
  const LfProcess *process;
  State *inherited; /* the parent's, if this process was forked; only kept reachable */
  int inherited_pid; /* the holder of the inherited lock, or 0 */
  GMutex properties_mutex;

  GMutex mutex;
  LfHandle *handle; /* while held; atomic, since a forked child reads it without the mutex */
  guint64 thread;   /* that holds the lock */
  gssize grant;     /* number of the last grant, to tell grants apart */
  LfAcquisition *running; /* (unowned): whose turn it is */
  GQueue queue;           /* of unowned LfAcquisition: claims that wait for their turn */
  gboolean dropping;      /* a lost lock: the next claim could get its descriptor number */

  gboolean releasing;           /* since lf_claims_begin_release() */
  GMainContext *release_context; /* where the end is reported; NULL if it is synchronous */
  guint64 release_thread;       /* that began to release */
};

struct _LfClaims
{
  State *state; /* atomic */
};

static State *
state_new (State *inherited)
{
  State *self = g_new (State, 1);

  /* Numbers are never used twice: an inherited guard recognizes its grant by the number */
  *self = (State) {
    .process = lf_process_get (), .inherited = inherited,
    .grant = inherited != NULL ? inherited->grant : 0,
  };
  g_mutex_init (&self->properties_mutex);
  g_mutex_init (&self->mutex);
  g_queue_init (&self->queue);

  return self;
}

static void
state_free (State *self)
{
  g_clear_pointer (&self->release_context, g_main_context_unref);
  g_mutex_clear (&self->properties_mutex);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* In a forked child: closes what was inherited and leaves the lock to the parent, which
 * also has the threads of the claims. */
static void
leave_to_parent (State *self,
                 State *parents)
{
  LfHandle *handle = g_atomic_pointer_get (&parents->handle);
  LfAcquisition *running = g_atomic_pointer_get (&parents->running);

  if (running != NULL)
    lf_acquisition_leave (running);

  if (handle == NULL)
    return;

  self->inherited_pid = lf_process_get_id_of (parents->process);
  lf_operations_drop (handle);
}

/* The state of this process. */
static State *
get_state (LfClaims *self)
{
  State *state = g_atomic_pointer_get (&self->state);

  if (G_UNLIKELY (state->process != lf_process_get ()))
    {
      State *parents = state;

      state = state_new (parents);
      if (g_atomic_pointer_compare_and_exchange (&self->state, parents, state))
        leave_to_parent (state, parents);
      else
        {
          state_free (state);
          state = g_atomic_pointer_get (&self->state);
        }
    }

  return state;
}

static State *
lock_state (LfClaims *self)
{
  State *state = get_state (self);

  g_mutex_lock (&state->mutex);

  return state;
}

GMutex *
lf_claims_get_properties_mutex (LfClaims *self)
{
  return &get_state (self)->properties_mutex;
}

LfClaims *
lf_claims_new (void)
{
  LfClaims *self = g_new (LfClaims, 1);

  self->state = state_new (NULL);

  return self;
}

/* Releases the lock without notifications or errors. No claim is pending when an object is
 * finalized, since each claim has a reference to it. */
void
lf_claims_drop (LfClaims *self)
{
  State *state = lock_state (self);
  LfHandle *handle = NULL;

  if (!state->releasing)
    {
      handle = state->handle;
      g_atomic_pointer_set (&state->handle, NULL);
    }
  g_mutex_unlock (&state->mutex);

  if (handle != NULL)
    lf_operations_drop (handle);
}

/* Call lf_claims_drop() before this. */
void
lf_claims_free (LfClaims *self)
{
  State *state = self->state;
  State *inherited = state->inherited;

  state_free (state);
  while (inherited != NULL)
    {
      state = inherited;
      inherited = state->inherited;
      /* Not state_free(): the mutex may be locked */
      g_free (state);
    }
  g_free (self);
}

/* With the mutex held. A lock that is being released no longer counts as held, even if the
 * release fails later. */
static gboolean
is_held (State *state)
{
  return state->handle != NULL && !state->releasing;
}

/* With the mutex held: the same, and whether the lock was not lost because the program
 * closed its descriptor. */
static gboolean
is_held_still (State    *state,
               gboolean  may_wait)
{
  const LfBackendVTable *backend;

  if (!is_held (state))
    return FALSE;

  backend = state->handle->request.backend;

  return backend->is_intact == NULL || backend->is_intact (backend, state->handle, may_wait);
}

gboolean
lf_claims_is_held (LfClaims *self)
{
  State *state = lock_state (self);
  gboolean held = is_held_still (state, FALSE);

  g_mutex_unlock (&state->mutex);

  return held;
}

/* Whether the calling thread holds the lock. */
gboolean
lf_claims_is_held_here (LfClaims *self)
{
  State *state = lock_state (self);
  gboolean held = is_held (state) && state->thread == lf_thread_get_number ();

  g_mutex_unlock (&state->mutex);

  return held;
}

/* With the mutex held: lets the next claim begin, if nothing is before it. */
static void
start_next (State *state)
{
  if (state->handle != NULL || state->running != NULL || state->dropping)
    return;

  g_atomic_pointer_set (&state->running, g_queue_pop_head (&state->queue));
  if (state->running != NULL)
    lf_acquisition_start (state->running);
}

gboolean
lf_claims_forget_lost (LfClaims *self,
                       gboolean  may_wait)
{
  State *state = g_atomic_pointer_get (&self->state);
  LfHandle *lost = NULL;

  if (g_atomic_pointer_get (&state->handle) == NULL)
    return FALSE;

  state = lock_state (self);
  if (is_held (state) && !is_held_still (state, may_wait))
    {
      lost = state->handle;
      g_atomic_pointer_set (&state->handle, NULL);
      state->dropping = TRUE;
    }
  g_mutex_unlock (&state->mutex);

  if (lost == NULL)
    return FALSE;

  lf_operations_drop (lost);

  g_mutex_lock (&state->mutex);
  state->dropping = FALSE;
  start_next (state);
  g_mutex_unlock (&state->mutex);

  return TRUE;
}

int
lf_claims_get_fd (LfClaims *self)
{
  State *state = lock_state (self);
  int fd = is_held_still (state, FALSE) ? state->handle->fd : -1;

  g_mutex_unlock (&state->mutex);

  return fd;
}

LfHandle *
lf_claims_steal (LfClaims *self)
{
  State *state = lock_state (self);
  LfHandle *handle = NULL;

  if (is_held_still (state, FALSE) && state->handle->request.backend->adopt != NULL)
    {
      handle = state->handle;
      g_atomic_pointer_set (&state->handle, NULL);
      start_next (state);
    }
  g_mutex_unlock (&state->mutex);

  return handle;
}

/* Holds the mutex during the call, so that no other thread releases. The call never waits for
 * another holder. */
gboolean
lf_claims_convert (LfClaims    *self,
                   LfLockMode   mode,
                   LfAttempt   *result,
                   GError     **error)
{
  State *state = lock_state (self);
  gboolean held = is_held_still (state, TRUE);

  if (held)
    *result = lf_operations_convert (state->handle, mode, error);
  g_mutex_unlock (&state->mutex);

  return held;
}

guint
lf_claims_get_slot (LfClaims *self)
{
  State *state = lock_state (self);
  guint slot = is_held_still (state, FALSE) ? state->handle->slot : 0;

  g_mutex_unlock (&state->mutex);

  return slot;
}

int
lf_claims_get_inherited_pid (LfClaims *self)
{
  State *state = lock_state (self);
  int pid = state->inherited_pid;

  g_mutex_unlock (&state->mutex);

  return pid;
}

void
lf_claims_set_pending_error (const char  *path,
                             GError     **error)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PENDING,
               _("Another operation on the lock file object of %s is not finished"),
               display_name);
}

static void
enqueue (State         *state,
         LfAcquisition *acquisition)
{
  g_queue_push_tail (&state->queue, acquisition);
  start_next (state);
}

/* With the mutex held: whether a new claim would wait for something that is reported only
 * when the calling thread iterates its main context. */
static gboolean
would_wait_for_itself (State *state)
{
  if (state->release_context != NULL &&
      lf_acquisition_is_context_of (state->release_context, state->release_thread))
    return TRUE;

  if (state->running != NULL && lf_acquisition_needs_this_thread (state->running))
    return TRUE;

  for (GList *link = state->queue.head; link != NULL; link = link->next)
    {
      if (lf_acquisition_needs_this_thread (link->data))
        return TRUE;
    }

  return FALSE;
}

gssize
lf_claims_acquire (LfClaims       *self,
                   LfAcquisition  *acquisition,
                   const char     *path,
                   GError        **error)
{
  State *state = lock_state (self);
  LfHandle *handle;

  if (would_wait_for_itself (state))
    {
      g_mutex_unlock (&state->mutex);
      lf_claims_set_pending_error (path, error);
      return 0;
    }

  enqueue (state, acquisition);
  g_mutex_unlock (&state->mutex);

  handle = lf_acquisition_run (acquisition, error);

  return lf_claims_end (self, acquisition, handle);
}

void
lf_claims_add (LfClaims      *self,
               LfAcquisition *acquisition)
{
  State *state = lock_state (self);

  enqueue (state, acquisition);
  g_mutex_unlock (&state->mutex);
}

/* Ends an acquisition. With a @handle, the calling thread holds the lock from now on, and
 * the number of the grant is returned. */
gssize
lf_claims_end (LfClaims      *self,
               LfAcquisition *acquisition,
               LfHandle      *handle)
{
  State *state = lock_state (self);
  gssize grant = 0;

  if (state->running == acquisition)
    g_atomic_pointer_set (&state->running, NULL);
  else
    g_queue_remove (&state->queue, acquisition);

  if (handle != NULL)
    {
      lf_handle_set_held (handle);
      g_atomic_pointer_set (&state->handle, handle);
      state->thread = lf_thread_get_number ();
      state->inherited_pid = 0;
      grant = ++state->grant;
    }

  start_next (state);
  g_mutex_unlock (&state->mutex);

  return grant;
}

LfClaimsRelease
lf_claims_begin_release (LfClaims      *self,
                         gssize         grant,
                         GMainContext  *context,
                         LfHandle     **handle)
{
  State *state = lock_state (self);
  LfClaimsRelease result = LF_CLAIMS_NOT_HELD;

  *handle = NULL;
  if (state->inherited_pid != 0)
    result = LF_CLAIMS_INHERITED;
  else if (state->releasing)
    result = LF_CLAIMS_PENDING;
  else if (state->handle != NULL && (grant == 0 || grant == state->grant))
    {
      result = LF_CLAIMS_BEGUN;
      *handle = state->handle;
      lf_handle_set_releasing (state->handle, TRUE);
      state->releasing = TRUE;
      state->release_context = context != NULL ? g_main_context_ref (context) : NULL;
      state->release_thread = lf_thread_get_number ();
    }
  g_mutex_unlock (&state->mutex);

  return result;
}

/* Ends a release, in the context where it is reported. */
void
lf_claims_end_release (LfClaims  *self,
                       LfRelease  result)
{
  State *state = lock_state (self);
  LfHandle *released = NULL;

  state->releasing = FALSE;
  g_clear_pointer (&state->release_context, g_main_context_unref);
  if (result != LF_RELEASE_FAILED)
    {
      released = state->handle;
      g_atomic_pointer_set (&state->handle, NULL);
    }
  else
    lf_handle_set_releasing (state->handle, FALSE);
  start_next (state);
  g_mutex_unlock (&state->mutex);

  if (released != NULL)
    lf_handle_free (released);
}
