/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef void (*LfThreadFunc) (gpointer data);

/* Starts a detached thread with all signals blocked and a small stack, and
 * returns 0 or an errno. @ended is called last in it, also when @work did not
 * return because the thread was cancelled. */
int lf_thread_start (LfThreadFunc work,
                     LfThreadFunc ended,
                     gpointer     data);

G_END_DECLS
