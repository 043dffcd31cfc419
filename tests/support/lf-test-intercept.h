/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The program's own functions in front of those of the C library: they count the calls
 * of the library under test, and fail one of them or do something just before it. Link
 * with export_dynamic. */

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

/* What one call is about: its path, or NULL, its descriptor, or -1, and its flags. */
typedef void (*InterceptHook) (const char *path, int fd, int flags, gpointer data);

/* From now on the @nth call of that kind fails with @fault, and as many after it as
 * @n_times says. Returns to normal with intercept_nothing(), which says how many were
 * struck. */
void  intercept_fault    (InterceptedCall call, guint nth, guint n_times, int fault);
/* From now on, runs before the @nth call of that kind, or every one if that is 0. */
void  intercept_hook     (InterceptedCall call, guint nth, InterceptHook hook, gpointer data);
/* From now on, calls are only counted. */
void  intercept_count    (void);
/* Only calls for paths that contain this are meant; NULL means all. */
void  intercept_only     (const char *part);
/* Files without a name cannot be made from now on, as on some file systems. */
void  intercept_refuse_unnamed (gboolean refuses);
/* From now on, the file systems are NFS: flock(2) is a lock of fcntl(2) to the server. */
void  intercept_network  (gboolean is_network);
guint intercept_nothing  (void);
guint intercept_get_count (InterceptedCall call);

G_END_DECLS
