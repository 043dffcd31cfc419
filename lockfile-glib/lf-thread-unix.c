/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-thread-private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* Address space, not memory: what is never touched costs nothing. It must hold
 * the C library's own data, unwinding, and a log handler of the application. */
#define STACK_SIZE (256 * 1024)

typedef struct
{
  LfThreadFunc work;
  LfThreadFunc ended;
  gpointer data;
} LfThread;

static void *
lf_thread_main (void *start)
{
  LfThread thread = *(LfThread *) start;

  /* Nobody cancels a thread before it says where it may be cancelled */
  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
  g_free (start);

  pthread_cleanup_push (thread.ended, thread.data);
  thread.work (thread.data);
  pthread_cleanup_pop (TRUE);

  return NULL;
}

int
lf_thread_start (LfThreadFunc work,
                 LfThreadFunc ended,
                 gpointer     data)
{
  LfThread *start = g_new (LfThread, 1);
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all_signals, old_signals;
  int result;

  *start = (LfThread) { work, ended, data };

  pthread_attr_init (&attributes);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize (&attributes, STACK_SIZE);

  sigfillset (&all_signals);
  pthread_sigmask (SIG_SETMASK, &all_signals, &old_signals);
  result = pthread_create (&thread, &attributes, lf_thread_main, start);
  if (result == EINVAL)
    {
      /* Thread-local data of the program leaves too little of such a stack */
      pthread_attr_destroy (&attributes);
      pthread_attr_init (&attributes);
      pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
      result = pthread_create (&thread, &attributes, lf_thread_main, start);
    }
  pthread_sigmask (SIG_SETMASK, &old_signals, NULL);

  pthread_attr_destroy (&attributes);
  if (result != 0)
    g_free (start);

  return result;
}
