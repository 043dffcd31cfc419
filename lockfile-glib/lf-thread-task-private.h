/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Called in a thread of the library. Returns a result, or NULL, and may set an error. */
typedef gpointer (*LfThreadTaskWork) (gpointer   data,
                                      GError   **error);

/* Called in the main context of the task. Must return the task. The callee owns @result and
 * @error. */
typedef void (*LfThreadTaskDone) (GTask    *task,
                                  gpointer  data,
                                  gpointer  result,
                                  GError   *error);

/* Sets the error for a process that was forked, during the task, from the process @pid. */
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
  gboolean must_work; /* despite a cancel; if need be in the calling thread */
} LfThreadTaskFuncs;

/* Does the work of a task in a thread of its own. GIO's pool may be full of operations that
 * take long, and that themselves wait for this lock. The thread keeps the data alive, but
 * not the task and its object. A cancel is reported at once; the thread then ends by
 * itself. */
void lf_thread_task_run (GTask                   *task,
                         const LfThreadTaskFuncs *funcs,
                         gpointer                 data);

G_END_DECLS
