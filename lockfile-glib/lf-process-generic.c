/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-process-private.h"

#include <unistd.h>

int
lf_process_get_id (void)
{
  return getpid ();
}
