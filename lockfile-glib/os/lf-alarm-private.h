/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A clock that also counts while the machine is suspended, if the system has one, and a sleep
 * on it that ends in time even then. One file per platform. */

/* In microseconds, since some point in the past. */
gint64 lf_alarm_get_time (void);

typedef struct
{
  GCond cond;
  int fd;         /* or -1 */
  gboolean polls; /* sleeps with the descriptor, not with the condition */
} LfAlarm;

void     lf_alarm_init  (LfAlarm *self);

/* Closes what a sleep has opened. No thread may be asleep. */
void     lf_alarm_close (LfAlarm *self);

/* Unlocks the mutex and sleeps until @time or lf_alarm_wake(). May return earlier. Only one
 * thread may sleep. */
void     lf_alarm_sleep (LfAlarm *self,
                         GMutex  *mutex,
                         gint64   time);

/* With the mutex held. Returns FALSE if the sleeper cannot be woken, since the program has
 * closed a descriptor that it does not know. */
gboolean lf_alarm_wake  (LfAlarm *self);

G_END_DECLS
