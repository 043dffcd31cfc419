/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "command.h"

/* Nothing here tells a process that its parent has ended. */
void
command_die_with_parent (int parent)
{
}
