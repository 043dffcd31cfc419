/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-watch-private.h"

/* For systems that do not report changes: waits only poll. */

const gint64 lf_watch_longest_interval = G_MAXINT64;

gboolean
lf_watch_add (LfWatch        *watch,
              const char     *directory,
              LfWatchChanges  changes,
              LfWatchFunc     changed)
{
  watch->instance = NULL;

  return FALSE;
}

void
lf_watch_remove (LfWatch *watch)
{
}
