/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* What does not happen in the caller's thread: file operations and waits. The program's own
 * open(), opendir(), flock() and g_usleep() replace those that the library under test would
 * call. */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lf-test-backend.h"

static struct
{
  GMutex mutex;
  GCond cond;
  GThread *watched;      /* calls of this thread are counted */
  guint n_file_calls;
  guint n_sleeps;
  const char *stuck_path; /* opening this one has to wait */
  guint n_stuck;
  GThread *stuck_but;    /* in any other thread LOCK_UN does not return; or NULL */
  GThread *slow_attacher; /* attaches a source as late as possible, after other threads */
  int n_early;           /* atomic: sources made ready by another thread before they are attached */
} calls;

static void *
find_next (const char *name)
{
  void *function = dlsym (RTLD_NEXT, name);

  g_assert_nonnull (function);

  return function;
}

static void
note_file_call (void)
{
  if (calls.watched != NULL && calls.watched == g_thread_self ())
    calls.n_file_calls++;
}

static void
get_stuck (const char *path)
{
  if (calls.stuck_path == NULL)
    return;

  g_mutex_lock (&calls.mutex);
  calls.n_stuck++;
  g_cond_broadcast (&calls.cond);
  while (calls.stuck_path != NULL && g_str_equal (path, calls.stuck_path))
    g_cond_wait (&calls.cond, &calls.mutex);
  calls.n_stuck--;
  g_mutex_unlock (&calls.mutex);
}

/* With 64-bit file offsets, as here and in the library, the symbol is open64. */
G_MODULE_EXPORT int
open (const char *path,
      int         flags,
      ...)
{
  static int (*real_open) (const char *, int, ...);
  va_list arguments;
  mode_t mode = 0;

  va_start (arguments, flags);
  if ((flags & O_CREAT) != 0)
    mode = va_arg (arguments, mode_t);
  va_end (arguments);

  if (real_open == NULL)
    real_open = (int (*) (const char *, int, ...)) find_next ("open64");
  note_file_call ();
  get_stuck (path);

  return real_open (path, flags, mode);
}

G_MODULE_EXPORT DIR *
opendir (const char *path)
{
  static DIR *(*real_opendir) (const char *);

  if (real_opendir == NULL)
    real_opendir = (DIR *(*) (const char *)) find_next ("opendir");
  note_file_call ();

  return real_opendir (path);
}

G_MODULE_EXPORT int
flock (int fd,
       int operation)
{
  static int (*real_flock) (int, int);

  if (real_flock == NULL)
    real_flock = (int (*) (int, int)) find_next ("flock");
  note_file_call ();

  if (calls.watched == g_thread_self () && operation != LOCK_UN && (operation & LOCK_NB) == 0)
    calls.n_sleeps++;
  if (operation == LOCK_UN)
    {
      g_mutex_lock (&calls.mutex);
      while (calls.stuck_but != NULL && calls.stuck_but != g_thread_self ())
        g_cond_wait (&calls.cond, &calls.mutex);
      g_mutex_unlock (&calls.mutex);
    }

  return real_flock (fd, operation);
}

G_MODULE_EXPORT void
g_usleep (gulong microseconds)
{
  static void (*real_usleep) (gulong);

  if (real_usleep == NULL)
    real_usleep = (void (*) (gulong)) find_next ("g_usleep");
  if (calls.watched == g_thread_self ())
    calls.n_sleeps++;

  real_usleep (microseconds);
}

G_MODULE_EXPORT guint
g_source_attach (GSource      *source,
                 GMainContext *context)
{
  static guint (*real_attach) (GSource *, GMainContext *);

  if (real_attach == NULL)
    real_attach = (guint (*) (GSource *, GMainContext *)) find_next ("g_source_attach");
  if (calls.slow_attacher == g_thread_self ())
    wait_until_others_sleep ();

  return real_attach (source, context);
}

G_MODULE_EXPORT void
g_source_set_ready_time (GSource *source,
                         gint64   ready_time)
{
  static void (*real_set_ready_time) (GSource *, gint64);

  if (real_set_ready_time == NULL)
    real_set_ready_time = (void (*) (GSource *, gint64)) find_next ("g_source_set_ready_time");
  if (calls.slow_attacher != NULL && calls.slow_attacher != g_thread_self () &&
      g_source_get_context (source) == NULL)
    g_atomic_int_inc (&calls.n_early);

  real_set_ready_time (source, ready_time);
}

static void
set_stuck (const char *path)
{
  g_mutex_lock (&calls.mutex);
  calls.stuck_path = path;
  g_cond_broadcast (&calls.cond);
  g_mutex_unlock (&calls.mutex);
}

static void
wait_until_stuck (void)
{
  g_mutex_lock (&calls.mutex);
  while (calls.n_stuck == 0)
    g_cond_wait (&calls.cond, &calls.mutex);
  g_mutex_unlock (&calls.mutex);
}

static void
set_unlock_stuck (gboolean stuck)
{
  g_mutex_lock (&calls.mutex);
  calls.stuck_but = stuck ? g_thread_self () : NULL;
  g_cond_broadcast (&calls.cond);
  g_mutex_unlock (&calls.mutex);
}

static void
watch (void)
{
  calls.n_file_calls = calls.n_sleeps = 0;
  calls.watched = g_thread_self ();
}

static void
unwatch (void)
{
  calls.watched = NULL;
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

static void
release_clear (Release *release)
{
  g_clear_error (&release->error);
  *release = (Release) { 0 };
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Release, release_clear)

/* An object that holds nothing has to find out the holder, for the error. */
static void
test_release_of_nothing (Fixture       *fixture,
                         gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) holder = lock_new (backend, fixture->path);
  g_auto (Release) release = { 0 };

  /* The file stays, unless it is the lock itself */
  assert_acquires (holder);
  assert_releases (holder);
  watch ();
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &release);
  g_assert_false (release.done);
  iterate_until (&release.done);
  unwatch ();
  g_assert_error (release.error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_assert_cmpuint (calls.n_file_calls, ==, 0);

  release_clear (&release);
  assert_acquires (holder);
  watch ();
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &release);
  iterate_until (&release.done);
  unwatch ();
  g_assert_error (release.error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK);
  g_assert_cmpuint (calls.n_file_calls, ==, 0);
  assert_releases (holder);
}

static void
test_release_of_lock (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_auto (Release) release = { 0 };

  assert_acquires (lock);
  watch ();
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &release);

  /* During the release the object no longer holds the lock, but nobody else may have it yet */
  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);
  iterate_until (&release.done);
  unwatch ();
  g_assert_no_error (release.error);
  g_assert_true (release.released);
  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);
  g_assert_cmpuint (calls.n_file_calls, ==, 0);
  assert_tries (backend, fixture->path);
}

/* Dropping the object releases the lock before it returns, without waiting, even if another
 * process has locked what a release locks for a moment. */
static void
test_drop (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  LfLockFile *lock = lock_new (backend, fixture->path);
  int fd = open (fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  assert_acquires (lock);
  g_assert_no_errno (flock (fd, LOCK_EX | LOCK_NB));
  watch ();
  g_object_unref (lock);
  unwatch ();
  g_assert_cmpuint (calls.n_sleeps, ==, 0);
  if (backend->is_existence)
    g_assert_false (path_exists (fixture->path));
  g_assert_no_errno (flock (fd, LOCK_UN));
  close (fd);
  assert_tries (backend, fixture->path);
}

/* A main context may not wake up if another thread makes a source ready while it is being
 * attached. */
static void
test_no_early_report (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_auto (Release) release = { 0 };

  assert_acquires (lock);
  g_atomic_int_set (&calls.n_early, 0);
  calls.slow_attacher = g_thread_self ();
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &release);
  iterate_until (&release.done);
  calls.slow_attacher = NULL;
  g_assert_no_error (release.error);
  g_assert_cmpint (g_atomic_int_get (&calls.n_early), ==, 0);
}

static const BackendCase cases[] = {
  { "release-of-nothing", test_release_of_nothing },
  { "release-of-lock", test_release_of_lock },
  { "no-early-report", test_no_early_report },
  { "drop", test_drop },
  { NULL, NULL },
};

/* A release that is stuck in the file system. */
static void
test_release_on_its_way (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_auto (Release) release = { 0 };
  g_auto (Release) second = { 0 };

  assert_acquires (lock);
  set_unlock_stuck (TRUE);
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &release);
  wait_until_others_sleep ();
  g_assert_false (lf_lock_file_is_held (lock));
  g_assert_cmpint (lf_lock_file_get_fd (lock), ==, -1);
  assert_not_free (fixture->path);

  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, release_cb, &second);
  set_unlock_stuck (FALSE);
  iterate_until (&release.done);
  iterate_until (&second.done);
  g_assert_no_error (release.error);
  g_assert_nonnull (second.error);
  g_assert_false (second.released);
  assert_free (fixture->path);
}

/* With a timeout of 0, one attempt is made, however slow the file system is. */
static void
test_slow_open (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_timeout (lock, 0);
  set_stuck (fixture->path);
  claim_start (&claim, lock, NULL);
  wait_until_stuck ();
  set_stuck (NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
}

/* If the file system does not answer, the error is not ALREADY_LOCKED. */
static void
test_no_answer (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_auto (Claim) claim = { 0 };

  lf_lock_file_set_timeout (lock, 0);
  set_stuck (fixture->path);
  claim_start (&claim, lock, NULL);
  wait_until_stuck ();
  claim_wait (&claim);
  set_stuck (NULL);
  g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (claim.error->message, "file system"));
  g_assert_false (lf_lock_file_is_held (lock));
  wait_for_no_lock_threads ();
  assert_free (fixture->path);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    add_backend_tests ("caller", &test_backends[i], cases);
  add_test ("/caller/release-on-its-way", test_release_on_its_way);
  add_test ("/caller/slow-open", test_slow_open);
  add_test ("/caller/no-answer", test_no_answer);

  return g_test_run ();
}
