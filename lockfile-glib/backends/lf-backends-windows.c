/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-guarded-private.h"

const LfBackendVTable *const lf_backends[] = {
  &lf_backend_lock_file_ex,
  &lf_backend_hard_link.vtable,
  &lf_backend_pid_file.vtable,
  NULL
};
