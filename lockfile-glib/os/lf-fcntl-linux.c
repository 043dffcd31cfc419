/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-fcntl-private.h"

#include <errno.h>

/* Here EACCES comes from a security module that forbids locks. */
gboolean
lf_fcntl_is_contention (int saved_errno)
{
  return saved_errno == EAGAIN;
}
