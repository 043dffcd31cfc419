/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-watch-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "os/lf-descriptor-private.h"
#include "os/lf-process-private.h"
#include "os/lf-thread-private.h"

/* What makes a lock free: its file goes, or whoever had it open for writing is
 * done. Not the closing of files that were only read, which would answer every
 * look with another change. */
#define EVENTS (IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)

const gint64 lf_watch_longest_interval = G_MAXINT64;

/* One inotify instance and its thread. When the last watch is removed the thread
 * is told to end, and frees this; a watch that is added afterwards gets another. */
typedef struct
{
  int inotify_fd;
  int end_fd;
  guint n_watches;
  GHashTable *counts; /* number of watches by id */
  LfWatchFunc changed;
} Instance;

typedef struct
{
  GMutex mutex; /* never held while `changed` is called */
  Instance *current;
} Watches;

static gpointer
watches_new (void)
{
  Watches *self = g_new0 (Watches, 1);

  g_mutex_init (&self->mutex);

  return self;
}

static Watches *
lock_watches (void)
{
  Watches *self = lf_process_get_state (LF_PROCESS_WATCH, watches_new);

  g_mutex_lock (&self->mutex);

  return self;
}

static void
instance_free (gpointer data)
{
  Instance *instance = data;

  close (instance->inotify_fd);
  close (instance->end_fd);
  g_hash_table_unref (instance->counts);
  g_free (instance);
}

static void
read_events (Instance *instance)
{
  /* As inotify(7) wants it; more than one event fits */
  char buffer[4096] __attribute__ ((aligned (__alignof__ (struct inotify_event))));
  gssize length = read (instance->inotify_fd, buffer, sizeof buffer);
  gssize offset = 0;

  while (offset < length)
    {
      const struct inotify_event *event = (const void *) (buffer + offset);
      LfWatch watch = { instance, event->wd };

      if ((event->mask & IN_IGNORED) == 0)
        instance->changed (&watch, event->len > 0 ? event->name : NULL);
      offset += (gssize) (sizeof *event + event->len);
    }
}

static void
instance_main (gpointer data)
{
  Instance *instance = data;
  struct pollfd fds[] = {
    { .fd = instance->inotify_fd, .events = POLLIN },
    { .fd = instance->end_fd, .events = POLLIN },
  };

  while ((fds[1].revents & POLLIN) == 0)
    {
      if (poll (fds, G_N_ELEMENTS (fds), -1) > 0 && (fds[0].revents & POLLIN) != 0)
        read_events (instance);
    }
}

static Instance *
instance_new (LfWatchFunc changed)
{
  Instance *instance = g_new0 (Instance, 1);

  instance->inotify_fd = lf_descriptor_raise (inotify_init1 (IN_CLOEXEC | IN_NONBLOCK));
  instance->end_fd = lf_descriptor_raise (eventfd (0, EFD_CLOEXEC));
  instance->counts = g_hash_table_new (NULL, NULL);
  instance->changed = changed;

  if (instance->inotify_fd < 0 || instance->end_fd < 0)
    g_debug ("No watch: %s", g_strerror (errno));
  else if (lf_thread_start (instance_main, instance_free, instance) == 0)
    return instance;

  if (instance->inotify_fd >= 0)
    close (instance->inotify_fd);
  if (instance->end_fd >= 0)
    close (instance->end_fd);
  g_hash_table_unref (instance->counts);
  g_free (instance);

  return NULL;
}

/* With the mutex held. */
static void
end_if_unused (Watches *self)
{
  Instance *instance = self->current;

  if (instance->n_watches > 0)
    return;

  self->current = NULL;
  if (eventfd_write (instance->end_fd, 1) != 0)
    g_debug ("Ending a watch: %s", g_strerror (errno));
}

gboolean
lf_watch_add (LfWatch     *watch,
              const char  *directory,
              LfWatchFunc  changed)
{
  Watches *watches = lock_watches ();
  Instance *instance = watches->current;
  int id = -1;

  if (instance == NULL)
    instance = watches->current = instance_new (changed);

  if (instance != NULL)
    {
      id = inotify_add_watch (instance->inotify_fd, directory, EVENTS | IN_ONLYDIR);
      if (id >= 0)
        {
          guint count = GPOINTER_TO_UINT (g_hash_table_lookup (instance->counts,
                                                               GINT_TO_POINTER (id)));

          g_hash_table_insert (instance->counts, GINT_TO_POINTER (id), GUINT_TO_POINTER (count + 1));
          instance->n_watches++;
        }
    }

  watch->instance = id >= 0 ? instance : NULL;
  watch->id = id;
  if (instance != NULL)
    end_if_unused (watches);

  g_mutex_unlock (&watches->mutex);

  return id >= 0;
}

void
lf_watch_remove (LfWatch *watch)
{
  Watches *watches = lock_watches ();
  Instance *instance = watches->current;
  guint count;

  /* Else it is that of an ancestor, from before a fork() */
  if (watch->instance != NULL && watch->instance == instance)
    {
      count = GPOINTER_TO_UINT (g_hash_table_lookup (instance->counts,
                                                     GINT_TO_POINTER (watch->id)));
      if (count > 1)
        g_hash_table_insert (instance->counts, GINT_TO_POINTER (watch->id),
                             GUINT_TO_POINTER (count - 1));
      else
        {
          g_hash_table_remove (instance->counts, GINT_TO_POINTER (watch->id));
          inotify_rm_watch (instance->inotify_fd, watch->id);
        }

      instance->n_watches--;
      end_if_unused (watches);
    }

  watch->instance = NULL;

  g_mutex_unlock (&watches->mutex);
}
