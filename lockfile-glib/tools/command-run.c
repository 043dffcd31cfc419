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

/* The kind of lock; the last option on the command line wins. */
typedef enum
{
  KIND_EXCLUSIVE,
  KIND_SHARED,
  KIND_UNLOCK,
} Kind;

/* What to do if the lock is lost while the command runs. */
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
  int conflict_exit_status;
  char *backend_name;
} Options;

/* What the arguments mean: a path and a command, or an open descriptor. */
typedef struct
{
  const char *path;
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

static char *
describe_holdings (GPtrArray *holdings)
{
  g_autofree char *first = NULL;

  if (holdings == NULL || holdings->len == 0)
    return NULL;

  first = holding_describe (g_ptr_array_index (holdings, 0));
  if (holdings->len == 1)
    return g_steal_pointer (&first);

  return g_strdup_printf (_("%s (one of %u holders)"), first, holdings->len);
}

/* Describes one of the holders, and says how many there are. NULL if there is none. */
static char *
describe_holders (LfLockFile *lock_file)
{
  g_autoptr (GPtrArray) holdings = holdings_query (lock_file, NULL);

  return describe_holdings (holdings);
}

/* The same for all slots. */
static char *
describe_slot_holders (LfSemaphore *semaphore)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) holding_free);

  for (guint slot = 1; slot <= lf_semaphore_get_slots (semaphore); slot++)
    {
      g_autofree char *path = command_get_slot_path (lf_semaphore_get_path (semaphore), slot);
      g_autoptr (LfLockFile) lock_file = lf_lock_file_new (path);
      GPtrArray *holdings = holdings_query (lock_file, NULL);

      if (holdings != NULL)
        g_ptr_array_extend_and_steal (all, holdings);
    }

  return describe_holdings (all);
}

static void
say_that_it_waits (const char *path,
                   const char *holders)
{
  g_autofree char *display_name = g_filename_display_name (path);

  if (holders != NULL)
    command_complain (_("Waiting for %s, held by %s"), display_name, holders);
}

/* The library does not search for a holder when it fails, since that would delay other
 * programs. Here the message is for a user. */
static void
complain_of_failure (const char   *path,
                     const char   *holders,
                     const GError *error)
{
  g_autofree char *display_name = NULL;

  if (holders == NULL)
    {
      command_complain ("%s", error->message);
      return;
    }

  display_name = g_filename_display_name (path);
  if (error->code == LF_LOCK_ERROR_TIMED_OUT)
    command_complain (_("Timed out waiting to lock %s: held by %s"), display_name, holders);
  else
    command_complain (_("%s is locked already: held by %s"), display_name, holders);
}

/* Reports a failure, and returns the exit status. */
static int
fail_beside (const char    *path,
             const char    *holders,
             const Options *options,
             const GError  *error)
{
  int status = command_get_exit_status (error);

  if (!is_conflict (error) || !options->quiet)
    complain_of_failure (path, holders, error);

  return status == EX_TEMPFAIL ? options->conflict_exit_status : status;
}

static int
fail (LfLockFile    *lock_file,
      const Options *options,
      const GError  *error)
{
  gboolean asks = is_conflict (error) && !options->quiet;
  g_autofree char *holders = asks ? describe_holders (lock_file) : NULL;

  return fail_beside (lf_lock_file_get_path (lock_file), holders, options, error);
}

static gboolean
may_say_that_it_waits (const Options *options)
{
  return !options->quiet && options_get_timeout (options) != 0 && isatty (STDERR_FILENO);
}

static gboolean
acquire (LfLockFile     *lock_file,
         const char     *path,
         const Options  *options,
         GError        **error)
{
  g_autoptr (GError) try_error = NULL;

  if (may_say_that_it_waits (options))
    {
      if (lf_lock_file_try_acquire (lock_file, &try_error))
        return TRUE;

      if (g_error_matches (try_error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
        {
          g_autofree char *holders = describe_holders (lock_file);

          say_that_it_waits (path, holders);
        }
    }

  return lf_lock_file_acquire_with_timeout (lock_file, options_get_timeout (options), NULL, error);
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

static void
complain_of_loss (const char   *path,
                  const GError *error)
{
  g_autofree char *display_name = g_filename_display_name (path);

  if (error->domain != LF_UNLOCK_ERROR || error->code == LF_UNLOCK_ERROR_FAILED)
    command_complain ("%s", error->message);
  else if (g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    command_complain (_("%s was replaced while the command ran, so the lock was lost: %s"),
                      display_name, error->message);
  else
    command_complain (_("%s was removed while the command ran, so the lock was lost: %s"),
                      display_name, error->message);
}

/* A command that runs with the lock. */
typedef struct
{
  const Options *options;
  Loss loss;
  int is_lost; /* atomic: the loss was already reported */
} Run;

static void
lost_cb (LfLockFile   *lock_file,
         const GError *reason,
         gpointer      data)
{
  Run *run = data;

  complain_of_loss (lf_lock_file_get_path (lock_file), reason);
  g_atomic_int_set (&run->is_lost, TRUE);
  if (run->options->on_lost == ON_LOST_KILL)
    signals_end_command ();
}

static gboolean
acquire_to_run (Run         *run,
                LfLockFile  *lock_file,
                const char  *path,
                GError     **error)
{
  gboolean result;

  if (run->options->on_lost == ON_LOST_KILL || run->options->on_lost == ON_LOST_WARN)
    loss_begin (&run->loss, lock_file, lost_cb, run);
  result = acquire (lock_file, path, run->options, error);
  loss_end (&run->loss);

  return result;
}

/* Losing the lock while the command runs is a failure. */
static int
release (Run        *run,
         LfLockFile *lock_file,
         int         status)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_release (lock_file, &error) || run->options->on_lost == ON_LOST_IGNORE)
    return status;

  if (!run->is_lost)
    complain_of_loss (lf_lock_file_get_path (lock_file), error);
  if (run->is_lost && run->options->on_lost == ON_LOST_KILL)
    return EX_PROTOCOL;

  return status == EX_OK ? command_get_exit_status (error) : status;
}

static LfLockFile *
new_lock_file (const char    *path,
               const Options *options)
{
  LfLockFile *lock_file =
    command_new_lock_file (path, options->fcntl ? "fcntl" : options->backend_name);

  if (lock_file == NULL)
    return NULL;

  lf_lock_file_set_mode (lock_file, options->kind == KIND_SHARED ? LF_LOCK_MODE_SHARED
                                                                 : LF_LOCK_MODE_EXCLUSIVE);
  lf_lock_file_set_remove_on_release (lock_file, options->remove);

  return lock_file;
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
  g_autoptr (LfLockFile) lock_file = new_lock_file (target->path, options);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();
  Run run = { .options = options };
  Signals signals;
  int status;

  if (lock_file == NULL)
    return EX_USAGE;
  if ((options->no_fork || options->inherit) && !is_flock (lock_file))
    return EX_UNAVAILABLE;

  /* Until lf-lock has the lock, a signal ends it */
  if (!acquire_to_run (&run, lock_file, target->path, &error))
    return fail (lock_file, options, error);

  if (options->verbose)
    {
      tell_how_long_it_took (begin);
      tell_what_it_executes (target->command[0]);
    }

  if (options->no_fork)
    return child_replace (target->command, lf_lock_file_get_fd (lock_file));

  if (options->inherit)
    return run_inherited (target, lf_lock_file_steal_fd (lock_file));

  signals_block (&signals, options->on_lost == ON_LOST_KILL);
  loss_start (&run.loss);
  status = child_run (target->command, &signals, -1);
  loss_stop (&run.loss);
  status = release (&run, lock_file, status);
  child_die_alike (&signals);

  return status;
}

static gboolean
acquire_slot (LfSemaphore    *semaphore,
              const char     *path,
              const Options  *options,
              GError        **error)
{
  g_autoptr (GError) try_error = NULL;

  if (may_say_that_it_waits (options))
    {
      if (lf_semaphore_try_acquire (semaphore, &try_error))
        return TRUE;

      if (g_error_matches (try_error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
        {
          g_autofree char *holders = describe_slot_holders (semaphore);

          say_that_it_waits (path, holders);
        }
    }

  return lf_semaphore_acquire_with_timeout (semaphore, options_get_timeout (options), NULL, error);
}

/* Passes the number of the slot to the command. */
static int
run_in_slot (Target        *target,
             const Options *options)
{
  g_autoptr (LfSemaphore) semaphore = lf_semaphore_new (target->path, (guint) options->slots);
  g_autoptr (GError) error = NULL;
  g_autofree char *slot = NULL;
  gint64 begin = g_get_monotonic_time ();
  Signals signals;
  int status;

  if (!acquire_slot (semaphore, target->path, options, &error))
    {
      gboolean asks = is_conflict (error) && !options->quiet;
      g_autofree char *holders = asks ? describe_slot_holders (semaphore) : NULL;

      return fail_beside (lf_semaphore_get_path (semaphore), holders, options, error);
    }

  if (options->verbose)
    {
      tell_how_long_it_took (begin);
      tell_what_it_executes (target->command[0]);
    }

  slot = g_strdup_printf ("%u", lf_semaphore_get_slot (semaphore));
  g_setenv ("LF_SLOT", slot, TRUE);

  signals_block (&signals, FALSE);
  status = child_run (target->command, &signals, -1);
  if (!lf_semaphore_release (semaphore, &error))
    {
      g_autofree char *path = command_get_slot_path (lf_semaphore_get_path (semaphore),
                                                     (guint) atoi (slot));

      complain_of_loss (path, error);
      status = status == EX_OK ? command_get_exit_status (error) : status;
    }
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
  g_autoptr (LfLockFile) lock_file = new_lock_file (name, options);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  if (lock_file == NULL)
    return EX_USAGE;
  if (!is_flock (lock_file))
    return EX_UNAVAILABLE;

  if (may_say_that_it_waits (options) && !descriptor_lock (fd, operation, 0, &error))
    {
      if (is_conflict (error))
        {
          g_autofree char *holders = describe_holders (lock_file);

          say_that_it_waits (name, holders);
        }
      g_clear_error (&error);
    }

  if (!descriptor_lock (fd, operation, options_get_timeout (options), &error))
    return fail (lock_file, options, error);

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

  if (options->slots != COMMAND_NO_SLOTS)
    return run_in_slot (target, options);

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
      target->path = arguments[0];
      return take_shell_command (target, rest);
    }

  if (rest != NULL && g_strcmp0 (*rest, "--") == 0)
    rest++;
  if (rest == NULL || *rest == NULL)
    {
      command_complain_of_usage (_("A path and a command are needed, or a descriptor's number"));
      return FALSE;
    }

  target->path = arguments[0];
  target->command = rest;

  return TRUE;
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

  if (options->kind == KIND_UNLOCK && target->command != NULL)
    {
      command_complain_of_usage (_("Only the lock of a descriptor can be released"));
      return FALSE;
    }

  return TRUE;
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
  else if (find_target (arguments, &target) && check_options (&options, &target))
    status = run (&target, &options);

  g_free (options.backend_name);

  return status;
}
