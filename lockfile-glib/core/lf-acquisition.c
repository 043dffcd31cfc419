/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-acquisition-private.h"

#include <math.h>

#include "core/lf-lease-private.h"
#include "core/lf-operations-private.h"
#include "core/lf-scope-private.h"
#include "core/lf-waiting-choice-private.h"
#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-thread-private.h"
#include "os/lf-translate-private.h"

/* How an acquisition runs
 *
 * An asynchronous acquisition makes its first attempt and waits in a worker thread of
 * its own. One GSource in the caller's main context reports the result. The source is
 * ready when the worker has a result, when the cancellable is cancelled and when the
 * deadline has passed. It decides between these, under one mutex. Without a deadline it
 * is attached only when it is ready: each iteration of a main context checks all of its
 * sources, and a thousand waiting ones would slow down everything in that context.
 *
 * A stop (a cancel or the deadline) ends the worker. The report waits until the worker
 * has ended: only then is it certain that we do not hold the lock. But it does not wait
 * forever, since a system call on a dead server may not return. In that case the worker
 * is abandoned, and cleans up alone when the call returns.
 *
 * A synchronous call makes the first attempt in the calling thread. If nothing can end
 * its wait, it also waits there. Otherwise a worker waits, as for an asynchronous
 * acquisition, and the caller sleeps on a condition until it is time to report. It needs
 * no main context.
 *
 * Order in which the mutexes are locked:
 *
 *   1. an object's claims (lf-claims.c)
 *   2. the queues of waiters (lf-waiting-poll.c), the monitors of held locks (lf-monitor.c),
 *      leases (lf-lease.c): none is locked while another one is held
 *   3. a wait, which belongs to the acquisition
 *   4. the watch (lf-watch-linux.c), which starts its thread, the connections to
 *      SQLite (lf-backend-sqlite.c), and the claims in a cluster (lf-backend-remote.c): never
 *      one while another is held
 *   5. descriptors that are to be closed (lf-kept-descriptors.c, lf-posix-locks.c)
 *   6. held handles, threads, a turn, and GLib's own: none of these is held while
 *      another mutex is locked
 *
 * So entering or leaving a queue, and all work of a backend, happens without the mutex
 * of the wait. */

/* How long, in microseconds, a stop waits for the worker to end. This takes a fraction of a
 * millisecond, unless the worker is in a system call on a slow file system. If it takes
 * longer than this, the worker is stuck. */
#define GRACE G_TIME_SPAN_SECOND

typedef enum
{
  LF_ACQUISITION_IDLE,    /* behind other claims on its object */
  LF_ACQUISITION_TURN,    /* a synchronous one may begin, in its caller's thread */
  LF_ACQUISITION_RUNNING, /* a worker attempts or waits */
  LF_ACQUISITION_DONE,    /* no worker runs, and there is a result */
  LF_ACQUISITION_REPORTED,
} LfAcquisitionState;

typedef enum
{
  LF_NOTICE_NONE,     /* not wanted, or already given */
  LF_NOTICE_PENDING,
  LF_NOTICE_QUERYING, /* a thread searches for the holder */
  LF_NOTICE_READY,
} LfNotice;

typedef enum
{
  LF_STOP_NONE,
  LF_STOP_DEADLINE,
  LF_STOP_CANCEL, /* wins over the deadline */
} LfStop;

struct _LfAcquisition
{
  gatomicrefcount ref_count;

  const LfProcess *process;
  const LfBackendVTable *backend;
  const LfWaitingVTable *waiting;
  LfWaitTarget target;
  gboolean try_once;
  gint64 deadline; /* monotonic, or -1 */
  GCancellable *cancellable;
  guint64 thread; /* that claimed */
  LfAcquisitionNotice notice_func;
  gpointer notice_data;

  /* Only the worker uses these while it runs */
  LfHandle *handle;
  LfAttempt result;
  GError *error;
  gboolean scope_checked;
  LfMonitor *monitor; /* or NULL; stolen together with the result */

  /* Protected by the mutex of the wait */
  LfWait wait;
  GCond cond; /* for the caller of a synchronous one */
  gboolean sleeps; /* that caller; saves the system call of an unneeded signal */
  LfAcquisitionState state;
  gboolean attempted;
  LfStop stop;
  gint64 stop_time;
  gboolean abandoned;
  LfNotice notice;
  gint64 notice_time; /* monotonic */
  LfLockHolder *notice_holder;
  GSource *source;       /* NULL for a synchronous one */
  GMainContext *context; /* where the source is attached, at once or when it is ready */
  gboolean attached;

  gulong cancelled_handler;
};

typedef struct
{
  GSource parent;

  LfAcquisition *acquisition; /* (unowned): lives until the source is detached */
} LfAcquisitionSource;

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

static int
block_cb (gpointer data)
{
  LfHandle *handle = data;

  return handle->request.backend->block (handle->request.backend, handle);
}

static gpointer
line_up_cb (gpointer data)
{
  LfHandle *handle = data;

  return handle->request.backend->line_up (handle->request.backend, handle);
}

static gpointer *
get_members_cb (gpointer  data,
                guint    *n_members)
{
  LfHandle *handle = data;

  return (gpointer *) handle->request.backend->get_members (handle->request.backend, handle,
                                                            n_members);
}

/* The timeout is in seconds: below 0 waits forever, 0 tries once. */
LfAcquisition *
lf_acquisition_new (const LfRequest *request,
                    double           timeout,
                    GCancellable    *cancellable)
{
  /* Not g_new0(): the C library has no cache of small blocks for calloc() */
  LfAcquisition *self = g_new (LfAcquisition, 1);
  const LfBackendVTable *backend = request->backend;

  *self = (LfAcquisition) {
    .backend = backend,
    .waiting = lf_waiting_choose (backend),
    .try_once = timeout == 0,
    .deadline = get_deadline (timeout),
    .cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL,
    .thread = lf_thread_get_number (),
    .handle = lf_handle_new (request),
    .result = LF_ATTEMPT_BUSY,
  };
  self->process = self->handle->process;
  self->target = (LfWaitTarget) {
    .path = lf_path_ref (request->path),
    .poll_interval = (gint64) (request->poll_interval * G_USEC_PER_SEC),
    .block = block_cb,
    .line_up = backend->line_up != NULL ? line_up_cb : NULL,
    .wait_turn = backend->wait_turn,
    .stop_turn = backend->stop_turn,
    .lock = self->handle,
    .get_members = backend->get_members != NULL ? get_members_cb : NULL,
  };
  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->wait.mutex);
  g_cond_init (&self->cond);

  return self;
}

static LfAcquisition *
lf_acquisition_ref (LfAcquisition *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
lf_acquisition_unref (LfAcquisition *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->handle, lf_handle_free);
  g_clear_pointer (&self->monitor, lf_monitor_stop);
  g_clear_object (&self->notice_holder);
  g_clear_error (&self->error);
  g_clear_object (&self->cancellable);
  lf_path_unref ((char *) self->target.path);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->wait.mutex);
  g_free (self);
}

/* Whether this process made it, and not one that this process was forked from. */
gboolean
lf_acquisition_is_own (const LfAcquisition *self)
{
  return self->process == lf_process_get ();
}

/* The worker does not exist in the child, so it cannot interfere. */
void
lf_acquisition_leave (LfAcquisition *self)
{
  LfHandle *handle = g_atomic_pointer_get (&self->handle);

  if (handle == NULL)
    return;

  self->backend->leave (self->backend, handle);
  if (handle->lease != NULL)
    lf_lease_stop (handle->lease);
}

static const char *
lf_acquisition_get_path (LfAcquisition *self)
{
  return self->target.path;
}

/* Called with the mutex held. */
static void
lf_acquisition_attach_source (LfAcquisition *self)
{
  if (self->attached)
    return;

  self->attached = TRUE;
  g_source_attach (self->source, self->context);
}

/* Called with the mutex held. */
static void
lf_acquisition_wake_caller (LfAcquisition *self)
{
  if (self->sleeps)
    g_cond_signal (&self->cond);
}

void
lf_acquisition_take_monitor (LfAcquisition *self,
                             LfMonitor     *monitor)
{
  self->monitor = monitor;
}

LfMonitor *
lf_acquisition_steal_monitor (LfAcquisition *self)
{
  return g_steal_pointer (&self->monitor);
}

void
lf_acquisition_set_notice (LfAcquisition       *self,
                           double               delay,
                           LfAcquisitionNotice  notice,
                           gpointer             user_data)
{
  gint64 time = get_deadline (delay);

  if (time < 0 || self->try_once)
    return;

  self->notice = LF_NOTICE_PENDING;
  self->notice_time = time;
  self->notice_func = notice;
  self->notice_data = user_data;
}

/* Called with the mutex held, in any thread: makes the source, or the caller of a
 * synchronous acquisition, decide. */
static void
lf_acquisition_wake (LfAcquisition *self)
{
  if (self->source == NULL)
    {
      lf_acquisition_wake_caller (self);
      return;
    }

  g_source_set_ready_time (self->source, 0);
  lf_acquisition_attach_source (self);
}

/* The same, but unlocks the mutex before it wakes a main context. Otherwise the thread that
 * iterates the context would wake up only to wait for the mutex. */
static void
lf_acquisition_wake_and_unlock (LfAcquisition *self)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (GSource) source = NULL;
  gboolean was_attached;

  if (self->source == NULL)
    {
      lf_acquisition_wake_caller (self);
      g_mutex_unlock (&self->wait.mutex);
      return;
    }

  /* The source does not keep its context alive, which may be freed after the report */
  source = g_source_ref (self->source);
  context = g_main_context_ref (self->context);
  was_attached = self->attached;
  self->attached = TRUE;
  g_mutex_unlock (&self->wait.mutex);

  g_source_set_ready_time (source, 0);
  if (!was_attached)
    g_source_attach (source, context);
}

static gboolean
lf_acquisition_is_due (LfAcquisition *self)
{
  return self->deadline >= 0 && g_get_monotonic_time () >= self->deadline;
}

/* Releases a granted lock that will not be reported. */
static void
lf_acquisition_give_back (LfAcquisition *self)
{
  lf_operations_drop (g_steal_pointer (&self->handle));
  self->result = LF_ATTEMPT_BUSY;
}

/* The error for a lock that somebody else holds. Names the holder, if it is known. */
static GError *
lf_acquisition_new_busy_error (LfAcquisition *self,
                               LfLockHolder  *holder)
{
  g_autofree char *display_name = lf_path_get_display_name (lf_acquisition_get_path (self));
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
lf_acquisition_new_queue_error (LfAcquisition *self)
{
  g_autofree char *display_name = lf_path_get_display_name (lf_acquisition_get_path (self));
  int pid = lf_process_get_id ();

  if (self->try_once)
    return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED,
                        _("%s is locked already: this object holds it or waits for it, "
                          "PID %d"), display_name, pid);

  return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT,
                      _("Timed out waiting to lock %s: this object held it or waited for it, "
                        "PID %d"), display_name, pid);
}

/* The error if the first attempt did not return: it is not known whether the lock is held. */
static GError *
lf_acquisition_new_no_answer_error (LfAcquisition *self)
{
  g_autofree char *display_name = lf_path_get_display_name (lf_acquisition_get_path (self));

  return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT,
                      _("Timed out locking %s: its file system does not answer"), display_name);
}

GError *
lf_acquisition_new_inherited_error (LfAcquisition *self)
{
  g_autofree char *display_name = lf_path_get_display_name (lf_acquisition_get_path (self));

  return g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED,
                      _("The attempt to lock %s belongs to PID %d, from which this process was "
                        "forked"), display_name, lf_process_get_id_of (self->process));
}

/* The error after an attempt that found the lock busy. Searching for the holder of a kernel
 * lock would take far longer than the attempt, and delay other programs that lock. So the
 * message has only what the attempt itself learned. Called before the handle is closed. */
static GError *
lf_acquisition_new_attempt_error (LfAcquisition *self)
{
  g_autoptr (LfLockHolder) holder = NULL;

  if (self->backend->get_obstacle != NULL)
    holder = self->backend->get_obstacle (self->backend, self->handle);
  else if (self->backend->is_dotlock)
    lf_operations_query_holder (self->backend, lf_acquisition_get_path (self), &holder, NULL);

  return lf_acquisition_new_busy_error (self, holder);
}

/* Enters the queue of this process for the lock, and returns whether no other waiter is
 * before it. A single try does not queue. */
static gboolean
lf_acquisition_enqueue (LfAcquisition *self)
{
  if (self->try_once || self->waiting->enqueue == NULL)
    return TRUE;

  if (self->backend->identify != NULL)
    self->backend->identify (self->backend, self->handle);
  self->target.name = lf_handle_get_lock_name (self->handle);

  return self->waiting->enqueue (&self->wait, &self->target);
}

static void
lf_acquisition_dequeue (LfAcquisition *self)
{
  if (self->waiting->dequeue != NULL)
    self->waiting->dequeue (&self->wait);
}

static void
poke_cb (gpointer data)
{
  lf_monitor_poke (data);
}

static LfAttempt
lf_acquisition_attempt (LfAcquisition *self)
{
  LfAttempt result;

  if (!self->scope_checked && !lf_scope_check (&self->handle->request, &self->error))
    return LF_ATTEMPT_ERROR;
  self->scope_checked = TRUE;

  result = self->backend->attempt (self->backend, self->handle, &self->error);
  if (result == LF_ATTEMPT_GRANTED && !lf_operations_begin_lease (self->handle, &self->error))
    return LF_ATTEMPT_ERROR;
  /* Making the lock took too long, or the process was stopped during that time */
  if (result == LF_ATTEMPT_GRANTED && lf_operations_is_over (self->handle))
    {
      lf_operations_release (self->handle, NULL);
      return LF_ATTEMPT_BUSY;
    }
  if (result == LF_ATTEMPT_GRANTED && self->monitor != NULL &&
      self->backend->set_lost_func != NULL)
    self->backend->set_lost_func (self->backend, self->handle, poke_cb,
                                  lf_monitor_ref (self->monitor), lf_monitor_unref);
  else if (result == LF_ATTEMPT_GRANTED && self->monitor != NULL)
    {
      lf_monitor_watch (self->monitor);
      /* Changes before that were not noticed */
      if (lf_operations_verify (self->handle, NULL) != LF_VERDICT_HELD)
        lf_monitor_poke (self->monitor);
    }

  return result;
}

/* On a file system where the kernel itself polls, more seldom than we do, its queue is
 * useless. */
static void
lf_acquisition_choose_waiting (LfAcquisition *self)
{
  if (self->backend->has_queue == NULL ||
      self->backend->has_queue (self->backend, self->handle))
    return;

  g_mutex_lock (&self->wait.mutex);
  self->waiting = &lf_waiting_poll;
  g_mutex_unlock (&self->wait.mutex);

  lf_acquisition_enqueue (self);
}

/* A wait in a thread of its own need not return, so no caller of this may hold anything
 * that it would have to free afterwards. */
static LfAttempt
lf_acquisition_wait (LfAcquisition *self)
{
  LfAttempt result = LF_ATTEMPT_BUSY;
  int saved_errno = 0;

  lf_acquisition_choose_waiting (self);

  while (result == LF_ATTEMPT_BUSY)
    {
      switch (self->waiting->wait (&self->wait, &self->target, &saved_errno))
        {
        case LF_WAIT_OVER:
          result = lf_acquisition_attempt (self);
          break;

        case LF_WAIT_STOPPED:
          return LF_ATTEMPT_BUSY;

        case LF_WAIT_ERROR:
        default:
          self->backend->set_block_error (self->backend, self->handle, saved_errno, &self->error);
          return LF_ATTEMPT_ERROR;
        }
    }

  return result;
}

/* What the worker does, in its thread. */
static void
lf_acquisition_work (gpointer data)
{
  LfAcquisition *self = data;
  gboolean attempted, stopped;

  g_mutex_lock (&self->wait.mutex);
  attempted = self->attempted;
  stopped = self->wait.stopped;
  g_mutex_unlock (&self->wait.mutex);

  if (stopped)
    return;

  if (!attempted)
    {
      if (lf_acquisition_enqueue (self))
        self->result = lf_acquisition_attempt (self);

      g_mutex_lock (&self->wait.mutex);
      self->attempted = TRUE;
      /* The time of the notice may already have passed */
      if (self->notice != LF_NOTICE_NONE && self->result == LF_ATTEMPT_BUSY)
        lf_acquisition_wake (self);
      g_mutex_unlock (&self->wait.mutex);
    }

  if (self->result == LF_ATTEMPT_BUSY && !lf_acquisition_is_due (self))
    self->result = lf_acquisition_wait (self);
}

/* Called at the end of the worker's thread, even if the thread was cancelled in its wait. */
static void
lf_acquisition_ended (gpointer data)
{
  LfAcquisition *self = data;
  LfStop stop;

  g_mutex_lock (&self->wait.mutex);
  stop = self->stop;
  g_mutex_unlock (&self->wait.mutex);

  /* The thread may have been granted the lock just as it was cancelled. One more attempt
   * finds out. After the deadline, such a grant counts. After a cancel, the attempt finds
   * the file that was made for the lock, so that it can be removed. */
  if (self->result == LF_ATTEMPT_BUSY &&
      (stop == LF_STOP_DEADLINE ||
       (stop == LF_STOP_CANCEL && self->handle->fd >= 0 &&
        self->handle->request.remove_on_release)))
    self->result = lf_acquisition_attempt (self);
  lf_acquisition_dequeue (self);

  if (self->result == LF_ATTEMPT_BUSY && stop != LF_STOP_CANCEL)
    self->error = lf_acquisition_new_attempt_error (self);

  if (self->result != LF_ATTEMPT_GRANTED)
    self->backend->drop (self->backend, self->handle);

  g_mutex_lock (&self->wait.mutex);
  if (self->result == LF_ATTEMPT_GRANTED && (self->stop == LF_STOP_CANCEL || self->abandoned))
    {
      g_mutex_unlock (&self->wait.mutex);
      lf_acquisition_give_back (self);
      g_mutex_lock (&self->wait.mutex);
    }
  if (self->state == LF_ACQUISITION_RUNNING)
    self->state = LF_ACQUISITION_DONE;
  lf_acquisition_wake_and_unlock (self);

  lf_acquisition_unref (self);
}

/* For a thread that only releases a granted lock, which it does at its end. */
static void
lf_acquisition_work_nothing (gpointer data)
{
}

/* Called with the mutex held. Returns 0 or an errno; after an errno, the caller has to do
 * what lf_acquisition_ended() would have done. */
static int
lf_acquisition_start_worker (LfAcquisition *self,
                             LfThreadFunc   work)
{
  int result;

  self->wait.own_thread = TRUE;
  self->state = LF_ACQUISITION_RUNNING;

  result = lf_thread_start (work, lf_acquisition_ended, lf_acquisition_ref (self));
  if (result != 0)
    lf_acquisition_unref (self);

  return result;
}

/* Starts a worker for an acquisition that has not been granted the lock. Called without the
 * mutex. */
static void
lf_acquisition_start_waiting (LfAcquisition *self)
{
  int result = 0;

  g_mutex_lock (&self->wait.mutex);
  if ((self->state == LF_ACQUISITION_IDLE || self->state == LF_ACQUISITION_TURN) &&
      self->stop == LF_STOP_NONE)
    {
      if (self->backend->begin != NULL)
        self->backend->begin (self->backend, self->handle);
      result = lf_acquisition_start_worker (self, lf_acquisition_work);
    }
  g_mutex_unlock (&self->wait.mutex);

  if (result == 0)
    return;

  lf_acquisition_dequeue (self);
  self->backend->drop (self->backend, self->handle);

  g_mutex_lock (&self->wait.mutex);
  self->state = LF_ACQUISITION_DONE;
  self->result = LF_ATTEMPT_ERROR;
  self->error = g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED,
                             _("Cannot start a thread to wait for a lock: %s"),
                             g_strerror (result));
  lf_acquisition_wake_and_unlock (self);
}

/* Called with the mutex held. */
static void
lf_acquisition_stop (LfAcquisition *self,
                     LfStop         stop)
{
  self->stop = stop;
  self->stop_time = g_get_monotonic_time ();
  self->wait.stopped = TRUE;

  if (self->state == LF_ACQUISITION_RUNNING)
    {
      self->waiting->stop (&self->wait);
      if (self->backend->interrupt != NULL)
        self->backend->interrupt (self->backend, self->handle);
    }
  else if (self->state == LF_ACQUISITION_DONE && self->result == LF_ATTEMPT_GRANTED)
    {
      /* Releasing touches files, which the caller's thread should not do. If no thread can
       * be started, the lock is released with the report */
      if (lf_acquisition_start_worker (self, lf_acquisition_work_nothing) != 0)
        self->state = LF_ACQUISITION_DONE;
    }
}

/* The search for the holder can take long, so it has a thread of its own. */
static void
notice_work (gpointer data)
{
  LfAcquisition *self = data;
  LfLockHolder *holder = NULL;

  lf_operations_query_holder (self->backend, lf_acquisition_get_path (self), &holder, NULL);

  g_mutex_lock (&self->wait.mutex);
  self->notice_holder = holder;
  g_mutex_unlock (&self->wait.mutex);
}

static void
notice_ended (gpointer data)
{
  LfAcquisition *self = data;

  g_mutex_lock (&self->wait.mutex);
  self->notice = LF_NOTICE_READY;
  if (self->state != LF_ACQUISITION_REPORTED)
    lf_acquisition_wake_and_unlock (self);
  else
    g_mutex_unlock (&self->wait.mutex);

  lf_acquisition_unref (self);
}

/* Called with the mutex held. */
static gboolean
lf_acquisition_waits (LfAcquisition *self)
{
  return self->stop == LF_STOP_NONE &&
         (self->state == LF_ACQUISITION_IDLE ||
          (self->state == LF_ACQUISITION_RUNNING && self->attempted));
}

/* Called with the mutex held. */
static gint64
lf_acquisition_get_first_time (LfAcquisition *self,
                               gint64         next)
{
  if (self->notice != LF_NOTICE_PENDING)
    return next;

  return next < 0 ? self->notice_time : MIN (next, self->notice_time);
}

/* Called with the mutex held. Prepares the notice. Returns @next, the time at which to decide
 * again, or the time of the notice if that is earlier. */
static gint64
lf_acquisition_prepare_notice (LfAcquisition *self,
                               gint64         next)
{
  if (self->notice != LF_NOTICE_PENDING || !lf_acquisition_waits (self))
    return next;

  if (g_get_monotonic_time () < self->notice_time)
    return lf_acquisition_get_first_time (self, next);

  self->notice = LF_NOTICE_QUERYING;
  if (lf_thread_start (notice_work, notice_ended, lf_acquisition_ref (self)) == 0)
    return next;

  lf_acquisition_unref (self);
  self->notice = LF_NOTICE_READY;

  return next;
}

/* Called with the mutex held. Unlocks it for a while. If the notice is ready, gives it and
 * returns TRUE. The callee may do anything, such as iterate the main context. */
static gboolean
lf_acquisition_give_notice (LfAcquisition *self)
{
  g_autoptr (LfLockHolder) holder = NULL;

  if (self->notice != LF_NOTICE_READY || !lf_acquisition_waits (self))
    return FALSE;

  self->notice = LF_NOTICE_NONE;
  holder = g_steal_pointer (&self->notice_holder);
  g_mutex_unlock (&self->wait.mutex);

  self->notice_func (holder, self->notice_data);

  g_mutex_lock (&self->wait.mutex);

  return TRUE;
}

/* Called with the mutex held: applies a cancel or a passed deadline. Returns the time at
 * which to decide again, -1 to wait for a wake-up, or 0 if it is time to report. */
static gint64
lf_acquisition_decide (LfAcquisition *self)
{
  gint64 now = g_get_monotonic_time ();

  if (self->stop != LF_STOP_CANCEL && g_cancellable_is_cancelled (self->cancellable))
    lf_acquisition_stop (self, LF_STOP_CANCEL);
  else if (self->stop == LF_STOP_NONE && self->state != LF_ACQUISITION_DONE &&
           lf_acquisition_is_due (self))
    {
      /* At least one attempt is made, however short the time */
      if (self->state == LF_ACQUISITION_RUNNING && !self->attempted && now < self->deadline + GRACE)
        return self->deadline + GRACE;

      lf_acquisition_stop (self, LF_STOP_DEADLINE);
    }

  if (self->state != LF_ACQUISITION_RUNNING)
    {
      gboolean waits = self->state == LF_ACQUISITION_IDLE && self->stop == LF_STOP_NONE;

      return waits ? self->deadline : 0;
    }

  if (self->stop == LF_STOP_NONE)
    return self->deadline;

  /* Counted from the cancel or, for the deadline, from when it was noticed */
  return g_get_monotonic_time () < self->stop_time + GRACE ? self->stop_time + GRACE : 0;
}

/* Called with the mutex held, when it is time to report. Unlocks it. */
static LfHandle *
lf_acquisition_take_result (LfAcquisition  *self,
                            GError        **error)
{
  gboolean done = self->state == LF_ACQUISITION_DONE;
  gboolean queued = self->state == LF_ACQUISITION_IDLE;
  gboolean attempted = self->attempted;
  gboolean granted = done && self->result == LF_ATTEMPT_GRANTED;

  self->abandoned = self->state == LF_ACQUISITION_RUNNING;
  self->state = LF_ACQUISITION_REPORTED;
  g_mutex_unlock (&self->wait.mutex);

  if (granted && self->stop != LF_STOP_CANCEL)
    return g_steal_pointer (&self->handle);

  if (granted)
    lf_acquisition_give_back (self);

  if (self->stop == LF_STOP_CANCEL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _("Operation was cancelled"));
  else if (done)
    g_propagate_error (error, g_steal_pointer (&self->error));
  else if (queued)
    g_propagate_error (error, lf_acquisition_new_queue_error (self));
  else if (!attempted)
    g_propagate_error (error, lf_acquisition_new_no_answer_error (self));
  else
    g_propagate_error (error, lf_acquisition_new_busy_error (self, NULL));

  return NULL;
}

static gboolean
lf_acquisition_source_dispatch (GSource     *source,
                                GSourceFunc  callback,
                                gpointer     user_data)
{
  LfAcquisition *self = ((LfAcquisitionSource *) source)->acquisition;
  LfAcquisitionDone done = (LfAcquisitionDone) (void (*) (void)) callback;
  LfHandle *handle = NULL;
  GError *error = NULL;
  gint64 next;

  /* A forked child has a copy of the source. The mutex may have been locked by the parent's
   * worker. */
  if (!lf_acquisition_is_own (self))
    {
      done (NULL, lf_acquisition_new_inherited_error (self), user_data);
      return G_SOURCE_REMOVE;
    }

  /* The callee of a notice may run a main loop, which may report this acquisition */
  lf_acquisition_ref (self);
  g_mutex_lock (&self->wait.mutex);
  next = lf_acquisition_decide (self);
  if (next != 0)
    {
      g_source_set_ready_time (source, lf_acquisition_prepare_notice (self, next));
      lf_acquisition_give_notice (self);
      g_mutex_unlock (&self->wait.mutex);
      lf_acquisition_unref (self);
      return G_SOURCE_CONTINUE;
    }
  lf_acquisition_unref (self);

  handle = lf_acquisition_take_result (self, &error);
  done (handle, error, user_data);

  return G_SOURCE_REMOVE;
}

static GSourceFuncs lf_acquisition_source_funcs = {
  .dispatch = lf_acquisition_source_dispatch,
};

static void
lf_acquisition_unref_closure (gpointer  data,
                              GClosure *closure)
{
  lf_acquisition_unref (data);
}

/* Called in the thread that cancels, which may be any thread. */
static void
lf_acquisition_cancelled_cb (GCancellable *cancellable,
                             gpointer      user_data)
{
  LfAcquisition *self = user_data;

  if (!lf_acquisition_is_own (self))
    {
      lf_acquisition_wake (self);
      return;
    }

  g_mutex_lock (&self->wait.mutex);
  lf_acquisition_wake_and_unlock (self);
}

/* Not g_cancellable_source_new(): the thread that cancels would touch the main context,
 * which may have been freed. This handler may run after the report and does nothing then,
 * so nothing has to wait for it as g_cancellable_disconnect() would. */
static void
lf_acquisition_connect (LfAcquisition *self)
{
  if (self->cancellable != NULL && self->cancelled_handler == 0)
    self->cancelled_handler =
      g_signal_connect_data (self->cancellable, "cancelled",
                             G_CALLBACK (lf_acquisition_cancelled_cb),
                             lf_acquisition_ref (self), lf_acquisition_unref_closure, 0);
}

static void
lf_acquisition_disconnect (LfAcquisition *self)
{
  g_clear_signal_handler (&self->cancelled_handler, self->cancellable);
}

void
lf_acquisition_attach (LfAcquisition     *self,
                       GMainContext      *context,
                       int                priority,
                       LfAcquisitionDone  done,
                       gpointer           user_data,
                       GDestroyNotify     destroy)
{
  GSource *source = g_source_new (&lf_acquisition_source_funcs, sizeof (LfAcquisitionSource));

  ((LfAcquisitionSource *) source)->acquisition = self;
  g_source_set_static_name (source, "[lockfile-glib] acquire");
  g_source_set_priority (source, priority);
  g_source_set_can_recurse (source, self->notice != LF_NOTICE_NONE);
  g_source_set_callback (source, G_SOURCE_FUNC (done), user_data, destroy);

  lf_acquisition_connect (self);

  /* From here on the handler finds the source; an earlier cancel is noticed below */
  g_mutex_lock (&self->wait.mutex);
  self->source = source;
  self->context = g_main_context_ref (context);
  if (g_cancellable_is_cancelled (self->cancellable))
    lf_acquisition_wake (self);
  else if (self->deadline >= 0 || self->notice != LF_NOTICE_NONE)
    {
      g_source_set_ready_time (source, lf_acquisition_get_first_time (self, self->deadline));
      lf_acquisition_attach_source (self);
    }
  g_mutex_unlock (&self->wait.mutex);
}

/* Whether the calling thread iterates @context, in which @thread has started something. If
 * no thread iterates it now, @thread is expected to. */
gboolean
lf_acquisition_is_context_of (GMainContext *context,
                              guint64       thread)
{
  if (g_main_context_is_owner (context))
    return TRUE;

  if (thread != lf_thread_get_number () || !g_main_context_acquire (context))
    return FALSE;

  g_main_context_release (context);

  return TRUE;
}

/* Breaks the connection to the main context, after the report. */
void
lf_acquisition_detach (LfAcquisition *self)
{
  gboolean is_own = lf_acquisition_is_own (self);

  if (is_own)
    g_mutex_lock (&self->wait.mutex);
  g_clear_pointer (&self->source, g_source_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  if (is_own)
    g_mutex_unlock (&self->wait.mutex);

  lf_acquisition_disconnect (self);
}

gboolean
lf_acquisition_needs_this_thread (const LfAcquisition *self)
{
  return self->context != NULL && lf_acquisition_is_context_of (self->context, self->thread);
}

void
lf_acquisition_start (LfAcquisition *self)
{
  if (self->source != NULL)
    {
      lf_acquisition_start_waiting (self);
      return;
    }

  g_mutex_lock (&self->wait.mutex);
  if (self->state == LF_ACQUISITION_IDLE)
    self->state = LF_ACQUISITION_TURN;
  lf_acquisition_wake_caller (self);
  g_mutex_unlock (&self->wait.mutex);
}

/* Sleeps until it is time to report or, with @for_turn, to begin. Returns with the mutex
 * held, and FALSE if it is time to report. */
static gboolean
lf_acquisition_sleep (LfAcquisition *self,
                      gboolean       for_turn)
{
  gint64 next;

  g_mutex_lock (&self->wait.mutex);
  while (!(for_turn && self->state == LF_ACQUISITION_TURN))
    {
      next = lf_acquisition_decide (self);
      if (next == 0)
        return FALSE;

      next = lf_acquisition_prepare_notice (self, next);
      if (lf_acquisition_give_notice (self))
        continue;

      self->sleeps = TRUE;
      if (next < 0)
        g_cond_wait (&self->cond, &self->wait.mutex);
      else
        g_cond_wait_until (&self->cond, &self->wait.mutex, next);
      self->sleeps = FALSE;
    }

  return TRUE;
}

/* Waits until no other claim on the object is before this one. Returns FALSE if a cancel or
 * the deadline came first. */
static gboolean
lf_acquisition_wait_for_turn (LfAcquisition  *self,
                              GError        **error)
{
  gboolean has_turn;

  g_mutex_lock (&self->wait.mutex);
  has_turn = self->state == LF_ACQUISITION_TURN;
  g_mutex_unlock (&self->wait.mutex);

  if (has_turn)
    return TRUE;

  lf_acquisition_connect (self);
  if (!lf_acquisition_sleep (self, TRUE))
    {
      lf_acquisition_take_result (self, error);
      return FALSE;
    }
  g_mutex_unlock (&self->wait.mutex);

  return TRUE;
}

/* Waits in a thread, so that the deadline and the cancellable can end it. */
static LfHandle *
lf_acquisition_run_in_thread (LfAcquisition  *self,
                              GError        **error)
{
  lf_acquisition_connect (self);
  lf_acquisition_start_waiting (self);
  lf_acquisition_sleep (self, FALSE);

  return lf_acquisition_take_result (self, error);
}

/* Acquires in the calling thread, which has its turn. */
static LfHandle *
lf_acquisition_run_here (LfAcquisition  *self,
                         GError        **error)
{
  /* A server may not answer in time */
  if (self->backend->is_remote && (self->deadline >= 0 || self->cancellable != NULL))
    return lf_acquisition_run_in_thread (self, error);

  self->attempted = TRUE;
  if (lf_acquisition_enqueue (self))
    self->result = lf_acquisition_attempt (self);

  if (self->result == LF_ATTEMPT_BUSY && !self->try_once)
    {
      if (self->deadline >= 0 || self->cancellable != NULL)
        return lf_acquisition_run_in_thread (self, error);

      /* Another thread could release the lock that this thread holds */
      if (lf_handle_held_by_thread (self->handle) && lf_thread_is_alone ())
        {
          g_autofree char *display_name = lf_path_get_display_name (lf_acquisition_get_path (self));

          self->result = LF_ATTEMPT_ERROR;
          self->error = g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK,
                                     _("Waiting to lock %s would never end: this thread holds "
                                       "the lock through another object"), display_name);
        }
      else if (self->notice != LF_NOTICE_NONE)
        return lf_acquisition_run_in_thread (self, error);
      else
        self->result = lf_acquisition_wait (self);
    }

  lf_acquisition_dequeue (self);

  if (self->result == LF_ATTEMPT_GRANTED)
    {
      /* A cancel wins over a grant that was not reported yet */
      if (!g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return g_steal_pointer (&self->handle);

      lf_acquisition_give_back (self);
      return NULL;
    }

  if (self->result == LF_ATTEMPT_BUSY)
    self->error = lf_acquisition_new_attempt_error (self);
  self->backend->drop (self->backend, self->handle);
  g_propagate_error (error, g_steal_pointer (&self->error));

  return NULL;
}

LfHandle *
lf_acquisition_run (LfAcquisition  *self,
                    GError        **error)
{
  LfHandle *handle = NULL;

  if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
    return NULL;

  if (lf_acquisition_wait_for_turn (self, error))
    handle = lf_acquisition_run_here (self, error);

  lf_acquisition_disconnect (self);

  return handle;
}
