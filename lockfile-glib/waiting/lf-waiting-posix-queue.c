/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "waiting/lf-waiting-private.h"

#include "backends/lf-posix-locks-private.h"

/* The wait for a lock that belongs to the process: first for those of this process
 * who exclude each other, whom the kernel cannot tell apart, then in the kernel's
 * queue. */

static LfWaitResult
lf_waiting_posix_queue_wait (LfWait                *wait,
                             const LfBackendClass  *backend,
                             LfHandle              *handle,
                             const LfRequest       *request,
                             GError               **error)
{
  LfPosixClaim *claim = lf_posix_locks_line_up (handle);
  gboolean stopped;

  g_mutex_lock (&wait->mutex);
  stopped = wait->stopped;
  wait->place = claim;
  g_mutex_unlock (&wait->mutex);

  if (!stopped)
    stopped = !lf_posix_locks_wait_turn (claim);

  g_mutex_lock (&wait->mutex);
  wait->place = NULL;
  g_mutex_unlock (&wait->mutex);

  if (stopped)
    return LF_WAIT_STOPPED;

  return lf_waiting_kernel_queue.wait (wait, backend, handle, request, error);
}

static void
lf_waiting_posix_queue_stop (LfWait *wait)
{
  if (wait->place != NULL)
    lf_posix_locks_stop (wait->place);
  else
    lf_waiting_kernel_queue.stop (wait);
}

const LfWaitingClass lf_waiting_posix_queue = {
  .wait = lf_waiting_posix_queue_wait,
  .stop = lf_waiting_posix_queue_stop,
};
