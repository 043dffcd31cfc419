/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Held locks, tested from inside: checks that fail or do not end, watches that see nothing or
 * are missing, file systems that disappear, and forked children. The program has its own
 * inotify_init1(), inotify_add_watch() and statfs(), which do what a test needs. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-backend.h"
#include "lf-test-intercept.h"

#define NFS_TYPE 0x6969
#define POLL_INTERVAL 0.02
#define IDLE_TIME (300 * 1000)

static gboolean no_instances; /* atomic */
static gboolean is_deaf;      /* atomic; watches are set on another directory */
static gboolean is_network;   /* atomic */

G_MODULE_EXPORT int
inotify_init1 (int flags)
{
  int (*real_init) (int) = (int (*) (int)) dlsym (RTLD_NEXT, "inotify_init1");

  if (!g_atomic_int_get (&no_instances))
    return real_init (flags);

  errno = EMFILE;
  return -1;
}

G_MODULE_EXPORT int
inotify_add_watch (int         fd,
                   const char *path,
                   uint32_t    mask)
{
  int (*real_add) (int, const char *, uint32_t) =
    (int (*) (int, const char *, uint32_t)) dlsym (RTLD_NEXT, "inotify_add_watch");

  return real_add (fd, g_atomic_int_get (&is_deaf) ? "/proc" : path, mask);
}

G_MODULE_EXPORT int
statfs (const char    *path,
        struct statfs *result)
{
  int (*real) (const char *, struct statfs *) =
    (int (*) (const char *, struct statfs *)) dlsym (RTLD_NEXT, "statfs64");

  if (real (path, result) != 0)
    return -1;
  if (g_atomic_int_get (&is_network))
    result->f_type = NFS_TYPE;

  return 0;
}

typedef struct
{
  int count;
  gboolean lost;
  GError *reason;
} Losses;

static void
lost_cb (LfLockFile *lock,
         GError     *reason,
         gpointer    user_data)
{
  Losses *losses = user_data;

  losses->count++;
  losses->lost = TRUE;
  g_clear_error (&losses->reason);
  losses->reason = g_error_copy (reason);
}

static void
losses_clear (Losses *losses)
{
  g_clear_error (&losses->reason);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Losses, losses_clear)

static LfLockFile *
new_monitored (const TestBackend *backend,
               const char        *path,
               Losses            *losses)
{
  LfLockFile *lock = lock_new (backend, path);

  lf_lock_file_set_monitor (lock, TRUE);
  lf_lock_file_set_poll_interval (lock, POLL_INTERVAL);
  g_signal_connect (lock, "lost", G_CALLBACK (lost_cb), losses);

  return lock;
}

static void
assert_lost (Losses *losses,
             int     code)
{
  iterate_until (&losses->lost);
  g_assert_error (losses->reason, LF_UNLOCK_ERROR, code);
  g_assert_cmpint (losses->count, ==, 1);
}

static void
iterate_all (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* A check of the path makes this call. */
static InterceptedCall
get_look (const TestBackend *backend)
{
  return backend->kind == LOCK_IS_SYMLINK ? CALL_READLINK : CALL_STAT;
}

/* After a check that failed, the lock is still held. */
static void
test_error (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  static const int faults[] = { EIO, ESTALE, EACCES };
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);

  assert_acquires (lock);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean verified;

      intercept_fault (get_look (backend), 1, 1, faults[i]);
      verified = lf_lock_file_verify (lock, &error);
      g_assert_cmpuint (intercept_nothing (), ==, 1);
      g_assert_false (verified);
      g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (faults[i]));
      g_assert_true (lf_lock_file_is_held (lock));
      g_clear_error (&error);

      g_assert_true (lf_lock_file_verify (lock, &error));
      g_assert_no_error (error);
      assert_tries_in_vain (backend, fixture->path);
    }
  assert_releases (lock);
}

/* A check that must open the directory again fails without free descriptors. */
static void
test_no_descriptors (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  gboolean verified;
  guint n_struck;

  assert_acquires (lock);
  /* The program closes the descriptor of the directory, which it did not open */
  for (int fd = 3; backend->is_existence && fd < 100; fd++)
    {
      g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *target = g_file_read_link (link, NULL);

      if (g_strcmp0 (target, fixture->directory) == 0)
        close (fd);
    }
  intercept_fault (CALL_OPEN, 1, 100, EMFILE);
  verified = lf_lock_file_verify (lock, &error);
  n_struck = intercept_nothing ();
  g_assert_true (verified == (error == NULL));
  g_assert_true (verified == (n_struck == 0));
  g_assert_true (verified == !backend->is_existence);
  if (!verified)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_true (lf_lock_file_is_held (lock));
  g_clear_error (&error);

  g_assert_true (lf_lock_file_verify (lock, &error));
  g_assert_no_error (error);
  assert_releases (lock);
}

/* After a check that failed, another one follows, even if nothing else happens. */
static void
test_error_monitored (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Losses) losses = { 0 };
  g_autofree char *away = g_strconcat (fixture->path, ".away", NULL);
  g_autoptr (LfLockFile) lock = new_monitored (backend, fixture->path, &losses);

  assert_acquires (lock);
  intercept_fault (get_look (backend), 1, 2, EIO);
  g_assert_no_errno (g_rename (fixture->path, away));
  assert_lost (&losses, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_assert_cmpuint (intercept_nothing (), ==, 2);
  remove_recursively (away);
}

/* If there is no watch, or the watch sees nothing, the lock is polled. */
static void
test_polled (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;

  for (int i = 0; i < 2; i++)
    {
      g_auto (Losses) losses = { 0 };
      g_autoptr (LfLockFile) lock = new_monitored (backend, fixture->path, &losses);

      g_atomic_int_set (&no_instances, i == 0);
      g_atomic_int_set (&is_deaf, i == 1);
      g_atomic_int_set (&is_network, i == 1);
      assert_acquires (lock);
      assert_tries_in_vain (backend, fixture->path);
      remove_recursively (fixture->path);
      assert_lost (&losses, LF_UNLOCK_ERROR_NOT_LOCKED);

      g_atomic_int_set (&no_instances, FALSE);
      g_atomic_int_set (&is_deaf, FALSE);
      g_atomic_int_set (&is_network, FALSE);
      wait_for_no_lock_threads ();
    }
}

static guint64
count_switches (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  guint64 n_switches = 0;

  while ((name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "status", NULL);
      g_autofree char *text = NULL;
      const char *line;

      if (atoi (name) == getpid () || !g_file_get_contents (path, &text, NULL, NULL))
        continue;
      line = strstr (text, "\nvoluntary_ctxt_switches:");
      n_switches += g_ascii_strtoull (strchr (line, ':') + 1, NULL, 10);
    }

  return n_switches;
}

/* On a local file system nothing is polled: no thread runs while nothing happens. */
static void
test_idle (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Losses) losses = { 0 };
  g_autoptr (LfLockFile) lock = new_monitored (backend, fixture->path, &losses);
  guint64 n_switches;

  assert_acquires (lock);
  wait_for_sleeping_lock_threads (1);
  n_switches = count_switches ();
  g_usleep (IDLE_TIME);
  g_assert_cmpuint (count_switches (), ==, n_switches);
  assert_releases (lock);
}

/* The thread that checks the lock. */
static struct
{
  GMutex mutex;
  GCond cond;
  gboolean is_stuck;
  gboolean may_go;
  GThread *main_thread;
} looker;

static void
get_stuck_cb (const char *path,
              int         fd,
              int         flags,
              gpointer    data)
{
  if (g_thread_self () == looker.main_thread)
    return;

  g_mutex_lock (&looker.mutex);
  looker.is_stuck = TRUE;
  g_cond_broadcast (&looker.cond);
  while (!looker.may_go)
    g_cond_wait (&looker.cond, &looker.mutex);
  g_mutex_unlock (&looker.mutex);
}

static void
wait_until_stuck (void)
{
  g_mutex_lock (&looker.mutex);
  while (!looker.is_stuck)
    g_cond_wait (&looker.cond, &looker.mutex);
  g_mutex_unlock (&looker.mutex);
}

static void
let_looker_go (void)
{
  g_mutex_lock (&looker.mutex);
  looker.may_go = TRUE;
  g_cond_broadcast (&looker.cond);
  g_mutex_unlock (&looker.mutex);
}

/* While a check of the monitor does not end, the object can be finalized without waiting, and
 * its lock is released afterwards. The loss of another lock is still reported. */
static void
test_stuck (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Losses) losses = { 0 };
  g_auto (Losses) other_losses = { 0 };
  g_autofree char *other_path = g_strconcat (fixture->path, ".other", NULL);
  g_autoptr (LfLockFile) lock = new_monitored (backend, fixture->path, &losses);
  g_autoptr (LfLockFile) other = new_monitored (backend, other_path, &other_losses);

  looker.main_thread = g_thread_self ();
  looker.is_stuck = looker.may_go = FALSE;
  g_atomic_int_set (&is_network, TRUE);
  intercept_hook (get_look (backend), 0, get_stuck_cb, NULL);
  assert_acquires (lock);
  g_atomic_int_set (&is_network, FALSE);
  wait_until_stuck ();
  intercept_nothing ();

  assert_acquires (other);
  remove_recursively (other_path);
  assert_lost (&other_losses, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_clear_object (&lock);
  assert_locked (backend, fixture->path);
  let_looker_go ();
  wait_for_no_lock_threads ();
  assert_not_locked (backend, fixture->path);
  iterate_all ();
  g_assert_cmpint (losses.count, ==, 0);
}

static gpointer
release_in_thread (gpointer data)
{
  assert_releases (data);

  return NULL;
}

/* A release waits for the end of a check, and nothing counts as lost. */
static void
test_release_stuck (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Losses) losses = { 0 };
  g_autoptr (LfLockFile) lock = new_monitored (backend, fixture->path, &losses);
  GThread *thread;

  looker.main_thread = g_thread_self ();
  looker.is_stuck = looker.may_go = FALSE;
  g_atomic_int_set (&is_network, TRUE);
  intercept_hook (get_look (backend), 0, get_stuck_cb, NULL);
  assert_acquires (lock);
  g_atomic_int_set (&is_network, FALSE);
  wait_until_stuck ();
  intercept_nothing ();
  thread = g_thread_new ("release", release_in_thread, lock);
  wait_until_others_sleep ();
  assert_locked (backend, fixture->path);
  let_looker_go ();
  g_thread_join (thread);
  wait_for_no_lock_threads ();
  iterate_all ();
  g_assert_cmpint (losses.count, ==, 0);
  assert_not_locked (backend, fixture->path);
}

static void
close_watch (void)
{
  for (int fd = 3; fd < 100; fd++)
    {
      g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *target = g_file_read_link (link, NULL);

      if (target != NULL && (strstr (target, "inotify") != NULL ||
                             g_str_has_prefix (target, "socket:") ||
                             g_str_has_suffix (target, "mountinfo")))
        close (fd);
    }
}

/* If the program closes the descriptors of the watch, there is a new watch. */
static void
child_closes_watch (gpointer data)
{
  const Fixture *fixture = data;
  const TestBackend *backend = test_backends;

  for (gsize i = 0; i < n_test_backends; i++, backend++)
    {
      g_auto (Losses) losses = { 0 };
      g_autoptr (LfLockFile) lock = new_monitored (backend, fixture->path, &losses);

      assert_acquires (lock);
      wait_for_sleeping_lock_threads (1);
      close_watch ();
      wait_for_sleeping_lock_threads (1);
      g_assert_true (lf_lock_file_is_held (lock));
      remove_recursively (fixture->path);
      assert_lost (&losses, LF_UNLOCK_ERROR_NOT_LOCKED);
    }
}

static void
test_closed_watch (Fixture       *fixture,
                   gconstpointer  data)
{
  run_in_child (child_closes_watch, fixture);
}

/* The program closes the descriptor that holds the lock: the loss is found. */
static void
test_closed (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  if (backend->has_descriptor)
    close (lf_lock_file_get_fd (lock));
  g_assert_true (lf_lock_file_verify (lock, &error) ==
                 (backend->is_existence || !backend->has_descriptor));
  if (error != NULL)
    g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  else
    assert_releases (lock);
  assert_acquires (lock);
  assert_releases (lock);
}

typedef struct
{
  const TestBackend *backend;
  const Fixture *fixture;
} Mounting;

static void
child_unmounts (gpointer data)
{
  Mounting *mounting = data;
  g_autofree char *directory = g_build_filename (mounting->fixture->directory, "mounted", NULL);
  g_autofree char *path = g_build_filename (directory, "test.lock", NULL);

  enter_namespaces (CLONE_NEWNS);
  g_assert_no_errno (g_mkdir (directory, 0700));
  for (int over = FALSE; over <= TRUE; over++)
    {
      g_auto (Losses) losses = { 0 };
      g_autoptr (LfLockFile) lock = new_monitored (mounting->backend, path, &losses);

      g_assert_no_errno (mount ("test", directory, "tmpfs", 0, NULL));
      assert_acquires (lock);
      if (over)
        g_assert_no_errno (mount ("test", directory, "tmpfs", 0, NULL));
      else
        g_assert_no_errno (umount2 (directory, MNT_DETACH));
      assert_lost (&losses, LF_UNLOCK_ERROR_NOT_LOCKED);
    }
}

/* The lock's file system is unmounted, or another one is mounted over it: the lock is lost. */
static void
test_mounts (Fixture       *fixture,
             gconstpointer  data)
{
  Mounting mounting = { data, fixture };
  g_autofree char *directory = g_build_filename (fixture->directory, "mounted", NULL);

  run_in_child (child_unmounts, &mounting);
  remove_recursively (directory);
}

typedef struct
{
  const TestBackend *backend;
  const char *path;
  LfLockFile *lock;
  Losses *losses;
} Inherited;

static void
child_of_holder (gpointer data)
{
  Inherited *inherited = data;
  g_auto (Losses) losses = { 0 };
  g_autofree char *path = g_strconcat (inherited->path, ".child", NULL);
  g_autoptr (LfLockFile) lock =
    new_monitored (inherited->backend->refuses_children ? test_backends : inherited->backend, path,
                   &losses);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 2; i++)
    {
      g_assert_false (lf_lock_file_verify (inherited->lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
      g_clear_error (&error);
    }

  /* The child can monitor its own locks */
  assert_acquires (lock);
  remove_recursively (path);
  assert_lost (&losses, LF_UNLOCK_ERROR_NOT_LOCKED);
}

static void
child_of_loser (gpointer data)
{
  Inherited *inherited = data;

  iterate_all ();
  g_assert_cmpint (inherited->losses->count, ==, 0);
}

/* The parent, not its forked child, monitors the lock that the child inherited. */
static void
test_fork (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Losses) losses = { 0 };
  g_autoptr (LfLockFile) lock = new_monitored (backend, fixture->path, &losses);
  Inherited inherited = { backend, fixture->path, lock, &losses };
  g_autoptr (GError) error = NULL;

  assert_acquires (lock);
  run_in_child (child_of_holder, &inherited);
  g_assert_true (lf_lock_file_verify (lock, &error));
  g_assert_no_error (error);
  g_assert_cmpint (losses.count, ==, 0);

  /* The report is not delivered yet */
  remove_recursively (fixture->path);
  wait_for_no_lock_threads ();
  g_assert_cmpint (losses.count, ==, 0);
  run_in_child (child_of_loser, &inherited);
  assert_lost (&losses, LF_UNLOCK_ERROR_NOT_LOCKED);
}

static const BackendCase cases[] = {
  { "error", test_error },
  { "error-monitored", test_error_monitored },
  { "no-descriptors", test_no_descriptors },
  { "polled", test_polled },
  { "idle", test_idle },
  { "stuck", test_stuck },
  { "release-stuck", test_release_stuck },
  { "closed", test_closed },
  { "mounts", test_mounts },
  { "fork", test_fork },
  { NULL, NULL },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/held/closed-watch", test_closed_watch);
  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (lf_backend_is_supported (test_backends[i].backend))
        add_backend_tests ("held", &test_backends[i], cases);
    }

  return g_test_run ();
}
