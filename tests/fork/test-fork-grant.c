/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* A grant belongs to the process that acquired: also if the fork happens before its
 * callback, and also if the child has the same PID. In the child, the library must not need
 * anything that the C library had locked at the fork. */

#include <link.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork-child.h"
#include "lf-test-backend.h"

typedef struct
{
  const TestBackend *backend;
  LfLockFile *lock;
  Claim *claim;
  GAsyncResult *result;
} Grant;

/* The parent's lock stays with the parent, whatever the child does with the object. */
static const char *
leaves_to_parent (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_is_held (lock))
    return "the parent's lock is held in the child";
  if (lf_lock_file_get_fd (lock) != -1)
    return "the child has the descriptor of the parent's lock";
  if (lf_lock_file_release (lock, &error))
    return "the child has released the parent's lock";
  if (!g_error_matches (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK))
    return g_strdup (error->message);

  g_object_run_dispose (G_OBJECT (lock));

  return NULL;
}

/* Starts to acquire, and returns when the lock is granted: the file shows that, and the
 * thread that acquired it has ended its work. */
static void
start_and_wait_for_grant (Grant *grant,
                          Claim *claim)
{
  g_autoptr (LfLockFile) observer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_strdup (lf_lock_file_get_path (grant->lock));

  claim_start (claim, grant->lock, NULL);
  observer = lock_new (grant->backend, path);
  while (!lf_lock_file_is_locked (observer, NULL, &error))
    {
      g_assert_no_error (error);
      g_thread_yield ();
    }
  wait_until_others_sleep ();
  g_assert_false (claim->done);
}

static const char *
child_dispatches (gpointer data)
{
  Grant *grant = data;

  claim_wait (grant->claim);
  if (grant->claim->granted)
    return "the child has acquired what its parent asked for";

  return leaves_to_parent (grant->lock);
}

static void
test_not_dispatched (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_auto (Claim) claim = { 0 };
  Grant grant = { backend, lock, &claim, NULL };

  start_and_wait_for_grant (&grant, &claim);
  g_assert_cmpint (fork_child (child_dispatches, &grant), ==, CHILD_WELL);
  assert_locked (backend, fixture->path);

  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (lock);
  assert_tries (backend, fixture->path);
}

/* The same, but the child drops the object before the report. */
static const char *
child_drops (gpointer data)
{
  Grant *grant = data;

  return leaves_to_parent (grant->lock);
}

static void
test_dropped (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_auto (Claim) claim = { 0 };
  Grant grant = { backend, lock, &claim, NULL };

  start_and_wait_for_grant (&grant, &claim);
  g_assert_cmpint (fork_child (child_drops, &grant), ==, CHILD_WELL);
  assert_locked (backend, fixture->path);

  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
}

static void
keep_result_cb (GObject      *object,
                GAsyncResult *result,
                gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static const char *
child_finishes (gpointer data)
{
  Grant *grant = data;
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_acquire_finish (grant->lock, grant->result, &error))
    return "the child has acquired what its parent asked for";
  if (error == NULL)
    return "there is no error in the child";

  return leaves_to_parent (grant->lock);
}

/* The callback was called, but has not called acquire_finish() yet. */
static void
test_not_finished (Fixture       *fixture,
                   gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  Grant grant = { backend, lock, NULL, NULL };

  lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, NULL, keep_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  grant.result = result;
  g_assert_cmpint (fork_child (child_finishes, &grant), ==, CHILD_WELL);
  assert_locked (backend, fixture->path);

  g_assert_true (lf_lock_file_acquire_finish (lock, result, &error));
  g_assert_no_error (error);
  g_assert_true (lf_lock_file_is_held (lock));
  assert_tries_in_vain (backend, fixture->path);
  assert_releases (lock);
  assert_tries (backend, fixture->path);
}

typedef struct
{
  gboolean done;
  gboolean released;
  GError *error;
} Release;

static void
release_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  Release *release = user_data;

  release->released = lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &release->error);
  release->done = TRUE;
}

typedef struct
{
  const TestBackend *backend;
  LfLockFile *lock;
  Release *release;
} Released;

static const char *
child_goes_on (gpointer data)
{
  Released *released = data;
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_is_held (released->lock))
    return "what the parent has released is held in the child";

  iterate_until (&released->release->done);
  if (!g_error_matches (released->release->error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK))
    return released->release->error != NULL ? g_strdup (released->release->error->message)
                                            : "the child has released the parent's lock";

  /* SQLite refuses children of a process that uses a database */
  if (released->backend->refuses_children)
    return NULL;

  /* The parent's lock is free, and the object is usable */
  if (!lf_lock_file_try_acquire (released->lock, &error) ||
      !lf_lock_file_release (released->lock, &error))
    return g_strdup (error->message);

  return NULL;
}

/* A release has happened, but was not reported. */
static void
test_released (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  Release release = { 0 };
  Released released = { backend, lock, &release };

  assert_acquires (lock);
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &release);
  wait_until_others_sleep ();
  g_assert_cmpint (fork_child (child_goes_on, &released), ==, CHILD_WELL);

  iterate_until (&release.done);
  g_assert_no_error (release.error);
  g_assert_true (release.released);
  assert_acquires (lock);
  assert_releases (lock);
}

/* Checks the exit status with which a child reports success. */
static void
assert_child_is_well (pid_t pid)
{
  int status;

  g_assert_cmpint (pid, >, 0);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

G_NORETURN static void
be_namesake (Grant *grant)
{
  const char *wrong = getpid () == 1 ? leaves_to_parent (grant->lock) : "the PID is another one";

  if (wrong != NULL)
    g_printerr ("# In a child: %s\n", wrong);
  _exit (wrong != NULL ? 1 : 0);
}

/* The first process of a PID namespace; so is its child. */
static void
parent_with_namesakes (gpointer data)
{
  Grant *grant = data;
  pid_t pid;

  g_assert_cmpint (getpid (), ==, 1);
  assert_acquires (grant->lock);

  /* The bare system call, which runs none of fork()'s handlers */
  pid = (pid_t) syscall (SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0)
    be_namesake (grant);
  assert_child_is_well (pid);
  assert_tries_in_vain (grant->backend, lf_lock_file_get_path (grant->lock));
  g_assert_true (lf_lock_file_is_held (grant->lock));

  g_assert_no_errno (unshare (CLONE_NEWPID));
  pid = fork ();
  if (pid == 0)
    be_namesake (grant);
  assert_child_is_well (pid);
  assert_tries_in_vain (grant->backend, lf_lock_file_get_path (grant->lock));

  assert_releases (grant->lock);
}

static void
enter_with_namesakes (gpointer data)
{
  pid_t pid;

  enter_namespaces (CLONE_NEWPID);
  pid = fork ();
  if (pid == 0)
    {
      parent_with_namesakes (data);
      _exit (0);
    }
  assert_child_is_well (pid);
}

/* A child in a PID namespace of its own may have the same PID as its parent. */
static void
test_namesake (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  Grant grant = { backend, lock, NULL, NULL };

  run_in_child (enter_with_namesakes, &grant);
}

typedef struct
{
  GMutex mutex;
  GCond cond;
  gboolean entered;
  gboolean may_leave;
} Linker;

static int
stay_in_linker (struct dl_phdr_info *info,
                size_t               size,
                void                *data)
{
  Linker *linker = data;

  g_mutex_lock (&linker->mutex);
  linker->entered = TRUE;
  g_cond_broadcast (&linker->cond);
  while (!linker->may_leave)
    g_cond_wait (&linker->cond, &linker->mutex);
  g_mutex_unlock (&linker->mutex);

  return 1;
}

static gpointer
linker_main (gpointer data)
{
  dl_iterate_phdr (stay_in_linker, data);

  return NULL;
}

static const char *
child_waits (gpointer data)
{
  Grant *grant = data;
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_acquire_with_timeout (grant->lock, 0.01, NULL, &error))
    return "the child has got the parent's lock";
  if (!g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT))
    return g_strdup (error->message);

  return NULL;
}

/* The dynamic linker does not reset its lock in a child, and a wait there needs a thread. */
static void
test_linker (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  Grant grant = { backend, lock, NULL, NULL };
  Linker linker = { .entered = FALSE };
  GThread *thread;

  assert_acquires (holder);
  thread = g_thread_new ("linker", linker_main, &linker);
  g_mutex_lock (&linker.mutex);
  while (!linker.entered)
    g_cond_wait (&linker.cond, &linker.mutex);
  g_mutex_unlock (&linker.mutex);

  /* SQLite's locks are not available in a child */
  if (backend->backend != LF_BACKEND_SQLITE)
    g_assert_cmpint (fork_child (child_waits, &grant), ==, CHILD_WELL);

  g_mutex_lock (&linker.mutex);
  linker.may_leave = TRUE;
  g_cond_broadcast (&linker.cond);
  g_mutex_unlock (&linker.mutex);
  g_thread_join (thread);
  assert_releases (holder);
}

static const BackendCase cases[] = {
  { "granted-not-reported", test_not_dispatched },
  { "granted-and-dropped", test_dropped },
  { "reported-not-finished", test_not_finished },
  { "released-not-reported", test_released },
  { "pid-namespace", test_namesake },
  { "dynamic-linker", test_linker },
  { NULL, NULL },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fork_child_prepare ();

  for (gsize i = 0; i < n_test_backends; i++)
    add_backend_tests ("fork", &test_backends[i], cases);

  return g_test_run ();
}
