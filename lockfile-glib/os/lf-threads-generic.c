/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-thread-private.h"

gboolean
lf_thread_is_alone (void)
{
  return TRUE;
}

gsize
lf_thread_get_local_size (void)
{
  return 0;
}
