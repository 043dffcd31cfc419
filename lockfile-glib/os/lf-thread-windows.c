/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-thread-private.h"

#include <errno.h>

/* Nothing ends these threads from outside: here all waits poll, and can be told to stop. */

typedef struct
{
  LfThreadFunc work;
  LfThreadFunc ended;
  gpointer data;
} LfThread;

static gpointer
lf_thread_main (gpointer start)
{
  LfThread thread = *(LfThread *) start;

  g_free (start);
  thread.work (thread.data);
  thread.ended (thread.data);

  return NULL;
}

int
lf_thread_start (LfThreadFunc work,
                 LfThreadFunc ended,
                 gpointer     data)
{
  LfThread *start = g_new (LfThread, 1);
  GThread *thread;

  *start = (LfThread) { work, ended, data };

  thread = g_thread_try_new (LF_THREAD_NAME, lf_thread_main, start, NULL);
  if (thread == NULL)
    {
      g_free (start);
      return EAGAIN;
    }

  g_thread_unref (thread);

  return 0;
}
