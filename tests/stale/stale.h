/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-test-backend.h"

G_BEGIN_DECLS

extern const BackendCase stale_namespace_cases[];

G_END_DECLS
