/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Searching for a holder: which file a line of the kernel's list is about, the cost of a
 * search, and that it prevents nobody from acquiring. The program's own open() and openat()
 * count the descriptors of other processes whose locks are listed. */

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-backend.h"

#define N_OTHERS 300
#define N_TRIES 500

static int n_opened; /* atomic */

/* The same function with 64-bit file offsets. */
G_MODULE_EXPORT int
openat (int         directory,
        const char *name,
        int         flags,
        ...)
{
  int (*real_openat) (int, const char *, int, ...) =
    (int (*) (int, const char *, int, ...)) dlsym (RTLD_NEXT, "openat64");
  va_list arguments;
  mode_t mode = 0;

  va_start (arguments, flags);
  if ((flags & O_CREAT) != 0)
    mode = va_arg (arguments, mode_t);
  va_end (arguments);

  if (g_ascii_isdigit (name[0]))
    g_atomic_int_inc (&n_opened);

  return real_openat (directory, name, flags, mode);
}

G_MODULE_EXPORT int
open (const char *path,
      int         flags,
      ...)
{
  int (*real_open) (const char *, int, ...) =
    (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, "open64");
  va_list arguments;
  mode_t mode = 0;

  va_start (arguments, flags);
  if ((flags & O_CREAT) != 0)
    mode = va_arg (arguments, mode_t);
  va_end (arguments);

  if (strstr (path, "/fdinfo/") != NULL)
    g_atomic_int_inc (&n_opened);

  return real_open (path, flags, mode);
}

static LfLockFile *
new_lock (const char *path,
          LfBackend   backend)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend, NULL);
}

static int
get_holder (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (lock, NULL, &error);

  g_assert_no_error (error);

  return holder != NULL ? lf_lock_holder_get_pid (holder) : -1;
}

static gboolean
run (const char *const *argv)
{
  int status;

  return g_spawn_sync (NULL, (char **) argv, NULL,
                       G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                       G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL) &&
         g_spawn_check_wait_status (status, NULL);
}

/* Two subvolumes, with a file of the same number in each. */
static gboolean
make_subvolumes (Fixture *fixture)
{
  g_autofree char *image = g_build_filename (fixture->directory, "image", NULL);
  g_autofree char *top = g_build_filename (fixture->directory, "btrfs", NULL);
  const char *const make[] = { "mkfs.btrfs", "-q", image, NULL };
  const char *const mount_it[] = { "mount", "-o", "loop", image, top, NULL };
  int fd = open (image, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  g_assert_no_errno (ftruncate (fd, 128 * 1024 * 1024));
  close (fd);
  g_assert_no_errno (g_mkdir (top, 0755));
  enter_namespaces (CLONE_NEWNS);
  if (!run (make) || !run (mount_it))
    return FALSE;

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *subvolume = g_strdup_printf ("%s/%u", top, i);
      g_autofree char *path = g_build_filename (subvolume, "test.lock", NULL);
      const char *const create[] = { "btrfs", "subvolume", "create", subvolume, NULL };

      if (!run (create))
        return FALSE;
      g_assert_true (g_file_set_contents (path, "", 0, NULL));
    }

  return TRUE;
}

static void
child_with_subvolumes (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *held_path = g_build_filename (fixture->directory, "btrfs/0/test.lock", NULL);
  g_autofree char *free_path = g_build_filename (fixture->directory, "btrfs/1/test.lock", NULL);
  g_autofree char *skipped = g_build_filename (fixture->directory, "skipped", NULL);
  const LfBackend backends[] = { LF_BACKEND_FLOCK, LF_BACKEND_FCNTL };
  struct stat held_stat, free_stat;

  if (!make_subvolumes (fixture))
    {
      g_assert_true (g_file_set_contents (skipped, "", 0, NULL));
      return;
    }

  g_assert_no_errno (stat (held_path, &held_stat));
  g_assert_no_errno (stat (free_path, &free_stat));
  g_assert_cmpuint (held_stat.st_ino, ==, free_stat.st_ino);

  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autoptr (LfLockFile) held = new_lock (held_path, backends[i]);
      g_autoptr (LfLockFile) not_held = new_lock (free_path, backends[i]);

      assert_acquires (held);
      g_assert_cmpint (get_holder (held), ==, getpid ());
      g_assert_cmpint (get_holder (not_held), ==, -1);
      g_assert_false (lf_lock_file_is_locked (not_held, NULL, NULL));
      assert_releases (held);
    }
}

/* After a process has locked the file and closed it, its child still holds the lock. */
static void
child_with_heir (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *held_path = g_build_filename (fixture->directory, "btrfs/0/test.lock", NULL);
  g_autofree char *free_path = g_build_filename (fixture->directory, "btrfs/1/test.lock", NULL);
  g_autofree char *skipped = g_build_filename (fixture->directory, "skipped", NULL);
  g_autoptr (LfLockFile) held = NULL;
  g_autoptr (LfLockFile) not_held = NULL;
  int fd, ends[2];
  pid_t heir;
  char byte;

  if (!make_subvolumes (fixture))
    {
      g_assert_true (g_file_set_contents (skipped, "", 0, NULL));
      return;
    }

  held = new_lock (held_path, LF_BACKEND_FLOCK);
  not_held = new_lock (free_path, LF_BACKEND_FLOCK);
  fd = open (held_path, O_RDWR | O_CLOEXEC);
  g_assert_no_errno (pipe (ends));
  g_assert_no_errno (flock (fd, LOCK_EX));
  heir = fork ();
  g_assert_cmpint (heir, >=, 0);
  if (heir == 0)
    {
      /* Until the parent closes the pipe */
      close (ends[1]);
      _exit (read (ends[0], &byte, 1) == 0 ? 0 : 1);
    }
  close (fd);

  g_assert_cmpint (get_holder (held), ==, heir);
  g_assert_true (lf_lock_file_is_locked (held, NULL, NULL));
  g_assert_cmpint (get_holder (not_held), ==, -1);

  close (ends[0]);
  close (ends[1]);
  g_assert_cmpint (wait_for_process (heir), ==, 0);
  g_assert_cmpint (get_holder (held), ==, -1);
}

static void
run_on_subvolumes (Fixture   *fixture,
                   ChildFunc  function)
{
  g_autofree char *skipped = g_build_filename (fixture->directory, "skipped", NULL);

  run_in_child (function, fixture);
  if (g_file_test (skipped, G_FILE_TEST_EXISTS))
    g_test_skip ("btrfs cannot be had");
}

static void
test_subvolumes (Fixture       *fixture,
                 gconstpointer  data)
{
  run_on_subvolumes (fixture, child_with_subvolumes);
}

static void
test_heir (Fixture       *fixture,
           gconstpointer  data)
{
  run_on_subvolumes (fixture, child_with_heir);
}

/* Enough locks for a list of several pages. */
static GArray *
lock_others (Fixture *fixture)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));

  for (guint i = 0; i < N_OTHERS; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%u", fixture->directory, i);
      int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

      g_assert_cmpint (fd, >=, 0);
      g_assert_no_errno (flock (fd, LOCK_EX));
      g_array_append_val (fds, fd);
    }

  return fds;
}

static void
unlock_others (GArray *fds)
{
  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
  g_array_unref (fds);
}

typedef struct
{
  LfLockFile *lock;
  int stop; /* atomic */
} Looker;

static gpointer
look_thread (gpointer data)
{
  Looker *looker = data;

  while (!g_atomic_int_get (&looker->stop))
    {
      g_autoptr (GError) error = NULL;

      lf_lock_file_is_locked (looker->lock, NULL, &error);
      g_assert_no_error (error);
    }

  return NULL;
}

/* In another one, the kernel's list leaves out the locks of processes outside it. Only an
 * attempt then tells whether a process has a lock of flock(2). */
static gboolean
is_in_first_pid_namespace (void)
{
  g_autofree char *name_space = g_file_read_link ("/proc/self/ns/pid", NULL);

  return g_strcmp0 (name_space, "pid:[4026531836]") == 0;
}

/* However long the list is, a query does not take the lock for a moment, in which another
 * program's try would fail. */
static void
test_long_list (Fixture       *fixture,
                gconstpointer  data)
{
  LfBackend backend = (LfBackend) GPOINTER_TO_INT (data);
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, backend);
  Looker looker = { .lock = new_lock (fixture->path, backend) };
  g_autoptr (Peer) peer = NULL;
  GArray *others = lock_others (fixture);
  gboolean may_attempt = backend == LF_BACKEND_FLOCK && !is_in_first_pid_namespace ();
  GThread *thread;

  assert_acquires (lock);
  assert_releases (lock);
  thread = g_thread_new ("look", look_thread, &looker);
  for (int i = 0; i < N_TRIES; i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean granted = lf_lock_file_try_acquire (lock, &error);

      if (may_attempt && !granted)
        {
          g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
          continue;
        }
      g_assert_no_error (error);
      g_assert_true (granted);
      assert_releases (lock);
    }
  g_atomic_int_set (&looker.stop, TRUE);
  g_thread_join (thread);

  peer = peer_start_holder_with (fixture->path, backend == LF_BACKEND_FLOCK ? "flock" : "fcntl");
  for (int i = 0; i < 20; i++)
    g_assert_cmpint (get_holder (lock), ==, peer_get_pid (peer));

  g_object_unref (looker.lock);
  unlock_others (others);
}

/* Only the file's descriptors are looked at closely, not all descriptors of all processes. */
static void
test_few_descriptors (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_BACKEND_FCNTL);
  g_autoptr (Peer) peer = peer_start_holder_with (fixture->path, "fcntl");
  GArray *others = lock_others (fixture);

  for (int i = 0; i < 3; i++)
    {
      g_atomic_int_set (&n_opened, 0);
      g_assert_cmpint (get_holder (lock), ==, peer_get_pid (peer));
      /* Other programs may have the file open for a moment, but not 300 of them */
      g_assert_cmpint (g_atomic_int_get (&n_opened), <, 5);
    }

  unlock_others (others);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/holders/subvolumes", test_subvolumes);
  add_test ("/holders/heir", test_heir);
  add_data_test ("/holders/long-list/flock", GINT_TO_POINTER (LF_BACKEND_FLOCK), test_long_list);
  add_data_test ("/holders/long-list/fcntl", GINT_TO_POINTER (LF_BACKEND_FCNTL), test_long_list);
  add_test ("/holders/few-descriptors", test_few_descriptors);

  return g_test_run ();
}
