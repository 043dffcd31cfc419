/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Shown by ps(1) and debuggers */
#define LF_THREAD_NAME "lf-wait"

typedef void (*LfThreadFunc) (gpointer data);

/* Does @work in a thread with a small stack and all signals blocked. Returns 0 or an errno.
 * @ended is called last, even if @work did not return because the thread was cancelled. */
int lf_thread_start (LfThreadFunc work,
                     LfThreadFunc ended,
                     gpointer     data);

guint64 lf_thread_get_number (void);

/* Whether no other thread runs code of the program. TRUE also if that is not known. One
 * file per platform. */
gboolean lf_thread_is_alone (void);

/* How much of each thread's stack is taken by the thread-local data of the program and its
 * libraries, at most; 0 if that is not known. One file per platform. */
gsize lf_thread_get_local_size (void);

G_END_DECLS
