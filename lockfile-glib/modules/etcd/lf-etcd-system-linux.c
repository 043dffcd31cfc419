/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-system-private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

gint64
lf_etcd_clock_get (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);

  return (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

typedef struct
{
  GSource parent;

  int fd;
  gpointer tag;
} Alarm;

static gboolean
alarm_check (GSource *source)
{
  Alarm *self = (Alarm *) source;

  return self->fd >= 0 && g_source_query_unix_fd (source, self->tag) != 0;
}

static gboolean
alarm_dispatch (GSource     *source,
                GSourceFunc  callback,
                gpointer     user_data)
{
  lf_etcd_alarm_set_time (source, -1);

  return callback (user_data);
}

static void
alarm_finalize (GSource *source)
{
  Alarm *self = (Alarm *) source;

  if (self->fd >= 0)
    close (self->fd);
}

static GSourceFuncs alarm_funcs = {
  .check = alarm_check,
  .dispatch = alarm_dispatch,
  .finalize = alarm_finalize,
};

/* Without a timer, the clock is only read when it matters. */
GSource *
lf_etcd_alarm_new (void)
{
  GSource *source = g_source_new (&alarm_funcs, sizeof (Alarm));
  Alarm *self = (Alarm *) source;

  self->fd = timerfd_create (CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (self->fd >= 0)
    self->tag = g_source_add_unix_fd (source, self->fd, G_IO_IN);

  return source;
}

void
lf_etcd_alarm_set_time (GSource *alarm,
                        gint64   time)
{
  Alarm *self = (Alarm *) alarm;
  struct itimerspec spec = { 0 };

  if (self->fd < 0)
    return;

  /* A time of zero would stop the timer */
  if (time >= 0)
    {
      spec.it_value.tv_sec = time / G_USEC_PER_SEC;
      spec.it_value.tv_nsec = time % G_USEC_PER_SEC * 1000 + 1;
    }
  timerfd_settime (self->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

int
lf_etcd_wakeup_new (void)
{
  return eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void
lf_etcd_wakeup_wake (int fd)
{
  if (fd >= 0)
    eventfd_write (fd, 1);
}

void
lf_etcd_wakeup_clear (int fd)
{
  eventfd_t value;

  if (fd >= 0)
    eventfd_read (fd, &value);
}

gint64
lf_etcd_random_id (void)
{
  gint64 id = 0;

  while (getrandom (&id, sizeof id, 0) != sizeof id || (id & G_MAXINT64) == 0)
    ;

  return id & G_MAXINT64;
}

GThread *
lf_etcd_thread_start (GThreadFunc   func,
                      gpointer      data,
                      GError      **error)
{
  sigset_t all, before;
  GThread *thread;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  thread = g_thread_try_new ("lf-etcd", func, data, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);

  return thread;
}
