/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-thread-task-private.h"

#include "lf-errors.h"
#include "os/lf-process-private.h"
#include "os/lf-thread-private.h"
#include "os/lf-translate-private.h"

typedef struct
{
  gatomicrefcount ref_count;
  const LfThreadTaskFuncs *funcs;
  const LfProcess *process;
  gpointer data;

  /* Protected by the mutex */
  GMutex mutex;
  gboolean ended;  /* whether the work has ended */
  GSource *source; /* until the task is returned */
  gpointer result;
  GError *error;
} Work;

typedef struct
{
  GSource parent;

  Work *work;
  GTask *task;
  gulong cancelled_handler;
} WorkSource;

static void
work_unref (gpointer data)
{
  Work *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->result != NULL && self->funcs->free_result != NULL)
    self->funcs->free_result (self->result);
  g_clear_error (&self->error);
  self->funcs->free_data (self->data);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

static void
work_unref_closure (gpointer  data,
                    GClosure *closure)
{
  work_unref (data);
}

static Work *
work_ref (Work *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
work_wake (Work *self)
{
  g_mutex_lock (&self->mutex);
  if (self->source != NULL)
    g_source_set_ready_time (self->source, 0);
  g_mutex_unlock (&self->mutex);
}

static void
work_in_thread (gpointer data)
{
  Work *self = data;
  GError *error = NULL;
  gpointer result = self->funcs->work (self->data, &error);

  g_mutex_lock (&self->mutex);
  self->result = result;
  self->error = error;
  self->ended = TRUE;
  g_mutex_unlock (&self->mutex);
}

static void
work_fail (Work *self,
           int   error_number)
{
  g_mutex_lock (&self->mutex);
  self->ended = TRUE;
  self->error = g_error_new (LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED,
                             _("Cannot start a thread: %s"), g_strerror (error_number));
  g_mutex_unlock (&self->mutex);
}

static void
work_ended (gpointer data)
{
  work_wake (data);
  work_unref (data);
}

/* Called in the thread that cancels. After the task was returned, it does nothing. */
static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  Work *work = user_data;

  if (work->process == lf_process_get ())
    work_wake (work);
}

/* Called in a forked child, which has inherited the source, but not the thread. */
static void
return_inherited_error (WorkSource *self)
{
  const Work *work = self->work;
  GError *error = NULL;

  if (work->funcs->set_inherited_error != NULL)
    work->funcs->set_inherited_error (work->data, lf_process_get_id_of (work->process), &error);
  else
    g_set_error (&error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED,
                 _("The operation belongs to the process from which this one was forked"));

  g_task_return_error (self->task, error);
}

static gboolean
source_dispatch (GSource     *source,
                 GSourceFunc  callback,
                 gpointer     user_data)
{
  WorkSource *self = (WorkSource *) source;
  Work *work = self->work;
  gpointer result;
  GError *error;
  gboolean ended;

  if (work->process != lf_process_get ())
    {
      return_inherited_error (self);
      return G_SOURCE_REMOVE;
    }

  g_mutex_lock (&work->mutex);
  ended = work->ended;
  if (!ended && (work->funcs->must_work ||
                 !g_cancellable_is_cancelled (g_task_get_cancellable (self->task))))
    {
      g_source_set_ready_time (source, -1);
      g_mutex_unlock (&work->mutex);
      return G_SOURCE_CONTINUE;
    }
  result = g_steal_pointer (&work->result);
  error = g_steal_pointer (&work->error);
  work->source = NULL;
  g_mutex_unlock (&work->mutex);

  if (ended)
    work->funcs->done (self->task, work->data, result, error);
  else
    g_task_return_error_if_cancelled (self->task);

  return G_SOURCE_REMOVE;
}

static void
source_finalize (GSource *source)
{
  WorkSource *self = (WorkSource *) source;

  if (self->cancelled_handler != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (self->task), self->cancelled_handler);

  /* The main context may be freed before the task was returned */
  if (self->work->process == lf_process_get ())
    {
      g_mutex_lock (&self->work->mutex);
      self->work->source = NULL;
      g_mutex_unlock (&self->work->mutex);
    }
  work_unref (self->work);
  g_object_unref (self->task);
}

static GSourceFuncs source_funcs = {
  .dispatch = source_dispatch,
  .finalize = source_finalize,
};

void
lf_thread_task_run (GTask                   *task,
                    const LfThreadTaskFuncs *funcs,
                    gpointer                 data)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autoptr (GSource) source = g_source_new (&source_funcs, sizeof (WorkSource));
  WorkSource *work_source = (WorkSource *) source;
  Work *work = g_new0 (Work, 1);
  int result;

  work->funcs = funcs;
  work->process = lf_process_get ();
  work->data = data;
  work->source = source;
  g_mutex_init (&work->mutex);
  g_atomic_ref_count_init (&work->ref_count);

  work_source->work = work_ref (work);
  work_source->task = g_object_ref (task);
  if (cancellable != NULL && !funcs->must_work)
    work_source->cancelled_handler =
      g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (cancelled_cb),
                             work_ref (work), work_unref_closure, 0);

  g_source_set_static_name (source, "[lockfile-glib] thread");
  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, NULL, NULL, NULL);

  /* Before the thread is started: if a thread makes a source ready while another one is
   * attaching it, the main context may not be woken */
  g_source_attach (source, g_task_get_context (task));

  /* A cancel before the handler was connected went unnoticed, and a cancel during
   * g_source_attach() may not have woken the main context. Later cancels do wake it */
  if (!funcs->must_work && g_cancellable_is_cancelled (cancellable))
    work_wake (work);

  result = lf_thread_start (work_in_thread, work_ended, work);
  if (result != 0)
    {
      if (funcs->must_work)
        work_in_thread (work);
      else
        work_fail (work, result);
      work_ended (work);
    }
}
