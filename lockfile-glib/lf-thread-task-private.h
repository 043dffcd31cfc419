/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* In a thread of the library. Returns a result, or NULL, and may set an error. */
typedef gpointer (*LfThreadTaskWork) (gpointer   data,
                                      GError   **error);

/* In the main context of the task, which it has to return. @result and @error are the
 * callee's. */
typedef void (*LfThreadTaskDone) (GTask    *task,
                                  gpointer  data,
                                  gpointer  result,
                                  GError   *error);

/* The error in a process that was forked meanwhile from the one with that PID. */
typedef void (*LfThreadTaskSetInheritedError) (gpointer   data,
                                               int        pid,
                                               GError   **error);

typedef struct
{
  LfThreadTaskWork work;
  LfThreadTaskDone done;
  GDestroyNotify free_data;
  GDestroyNotify free_result;
  LfThreadTaskSetInheritedError set_inherited_error; /* or NULL */
  gboolean must_work; /* in the calling thread if no other can be had, and in spite of a cancel */
} LfThreadTaskFuncs;

/* Does the work of a task in a thread of its own: GIO's pool may be full of operations
 * that take long, while others wait for this lock. The thread keeps the data alive, but
 * not the task and its object. A cancel is reported at once; the thread then ends by
 * itself. */
void lf_thread_task_run (GTask                   *task,
                         const LfThreadTaskFuncs *funcs,
                         gpointer                 data);

G_END_DECLS
