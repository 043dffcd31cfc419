/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-backend-private.h"

const LfBackendClass *const lf_backends[] = {
  &lf_backend_lock_file_ex,
  &lf_backend_hard_link,
  &lf_backend_pid_file,
  NULL
};
