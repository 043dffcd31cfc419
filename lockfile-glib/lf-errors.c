/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-errors.h"

/**
 * lf_lock_error_quark:
 *
 * Gets the error domain of [error@LockError].
 *
 * Returns: the quark of the domain
 *
 * Since: 1.0
 */
G_DEFINE_QUARK (lf-lock-error-quark, lf_lock_error)

/**
 * lf_unlock_error_quark:
 *
 * Gets the error domain of [error@UnlockError].
 *
 * Returns: the quark of the domain
 *
 * Since: 1.0
 */
G_DEFINE_QUARK (lf-unlock-error-quark, lf_unlock_error)

/**
 * lf_backend_error_quark:
 *
 * Gets the error domain of [error@BackendError].
 *
 * Returns: the quark of the domain
 *
 * Since: 1.0
 */
G_DEFINE_QUARK (lf-backend-error-quark, lf_backend_error)
