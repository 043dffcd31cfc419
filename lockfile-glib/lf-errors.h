/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib-object.h>

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

/**
 * LF_LOCK_ERROR:
 *
 * The error domain for failures to acquire a lock; see [error@LockError].
 *
 * Since: 1.0
 */
#define LF_LOCK_ERROR (lf_lock_error_quark ())

/**
 * LfLockError:
 * @LF_LOCK_ERROR_FAILED: the lock could not be acquired, for a reason that has no other
 *   code
 * @LF_LOCK_ERROR_ALREADY_LOCKED: somebody else holds the lock, and the call was not to
 *   wait
 * @LF_LOCK_ERROR_TIMED_OUT: somebody else held the lock until the timeout expired
 * @LF_LOCK_ERROR_WOULD_DEADLOCK: the calling thread holds the lock through another
 *   object and would wait forever; or the system found that the holder waits for a lock
 *   of this process, which some systems do for %LF_BACKEND_FCNTL
 *
 * Why a lock was not acquired. You can try again later.
 *
 * Failures of the backend have the domain [error@BackendError]; failures of the path, and
 * a cancel, have %G_IO_ERROR. [method@LockFile.acquire] lists all errors.
 *
 * Since: 1.0
 */
typedef enum
{
  LF_LOCK_ERROR_FAILED,
  LF_LOCK_ERROR_ALREADY_LOCKED,
  LF_LOCK_ERROR_TIMED_OUT,
  LF_LOCK_ERROR_WOULD_DEADLOCK
} LfLockError;

LF_AVAILABLE_IN_1_0
GQuark lf_lock_error_quark (void);

/**
 * LF_UNLOCK_ERROR:
 *
 * The error domain for failures to release a lock; see [error@UnlockError].
 *
 * Since: 1.0
 */
#define LF_UNLOCK_ERROR (lf_unlock_error_quark ())

/**
 * LfUnlockError:
 * @LF_UNLOCK_ERROR_FAILED: the system refused; the lock is still held
 * @LF_UNLOCK_ERROR_NOT_LOCKED: nobody holds the lock: it was never acquired, or it was
 *   broken and has not been acquired since
 * @LF_UNLOCK_ERROR_NOT_MY_LOCK: somebody else holds the lock: another object or
 *   process, the next holder after the lock was broken or replaced, or the process that
 *   this one was forked from
 *
 * Why a lock was not released. What the lock protected is suspect: somebody else may have
 * changed it.
 *
 * Since: 1.0
 */
typedef enum
{
  LF_UNLOCK_ERROR_FAILED,
  LF_UNLOCK_ERROR_NOT_LOCKED,
  LF_UNLOCK_ERROR_NOT_MY_LOCK
} LfUnlockError;

LF_AVAILABLE_IN_1_0
GQuark lf_unlock_error_quark (void);

/**
 * LF_BACKEND_ERROR:
 *
 * The error domain for failures of a backend; see [error@BackendError].
 *
 * Since: 1.0
 */
#define LF_BACKEND_ERROR (lf_backend_error_quark ())

/**
 * LfBackendError:
 * @LF_BACKEND_ERROR_FAILED: the backend failed, for a reason that has no other code
 * @LF_BACKEND_ERROR_NOT_SUPPORTED: the backend does not work with this platform, build,
 *   file system or mode or, for %LF_BACKEND_SQLITE, after a fork
 * @LF_BACKEND_ERROR_INVALID_LOCK_FILE: the path has something that cannot be a lock of
 *   this backend, such as a directory, a FIFO, a socket or a symbolic link; or breaking
 *   the lock would remove data
 *
 * Why a backend cannot work. Choose another backend or another path.
 *
 * Since: 1.0
 */
typedef enum
{
  LF_BACKEND_ERROR_FAILED,
  LF_BACKEND_ERROR_NOT_SUPPORTED,
  LF_BACKEND_ERROR_INVALID_LOCK_FILE
} LfBackendError;

LF_AVAILABLE_IN_1_0
GQuark lf_backend_error_quark (void);

G_END_DECLS
