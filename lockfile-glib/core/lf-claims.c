/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-claims-private.h"

#include "core/lf-lease-private.h"
#include "core/lf-monitor-private.h"
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

  /* The held handle is checked without the mutex, by one thread at a time. Other uses of the
   * handle wait for the end of the check, or leave the handle to it. */
  gboolean checking;
  GCond checked;
  gboolean dropped;   /* by the object, during the check */
  LfMonitor *monitor; /* of the grant, or NULL */

  gboolean releasing;           /* since lf_claims_begin_release() */
  GMainContext *release_context; /* where the end is reported; NULL if it is synchronous */
  guint64 release_thread;       /* that began to release */
};

struct _LfClaims
{
  gatomicrefcount ref_count;
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
  g_cond_init (&self->checked);
  g_queue_init (&self->queue);

  return self;
}

static void
state_free (State *self)
{
  g_clear_pointer (&self->release_context, g_main_context_unref);
  g_mutex_clear (&self->properties_mutex);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->checked);
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
  g_atomic_ref_count_init (&self->ref_count);

  return self;
}

/* With the mutex held. */
static LfHandle *
take_handle (State *state)
{
  LfHandle *handle = state->handle;

  g_atomic_pointer_set (&state->handle, NULL);

  return handle;
}

/* Releases the lock without notifications or errors. No claim is pending when an object is
 * finalized, since each claim has a reference to it. Does not wait for a check of the
 * monitor, which may be stuck in a file system. */
void
lf_claims_drop (LfClaims *self)
{
  State *state = lock_state (self);
  LfMonitor *monitor = NULL;
  LfHandle *handle = NULL;

  if (!state->releasing)
    {
      monitor = g_steal_pointer (&state->monitor);
      if (state->checking)
        state->dropped = TRUE;
      else
        handle = take_handle (state);
    }
  g_mutex_unlock (&state->mutex);

  if (monitor != NULL)
    lf_monitor_stop (monitor);
  if (handle != NULL)
    lf_operations_drop (handle);
}

LfClaims *
lf_claims_ref (LfClaims *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

/* For the object: call lf_claims_drop() before this. */
void
lf_claims_unref (LfClaims *self)
{
  State *state = self->state;
  State *inherited = state->inherited;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

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
 * closed its descriptor, or because its lease is over. */
static gboolean
is_held_still (State    *state,
               gboolean  may_wait)
{
  const LfBackendVTable *backend;

  if (!is_held (state) || lf_operations_is_over (state->handle))
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

/* With the mutex held. Unlocks it for a while. Drops a lock that was lost, and finds out the
 * reason if @asks. The monitor reports the loss before the next claim begins. */
static void
lose (State     *state,
      gboolean   asks,
      gboolean   is_noticed,
      GError   **error)
{
  LfMonitor *monitor = g_steal_pointer (&state->monitor);
  LfHandle *handle = take_handle (state);
  const LfBackendVTable *backend = handle->request.backend;
  char *path = lf_path_ref (handle->request.path);
  gboolean is_over = lf_operations_is_over (handle);
  GError *reason = NULL;

  if (is_over)
    lf_handle_set_over (handle);
  state->dropping = TRUE;
  g_mutex_unlock (&state->mutex);

  if (is_over)
    lf_operations_set_over_error (handle, asks, &reason);
  /* A lost lock often means that the server does not answer */
  asks = asks && !backend->is_remote;
  lf_operations_drop (handle);
  if (!is_over && asks && (error != NULL || monitor != NULL))
    lf_operations_set_not_held_error (backend, path, &reason);
  else if (!is_over && (error != NULL || monitor != NULL))
    lf_operations_set_not_locked_error (path, &reason);

  if (error != NULL && reason != NULL)
    *error = g_error_copy (reason);
  lf_path_unref (path);

  g_mutex_lock (&state->mutex);
  state->dropping = FALSE;
  /* The receiver of the report can claim the lock at once */
  if (monitor != NULL)
    lf_monitor_report (monitor, g_steal_pointer (&reason), is_noticed);
  start_next (state);
  g_cond_broadcast (&state->checked);
  g_mutex_unlock (&state->mutex);

  if (monitor != NULL)
    lf_monitor_stop (monitor);
  g_clear_error (&reason);

  g_mutex_lock (&state->mutex);
}

/* With the mutex held. */
static void
wait_for_check (State *state)
{
  while (state->checking)
    g_cond_wait (&state->checked, &state->mutex);
}

gboolean
lf_claims_forget_lost (LfClaims *self,
                       gboolean  may_wait)
{
  State *state = g_atomic_pointer_get (&self->state);
  gboolean lost;

  if (g_atomic_pointer_get (&state->handle) == NULL)
    return FALSE;

  state = lock_state (self);
  if (may_wait)
    wait_for_check (state);
  /* Otherwise the check in progress finds that out */
  lost = !state->checking && is_held (state) && !is_held_still (state, may_wait);
  if (lost)
    lose (state, FALSE, TRUE, NULL);
  g_mutex_unlock (&state->mutex);

  return lost;
}

/* A check of a lock that has expired ends at once, unless it had begun before */
#define MAX_WAIT_FOR_CHECK (G_USEC_PER_SEC / 10)

void
lf_claims_report_expired (LfClaims *self)
{
  State *state = lock_state (self);
  gint64 end = g_get_monotonic_time () + MAX_WAIT_FOR_CHECK;

  while ((state->dropping ||
          (state->checking && is_held (state) && !is_held_still (state, FALSE))) &&
         g_cond_wait_until (&state->checked, &state->mutex, end))
    ;

  if (!state->checking && is_held (state) && !is_held_still (state, FALSE))
    lose (state, FALSE, FALSE, NULL);
  g_mutex_unlock (&state->mutex);
}

/* With the mutex held. Unlocks it for a while. Checks once whether the lock is still held.
 * Returns FALSE if its lease ended during the check. Then that was reported, and the object may
 * have another lock by now. */
static gboolean
check (State      *state,
       LfVerdict  *verdict,
       GError    **error)
{
  LfHandle *handle = state->handle;

  state->checking = TRUE;
  g_mutex_unlock (&state->mutex);

  *verdict = lf_operations_verify (handle, error);

  g_mutex_lock (&state->mutex);
  if (state->handle != handle)
    {
      g_mutex_unlock (&state->mutex);
      lf_operations_drop (handle);
      g_mutex_lock (&state->mutex);
      return FALSE;
    }
  state->checking = FALSE;
  g_cond_broadcast (&state->checked);

  return TRUE;
}

LfClaimsVerified
lf_claims_verify (LfClaims  *self,
                  GError   **error)
{
  State *state = lock_state (self);
  LfClaimsVerified result = LF_CLAIMS_STILL_HELD;
  LfVerdict verdict = LF_VERDICT_HELD;

  wait_for_check (state);
  if (state->inherited_pid != 0)
    result = LF_CLAIMS_PARENTS;
  else if (!is_held (state))
    result = LF_CLAIMS_NONE;
  else if (!check (state, &verdict, error))
    {
      if (error != NULL)
        g_clear_error (error);
      result = LF_CLAIMS_NONE;
      verdict = LF_VERDICT_HELD;
    }

  if (verdict == LF_VERDICT_UNKNOWN)
    result = LF_CLAIMS_NOT_VERIFIED;
  else if (verdict == LF_VERDICT_LOST && !is_held (state))
    {
      /* Another thread has begun to release it, and will report the loss */
      result = LF_CLAIMS_NONE;
    }
  else if (verdict == LF_VERDICT_LOST)
    {
      result = LF_CLAIMS_LOST;
      lose (state, TRUE, TRUE, error);
    }
  g_mutex_unlock (&state->mutex);

  return result;
}

/* The check of a monitor. */
static gboolean
check_cb (gpointer data)
{
  LfClaims *self = data;
  g_autoptr (GError) error = NULL;
  State *state = lock_state (self);
  LfVerdict verdict = LF_VERDICT_HELD;
  LfHandle *dropped = NULL;

  wait_for_check (state);
  if (is_held (state) && state->monitor != NULL && !check (state, &verdict, &error))
    verdict = LF_VERDICT_HELD;
  else if (state->dropped)
    {
      state->dropped = FALSE;
      dropped = take_handle (state);
    }
  else if (verdict == LF_VERDICT_LOST && is_held (state))
    lose (state, TRUE, FALSE, NULL);
  g_mutex_unlock (&state->mutex);

  if (dropped != NULL)
    lf_operations_drop (dropped);
  if (error != NULL)
    g_debug ("Cannot check a held lock: %s", error->message);

  return verdict == LF_VERDICT_UNKNOWN;
}

/* The lease of a lock is over. This does not wait for a file system before it has reported
 * that: a check that is stuck there keeps the handle, and drops it. */
static void
over_cb (LfLease  *lease,
         gpointer  data)
{
  State *state = lock_state (data);
  LfMonitor *monitor = NULL;
  LfHandle *handle = NULL;

  /* A release in progress reports it. A file system that has just answered a renewal can also
   * say whose the lock is now */
  if (is_held (state) && state->handle->lease == lease && !state->checking &&
      lf_lease_is_lost (lease))
    lose (state, TRUE, FALSE, NULL);
  else if (is_held (state) && state->handle->lease == lease)
    {
      GError *reason = NULL;

      handle = take_handle (state);
      lf_handle_set_over (handle);
      monitor = g_steal_pointer (&state->monitor);
      lf_operations_set_over_error (handle, FALSE, &reason);
      if (monitor != NULL)
        lf_monitor_report (monitor, g_steal_pointer (&reason), FALSE);
      g_clear_error (&reason);
      state->dropping = !state->checking;
      if (state->checking)
        {
          handle = NULL;
          state->checking = state->dropped = FALSE;
          g_cond_broadcast (&state->checked);
        }
    }
  g_mutex_unlock (&state->mutex);

  if (monitor != NULL)
    lf_monitor_stop (monitor);
  if (handle != NULL)
    lf_operations_drop (handle);

  g_mutex_lock (&state->mutex);
  if (handle != NULL)
    state->dropping = FALSE;
  start_next (state);
  g_mutex_unlock (&state->mutex);
}

static void
unref_claims (gpointer data)
{
  lf_claims_unref (data);
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
  LfMonitor *monitor = NULL;
  LfHandle *handle = NULL;

  wait_for_check (state);
  if (is_held_still (state, FALSE) && state->handle->request.backend->adopt != NULL)
    {
      monitor = g_steal_pointer (&state->monitor);
      handle = take_handle (state);
      start_next (state);
    }
  g_mutex_unlock (&state->mutex);

  if (monitor != NULL)
    lf_monitor_stop (monitor);

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
  gboolean held;

  wait_for_check (state);
  held = is_held_still (state, TRUE);
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

gint64
lf_claims_get_token (LfClaims *self)
{
  State *state = lock_state (self);
  gint64 token = 0;

  if (is_held_still (state, FALSE) && state->handle->request.backend->get_token != NULL)
    token = state->handle->request.backend->get_token (state->handle->request.backend,
                                                       state->handle);
  g_mutex_unlock (&state->mutex);

  return token;
}

gint64
lf_claims_get_remaining (LfClaims *self)
{
  State *state = lock_state (self);
  gint64 remaining = 0;

  if (is_held (state) && state->handle->request.backend->get_remaining != NULL)
    remaining = state->handle->request.backend->get_remaining (state->handle->request.backend,
                                                               state->handle);
  g_mutex_unlock (&state->mutex);

  return remaining;
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
      state->monitor = lf_acquisition_steal_monitor (acquisition);
      if (state->monitor != NULL)
        lf_monitor_start (state->monitor, check_cb, lf_claims_ref (self), unref_claims);
      if (handle->lease != NULL)
        lf_lease_watch (handle->lease, over_cb, lf_claims_ref (self), unref_claims);
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
      /* The changes of the release itself are no loss */
      if (state->monitor != NULL)
        lf_monitor_pause (state->monitor);
      state->releasing = TRUE;
      state->release_context = context != NULL ? g_main_context_ref (context) : NULL;
      state->release_thread = lf_thread_get_number ();
    }
  g_mutex_unlock (&state->mutex);

  return result;
}

void
lf_claims_wait_for_check (LfClaims *self)
{
  State *state = lock_state (self);

  wait_for_check (state);
  g_mutex_unlock (&state->mutex);
}

/* Ends a release, in the context where it is reported. */
void
lf_claims_end_release (LfClaims  *self,
                       LfRelease  result)
{
  State *state = lock_state (self);
  LfHandle *released = NULL;
  LfMonitor *monitor = NULL;

  state->releasing = FALSE;
  g_clear_pointer (&state->release_context, g_main_context_unref);
  if (result != LF_RELEASE_FAILED)
    {
      released = take_handle (state);
      monitor = g_steal_pointer (&state->monitor);
    }
  else
    {
      lf_handle_set_releasing (state->handle, FALSE);
      /* Changes during the release were not checked */
      if (state->monitor != NULL)
        lf_monitor_poke (state->monitor);
      if (state->handle->lease != NULL)
        lf_lease_poke (state->handle->lease);
    }
  start_next (state);
  g_mutex_unlock (&state->mutex);

  if (monitor != NULL)
    lf_monitor_stop (monitor);
  if (released != NULL)
    lf_handle_free (released);
}
