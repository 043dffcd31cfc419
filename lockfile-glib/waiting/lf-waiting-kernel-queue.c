/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "waiting/lf-waiting-private.h"

#include <errno.h>
#include <pthread.h>

/* Waits for a kernel lock, asleep in the kernel's own queue. This costs no wake-ups, and is
 * first come, first served, together with blocking waiters of any program. The wait ends
 * with a grant or with pthread_cancel(); nothing else that another thread does can end it,
 * not even closing the descriptor. (Linux wakes the first waiter of the queue, which then
 * takes the lock. In the few microseconds between, another program can take the lock
 * first.) */

/* Cancellation is enabled around the one system call and nowhere else. If the thread is
 * cancelled after the kernel granted the lock, the lock has not been reported yet, and the
 * end of the thread releases it. */
static int
block_cancellably (const LfWaitTarget *target)
{
  int result;

  pthread_setcanceltype (PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  pthread_setcancelstate (PTHREAD_CANCEL_ENABLE, NULL);
  /* In musl, an earlier cancel takes effect only at the next cancellation point, and
   * flock() is not one */
  pthread_testcancel ();
  result = target->block (target->lock);
  pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
  /* In glibc, a cancel that was sent while cancellation was enabled takes effect when it
   * arrives, even if cancellation is disabled by then, as long as the type is asynchronous.
   * It could interrupt the mutex, and the mutex's wake-up would be lost */
  pthread_setcanceltype (PTHREAD_CANCEL_DEFERRED, NULL);

  return result;
}

/* Waits until no other wait of this process is before this one, if the kernel would confuse
 * the two. Returns FALSE if it was told to stop. */
static gboolean
wait_turn (LfWait             *wait,
           const LfWaitTarget *target)
{
  gpointer turn = target->line_up (target->lock);
  gboolean has_turn = FALSE;
  gboolean stopped;

  g_mutex_lock (&wait->mutex);
  stopped = wait->stopped;
  wait->turn = turn;
  wait->stop_turn = target->stop_turn;
  g_mutex_unlock (&wait->mutex);

  if (!stopped)
    has_turn = target->wait_turn (turn);

  g_mutex_lock (&wait->mutex);
  wait->turn = NULL;
  g_mutex_unlock (&wait->mutex);

  return has_turn;
}

static LfWaitResult
lf_waiting_kernel_queue_wait (LfWait             *wait,
                              const LfWaitTarget *target,
                              int                *saved_errno)
{
  pthread_t thread = pthread_self ();
  gboolean stopped = FALSE;
  int result;

  if (target->line_up != NULL && !wait_turn (wait, target))
    return LF_WAIT_STOPPED;

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
    result = wait->own_thread ? block_cancellably (target) : target->block (target->lock);
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

  *saved_errno = result;

  return result != 0 ? LF_WAIT_ERROR : LF_WAIT_OVER;
}

/* The thread cannot have ended while `sleeper` is set: it needs the mutex to clear it, and
 * to end. */
static void
lf_waiting_kernel_queue_stop (LfWait *wait)
{
  pthread_t *thread = g_steal_pointer (&wait->sleeper);

  if (wait->turn != NULL)
    wait->stop_turn (wait->turn);
  if (thread != NULL)
    pthread_cancel (*thread);
}

const LfWaitingVTable lf_waiting_kernel_queue = {
  .wait = lf_waiting_kernel_queue_wait,
  .stop = lf_waiting_kernel_queue_stop,
};
