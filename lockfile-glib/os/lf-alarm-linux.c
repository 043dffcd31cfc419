/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-alarm-private.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "os/lf-descriptor-private.h"

/* No condition can be waited for with CLOCK_BOOTTIME, so a sleep polls a timer. It is never
 * read: by then a program could have given its number to a descriptor of its own. */

/* Without a descriptor, a sleep must end soon to notice that the machine was suspended */
#define LONGEST_BLIND_SLEEP G_TIME_SPAN_SECOND

gint64
lf_alarm_get_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);

  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

void
lf_alarm_init (LfAlarm *self)
{
  *self = (LfAlarm) { .fd = -1 };
  g_cond_init (&self->cond);
}

/* Fails if the descriptor is no longer a timer. */
static gboolean
set (LfAlarm *self,
     gint64   time)
{
  const struct itimerspec value = {
    .it_value = {
      .tv_sec = time / G_USEC_PER_SEC,
      /* All zeros would mean never */
      .tv_nsec = MAX (time % G_USEC_PER_SEC * 1000, 1),
    },
  };

  return self->fd >= 0 && timerfd_settime (self->fd, TFD_TIMER_ABSTIME, &value, NULL) == 0;
}

static gboolean
set_or_open (LfAlarm *self,
             gint64   time)
{
  if (set (self, time))
    return TRUE;

  self->fd = lf_descriptor_raise (timerfd_create (CLOCK_BOOTTIME, TFD_CLOEXEC));

  return set (self, time);
}

void
lf_alarm_close (LfAlarm *self)
{
  if (set (self, 0))
    lf_close (self->fd);
  self->fd = -1;
}

void
lf_alarm_sleep (LfAlarm *self,
                GMutex  *mutex,
                gint64   time)
{
  struct pollfd polled = { .events = POLLIN };
  gint64 blind_end;

  if (time <= lf_alarm_get_time ())
    return;

  if (!set_or_open (self, time))
    {
      blind_end = g_get_monotonic_time () + MIN (time - lf_alarm_get_time (), LONGEST_BLIND_SLEEP);
      g_cond_wait_until (&self->cond, mutex, blind_end);
      return;
    }

  polled.fd = self->fd;
  self->polls = TRUE;
  g_mutex_unlock (mutex);

  poll (&polled, 1, -1);

  g_mutex_lock (mutex);
  self->polls = FALSE;
}

gboolean
lf_alarm_wake (LfAlarm *self)
{
  if (self->polls)
    return set (self, 0);

  g_cond_signal (&self->cond);

  return TRUE;
}
