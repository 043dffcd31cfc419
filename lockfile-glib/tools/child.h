/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <signal.h>

#include <glib.h>

G_BEGIN_DECLS

/* The command that runs while the lock is held. */

typedef struct
{
  sigset_t old_mask;
  sigset_t awaited;  /* the signals to pass on, and SIGCHLD: blocked, and waited for */
  sigset_t received; /* so far */
  int fatal;         /* what ended the command, or 0 */
  int n_ends;        /* how often the command was told to end; only the first time is SIGTERM */
} Signals;

/* signals_end_command() may be called only with @may_end. */
void signals_block (Signals  *self,
                    gboolean  may_end);

/* Ends the command, which may not have started yet. Any thread may call this. */
void signals_end_command (void);

/* Returns the exit status of the command or, if it could not start, a status that says so.
 * The command inherits @fd unless it is -1, and then it survives if this process dies. */
int child_run (char    **command,
               Signals  *signals,
               int       fd);

/* If a signal ended both the command and this process, ends this process with it. Otherwise
 * returns. */
void child_die_alike (const Signals *signals);

/* Executes the command in place of this process. The command inherits @fd. Returns only on
 * failure. */
int child_replace (char **command,
                   int    fd);

G_END_DECLS
