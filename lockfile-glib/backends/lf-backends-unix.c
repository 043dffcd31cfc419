/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-backend-private.h"

const LfBackendClass *const lf_backends[] = {
  &lf_backend_flock,
  &lf_backend_fcntl,
  &lf_backend_hard_link,
  &lf_backend_directory,
  &lf_backend_symlink,
  &lf_backend_pid_file,
#ifdef HAVE_SQLITE
  &lf_backend_sqlite,
#endif
  NULL
};
