/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "command.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

void
command_die_with_parent (int parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);

  /* It may have ended before that */
  if (getppid () != parent)
    raise (SIGKILL);
}
