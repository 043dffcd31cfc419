/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "command.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

void
command_die_with_parent (int parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);

  /* The parent may have ended before prctl() */
  if (getppid () != parent)
    raise (SIGKILL);
}
