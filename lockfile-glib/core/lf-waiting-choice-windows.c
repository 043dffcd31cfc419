/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "core/lf-waiting-choice-private.h"

/* No thread can be taken out of a wait in the system here. */
const LfWaitingVTable *
lf_waiting_choose (const LfBackendVTable *backend)
{
  return &lf_waiting_poll;
}
