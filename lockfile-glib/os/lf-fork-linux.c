/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-fork-private.h"

#include <sys/mman.h>
#include <unistd.h>

/* The kernel clears this page in a child, in whatever way it was forked (Linux 4.14). */
static gpointer *
new_page (gsize size)
{
  void *page = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (page == MAP_FAILED)
    return NULL;

  /* Emulators that ignore all advice also accept invalid advice */
  if (madvise (page, size, -1) == 0 || madvise (page, size, MADV_WIPEONFORK) != 0)
    {
      munmap (page, size);
      return NULL;
    }

  return page;
}

/* Uses no mutex, which a child could find locked forever. */
gpointer *
lf_fork_get_cell (void)
{
  static gpointer *cell;
  gpointer *current = g_atomic_pointer_get (&cell);
  gpointer *page;
  gsize size;

  if (current != NULL)
    return current;

  size = (gsize) sysconf (_SC_PAGESIZE);
  page = new_page (size);
  current = page != NULL ? page : lf_fork_get_handled_cell ();

  if (g_atomic_pointer_compare_and_exchange (&cell, NULL, current))
    return current;

  if (page != NULL)
    munmap (page, size);

  return g_atomic_pointer_get (&cell);
}
