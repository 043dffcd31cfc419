/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Functions of the program that replace those of the C library: they count the calls of the
 * library under test, and let one fail or call a hook before it. Link with export_dynamic. */

typedef enum
{
  CALL_OPEN, /* open() and openat() */
  CALL_READ,
  CALL_WRITE,
  CALL_FSTAT,
  CALL_STAT, /* of a path, following links or not, and statx() */
  CALL_LINK,
  CALL_SYMLINK,
  CALL_READLINK,
  CALL_UNLINK, /* and rmdir() */
  CALL_RENAME,
  CALL_MKDIR,
  CALL_FLOCK,
  CALL_FCNTL,
  CALL_FSYNC,
  CALL_FSTATFS,
  CALL_UTIMES,
  CALL_OPENDIR,
  CALL_READDIR,
  N_CALLS,
} InterceptedCall;

extern const char *const intercepted_names[N_CALLS];

/* Describes a call: its path, or NULL, its descriptor, or -1, and its flags. */
typedef void (*InterceptHook) (const char *path, int fd, int flags, gpointer data);

/* From now on, the @nth call of that kind fails with @fault, @n_times in a row.
 * intercept_nothing() ends that, and returns how many calls failed. */
void  intercept_fault    (InterceptedCall call, guint nth, guint n_times, int fault);
/* From now on, @hook runs before the @nth call of that kind, or before every call if @nth
 * is 0. */
void  intercept_hook     (InterceptedCall call, guint nth, InterceptHook hook, gpointer data);
/* From now on, calls are only counted. */
void  intercept_count    (void);
/* Only affects calls for paths that contain @part; NULL means all. */
void  intercept_only     (const char *part);
/* From now on, files without a name cannot be made, as on some file systems. */
void  intercept_refuse_unnamed (gboolean refuses);
/* From now on, all file systems are NFS: flock(2) becomes an fcntl(2) lock on the server. */
void  intercept_network  (gboolean is_network);
guint intercept_nothing  (void);
guint intercept_get_count (InterceptedCall call);

G_END_DECLS
