/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Waits in a program that has few resources left: no descriptor, no thread, hardly any
 * stack. The program's own pthread_create() fails on request. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lf-test-backend.h"

/* The stack of each thread also holds this. */
static __thread char thread_local_data[245 * 1024];

static int no_threads; /* atomic */

G_MODULE_EXPORT int
pthread_create (pthread_t             *thread,
                const pthread_attr_t  *attributes,
                void                *(*function) (void *),
                void                  *data)
{
  int (*real_create) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *) =
    (int (*) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *))
      dlsym (RTLD_NEXT, "pthread_create");

  if (g_atomic_int_get (&no_threads))
    return EAGAIN;

  return real_create (thread, attributes, function, data);
}

static LfLockFile *
new_lock (const char *path,
          LfBackend   backend)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend, NULL);
}

/* Allows this process to open exactly this many more descriptors. */
static void
leave_descriptors (guint n_descriptors)
{
  struct rlimit limit;
  int fd = 0;

  while (n_descriptors > 0)
    {
      if (fcntl (fd++, F_GETFD) < 0)
        n_descriptors--;
    }
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  limit.rlim_cur = (rlim_t) fd;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
  while ((fd = open ("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
    if (fd == (int) limit.rlim_cur - 1)
      {
        close (fd);
        break;
      }
}

/* In a new process, in which nothing was loaded or made before. */
static void
child_without_descriptors (gpointer data)
{
  Fixture *fixture = data;
  const LfBackend backends[] = { LF_BACKEND_FLOCK, LF_BACKEND_FCNTL };

  /* One file for each backend, locked forever by another process */
  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    {
      g_autoptr (LfLockFile) lock = new_lock (fixture->path, backends[i]);
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;

      if (i == 0)
        leave_descriptors (1);
      g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      g_clear_error (&error);
      g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, cancellable, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      g_clear_error (&error);
    }

  leave_descriptors (1);
  {
    int last = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_BACKEND_FLOCK);
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (last, >=, 0);
    g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  }
}

static void
test_no_descriptors (Fixture       *fixture,
                     gconstpointer  data)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  int fd = open (fixture->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  g_assert_no_errno (flock (fd, LOCK_EX));
  g_assert_no_errno (fcntl (fd, F_SETLK, &lock));
  run_in_child (child_without_descriptors, fixture);
  close (fd);
}

/* After chroot(), the system's libraries cannot be found. */
static void
child_in_root (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (LfLockFile) lock = lf_lock_file_new ("/test.lock");
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (chroot (fixture->directory));
  g_assert_no_errno (chdir ("/"));
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
}

static void
test_chroot (Fixture       *fixture,
             gconstpointer  data)
{
  int fd;

  if (geteuid () != 0)
    {
      g_test_skip ("Only root may do that");
      return;
    }

  fd = open (fixture->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  g_assert_no_errno (flock (fd, LOCK_EX));
  run_in_child (child_in_root, fixture);
  close (fd);
}

typedef struct
{
  gboolean done;
  GError *error;
} Query;

static void
holder_cb (GObject      *object,
           GAsyncResult *result,
           gpointer      user_data)
{
  Query *query = user_data;
  g_autoptr (LfLockHolder) holder =
    lf_lock_file_query_holder_finish (LF_LOCK_FILE (object), result, &query->error);

  query->done = TRUE;
}

/* Every call that needs a thread fails if it gets none. */
static void
test_no_threads (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) holder = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };
  Query query = { 0 };

  /* GIO starts a thread once, for its first task */
  claim_start (&claim, holder, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  claim_clear (&claim);
  wait_for_no_lock_threads ();
  g_atomic_int_set (&no_threads, TRUE);

  lf_lock_file_query_holder_async (lock, G_PRIORITY_DEFAULT, NULL, holder_cb, &query);
  iterate_until (&query.done);
  g_assert_error (query.error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED);
  g_clear_error (&query.error);

  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED);

  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 1, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED);

  g_atomic_int_set (&no_threads, FALSE);
  assert_releases (holder);
}

/* Thread-local data does not reduce the stack that a waiting thread can use. */
static void
test_thread_local_data (Fixture       *fixture,
                        gconstpointer  data)
{
  memset (thread_local_data, 1, sizeof thread_local_data);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      g_autoptr (LfLockFile) holder = NULL;
      g_autoptr (LfLockFile) lock = NULL;
      g_auto (Claim) claim = { 0 };
      g_auto (Claim) timed_out = { 0 };
      Query query = { 0 };

      if (!lf_backend_is_supported (test_backends[i].backend))
        continue;

      holder = lock_new (&test_backends[i], fixture->path);
      lock = lock_new (&test_backends[i], fixture->path);
      claim_start (&claim, holder, NULL);
      claim_wait (&claim);
      g_assert_no_error (claim.error);
      lf_lock_file_set_timeout (lock, 0.01);
      claim_start (&timed_out, lock, NULL);
      claim_wait (&timed_out);
      g_assert_error (timed_out.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      lf_lock_file_query_holder_async (lock, G_PRIORITY_DEFAULT, NULL, holder_cb, &query);
      iterate_until (&query.done);
      g_assert_no_error (query.error);
      assert_releases (holder);
      remove_recursively (fixture->path);
    }
}

typedef struct
{
  LfLockFile *lock;
} Releaser;

/* Releases when the other thread is certainly waiting. */
static gpointer
release_in_thread (gpointer data)
{
  Releaser *releaser = data;

  wait_for_waiters (lf_lock_file_get_path (releaser->lock), 1);
  assert_releases (releaser->lock);

  return NULL;
}

/* A thread may wait for its own lock if another thread could release it. */
static void
test_released_by_other (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) other = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  Releaser releaser = { .lock = lock };
  GThread *thread;

  assert_acquires (lock);
  thread = g_thread_new ("releaser", release_in_thread, &releaser);
  assert_acquires (other);
  g_thread_join (thread);
  assert_releases (other);

  /* Without another thread, the wait would not end */
  assert_acquires (lock);
  g_assert_false (lf_lock_file_acquire (other, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_WOULD_DEADLOCK);
  assert_releases (lock);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/threads/no-descriptors", test_no_descriptors);
  add_test ("/threads/chroot", test_chroot);
  add_test ("/threads/no-threads", test_no_threads);
  add_test ("/threads/thread-local-data", test_thread_local_data);
  add_test ("/threads/released-by-other", test_released_by_other);

  return g_test_run ();
}
