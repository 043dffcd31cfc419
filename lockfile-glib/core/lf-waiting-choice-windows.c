/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-waiting-choice-private.h"

/* On Windows, nothing can end a thread's wait in the system. */
const LfWaitingVTable *
lf_waiting_choose (const LfBackendVTable *backend)
{
  return &lf_waiting_poll;
}
