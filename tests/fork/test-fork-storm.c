/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Children that are forked at any moment from a process whose threads use locks. Mutexes
 * that are locked at that moment stay locked in the child forever.
 *
 * LF_TEST_FORKS is the number of forks for each case. A harmful moment is met once in some
 * ten to a hundred forks, so that
 *
 *     LF_TEST_FORKS=10000 meson test --timeout-multiplier=0 fork-storm
 *
 * shows that there is none. A stuck child shows where it is, and the case fails. A child
 * that is stuck in a mutex which GLib locks by itself, for example to make or end an
 * object, is only counted: the library cannot prevent it. But if no thread makes or ends
 * objects, that would be the library's fault too. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fork-child.h"
#include "lf-test-backend.h"

#define DEFAULT_N_FORKS 150

/* More stuck children take time, and show nothing new. */
#define MAX_STUCK 3

typedef struct _Storm Storm;

typedef struct
{
  Storm *storm;
  void (*use) (LfLockFile *lock);
  LfLockFile *lock;
  GThread *thread;
} Busy;

struct _Storm
{
  Fixture *fixture;
  gboolean ended; /* atomic */
  gboolean has_objects; /* some threads make and end objects */
  GPtrArray *threads; /* of Busy */

  /* What the children use. It is made before the threads start, so that no child has to
   * make an object while GLib's mutexes are locked */
  LfLockFile *inherited; /* the parent holds this lock */
  LfLockFile *rival;     /* for the same path */
  LfLockFile *own;       /* nothing else uses its path */
  GMainContext *context;
};

static guint
get_n_forks (void)
{
  const char *text = g_getenv ("LF_TEST_FORKS");

  return text != NULL ? (guint) atoi (text) : DEFAULT_N_FORKS;
}

static void
use_sync (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_acquire (lock, NULL, &error))
    lf_lock_file_release (lock, &error);
  g_assert_no_error (error);
}

/* Competes with others, so that it has to wait in a thread of the library. */
static void
use_with_timeout (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_acquire_with_timeout (lock, 0.005, NULL, &error))
    lf_lock_file_release (lock, &error);
  else if (g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT))
    g_clear_error (&error);
  g_assert_no_error (error);
}

static void
released_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &error);
  g_assert_no_error (error);
  *(gboolean *) user_data = TRUE;
}

static void
use_async (LfLockFile *lock)
{
  g_auto (Claim) claim = { 0 };
  gboolean released = FALSE;

  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  lf_lock_file_release_async (lock, G_PRIORITY_DEFAULT, NULL, released_cb, &released);
  iterate_until (&released);
}

/* The state of locks that other threads hold and use. */
static void
use_state (LfLockFile *lock)
{
  g_assert_true (lf_lock_file_is_held (lock));
  g_assert_cmpint (lf_lock_file_get_fd (lock), >=, 0);
  lf_lock_file_set_timeout (lock, lf_lock_file_get_timeout (lock));
}

static gpointer
busy_main (gpointer data)
{
  Busy *busy = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  while (!g_atomic_int_get (&busy->storm->ended))
    busy->use (busy->lock);
  g_main_context_pop_thread_default (context);

  return NULL;
}

/* Starts a thread that uses the lock all the time. */
static void
storm_add (Storm      *storm,
           void      (*use) (LfLockFile *lock),
           LfLockFile *lock)
{
  Busy *busy = g_new0 (Busy, 1);

  busy->storm = storm;
  busy->use = use;
  busy->lock = g_object_ref (lock);
  g_ptr_array_add (storm->threads, busy);
}

static LfLockFile *
storm_new_lock (Storm      *storm,
                LfBackend   backend,
                const char *name)
{
  g_autofree char *path = g_build_filename (storm->fixture->directory, name, NULL);

  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend, NULL);
}

static void
storm_add_new (Storm      *storm,
               void      (*use) (LfLockFile *lock),
               LfBackend   backend,
               const char *name)
{
  g_autoptr (LfLockFile) lock = storm_new_lock (storm, backend, name);

  storm_add (storm, use, lock);
}

/* Threads with locks of their own, in all ways that share something: the kernel's queue,
 * the polls and their watch, the records, the threads for waits. */
static void
storm_add_usual (Storm    *storm,
                 gboolean  with_async)
{
  storm_add_new (storm, use_sync, LF_BACKEND_FLOCK, "sync");
  storm_add_new (storm, use_sync, LF_BACKEND_HARD_LINK, "hard-link");
  storm_add_new (storm, use_with_timeout, LF_BACKEND_HARD_LINK, "contended");
  storm_add_new (storm, use_with_timeout, LF_BACKEND_HARD_LINK, "contended");
  storm_add_new (storm, use_with_timeout, LF_BACKEND_FCNTL, "queued");
  storm_add_new (storm, use_with_timeout, LF_BACKEND_FCNTL, "queued");

  /* GTask is an object */
  if (with_async)
    storm_add_new (storm, use_async, LF_BACKEND_FLOCK, "async");
  storm->has_objects = with_async;
}

static void
busy_free (gpointer data)
{
  Busy *busy = data;

  g_thread_join (busy->thread);
  g_object_unref (busy->lock);
  g_free (busy);
}

static void
storm_init (Storm     *storm,
            Fixture   *fixture,
            LfBackend  backend,
            LfBackend  own_backend)
{
  *storm = (Storm) { .fixture = fixture };
  storm->threads = g_ptr_array_new_with_free_func (busy_free);
  storm->inherited = storm_new_lock (storm, backend, "test.lock");
  storm->rival = storm_new_lock (storm, backend, "test.lock");
  storm->own = storm_new_lock (storm, own_backend, "own");
  storm->context = g_main_context_new ();
}

static void
storm_clear (Storm *storm)
{
  g_ptr_array_unref (storm->threads);
  g_object_unref (storm->inherited);
  g_object_unref (storm->rival);
  g_object_unref (storm->own);
  g_main_context_unref (storm->context);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Storm, storm_clear)

static void
storm_rage (Storm      *storm,
            ForkedFunc  function)
{
  guint n_forks = get_n_forks ();
  guint n_done = 0, n_stuck = 0, n_stuck_in_glib = 0, n_wrong = 0;

  for (guint i = 0; i < storm->threads->len; i++)
    {
      Busy *busy = storm->threads->pdata[i];

      busy->thread = g_thread_new ("busy", busy_main, busy);
    }

  while (n_done < n_forks && n_stuck + n_wrong < MAX_STUCK)
    {
      n_done++;
      switch (fork_child (function, storm))
        {
        case CHILD_STUCK:
          n_stuck++;
          break;

        case CHILD_STUCK_IN_GLIB:
          n_stuck_in_glib++;
          break;

        case CHILD_WRONG:
          n_wrong++;
          break;

        case CHILD_WELL:
        default:
          break;
        }
    }
  g_atomic_int_set (&storm->ended, TRUE);
  g_ptr_array_set_size (storm->threads, 0);

  g_test_message ("%u forks: %u stuck, %u stuck in GLib, %u wrong",
                  n_done, n_stuck, n_stuck_in_glib, n_wrong);
  g_assert_cmpuint (n_stuck, ==, 0);
  if (!storm->has_objects)
    g_assert_cmpuint (n_stuck_in_glib, ==, 0);
  g_assert_cmpuint (n_wrong, ==, 0);
}

/* The child exits with _exit(), so the end of the process does not drop the object. */
static const char *
child_drops (gpointer data)
{
  Storm *storm = data;

  g_object_unref (storm->inherited);

  return NULL;
}

static const char *
child_asks_and_releases (gpointer data)
{
  Storm *storm = data;
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_is_held (storm->inherited))
    return "the parent's lock is held in the child";
  if (lf_lock_file_get_fd (storm->inherited) != -1)
    return "the child has the descriptor of the parent's lock";
  if (lf_lock_file_release (storm->inherited, &error))
    return "the child has released the parent's lock";
  if (!g_error_matches (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK))
    return g_strdup (error->message);

  lf_lock_file_set_timeout (storm->inherited, 1);
  if (lf_lock_file_get_timeout (storm->inherited) < 1)
    return "a property is not what it was set to";

  return NULL;
}

static const char *
child_acquires_own (gpointer data)
{
  Storm *storm = data;
  g_autoptr (GError) error = NULL;
  const char *wrong = NULL;

  if (!lf_lock_file_acquire (storm->own, NULL, &error) ||
      !lf_lock_file_release (storm->own, &error))
    wrong = g_strdup (error->message);

  return wrong;
}

static const char *
times_out (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_acquire_with_timeout (lock, 0.01, NULL, &error))
    return "the child has got the parent's lock";
  if (!g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT))
    return g_strdup (error->message);

  return NULL;
}

static const char *
child_times_out (gpointer data)
{
  Storm *storm = data;
  const char *wrong = times_out (storm->inherited);

  return wrong != NULL ? wrong : times_out (storm->rival);
}

static const char *
child_acquires_async (gpointer data)
{
  Storm *storm = data;

  g_main_context_push_thread_default (storm->context);
  use_async (storm->own);

  return NULL;
}

static const char *
grandchild_uses (gpointer data)
{
  Storm *storm = data;
  g_autoptr (GError) error = NULL;
  const char *wrong = child_asks_and_releases (storm);

  if (wrong != NULL)
    return wrong;

  if (lf_lock_file_is_held (storm->own))
    return "the child's lock is held in its child";
  if (lf_lock_file_release (storm->own, &error) ||
      !g_error_matches (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK))
    return "the child's lock is released in its child";

  return times_out (storm->own);
}

static const char *
child_forks (gpointer data)
{
  Storm *storm = data;
  g_autoptr (GError) error = NULL;
  const char *wrong;

  if (!lf_lock_file_acquire (storm->own, NULL, &error))
    return g_strdup (error->message);

  wrong = fork_grandchild (grandchild_uses, storm);
  if (wrong == NULL && !lf_lock_file_release (storm->own, &error))
    wrong = g_strdup (error->message);

  return wrong;
}

static const char *
child_uses_shared (gpointer data)
{
  Storm *storm = data;
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_is_held (storm->inherited))
    return "the parent's lock is held in the child";
  if (lf_lock_file_get_fd (storm->inherited) != -1)
    return "the child has the descriptor of the parent's lock";
  if (lf_lock_file_release (storm->inherited, &error))
    return "the child has released the parent's lock";

  /* Depends on what the parent was doing at the fork */
  if (error->domain != LF_UNLOCK_ERROR)
    return g_strdup (error->message);

  return NULL;
}

/* Threads that use locks of their own, and a child that does one thing. */
static void
test_child (Fixture    *fixture,
            LfBackend   backend,
            LfBackend   own_backend,
            gboolean    with_async,
            ForkedFunc  function)
{
  g_auto (Storm) storm = { 0 };

  storm_init (&storm, fixture, backend, own_backend);
  storm_add_usual (&storm, with_async);
  assert_acquires (storm.inherited);
  storm_rage (&storm, function);
  assert_releases (storm.inherited);
}

static void
test_drop (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;

  test_child (fixture, backend->backend, LF_BACKEND_FLOCK, FALSE, child_drops);
}

static void
test_drop_beside_objects (Fixture       *fixture,
                          gconstpointer  data)
{
  const TestBackend *backend = data;

  test_child (fixture, backend->backend, LF_BACKEND_FLOCK, TRUE, child_drops);
}

static void
test_own (Fixture       *fixture,
          gconstpointer  data)
{
  const TestBackend *backend = data;

  /* SQLite refuses children of a process that uses a database */
  test_child (fixture, LF_BACKEND_FLOCK, backend->backend, TRUE, child_acquires_own);
}

static void
test_timeout (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;

  test_child (fixture, backend->backend, backend->backend, TRUE, child_times_out);
}

static void
test_async (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;

  test_child (fixture, backend->backend, backend->backend, TRUE, child_acquires_async);
}

static void
test_grandchild (Fixture       *fixture,
                 gconstpointer  data)
{
  test_child (fixture, LF_BACKEND_FLOCK, LF_BACKEND_FLOCK, TRUE, child_forks);
}

/* Threads query the state of the same object as the child does. */
static void
test_state (Fixture       *fixture,
            gconstpointer  data)
{
  g_auto (Storm) storm = { 0 };

  storm_init (&storm, fixture, LF_BACKEND_FLOCK, LF_BACKEND_FLOCK);
  for (guint i = 0; i < 3; i++)
    storm_add (&storm, use_state, storm.inherited);
  assert_acquires (storm.inherited);
  storm_rage (&storm, child_asks_and_releases);
  assert_releases (storm.inherited);
}

/* The same while the lock is acquired and released through the object. */
static void
test_shared_object (Fixture       *fixture,
                    gconstpointer  data)
{
  g_auto (Storm) storm = { 0 };

  storm_init (&storm, fixture, LF_BACKEND_FLOCK, LF_BACKEND_FLOCK);
  storm.has_objects = TRUE;
  storm_add (&storm, use_async, storm.inherited);
  storm_add (&storm, use_async, storm.inherited);
  storm_add_new (&storm, use_sync, LF_BACKEND_FLOCK, "test.lock");
  storm_rage (&storm, child_uses_shared);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fork_child_prepare ();

  add_data_test ("/fork-storm/drop/flock", &test_backends[0], test_drop);
  add_data_test ("/fork-storm/drop/hard-link", &test_backends[2], test_drop);
  add_data_test ("/fork-storm/drop-beside-objects", &test_backends[0], test_drop_beside_objects);
  add_test ("/fork-storm/state", test_state);
  add_test ("/fork-storm/shared-object", test_shared_object);
  for (gsize i = 0; i < n_test_backends; i++)
    {
      const TestBackend *backend = &test_backends[i];
      g_autofree char *own = g_strdup_printf ("/fork-storm/own/%s", backend->nick);

      add_data_test (own, backend, test_own);
    }
  add_data_test ("/fork-storm/timeout/flock", &test_backends[0], test_timeout);
  add_data_test ("/fork-storm/timeout/hard-link", &test_backends[2], test_timeout);
  add_data_test ("/fork-storm/async/flock", &test_backends[0], test_async);
  add_data_test ("/fork-storm/async/hard-link", &test_backends[2], test_async);
  add_test ("/fork-storm/grandchild", test_grandchild);

  return g_test_run ();
}
