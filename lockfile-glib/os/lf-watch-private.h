/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One watch for the whole process, of all directories in which it waits. It runs from the
 * first lf_watch_add() to the last lf_watch_remove(), and calls a function in a thread of
 * its own when something disappears from a directory. One file per platform. */

typedef struct
{
  gpointer instance; /* NULL if there is no watch */
  int id;
} LfWatch;

/* @name is what disappeared; NULL if it may be anything. Several watches of one directory
 * have the same id. An id of -1 means any directory. */
typedef void (*LfWatchFunc) (const LfWatch *watch,
                             const char    *name);

/* The longest time between two polls on this platform, in microseconds, whatever
 * `poll-interval` is. */
extern const gint64 lf_watch_longest_interval;

/* Returns whether changes will be reported from now on. */
gboolean lf_watch_add    (LfWatch       *watch,
                          const char    *directory,
                          LfWatchFunc    changed);
void     lf_watch_remove (LfWatch       *watch);

G_END_DECLS
