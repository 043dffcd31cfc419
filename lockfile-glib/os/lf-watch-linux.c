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

/* The events of each change. Closing files that were only read is not one of them, since
 * each poll would then cause another event. */
#define GONE_EVENTS (IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF)
#define WRITTEN_EVENTS IN_CLOSE_WRITE
#define CAME_EVENTS IN_MOVED_TO

/* poll(2) on this file returns when a file system is mounted or unmounted in the process's
 * mount namespace. inotify does not report that a busy file system was unmounted. */
#define MOUNTS_FILE "/proc/self/mountinfo"

#define MAX_FUNCTIONS 2

/* An unused instance is kept this long, in microseconds, since the next watch often follows
 * soon, and the kernel needs long to close an instance. */
#define IDLE_TIME (G_TIME_SPAN_SECOND / 10)

/* Marks our descriptors. After a program closed descriptors that it did not know, other
 * files can have the same numbers, and inotify instances have no inodes of their own. The
 * mark is the signal for O_ASYNC. O_ASYNC is not set, so the signal is never sent. */
#define MARK SIGWINCH

const gint64 lf_watch_longest_interval = G_MAXINT64;

/* One inotify instance and its thread, which ends soon after the last watch is removed. Later
 * watches get a new instance. They also do if the program has closed a descriptor of this
 * one; then this instance is no longer used, and its watches report nothing. */
typedef struct
{
  const LfProcess *process;
  gpointer functions[MAX_FUNCTIONS]; /* of LfWatchFunc; atomic, they stay */
  gboolean has_mounts;
  int mounts_fd; /* or -1 */
  int inotify_fd;
  int end_fd;    /* a byte is sent to it to wake the thread */
  int thread_fd; /* its peer, which wakes the thread also if the program closes `end_fd` */

  /* Protected by the mutex */
  gboolean runs;      /* whether the thread runs */
  gint64 idle_end;    /* monotonic: when the thread ends if it is not used again; 0 while it
                       * sleeps without a timeout */
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
         is_ours (instance->thread_fd) &&
         (instance->mounts_fd < 0 || is_ours (instance->mounts_fd));
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
  close_ours (instance->mounts_fd);
  g_hash_table_unref (instance->counts);
  g_free (instance);
}

static void
tell (Instance       *instance,
      int             id,
      const char     *name,
      LfWatchChanges  change)
{
  LfWatch watch = { instance, id };

  for (gsize i = 0; i < MAX_FUNCTIONS; i++)
    {
      LfWatchFunc changed = (LfWatchFunc) g_atomic_pointer_get (&instance->functions[i]);

      if (changed != NULL)
        changed (&watch, name, change);
    }
}

static LfWatchChanges
get_change (guint32 mask)
{
  if ((mask & CAME_EVENTS) != 0)
    return LF_WATCH_CAME;

  /* A file system that is unmounted is gone too */
  return (mask & WRITTEN_EVENTS) != 0 ? LF_WATCH_WRITTEN : LF_WATCH_GONE;
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

      if ((event->mask & IN_IGNORED) == 0)
        tell (instance, event->wd, event->len > 0 ? event->name : NULL, get_change (event->mask));
      offset += (gssize) (sizeof *event + event->len);
    }
}

/* Whether the thread should continue, and for how many milliseconds it may sleep; -1 means
 * forever. The thread asks whenever something happens on its descriptors. */
static gboolean
is_wanted (Instance *instance,
           int      *timeout)
{
  Watches *watches = lock_watches ();
  gint64 now = g_get_monotonic_time ();
  gboolean is_used = instance->n_watches > 0;
  gboolean is_lost = !is_intact (instance);
  gboolean is_over;

  if (is_used)
    instance->idle_end = 0;
  else if (instance->idle_end == 0)
    instance->idle_end = now + IDLE_TIME;
  is_over = is_lost || (!is_used && now >= instance->idle_end);
  *timeout = is_used ? -1 : (int) ((instance->idle_end - now) / 1000) + 1;

  if (is_over && watches->current == instance)
    watches->current = NULL;
  g_mutex_unlock (&watches->mutex);

  if (is_lost && is_used)
    {
      g_debug ("The program has closed a watch");
      tell (instance, -1, NULL, 0);
    }

  return !is_over;
}

static void
forget_wake (Instance *instance)
{
  char bytes[16];

  if (is_ours (instance->thread_fd))
    recv (instance->thread_fd, bytes, sizeof bytes, MSG_DONTWAIT);
}

static void
instance_main (gpointer data)
{
  Instance *instance = data;
  int timeout;
  struct pollfd fds[] = {
    { .fd = instance->inotify_fd, .events = POLLIN },
    { .fd = instance->thread_fd, .events = POLLIN },
    { .fd = instance->mounts_fd, .events = POLLPRI },
  };

  while (is_wanted (instance, &timeout))
    {
      if (poll (fds, G_N_ELEMENTS (fds), timeout) <= 0)
        continue;

      if ((fds[0].revents & POLLIN) != 0 && is_ours (instance->inotify_fd))
        read_events (instance);
      if ((fds[1].revents & POLLIN) != 0)
        forget_wake (instance);
      if ((fds[2].revents & POLLPRI) != 0)
        tell (instance, -1, NULL, LF_WATCH_MOUNTED);
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
  if (instance->has_mounts)
    instance->mounts_fd = mark (open (MOUNTS_FILE, O_RDONLY | O_CLOEXEC));

  return instance->end_fd >= 0 && instance->thread_fd >= 0 ? 0 : errno;
}

/* With the mutex held, so that the thread starts its work only after the caller is done.
 * Returns NULL with errno. */
static Instance *
instance_new (gboolean has_mounts)
{
  Instance *instance = g_new (Instance, 1);
  int result;

  *instance = (Instance) {
    .process = lf_process_get (),
    .has_mounts = has_mounts,
    .mounts_fd = -1,
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

  if (!is_used && instance->idle_end != 0)
    instance->idle_end = g_get_monotonic_time () + IDLE_TIME;
  else if (!is_used && runs && is_ours (instance->end_fd))
    send (instance->end_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  g_mutex_unlock (&watches->mutex);

  /* Otherwise the thread frees it */
  if (!is_used && !runs)
    instance_free (instance);
}

/* With the mutex held. */
static void
add_function (Instance    *instance,
              LfWatchFunc  changed)
{
  for (gsize i = 0; i < MAX_FUNCTIONS; i++)
    {
      if (instance->functions[i] == NULL)
        g_atomic_pointer_set (&instance->functions[i], (gpointer) changed);
      if (instance->functions[i] == (gpointer) changed)
        return;
    }

  g_return_if_reached ();
}

/* Returns the instance to add a watch to, or NULL with errno. The caller must leave it. An
 * instance that does not watch mounts is replaced if @wants_mounts, but keeps its watches. */
static Instance *
join (gboolean    wants_mounts,
      LfWatchFunc changed)
{
  Watches *watches = lock_watches ();
  Instance *instance = watches->current;
  int saved_errno;

  if (instance == NULL || !is_intact (instance) || (wants_mounts && !instance->has_mounts))
    instance = watches->current = instance_new (wants_mounts);
  saved_errno = errno;
  if (instance != NULL)
    {
      add_function (instance, changed);
      instance->n_watches++;
      instance->n_adding++;
    }
  g_mutex_unlock (&watches->mutex);
  errno = saved_errno;

  return instance;
}

static guint32
get_events (LfWatchChanges changes)
{
  guint32 events = 0;

  if ((changes & LF_WATCH_GONE) != 0)
    events |= GONE_EVENTS;
  if ((changes & LF_WATCH_WRITTEN) != 0)
    events |= WRITTEN_EVENTS;
  if ((changes & LF_WATCH_CAME) != 0)
    events |= CAME_EVENTS;

  return events;
}

/* inotify_add_watch() may have to wait for a server, so it is called without the mutex. */
gboolean
lf_watch_add (LfWatch        *watch,
              const char     *directory,
              LfWatchChanges  changes,
              LfWatchFunc     changed)
{
  Instance *instance = join ((changes & LF_WATCH_MOUNTED) != 0, changed);
  Watches *watches;
  int id = -1;

  if (instance != NULL)
    id = inotify_add_watch (instance->inotify_fd, directory,
                            get_events (changes) | IN_ONLYDIR | IN_MASK_ADD);
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
