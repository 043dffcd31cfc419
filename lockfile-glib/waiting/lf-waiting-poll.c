/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "waiting/lf-waiting-private.h"

#include "os/lf-path-private.h"
#include "os/lf-process-private.h"
#include "os/lf-watch-private.h"

/* Waits for a lock without a queue in the kernel: poll, sleep, poll again. A sleep ends
 * when the next poll is due, or with a wake-up. The interval between polls grows. A wake-up
 * comes when something disappears from the lock's directory, or when this process releases
 * a lock, and means only that a poll may be worthwhile.
 *
 * Of the waiters of this process for one lock, only the first one polls.
 *
 * The mutex of the queues is locked before the mutex of a wait, never the other way round. */

/* The changes that can free a lock: its file disappears, or is closed after writing. */
#define WATCHED_CHANGES (LF_WATCH_GONE | LF_WATCH_WRITTEN)

#define FIRST_INTERVAL G_TIME_SPAN_MILLISECOND

typedef struct
{
  /* Protected by the mutex of the queues */
  GList link; /* in its queue; GLib's own links would cost each thread some KiB */
  LfWait *wait;
  char *path; /* of lf_path_new() */
  char *name; /* of the lock */
  const char *base_name;
  gboolean watch_tried;
  gboolean watched;
  LfWatch watch;

  /* Protected by the mutex of the wait */
  GCond cond;
  gboolean is_first;
  gboolean woken;
  gint64 interval;
  gint64 last_poll;
} Waiter;

/* A process's queues of waiters, by the name of the lock. */
typedef struct
{
  GMutex mutex;
  GHashTable *by_name;
} Queues;

static gpointer
queues_new (void)
{
  Queues *self = g_new0 (Queues, 1);

  g_mutex_init (&self->mutex);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);

  return self;
}

static Queues *
lock_queues (void)
{
  Queues *self = lf_process_get_state (LF_PROCESS_WAITERS, queues_new);

  g_mutex_lock (&self->mutex);

  return self;
}

/* With the mutex of the queues held. */
static void
waiter_wake (Waiter *waiter)
{
  g_mutex_lock (&waiter->wait->mutex);
  waiter->woken = TRUE;
  g_cond_signal (&waiter->cond);
  g_mutex_unlock (&waiter->wait->mutex);
}

static const char *
get_base_name (const char *path)
{
  const char *base_name = path;

  for (const char *c = path; *c != '\0'; c++)
    {
      if (G_IS_DIR_SEPARATOR (*c))
        base_name = c + 1;
    }

  return base_name;
}

static gboolean
lf_waiting_poll_enqueue (LfWait             *wait,
                         const LfWaitTarget *target)
{
  Waiter *waiter = g_new0 (Waiter, 1);
  Queues *queues;
  GQueue *queue;
  gboolean is_first;

  g_cond_init (&waiter->cond);
  waiter->link.data = waiter;
  waiter->wait = wait;
  waiter->path = lf_path_ref (target->path);
  waiter->name = g_strdup (target->name);
  waiter->base_name = get_base_name (waiter->path);
  waiter->interval = FIRST_INTERVAL;
  wait->waiter = waiter;

  queues = lock_queues ();
  queue = g_hash_table_lookup (queues->by_name, waiter->name);
  if (queue == NULL)
    {
      queue = g_queue_new ();
      g_hash_table_insert (queues->by_name, waiter->name, queue);
    }
  is_first = g_queue_is_empty (queue);
  waiter->is_first = is_first;
  g_queue_push_tail_link (queue, &waiter->link);
  g_mutex_unlock (&queues->mutex);

  /* From now on, another thread may make this waiter the first one, by leaving the queue */
  return is_first;
}

static void
lf_waiting_poll_dequeue (LfWait *wait)
{
  Waiter *waiter = g_steal_pointer (&wait->waiter);
  Waiter *next;
  Queues *queues;
  GQueue *queue;
  gboolean was_first;

  if (waiter == NULL)
    return;

  queues = lock_queues ();
  queue = g_hash_table_lookup (queues->by_name, waiter->name);
  was_first = g_queue_peek_head (queue) == waiter;
  g_queue_unlink (queue, &waiter->link);
  next = g_queue_peek_head (queue);

  /* The key is that of the first waiter */
  if (was_first)
    g_hash_table_remove (queues->by_name, waiter->name);

  if (was_first && next != NULL)
    {
      g_hash_table_insert (queues->by_name, next->name, queue);

      /* The next waiter inherits the watch */
      next->watch_tried = waiter->watch_tried;
      next->watched = waiter->watched;
      next->watch = waiter->watch;
      waiter->watched = FALSE;

      g_mutex_lock (&next->wait->mutex);
      next->is_first = TRUE;
      g_mutex_unlock (&next->wait->mutex);
      waiter_wake (next);
    }
  else if (next == NULL)
    g_queue_free (queue);
  g_mutex_unlock (&queues->mutex);

  if (waiter->watched)
    lf_watch_remove (&waiter->watch);
  lf_path_unref (waiter->path);
  g_free (waiter->name);
  g_cond_clear (&waiter->cond);
  g_free (waiter);
}

/* Called in the watch's thread. */
static void
watch_changed (const LfWatch  *watch,
               const char     *name,
               LfWatchChanges  change)
{
  Queues *queues;
  GHashTableIter iter;
  gpointer value;

  /* Only other watches asked for it */
  if (change != 0 && (change & WATCHED_CHANGES) == 0)
    return;

  queues = lock_queues ();
  g_hash_table_iter_init (&iter, queues->by_name);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Waiter *waiter = g_queue_peek_head (value);

      /* Only the first waiter of a queue polls. Files that belong to a lock have its name
       * as a prefix, such as a journal */
      if (waiter->watched && waiter->watch.instance == watch->instance &&
          (watch->id == -1 || waiter->watch.id == watch->id) &&
          (name == NULL || g_str_has_prefix (name, waiter->base_name)))
        waiter_wake (waiter);
    }
  g_mutex_unlock (&queues->mutex);
}

/* Starts to watch, if that was not tried yet. Returns TRUE if the watch has just begun:
 * earlier changes went unnoticed, so a poll is due. */
static gboolean
waiter_watch (Waiter *waiter)
{
  g_autofree char *directory = NULL;
  Queues *queues = lock_queues ();
  gboolean tried = waiter->watch_tried;
  gboolean watched;
  LfWatch watch;

  waiter->watch_tried = TRUE;
  g_mutex_unlock (&queues->mutex);

  if (tried)
    return FALSE;

  directory = g_path_get_dirname (waiter->path);
  watched = lf_watch_add (&watch, directory, WATCHED_CHANGES, watch_changed);

  g_mutex_lock (&queues->mutex);
  waiter->watch = watch;
  waiter->watched = watched;
  g_mutex_unlock (&queues->mutex);

  return watched;
}

static LfWaitResult
lf_waiting_poll_wait (LfWait             *wait,
                      const LfWaitTarget *target,
                      int                *saved_errno)
{
  Waiter *waiter = wait->waiter;
  gint64 longest = MIN (target->poll_interval, lf_watch_longest_interval);
  LfWaitResult result = LF_WAIT_OVER;
  gboolean is_first;

  g_mutex_lock (&wait->mutex);
  is_first = waiter->is_first;
  g_mutex_unlock (&wait->mutex);

  /* Only the waiter that polls needs to be told of changes */
  if (is_first && waiter_watch (waiter))
    {
      g_mutex_lock (&wait->mutex);
      waiter->last_poll = g_get_monotonic_time ();
      result = wait->stopped ? LF_WAIT_STOPPED : LF_WAIT_OVER;
      g_mutex_unlock (&wait->mutex);
      return result;
    }

  g_mutex_lock (&wait->mutex);
  wait->sleeper = waiter;
  if (waiter->last_poll == 0)
    waiter->last_poll = g_get_monotonic_time ();
  while (!wait->stopped)
    {
      gint64 now = g_get_monotonic_time ();
      gint64 next;

      if (!waiter->is_first)
        {
          g_cond_wait (&waiter->cond, &wait->mutex);
          continue;
        }

      /* A wake-up soon after a poll is delayed: otherwise the polls of two programs could
       * wake each other forever */
      if (waiter->woken)
        waiter->interval = FIRST_INTERVAL;
      next = waiter->last_poll + MIN (waiter->interval, longest);
      if (now >= next)
        break;

      g_cond_wait_until (&waiter->cond, &wait->mutex, next);
    }

  if (wait->stopped)
    result = LF_WAIT_STOPPED;
  waiter->woken = FALSE;
  waiter->interval = MIN (waiter->interval * 2, longest);
  waiter->last_poll = g_get_monotonic_time ();
  wait->sleeper = NULL;
  g_mutex_unlock (&wait->mutex);

  return result;
}

static void
lf_waiting_poll_stop (LfWait *wait)
{
  Waiter *waiter = wait->sleeper;

  if (waiter != NULL)
    g_cond_signal (&waiter->cond);
}

void
lf_waiting_poll_wake (const char *name)
{
  Queues *queues;
  GQueue *queue;

  /* No thread of this process has ever polled */
  if (lf_process_peek_state (LF_PROCESS_WAITERS) == NULL)
    return;

  queues = lock_queues ();
  queue = g_hash_table_lookup (queues->by_name, name);
  if (queue != NULL)
    waiter_wake (g_queue_peek_head (queue));
  g_mutex_unlock (&queues->mutex);
}

const LfWaitingVTable lf_waiting_poll = {
  .enqueue = lf_waiting_poll_enqueue,
  .dequeue = lf_waiting_poll_dequeue,
  .wait = lf_waiting_poll_wait,
  .stop = lf_waiting_poll_stop,
};
