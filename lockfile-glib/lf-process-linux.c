/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-process-private.h"

#include <sys/mman.h>
#include <unistd.h>

/* The C library asks the kernel at every getpid(), and a lock that nobody else
 * wants needs the ID several times: a tenth of its whole cost. So it is kept in a
 * page that the kernel clears in a child, however it was forked (Linux 4.14). */

static int *
new_page (void)
{
  long size = sysconf (_SC_PAGESIZE);
  void *page = mmap (NULL, (gsize) size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);

  if (page == MAP_FAILED)
    return NULL;

  /* An emulator that ignores advice accepts the one that cannot be, too */
  if (madvise (page, (gsize) size, -1) == 0 || madvise (page, (gsize) size, MADV_WIPEONFORK) != 0)
    {
      munmap (page, (gsize) size);
      return NULL;
    }

  return page;
}

int
lf_process_get_id (void)
{
  static gsize initialized;
  static int *page;
  int pid;

  if (g_once_init_enter (&initialized))
    {
      page = new_page ();
      g_once_init_leave (&initialized, 1);
    }

  if (page == NULL)
    return getpid ();

  pid = g_atomic_int_get (page);
  if (pid == 0)
    {
      pid = getpid ();
      g_atomic_int_set (page, pid);
    }

  return pid;
}
