/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* library BACKEND MANNER[,OPTION...] PATH: this library, from C.
 *
 *   sync         acquire() and release()
 *   deadline     acquire_with_timeout() and release()
 *   async        acquire_async() in a main loop, and release()
 *   async-both   acquire_async() and release_async() in a main loop
 *
 *   remove       with remove-on-release
 *   fresh        with a new object for each acquire
 *   monitor      and monitors the lock while it is held
 *   lease=N      and renews a lease of N seconds
 *   not-durable  without writing the record to the disk before the lock is visible
 *
 * In addition to the commands of every program, it obeys commands for many locks at once:
 *
 *   hold COUNT   0; acquires the locks PATH.0, PATH.1 and so on
 *   drop         the time just before it releases these
 *   start COUNT one|distinct
 *                how long the calls took that began COUNT asynchronous acquires: of PATH,
 *                or of PATH.0, PATH.1 and so on
 *   probe COUNT  how long the slowest of COUNT asynchronous queries for information about
 *                a file took, and how late the latest of COUNT timers of 10 ms was, in a
 *                main loop that does nothing else
 *   cancel       how long it took until all started acquires were reported
 *   expire COUNT MILLISECONDS
 *                how long after its deadline each of COUNT asynchronous waits with that
 *                timeout was reported; all of them began at once
 *   lose COUNT   COUNT times: how long it took from just before the lock's file, directory
 *                or link was renamed until the signal was emitted
 *   serve        the time at which all started acquires have been granted; each one
 *                releases its lock at once */

#include "contestant.h"

#include <stdlib.h>

#include <glib/gstdio.h>

#include <lockfile-glib/lockfile-glib.h>

#define NANOSECONDS_PER_MS G_GINT64_CONSTANT (1000000)
#define TIMER_INTERVAL (10 * NANOSECONDS_PER_MS)

static const char *path;
static LfBackend backend;
static gboolean remove_file, fresh, durable, monitor;
static double lease_duration;
static LfLockFile *lock_file;

static LfLockFile **others;
static guint n_others;

static LfLockFile **claims;
static GCancellable *cancellable;
static guint n_claims, n_pending;

static LfLockFile *
new_lock_file (const char *name)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", name, "backend", backend,
                       "remove-on-release", remove_file, "durable", durable,
                       "monitor", monitor, "lease-duration", lease_duration, NULL);
}

static LfLockFile *
new_numbered (guint number)
{
  g_autofree char *name = g_strdup_printf ("%s.%u", path, number);

  return new_lock_file (name);
}

static void
begin (void)
{
  if (fresh)
    lock_file = new_lock_file (path);
}

static void
end (void)
{
  if (fresh)
    g_clear_object (&lock_file);
}

static void
acquire_sync (void)
{
  g_autoptr (GError) error = NULL;
  gboolean succeeded;

  begin ();
  succeeded = lf_lock_file_acquire (lock_file, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (succeeded);
}

static void
acquire_with_deadline (void)
{
  g_autoptr (GError) error = NULL;
  gboolean succeeded;

  begin ();
  succeeded = lf_lock_file_acquire_with_timeout (lock_file, 3600, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (succeeded);
}

static void
acquired_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  gboolean succeeded;
  gboolean *done = user_data;

  succeeded = lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error);
  g_assert_no_error (error);
  g_assert_true (succeeded);
  *done = TRUE;
}

static void
released_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  gboolean *done = user_data;

  lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &error);
  g_assert_no_error (error);
  *done = TRUE;
}

static void
fail (void)
{
  g_autoptr (GError) error = NULL;

  begin ();
  g_assert_false (lf_lock_file_try_acquire (lock_file, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  end ();
}

static void
iterate_until (const gboolean *done)
{
  while (!*done)
    g_main_context_iteration (NULL, TRUE);
}

static void
acquire_async (void)
{
  gboolean done = FALSE;

  begin ();
  lf_lock_file_acquire_async (lock_file, G_PRIORITY_DEFAULT, NULL, acquired_cb, &done);
  iterate_until (&done);
}

static void
release_sync (void)
{
  g_autoptr (GError) error = NULL;

  lf_lock_file_release (lock_file, &error);
  g_assert_no_error (error);
  end ();
}

static void
release_async (void)
{
  gboolean done = FALSE;

  lf_lock_file_release_async (lock_file, G_PRIORITY_DEFAULT, NULL, released_cb, &done);
  iterate_until (&done);
  end ();
}

static void
lost_cb (LfLockFile *lock,
         GError     *reason,
         gpointer    user_data)
{
  gint64 *time = user_data;

  *time = contestant_now ();
}

static void
lose (guint count)
{
  g_autofree char *away = g_strconcat (path, ".away", NULL);
  g_autofree char *record = g_build_filename (away, "holder", NULL);
  g_autofree gint64 *times = g_new0 (gint64, count);
  gint64 time;
  gulong handler = g_signal_connect (lock_file, "lost", G_CALLBACK (lost_cb), &time);

  for (guint i = 0; i < count; i++)
    {
      gint64 before;

      acquire_sync ();
      time = 0;
      before = contestant_now ();
      g_assert_cmpint (g_rename (path, away), ==, 0);
      while (time == 0)
        g_main_context_iteration (NULL, TRUE);
      times[i] = time - before;
      g_unlink (record);
      g_assert_cmpint (g_remove (away), ==, 0);
    }
  g_signal_handler_disconnect (lock_file, handler);

  contestant_answer (times, count);
}

static gint64
hold (guint count)
{
  others = g_new (LfLockFile *, count);
  n_others = count;
  for (guint i = 0; i < count; i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean succeeded;

      others[i] = new_numbered (i);
      succeeded = lf_lock_file_acquire (others[i], NULL, &error);
      g_assert_no_error (error);
      g_assert_true (succeeded);
    }

  return 0;
}

static gint64
drop (void)
{
  gint64 before = contestant_now ();

  for (guint i = 0; i < n_others; i++)
    {
      g_autoptr (GError) error = NULL;

      lf_lock_file_release (others[i], &error);
      g_assert_no_error (error);
      g_object_unref (others[i]);
    }
  g_clear_pointer (&others, g_free);
  n_others = 0;

  return before;
}

static void
claim_cb (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error))
    lf_lock_file_release (LF_LOCK_FILE (object), &error);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_assert_no_error (error);
  n_pending--;
}

static gint64
start (guint    count,
       gboolean distinct)
{
  gint64 before;

  claims = g_new (LfLockFile *, count);
  cancellable = g_cancellable_new ();
  n_claims = n_pending = count;

  for (guint i = 0; i < count; i++)
    claims[i] = distinct ? new_numbered (i) : new_lock_file (path);

  before = contestant_now ();
  for (guint i = 0; i < count; i++)
    lf_lock_file_acquire_async (claims[i], G_PRIORITY_DEFAULT, cancellable, claim_cb, NULL);

  return contestant_now () - before;
}

/* Until all claims are reported; returns the time. */
static gint64
finish (void)
{
  gint64 after;

  while (n_pending > 0)
    g_main_context_iteration (NULL, TRUE);
  after = contestant_now ();

  for (guint i = 0; i < n_claims; i++)
    g_object_unref (claims[i]);
  g_clear_pointer (&claims, g_free);
  g_clear_object (&cancellable);

  return after;
}

static gint64
cancel (void)
{
  gint64 before = contestant_now ();

  g_cancellable_cancel (cancellable);

  return finish () - before;
}

typedef struct
{
  GFile *file;
  guint n_left;
  gboolean querying;
  gint64 query_began, timer_began;
  gint64 worst[2]; /* of the query and of the timer */
} Probe;

static void
queried_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GFileInfo) info = NULL;
  Probe *probe = user_data;

  info = g_file_query_info_finish (G_FILE (object), result, &error);
  g_assert_no_error (error);
  probe->worst[0] = MAX (probe->worst[0], contestant_now () - probe->query_began);
  probe->querying = FALSE;
}

static gboolean
timer_cb (gpointer user_data)
{
  Probe *probe = user_data;
  gint64 late = contestant_now () - probe->timer_began - TIMER_INTERVAL;

  probe->worst[1] = MAX (probe->worst[1], late);
  if (!probe->querying)
    {
      probe->querying = TRUE;
      probe->query_began = contestant_now ();
      g_file_query_info_async (probe->file, G_FILE_ATTRIBUTE_STANDARD_SIZE,
                               G_FILE_QUERY_INFO_NONE, G_PRIORITY_DEFAULT, NULL, queried_cb,
                               probe);
    }
  probe->timer_began = contestant_now ();
  probe->n_left--;

  return probe->n_left > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
probe (guint count)
{
  g_autoptr (GFile) file = g_file_new_for_path ("/");
  Probe data = { .file = file, .n_left = count, .timer_began = contestant_now () };

  g_timeout_add (TIMER_INTERVAL / NANOSECONDS_PER_MS, timer_cb, &data);
  while (data.n_left > 0 || data.querying)
    g_main_context_iteration (NULL, TRUE);

  contestant_answer (data.worst, G_N_ELEMENTS (data.worst));
}

typedef struct
{
  gint64 deadline;
  gint64 late;
  guint *n_left;
} Expiry;

static void
expired_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  Expiry *expiry = user_data;
  g_autoptr (GError) error = NULL;

  expiry->late = contestant_now () - expiry->deadline;
  g_assert_false (lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  (*expiry->n_left)--;
}

static void
expire (guint count,
        guint milliseconds)
{
  g_autofree Expiry *expiries = g_new0 (Expiry, count);
  g_autofree gint64 *late = g_new (gint64, count);
  guint n_left = count;

  for (guint i = 0; i < count; i++)
    {
      g_autoptr (LfLockFile) waiting = new_lock_file (path);

      expiries[i].n_left = &n_left;
      expiries[i].deadline = contestant_now () + milliseconds * NANOSECONDS_PER_MS;
      lf_lock_file_acquire_with_timeout_async (waiting, milliseconds / 1000.0,
                                               G_PRIORITY_DEFAULT, NULL, expired_cb,
                                               &expiries[i]);
    }
  while (n_left > 0)
    g_main_context_iteration (NULL, TRUE);

  for (guint i = 0; i < count; i++)
    late[i] = expiries[i].late;
  contestant_answer (late, count);
}

static gboolean
obey (char **words)
{
  gint64 result;

  if (g_str_equal (words[0], "hold"))
    result = hold ((guint) atoi (words[1]));
  else if (g_str_equal (words[0], "drop"))
    result = drop ();
  else if (g_str_equal (words[0], "start"))
    result = start ((guint) atoi (words[1]), g_str_equal (words[2], "distinct"));
  else if (g_str_equal (words[0], "cancel"))
    result = cancel ();
  else if (g_str_equal (words[0], "serve"))
    result = finish ();
  else if (g_str_equal (words[0], "expire"))
    {
      expire ((guint) atoi (words[1]), (guint) atoi (words[2]));
      return TRUE;
    }
  else if (g_str_equal (words[0], "lose"))
    {
      lose ((guint) atoi (words[1]));
      return TRUE;
    }
  else if (g_str_equal (words[0], "probe"))
    {
      probe ((guint) atoi (words[1]));
      return TRUE;
    }
  else
    return FALSE;

  contestant_answer (&result, 1);

  return TRUE;
}

static LfBackend
get_backend (const char *nick)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (LF_TYPE_BACKEND);
  const GEnumValue *value = g_enum_get_value_by_nick (enum_class, nick);

  g_assert_nonnull (value);

  return (LfBackend) value->value;
}

int
main (int    argc,
      char **argv)
{
  Contestant contestant = { acquire_sync, release_sync, obey, fail };
  g_auto (GStrv) manner = NULL;

  g_assert_cmpint (argc, ==, 4);
  backend = get_backend (argv[1]);
  manner = g_strsplit (argv[2], ",", -1);
  path = argv[3];

  if (g_str_equal (manner[0], "deadline"))
    contestant.acquire = acquire_with_deadline;
  else if (g_str_has_prefix (manner[0], "async"))
    contestant.acquire = acquire_async;
  if (g_str_equal (manner[0], "async-both"))
    contestant.release = release_async;

  remove_file = g_strv_contains ((const char * const *) manner, "remove");
  fresh = g_strv_contains ((const char * const *) manner, "fresh");
  durable = !g_strv_contains ((const char * const *) manner, "not-durable");

  monitor = g_strv_contains ((const char * const *) manner, "monitor");
  for (char **option = manner; *option != NULL; option++)
    {
      if (g_str_has_prefix (*option, "lease="))
        lease_duration = g_ascii_strtod (*option + strlen ("lease="), NULL);
    }

  if (!fresh)
    lock_file = new_lock_file (path);
  contestant_run (&contestant);
  g_clear_object (&lock_file);

  return 0;
}
