/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "command.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

/* As shells and env(1) have it */
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127
#define EXIT_SIGNALLED 128

typedef struct
{
  gboolean shared;
  gboolean nonblock;
  gboolean remove;
  double timeout;
  int conflict_exit_status;
  char *backend_name;
} Options;

/* The signals that are for the command while it runs */
static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

typedef struct
{
  sigset_t old_mask;
  sigset_t awaited;  /* those and SIGCHLD: blocked, and waited for */
  sigset_t received; /* so far */
  int fatal;         /* what ended the command, or 0 */
} Signals;

/* SIGCHLD needs a handler, though it is never called: some systems forget a
 * blocked signal that would be ignored, and ours may be started with it ignored. */
static void
ignore_cb (int number)
{
}

static void
signals_block (Signals *self)
{
  struct sigaction action = { .sa_handler = ignore_cb, .sa_flags = SA_RESTART };

  self->fatal = 0;
  sigemptyset (&self->received);
  sigemptyset (&self->awaited);
  sigaddset (&self->awaited, SIGCHLD);
  for (gsize i = 0; i < G_N_ELEMENTS (passed_on); i++)
    sigaddset (&self->awaited, passed_on[i]);

  sigaction (SIGCHLD, &action, NULL);
  sigprocmask (SIG_BLOCK, &self->awaited, &self->old_mask);
}

static void
signals_restore (const Signals *self)
{
  sigprocmask (SIG_SETMASK, &self->old_mask, NULL);
}

/* What other processes send is for the command. What the terminal sends, it sends to
 * the command too, which is of the same group; except that it is gone, which only the
 * leader of a session is told. */
static gboolean
is_for_command (const siginfo_t *information)
{
  gboolean is_from_process = information->si_code <= 0;

  return is_from_process || (information->si_signo == SIGHUP && getsid (0) == getpid ());
}

/* Waits for the end of the command, and passes signals on until then. */
static int
wait_for_command (pid_t    pid,
                  Signals *signals)
{
  for (;;)
    {
      siginfo_t information;
      int wait_status;
      int number = sigwaitinfo (&signals->awaited, &information);

      if (number == SIGCHLD)
        {
          if (waitpid (pid, &wait_status, WNOHANG) == pid)
            return wait_status;
        }
      else if (number > 0)
        {
          sigaddset (&signals->received, number);
          if (is_for_command (&information))
            kill (pid, number);
        }
    }
}

/* In the child, where only what is safe in a signal handler may be called. */
static void
execute (char          **command,
         const Signals  *signals,
         int             parent,
         int             report_fd)
{
  int saved_errno;

  command_die_with_parent (parent);
  signals_restore (signals);
  execvp (command[0], command);

  saved_errno = errno;
  while (write (report_fd, &saved_errno, sizeof saved_errno) < 0 && errno == EINTR)
    continue;
  _exit (EXIT_NOT_FOUND);
}

/* What kept the child from becoming the command, or 0. Its end of the pipe is
 * closed when it has become that. */
static int
read_report (int report_fd)
{
  int report = 0;
  gssize n_read;

  do
    n_read = read (report_fd, &report, sizeof report);
  while (n_read < 0 && errno == EINTR);

  return n_read == (gssize) sizeof report ? report : 0;
}

/* The exit status; or, if the command did not even start, what to say instead. */
static int
run_command (char    **command,
             Signals  *signals)
{
  g_autoptr (GError) error = NULL;
  int report_pipe[2], wait_status, report;
  int parent = (int) getpid ();
  pid_t pid;

  if (!g_unix_open_pipe (report_pipe, FD_CLOEXEC, &error))
    {
      command_complain ("%s", error->message);
      return EX_OSERR;
    }

  pid = fork ();
  if (pid == 0)
    execute (command, signals, parent, report_pipe[1]);

  close (report_pipe[1]);
  if (pid < 0)
    {
      command_complain (_("Cannot start a process: %s"), g_strerror (errno));
      close (report_pipe[0]);
      return EX_OSERR;
    }

  report = read_report (report_pipe[0]);
  close (report_pipe[0]);
  wait_status = wait_for_command (pid, signals);

  if (report != 0)
    {
      g_autofree char *display_name = g_filename_display_name (command[0]);

      command_complain (_("Cannot execute %s: %s"), display_name, g_strerror (report));
      return report == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
    }

  if (!WIFSIGNALED (wait_status))
    return WEXITSTATUS (wait_status);

  signals->fatal = WTERMSIG (wait_status);
  return EXIT_SIGNALLED + signals->fatal;
}

/* A shell ends its script at Ctrl-C only if what it waits for ended by it too. Where
 * the signal was for the command alone, this returns. */
static void
die_as_command (const Signals *signals)
{
  const struct rlimit no_core = { 0, 0 };

  if (signals->fatal == 0 || sigismember (&signals->received, signals->fatal) != 1)
    return;

  setrlimit (RLIMIT_CORE, &no_core);
  signal (signals->fatal, SIG_DFL);
  signals_restore (signals);
  raise (signals->fatal);
}

static void
say_that_it_waits (LfLockFile *lock_file,
                   const char *path)
{
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (lock_file, NULL, NULL);
  g_autofree char *display_name = g_filename_display_name (path);
  g_autofree char *holder_text = NULL;

  if (holder == NULL)
    return;

  holder_text = lf_lock_holder_to_string (holder);
  command_complain (_("Waiting for %s, held by %s"), display_name, holder_text);
}

/* The library does not look for the holder of a lock that it does not get: that would
 * hold up others who lock. Here a person reads it. */
static void
complain_of_failure (LfLockFile   *lock_file,
                     const GError *error)
{
  g_autoptr (LfLockHolder) holder = NULL;
  g_autofree char *holder_text = NULL;

  if (g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED) ||
      g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT))
    holder = lf_lock_file_query_holder (lock_file, NULL, NULL);
  if (holder != NULL)
    holder_text = lf_lock_holder_to_string (holder);

  /* The message may name it already */
  if (holder_text != NULL && strstr (error->message, holder_text) == NULL)
    command_complain (_("%s: held by %s"), error->message, holder_text);
  else
    command_complain ("%s", error->message);
}

static gboolean
acquire (LfLockFile  *lock_file,
         const char  *path,
         double       timeout,
         GError     **error)
{
  g_autoptr (GError) try_error = NULL;

  if (timeout != 0 && isatty (STDERR_FILENO))
    {
      if (lf_lock_file_try_acquire (lock_file, &try_error))
        return TRUE;

      if (g_error_matches (try_error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
        say_that_it_waits (lock_file, path);
    }

  return lf_lock_file_acquire_with_timeout (lock_file, timeout, NULL, error);
}

/* A lock that was lost while the command ran is no success. */
static int
release (LfLockFile *lock_file,
         int         status)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_release (lock_file, &error))
    return status;

  command_complain ("%s", error->message);
  return status == EX_OK ? command_get_exit_status (error) : status;
}

static int
run_locked (const char     *path,
            char          **command,
            const Options  *options)
{
  g_autoptr (LfLockFile) lock_file = command_new_lock_file (path, options->backend_name);
  g_autoptr (GError) error = NULL;
  double timeout = options->nonblock ? 0 : options->timeout;
  Signals signals;
  int status;

  if (lock_file == NULL)
    return EX_USAGE;

  lf_lock_file_set_mode (lock_file,
                         options->shared ? LF_LOCK_MODE_SHARED : LF_LOCK_MODE_EXCLUSIVE);
  lf_lock_file_set_remove_on_release (lock_file, options->remove);

  /* Until it has the lock, a signal just ends lf-lock */
  if (!acquire (lock_file, path, timeout, &error))
    {
      complain_of_failure (lock_file, error);
      status = command_get_exit_status (error);
      return status == EX_TEMPFAIL ? options->conflict_exit_status : status;
    }

  signals_block (&signals);
  status = release (lock_file, run_command (command, &signals));
  die_as_command (&signals);

  return status;
}

/* Takes the arguments apart: "PATH -- COMMAND ARGUMENT...", where "--" may be
 * left out. NULL if there is no command. */
static char **
find_command (GStrv arguments)
{
  char **command;

  if (arguments == NULL)
    return NULL;

  command = arguments + 1;
  if (g_strcmp0 (*command, "--") == 0)
    command++;

  return *command != NULL ? command : NULL;
}

static gboolean
check_options (const Options *options)
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

  return TRUE;
}

int
command_run (char **argv)
{
  Options options = { .timeout = -1, .conflict_exit_status = EX_TEMPFAIL };
  g_auto (GStrv) arguments = NULL;
  const GOptionEntry entries[] = {
    { "shared", 's', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.shared,
      N_("Get a shared lock, which excludes exclusive ones only"), NULL },
    { "nonblock", 'n', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.nonblock,
      N_("Do not wait"), NULL },
    { "timeout", 'w', G_OPTION_FLAG_NONE, G_OPTION_ARG_DOUBLE, &options.timeout,
      N_("Wait this long, not for ever"), N_("SECONDS") },
    { "conflict-exit-code", 'E', G_OPTION_FLAG_NONE, G_OPTION_ARG_INT,
      &options.conflict_exit_status,
      N_("Exit status if somebody else keeps the lock (75)"), N_("NUMBER") },
    { "remove", 'r', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &options.remove,
      N_("Remove the lock file at the end, if it is empty"), NULL },
    COMMAND_BACKEND_ENTRY (&options.backend_name),
    { G_OPTION_REMAINING, 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME_ARRAY, &arguments,
      NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  GOptionContext *context = g_option_context_new (N_("PATH -- COMMAND [ARGUMENT...]"));
  char **command;
  int status = EX_USAGE;

  g_option_context_set_summary (context, N_("Runs a command while holding a lock."));
  /* What comes after the path is the command's own */
  g_option_context_set_strict_posix (context, TRUE);

  if (command_parse (context, entries, argv) && check_options (&options))
    {
      command = find_command (arguments);
      if (command != NULL)
        status = run_locked (arguments[0], command, &options);
      else
        command_complain_of_usage (_("A path and a command are needed"));
    }

  g_free (options.backend_name);

  return status;
}
