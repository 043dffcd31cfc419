/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-backend.h"

#define N_ROUNDS 500
#define N_CANCEL_ROUNDS 1000

const TestBackend test_backends[] = {
  {
    .backend = LF_BACKEND_LOCK_FILE_EX,
    .nick = "lock-file-ex",
    .kind = LOCK_IS_FILE,
    .has_shared = TRUE,
    .has_descriptor = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = N_CANCEL_ROUNDS,
  },
  {
    .backend = LF_BACKEND_HARD_LINK,
    .nick = "hard-link",
    .kind = LOCK_IS_FILE,
    .names_others = TRUE,
    .is_existence = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = N_CANCEL_ROUNDS,
  },
  {
    .backend = LF_BACKEND_PID_FILE,
    .nick = "pid-file",
    .kind = LOCK_IS_FILE,
    .names_others = TRUE,
    .is_existence = TRUE,
    .has_descriptor = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = N_CANCEL_ROUNDS,
  },
};

const gsize n_test_backends = G_N_ELEMENTS (test_backends);
