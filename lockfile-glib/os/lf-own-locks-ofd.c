/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-own-locks-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/lf-process-private.h"

/* To an open file description the locks of its own process are those of somebody else. */
gboolean
lf_own_locks_may_have (int      fd,
                       gint64   start,
                       gint64   length,
                       gboolean exclusive)
{
  struct flock lock;
  int result;

  do
    {
      lock = (struct flock) {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length,
      };
      result = fcntl (fd, F_OFD_GETLK, &lock);
    }
  while (result != 0 && errno == EINTR);

  if (result != 0)
    return TRUE;
  if (lock.l_type == F_UNLCK)
    return FALSE;
  if (lock.l_pid == lf_process_get_id ())
    return TRUE;

  /* One of several that are shared is named */
  return !exclusive && lock.l_type == F_RDLCK;
}
