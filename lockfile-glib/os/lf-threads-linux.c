/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-thread-private.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

/* Threads that the program did not start, and that do not run its code: those of this
 * library, of GLib, of desktop libraries and of JavaScript engines. Threads of GLib's pools
 * can run code of the program, but they stay for a while when idle, and then look the same. */
static const char *const helpers[] = {
  LF_THREAD_NAME, "gmain", "gdbus", "pool-", "dconf worker", "JS Helper", "[pango] fontcon",
};

/* A flag of a task: it has begun to exit. It is set before a join returns. */
#define TASK_EXITING 0x4

/* Python's join() returns before the thread begins to exit. */
#define N_LOOKS 5
#define LOOK_INTERVAL (2 * G_TIME_SPAN_MILLISECOND)

/* A thread that has just been made has the name of the one that made it, until it has a processor
 * for the first time. On a busy machine that can take long. */
#define MAX_LOOKS 500
#define BEGINNING (200 * 1000) /* nanoseconds of processor time */

static gboolean
is_helper (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (helpers); i++)
    {
      if (g_str_has_prefix (name, helpers[i]))
        return TRUE;
    }

  return FALSE;
}

/* Whether the thread, which wants to run, has hardly had a processor yet. */
static gboolean
is_beginning (const char *task,
              char        state)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/schedstat", task);
  g_autofree char *text = NULL;

  return (state == 'R' || state == 'D') && g_file_get_contents (path, &text, NULL, NULL) &&
         g_ascii_strtoull (text, NULL, 10) < BEGINNING;
}

/* Whether the thread could still run code of the program. */
static gboolean
is_of_program (const char *task,
               gboolean   *may_be_helper)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/stat", task);
  g_autofree char *text = NULL;
  char *name, *name_end;
  unsigned long flags;
  char state;

  /* It has just ended */
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;

  name = strchr (text, '(');
  name_end = strrchr (text, ')');
  if (name == NULL || name_end == NULL)
    return TRUE;

  *name_end = '\0';
  if (is_helper (name + 1))
    return FALSE;

  if (sscanf (name_end + 1, " %c %*d %*d %*d %*d %*d %lu", &state, &flags) != 2)
    return TRUE;
  if ((flags & TASK_EXITING) != 0)
    return FALSE;

  *may_be_helper = is_beginning (task, state);

  return TRUE;
}

static gboolean
has_no_others (gboolean *may_be_helper)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;

  while (tasks != NULL && (task = g_dir_read_name (tasks)) != NULL)
    {
      if (atoi (task) != gettid () && is_of_program (task, may_be_helper))
        return FALSE;
    }

  return TRUE;
}

gboolean
lf_thread_is_alone (void)
{
  gboolean may_be_helper = FALSE;

  for (guint i = 0; i < N_LOOKS || (may_be_helper && i < MAX_LOOKS); i++)
    {
      may_be_helper = FALSE;
      if (has_no_others (&may_be_helper))
        return TRUE;

      g_usleep (LOOK_INTERVAL);
    }

  return FALSE;
}

static int
add_thread_local_size (struct dl_phdr_info *info,
                       size_t               size,
                       void                *total)
{
  for (int i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *header = &info->dlpi_phdr[i];

      if (header->p_type == PT_TLS)
        *(gsize *) total += header->p_memsz + header->p_align;
    }

  return 0;
}

/* Computed once: libraries that are loaded later do not take from the stack, and the
 * dynamic linker has a lock that another thread may hold when this process forks. */
gsize
lf_thread_get_local_size (void)
{
  static gsize size_and_one;
  gsize size = (gsize) g_atomic_pointer_get (&size_and_one);

  if (size == 0)
    {
      size = 1;
      dl_iterate_phdr (add_thread_local_size, &size);
      g_atomic_pointer_set (&size_and_one, size);
    }

  return size - 1;
}
