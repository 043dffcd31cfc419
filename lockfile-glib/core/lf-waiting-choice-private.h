/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "backends/lf-backend-private.h"
#include "waiting/lf-waiting-private.h"

G_BEGIN_DECLS

/* How to wait for a lock of @backend. One file per platform. */
const LfWaitingVTable *lf_waiting_choose (const LfBackendVTable *backend);

G_END_DECLS
