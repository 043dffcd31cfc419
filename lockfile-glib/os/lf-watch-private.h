/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One watch for the whole process, of all directories in which it waits or holds a monitored
 * lock. It runs from the first lf_watch_add() to the last lf_watch_remove(), and calls
 * functions in a thread of its own when something changes in a directory. One file per
 * platform. */

typedef enum
{
  LF_WATCH_GONE = 1 << 0,    /* something disappeared from the directory, or the directory itself */
  LF_WATCH_WRITTEN = 1 << 1, /* a file was closed that was open for writing */
  LF_WATCH_CAME = 1 << 2,    /* something was moved into the directory */
  LF_WATCH_MOUNTED = 1 << 3, /* any file system was mounted or unmounted */
} LfWatchChanges;

typedef struct
{
  gpointer instance; /* NULL if there is no watch */
  int id;
} LfWatch;

/* @name is what changed; NULL if it may be anything. Several watches of one directory have the
 * same id. An id of -1 means any directory. A function is also called for changes that only
 * other watches asked for. A @change of 0 means that the watch has ended. */
typedef void (*LfWatchFunc) (const LfWatch  *watch,
                             const char     *name,
                             LfWatchChanges  change);

/* The longest time between two polls on this platform, in microseconds, whatever
 * `poll-interval` is. */
extern const gint64 lf_watch_longest_interval;

/* Returns whether changes will be reported from now on. A process can use at most two
 * different functions. */
gboolean lf_watch_add    (LfWatch        *watch,
                          const char     *directory,
                          LfWatchChanges  changes,
                          LfWatchFunc     changed);
void     lf_watch_remove (LfWatch       *watch);

G_END_DECLS
