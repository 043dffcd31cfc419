/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-flock-private.h"

#include <errno.h>
#include <sys/file.h>

int
lf_flock_uninterrupted (int fd,
                        int operation)
{
  while (flock (fd, operation) != 0)
    {
      if (errno != EINTR)
        return errno;
    }

  return 0;
}
