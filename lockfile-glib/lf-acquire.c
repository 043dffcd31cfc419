/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-acquire-private.h"

#include <math.h>

#include "lf-errors.h"
#include "lf-thread-private.h"
#include "lf-translate-private.h"

/* How an acquisition runs
 *
 * Its first attempt and its waits happen in a worker thread of its own, and one
 * GSource in the caller's main context reports what became of it. The source is
 * ready when the worker has a result, when the cancellable is cancelled and when
 * the deadline has passed, and decides between those, under one mutex. Without a
 * deadline it is attached only then: each iteration of a main context looks at all
 * of its sources, and a thousand that only wait would slow everything in it down.
 *
 * A stop (a cancel or the deadline) ends the worker, and the report waits for
 * that: only then it is sure that we do not hold the lock. But it does not wait
 * for ever, since a system call on a dead server may not return; then the worker
 * is abandoned and cleans up alone whenever it comes back.
 *
 * A synchronous call makes the first attempt itself and, where nothing can end
 * its wait, waits itself. Otherwise it does the same as an asynchronous one, in
 * a main context of its own. */

/* How long, in microseconds, a stop waits for the worker to end. This takes a
 * fraction of a millisecond, unless the worker is in a system call on a file
 * system that is slow; if it takes longer than this, it is stuck. */
#define GRACE G_TIME_SPAN_SECOND

typedef enum
{
  LF_ACQUIRE_IDLE,
  LF_ACQUIRE_RUNNING, /* a worker is at it */
  LF_ACQUIRE_DONE,    /* the worker is not, any more; there is a result */
  LF_ACQUIRE_REPORTED,
} LfAcquireState;

typedef enum
{
  LF_STOP_NONE,
  LF_STOP_DEADLINE,
  LF_STOP_CANCEL, /* wins over the deadline */
} LfStop;

struct _LfAcquire
{
  gatomicrefcount ref_count;

  const LfBackendClass *backend;
  LfRequest request;
  gboolean try_once;
  gint64 deadline; /* monotonic, or -1 */
  GCancellable *cancellable;

  /* The worker's alone while there is one */
  LfHandle *handle;
  LfAttempt result;
  GError *error;

  /* Under the mutex of the wait */
  LfWait wait;
  LfAcquireState state;
  gboolean attempted;
  LfStop stop;
  gint64 stop_time;
  gboolean abandoned;
  GSource *source;
  GMainContext *context; /* for the source, until it is attached */

  gulong cancelled_handler;
};

typedef struct
{
  GSource parent;

  LfAcquire *acquire; /* (unowned): it is alive until the source is detached */
} LfAcquireSource;

static gint64
get_deadline (double timeout)
{
  gint64 now;

  if (timeout < 0)
    return -1;

  now = g_get_monotonic_time ();
  if (timeout * G_USEC_PER_SEC >= (double) (G_MAXINT64 - now))
    return -1;

  return now + (gint64) ceil (timeout * G_USEC_PER_SEC);
}

/* The timeout is in seconds: below 0 waits for ever, 0 tries once. */
LfAcquire *
lf_acquire_new (const LfBackendClass *backend,
                const LfRequest      *request,
                double                timeout,
                GCancellable         *cancellable)
{
  /* Not g_new0(): the C library has no cache of small blocks for calloc() */
  LfAcquire *self = g_new (LfAcquire, 1);

  *self = (LfAcquire) {
    .backend = backend,
    .request = *request,
    .try_once = timeout == 0,
    .deadline = get_deadline (timeout),
    .cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL,
    .handle = lf_handle_new (request),
    .result = LF_ATTEMPT_BUSY,
  };
  self->request.path = g_ref_string_acquire (request->path);
  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->wait.mutex);

  return self;
}

static LfAcquire *
lf_acquire_ref (LfAcquire *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
lf_acquire_unref (LfAcquire *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->handle, lf_handle_free);
  g_clear_error (&self->error);
  g_clear_object (&self->cancellable);
  g_ref_string_release (self->request.path);
  g_mutex_clear (&self->wait.mutex);
  g_free (self);
}

/* Called with the mutex held. */
static void
lf_acquire_attach_source (LfAcquire *self)
{
  g_autoptr (GMainContext) context = g_steal_pointer (&self->context);

  if (context != NULL)
    g_source_attach (self->source, context);
}

/* Called with the mutex held, in any thread: has the source decide. */
static void
lf_acquire_wake_source (LfAcquire *self)
{
  if (self->source == NULL)
    return;

  g_source_set_ready_time (self->source, 0);
  lf_acquire_attach_source (self);
}

static gboolean
lf_acquire_is_due (LfAcquire *self)
{
  return self->deadline >= 0 && g_get_monotonic_time () >= self->deadline;
}

/* Gives a granted lock back that nobody is going to hear of. */
static void
lf_acquire_give_back (LfAcquire *self)
{
  g_autoptr (GError) error = NULL;

  if (!lf_handle_is_own (self->handle))
    lf_handle_close (self->handle);
  else if (lf_backend_release (self->backend, self->handle,
                               self->request.remove_on_release, &error) == LF_RELEASE_FAILED)
    {
      g_debug ("Giving up a lock: %s", error->message);
      lf_handle_close (self->handle);
    }

  self->result = LF_ATTEMPT_BUSY;
}

/* The error for a lock that somebody else has, naming that one if possible. */
static GError *
lf_acquire_new_busy_error (LfAcquire    *self,
                           LfLockHolder *holder)
{
  g_autofree char *display_name = g_filename_display_name (self->request.path);
  g_autofree char *holder_text = NULL;

  if (holder != NULL)
    holder_text = lf_lock_holder_to_string (holder);

  if (self->try_once && holder_text != NULL)
    return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED,
                        _("%s is locked already: held by %s"), display_name, holder_text);
  if (self->try_once)
    return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED,
                        _("%s is locked already"), display_name);
  if (holder_text != NULL)
    return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT,
                        _("Timed out waiting to lock %s: held by %s"), display_name, holder_text);

  return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT,
                      _("Timed out waiting to lock %s"), display_name);
}

/* The error for a claim that was never started. */
static GError *
lf_acquire_new_queue_error (LfAcquire *self)
{
  g_autofree char *display_name = g_filename_display_name (self->request.path);

  if (self->try_once)
    return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED,
                        _("%s is locked already: this object holds it or waits for it, "
                          "PID %d"), display_name, self->handle->pid);

  return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT,
                      _("Timed out waiting to lock %s: this object held it or waited for it, "
                        "PID %d"), display_name, self->handle->pid);
}

static GError *
lf_acquire_look_for_busy_error (LfAcquire *self)
{
  g_autoptr (LfLockHolder) holder = NULL;

  self->backend->look (self->request.path, &holder, NULL);

  return lf_acquire_new_busy_error (self, holder);
}

/* Takes a place among those of this process who want the lock, and returns
 * whether it is the first. A single try does not queue. */
static gboolean
lf_acquire_join (LfAcquire *self)
{
  const LfWaitingClass *waiting = self->backend->waiting;

  return self->try_once || waiting->join == NULL || waiting->join (&self->wait, &self->request);
}

static void
lf_acquire_leave (LfAcquire *self)
{
  if (self->backend->waiting->leave != NULL)
    self->backend->waiting->leave (&self->wait);
}

static LfAttempt
lf_acquire_attempt (LfAcquire *self)
{
  return self->backend->attempt (self->handle, &self->request, &self->error);
}

/* No caller of this may hold anything that only a return frees: a wait in a
 * thread of its own need not return. */
static LfAttempt
lf_acquire_wait (LfAcquire *self)
{
  LfAttempt result = LF_ATTEMPT_BUSY;

  while (result == LF_ATTEMPT_BUSY)
    {
      switch (self->backend->waiting->wait (&self->wait, self->backend, self->handle,
                                            &self->request, &self->error))
        {
        case LF_WAIT_OVER:
          result = lf_acquire_attempt (self);
          break;

        case LF_WAIT_STOPPED:
          return LF_ATTEMPT_BUSY;

        case LF_WAIT_ERROR:
        default:
          return LF_ATTEMPT_ERROR;
        }
    }

  return result;
}

/* The worker, called in its thread. */
static void
lf_acquire_work (gpointer data)
{
  LfAcquire *self = data;
  gboolean attempted, stopped;

  g_mutex_lock (&self->wait.mutex);
  attempted = self->attempted;
  stopped = self->wait.stopped;
  g_mutex_unlock (&self->wait.mutex);

  if (stopped)
    return;

  if (!attempted)
    {
      if (lf_acquire_join (self))
        self->result = lf_acquire_attempt (self);

      g_mutex_lock (&self->wait.mutex);
      self->attempted = TRUE;
      g_mutex_unlock (&self->wait.mutex);
    }

  if (self->result == LF_ATTEMPT_BUSY && !lf_acquire_is_due (self))
    self->result = lf_acquire_wait (self);
}

/* The end of the worker's thread, also if it was cancelled in its wait. */
static void
lf_acquire_ended (gpointer data)
{
  LfAcquire *self = data;
  LfStop stop;

  g_mutex_lock (&self->wait.mutex);
  stop = self->stop;
  g_mutex_unlock (&self->wait.mutex);

  /* A thread that is cancelled may have been granted the lock just then. One
   * more attempt tells, for which the deadline wants the lock after all, and a
   * cancel must remove a file that it would leave behind. */
  if (self->result == LF_ATTEMPT_BUSY &&
      (stop == LF_STOP_DEADLINE ||
       (stop == LF_STOP_CANCEL && self->handle->fd >= 0 && self->request.remove_on_release)))
    self->result = lf_acquire_attempt (self);
  lf_acquire_leave (self);

  if (self->result != LF_ATTEMPT_GRANTED)
    self->backend->drop (self->handle);

  if (self->result == LF_ATTEMPT_BUSY && stop != LF_STOP_CANCEL)
    self->error = lf_acquire_look_for_busy_error (self);

  g_mutex_lock (&self->wait.mutex);
  if (self->result == LF_ATTEMPT_GRANTED && (self->stop == LF_STOP_CANCEL || self->abandoned))
    {
      g_mutex_unlock (&self->wait.mutex);
      lf_acquire_give_back (self);
      g_mutex_lock (&self->wait.mutex);
    }
  if (self->state == LF_ACQUIRE_RUNNING)
    self->state = LF_ACQUIRE_DONE;
  lf_acquire_wake_source (self);
  g_mutex_unlock (&self->wait.mutex);

  lf_acquire_unref (self);
}

/* The work of a thread that only gives a granted lock back, at its end. */
static void
lf_acquire_work_nothing (gpointer data)
{
}

/* Called with the mutex held. */
static void
lf_acquire_start_worker (LfAcquire    *self,
                         LfThreadFunc  work)
{
  int result;

  self->wait.own_thread = TRUE;
  self->state = LF_ACQUIRE_RUNNING;

  result = lf_thread_start (work, lf_acquire_ended, lf_acquire_ref (self));
  if (result == 0)
    return;

  lf_acquire_unref (self);
  self->state = LF_ACQUIRE_DONE;

  if (self->result == LF_ATTEMPT_GRANTED)
    {
      lf_acquire_give_back (self);
      return;
    }

  lf_acquire_leave (self);
  self->backend->drop (self->handle);
  self->result = LF_ATTEMPT_ERROR;
  self->error = g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED,
                             _("Cannot start a thread to wait for a lock: %s"),
                             g_strerror (result));
  lf_acquire_wake_source (self);
}

/* Called with the mutex held. */
static void
lf_acquire_stop (LfAcquire *self,
                 LfStop     stop)
{
  self->stop = stop;
  self->stop_time = g_get_monotonic_time ();
  self->wait.stopped = TRUE;

  if (self->state == LF_ACQUIRE_RUNNING)
    {
      /* In a forked child there is no worker */
      if (lf_handle_is_own (self->handle))
        self->backend->waiting->stop (&self->wait);
    }
  else if (self->state == LF_ACQUIRE_DONE && self->result == LF_ATTEMPT_GRANTED)
    {
      /* Files are not touched in the caller's thread */
      lf_acquire_start_worker (self, lf_acquire_work_nothing);
    }
}

/* Called with the mutex held: stops what is to be stopped. Returns the time at
 * which to look again, -1 to wait for the worker, or 0 if it is time to report. */
static gint64
lf_acquire_decide (LfAcquire *self)
{
  gint64 now = g_get_monotonic_time ();

  if (self->stop != LF_STOP_CANCEL && g_cancellable_is_cancelled (self->cancellable))
    lf_acquire_stop (self, LF_STOP_CANCEL);
  else if (self->stop == LF_STOP_NONE && self->state != LF_ACQUIRE_DONE && lf_acquire_is_due (self))
    {
      /* At least one attempt is made, however short the time */
      if (self->state == LF_ACQUIRE_RUNNING && !self->attempted && now < self->deadline + GRACE)
        return self->deadline + GRACE;

      lf_acquire_stop (self, LF_STOP_DEADLINE);
    }

  if (self->state != LF_ACQUIRE_RUNNING)
    {
      gboolean waits = self->state == LF_ACQUIRE_IDLE && self->stop == LF_STOP_NONE;

      return waits ? self->deadline : 0;
    }

  if (self->stop == LF_STOP_NONE)
    return self->deadline;

  /* Counted from the cancel or, for the deadline, from when it was noticed */
  return g_get_monotonic_time () < self->stop_time + GRACE ? self->stop_time + GRACE : 0;
}

/* Called with the mutex held, when it is time to report. */
static LfHandle *
lf_acquire_take_result (LfAcquire  *self,
                        GError    **error)
{
  gboolean done = self->state == LF_ACQUIRE_DONE;
  gboolean queued = self->state == LF_ACQUIRE_IDLE;

  self->abandoned = self->state == LF_ACQUIRE_RUNNING;
  self->state = LF_ACQUIRE_REPORTED;

  if (done && self->result == LF_ATTEMPT_GRANTED)
    return g_steal_pointer (&self->handle);

  if (self->stop == LF_STOP_CANCEL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _("Operation was cancelled"));
  else if (done)
    g_propagate_error (error, g_steal_pointer (&self->error));
  else if (queued)
    g_propagate_error (error, lf_acquire_new_queue_error (self));
  else
    g_propagate_error (error, lf_acquire_new_busy_error (self, NULL));

  return NULL;
}

static gboolean
lf_acquire_source_dispatch (GSource     *source,
                            GSourceFunc  callback,
                            gpointer     user_data)
{
  LfAcquire *self = ((LfAcquireSource *) source)->acquire;
  LfHandle *handle = NULL;
  GError *error = NULL;
  gint64 next;

  g_mutex_lock (&self->wait.mutex);
  next = lf_acquire_decide (self);
  if (next == 0)
    handle = lf_acquire_take_result (self, &error);
  else
    g_source_set_ready_time (source, next);
  g_mutex_unlock (&self->wait.mutex);

  if (next != 0)
    return G_SOURCE_CONTINUE;

  ((LfAcquireDone) (void (*) (void)) callback) (handle, error, user_data);

  return G_SOURCE_REMOVE;
}

static GSourceFuncs lf_acquire_source_funcs = {
  .dispatch = lf_acquire_source_dispatch,
};

static void
lf_acquire_unref_closure (gpointer  data,
                          GClosure *closure)
{
  lf_acquire_unref (data);
}

/* In the thread that cancels, which may be any. */
static void
lf_acquire_cancelled_cb (GCancellable *cancellable,
                         gpointer      user_data)
{
  LfAcquire *self = user_data;

  g_mutex_lock (&self->wait.mutex);
  lf_acquire_wake_source (self);
  g_mutex_unlock (&self->wait.mutex);
}

/* Arranges for the report in @context. @destroy is called for @user_data after it,
 * and must detach. */
void
lf_acquire_attach (LfAcquire      *self,
                   GMainContext   *context,
                   int             priority,
                   LfAcquireDone   done,
                   gpointer        user_data,
                   GDestroyNotify  destroy)
{
  GSource *source = g_source_new (&lf_acquire_source_funcs, sizeof (LfAcquireSource));

  ((LfAcquireSource *) source)->acquire = self;
  g_source_set_static_name (source, "[lockfile-glib] acquire");
  g_source_set_priority (source, priority);
  g_source_set_callback (source, G_SOURCE_FUNC (done), user_data, destroy);

  /* Not g_cancellable_source_new(): the thread that cancels would touch the main
   * context without knowing whether it is still there. This handler may come
   * late, after the report, and does nothing then; so nobody needs to wait for it
   * to be over, as g_cancellable_disconnect() would. */
  if (self->cancellable != NULL)
    self->cancelled_handler =
      g_signal_connect_data (self->cancellable, "cancelled", G_CALLBACK (lf_acquire_cancelled_cb),
                             lf_acquire_ref (self), lf_acquire_unref_closure, 0);

  /* The handler finds the source from here on; a cancel before that is seen */
  g_mutex_lock (&self->wait.mutex);
  self->source = source;
  self->context = g_main_context_ref (context);
  if (g_cancellable_is_cancelled (self->cancellable))
    lf_acquire_wake_source (self);
  else if (self->deadline >= 0)
    {
      g_source_set_ready_time (source, self->deadline);
      lf_acquire_attach_source (self);
    }
  g_mutex_unlock (&self->wait.mutex);
}

/* Ends the tie to the main context, once the report was made. */
void
lf_acquire_detach (LfAcquire *self)
{
  g_mutex_lock (&self->wait.mutex);
  g_clear_pointer (&self->source, g_source_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_mutex_unlock (&self->wait.mutex);

  g_clear_signal_handler (&self->cancelled_handler, self->cancellable);
}

/* Starts the worker of an attached acquisition. */
void
lf_acquire_start (LfAcquire *self)
{
  g_mutex_lock (&self->wait.mutex);
  if (self->state == LF_ACQUIRE_IDLE && self->stop == LF_STOP_NONE)
    lf_acquire_start_worker (self, lf_acquire_work);
  g_mutex_unlock (&self->wait.mutex);
}

typedef struct
{
  LfHandle *handle;
  GError *error;
  gboolean done;
} LfAcquireOutcome;

static void
lf_acquire_run_done (LfHandle *handle,
                     GError   *error,
                     gpointer  user_data)
{
  LfAcquireOutcome *outcome = user_data;

  *outcome = (LfAcquireOutcome) { handle, error, TRUE };
}

/* Waits in a thread, so that the deadline and the cancellable can end it. */
static LfHandle *
lf_acquire_run_in_thread (LfAcquire  *self,
                          GError    **error)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  LfAcquireOutcome outcome = { NULL, NULL, FALSE };

  lf_acquire_attach (self, context, G_PRIORITY_DEFAULT, lf_acquire_run_done, &outcome, NULL);
  lf_acquire_start (self);

  while (!outcome.done)
    g_main_context_iteration (context, TRUE);

  lf_acquire_detach (self);

  if (outcome.error != NULL)
    g_propagate_error (error, outcome.error);

  return outcome.handle;
}

/* Acquires in the calling thread, without touching its main context. */
LfHandle *
lf_acquire_run (LfAcquire  *self,
                GError    **error)
{
  if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
    return NULL;

  self->attempted = TRUE;
  if (lf_acquire_join (self))
    self->result = lf_acquire_attempt (self);

  if (self->result == LF_ATTEMPT_BUSY && !self->try_once)
    {
      if (self->deadline >= 0 || self->cancellable != NULL)
        return lf_acquire_run_in_thread (self, error);

      if (lf_handle_held_by_thread (self->handle))
        {
          g_autofree char *display_name = g_filename_display_name (self->request.path);

          self->result = LF_ATTEMPT_ERROR;
          self->error = g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK,
                                     _("Waiting to lock %s would never end: this thread holds "
                                       "the lock through another object"), display_name);
        }
      else
        self->result = lf_acquire_wait (self);
    }

  lf_acquire_leave (self);

  if (self->result == LF_ATTEMPT_GRANTED)
    {
      /* A cancel wins over a grant that was not reported yet */
      if (!g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return g_steal_pointer (&self->handle);

      lf_acquire_give_back (self);
      return NULL;
    }

  self->backend->drop (self->handle);

  if (self->result == LF_ATTEMPT_BUSY)
    self->error = lf_acquire_look_for_busy_error (self);
  g_propagate_error (error, g_steal_pointer (&self->error));

  return NULL;
}
