/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* As ps(1) and debuggers show it */
#define LF_THREAD_NAME "lf-wait"

typedef void (*LfThreadFunc) (gpointer data);

/* Lets a thread with all signals blocked and a small stack do @work. Returns 0 or
 * an errno. @ended is called last, also when @work did not return because the
 * thread was cancelled. */
int lf_thread_start (LfThreadFunc work,
                     LfThreadFunc ended,
                     gpointer     data);

guint64 lf_thread_get_number (void);

/* Whether no other thread runs code of the program; TRUE also where that cannot be told.
 * A file a platform. */
gboolean lf_thread_is_alone (void);

/* How much of a thread's stack the thread-local data of the program and its libraries takes,
 * at most; 0 where that is not known. A file a platform. */
gsize lf_thread_get_local_size (void);

G_END_DECLS
