/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib-object.h>

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

/**
 * LF_LOCK_ERROR:
 *
 * Error domain of failures to get a lock; see [error@LockError].
 *
 * Since: 1.0
 */
#define LF_LOCK_ERROR (lf_lock_error_quark ())

/**
 * LfLockError:
 * @LF_LOCK_ERROR_FAILED: the lock could not be had for a reason that no other
 *   code names
 * @LF_LOCK_ERROR_ALREADY_LOCKED: somebody else holds it, and no wait was asked
 *   for
 * @LF_LOCK_ERROR_TIMED_OUT: somebody else held it until the time was over
 * @LF_LOCK_ERROR_WOULD_DEADLOCK: the calling thread holds it already through
 *   another object and asked to wait forever; or the system found, as some do
 *   for %LF_BACKEND_FCNTL, that its holder waits for a lock of this process
 *
 * Why a lock was not acquired. The caller may try again later.
 *
 * Not every failure has this domain: failures of the backend have
 * [error@BackendError], and those of the path, or a cancel,
 * %G_IO_ERROR. [method@LockFile.acquire] lists them.
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
 * Error domain of failures to release a lock; see [error@UnlockError].
 *
 * Since: 1.0
 */
#define LF_UNLOCK_ERROR (lf_unlock_error_quark ())

/**
 * LfUnlockError:
 * @LF_UNLOCK_ERROR_FAILED: the system refused; the lock is still held
 * @LF_UNLOCK_ERROR_NOT_LOCKED: nobody holds it: it never was locked, or it was
 *   broken and nobody has taken it since
 * @LF_UNLOCK_ERROR_NOT_MY_LOCK: somebody else holds it: another object or
 *   process, a successor after the lock was broken or replaced, or the process
 *   that this one was forked from
 *
 * Why a lock was not released. What the lock protected is suspect: somebody
 * else may have worked on it meanwhile.
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
 * Error domain of failures of a way of locking; see [error@BackendError].
 *
 * Since: 1.0
 */
#define LF_BACKEND_ERROR (lf_backend_error_quark ())

/**
 * LfBackendError:
 * @LF_BACKEND_ERROR_FAILED: this way of locking failed for a reason that no
 *   other code names
 * @LF_BACKEND_ERROR_NOT_SUPPORTED: the platform, the build, the file system,
 *   the mode or, with %LF_BACKEND_SQLITE, a fork does not allow this way of locking
 * @LF_BACKEND_ERROR_INVALID_LOCK_FILE: the path holds something that cannot be a
 *   lock of this kind, as a directory, a FIFO, a socket or a symbolic link; or
 *   breaking the lock would remove data
 *
 * Why a way of locking cannot work. The caller should choose another backend or
 * another path.
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
