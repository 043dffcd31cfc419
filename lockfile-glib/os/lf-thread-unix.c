/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-thread-private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "os/lf-process-private.h"

/* Address space, not memory: untouched pages cost nothing. It must hold the C library's own
 * data, unwinding, and a log handler of the application. Thread-local data of the program
 * and its libraries is added to it. */
#define STACK_SIZE (256 * 1024)

/* An idle thread stays for a moment, since the next task often follows soon, and waking a
 * thread costs less than starting one. */
#define MAX_IDLE 8
#define IDLE_TIME (G_TIME_SPAN_SECOND / 10)

typedef struct
{
  LfThreadFunc work;
  LfThreadFunc ended;
  gpointer data;
  GList link; /* in the queue; GLib's own links would cost each thread some KiB */
} LfThreadTask;

typedef struct
{
  GMutex mutex;
  GCond cond;
  GQueue tasks; /* for idle threads; never more tasks than idle threads */
  guint n_idle;
} Threads;

static gpointer
threads_new (void)
{
  Threads *self = g_new0 (Threads, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  g_queue_init (&self->tasks);

  return self;
}

static Threads *
lock_threads (void)
{
  Threads *self = lf_process_get_state (LF_PROCESS_THREADS, threads_new);

  g_mutex_lock (&self->mutex);

  return self;
}

/* Returns NULL if the thread is to end. */
static LfThreadTask *
wait_for_task (void)
{
  gint64 end = g_get_monotonic_time () + IDLE_TIME;
  Threads *threads = lock_threads ();
  GList *link = NULL;

  if (threads->n_idle < MAX_IDLE)
    {
      threads->n_idle++;
      while (g_queue_is_empty (&threads->tasks) &&
             g_cond_wait_until (&threads->cond, &threads->mutex, end))
        ;
      link = g_queue_pop_head_link (&threads->tasks);
      threads->n_idle--;
    }
  g_mutex_unlock (&threads->mutex);

  return link != NULL ? link->data : NULL;
}

static gboolean
give_to_idle (LfThreadTask *task)
{
  Threads *threads = lock_threads ();
  gboolean given = g_queue_get_length (&threads->tasks) < threads->n_idle;

  if (given)
    {
      g_queue_push_tail_link (&threads->tasks, &task->link);
      g_cond_signal (&threads->cond);
    }
  g_mutex_unlock (&threads->mutex);

  return given;
}

/* A cancelled thread leaves its functions without returning. AddressSanitizer does not
 * notice that, and would take later data on the stack for the old variables. It reports
 * such an error even inside __asan_handle_no_return(), so that cannot be called here. */
#define FORGOTTEN_SIZE (64 * 1024)
#ifdef __has_feature
#define HAS_FEATURE(name) __has_feature (name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined (__SANITIZE_ADDRESS__) || HAS_FEATURE (address_sanitizer)
void __asan_unpoison_memory_region (const volatile void *address, gsize size);
#define FORGET_FRAMES() \
  __asan_unpoison_memory_region ((char *) __builtin_frame_address (0) - FORGOTTEN_SIZE, \
                                 FORGOTTEN_SIZE)
#else
#define FORGET_FRAMES()
#endif

static void
end_task (void *data)
{
  LfThreadTask *task = data;

  FORGET_FRAMES ();
  task->ended (task->data);
}

static void
set_name (void)
{
#ifdef HAVE_PTHREAD_SETNAME_NP
  pthread_setname_np (pthread_self (), LF_THREAD_NAME);
#endif
}

static void *
thread_main (void *first_task)
{
  LfThreadTask *next = first_task;

  set_name ();
  while (next != NULL)
    {
      LfThreadTask task = *next;

      /* A thread can be cancelled only where it allows that */
      pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
      g_free (next);

      pthread_cleanup_push (end_task, &task);
      task.work (task.data);
      pthread_cleanup_pop (TRUE);

      /* A cancel that was too late for this task must not end the next one */
      FORGET_FRAMES ();
      pthread_setcancelstate (PTHREAD_CANCEL_ENABLE, NULL);
      pthread_testcancel ();
      pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);

      next = wait_for_task ();
    }

  return NULL;
}

static int
start_thread (LfThreadTask *task)
{
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all_signals, old_signals;
  int result;

  pthread_attr_init (&attributes);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize (&attributes, STACK_SIZE + lf_thread_get_local_size ());

  sigfillset (&all_signals);
  pthread_sigmask (SIG_SETMASK, &all_signals, &old_signals);
  result = pthread_create (&thread, &attributes, thread_main, task);
  if (result == EINVAL)
    {
      /* The system may require more than that, or a multiple of a page */
      pthread_attr_destroy (&attributes);
      pthread_attr_init (&attributes);
      pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
      result = pthread_create (&thread, &attributes, thread_main, task);
    }
  pthread_sigmask (SIG_SETMASK, &old_signals, NULL);

  pthread_attr_destroy (&attributes);

  return result;
}

int
lf_thread_start (LfThreadFunc work,
                 LfThreadFunc ended,
                 gpointer     data)
{
  LfThreadTask *task = g_new (LfThreadTask, 1);
  int result = 0;

  *task = (LfThreadTask) { work, ended, data, { task, NULL, NULL } };

  if (!give_to_idle (task))
    result = start_thread (task);
  if (result != 0)
    g_free (task);

  return result;
}
