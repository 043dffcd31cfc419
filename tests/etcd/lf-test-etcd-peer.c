/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* A process that uses locks in etcd. It obeys commands, one per line, from its main loop. Each
 * line of its output is an event: the microseconds of CLOCK_BOOTTIME, which all processes of a
 * machine share, the name of the lock, and one of
 *
 *   ok, held TOKEN, released, broken, verified, lost DOMAIN CODE MESSAGE, counted, ended,
 *   holder TEXT, locked BOOLEAN, value TEXT, tick, error DOMAIN CODE MESSAGE
 *
 * The commands are
 *
 *   new NAME URI [PROPERTY=VALUE...]    drop NAME           get NAME PROPERTY
 *   acquire NAME [TIMEOUT]              cancel NAME         set NAME PROPERTY=VALUE
 *   acquire-sync NAME [TIMEOUT]         try NAME            release NAME, release-async NAME
 *   holder NAME                         locked NAME         break NAME, verify NAME
 *   tick NAME            from now on, an event every 100 ms, at a high priority
 *   count NAME COUNTER ROUNDS
 *                        increments the counter of test-etcd-count, each time under the lock
 *   storm NAME JOURNAL MILLISECONDS
 *                        acquires and releases until then; each grant is a line in the journal
 *
 * It exits at the end of its input. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <lockfile-glib/lockfile-glib.h>

typedef struct
{
  char *name;
  LfLock *lock;
  GCancellable *cancellable;

  /* Of a storm */
  int journal;
  gint64 end;
  gint64 token;
  gint64 granted;
} Claim;

static GHashTable *claims;
static GMainLoop *loop;

static gint64
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_BOOTTIME, &time);

  return (gint64) time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static void G_GNUC_PRINTF (2, 3)
report (const char *name,
        const char *format,
        ...)
{
  va_list arguments;

  va_start (arguments, format);
  printf ("%" G_GINT64_FORMAT " %s ", now (), name);
  vprintf (format, arguments);
  putchar ('\n');
  fflush (stdout);
  va_end (arguments);
}

static void
report_error (const char   *name,
              const char   *event,
              const GError *error)
{
  g_autofree char *message = g_strdelimit (g_strdup (error->message), "\n", ' ');

  report (name, "%s %s %d %s", event, g_quark_to_string (error->domain), error->code, message);
}

static void
report_result (const char   *name,
               const char   *event,
               const GError *error)
{
  if (error == NULL)
    report (name, "%s", event);
  else
    report_error (name, "error", error);
}

static gint64
get_token (Claim *claim)
{
  gint64 token;

  g_object_get (claim->lock, "fencing-token", &token, NULL);

  return token;
}

static void
report_grant (Claim        *claim,
              const GError *error)
{
  if (error == NULL)
    report (claim->name, "held %" G_GINT64_FORMAT, get_token (claim));
  else
    report_error (claim->name, "error", error);
}

static void
claim_free (gpointer data)
{
  Claim *claim = data;

  g_free (claim->name);
  g_clear_object (&claim->lock);
  g_clear_object (&claim->cancellable);
  g_free (claim);
}

static void
write_to_journal (Claim  *claim,
                  gint64  end,
                  char    how)
{
  g_autofree char *line = g_strdup_printf ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT
                                           " %" G_GINT64_FORMAT " %c %d\n",
                                           claim->token, claim->granted, end, how, getpid ());

  if (claim->token == 0)
    return;
  g_assert_cmpint (write (claim->journal, line, strlen (line)), ==, strlen (line));
  claim->token = 0;
}

static void
lost_cb (LfLock *lock,
         GError *error,
         Claim  *claim)
{
  if (claim->end > 0)
    write_to_journal (claim, now (), 'l');
  report_error (claim->name, "lost", error);
}

static void
set_property (Claim      *claim,
              const char *assignment)
{
  g_auto (GStrv) words = g_strsplit (assignment, "=", 2);
  GParamSpec *property = g_object_class_find_property (G_OBJECT_GET_CLASS (claim->lock), words[0]);

  g_assert_nonnull (property);
  if (G_IS_PARAM_SPEC_STRING (property))
    g_object_set (claim->lock, words[0], words[1], NULL);
  else if (G_IS_PARAM_SPEC_DOUBLE (property))
    g_object_set (claim->lock, words[0], g_ascii_strtod (words[1], NULL), NULL);
  else
    g_object_set (claim->lock, words[0], atoi (words[1]), NULL);
}

static void
make_claim (char **words)
{
  g_autoptr (GError) error = NULL;
  Claim *claim = g_new0 (Claim, 1);

  claim->name = g_strdup (words[1]);
  claim->cancellable = g_cancellable_new ();
  claim->lock = LF_LOCK (lf_remote_lock_new (words[2], &error));
  report_result (claim->name, "ok", error);
  if (error != NULL)
    {
      claim_free (claim);
      return;
    }
  for (guint i = 3; words[i] != NULL; i++)
    set_property (claim, words[i]);
  g_signal_connect (claim->lock, "lost", G_CALLBACK (lost_cb), claim);
  g_hash_table_replace (claims, claim->name, claim);
}

static void
acquired_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  gboolean is_held = lf_lock_acquire_with_timeout_finish (LF_LOCK (object), result, &error);

  g_assert_true (is_held == (error == NULL));
  report_grant (user_data, error);
}

static void
released_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  Claim *claim = user_data;
  g_autoptr (GError) error = NULL;

  lf_lock_release_finish (LF_LOCK (object), result, &error);
  report_result (claim->name, "released", error);
}

static double
timeout_of (Claim *claim,
            char **words)
{
  double timeout;

  if (words[2] != NULL)
    return g_ascii_strtod (words[2], NULL);
  g_object_get (claim->lock, "timeout", &timeout, NULL);

  return timeout;
}

static gboolean
tick_cb (gpointer user_data)
{
  Claim *claim = user_data;

  report (claim->name, "tick");

  return G_SOURCE_CONTINUE;
}

/* The protected side: it holds the number and the highest token that it has seen, and refuses
 * lower ones. It has no lock of its own against others at the same time. */
static gboolean
add_one (const char *path,
         gint64      token)
{
  FILE *file = fopen (path, "r+");
  gint64 number;
  gint64 highest;

  g_assert_nonnull (file);
  /* Decimal, although they begin with zeros */
  if (fscanf (file, "%" G_GINT64_MODIFIER "d %" G_GINT64_MODIFIER "d", &number, &highest) != 2 ||
      token < highest)
    {
      fclose (file);
      return FALSE;
    }
  rewind (file);
  fprintf (file, "%020" G_GINT64_FORMAT " %020" G_GINT64_FORMAT "\n", number + 1, token);
  g_assert_cmpint (fclose (file), ==, 0);

  return TRUE;
}

static void
count (Claim      *claim,
       const char *path,
       int         rounds)
{
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < rounds && error == NULL; i++)
    {
      if (!lf_lock_acquire (claim->lock, NULL, &error))
        break;
      if (!add_one (path, get_token (claim)))
        g_error ("A token that is not the highest");
      lf_lock_release (claim->lock, &error);
    }
  report_result (claim->name, "counted", error);
}

static void storm (Claim *claim);

static void
end_storm (Claim *claim)
{
  close (claim->journal);
  claim->end = 0;
  report (claim->name, "ended");
}

static void
left_in_storm_cb (GObject      *object,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  /* Without a server, or if the lock was lost, the next claim says so too */
  if (!lf_lock_release_finish (LF_LOCK (object), result, &error))
    g_debug ("%s", error->message);
  storm (user_data);
}

static gboolean
leave_in_storm_cb (gpointer user_data)
{
  Claim *claim = user_data;

  write_to_journal (claim, now (), 'r');
  lf_lock_release_async (claim->lock, G_PRIORITY_DEFAULT, NULL, left_in_storm_cb, claim);

  return G_SOURCE_REMOVE;
}

static gboolean
storm_cb (gpointer user_data)
{
  storm (user_data);

  return G_SOURCE_REMOVE;
}

static void
entered_in_storm_cb (GObject      *object,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  Claim *claim = user_data;
  g_autoptr (GError) error = NULL;

  if (lf_lock_acquire_with_timeout_finish (LF_LOCK (object), result, &error))
    {
      claim->granted = now ();
      claim->token = get_token (claim);
      g_timeout_add (g_random_int_range (0, 20), leave_in_storm_cb, claim);
    }
  else
    g_timeout_add (50, storm_cb, claim);
}

static void
storm (Claim *claim)
{
  if (now () < claim->end)
    lf_lock_acquire_with_timeout_async (claim->lock, 5, G_PRIORITY_DEFAULT, NULL,
                                        entered_in_storm_cb, claim);
  else
    end_storm (claim);
}

static void
query (Claim      *claim,
       const char *what)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LfLockHolder) holder = NULL;
  g_autofree char *text = NULL;
  gboolean is_locked;

  if (g_str_equal (what, "locked"))
    {
      is_locked = lf_lock_is_locked (claim->lock, NULL, &error);
      report_result (claim->name, is_locked ? "locked yes" : "locked no", error);
      return;
    }

  holder = lf_lock_query_holder (claim->lock, NULL, &error);
  if (holder != NULL)
    text = lf_lock_holder_to_string (holder);
  if (error == NULL)
    report (claim->name, "holder %s", text != NULL ? text : "nobody");
  else
    report_error (claim->name, "error", error);
}

static void
get (Claim      *claim,
     const char *property)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autofree char *text = NULL;

  g_object_get_property (G_OBJECT (claim->lock), property, &value);
  text = G_VALUE_HOLDS_STRING (&value) ? g_value_dup_string (&value) : g_strdup_value_contents (&value);
  report (claim->name, "value %s", text);
}

static void
obey (char **words)
{
  g_autoptr (GError) error = NULL;
  const char *command = words[0];
  Claim *claim;

  if (g_str_equal (command, "new"))
    {
      make_claim (words);
      return;
    }

  claim = g_hash_table_lookup (claims, words[1]);
  if (claim == NULL)
    g_error ("No such lock: %s", words[1]);

  if (g_str_equal (command, "acquire"))
    {
      lf_lock_acquire_with_timeout_async (claim->lock, timeout_of (claim, words),
                                          G_PRIORITY_DEFAULT, claim->cancellable, acquired_cb,
                                          claim);
    }
  else if (g_str_equal (command, "acquire-sync"))
    {
      (void) !lf_lock_acquire_with_timeout (claim->lock, timeout_of (claim, words), NULL, &error);
      report_grant (claim, error);
    }
  else if (g_str_equal (command, "try"))
    {
      (void) !lf_lock_try_acquire (claim->lock, &error);
      report_grant (claim, error);
    }
  else if (g_str_equal (command, "release"))
    {
      lf_lock_release (claim->lock, &error);
      report_result (claim->name, "released", error);
    }
  else if (g_str_equal (command, "release-async"))
    {
      lf_lock_release_async (claim->lock, G_PRIORITY_DEFAULT, NULL, released_cb, claim);
    }
  else if (g_str_equal (command, "break"))
    {
      lf_lock_break_lock (claim->lock, NULL, &error);
      report_result (claim->name, "broken", error);
    }
  else if (g_str_equal (command, "verify"))
    {
      lf_lock_verify (claim->lock, &error);
      report_result (claim->name, "verified", error);
    }
  else if (g_str_equal (command, "cancel"))
    {
      g_cancellable_cancel (claim->cancellable);
      g_object_unref (claim->cancellable);
      claim->cancellable = g_cancellable_new ();
    }
  else if (g_str_equal (command, "drop"))
    {
      /* What it waits for may still be reported */
      g_clear_object (&claim->lock);
      report (claim->name, "ok");
    }
  else if (g_str_equal (command, "get"))
    {
      get (claim, words[2]);
    }
  else if (g_str_equal (command, "set"))
    {
      set_property (claim, words[2]);
      report (claim->name, "ok");
    }
  else if (g_str_equal (command, "tick"))
    {
      g_timeout_add_full (G_PRIORITY_HIGH, 100, tick_cb, claim, NULL);
    }
  else if (g_str_equal (command, "count"))
    {
      count (claim, words[2], atoi (words[3]));
    }
  else if (g_str_equal (command, "storm"))
    {
      claim->journal = open (words[2], O_WRONLY | O_APPEND | O_CLOEXEC);
      claim->end = now () + g_ascii_strtoll (words[3], NULL, 10) * 1000;
      g_assert_cmpint (claim->journal, >=, 0);
      storm (claim);
    }
  else
    {
      query (claim, command);
    }
}

static void
line_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  GDataInputStream *input = G_DATA_INPUT_STREAM (object);
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line_finish (input, result, NULL, &error);
  g_auto (GStrv) words = NULL;

  g_assert_no_error (error);
  if (line == NULL)
    {
      g_main_loop_quit (loop);
      return;
    }

  words = g_strsplit (line, " ", -1);
  obey (words);
  g_data_input_stream_read_line_async (input, G_PRIORITY_DEFAULT, NULL, line_cb, NULL);
}

int
main (void)
{
  g_autoptr (GInputStream) commands = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GDataInputStream) lines = g_data_input_stream_new (commands);

  /* It does not outlive the test */
  prctl (PR_SET_PDEATHSIG, SIGKILL);

  loop = g_main_loop_new (NULL, FALSE);
  claims = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, claim_free);
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, line_cb, NULL);
  g_main_loop_run (loop);

  g_hash_table_unref (claims);
  g_main_loop_unref (loop);

  return 0;
}
