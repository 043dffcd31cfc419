/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-test-backend.h"

G_BEGIN_DECLS

/* The cases, in lists that end with an empty case. */
extern const BackendCase contract_held_cases[];
extern const BackendCase contract_object_cases[];
extern const BackendCase contract_path_cases[];
extern const BackendCase contract_platform_cases[]; /* one file per platform */
extern const BackendCase contract_process_cases[];
extern const BackendCase contract_race_cases[];
extern const BackendCase contract_wait_cases[];

/* How a lock is lost. */
typedef enum
{
  LOSS_REMOVE,
  LOSS_RENAME,
  LOSS_REPLACE, /* by somebody else's lock, in one step if that is possible */
  LOSS_BREAK,
  LOSS_MOVE_DIRECTORY,
  N_LOSSES,
} Loss;

/* Bits of the losses that can happen while the lock is held. */
extern const guint contract_losses;

/* Cases of other platforms that this one does not have, and why; the last one is empty. */
typedef struct
{
  const char *name;
  const char *reason;
} MissingCase;

extern const MissingCase contract_missing_cases[];

/* Functions that a platform's cases share with the others. */
void assert_lost_when_gone (const TestBackend *backend, Fixture *fixture, gboolean renames);
void assert_path_works     (const TestBackend *backend, const char *path);
void assert_paths_apart    (const TestBackend *backend, Fixture *fixture,
                            const char *const *names);

G_END_DECLS
