/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One watch for the process over the directories in which it waits: it runs from
 * the first lf_watch_add() to the last lf_watch_remove() and calls a function, in
 * a thread of its own, when something is gone from a directory. One file per
 * platform. */

typedef struct
{
  gpointer instance; /* NULL if there is no watch */
  int id;
} LfWatch;

/* @name is what is gone; NULL if it may be anything. Several watches of one
 * directory have the same id. With an id of -1 it may be any directory. */
typedef void (*LfWatchFunc) (const LfWatch *watch,
                             const char    *name);

/* The longest time between two polls that the platform allows, in microseconds,
 * whatever is asked for. */
extern const gint64 lf_watch_longest_interval;

/* Whether changes will be told from now on. */
gboolean lf_watch_add    (LfWatch       *watch,
                          const char    *directory,
                          LfWatchFunc    changed);
void     lf_watch_remove (LfWatch       *watch);

G_END_DECLS
