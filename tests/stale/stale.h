/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-test-backend.h"

G_BEGIN_DECLS

extern const BackendCase stale_namespace_cases[];

G_END_DECLS
