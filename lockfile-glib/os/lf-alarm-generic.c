/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-alarm-private.h"

/* For systems whose monotonic clock counts while the machine is suspended, or that do not say. */

gint64
lf_alarm_get_time (void)
{
  return g_get_monotonic_time ();
}

void
lf_alarm_init (LfAlarm *self)
{
  *self = (LfAlarm) { .fd = -1 };
  g_cond_init (&self->cond);
}

void
lf_alarm_close (LfAlarm *self)
{
}

void
lf_alarm_sleep (LfAlarm *self,
                GMutex  *mutex,
                gint64   time)
{
  g_cond_wait_until (&self->cond, mutex, time);
}

gboolean
lf_alarm_wake (LfAlarm *self)
{
  g_cond_signal (&self->cond);

  return TRUE;
}
