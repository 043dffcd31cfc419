/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-fork-private.h"

gpointer *
lf_fork_get_cell (void)
{
  return lf_fork_get_handled_cell ();
}
