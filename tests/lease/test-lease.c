/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Leases of locks that are files, with real processes. Processes with another host name, to
 * which all file systems are shared ones, stand for other hosts: they cannot prove that a
 * process has ended. */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lease.h"
#include "lf-test-intercept.h"

/* A waiter cannot get the lock earlier than this after the holder was killed or stopped, which
 * may be just before a renewal that is already late; and should have it this long after. In
 * seconds */
#define SOONEST 0.2
#define LATEST 6.0

#define N_WAITERS 20
#define N_STORM 6
#define STORM_STEPS 60
#define STORM_PAUSE (100 * 1000)

const TestBackend *backend;

/* Arguments for a program on a host of its own, with its name and machine ID. */
static GPtrArray *
new_host_argv (const char *host)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (argv, g_strdup ("unshare"));
  g_ptr_array_add (argv, g_strdup ("--uts"));
  g_ptr_array_add (argv, g_strdup ("--mount"));
  if (geteuid () != 0)
    g_ptr_array_add (argv, g_strdup ("--map-root-user"));
  g_ptr_array_add (argv, g_strdup ("sh"));
  g_ptr_array_add (argv, g_strdup ("-c"));
  g_ptr_array_add (argv, g_strdup ("echo $0 >/proc/sys/kernel/hostname &&"
                                   " id=$(mktemp) && printf $0 | md5sum | cut -c 1-32 >$id &&"
                                   " mount --bind $id /etc/machine-id && rm $id &&"
                                   " exec \"$@\""));
  g_ptr_array_add (argv, g_strdup (host));

  return argv;
}

static Peer *
start_argv (GPtrArray *argv)
{
  Peer *peer;

  g_ptr_array_add (argv, NULL);
  peer = peer_start_argv ((const char *const *) argv->pdata);
  g_ptr_array_unref (argv);

  return peer;
}

static void
add_peer (GPtrArray  *argv,
          const char *path,
          int         lease)
{
  g_ptr_array_add (argv, g_test_build_filename (G_TEST_BUILT, "lease", "lease-peer", NULL));
  g_ptr_array_add (argv, g_strdup (path));
  g_ptr_array_add (argv, g_strdup (backend->nick));
  g_ptr_array_add (argv, g_strdup_printf ("%d", lease));
}

/* On this host, whose file systems are its own. */
Peer *
start_here (const char *path,
            int         lease)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);

  add_peer (argv, path, lease);

  return start_argv (argv);
}

Peer *
start_program_on_host (const char        *host,
                       const char *const *program)
{
  GPtrArray *argv = new_host_argv (host);

  for (; *program != NULL; program++)
    g_ptr_array_add (argv, g_strdup (*program));

  return start_argv (argv);
}

/* AddressSanitizer and ThreadSanitizer must be loaded before other libraries. */
static void
add_clock (GPtrArray *argv,
           int        clock_error)
{
#if !defined (__SANITIZE_ADDRESS__) && !defined (__SANITIZE_THREAD__)
  glob_t found = { 0 };

  if (clock_error == 0)
    return;

  g_assert_cmpint (glob ("/usr/lib/*/faketime/libfaketime.so.1", 0, NULL, &found), ==, 0);
  g_ptr_array_add (argv, g_strdup ("env"));
  g_ptr_array_add (argv, g_strconcat ("LD_PRELOAD=", found.gl_pathv[0], NULL));
  g_ptr_array_add (argv, g_strdup_printf ("FAKETIME=%+d", clock_error));
  /* Only the clock that people set */
  g_ptr_array_add (argv, g_strdup ("FAKETIME_DONT_FAKE_MONOTONIC=1"));
  g_ptr_array_add (argv, g_strdup ("NO_FAKE_STAT=1"));
  globfree (&found);
#endif
}

/* On a host of its own, with a clock that is wrong by so many seconds. */
Peer *
start_on_host (const char *host,
               const char *path,
               int         lease,
               int         clock_error)
{
  GPtrArray *argv = new_host_argv (host);

  add_clock (argv, clock_error);
  add_peer (argv, path, lease);
  g_ptr_array_add (argv, g_strdup ("network"));

  return start_argv (argv);
}

static gboolean
is_report (const char *line,
           const char *word)
{
  return line != NULL && g_str_has_prefix (line, word);
}

/* Returns the time of "WORD TIME", in microseconds. */
gint64
expect_time (Peer       *peer,
             const char *word)
{
  g_autofree char *line = peer_read_line (peer);

  if (!is_report (line, word))
    g_error ("\"%s\" instead of \"%s\"", line, word);

  return g_ascii_strtoll (line + strlen (word), NULL, 10);
}

gint64
acquire (Peer *peer)
{
  peer_send (peer, "acquire");

  return expect_time (peer, "held ");
}

void
signal_peer (Peer *peer,
             int   number)
{
  g_assert_no_errno (kill (peer_get_pid (peer), number));
}

/* Waits until the peer has the lock, which must take about the lease from now. */
void
assert_takes_over (Peer *waiter)
{
  gint64 start = g_get_monotonic_time ();
  double seconds;

  expect_time (waiter, "held ");
  seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  if (seconds < SOONEST || seconds > LATEST)
    g_error ("Taken over after %f seconds", seconds);
}

void
assert_answers (Peer       *peer,
                const char *command,
                const char *expected)
{
  peer_send (peer, command);
  peer_expect (peer, expected);
}

void
end (Peer *peer)
{
  signal_peer (peer, SIGKILL);
  peer_free (peer);
}

/* The file of the lock, as others see it. */
void
get_stat (const char  *path,
          struct stat *lock_stat)
{
  g_assert_no_errno (lstat (path, lock_stat));
}

/* The lock is renewed while the main loop is blocked, so a waiter with a lease of its own does
 * not get it. */
static void
test_renewed (Fixture *fixture)
{
  Peer *holder = start_on_host ("holder", fixture->path, LEASE, 0);
  Peer *waiter = start_on_host ("waiter", fixture->path, LEASE, 0);
  struct stat before, after;

  acquire (holder);
  get_stat (fixture->path, &before);
  peer_send (waiter, "acquire");
  assert_answers (holder, "block 5", "unblocked");
  get_stat (fixture->path, &after);
  g_assert_cmpint (after.st_mtime, >, before.st_mtime + LEASE);
  g_assert_cmpint (after.st_ino, ==, before.st_ino);
  assert_answers (holder, "held", "yes");
  assert_answers (holder, "verify", "yes");
  assert_answers (holder, "release", "released");
  expect_time (waiter, "held ");
  assert_answers (waiter, "release", "released");
  end (holder);
  end (waiter);
}

/* A holder on another host is killed. */
static void
test_killed (Fixture *fixture)
{
  Peer *holder = start_on_host ("holder", fixture->path, LEASE, 0);
  Peer *waiter = start_on_host ("waiter", fixture->path, 0, 0);

  acquire (holder);
  peer_send (waiter, "acquire");
  end (holder);
  assert_takes_over (waiter);
  assert_answers (waiter, "release", "released");
  end (waiter);
}

/* The same, and the clock of each host is wrong. */
static void
test_clocks (Fixture *fixture)
{
  Peer *holder = start_on_host ("holder", fixture->path, LEASE, HOUR);
  Peer *waiter = start_on_host ("waiter", fixture->path, LEASE, -HOUR);

  acquire (holder);
  peer_send (waiter, "acquire");
  /* It has looked, and found a living holder */
  assert_answers (holder, "block 3", "unblocked");
  assert_answers (holder, "verify", "yes");
  end (holder);
  assert_takes_over (waiter);
  end (waiter);
}

/* The clock of the file server was an hour ahead, or behind, when a holder renewed the last
 * time, and was set since. */
static void
test_server_clock (Fixture *fixture)
{
  Peer *holder = start_on_host ("holder", fixture->path, LEASE, 0);
  Peer *waiter = start_on_host ("waiter", fixture->path, LEASE, 0);
  struct timespec times[2] = { { time (NULL) + HOUR, 5000 }, { time (NULL) + HOUR, 5000 } };
  struct stat lock_stat;

  acquire (holder);
  end (holder);
  g_assert_no_errno (utimensat (AT_FDCWD, fixture->path, times, AT_SYMLINK_NOFOLLOW));
  peer_send (waiter, "acquire");
  assert_takes_over (waiter);

  get_stat (fixture->path, &lock_stat);
  g_assert_cmpint (lock_stat.st_mtime, <, time (NULL) + HOUR / 2);
  assert_answers (waiter, "verify", "yes");
  times[0].tv_sec = times[1].tv_sec = time (NULL) - HOUR;
  end (waiter);
  g_assert_no_errno (utimensat (AT_FDCWD, fixture->path, times, AT_SYMLINK_NOFOLLOW));
  waiter = start_on_host ("waiter", fixture->path, LEASE, 0);
  acquire (waiter);
  end (waiter);
}

/* A holder is stopped past its lease, and loses the lock on its own machine, too, even to a
 * waiter that has no lease. When it continues, it knows that, and leaves the lock alone. */
static void
test_stopped (Fixture *fixture)
{
  Peer *holder = start_here (fixture->path, LEASE);
  Peer *waiter = start_here (fixture->path, 0);
  Peer *next = start_here (fixture->path, LEASE);
  struct stat before, after;

  acquire (holder);
  peer_send (waiter, "acquire");
  signal_peer (holder, SIGSTOP);
  assert_takes_over (waiter);

  get_stat (fixture->path, &before);
  signal_peer (holder, SIGCONT);
  expect_time (holder, "lost ");
  assert_answers (holder, "held", "no");
  assert_answers (holder, "verify", "error lf-unlock-error-quark 1"); /* NOT_LOCKED */
  assert_answers (holder, "release", "error lf-unlock-error-quark 2"); /* NOT_MY_LOCK */
  get_stat (fixture->path, &after);
  g_assert_cmpint (after.st_ino, ==, before.st_ino);
  g_assert_cmpint (after.st_mtim.tv_nsec, ==, before.st_mtim.tv_nsec);
  assert_answers (waiter, "verify", "yes");

  /* The waiter has no lease, so its lock does not age */
  peer_send (next, "acquire");
  signal_peer (waiter, SIGSTOP);
  assert_answers (holder, "block 3", "unblocked");
  signal_peer (waiter, SIGCONT);
  assert_answers (waiter, "held", "yes");
  assert_answers (waiter, "release", "released");
  expect_time (next, "held ");
  end (holder);
  end (waiter);
  end (next);
}

/* The file system refuses renewals. The holder is told before another host can have the lock,
 * and by its own calls in any case. */
static void
test_parted (Fixture *fixture)
{
  Peer *holder = start_on_host ("holder", fixture->path, LEASE, 0);
  Peer *waiter = start_on_host ("waiter", fixture->path, LEASE, 0);
  gint64 told, taken;

  acquire (holder);
  peer_send (waiter, "acquire");
  assert_answers (holder, "part", "ok");
  told = expect_time (holder, "lost ");
  assert_answers (holder, "held", "no");
  taken = expect_time (waiter, "held ");
  g_assert_cmpint (told, <, taken);
  assert_answers (waiter, "verify", "yes");
  end (holder);
  end (waiter);
}

/* A forked child does not renew what it inherited. */
static void
test_forked (Fixture *fixture)
{
  Peer *holder = start_on_host ("holder", fixture->path, LEASE, 0);
  Peer *waiter = start_on_host ("waiter", fixture->path, 0, 0);

  acquire (holder);
  assert_answers (holder, "fork", "ok");
  peer_send (waiter, "acquire");
  end (holder);
  assert_takes_over (waiter);
  end (waiter);
}

/* Many wait for the end of a lease. One gets the lock at a time. */
static void
test_waiters (Fixture *fixture)
{
  g_autofree char *command = g_strdup_printf ("turn %s/marker", fixture->directory);
  Peer *holder = start_on_host ("holder", fixture->path, LEASE, 0);
  Peer *waiters[N_WAITERS];

  acquire (holder);
  for (int i = 0; i < N_WAITERS; i++)
    {
      waiters[i] = start_on_host (i % 2 == 0 ? "one" : "other", fixture->path, LEASE, 0);
      peer_send (waiters[i], command);
    }
  end (holder);
  for (int i = 0; i < N_WAITERS; i++)
    {
      peer_expect (waiters[i], "done");
      end (waiters[i]);
    }
}

typedef struct
{
  gint64 first;
  gint64 last;
} Stay;

static int
compare_stays (gconstpointer a,
               gconstpointer b)
{
  const Stay *first = a, *second = b;

  return first->first < second->first ? -1 : first->first > second->first;
}

/* Reads what one process of the storm has noted. */
static void
read_stays (const char *path,
            GArray     *stays)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  int last_grant = -1;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++)
    {
      int grant;
      gint64 now;

      g_assert_cmpint (sscanf (lines[i], "%d %" G_GINT64_FORMAT, &grant, &now), ==, 2);
      if (grant != last_grant)
        {
          Stay stay = { now, now };

          g_array_append_val (stays, stay);
        }
      g_array_index (stays, Stay, stays->len - 1).last = now;
      last_grant = grant;
    }
}

static Peer *
start_stormer (Fixture *fixture,
               guint    number)
{
  g_autofree char *command = g_strdup_printf ("stay %s/stay-%u", fixture->directory, number);
  Peer *peer = start_on_host (number % 2 == 0 ? "one" : "other", fixture->path, LEASE, 0);

  peer_send (peer, command);

  return peer;
}

/* Processes are stopped and killed while they compete for the lock. No two hold it at the same
 * time, by their own account. */
static void
test_storm (Fixture *fixture)
{
  g_autoptr (GArray) stays = g_array_new (FALSE, FALSE, sizeof (Stay));
  Peer *peers[N_STORM];
  int stopped_for[N_STORM] = { 0 };
  guint n_started = 0;

  for (int i = 0; i < N_STORM; i++)
    peers[i] = start_stormer (fixture, n_started++);

  for (int step = 0; step < STORM_STEPS; step++)
    {
      int i = g_random_int_range (0, N_STORM);

      g_usleep (STORM_PAUSE);
      for (int j = 0; j < N_STORM; j++)
        {
          if (stopped_for[j] > 0 && --stopped_for[j] == 0)
            signal_peer (peers[j], SIGCONT);
        }
      if (step % 4 == 0 && stopped_for[i] == 0)
        {
          signal_peer (peers[i], SIGSTOP);
          /* Shorter and longer than the lease */
          stopped_for[i] = g_random_int_range (5, 35);
        }
      else if (step % 10 == 1)
        {
          end (peers[i]);
          peers[i] = start_stormer (fixture, n_started++);
          stopped_for[i] = 0;
        }
    }

  for (int i = 0; i < N_STORM; i++)
    end (peers[i]);
  for (guint i = 0; i < n_started; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/stay-%u", fixture->directory, i);

      read_stays (path, stays);
    }

  g_array_sort (stays, compare_stays);
  g_assert_cmpuint (stays->len, >, 5);
  for (guint i = 1; i < stays->len; i++)
    g_assert_cmpint (g_array_index (stays, Stay, i - 1).last, <,
                     g_array_index (stays, Stay, i).first);
}

static void
lost_cb (LfLockFile *lock,
         GError     *reason,
         gpointer    user_data)
{
  GError **copy = user_data;

  g_assert_null (*copy);
  *copy = g_error_copy (reason);
}

LfLockFile *
new_leased (const char *path)
{
  LfLockFile *lock = lock_new (backend, path);

  lf_lock_file_set_lease_duration (lock, LEASE);
  lf_lock_file_set_poll_interval (lock, 0.05);

  return lock;
}

void
assert_busy (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}

static int pipe_of_stuck[2];

static void
get_stuck (const char *path,
           int         fd,
           int         flags,
           gpointer    data)
{
  char byte;

  g_assert_cmpint (read (pipe_of_stuck[0], &byte, 1), ==, 1);
}

static gboolean
is_set (gpointer data)
{
  return *(gpointer *) data != NULL;
}

static void
iterate_until_set (GError **error)
{
  while (!is_set (error))
    g_main_context_iteration (NULL, TRUE);
}

/* A renewal gets stuck. Its own lock is lost in time, and the lock of another object, whose
 * renewals also get stuck only later, is not held up. The next claim does not wait for it. */
static void
test_stuck (Fixture *fixture)
{
  g_autofree char *other_path = g_strconcat (fixture->path, "2", NULL);
  g_autoptr (LfLockFile) lock = new_leased (fixture->path);
  g_autoptr (LfLockFile) other = new_leased (other_path);
  g_autoptr (GError) reason = NULL;
  g_autoptr (GError) other_reason = NULL;
  Peer *successor = start_here (fixture->path, LEASE);
  gint64 start;
  struct stat before, after;

  g_signal_connect (lock, "lost", G_CALLBACK (lost_cb), &reason);
  g_signal_connect (other, "lost", G_CALLBACK (lost_cb), &other_reason);
  g_assert_no_errno (pipe (pipe_of_stuck));
  start = g_get_monotonic_time ();
  assert_acquires (lock);
  /* The first renewal */
  intercept_hook (CALL_UTIMES, 1, get_stuck, NULL);
  g_usleep (G_USEC_PER_SEC / 5);
  assert_acquires (other);
  iterate_until_set (&reason);
  g_assert_error (reason, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  /* It is told after 1.8 s, if the thread gets a processor */
  g_assert_cmpint (g_get_monotonic_time () - start, <, 2 * LEASE * G_USEC_PER_SEC);
  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_true (lf_lock_file_is_held (other));

  acquire (successor);
  g_assert_true (lf_lock_file_is_held (other));
  g_assert_null (other_reason);
  assert_busy (lock);

  /* The renewal that was stuck does not touch the lock of the successor */
  signal_peer (successor, SIGSTOP);
  get_stat (fixture->path, &before);
  g_assert_cmpint (write (pipe_of_stuck[1], "x", 1), ==, 1);
  wait_for_sleeping_lock_threads (1);
  get_stat (fixture->path, &after);
  g_assert_cmpint (after.st_mtim.tv_nsec, ==, before.st_mtim.tv_nsec);
  intercept_nothing ();
  assert_releases (other);
  end (successor);
  remove_recursively (fixture->path);
}

/* Somebody breaks the lock. The next renewal notices that without a monitor. If it comes before
 * the other one has the lock, it finds nobody's. */
static void
test_broken (Fixture *fixture)
{
  g_autoptr (LfLockFile) lock = new_leased (fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);
  g_autoptr (GError) reason = NULL;

  g_signal_connect (lock, "lost", G_CALLBACK (lost_cb), &reason);
  for (int i = 0; i < 5 && !g_error_matches (reason, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
       i++)
    {
      g_autoptr (GError) error = NULL;

      g_clear_error (&reason);
      assert_acquires (lock);
      g_assert_true (lf_lock_file_break_lock (other, NULL, &error));
      g_assert_no_error (error);
      assert_acquires (other);
      iterate_until_set (&reason);
      g_assert_false (lf_lock_file_is_held (lock));
      assert_releases (other);
    }
  g_assert_error (reason, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
}

/* Without a main loop, calls tell that the lease is over. The lock is left to others, and is
 * free for a query when the lease has ended for them, too. */
static void
test_unattended (Fixture *fixture)
{
  g_autoptr (LfLockFile) lock = new_leased (fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  lf_lock_file_set_poll_interval (other, 0.05);
  assert_acquires (lock);
  intercept_fault (CALL_UTIMES, 1, 1000, EIO);
  while (lf_lock_file_is_held (lock))
    g_usleep (1000);
  g_assert_false (lf_lock_file_verify (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_clear_error (&error);
  /* What is still there is not somebody else's */
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_clear_error (&error);
  g_assert_true (path_exists (fixture->path));
  intercept_nothing ();

  while (lf_lock_file_is_locked (other, NULL, &error))
    g_usleep (1000);
  g_assert_no_error (error);
  assert_acquires (other);
  assert_releases (other);

  /* A release finds out first */
  assert_acquires (lock);
  intercept_fault (CALL_UTIMES, 1, 1000, EIO);
  g_object_unref (g_steal_pointer (&lock));
  intercept_nothing ();
  g_assert_false (path_exists (fixture->path));
  /* The thread ends after the last lease */
  wait_for_no_lock_threads ();
}

void
set_age (const char *path,
         int         seconds)
{
  const struct timespec times[2] = {
    { time (NULL) - seconds, 5000 }, { time (NULL) - seconds, 5000 },
  };

  g_assert_no_errno (utimensat (AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

static void
make_foreign (const char *path)
{
  if (backend->kind == LOCK_IS_DIRECTORY)
    g_assert_no_errno (g_mkdir (path, 0777));
  else if (backend->kind == LOCK_IS_SYMLINK)
    g_assert_no_errno (symlink ("somebody@somewhere", path));
  else
    g_assert_true (g_file_set_contents (path, "0\n", -1, NULL));
}

/* A lock of another program, or of ours without a lease. */
static void
test_foreign (Fixture *fixture)
{
  g_autoptr (LfLockFile) lock = new_leased (fixture->path);
  g_autoptr (LfLockFile) plain = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  /* The lease of the waiter counts, if it has one */
  make_foreign (fixture->path);
  assert_busy (lock);
  set_age (fixture->path, LEASE + 3);
  assert_busy (plain);
  g_assert_true (lf_lock_file_is_locked (lock, NULL, NULL));

  /* Programs that lock the file itself do not let its age count */
  if (backend->kind == LOCK_IS_FILE)
    {
      int fd = open (fixture->path, O_RDONLY | O_CLOEXEC);

      g_assert_no_errno (flock (fd, LOCK_EX));
      assert_busy (lock);
      close (fd);
    }
  assert_acquires (lock);
  assert_releases (lock);

  /* Ours without a lease does not age */
  assert_acquires (plain);
  set_age (fixture->path, HOUR);
  assert_busy (lock);
  assert_releases (plain);

  /* Nor does one whose record cannot be read; but who may not do that is not root */
  g_assert_false (path_exists (fixture->path));
}

/* Values of the property, and backends without leases. */
static void
test_values (Fixture *fixture)
{
  static const struct
  {
    double set;
    double got;
  } values[] = {
    { 0, 0 }, { -1, 0 }, { 1, 2 }, { 2, 2 }, { 30.5, 30.5 }, { 1e9, 86400 },
  };
  static const LfBackend without[] = { LF_BACKEND_FLOCK, LF_BACKEND_FCNTL };
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      lf_lock_file_set_lease_duration (lock, values[i].set);
      g_assert_cmpfloat (lf_lock_file_get_lease_duration (lock), ==, values[i].got);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (without); i++)
    {
      g_autoptr (LfLockFile) other = lf_lock_file_new_with_backend (fixture->path, without[i]);

      lf_lock_file_set_lease_duration (other, LEASE);
      assert_refused (other, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_false (path_exists (fixture->path));
    }
}

typedef struct
{
  const char *directory;
  gboolean is_done;
} Slot;

/* Another process removes a new directory that is still empty, and makes a file of its name. */
static void
replace_by_file (const char *name,
                 int         fd,
                 int         flags,
                 gpointer    data)
{
  Slot *self = data;
  g_autofree char *path = NULL;

  if (self->is_done || (flags & O_DIRECTORY) == 0 || strchr (name, '/') != NULL)
    return;

  path = g_build_filename (self->directory, name, NULL);
  if (rmdir (path) != 0)
    return;

  self->is_done = TRUE;
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
}

/* The maker of a lock begins again if its slot is gone. */
static void
test_slot (Fixture *fixture)
{
  g_autoptr (LfLockFile) lock = new_leased (fixture->path);
  Slot slot = { fixture->directory, FALSE };

  intercept_hook (CALL_OPEN, 0, replace_by_file, &slot);
  assert_acquires (lock);
  intercept_nothing ();
  g_assert_cmpint (slot.is_done, ==, backend->backend == LF_BACKEND_DIRECTORY);
  assert_releases (lock);
}

static const struct
{
  const char *name;
  void (*function) (Fixture *fixture);
} cases[] = {
  { "values", test_values },
  { "renewed", test_renewed },
  { "killed", test_killed },
  { "clocks", test_clocks },
  { "server-clock", test_server_clock },
  { "stopped", test_stopped },
  { "parted", test_parted },
  { "forked", test_forked },
  { "waiters", test_waiters },
  { "storm", test_storm },
  { "stuck", test_stuck },
  { "broken", test_broken },
  { "unattended", test_unattended },
  { "foreign", test_foreign },
  { "slot", test_slot },
  { "program", test_program },
};

/* How long the machine kept a process from touching a file, at most, since this was asked last.
 * A holder that is kept from it for that long may rightly lose its lease. */
#define MAX_STALL (300 * 1000)

static gint64 longest_stall; /* microseconds; protected by its mutex */
static GMutex stall_mutex;

static gpointer
measure_stalls (gpointer data)
{
  g_autofree char *path = data;

  while (TRUE)
    {
      gint64 begin = g_get_monotonic_time (), stall;

      g_assert_true (g_file_set_contents_full (path, "", 0, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
      g_assert_cmpint (utimensat (AT_FDCWD, path, NULL, 0), ==, 0);
      g_assert_cmpint (unlink (path), ==, 0);
      g_usleep (20 * 1000);

      stall = g_get_monotonic_time () - begin - 20 * 1000;
      g_mutex_lock (&stall_mutex);
      longest_stall = MAX (longest_stall, stall);
      g_mutex_unlock (&stall_mutex);
    }

  return NULL;
}

static gint64
take_longest_stall (void)
{
  gint64 stall;

  g_mutex_lock (&stall_mutex);
  stall = longest_stall;
  longest_stall = 0;
  g_mutex_unlock (&stall_mutex);

  return stall;
}

static const char *program;
static pid_t started[G_N_ELEMENTS (cases)];
static const TestBackend *started_for;

static pid_t
start_case (const TestBackend *of,
            const char        *name)
{
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      /* Only the results of cases are for the harness */
      dup2 (STDERR_FILENO, STDOUT_FILENO);
      execl (program, program, "--case", name, of->nick, NULL);
      _exit (127);
    }

  return pid;
}

/* Starts all cases of a backend. */
static void
start_cases (const TestBackend *of)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    started[i] = start_case (of, cases[i].name);
  started_for = of;
}

typedef struct
{
  const TestBackend *backend;
  gsize index;
} Case;

static void
test_case (gconstpointer data)
{
  const Case *test = data;
  const char *name = cases[test->index].name;
  static gint64 stall_of_all; /* while all cases ran */
  gint64 stall;
  int status;

  if (started_for != test->backend)
    {
      take_longest_stall ();
      stall_of_all = 0;
      start_cases (test->backend);
    }

  g_assert_cmpint (waitpid (started[test->index], &status, 0), ==, started[test->index]);
  stall_of_all = MAX (stall_of_all, take_longest_stall ());
  stall = stall_of_all;

  /* If the disk or the processors let a renewal wait, the case has shown nothing. The shortest
   * age of another program is as short as the lease, so that it has no slack at all. */
  for (int i = 0; i < 4 && status != 0 && (stall > MAX_STALL || g_str_equal (name, "program")); i++)
    {
      pid_t again;

      g_test_message ("%s failed, and files could not be touched for %.1f s: again", name,
                      (double) stall / G_USEC_PER_SEC);
      take_longest_stall ();
      again = start_case (test->backend, name);
      g_assert_cmpint (waitpid (again, &status, 0), ==, again);
      stall = take_longest_stall ();
    }
  g_assert_cmpint (status, ==, 0);
}

static int
run_case (const char *name,
          const char *nick)
{
  Fixture fixture;

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (g_str_equal (test_backends[i].nick, nick))
        backend = &test_backends[i];
    }

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      if (!g_str_equal (cases[i].name, name))
        continue;

      fixture_set_up (&fixture, NULL);
      cases[i].function (&fixture);
      fixture_tear_down (&fixture, NULL);
      return 0;
    }

  return 2;
}

int
main (int    argc,
      char **argv)
{
  char *own_arguments[] = { argv[0], NULL };
  char **test_arguments = argc > 3 && g_str_equal (argv[1], "--case") ? own_arguments : argv;
  int n_arguments = test_arguments == argv ? argc : 1;

  program = argv[0];
  g_test_init (&n_arguments, &test_arguments, NULL);
  if (test_arguments != argv && argc > 3)
    return run_case (argv[2], argv[3]);

  g_thread_unref (g_thread_new ("stalls", measure_stalls,
                                g_strdup_printf ("%s/lf-test-stall-%d", g_get_tmp_dir (), getpid ())));
  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (!test_backends[i].is_existence)
        continue;

      for (gsize j = 0; j < G_N_ELEMENTS (cases); j++)
        {
          g_autofree char *path = g_strdup_printf ("/lease/%s/%s", test_backends[i].nick,
                                                   cases[j].name);
          Case *test = g_new (Case, 1);

          *test = (Case) { &test_backends[i], j };
          g_test_add_data_func_full (path, test, test_case, g_free);
        }
    }

  return g_test_run ();
}
