/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-own-locks-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/lf-kernel-locks-private.h"
#include "os/lf-process-private.h"

/* Whether nobody else can have a lock on that part of the file. */
static gboolean
leaves_no_room (const struct flock *lock,
                gint64              start,
                gint64              length)
{
  gboolean reaches_end = lock->l_len == 0 ||
                         (length != 0 && lock->l_start + lock->l_len >= start + length);

  return lock->l_type == F_WRLCK && lock->l_start <= start && reaches_end;
}

/* F_OFD_GETLK treats the locks of this process as those of somebody else. It reports only
 * one of several locks: if that is another process's, all descriptors must be looked at. */
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

  if (result == 0 && lock.l_type == F_UNLCK)
    return FALSE;
  if (result == 0 && lock.l_pid == lf_process_get_id ())
    return TRUE;
  if (result == 0 && (exclusive || leaves_no_room (&lock, start, length)))
    return FALSE;

  return lf_kernel_locks_may_be_own (fd);
}
