/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-monitor-private.h"

#include "os/lf-file-system-private.h"
#include "os/lf-path-private.h"
#include "os/lf-process-private.h"
#include "os/lf-thread-private.h"
#include "os/lf-watch-private.h"

/* How a held lock is monitored
 *
 * The watch of the process reports that something has changed in the lock's directory, or
 * that a file system was mounted or unmounted. Then a thread of the library checks the lock.
 * The thread ends when no check is due, so while nothing happens, monitored locks need no
 * thread and cause no wake-ups. If a watch cannot see all changes, because other hosts can
 * change the file system, or if there is no watch, the same thread sleeps until the next
 * poll.
 *
 * A file system that does not answer must not delay the checks of other locks. So a check on
 * a file system that is not local has a thread of its own.
 *
 * The mutex is locked after the mutex of an object's claims. While it is held, nothing waits
 * except for the start of a thread. */

/* The changes that can lose a lock: it is removed or renamed, another file is moved onto it, or
 * its path leads elsewhere. */
#define WATCHED_CHANGES (LF_WATCH_GONE | LF_WATCH_CAME | LF_WATCH_MOUNTED)

struct _LfMonitor
{
  gatomicrefcount ref_count;
  const LfProcess *process;
  char *path; /* of lf_path_new() */
  char *base_name;
  gboolean watches;
  gint64 interval;
  LfMonitorReport report;
  gpointer report_data;
  GDestroyNotify report_destroy;
  LfMonitorLook look; /* NULL until it is started */
  gpointer data;
  GDestroyNotify destroy;
  gboolean is_told; /* it is never watched, and checked only when it is poked */
  gboolean is_local;
  gboolean is_polled;

  /* Protected by the mutex */
  GList link; /* in the list; one that GLib allocates would cost a thread some KiB */
  gboolean listed;
  gboolean watched;
  gboolean watch_lost; /* whether the program has closed it */
  LfWatch watch;
  gboolean is_due;
  gboolean is_paused;
  gboolean is_looking;
  gint64 next_poll; /* monotonic, or -1 */
};

typedef struct
{
  GMutex mutex;
  GCond cond;
  GQueue list;
  gboolean runs; /* whether the thread runs */
} Monitors;

static gpointer
monitors_new (void)
{
  Monitors *self = g_new0 (Monitors, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  g_queue_init (&self->list);

  return self;
}

static Monitors *
lock_monitors (void)
{
  Monitors *self = lf_process_get_state (LF_PROCESS_MONITORS, monitors_new);

  g_mutex_lock (&self->mutex);

  return self;
}

LfMonitor *
lf_monitor_new (const char      *path,
                gboolean         watches,
                double           poll_interval,
                LfMonitorReport  report,
                gpointer         data,
                GDestroyNotify   destroy)
{
  LfMonitor *self = g_new (LfMonitor, 1);

  *self = (LfMonitor) {
    .process = lf_process_get (),
    .path = lf_path_ref ((char *) path),
    .base_name = g_path_get_basename (path),
    .watches = watches,
    .interval = (gint64) (poll_interval * G_USEC_PER_SEC),
    .report = report,
    .report_data = data,
    .report_destroy = destroy,
    .next_poll = -1,
  };
  self->link.data = self;
  g_atomic_ref_count_init (&self->ref_count);

  return self;
}

LfMonitor *
lf_monitor_new_told (const char      *path,
                     LfMonitorReport  report,
                     gpointer         data,
                     GDestroyNotify   destroy)
{
  LfMonitor *self = lf_monitor_new (path, FALSE, 1, report, data, destroy);

  self->is_told = TRUE;

  return self;
}

LfMonitor *
lf_monitor_ref (LfMonitor *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
lf_monitor_unref (gpointer data)
{
  LfMonitor *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  self->report_destroy (self->report_data);
  if (self->destroy != NULL)
    self->destroy (self->data);
  lf_path_unref (self->path);
  g_free (self->base_name);
  g_free (self);
}

static gboolean
is_ready (const LfMonitor *self,
          gint64           now)
{
  return self->look != NULL && !self->is_looking && !self->is_paused &&
         (self->is_due || (self->next_poll >= 0 && self->next_poll <= now));
}

/* With the mutex held. Returns a monitor whose lock to check now, or NULL with the time of the
 * next poll, which is -1 if there is none. */
static LfMonitor *
find_ready (Monitors *monitors,
            gint64   *next)
{
  gint64 now = g_get_monotonic_time ();

  *next = -1;
  for (GList *link = monitors->list.head; link != NULL; link = link->next)
    {
      LfMonitor *monitor = link->data;

      if (is_ready (monitor, now))
        return monitor;
      if (monitor->look != NULL && !monitor->is_looking && !monitor->is_paused &&
          monitor->next_poll >= 0 &&
          (*next < 0 || monitor->next_poll < *next))
        *next = monitor->next_poll;
    }

  return NULL;
}

static void run (gpointer data);

static void
do_nothing (gpointer data)
{
}

/* With the mutex held. Wakes or starts the thread. */
static void
wake (Monitors *monitors)
{
  int result;

  if (monitors->runs)
    {
      g_cond_signal (&monitors->cond);
      return;
    }

  monitors->runs = TRUE;
  result = lf_thread_start (run, do_nothing, monitors);
  if (result == 0)
    return;

  /* Due checks stay due until the next change */
  g_debug ("No thread to check held locks: %s", g_strerror (result));
  monitors->runs = FALSE;
}

/* Called in the watch's thread. */
static void
watch_changed (const LfWatch  *watch,
               const char     *name,
               LfWatchChanges  change)
{
  Monitors *monitors;
  gboolean found = FALSE;

  if (change != 0 && (change & WATCHED_CHANGES) == 0)
    return;

  monitors = lock_monitors ();
  for (GList *link = monitors->list.head; link != NULL; link = link->next)
    {
      LfMonitor *monitor = link->data;

      if (!monitor->watched || monitor->watch.instance != watch->instance ||
          (watch->id != -1 && monitor->watch.id != watch->id) ||
          (name != NULL && !g_str_equal (name, monitor->base_name)))
        continue;

      monitor->is_due = TRUE;
      monitor->watch_lost |= change == 0;
      found |= !monitor->is_paused;
    }
  if (found)
    wake (monitors);
  g_mutex_unlock (&monitors->mutex);
}

/* With the mutex held. */
static void
unlist (Monitors  *monitors,
        LfMonitor *self)
{
  if (self->listed)
    g_queue_unlink (&monitors->list, &self->link);
  self->listed = FALSE;
}

/* Without the mutex. Changes before this has returned may not be noticed. */
static void
start_watching (LfMonitor *self)
{
  g_autofree char *directory = g_path_get_dirname (self->path);
  LfWatch watch = { NULL, -1 };
  gboolean watched = lf_watch_add (&watch, directory, WATCHED_CHANGES, watch_changed);
  Monitors *monitors;
  gboolean is_wanted;

  self->is_local = lf_file_system_path_is_local (directory);
  self->is_polled = !watched || !self->is_local;

  monitors = lock_monitors ();
  is_wanted = self->listed;
  if (is_wanted)
    {
      self->watch = watch;
      self->watched = watched;
      self->next_poll = self->is_polled ? g_get_monotonic_time () + self->interval : -1;
    }
  g_mutex_unlock (&monitors->mutex);

  if (watched && !is_wanted)
    lf_watch_remove (&watch);
}

void
lf_monitor_watch (LfMonitor *self)
{
  Monitors *monitors;
  gboolean is_new;

  if (!self->watches)
    return;

  monitors = lock_monitors ();
  is_new = !self->listed;
  if (is_new)
    {
      g_queue_push_tail_link (&monitors->list, &self->link);
      self->listed = TRUE;
    }
  g_mutex_unlock (&monitors->mutex);

  if (is_new)
    start_watching (self);
}

/* Takes the watch. The caller must remove it. */
static gboolean
steal_watch (LfMonitor *self,
             LfWatch   *watch)
{
  gboolean watched = self->watched;

  *watch = self->watch;
  self->watched = FALSE;

  return watched;
}

static void
renew_watch (LfMonitor *self)
{
  Monitors *monitors = lock_monitors ();
  gboolean is_lost = self->watch_lost;
  gboolean watched = FALSE;
  LfWatch watch;

  self->watch_lost = FALSE;
  if (is_lost)
    watched = steal_watch (self, &watch);
  g_mutex_unlock (&monitors->mutex);

  if (watched)
    lf_watch_remove (&watch);
  if (is_lost)
    start_watching (self);
}

/* In a thread of the library, without the mutex. */
static void
take_look (gpointer data)
{
  LfMonitor *self = data;
  Monitors *monitors;
  gboolean again;

  renew_watch (self);
  again = self->look (self->data);

  monitors = lock_monitors ();
  self->is_looking = FALSE;
  self->next_poll = self->is_polled || again ? g_get_monotonic_time () + self->interval : -1;
  if (self->listed)
    wake (monitors);
  g_mutex_unlock (&monitors->mutex);
}

/* The thread. */
static void
run (gpointer data)
{
  Monitors *monitors = data;
  gint64 next;

  g_mutex_lock (&monitors->mutex);
  for (;;)
    {
      LfMonitor *monitor = find_ready (monitors, &next);
      gboolean is_local;

      if (monitor == NULL && next < 0)
        break;
      if (monitor == NULL)
        {
          g_cond_wait_until (&monitors->cond, &monitors->mutex, next);
          continue;
        }

      lf_monitor_ref (monitor);
      monitor->is_due = FALSE;
      monitor->is_looking = TRUE;
      is_local = monitor->is_local;
      g_mutex_unlock (&monitors->mutex);

      if (is_local || lf_thread_start (take_look, lf_monitor_unref, monitor) != 0)
        {
          take_look (monitor);
          lf_monitor_unref (monitor);
        }

      g_mutex_lock (&monitors->mutex);
    }
  monitors->runs = FALSE;
  g_mutex_unlock (&monitors->mutex);
}

void
lf_monitor_start (LfMonitor      *self,
                  LfMonitorLook   look,
                  gpointer        data,
                  GDestroyNotify  destroy)
{
  Monitors *monitors = lock_monitors ();

  self->look = look;
  self->data = data;
  self->destroy = destroy;
  if (self->is_told)
    {
      g_queue_push_tail_link (&monitors->list, &self->link);
      self->listed = TRUE;
    }
  if (self->is_due || self->next_poll >= 0)
    wake (monitors);
  g_mutex_unlock (&monitors->mutex);
}

void
lf_monitor_pause (LfMonitor *self)
{
  Monitors *monitors = lock_monitors ();

  self->is_paused = TRUE;
  g_mutex_unlock (&monitors->mutex);
}

void
lf_monitor_poke (LfMonitor *self)
{
  Monitors *monitors = lock_monitors ();

  self->is_paused = FALSE;
  self->is_due = TRUE;
  if (self->look != NULL && self->listed)
    wake (monitors);
  g_mutex_unlock (&monitors->mutex);
}

void
lf_monitor_report (LfMonitor *self,
                   GError    *reason,
                   gboolean   is_noticed)
{
  self->report (reason, is_noticed, self->report_data);
}

/* In a forked child, the watch and the list belong to the parent. */
void
lf_monitor_stop (LfMonitor *self)
{
  gboolean watched = FALSE;
  LfWatch watch;

  if (self->process == lf_process_get ())
    {
      Monitors *monitors = lock_monitors ();

      unlist (monitors, self);
      watched = steal_watch (self, &watch);
      g_mutex_unlock (&monitors->mutex);
    }

  if (watched)
    lf_watch_remove (&watch);
  lf_monitor_unref (self);
}
