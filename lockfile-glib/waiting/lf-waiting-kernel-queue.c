/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-backend-private.h"

#include <errno.h>
#include <pthread.h>

#include "backends/lf-unix-file-private.h"

/* The wait for a kernel lock: asleep in the kernel's own queue. It costs no
 * wake-up, is first come, first served beside blocking waiters of any program,
 * and ends by a grant or by pthread_cancel(); no other thread can end it, not
 * even by closing the descriptor. (Linux wakes the first of the queue, which then
 * takes the lock: who asks for it in between, some microseconds long, gets in
 * before.) */

/* Cancellation is allowed around the one system call and nowhere else. If it
 * strikes after the kernel granted the lock, nobody has been told yet and the
 * thread's end gives the lock back. */
static int
block_cancellably (const LfBackendClass *backend,
                   LfHandle             *handle)
{
  int result;

  pthread_setcanceltype (PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  pthread_setcancelstate (PTHREAD_CANCEL_ENABLE, NULL);
  /* In musl, a cancel that was sent before strikes at the next cancellation point only,
   * and flock() is none */
  pthread_testcancel ();
  result = backend->block (handle);
  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
  /* In glibc, a cancel that was sent while it was allowed strikes when it arrives,
   * allowed or not, while the type is still this one: in the mutex, whose wake-up
   * would be lost */
  pthread_setcanceltype (PTHREAD_CANCEL_DEFERRED, NULL);

  return result;
}

static LfWaitResult
lf_waiting_kernel_queue_wait (LfWait                *wait,
                              const LfBackendClass  *backend,
                              LfHandle              *handle,
                              const LfRequest       *request,
                              GError               **error)
{
  pthread_t thread = pthread_self ();
  gboolean stopped = FALSE;
  int result;

  if (wait->own_thread)
    {
      g_mutex_lock (&wait->mutex);
      stopped = wait->stopped;
      if (!stopped)
        wait->sleeper = &thread;
      g_mutex_unlock (&wait->mutex);
    }

  if (stopped)
    return LF_WAIT_STOPPED;

  do
    result = wait->own_thread ? block_cancellably (backend, handle) : backend->block (handle);
  while (result == EINTR);

  if (wait->own_thread)
    {
      g_mutex_lock (&wait->mutex);
      wait->sleeper = NULL;
      stopped = wait->stopped;
      g_mutex_unlock (&wait->mutex);
    }

  if (stopped)
    return LF_WAIT_STOPPED;

  if (result != 0)
    {
      lf_unix_file_set_lock_error (error, backend, request->path, result);
      return LF_WAIT_ERROR;
    }

  return LF_WAIT_OVER;
}

/* The thread cannot have ended while it is the sleeper: to stop being that, and
 * to end, it needs the mutex. */
static void
lf_waiting_kernel_queue_stop (LfWait *wait)
{
  pthread_t *thread = g_steal_pointer (&wait->sleeper);

  if (thread != NULL)
    pthread_cancel (*thread);
}

const LfWaitingClass lf_waiting_kernel_queue = {
  .wait = lf_waiting_kernel_queue_wait,
  .stop = lf_waiting_kernel_queue_stop,
};
