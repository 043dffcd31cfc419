/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-backend-private.h"

#include "lf-process-private.h"
#include "lf-watch-private.h"

/* The wait for a lock without a queue in the kernel: look, sleep, look again. A
 * sleep ends when the next look is due, which is put off further each time, or by
 * a nudge: when something in the lock's directory goes, or a lock of this process
 * is given back. A nudge only says that a look may be worth while.
 *
 * Of those in this process who want one lock, only the first one looks. */

#define FIRST_INTERVAL G_TIME_SPAN_MILLISECOND

typedef struct
{
  /* Under the lock of the places */
  GList link; /* in its queue; GLib's own would cost a thread some KiB */
  LfWait *wait;
  char *path; /* a reference string */
  const char *base_name;
  gboolean watch_tried;
  gboolean watched;
  LfWatch watch;

  /* Under the mutex of the wait */
  GCond cond;
  gboolean is_first;
  gboolean nudged;
  gint64 interval;
  gint64 last_look;
} Place;

/* Queues of places by path. */
static GHashTable *queues;
static int queues_pid;
G_LOCK_DEFINE_STATIC (queues);

/* With the lock of the places held. */
static void
place_nudge (Place *place)
{
  g_mutex_lock (&place->wait->mutex);
  place->nudged = TRUE;
  g_cond_signal (&place->cond);
  g_mutex_unlock (&place->wait->mutex);
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
lf_waiting_looks_join (LfWait          *wait,
                       const LfRequest *request)
{
  Place *place = g_new0 (Place, 1);
  GQueue *queue;

  g_cond_init (&place->cond);
  place->link.data = place;
  place->wait = wait;
  place->path = g_ref_string_acquire (request->path);
  place->base_name = get_base_name (place->path);
  place->interval = FIRST_INTERVAL;
  wait->place = place;

  G_LOCK (queues);
  /* In a forked child nobody of the parent's queues waits */
  if (queues == NULL || queues_pid != lf_process_get_id ())
    queues = g_hash_table_new (g_str_hash, g_str_equal);
  queues_pid = lf_process_get_id ();
  queue = g_hash_table_lookup (queues, place->path);
  if (queue == NULL)
    {
      queue = g_queue_new ();
      g_hash_table_insert (queues, place->path, queue);
    }
  place->is_first = g_queue_is_empty (queue);
  g_queue_push_tail_link (queue, &place->link);
  G_UNLOCK (queues);

  return place->is_first;
}

static void
lf_waiting_looks_leave (LfWait *wait)
{
  Place *place = g_steal_pointer (&wait->place);
  Place *next;
  GQueue *queue;
  gboolean was_first;

  if (place == NULL)
    return;

  G_LOCK (queues);
  queue = g_hash_table_lookup (queues, place->path);
  was_first = g_queue_peek_head (queue) == place;
  g_queue_unlink (queue, &place->link);
  next = g_queue_peek_head (queue);

  /* The key is the path of one of the places, that of the first */
  if (was_first)
    g_hash_table_remove (queues, place->path);

  if (was_first && next != NULL)
    {
      g_hash_table_insert (queues, next->path, queue);

      /* The watch goes on for the next one */
      next->watch_tried = place->watch_tried;
      next->watched = place->watched;
      next->watch = place->watch;
      place->watched = FALSE;

      g_mutex_lock (&next->wait->mutex);
      next->is_first = TRUE;
      g_mutex_unlock (&next->wait->mutex);
      place_nudge (next);
    }
  else if (next == NULL)
    g_queue_free (queue);
  G_UNLOCK (queues);

  if (place->watched)
    lf_watch_remove (&place->watch);
  g_ref_string_release (place->path);
  g_cond_clear (&place->cond);
  g_free (place);
}

/* Called in the watch's thread. */
static void
watch_changed (const LfWatch *watch,
               const char    *name)
{
  GHashTableIter iter;
  gpointer value;

  G_LOCK (queues);
  if (queues != NULL)
    g_hash_table_iter_init (&iter, queues);
  while (queues != NULL && g_hash_table_iter_next (&iter, NULL, &value))
    {
      Place *place = g_queue_peek_head (value);

      /* Only the first of a queue looks. What belongs to a lock begins with its
       * name, as a journal does */
      if (place->watched && place->watch.instance == watch->instance &&
          (watch->id == -1 || place->watch.id == watch->id) &&
          (name == NULL || g_str_has_prefix (name, place->base_name)))
        place_nudge (place);
    }
  G_UNLOCK (queues);
}

/* Starts to watch, if that was not tried yet. Returns TRUE if it did now: what
 * changed before went unnoticed, so a look is due. */
static gboolean
place_watch (Place *place)
{
  g_autofree char *directory = NULL;
  gboolean tried, watched;
  LfWatch watch;

  G_LOCK (queues);
  tried = place->watch_tried;
  place->watch_tried = TRUE;
  G_UNLOCK (queues);

  if (tried)
    return FALSE;

  directory = g_path_get_dirname (place->path);
  watched = lf_watch_add (&watch, directory, watch_changed);

  G_LOCK (queues);
  place->watch = watch;
  place->watched = watched;
  G_UNLOCK (queues);

  return watched;
}

static LfWaitResult
lf_waiting_looks_wait (LfWait                *wait,
                       const LfBackendClass  *backend,
                       LfHandle              *handle,
                       const LfRequest       *request,
                       GError               **error)
{
  Place *place = wait->place;
  gint64 longest = MIN ((gint64) (request->poll_interval * G_USEC_PER_SEC),
                        lf_watch_longest_interval);
  LfWaitResult result = LF_WAIT_OVER;
  gboolean is_first;

  g_mutex_lock (&wait->mutex);
  is_first = place->is_first;
  g_mutex_unlock (&wait->mutex);

  /* Only who may look needs to be told of changes */
  if (is_first && place_watch (place))
    {
      g_mutex_lock (&wait->mutex);
      place->last_look = g_get_monotonic_time ();
      result = wait->stopped ? LF_WAIT_STOPPED : LF_WAIT_OVER;
      g_mutex_unlock (&wait->mutex);
      return result;
    }

  g_mutex_lock (&wait->mutex);
  wait->sleeper = place;
  if (place->last_look == 0)
    place->last_look = g_get_monotonic_time ();
  while (!wait->stopped)
    {
      gint64 now = g_get_monotonic_time ();
      gint64 next;

      if (!place->is_first)
        {
          g_cond_wait (&place->cond, &wait->mutex);
          continue;
        }

      /* A nudge soon after a look has to wait: two programs must not answer each
       * other's looks without end */
      if (place->nudged)
        place->interval = FIRST_INTERVAL;
      next = place->last_look + MIN (place->interval, longest);
      if (now >= next)
        break;

      g_cond_wait_until (&place->cond, &wait->mutex, next);
    }

  if (wait->stopped)
    result = LF_WAIT_STOPPED;
  place->nudged = FALSE;
  place->interval = MIN (place->interval * 2, longest);
  place->last_look = g_get_monotonic_time ();
  wait->sleeper = NULL;
  g_mutex_unlock (&wait->mutex);

  return result;
}

static void
lf_waiting_looks_stop (LfWait *wait)
{
  Place *place = wait->sleeper;

  if (place != NULL)
    g_cond_signal (&place->cond);
}

/* Those of this process who wait need no watch to hear of its own releases. */
static void
lf_waiting_looks_released (const char *path)
{
  GQueue *queue;

  G_LOCK (queues);
  queue = queues != NULL ? g_hash_table_lookup (queues, path) : NULL;
  if (queue != NULL)
    place_nudge (g_queue_peek_head (queue));
  G_UNLOCK (queues);
}

const LfWaitingClass lf_waiting_looks = {
  .join = lf_waiting_looks_join,
  .leave = lf_waiting_looks_leave,
  .wait = lf_waiting_looks_wait,
  .stop = lf_waiting_looks_stop,
  .released = lf_waiting_looks_released,
};
