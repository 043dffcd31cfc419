/* SPDX-License-Identifier: LGPL-2.1-or-later */

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
  /* What is not named is 0: the whole file, and no process */
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

/* What is in the way of a lock of @type for whom the command asks, which may be
 * F_UNLCK: nothing. This disturbs nobody. Returns 0 or an errno. */
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

/* Whether anybody but the asking owner has a lock, and who: -1 if it is that of an open
 * file description, 0 if nobody can be told. */
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

/* The process whose lock is in the way, 0 if none is or it cannot be told, or -1 if it
 * is that of an open file description. Sets @exclusive, if it is not NULL, to whether the lock
 * leaves no room for any other one of the file. */
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
