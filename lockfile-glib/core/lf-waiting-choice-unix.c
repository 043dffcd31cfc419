/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-waiting-choice-private.h"

const LfWaitingVTable *
lf_waiting_choose (const LfBackendVTable *backend)
{
  if (backend->get_members != NULL)
    return &lf_waiting_any;

  return backend->block != NULL ? &lf_waiting_kernel_queue : &lf_waiting_poll;
}
