/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>

#include "command.h"

/* Repeated, since a timer that fires once might fire just before the wait begins. */
static const struct timeval alarm_interval = { .tv_usec = 10 * 1000 };

/* Longer timeouts last forever */
#define MAX_SECONDS 1e8

gboolean
descriptor_parse (const char *text,
                  int        *fd)
{
  gint64 number;

  if (!g_ascii_string_to_signed (text, 10, 0, G_MAXINT, &number, NULL))
    return FALSE;

  *fd = (int) number;

  return TRUE;
}

char *
descriptor_get_name (int fd)
{
  g_autofree char *number = g_strdup_printf ("%d", fd);
  g_autofree char *link = g_build_filename ("/proc/self/fd", number, NULL);
  char *target = g_file_read_link (link, NULL);

  if (target != NULL && *target == '/')
    return target;

  g_free (target);

  return g_steal_pointer (&number);
}

static void
alarm_cb (int number)
{
}

/* From now on, a wait ends with EINTR soon after its time is over. This is never undone,
 * since the process ends after the wait. */
static void
start_alarm (double timeout)
{
  struct sigaction action = { .sa_handler = alarm_cb };
  struct itimerval timer = { .it_interval = alarm_interval };
  sigset_t alarm_set;

  timer.it_value.tv_sec = (time_t) timeout;
  timer.it_value.tv_usec = (suseconds_t) ((timeout - (double) timer.it_value.tv_sec) * 1e6);
  if (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0)
    timer.it_value.tv_usec = 1;

  sigemptyset (&alarm_set);
  sigaddset (&alarm_set, SIGALRM);
  sigaction (SIGALRM, &action, NULL);
  sigprocmask (SIG_UNBLOCK, &alarm_set, NULL);
  setitimer (ITIMER_REAL, &timer, NULL);
}

/* A descriptor that is closed on exec was not inherited, but is one of ours. */
static gboolean
is_inherited (int fd)
{
  int flags = fcntl (fd, F_GETFD);

  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

/* The error for every failure except a busy lock. */
static void
set_error (int       fd,
           int       saved_errno,
           GError  **error)
{
  g_autofree char *name = descriptor_get_name (fd);
  g_autofree char *display_name = g_filename_display_name (name);

  if (saved_errno == ENOLCK || saved_errno == ENOMEM)
    g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED, _("Cannot lock %s: %s"),
                 display_name, g_strerror (saved_errno));
  else
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                 _("Cannot lock %s: %s"), display_name, g_strerror (saved_errno));
}

gboolean
descriptor_lock (int       fd,
                 int       operation,
                 double    timeout,
                 GError  **error)
{
  gboolean is_limited = timeout > 0 && timeout < MAX_SECONDS;
  gint64 deadline = 0;
  g_autofree char *name = descriptor_get_name (fd);
  g_autofree char *display_name = g_filename_display_name (name);

  if (!is_inherited (fd))
    {
      set_error (fd, EBADF, error);
      return FALSE;
    }

  if (timeout == 0)
    operation |= LOCK_NB;
  if (is_limited)
    {
      deadline = g_get_monotonic_time () + (gint64) (timeout * G_USEC_PER_SEC);
      start_alarm (timeout);
    }

  while (flock (fd, operation) != 0)
    {
      if (errno == EINTR && (!is_limited || g_get_monotonic_time () < deadline))
        continue;

      if (errno == EINTR)
        g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT,
                     _("Timed out waiting to lock %s"), display_name);
      else if (errno == EWOULDBLOCK)
        g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED,
                     _("%s is locked already"), display_name);
      else
        set_error (fd, errno, error);
      return FALSE;
    }

  return TRUE;
}
