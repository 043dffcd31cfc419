/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-test-backend.h"

G_BEGIN_DECLS

/* The cases, each list with an empty one at its end. */
extern const BackendCase contract_object_cases[];
extern const BackendCase contract_path_cases[];
extern const BackendCase contract_process_cases[];
extern const BackendCase contract_wait_cases[];

G_END_DECLS
