/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-lock-holder.h"

G_BEGIN_DECLS

LfLockHolder *lf_lock_holder_new (int         pid,
                                  const char *host,
                                  const char *application);

G_END_DECLS
