/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-watch-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/lf-descriptor-private.h"
#include "os/lf-process-private.h"
#include "os/lf-thread-private.h"

/* Events that can free a lock: its file disappears, or a program closes the file after
 * writing. Closing files that were only read is not one of them, since each poll would then
 * cause another event. */
#define EVENTS (IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)

/* Marks our descriptors. After a program closed descriptors that it did not know, other
 * files can have the same numbers, and inotify instances have no inodes of their own. The
 * mark is the signal for O_ASYNC. O_ASYNC is not set, so the signal is never sent. */
#define MARK SIGWINCH

const gint64 lf_watch_longest_interval = G_MAXINT64;

/* One inotify instance and its thread, which ends when the last watch is removed. Later
 * watches get a new instance. They also do if the program has closed a descriptor of this
 * one; then this instance is no longer used, and its watches report nothing. */
typedef struct
{
  const LfProcess *process;
  LfWatchFunc changed;
  int inotify_fd;
  int end_fd;    /* shut down to wake the thread */
  int thread_fd; /* its peer, which wakes the thread also if the program closes `end_fd` */

  /* Protected by the mutex */
  gboolean runs;      /* whether the thread runs */
  guint n_watches;    /* including watches that are just being added */
  guint n_adding;
  GHashTable *counts; /* number of watches per id; 0 if only the kernel still has it */
} Instance;

typedef struct
{
  GMutex mutex; /* never held while `changed` is called or a path is looked up */
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

/* Takes a new descriptor, or -1 with errno, and returns a marked duplicate. */
static int
mark (int fd)
{
  int saved_errno;

  fd = lf_descriptor_raise (fd);
  if (fd < 0 || fcntl (fd, F_SETSIG, MARK) == 0)
    return fd;

  saved_errno = errno;
  lf_close (fd);
  errno = saved_errno;

  return -1;
}

static gboolean
is_ours (int fd)
{
  int signal_number = fcntl (fd, F_GETSIG);

  /* Any other error does not mean that it is another file */
  return signal_number == MARK || (signal_number < 0 && errno != EBADF);
}

static gboolean
is_intact (const Instance *instance)
{
  return is_ours (instance->inotify_fd) && is_ours (instance->end_fd) &&
         is_ours (instance->thread_fd);
}

static void
close_ours (int fd)
{
  if (is_ours (fd))
    lf_close (fd);
}

static void
instance_free (Instance *instance)
{
  close_ours (instance->inotify_fd);
  close_ours (instance->end_fd);
  close_ours (instance->thread_fd);
  g_hash_table_unref (instance->counts);
  g_free (instance);
}

static void
read_events (Instance *instance)
{
  /* Aligned as inotify(7) requires, with room for several events */
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

/* Whether the thread should continue. It asks whenever something happens on its
 * descriptors. */
static gboolean
is_wanted (Instance *instance)
{
  Watches *watches = lock_watches ();
  gboolean is_used = instance->n_watches > 0;
  gboolean is_lost = is_used && !is_intact (instance);

  if (is_lost && watches->current == instance)
    watches->current = NULL;
  g_mutex_unlock (&watches->mutex);

  if (is_lost)
    {
      LfWatch any = { instance, -1 };

      g_debug ("The program has closed a watch");
      instance->changed (&any, NULL);
    }

  return is_used && !is_lost;
}

static void
instance_main (gpointer data)
{
  Instance *instance = data;
  struct pollfd fds[] = {
    { .fd = instance->inotify_fd, .events = POLLIN },
    { .fd = instance->thread_fd, .events = POLLIN },
  };

  while (is_wanted (instance))
    {
      if (poll (fds, G_N_ELEMENTS (fds), -1) > 0 && (fds[0].revents & POLLIN) != 0 &&
          is_ours (instance->inotify_fd))
        read_events (instance);
    }
}

static void
instance_ended (gpointer data)
{
  Instance *instance = data;
  Watches *watches = lock_watches ();
  gboolean is_used = instance->n_watches > 0;

  instance->runs = FALSE;
  g_mutex_unlock (&watches->mutex);

  if (!is_used)
    instance_free (instance);
}

/* Returns 0 or an errno. */
static int
instance_open (Instance *instance)
{
  int ends[] = { -1, -1 };

  instance->inotify_fd = mark (inotify_init1 (IN_CLOEXEC | IN_NONBLOCK));
  if (instance->inotify_fd < 0 || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return errno;

  instance->end_fd = mark (ends[0]);
  instance->thread_fd = mark (ends[1]);

  return instance->end_fd >= 0 && instance->thread_fd >= 0 ? 0 : errno;
}

/* With the mutex held, so that the thread starts its work only after the caller is done.
 * Returns NULL with errno. */
static Instance *
instance_new (LfWatchFunc changed)
{
  Instance *instance = g_new (Instance, 1);
  int result;

  *instance = (Instance) {
    .process = lf_process_get (),
    .changed = changed,
    .inotify_fd = -1,
    .end_fd = -1,
    .thread_fd = -1,
    .runs = TRUE,
    .counts = g_hash_table_new (NULL, NULL),
  };

  result = instance_open (instance);
  if (result == 0)
    result = lf_thread_start (instance_main, instance_ended, instance);
  if (result == 0)
    return instance;

  instance_free (instance);
  errno = result;

  return NULL;
}

/* With the mutex held. Does nothing while a watch is being added, which may get an id that
 * has just become unused. */
static void
forget_unused (Instance *instance)
{
  GHashTableIter iter;
  gpointer id, count;

  if (instance->n_adding > 0)
    return;

  g_hash_table_iter_init (&iter, instance->counts);
  while (g_hash_table_iter_next (&iter, &id, &count))
    {
      if (count != NULL)
        continue;

      if (is_ours (instance->inotify_fd))
        inotify_rm_watch (instance->inotify_fd, GPOINTER_TO_INT (id));
      g_hash_table_iter_remove (&iter);
    }
}

/* With the mutex held. */
static void
count_id (Instance *instance,
          int       id,
          int       change)
{
  gpointer key = GINT_TO_POINTER (id);
  int count = GPOINTER_TO_INT (g_hash_table_lookup (instance->counts, key));

  g_hash_table_insert (instance->counts, key, GINT_TO_POINTER (count + change));
}

/* With the mutex held. Unlocks it. */
static void
leave_and_unlock (Watches  *watches,
                  Instance *instance)
{
  gboolean is_used = --instance->n_watches > 0;
  gboolean runs = instance->runs;

  if (!is_used && watches->current == instance)
    watches->current = NULL;
  if (!is_used && runs && is_ours (instance->end_fd))
    shutdown (instance->end_fd, SHUT_RDWR);
  g_mutex_unlock (&watches->mutex);

  /* Otherwise the thread frees it */
  if (!is_used && !runs)
    instance_free (instance);
}

/* Returns the instance to add a watch to, or NULL with errno. The caller must leave it. */
static Instance *
join (LfWatchFunc changed)
{
  Watches *watches = lock_watches ();
  Instance *instance = watches->current;
  int saved_errno;

  if (instance == NULL || !is_intact (instance))
    instance = watches->current = instance_new (changed);
  saved_errno = errno;
  if (instance != NULL)
    {
      instance->n_watches++;
      instance->n_adding++;
    }
  g_mutex_unlock (&watches->mutex);
  errno = saved_errno;

  return instance;
}

/* inotify_add_watch() may have to wait for a server, so it is called without the mutex. */
gboolean
lf_watch_add (LfWatch     *watch,
              const char  *directory,
              LfWatchFunc  changed)
{
  Instance *instance = join (changed);
  Watches *watches;
  int id = -1;

  if (instance != NULL)
    id = inotify_add_watch (instance->inotify_fd, directory, EVENTS | IN_ONLYDIR);
  if (id < 0)
    g_debug ("No watch: %s", g_strerror (errno));

  *watch = (LfWatch) { id >= 0 ? instance : NULL, id };
  if (instance == NULL)
    return FALSE;

  watches = lock_watches ();
  instance->n_adding--;
  if (id >= 0)
    count_id (instance, id, 1);
  forget_unused (instance);
  if (id >= 0)
    g_mutex_unlock (&watches->mutex);
  else
    leave_and_unlock (watches, instance);

  return id >= 0;
}

void
lf_watch_remove (LfWatch *watch)
{
  Instance *instance = g_steal_pointer (&watch->instance);
  Watches *watches;

  /* It may be an ancestor's, from before a fork() */
  if (instance == NULL || instance->process != lf_process_get ())
    return;

  watches = lock_watches ();
  count_id (instance, watch->id, -1);
  forget_unused (instance);
  leave_and_unlock (watches, instance);
}
