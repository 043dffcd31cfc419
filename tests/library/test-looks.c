/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Waiting for a lock without a queue in the kernel: polls and wake-ups. The program's own
 * inotify_init1() counts the instances, and fails on request, as it does if a user has too
 * many of them. Its inotify_add_watch() is slow, as it is if a server has to look up the
 * path. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-util.h"

static int n_instances;       /* atomic */
static gboolean no_instances; /* atomic */

G_MODULE_EXPORT int
inotify_init1 (int flags)
{
  int (*real_init) (int) = (int (*) (int)) dlsym (RTLD_NEXT, "inotify_init1");

  if (g_atomic_int_get (&no_instances))
    {
      errno = EMFILE;
      return -1;
    }

  g_atomic_int_inc (&n_instances);
  return real_init (flags);
}

typedef enum
{
  NOT_SLOW,
  SLOW_BEFORE, /* slow while looking up the path */
  SLOW_AFTER,
} Slowness;

static struct
{
  GMutex mutex;
  GCond cond;
  Slowness slowness;
  gboolean is_waiting;
} adding;

static void
set_slowness (Slowness slowness)
{
  g_mutex_lock (&adding.mutex);
  adding.slowness = slowness;
  g_cond_broadcast (&adding.cond);
  g_mutex_unlock (&adding.mutex);
}

static void
wait_until_adding (void)
{
  g_mutex_lock (&adding.mutex);
  while (!adding.is_waiting)
    g_cond_wait (&adding.cond, &adding.mutex);
  g_mutex_unlock (&adding.mutex);
}

static void
be_slow (Slowness when)
{
  g_mutex_lock (&adding.mutex);
  while (adding.slowness == when)
    {
      adding.is_waiting = TRUE;
      g_cond_broadcast (&adding.cond);
      g_cond_wait (&adding.cond, &adding.mutex);
    }
  adding.is_waiting = FALSE;
  g_mutex_unlock (&adding.mutex);
}

G_MODULE_EXPORT int
inotify_add_watch (int         fd,
                   const char *path,
                   uint32_t    mask)
{
  int (*real_add) (int, const char *, uint32_t) =
    (int (*) (int, const char *, uint32_t)) dlsym (RTLD_NEXT, "inotify_add_watch");
  int id;

  be_slow (SLOW_BEFORE);
  id = real_add (fd, path, mask);
  be_slow (SLOW_AFTER);

  return id;
}

/* Watches of this process in the kernel, of all instances. */
static guint
count_kernel_watches (void)
{
  g_autoptr (GDir) descriptors = g_dir_open ("/proc/self/fdinfo", 0, NULL);
  const char *name;
  guint n_watches = 0;

  g_assert_nonnull (descriptors);
  while ((name = g_dir_read_name (descriptors)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fdinfo", name, NULL);
      g_autofree char *text = NULL;
      g_auto (GStrv) lines = NULL;

      if (!g_file_get_contents (path, &text, NULL, NULL))
        continue;
      lines = g_strsplit (text, "\n", -1);
      for (guint i = 0; lines[i] != NULL; i++)
        n_watches += g_str_has_prefix (lines[i], "inotify wd:") ? 1 : 0;
    }

  return n_watches;
}

static LfLockFile *
new_lock (const char *path)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", LF_BACKEND_HARD_LINK, NULL);
}

/* Without wake-ups, polls with a growing interval would soon be too late: 200 hand-overs
 * would take most of an hour. */
static void
test_nudges (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  const char *argv[] = { g_getenv ("LF_TEST_PEER"), fixture->path, "hard-link", NULL };
  g_autoptr (Peer) peer = peer_start_argv (argv);

  lf_lock_file_set_poll_interval (lock, 3600);
  for (int i = 0; i < 200; i++)
    {
      g_auto (Claim) claim = { 0 };

      peer_send (peer, "acquire");
      peer_expect (peer, "held");
      claim_start (&claim, lock, NULL);
      if (i % 20 == 0)
        {
          /* Gives the interval time to grow */
          gint64 start = g_get_monotonic_time ();

          while (g_get_monotonic_time () - start < 50000)
            g_main_context_iteration (NULL, FALSE);
        }
      peer_send (peer, "release");
      peer_expect (peer, "released");
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      assert_releases (lock);
    }
}

/* Without a watch, waits only poll. */
static void
test_no_watch (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  const char *argv[] = { g_getenv ("LF_TEST_PEER"), fixture->path, "hard-link", NULL };
  g_autoptr (Peer) peer = peer_start_argv (argv);
  g_auto (Claim) claim = { 0 };

  g_atomic_int_set (&no_instances, TRUE);
  lf_lock_file_set_poll_interval (lock, 0.01);
  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  claim_start (&claim, lock, NULL);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_atomic_int_set (&no_instances, FALSE);
}

#define N_WAITS 50

/* One watch for the process, however many waits there are, in however many directories;
 * none after the last wait. */
static void
test_one_watch (Fixture       *fixture,
                gconstpointer  data)
{
  LfLockFile *holders[N_WAITS];
  LfLockFile *locks[N_WAITS];
  Claim claims[N_WAITS] = { 0 };
  g_autoptr (LfLockFile) first = new_lock (fixture->path);
  g_auto (Claim) claim = { 0 };
  guint n_descriptors;
  int n_before;

  /* GLib makes descriptors of its own once */
  claim_start (&claim, first, NULL);
  claim_wait (&claim);
  wait_for_no_lock_threads ();
  n_descriptors = count_descriptors ();
  n_before = g_atomic_int_get (&n_instances);

  for (guint i = 0; i < N_WAITS; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%u/test.lock", fixture->directory, i % 5);

      holders[i] = new_lock (path);
      lf_lock_file_set_create_parents (holders[i], TRUE);
      locks[i] = new_lock (path);
      if (i < 5)
        assert_acquires (holders[i]);
      claim_start (&claims[i], locks[i], NULL);
    }

  /* All waits, and the watch */
  wait_for_sleeping_lock_threads (N_WAITS + 1);
  for (guint i = 0; i < 5; i++)
    assert_releases (holders[i]);

  /* They started at once, so they may come in any order */
  for (guint n_left = N_WAITS; n_left > 0;)
    {
      g_main_context_iteration (NULL, TRUE);
      for (guint i = 0; i < N_WAITS; i++)
        {
          if (claims[i].granted && lf_lock_file_is_held (locks[i]))
            {
              assert_releases (locks[i]);
              n_left--;
            }
          g_assert_no_error (claims[i].error);
        }
    }

  for (guint i = 0; i < N_WAITS; i++)
    {
      g_object_unref (locks[i]);
      g_object_unref (holders[i]);
    }

  wait_for_no_lock_threads ();
  g_assert_cmpint (g_atomic_int_get (&n_instances) - n_before, <=, 1);
  g_assert_cmpuint (count_descriptors (), ==, n_descriptors);
}

/* Within a process, waiters for one lock are served in order of arrival, whatever object
 * they use. */
static void
test_order (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  LfLockFile *locks[N_WAITS];
  Claim claims[N_WAITS] = { 0 };
  guint n_done = 0;

  wait_for_no_lock_threads ();
  assert_acquires (holder);
  for (guint i = 0; i < N_WAITS; i++)
    {
      claims[i].counter = &n_done;
      locks[i] = new_lock (fixture->path);
      claim_start (&claims[i], locks[i], NULL);
      /* The waiter is in the queue when its thread sleeps; the watch has another thread */
      wait_for_sleeping_lock_threads (i + 2);
    }

  assert_releases (holder);
  for (guint i = 0; i < N_WAITS; i++)
    {
      claim_wait (&claims[i]);
      g_assert_no_error (claims[i].error);
      g_assert_cmpuint (claims[i].sequence, ==, i);
      assert_releases (locks[i]);
      g_object_unref (locks[i]);
    }
}

/* A waiter that gives up in the middle of the queue does not disturb the others, and leaves
 * no watch behind. */
static void
test_leave_middle (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  g_autoptr (LfLockFile) first = new_lock (fixture->path);
  g_autoptr (LfLockFile) middle = new_lock (fixture->path);
  g_autoptr (LfLockFile) last = new_lock (fixture->path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Claim) first_claim = { 0 };
  g_auto (Claim) middle_claim = { 0 };
  g_auto (Claim) last_claim = { 0 };

  wait_for_no_lock_threads ();
  assert_acquires (holder);
  lf_lock_file_set_poll_interval (first, 3600);
  lf_lock_file_set_poll_interval (last, 3600);
  claim_start (&first_claim, first, NULL);
  wait_for_sleeping_lock_threads (2);
  claim_start (&middle_claim, middle, cancellable);
  wait_for_sleeping_lock_threads (3);
  claim_start (&last_claim, last, NULL);
  wait_for_sleeping_lock_threads (4);

  g_cancellable_cancel (cancellable);
  claim_wait (&middle_claim);
  g_assert_error (middle_claim.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_releases (holder);
  claim_wait (&first_claim);
  g_assert_no_error (first_claim.error);
  g_assert_false (last_claim.done);
  assert_releases (first);
  claim_wait (&last_claim);
  g_assert_no_error (last_claim.error);
  wait_for_no_lock_threads ();
}

/* A forked child has neither its parent's watch nor its parent's queue. */
static void
child_waits (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
}

/* The child of a waiting process can wait too, with a watch of its own. */
static void
test_fork (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_auto (Claim) claim = { 0 };

  wait_for_no_lock_threads ();
  assert_acquires (holder);
  claim_start (&claim, lock, NULL);
  wait_for_sleeping_lock_threads (2);
  run_in_child (child_waits, fixture);
  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

/* If a server does not look up a path, waits elsewhere still end. */
static void
test_slow_server (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autofree char *slow_path = g_build_filename (fixture->directory, "slow", "test.lock", NULL);
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) slow_holder = new_lock (slow_path);
  g_autoptr (LfLockFile) slow_lock = new_lock (slow_path);
  g_auto (Claim) claim = { 0 };
  g_auto (Claim) slow_claim = { 0 };

  wait_for_no_lock_threads ();
  lf_lock_file_set_create_parents (slow_holder, TRUE);
  assert_acquires (holder);
  assert_acquires (slow_holder);
  lf_lock_file_set_timeout (lock, 10);
  claim_start (&claim, lock, NULL);
  wait_for_sleeping_lock_threads (2);
  set_slowness (SLOW_BEFORE);
  claim_start (&slow_claim, slow_lock, NULL);
  wait_until_adding ();

  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  set_slowness (NOT_SLOW);
  wait_for_sleeping_lock_threads (2);
  /* The slow one may not have come to its sleep yet */
  wait_until_asleep (getpid ());
  g_assert_cmpuint (count_kernel_watches (), ==, 1);
  assert_releases (slow_holder);
  claim_wait (&slow_claim);
  g_assert_no_error (slow_claim.error);
  wait_for_no_lock_threads ();
}

/* The last wait in a directory ends just when another one begins there. Both have the same
 * watch in the kernel, which stays. */
static void
test_same_directory (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *other_path = g_build_filename (fixture->directory, "other.lock", NULL);
  g_autoptr (LfLockFile) holder = new_lock (fixture->path);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path);
  g_autoptr (LfLockFile) other_holder = new_lock (other_path);
  g_autoptr (LfLockFile) other_lock = new_lock (other_path);
  g_auto (Claim) claim = { 0 };
  g_auto (Claim) other_claim = { 0 };

  wait_for_no_lock_threads ();
  assert_acquires (holder);
  assert_acquires (other_holder);
  lf_lock_file_set_timeout (lock, 10);
  claim_start (&claim, lock, NULL);
  wait_for_sleeping_lock_threads (2);
  set_slowness (SLOW_AFTER);
  claim_start (&other_claim, other_lock, NULL);
  wait_until_adding ();

  assert_releases (holder);
  claim_wait (&claim);
  g_assert_no_error (claim.error);

  set_slowness (NOT_SLOW);
  wait_for_sleeping_lock_threads (2);
  g_assert_cmpuint (count_kernel_watches (), ==, 1);
  assert_releases (other_holder);
  claim_wait (&other_claim);
  g_assert_no_error (other_claim.error);
  wait_for_no_lock_threads ();
}

/* A file that a program opens after it has closed all descriptors that it does not know. */
typedef enum
{
  FOREIGN_NOTHING,
  FOREIGN_FILE,    /* always readable */
  FOREIGN_PIPE,    /* with data in it */
  FOREIGN_INOTIFY, /* with an event in it */
} Foreign;

typedef struct
{
  const Fixture *fixture;
  Foreign foreign;
} Closing;

#define FOREIGN_DATA "data"
#define MAX_FD 64

static int
open_foreign (Foreign     foreign,
              const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "foreign", NULL);
  int ends[2];
  int fd;

  g_mkdir (directory, 0700);
  switch (foreign)
    {
    case FOREIGN_FILE:
      return open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    case FOREIGN_PIPE:
      g_assert_no_errno (pipe (ends));
      g_assert_cmpint (write (ends[1], FOREIGN_DATA, strlen (FOREIGN_DATA)), ==,
                       strlen (FOREIGN_DATA));
      return ends[0];

    case FOREIGN_INOTIFY:
      fd = inotify_init ();
      g_assert_cmpint (inotify_add_watch (fd, directory, IN_CREATE), ==, 1);
      close (open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      return fd;

    case FOREIGN_NOTHING:
    default:
      return -1;
    }
}

static void
assert_untouched (Foreign     foreign,
                  int         fd,
                  const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "another", NULL);
  struct stat file_stat;
  int n_bytes = 0, n_more = 0;

  switch (foreign)
    {
    case FOREIGN_FILE:
      g_assert_no_errno (fstat (fd, &file_stat));
      g_assert_cmpint (file_stat.st_size, ==, 0);
      g_assert_cmpint (lseek (fd, 0, SEEK_CUR), ==, 0);
      break;

    case FOREIGN_PIPE:
      g_assert_no_errno (ioctl (fd, FIONREAD, &n_bytes));
      g_assert_cmpint (n_bytes, ==, strlen (FOREIGN_DATA));
      break;

    case FOREIGN_INOTIFY:
      /* It also has not lost what it watches */
      g_assert_no_errno (ioctl (fd, FIONREAD, &n_bytes));
      g_assert_cmpint (n_bytes, >, 0);
      close (open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      g_assert_no_errno (ioctl (fd, FIONREAD, &n_more));
      g_assert_cmpint (n_more, >, n_bytes);
      break;

    case FOREIGN_NOTHING:
    default:
      break;
    }
}

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static gpointer
acquire_main (gpointer lock)
{
  assert_acquires (lock);
  assert_releases (lock);

  return NULL;
}

/* Waits while an attempt is using its descriptor of the directory. */
static gboolean
is_of_watch (int fd)
{
  struct stat file_stat;

  return fstat (fd, &file_stat) == 0 && !S_ISREG (file_stat.st_mode) &&
         !S_ISDIR (file_stat.st_mode);
}

/* Waits in a thread for a lock that another program has, and ends that wait. Before, unless
 * @foreign_fd is -2, closes what was opened for the watch. */
static void
wait_and_close (const char *path,
                double      poll_interval,
                int         foreign_fd)
{
  g_autoptr (LfLockFile) lock = new_lock (path);
  gboolean were_open[MAX_FD];
  GThread *thread;

  lf_lock_file_set_poll_interval (lock, poll_interval);
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  for (int fd = 0; fd < MAX_FD; fd++)
    were_open[fd] = is_open (fd);
  thread = g_thread_new ("acquire", acquire_main, lock);
  wait_for_sleeping_lock_threads (1);

  for (int fd = 0; fd < MAX_FD && foreign_fd != -2; fd++)
    {
      if (were_open[fd] || !is_of_watch (fd))
        continue;
      if (foreign_fd >= 0)
        g_assert_cmpint (dup2 (foreign_fd, fd), ==, fd);
      else
        close (fd);
      were_open[fd] = foreign_fd >= 0;
    }

  g_assert_no_errno (unlink (path));
  g_thread_join (thread);
  wait_for_no_lock_threads ();

  for (int fd = 0; fd < MAX_FD; fd++)
    g_assert_cmpint (were_open[fd], ==, is_open (fd));
}

static void
child_closes (gpointer data)
{
  const Closing *closing = data;
  const Fixture *fixture = closing->fixture;
  g_autofree char *directory = g_build_filename (fixture->directory, "foreign", NULL);
  int foreign_fd = open_foreign (closing->foreign, directory);
  int n_before = g_atomic_int_get (&n_instances);

  /* If a thread does not end, the case fails */
  alarm (30);
  wait_and_close (fixture->path, 0.05, foreign_fd);
  assert_untouched (closing->foreign, foreign_fd, directory);

  /* The next wait has a watch again */
  g_assert_cmpint (g_atomic_int_get (&n_instances), ==, n_before + 1);
  wait_and_close (fixture->path, 3600, -2);
  g_assert_cmpint (g_atomic_int_get (&n_instances), ==, n_before + 2);
}

/* A program that closes descriptors that it does not know closes the watch. Files that it
 * opens then are left alone. The wait continues by polling. */
static void
test_closed (Fixture       *fixture,
             gconstpointer  data)
{
  Closing closing = { fixture, GPOINTER_TO_UINT (data) };

  run_in_child (child_closes, &closing);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/looks/nudges", test_nudges);
  add_test ("/looks/no-watch", test_no_watch);
  add_test ("/looks/one-watch", test_one_watch);
  add_test ("/looks/order", test_order);
  add_test ("/looks/leave-middle", test_leave_middle);
  add_test ("/looks/fork", test_fork);
  add_test ("/looks/slow-server", test_slow_server);
  add_test ("/looks/same-directory", test_same_directory);
  add_data_test ("/looks/closed/nothing", GUINT_TO_POINTER (FOREIGN_NOTHING), test_closed);
  add_data_test ("/looks/closed/file", GUINT_TO_POINTER (FOREIGN_FILE), test_closed);
  add_data_test ("/looks/closed/pipe", GUINT_TO_POINTER (FOREIGN_PIPE), test_closed);
  add_data_test ("/looks/closed/inotify", GUINT_TO_POINTER (FOREIGN_INOTIFY), test_closed);

  return g_test_run ();
}
