/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "child.h"
#include "descriptor.h"
#include "holding.h"
#include "loss.h"

/* The library would round a shorter one up */
#define MIN_LEASE_DURATION 2
#define MAX_LEASE_DURATION 86400

/* The kind of lock; the last option on the command line wins. */
typedef enum
{
  KIND_EXCLUSIVE,
  KIND_SHARED,
  KIND_UNLOCK,
} Kind;

/* What to do if the lock is lost while the command runs. Without the option, a remote lock
 * kills the command: others may hold the lock as soon as it is lost. */
typedef enum
{
  ON_LOST_TELL_AT_END,
  ON_LOST_KILL,
  ON_LOST_WARN,
  ON_LOST_IGNORE,
} OnLost;

static const char *const on_lost_names[] = {
  [ON_LOST_KILL] = "kill", [ON_LOST_WARN] = "warn", [ON_LOST_IGNORE] = "ignore",
};

typedef struct
{
  Kind kind;
  OnLost on_lost;
  gboolean nonblock;
  gboolean remove;
  gboolean quiet;
  gboolean verbose;
  gboolean close;
  gboolean no_fork;
  gboolean fcntl;
  gboolean version;
  gboolean inherit;
  int slots; /* COMMAND_NO_SLOTS without the option */
  double timeout;
  double lease_duration;
  int conflict_exit_status;
  char *backend_name;
  LfBackend backend; /* of this name */
} Options;

/* What the arguments mean: a lock and a command, or an open descriptor. */
typedef struct
{
  const char *name;
  char **command; /* NULL for a descriptor */
  int fd;
  char *shell_command[4]; /* room for the command of -c */
} Target;

static double
options_get_timeout (const Options *self)
{
  return self->nonblock ? 0 : self->timeout;
}

/* Whether somebody else has the lock. The messages for these errors are for people. */
static gboolean
is_conflict (const GError *error)
{
  return g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED) ||
         g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
}

/* Describes one of the holders, and says how many there are. NULL if there is none. */
static char *
describe_holders (LfLock *lock)
{
  g_autoptr (GPtrArray) holdings = holdings_query (lock, NULL);
  g_autofree char *first = NULL;

  if (holdings == NULL || holdings->len == 0)
    return NULL;

  first = holding_describe (g_ptr_array_index (holdings, 0));
  if (holdings->len == 1)
    return g_steal_pointer (&first);

  return g_strdup_printf (_("%s (one of %u holders)"), first, holdings->len);
}

static void
say_that_it_waits (const char *name,
                   LfLock     *lock)
{
  g_autofree char *display_name = g_filename_display_name (name);
  g_autofree char *holders = describe_holders (lock);

  if (holders != NULL)
    command_complain (_("Waiting for %s, held by %s"), display_name, holders);
}

/* The library does not search for a holder when it fails, since that would delay other
 * programs. Here the message is for a user. */
static void
complain_of_failure (LfLock       *lock,
                     const GError *error)
{
  g_autofree char *display_name = lf_lock_get_display_name (lock);
  g_autofree char *holders = is_conflict (error) ? describe_holders (lock) : NULL;

  if (holders == NULL)
    command_complain ("%s", error->message);
  else if (error->code == LF_LOCK_ERROR_TIMED_OUT)
    command_complain (_("Timed out waiting to lock %s: held by %s"), display_name, holders);
  else
    command_complain (_("%s is locked already: held by %s"), display_name, holders);
}

/* Reports a failure, and returns the exit status. */
static int
fail (LfLock        *lock,
      const Options *options,
      const GError  *error)
{
  int status = command_get_exit_status (error);

  if (!is_conflict (error) || !options->quiet)
    complain_of_failure (lock, error);

  return status == EX_TEMPFAIL ? options->conflict_exit_status : status;
}

static gboolean
may_say_that_it_waits (const Options *options)
{
  return !options->quiet && options_get_timeout (options) != 0 && isatty (STDERR_FILENO);
}

static gboolean
acquire (LfLock         *lock,
         const char     *name,
         const Options  *options,
         GError        **error)
{
  g_autoptr (GError) try_error = NULL;

  if (may_say_that_it_waits (options))
    {
      if (lf_lock_try_acquire (lock, &try_error))
        return TRUE;

      if (g_error_matches (try_error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
        say_that_it_waits (name, lock);
    }

  return lf_lock_acquire_with_timeout (lock, options_get_timeout (options), NULL, error);
}

/* Says what flock(1) says, also on standard output. */
static void
tell_how_long_it_took (gint64 begin)
{
  double seconds = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, "%.6f", seconds);
  command_print (_("lf-lock: getting lock took %s seconds"), text);
}

static void
tell_what_it_executes (const char *program)
{
  g_autofree char *display_name = g_filename_display_name (program);

  command_print (_("lf-lock: executing %s"), display_name);
}

/* The file whose existence the lock needs; NULL for a remote lock. */
static char *
get_path (LfLock *lock,
          guint   slot)
{
  if (LF_IS_LOCK_FILE (lock))
    return g_strdup (lf_lock_file_get_path (LF_LOCK_FILE (lock)));
  if (LF_IS_SEMAPHORE (lock))
    return command_get_slot_path (lf_semaphore_get_path (LF_SEMAPHORE (lock)), slot);

  return NULL;
}

/* A command that runs with the lock. */
typedef struct
{
  const Options *options;
  guint slot; /* of a semaphore */
  Loss loss;
  int is_lost; /* atomic: the loss was already reported */
} Run;

static gboolean
exists (const char *path)
{
  return g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_SYMLINK);
}

/* A lock whose lease ended stays at its path until somebody takes it over. */
static gboolean
may_have_ended (const Run    *run,
                const GError *error)
{
  return run->options->lease_duration != 0 && error->code == LF_UNLOCK_ERROR_NOT_LOCKED;
}

static void
complain_of_loss (const Run    *run,
                  LfLock       *lock,
                  const GError *error)
{
  g_autofree char *path = get_path (lock, run->slot);
  g_autofree char *display_name = path != NULL ? g_filename_display_name (path)
                                               : lf_lock_get_display_name (lock);
  gboolean is_at_path = path != NULL && exists (path);

  if (error->domain != LF_UNLOCK_ERROR || error->code == LF_UNLOCK_ERROR_FAILED)
    command_complain ("%s", error->message);
  else if (path == NULL || (is_at_path && may_have_ended (run, error)))
    command_complain (_("The lock of %s was lost while the command ran: %s"), display_name,
                      error->message);
  else if (is_at_path)
    command_complain (_("%s was replaced while the command ran, so the lock was lost: %s"),
                      display_name, error->message);
  else
    command_complain (_("%s was removed while the command ran, so the lock was lost: %s"),
                      display_name, error->message);
}

static void
lost_cb (LfLock       *lock,
         const GError *reason,
         gpointer      data)
{
  Run *run = data;

  complain_of_loss (run, lock, reason);
  g_atomic_int_set (&run->is_lost, TRUE);
  if (run->options->on_lost == ON_LOST_KILL)
    signals_end_command ();
}

static gboolean
acquire_to_run (Run         *run,
                LfLock      *lock,
                const char  *name,
                GError     **error)
{
  gboolean result;

  if (run->options->on_lost == ON_LOST_KILL || run->options->on_lost == ON_LOST_WARN)
    loss_begin (&run->loss, lock, lost_cb, run);
  result = acquire (lock, name, run->options, error);
  loss_end (&run->loss);

  return result;
}

/* Tells the command what it holds. */
static void
set_environment (Run    *run,
                 LfLock *lock)
{
  if (LF_IS_SEMAPHORE (lock))
    {
      g_autofree char *text = NULL;

      run->slot = lf_semaphore_get_slot (LF_SEMAPHORE (lock));
      text = g_strdup_printf ("%u", run->slot);
      g_setenv ("LF_SLOT", text, TRUE);
    }

  /* Not that of another lock, which a command around this one may have */
  g_unsetenv ("LF_FENCING_TOKEN");
  if (LF_IS_REMOTE_LOCK (lock))
    {
      gint64 token = lf_remote_lock_get_fencing_token (LF_REMOTE_LOCK (lock));
      g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, token);

      g_setenv ("LF_FENCING_TOKEN", text, TRUE);
    }
}

/* Losing the lock while the command runs is a failure. */
static int
release (Run    *run,
         LfLock *lock,
         int     status)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_release (lock, &error) || run->options->on_lost == ON_LOST_IGNORE)
    return status;

  if (!run->is_lost)
    complain_of_loss (run, lock, error);
  if (run->is_lost && run->options->on_lost == ON_LOST_KILL)
    return EX_PROTOCOL;

  return status == EX_OK ? command_get_exit_status (error) : status;
}

static void
set_up_lock_file (LfLockFile    *lock_file,
                  const Options *options)
{
  lf_lock_file_set_mode (lock_file, options->kind == KIND_SHARED ? LF_LOCK_MODE_SHARED
                                                                 : LF_LOCK_MODE_EXCLUSIVE);
  lf_lock_file_set_remove_on_release (lock_file, options->remove);
  lf_lock_file_set_lease_duration (lock_file, options->lease_duration);
}

static LfLock *
new_lock (const char     *name,
          const Options  *options,
          GError        **error)
{
  LfLock *lock;

  if (options->slots != COMMAND_NO_SLOTS)
    return LF_LOCK (lf_semaphore_new (name, (guint) options->slots));

  lock = command_new_lock (name, options->backend, error);
  if (LF_IS_LOCK_FILE (lock))
    set_up_lock_file (LF_LOCK_FILE (lock), options);
  else if (LF_IS_REMOTE_LOCK (lock) && options->lease_duration != 0)
    lf_remote_lock_set_lease_duration (LF_REMOTE_LOCK (lock),
                                       (guint) ceil (MIN (options->lease_duration,
                                                          MAX_LEASE_DURATION)));

  return lock;
}

/* Only a flock(2) lock belongs to a descriptor and nothing else. */
static gboolean
is_flock (LfLockFile *lock_file)
{
  if (lf_lock_file_get_backend (lock_file) == LF_BACKEND_FLOCK)
    return TRUE;

  command_complain (_("Only a lock of the backend flock can be kept by a descriptor"));
  return FALSE;
}

/* The command and the processes that it starts keep the lock, so this does not unlock it. */
static int
run_inherited (Target *target,
               int     fd)
{
  Signals signals;
  int status;

  signals_block (&signals, FALSE);
  status = child_run (target->command, &signals, fd);
  close (fd);
  child_die_alike (&signals);

  return status;
}

static int
run_locked (Target        *target,
            const Options *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LfLock) lock = new_lock (target->name, options, &error);
  gint64 begin = g_get_monotonic_time ();
  Run run = { .options = options };
  Signals signals;
  int status;

  if (lock == NULL)
    {
      command_complain ("%s", error->message);
      return command_get_exit_status (error);
    }
  if ((options->no_fork || options->inherit) && !is_flock (LF_LOCK_FILE (lock)))
    return EX_UNAVAILABLE;

  /* Until lf-lock has the lock, a signal ends it */
  if (!acquire_to_run (&run, lock, target->name, &error))
    return fail (lock, options, error);

  if (options->verbose)
    {
      tell_how_long_it_took (begin);
      tell_what_it_executes (target->command[0]);
    }

  if (options->no_fork)
    return child_replace (target->command, lf_lock_file_get_fd (LF_LOCK_FILE (lock)));

  if (options->inherit)
    return run_inherited (target, lf_lock_file_steal_fd (LF_LOCK_FILE (lock)));

  set_environment (&run, lock);
  signals_block (&signals, options->on_lost == ON_LOST_KILL);
  loss_start (&run.loss);
  status = child_run (target->command, &signals, -1);
  loss_stop (&run.loss);
  status = release (&run, lock, status);
  child_die_alike (&signals);

  return status;
}

/* The lock stays with the open file description after lf-lock has ended. */
static int
lock_descriptor (int            fd,
                 const Options *options)
{
  static const int operations[] = {
    [KIND_EXCLUSIVE] = LOCK_EX, [KIND_SHARED] = LOCK_SH, [KIND_UNLOCK] = LOCK_UN
  };
  int operation = operations[options->kind];
  g_autofree char *name = descriptor_get_name (fd);
  g_autoptr (LfLockFile) lock_file = lf_lock_file_new_with_backend (name, options->backend);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  if (!is_flock (lock_file))
    return EX_UNAVAILABLE;

  if (may_say_that_it_waits (options) && !descriptor_lock (fd, operation, 0, &error))
    {
      if (is_conflict (error))
        say_that_it_waits (name, LF_LOCK (lock_file));
      g_clear_error (&error);
    }

  if (!descriptor_lock (fd, operation, options_get_timeout (options), &error))
    return fail (LF_LOCK (lock_file), options, error);

  if (options->verbose)
    tell_how_long_it_took (begin);

  return EX_OK;
}

static int
run (Target        *target,
     const Options *options)
{
  if (target->command == NULL)
    return lock_descriptor (target->fd, options);

  return run_locked (target, options);
}

/* Handles the "-c COMMAND" of flock(1), after the path. */
static gboolean
take_shell_command (Target  *target,
                    char   **arguments)
{
  const char *shell = g_getenv ("SHELL");

  if (arguments[1] == NULL || arguments[2] != NULL)
    {
      command_complain_of_usage (_("%s needs one command, as a single argument"), arguments[0]);
      return FALSE;
    }

  target->shell_command[0] = (char *) (shell != NULL && *shell != '\0' ? shell : "/bin/sh");
  target->shell_command[1] = (char *) "-c";
  target->shell_command[2] = arguments[1];
  target->command = target->shell_command;

  return TRUE;
}

/* Splits the arguments: "PATH -- COMMAND ARGUMENT...", where "--" may be omitted, "PATH -c
 * COMMAND" or "NUMBER". */
static gboolean
find_target (GStrv   arguments,
             Target *target)
{
  char **rest;

  if (arguments != NULL && arguments[1] == NULL && descriptor_parse (arguments[0], &target->fd))
    return TRUE;

  rest = arguments != NULL ? arguments + 1 : NULL;
  if (rest != NULL && (g_strcmp0 (*rest, "-c") == 0 || g_strcmp0 (*rest, "--command") == 0))
    {
      target->name = arguments[0];
      return take_shell_command (target, rest);
    }

  if (rest != NULL && g_strcmp0 (*rest, "--") == 0)
    rest++;
  if (rest == NULL || *rest == NULL)
    {
      command_complain_of_usage (_("A path and a command are needed, or a descriptor's number"));
      return FALSE;
    }

  target->name = arguments[0];
  target->command = rest;

  return TRUE;
}

static gboolean
is_remote (const Target *target)
{
  return target->command != NULL && command_is_remote (target->name);
}

static gboolean
check_options (const Options *options,
               const Target  *target)
{
  if (!isfinite (options->timeout))
    {
      command_complain_of_usage (_("The timeout must be a number of seconds"));
      return FALSE;
    }

  if (options->lease_duration != 0 &&
      !(options->lease_duration >= MIN_LEASE_DURATION && isfinite (options->lease_duration)))
    {
      command_complain_of_usage (_("The duration of a lease must be 0, or at least %d seconds"),
                                 MIN_LEASE_DURATION);
      return FALSE;
    }

  if (options->conflict_exit_status < 0 || options->conflict_exit_status > 255)
    {
      command_complain_of_usage (_("The exit status must be between 0 and 255"));
      return FALSE;
    }

  if (options->no_fork && options->close)
    {
      command_complain_of_usage (_("With both --no-fork and --close, nobody would hold the lock"));
      return FALSE;
    }

  if (options->remove && (options->no_fork || target->command == NULL))
    {
      command_complain_of_usage (_("With a descriptor or --no-fork, lf-lock cannot remove the "
                                   "file at the end"));
      return FALSE;
    }

  if (options->inherit && options->close)
    {
      command_complain_of_usage (_("--close and --inherit exclude each other"));
      return FALSE;
    }

  if (options->inherit && options->remove)
    {
      command_complain_of_usage (_("--remove and --inherit exclude each other: the command may "
                                   "keep the lock"));
      return FALSE;
    }

  if (is_remote (target) &&
      (options->kind == KIND_SHARED || options->remove || options->no_fork || options->inherit ||
       options->slots != COMMAND_NO_SLOTS || options->fcntl || options->backend_name != NULL))
    {
      command_complain_of_usage (_("A remote lock excludes --shared, --remove, --no-fork, "
                                   "--inherit, --slots and --backend"));
      return FALSE;
    }

  if (!command_check_slots (options->slots))
    return FALSE;

  if (options->slots != COMMAND_NO_SLOTS &&
      (target->command == NULL || options->kind != KIND_EXCLUSIVE || options->remove ||
       options->no_fork || options->inherit || options->fcntl || options->backend_name != NULL))
    {
      command_complain_of_usage (_("--slots needs a command, and excludes --shared, --remove, "
                                   "--no-fork, --inherit and --backend"));
      return FALSE;
    }

  if (options->on_lost != ON_LOST_TELL_AT_END &&
      (target->command == NULL || options->no_fork || options->inherit ||
       options->slots != COMMAND_NO_SLOTS))
    {
      command_complain_of_usage (_("--on-lost needs a command, and excludes --no-fork, --inherit "
                                   "and --slots"));
      return FALSE;
    }

  if (options->lease_duration != 0 &&
      (target->command == NULL || options->no_fork || options->inherit ||
       options->slots != COMMAND_NO_SLOTS))
    {
      command_complain_of_usage (_("--lease-duration needs a command, and excludes --no-fork, "
                                   "--inherit and --slots"));
      return FALSE;
    }

  if (options->kind == KIND_UNLOCK && target->command != NULL)
    {
      command_complain_of_usage (_("Only the lock of a descriptor can be released"));
      return FALSE;
    }

  return TRUE;
}

/* After the options were checked: sets those that depend on others. */
static gboolean
complete_options (Options      *options,
                  const Target *target)
{
  if (is_remote (target) && options->on_lost == ON_LOST_TELL_AT_END)
    options->on_lost = ON_LOST_KILL;

  return command_find_backend (options->fcntl ? "fcntl" : options->backend_name,
                               &options->backend);
}

static gboolean
set_kind_cb (const char  *name,
             const char  *value,
             gpointer     data,
             GError     **error)
{
  Options *options = data;

  if (g_str_equal (name, "-s") || g_str_equal (name, "--shared"))
    options->kind = KIND_SHARED;
  else if (g_str_equal (name, "-u") || g_str_equal (name, "--unlock"))
    options->kind = KIND_UNLOCK;
  else
    options->kind = KIND_EXCLUSIVE;

  return TRUE;
}

static gboolean
set_on_lost_cb (const char  *name,
                const char  *value,
                gpointer     data,
                GError     **error)
{
  Options *options = data;

  for (gsize i = ON_LOST_KILL; i < G_N_ELEMENTS (on_lost_names); i++)
    {
      if (g_str_equal (value, on_lost_names[i]))
        {
          options->on_lost = (OnLost) i;
          return TRUE;
        }
    }

  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               _("%s must be kill, warn or ignore"), name);
  return FALSE;
}

#define KIND_ENTRY(long_name, letter, flags, description) \
  { (long_name), (letter), G_OPTION_FLAG_NO_ARG | (flags), G_OPTION_ARG_CALLBACK, \
    (gpointer) set_kind_cb, (description), NULL }

int
command_run (char **argv)
{
  Options options = {
    .timeout = -1,
    .conflict_exit_status = EX_TEMPFAIL,
    .slots = COMMAND_NO_SLOTS,
  };
  Target target = { .fd = -1 };
  g_auto (GStrv) arguments = NULL;
  const GOptionEntry entries[] = {
    KIND_ENTRY ("exclusive", 'x', 0, N_("Get an exclusive lock (default)")),
    KIND_ENTRY ("shared", 's', 0, N_("Get a shared lock, which excludes only exclusive locks")),
    KIND_ENTRY ("unlock", 'u', 0, N_("Release the lock of a descriptor")),
    { "nonblock", 'n', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.nonblock,
      N_("Do not wait"), NULL },
    { "timeout", 'w', G_OPTION_FLAG_NONE, G_OPTION_ARG_DOUBLE, &options.timeout,
      N_("Wait no longer than this"), N_("SECONDS") },
    { "conflict-exit-code", 'E', G_OPTION_FLAG_NONE, G_OPTION_ARG_INT,
      &options.conflict_exit_status,
      N_("Exit status if somebody else holds the lock (75)"), N_("NUMBER") },
    { "quiet", 'q', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.quiet,
      N_("Print no message if somebody else holds the lock"), NULL },
    { "verbose", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.verbose,
      N_("Print how long it took to get the lock, and what is executed"), NULL },
    { "remove", 'r', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.remove,
      N_("Remove the lock file at the end, if it is empty"), NULL },
    { "close", 'o', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.close,
      N_("Do not pass the lock to the command (default)"), NULL },
    { "no-fork", 'F', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.no_fork,
      N_("Become the command, which then holds the lock"), NULL },
    { "inherit", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.inherit,
      N_("Let the command inherit the lock, as with flock(1)"), NULL },
    { "slots", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_INT, &options.slots,
      N_("Let this many hold the lock at once"), N_("NUMBER") },
    { "lease-duration", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_DOUBLE, &options.lease_duration,
      N_("Renew the lock, so that others may take it over this long after a crash"),
      N_("SECONDS") },
    { "on-lost", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_CALLBACK, (gpointer) set_on_lost_cb,
      N_("If the lock is lost, kill the command, warn at once, or ignore it"), N_("ACTION") },
    COMMAND_BACKEND_ENTRY (&options.backend_name),
    /* flock(1)'s other names for these options */
    KIND_ENTRY ("exclusive", 'e', G_OPTION_FLAG_HIDDEN, NULL),
    { "nb", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.nonblock, NULL, NULL },
    { "nonblocking", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.nonblock, NULL, NULL },
    { "wait", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_DOUBLE, &options.timeout, NULL, NULL },
    { "fcntl", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.fcntl, NULL, NULL },
    { "version", 'V', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.version, NULL, NULL },
    { G_OPTION_REMAINING, 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME_ARRAY, &arguments,
      NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  GOptionContext *context =
    g_option_context_new (N_("PATH -- COMMAND [ARGUMENT...] | PATH -c COMMAND | NUMBER"));
  int status = EX_USAGE;

  g_option_context_set_summary (context, N_("Runs a command while holding a lock."));
  g_option_context_set_description (
    context, N_("The exit status is that of the command. It is 75 if somebody else holds the\n"
                "lock, and 76 if the command succeeded, but the lock file was removed or replaced\n"
                "while it ran."));
  /* Options after the path belong to the command */
  g_option_context_set_strict_posix (context, TRUE);

  if (!command_parse (context, entries, argv, &options))
    status = EX_USAGE;
  else if (options.version)
    {
      command_print_version ();
      status = EX_OK;
    }
  else if (find_target (arguments, &target) && check_options (&options, &target) &&
           complete_options (&options, &target))
    status = run (&target, &options);

  g_free (options.backend_name);

  return status;
}
