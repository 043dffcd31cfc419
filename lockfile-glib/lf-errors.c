/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-errors.h"

G_DEFINE_QUARK (lf-lock-error-quark, lf_lock_error)
G_DEFINE_QUARK (lf-unlock-error-quark, lf_unlock_error)
G_DEFINE_QUARK (lf-backend-error-quark, lf_backend_error)
