/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <signal.h>

#include <glib.h>

G_BEGIN_DECLS

/* The command that runs while the lock is held. */

typedef struct
{
  sigset_t old_mask;
  sigset_t awaited;  /* those that are passed on, and SIGCHLD: blocked, and waited for */
  sigset_t received; /* so far */
  int fatal;         /* what ended the command, or 0 */
} Signals;

void signals_block (Signals *self);

/* The exit status of the command; or, if it did not even start, what to say instead. It
 * inherits @fd, and lives on without this process then, unless that is -1. */
int child_run (char    **command,
               Signals  *signals,
               int       fd);

/* Ends this process as the command ended, if a signal did that to both; else returns. */
void child_die_alike (const Signals *signals);

/* Becomes the command, which inherits @fd. Returns only if that fails. */
int child_replace (char **command,
                   int    fd);

G_END_DECLS
