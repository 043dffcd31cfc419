/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include <lockfile-glib/lockfile-glib.h>

void error_codes (LfLockError    lock_error,
                  LfUnlockError  unlock_error,
                  LfBackendError backend_error);

void
error_codes (LfLockError    lock_error,
             LfUnlockError  unlock_error,
             LfBackendError backend_error)
{
}
