/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls for a check of a held lock when it may have been lost. It knows nothing of the lock
 * itself. */
typedef struct _LfMonitor LfMonitor;

/* Checks the lock, in a thread of the library. Returns TRUE if the result is not known, so that
 * another check should follow after a while. */
typedef gboolean (*LfMonitorLook) (gpointer data);

/* Called at most once, in any thread, with the mutex of the claims held. The callee owns
 * @reason. @is_noticed means that a call of the program already reported the loss. */
typedef void (*LfMonitorReport) (GError   *reason,
                                 gboolean  is_noticed,
                                 gpointer  data);

/* Without @watches, it only reports what is found out elsewhere. */
LfMonitor *lf_monitor_new    (const char       *path,
                              gboolean          watches,
                              double            poll_interval,
                              LfMonitorReport   report,
                              gpointer          data,
                              GDestroyNotify    destroy);

/* For a lock that is checked only after lf_monitor_poke(): its path is not watched. */
LfMonitor *lf_monitor_new_told
                             (const char       *path,
                              LfMonitorReport   report,
                              gpointer          data,
                              GDestroyNotify    destroy);

LfMonitor *lf_monitor_ref    (LfMonitor        *self);
void       lf_monitor_unref  (gpointer          data);

/* Starts to watch the path, without a check of the lock. */
void       lf_monitor_watch  (LfMonitor        *self);

/* Starts the checks. The caller may hold the mutex of the claims, but no other mutex that @look
 * locks. */
void       lf_monitor_start  (LfMonitor        *self,
                              LfMonitorLook     look,
                              gpointer          data,
                              GDestroyNotify    destroy);

/* The lock is not checked until lf_monitor_poke(). */
void       lf_monitor_pause  (LfMonitor        *self);

/* The lock should be checked again. */
void       lf_monitor_poke   (LfMonitor        *self);

void       lf_monitor_report (LfMonitor        *self,
                              GError           *reason,
                              gboolean          is_noticed);

/* Ends the monitor, without waiting for a check in progress, and drops the reference. */
void       lf_monitor_stop   (LfMonitor        *self);

G_END_DECLS
