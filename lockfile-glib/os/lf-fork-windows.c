/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-fork-private.h"

/* There is no fork() here. */
gpointer *
lf_fork_get_cell (void)
{
  static gpointer cell;

  return &cell;
}
