/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#include "command.h"

/* This signal tells this process to end the command, and again if the command still runs */
#define END_SIGNAL SIGALRM
#define END_PATIENCE 5 /* seconds */

/* The same as those of shells and env(1) */
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127
#define EXIT_SIGNALLED 128

/* Signals that are meant for the command while it runs */
static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

/* SIGCHLD needs a handler, even one that is never called: some systems drop a blocked
 * signal that is ignored, and lf-lock may be started with SIGCHLD ignored. */
static void
ignore_cb (int number)
{
}

void
signals_block (Signals  *self,
               gboolean  may_end)
{
  struct sigaction action = { .sa_handler = ignore_cb, .sa_flags = SA_RESTART };

  self->fatal = 0;
  self->n_ends = 0;
  sigemptyset (&self->received);
  sigemptyset (&self->awaited);
  sigaddset (&self->awaited, SIGCHLD);
  if (may_end)
    sigaddset (&self->awaited, END_SIGNAL);
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

/* Signals from other processes are meant for the command. The terminal sends its signals to
 * the whole process group, and so to the command too. Only SIGHUP goes just to the session
 * leader. */
static gboolean
is_for_command (const siginfo_t *information)
{
  gboolean is_from_process = information->si_code <= 0;

  return is_from_process || (information->si_signo == SIGHUP && getsid (0) == getpid ());
}

static int end_is_wanted; /* atomic */

void
signals_end_command (void)
{
  g_atomic_int_set (&end_is_wanted, TRUE);
  kill (getpid (), END_SIGNAL);
}

/* A stopped command would not react, so this also continues it. */
static void
end_command (pid_t    pid,
             Signals *signals)
{
  if (!g_atomic_int_get (&end_is_wanted))
    return;

  kill (pid, signals->n_ends++ == 0 ? SIGTERM : SIGKILL);
  kill (pid, SIGCONT);
  alarm (END_PATIENCE);
}

/* Waits for the command to end, and passes on signals until then. */
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
      else if (number == END_SIGNAL)
        end_command (pid, signals);
      else if (number > 0)
        {
          sigaddset (&signals->received, number);
          if (is_for_command (&information))
            kill (pid, number);
        }
    }
}

/* Runs in the child, where only async-signal-safe functions may be called. */
static void
execute (char          **command,
         const Signals  *signals,
         int             parent,
         int             report_fd,
         int             fd)
{
  int saved_errno;

  if (fd < 0)
    command_die_with_parent (parent);
  signals_restore (signals);
  if (fd < 0 || fcntl (fd, F_SETFD, 0) == 0)
    execvp (command[0], command);

  saved_errno = errno;
  while (write (report_fd, &saved_errno, sizeof saved_errno) < 0 && errno == EINTR)
    continue;
  _exit (EXIT_NOT_FOUND);
}

/* The errno with which the child failed to execute the command, or 0. Executing it closes
 * the child's end of the pipe. */
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

static int
complain_that_it_cannot_execute (const char *program,
                                 int         saved_errno)
{
  g_autofree char *display_name = g_filename_display_name (program);

  command_complain (_("Cannot execute %s: %s"), display_name, g_strerror (saved_errno));

  return saved_errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

int
child_run (char    **command,
           Signals  *signals,
           int       fd)
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
    execute (command, signals, parent, report_pipe[1], fd);

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
    return complain_that_it_cannot_execute (command[0], report);

  if (!WIFSIGNALED (wait_status))
    return WEXITSTATUS (wait_status);

  signals->fatal = WTERMSIG (wait_status);
  return EXIT_SIGNALLED + signals->fatal;
}

/* A shell ends its script at Ctrl-C only if the process that it waits for was ended by the
 * signal too. If only the command got the signal, this returns. */
void
child_die_alike (const Signals *signals)
{
  const struct rlimit no_core = { 0, 0 };

  if (signals->fatal == 0 || sigismember (&signals->received, signals->fatal) != 1)
    return;

  setrlimit (RLIMIT_CORE, &no_core);
  signal (signals->fatal, SIG_DFL);
  signals_restore (signals);
  raise (signals->fatal);
}

int
child_replace (char **command,
               int    fd)
{
  /* As for a command in a process of its own */
  signal (SIGCHLD, SIG_DFL);
  if (fcntl (fd, F_SETFD, 0) == 0)
    execvp (command[0], command);

  return complain_that_it_cannot_execute (command[0], errno);
}
