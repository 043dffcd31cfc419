/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-watch-private.h"

/* Nothing tells here that a byte was unlocked, and a file that goes says so only
 * when nobody has it open any more: waits look by themselves, often. A look takes
 * some microseconds; more than this is felt by who waits. */
const gint64 lf_watch_longest_interval = 15 * G_TIME_SPAN_MILLISECOND;

gboolean
lf_watch_add (LfWatch     *watch,
              const char  *directory,
              LfWatchFunc  changed)
{
  watch->instance = NULL;

  return FALSE;
}

void
lf_watch_remove (LfWatch *watch)
{
}
