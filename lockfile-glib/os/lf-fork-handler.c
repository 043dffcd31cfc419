/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-fork-private.h"

#include <pthread.h>

static gpointer cell;

static void
clear_in_child (void)
{
  g_atomic_pointer_set (&cell, NULL);
}

gpointer *
lf_fork_get_handled_cell (void)
{
  static int registered;

  /* Registering twice would be harmless */
  if (!g_atomic_int_get (&registered))
    {
      pthread_atfork (NULL, NULL, clear_in_child);
      g_atomic_int_set (&registered, TRUE);
    }

  return &cell;
}
