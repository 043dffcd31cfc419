/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"
#include "backends/lf-kernel-file-private.h"

const LfBackendVTable *const lf_backends[] = {
  &lf_backend_flock.vtable,
  &lf_backend_fcntl.vtable,
  &lf_backend_hard_link.vtable,
  &lf_backend_directory.vtable,
  &lf_backend_symlink.vtable,
  &lf_backend_pid_file.vtable,
#ifdef HAVE_SQLITE
  &lf_backend_sqlite,
#endif
  NULL
};
