/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-fcntl-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int
call (int           fd,
      int           command,
      struct flock *lock)
{
  if (fcntl (fd, command, lock) == 0)
    return 0;

  return lf_fcntl_is_contention (errno) ? EWOULDBLOCK : errno;
}

/* A single system call. Returns 0 or an errno: EWOULDBLOCK if somebody else has
 * the lock. */
int
lf_fcntl_call (int   fd,
               int   command,
               short type)
{
  /* The other fields are 0: the whole file, and no process */
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

  return call (fd, command, &lock);
}

int
lf_fcntl_uninterrupted (int   fd,
                        int   command,
                        short type)
{
  int result;

  do
    result = lf_fcntl_call (fd, command, type);
  while (result == EINTR);

  return result;
}

/* Sets @lock to a lock that conflicts with one of @type for the owner that the command
 * means, or to F_UNLCK. This does not disturb other programs. Returns 0 or an errno. */
static int
get_conflict (int           fd,
              int           command,
              short         type,
              struct flock *lock)
{
  int result;

  do
    {
      *lock = (struct flock) { .l_type = type, .l_whence = SEEK_SET };
      result = call (fd, command, lock);
    }
  while (result == EINTR);

  return result;
}

/* Whether anybody except the owner that asks has a lock. Sets @pid to the holder: -1 if it
 * is an open file description, 0 if it is unknown. */
int
lf_fcntl_test (int       fd,
               int       command,
               gboolean *locked,
               int      *pid)
{
  struct flock lock;
  int result = get_conflict (fd, command, F_WRLCK, &lock);

  *locked = result == 0 && lock.l_type != F_UNLCK;
  *pid = *locked ? lock.l_pid : 0;

  return result;
}

/* The process whose lock conflicts, 0 if there is none or it is unknown, or -1 if an open
 * file description has the lock. @exclusive may be NULL; it is set to whether the lock is
 * exclusive and covers the whole file. */
int
lf_fcntl_get_holder (int       fd,
                     int       command,
                     short     type,
                     gboolean *exclusive)
{
  struct flock lock;
  int result = get_conflict (fd, command, type, &lock);

  if (exclusive != NULL)
    *exclusive = result == 0 && lock.l_type == F_WRLCK && lock.l_start == 0 && lock.l_len == 0;

  return result == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}
