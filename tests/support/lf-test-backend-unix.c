/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-backend.h"

#define N_ROUNDS 2000
#define N_CANCEL_ROUNDS 1000

const TestBackend test_backends[] = {
  {
    .backend = LF_BACKEND_FLOCK,
    .nick = "flock",
    .kind = LOCK_IS_FILE,
    .locks_directories = TRUE,
    .names_others = TRUE,
    .has_shared = TRUE,
    .has_descriptor = TRUE,
    .has_queue = TRUE,
    .is_woken = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = 10 * N_CANCEL_ROUNDS,
  },
  {
    .backend = LF_BACKEND_FCNTL,
    .nick = "fcntl",
    .kind = LOCK_IS_FILE,
    .names_others = TRUE,
    .has_shared = TRUE,
    .has_descriptor = TRUE,
    .has_queue = TRUE,
    .is_woken = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = 2 * N_CANCEL_ROUNDS,
  },
  {
    .backend = LF_BACKEND_HARD_LINK,
    .nick = "hard-link",
    .kind = LOCK_IS_FILE,
    .names_others = TRUE,
    .is_existence = TRUE,
    .is_woken = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = N_CANCEL_ROUNDS,
  },
  {
    .backend = LF_BACKEND_DIRECTORY,
    .nick = "directory",
    .kind = LOCK_IS_DIRECTORY,
    .names_others = TRUE,
    .is_existence = TRUE,
    .is_woken = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = N_CANCEL_ROUNDS,
  },
  {
    .backend = LF_BACKEND_SYMLINK,
    .nick = "symlink",
    .kind = LOCK_IS_SYMLINK,
    .names_others = TRUE,
    .is_existence = TRUE,
    .is_woken = TRUE,
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
    .is_woken = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = N_CANCEL_ROUNDS,
  },
  {
    .backend = LF_BACKEND_SQLITE,
    .nick = "sqlite",
    .kind = LOCK_IS_FILE,
    .names_others = TRUE,
    .refuses_children = TRUE,
    .has_shared = TRUE,
    .n_counter_rounds = N_ROUNDS,
    .n_cancel_rounds = N_CANCEL_ROUNDS,
  },
};

const gsize n_test_backends = G_N_ELEMENTS (test_backends);
