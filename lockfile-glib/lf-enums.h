/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib-object.h>

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

/**
 * LfBackend:
 * @LF_BACKEND_AUTO: the platform's best: `FLOCK` on Unix, `LOCK_FILE_EX` on
 *   Windows
 * @LF_BACKEND_FLOCK: `flock(2)` on the file
 * @LF_BACKEND_FCNTL: `fcntl(2)` record lock over the whole file, like those of lockf(3)
 * @LF_BACKEND_LOCK_FILE_EX: `LockFileEx()` on the first byte, like Python's
 *   `msvcrt.locking()`; only on Windows
 * @LF_BACKEND_HARD_LINK: a file that is linked to the path; the lock is its existence,
 *   as with `dotlockfile` and Python's `LinkLockFile`
 * @LF_BACKEND_DIRECTORY: a directory; the lock is its existence, as with
 *   proper-lockfile and Python's `MkdirLockFile`
 * @LF_BACKEND_SYMLINK: a symbolic link whose target does not exist; the lock is the
 *   link's existence, as with Python's `SymlinkLockFile`. Only the link's record says
 *   whether its holder lives
 * @LF_BACKEND_PID_FILE: a file that names its holder; the lock is its existence, as
 *   with `QLockFile`. The holder also has the file locked, with `flock(2)` or, on
 *   Windows, with `LockFileEx()`
 * @LF_BACKEND_SQLITE: a transaction in a SQLite database, which excludes all programs
 *   that write to it
 *
 * The ways to lock a file. [Choosing a backend](choosing-a-backend.html) compares them.
 *
 * The backend is part of the contract between programs: on Linux, flock(2) and fcntl(2)
 * locks on one file do not see each other. The library never changes silently from one
 * backend to another.
 *
 * If the system has open-file-description locks, as Linux does, a lock of `FCNTL`
 * belongs to the open file. Otherwise it belongs to the process, which loses it as soon
 * as it closes another descriptor of the file that is not the library's. On such
 * systems, the objects of one process take turns in the kernel's queue. A wait can then
 * fail with %LF_LOCK_ERROR_WOULD_DEADLOCK when processes wait for each other, even if
 * another thread would have released its lock.
 *
 * SQLite in a forked child believes that the parent's locks belong to the child. So in
 * a child of a process that had a lock of `SQLITE`, acquiring another one fails with
 * %LF_BACKEND_ERROR_NOT_SUPPORTED until the child executes a program.
 *
 * [func@Lf.Backend.is_supported] tells which backends this build has. You can make a
 * lock file with another one, but acquiring it fails with
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
 * @LF_LOCK_MODE_EXCLUSIVE: excludes all other locks, for writers
 * @LF_LOCK_MODE_SHARED: excludes only exclusive locks, for readers
 *
 * Which other locks a lock excludes.
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
 * @LF_LOCK_SCOPE_UNKNOWN: it is not known. As a required scope, it means that any scope
 *   will do
 * @LF_LOCK_SCOPE_PROCESS: only this process
 * @LF_LOCK_SCOPE_HOST: the processes of this host
 * @LF_LOCK_SCOPE_ALL_HOSTS: the processes of all hosts that share the file system
 *
 * Which programs a lock excludes, from few to many. No backend of this library has a lock
 * that excludes only its own process.
 *
 * [method@LockFile.query_scope] finds out the scope of a lock, and
 * [property@LockFile:required-scope] refuses a smaller one.
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
