/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "command.h"

/* Not possible on this system. */
void
command_die_with_parent (int parent)
{
}
