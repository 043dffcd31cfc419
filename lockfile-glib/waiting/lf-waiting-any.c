/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "waiting/lf-waiting-private.h"

#include "os/lf-thread-private.h"

/* Waits for any one of several kernel locks. The kernel has no call for that, so each lock has
 * a thread that waits for it, and the first grant ends all waits. Other locks may have been
 * granted by then, too: the next attempt finds that out. A wait for a single lock does not
 * need another thread. */

typedef struct
{
  GMutex *mutex; /* of the wait for the whole group */
  GCond cond;
  guint n_running;
  gboolean granted;
  int error_number;
} Group;

typedef struct
{
  Group *group;
  LfWait wait;
  LfWaitTarget target;
} Member;

/* In a thread of its own. Does not return if the thread is cancelled. */
static void
member_work (gpointer data)
{
  Member *self = data;
  Group *group = self->group;
  int saved_errno = 0;
  LfWaitResult result = lf_waiting_kernel_queue.wait (&self->wait, &self->target, &saved_errno);

  g_mutex_lock (group->mutex);
  if (result == LF_WAIT_OVER)
    group->granted = TRUE;
  else if (result == LF_WAIT_ERROR)
    group->error_number = saved_errno;
  g_cond_signal (&group->cond);
  g_mutex_unlock (group->mutex);
}

static void
member_ended (gpointer data)
{
  Member *self = data;
  Group *group = self->group;

  g_mutex_lock (group->mutex);
  group->n_running--;
  g_cond_signal (&group->cond);
  g_mutex_unlock (group->mutex);
}

static int
member_start (Member             *self,
              Group              *group,
              const LfWaitTarget *target,
              gpointer            lock)
{
  int result;

  *self = (Member) { .group = group, .target = *target };
  self->target.lock = lock;
  self->wait.own_thread = TRUE;
  g_mutex_init (&self->wait.mutex);

  g_mutex_lock (group->mutex);
  group->n_running++;
  g_mutex_unlock (group->mutex);

  result = lf_thread_start (member_work, member_ended, self);
  if (result == 0)
    return 0;

  g_mutex_lock (group->mutex);
  group->n_running--;
  group->error_number = result;
  g_mutex_unlock (group->mutex);

  return result;
}

static void
member_stop (Member *self)
{
  g_mutex_lock (&self->wait.mutex);
  self->wait.stopped = TRUE;
  lf_waiting_kernel_queue.stop (&self->wait);
  g_mutex_unlock (&self->wait.mutex);
}

/* Waits until a lock is granted or the wait is stopped. */
static void
wait_for_first (LfWait *wait,
                Group  *group)
{
  g_mutex_lock (&wait->mutex);
  wait->waiter = group;
  while (!wait->stopped && !group->granted && group->error_number == 0)
    g_cond_wait (&group->cond, &wait->mutex);
  wait->waiter = NULL;
  g_mutex_unlock (&wait->mutex);
}

static LfWaitResult
wait_for_group (LfWait              *wait,
                const LfWaitTarget  *target,
                gpointer            *locks,
                guint                n_locks,
                int                 *saved_errno)
{
  g_autofree Member *members = g_new (Member, n_locks);
  Group group = { .mutex = &wait->mutex };
  guint n_started = 0;
  gboolean stopped;

  g_cond_init (&group.cond);
  while (n_started < n_locks &&
         member_start (&members[n_started], &group, target, locks[n_started]) == 0)
    n_started++;

  wait_for_first (wait, &group);
  for (guint i = 0; i < n_started; i++)
    member_stop (&members[i]);

  /* After this, no thread uses the locks */
  g_mutex_lock (&wait->mutex);
  while (group.n_running > 0)
    g_cond_wait (&group.cond, &wait->mutex);
  stopped = wait->stopped;
  g_mutex_unlock (&wait->mutex);

  for (guint i = 0; i < MIN (n_started + 1, n_locks); i++)
    g_mutex_clear (&members[i].wait.mutex);
  g_cond_clear (&group.cond);

  if (stopped)
    return LF_WAIT_STOPPED;
  if (group.granted)
    return LF_WAIT_OVER;

  *saved_errno = group.error_number;

  return LF_WAIT_ERROR;
}

static LfWaitResult
lf_waiting_any_wait (LfWait             *wait,
                     const LfWaitTarget *target,
                     int                *saved_errno)
{
  LfWaitTarget single = *target;
  guint n_locks;
  gpointer *locks = target->get_members (target->lock, &n_locks);

  if (n_locks > 1)
    return wait_for_group (wait, target, locks, n_locks, saved_errno);

  single.lock = locks[0];

  return lf_waiting_kernel_queue.wait (wait, &single, saved_errno);
}

static void
lf_waiting_any_stop (LfWait *wait)
{
  Group *group = wait->waiter;

  if (group != NULL)
    g_cond_signal (&group->cond);
  else
    lf_waiting_kernel_queue.stop (wait);
}

const LfWaitingVTable lf_waiting_any = {
  .wait = lf_waiting_any_wait,
  .stop = lf_waiting_any_stop,
};
