/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Queues for a lock file while its main loop goes on, and says how that goes.
 *
 *   take-turns-c PATH SECONDS     SECONDS is how long to hold the lock */

#include <lockfile-glib/lockfile-glib.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct
{
  GMainLoop *loop;
  LfLockFile *lock;
  double hold_seconds;
  gint64 start;
  guint tick_source;
  guint ticks;
  int status;
} Queue;

static void
fail (Queue  *queue,
      GError *error)
{
  g_printerr ("C (PID %d): %s\n", getpid (), error->message);
  queue->status = EXIT_FAILURE;
  g_main_loop_quit (queue->loop);
}

static void
query_holder_cb (GObject      *object,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  Queue *queue = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder_finish (queue->lock, result, &error);
  g_autofree char *whom = NULL;

  if (error != NULL)
    {
      fail (queue, error);
      return;
    }

  /* It may be our turn by now, or the lock on its way to the next */
  if (lf_lock_file_is_held (queue->lock))
    return;

  whom = holder != NULL ? lf_lock_holder_to_string (holder) : g_strdup ("its turn");
  g_print ("C (PID %d) waits for %s\n", getpid (), whom);
}

static gboolean
tick_cb (gpointer user_data)
{
  Queue *queue = user_data;

  /* Who has not got it after 50 ms wants to know why */
  queue->ticks++;
  if (queue->ticks == 5)
    lf_lock_file_query_holder_async (queue->lock, G_PRIORITY_DEFAULT, NULL, query_holder_cb, queue);

  return G_SOURCE_CONTINUE;
}

static gboolean
hold_over_cb (gpointer user_data)
{
  Queue *queue = user_data;
  g_autoptr (GError) error = NULL;

  /* Said before: afterwards the next one may be faster in saying that it has it */
  g_print ("C (PID %d) releases it\n", getpid ());

  if (lf_lock_file_release (queue->lock, &error))
    g_main_loop_quit (queue->loop);
  else
    fail (queue, error);

  return G_SOURCE_REMOVE;
}

static void
acquire_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  Queue *queue = user_data;
  g_autoptr (GError) error = NULL;

  g_source_remove (queue->tick_source);

  if (!lf_lock_file_acquire_finish (queue->lock, result, &error))
    {
      fail (queue, error);
      return;
    }

  g_print ("C (PID %d) has the lock after %.2f s (its main loop ran %u times meanwhile)\n",
           getpid (), (double) (g_get_monotonic_time () - queue->start) / G_USEC_PER_SEC,
           queue->ticks);
  g_timeout_add ((guint) (queue->hold_seconds * 1000), hold_over_cb, queue);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (LfLockFile) lock = NULL;
  Queue queue = { .loop = loop };

  if (argc != 3)
    {
      g_printerr ("Usage: %s PATH SECONDS\n", argv[0]);
      return EXIT_FAILURE;
    }

  lock = lf_lock_file_new (argv[1]);
  queue.lock = lock;
  queue.hold_seconds = g_ascii_strtod (argv[2], NULL);
  queue.start = g_get_monotonic_time ();
  queue.tick_source = g_timeout_add (10, tick_cb, &queue);
  lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, NULL, acquire_cb, &queue);
  g_main_loop_run (loop);

  return queue.status;
}
