/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-watch-private.h"

/* Windows does not report that a byte was unlocked. It reports that a file was deleted only
 * when no program has it open any longer. So waits poll, often: a poll takes some
 * microseconds, and a user would notice longer intervals. */
const gint64 lf_watch_longest_interval = 15 * G_TIME_SPAN_MILLISECOND;

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
