/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-test-backend.h"

G_BEGIN_DECLS

/* The cases, each list with an empty one at its end. */
extern const BackendCase contract_object_cases[];
extern const BackendCase contract_path_cases[];
extern const BackendCase contract_platform_cases[]; /* a file a platform */
extern const BackendCase contract_process_cases[];
extern const BackendCase contract_race_cases[];
extern const BackendCase contract_wait_cases[];

/* The cases of other platforms that this one has not, and why; the last is empty. */
typedef struct
{
  const char *name;
  const char *reason;
} MissingCase;

extern const MissingCase contract_missing_cases[];

/* What cases of a platform share with the others. */
void assert_lost_when_gone (const TestBackend *backend, Fixture *fixture, gboolean renames);
void assert_path_works     (const TestBackend *backend, const char *path);
void assert_paths_apart    (const TestBackend *backend, Fixture *fixture,
                            const char *const *names);

G_END_DECLS
