/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib-object.h>

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

/**
 * LfBackend:
 * @LF_BACKEND_AUTO: the platform's best: `FLOCK` on Unix, `LOCK_FILE_EX` on
 *   Windows
 * @LF_BACKEND_FLOCK: `flock(2)` on the file
 * @LF_BACKEND_FCNTL: `fcntl(2)` record lock over the whole file, as that of lockf(3)
 * @LF_BACKEND_LOCK_FILE_EX: `LockFileEx()` on the first byte, as with Python's
 *   `msvcrt.locking()`; only on Windows
 * @LF_BACKEND_HARD_LINK: a file that is linked to the path; the lock is its
 *   existence, as with `dotlockfile` and Python's `LinkLockFile`
 * @LF_BACKEND_DIRECTORY: a directory; the lock is its existence, as with
 *   proper-lockfile and Python's `MkdirLockFile`
 * @LF_BACKEND_SYMLINK: a symbolic link that leads nowhere; the lock is its
 *   existence, as with Python's `SymlinkLockFile`. Whether its holder lives, its
 *   record alone tells
 * @LF_BACKEND_PID_FILE: a file that names its holder, who has it locked with
 *   `flock(2)` too, on Windows with `LockFileEx()`; the lock is its existence, as
 *   with `QLockFile`
 * @LF_BACKEND_SQLITE: a transaction in a SQLite database, which excludes whoever
 *   writes to it
 *
 * Ways of locking a file; [choosing a backend](choosing-a-backend.html) compares
 * them.
 *
 * The way is part of the contract between programs: on Linux a flock(2) lock
 * and an fcntl(2) lock on one file do not see each other, and nothing here ever
 * changes silently from one way to another.
 *
 * The lock of `FCNTL` belongs to the open file where the system has such locks, as
 * Linux has. Elsewhere it belongs to the process, which loses it as soon as it
 * closes another descriptor of the file that is not the library's. There the objects
 * of one process queue for their turn in the kernel's queue, and a wait can give
 * %LF_LOCK_ERROR_WOULD_DEADLOCK where processes wait for each other, even if another
 * thread would have ended that.
 *
 * SQLite takes the locks that a process had before a fork for the child's own. So in
 * a child of a process with a lock of `SQLITE`, acquiring another one gives
 * %LF_BACKEND_ERROR_NOT_SUPPORTED until the child executes a program.
 *
 * [func@Lf.Backend.is_supported] tells which of them this build has. A lock file
 * with another one can be made, but acquiring it gives
 * %LF_BACKEND_ERROR_NOT_SUPPORTED.
 *
 * Since: 1.0
 */
typedef enum
{
  LF_BACKEND_AUTO,
  LF_BACKEND_FLOCK,
  LF_BACKEND_FCNTL,
  LF_BACKEND_LOCK_FILE_EX,
  LF_BACKEND_HARD_LINK,
  LF_BACKEND_DIRECTORY,
  LF_BACKEND_SYMLINK,
  LF_BACKEND_PID_FILE,
  LF_BACKEND_SQLITE
} LfBackend;

/**
 * LfLockMode:
 * @LF_LOCK_MODE_EXCLUSIVE: excludes everybody else, as writers need it
 * @LF_LOCK_MODE_SHARED: excludes exclusive locks only, as readers need it
 *
 * What a lock keeps others from.
 *
 * %LF_BACKEND_FLOCK, %LF_BACKEND_FCNTL, %LF_BACKEND_LOCK_FILE_EX and
 * %LF_BACKEND_SQLITE have shared locks.
 *
 * Since: 1.0
 */
typedef enum
{
  LF_LOCK_MODE_EXCLUSIVE,
  LF_LOCK_MODE_SHARED
} LfLockMode;

/**
 * LfLockScope:
 * @LF_LOCK_SCOPE_UNKNOWN: it cannot be told; required, it means that anything will do
 * @LF_LOCK_SCOPE_PROCESS: only this process
 * @LF_LOCK_SCOPE_HOST: the processes of this host
 * @LF_LOCK_SCOPE_ALL_HOSTS: the processes of all hosts that share the file system
 *
 * Whom a lock excludes, each value more than the one before. No way of locking that there
 * is excludes only the own process.
 *
 * [method@LockFile.query_scope] tells it, and [property@LockFile:required-scope] refuses
 * less.
 *
 * Since: 1.0
 */
typedef enum
{
  LF_LOCK_SCOPE_UNKNOWN,
  LF_LOCK_SCOPE_PROCESS,
  LF_LOCK_SCOPE_HOST,
  LF_LOCK_SCOPE_ALL_HOSTS
} LfLockScope;

LF_AVAILABLE_IN_1_0
gboolean lf_backend_is_supported (LfBackend backend);

G_END_DECLS
