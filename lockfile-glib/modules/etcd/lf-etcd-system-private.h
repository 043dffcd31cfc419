/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Microseconds of a clock that also runs while the machine is suspended, as a server's does. */
gint64   lf_etcd_clock_get      (void);

/* A source that is dispatched at a time of that clock, also right after a suspension. */
GSource *lf_etcd_alarm_new      (void);
void     lf_etcd_alarm_set_time (GSource *alarm,
                                 gint64   time); /* or -1 */

/* A descriptor that is readable from wake() to clear(). -1 with errno. */
int      lf_etcd_wakeup_new     (void);
void     lf_etcd_wakeup_wake    (int      fd);
void     lf_etcd_wakeup_clear   (int      fd);

/* Above 0, and different in a forked child. */
gint64   lf_etcd_random_id      (void);

/* A thread that gets none of the program's signals. NULL with an error. */
GThread *lf_etcd_thread_start   (GThreadFunc   func,
                                 gpointer      data,
                                 GError      **error);

G_END_DECLS
