/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-intercept.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <gmodule.h>

#define NFS_TYPE 0x6969

const char *const intercepted_names[N_CALLS] = {
  [CALL_OPEN] = "open",
  [CALL_READ] = "read",
  [CALL_WRITE] = "write",
  [CALL_FSTAT] = "fstat",
  [CALL_STAT] = "stat",
  [CALL_LINK] = "link",
  [CALL_SYMLINK] = "symlink",
  [CALL_READLINK] = "readlink",
  [CALL_UNLINK] = "unlink",
  [CALL_RENAME] = "rename",
  [CALL_MKDIR] = "mkdir",
  [CALL_FLOCK] = "flock",
  [CALL_FCNTL] = "fcntl",
  [CALL_FSYNC] = "fsync",
  [CALL_FSTATFS] = "fstatfs",
  [CALL_UTIMES] = "utimes",
  [CALL_OPENDIR] = "opendir",
  [CALL_READDIR] = "readdir",
};

static struct
{
  int armed; /* atomic */
  int counts[N_CALLS]; /* atomic */
  int n_struck; /* atomic */
  InterceptedCall call;
  int nth;
  int n_times;
  int fault;
  InterceptHook hook;
  gpointer hook_data;
  const char *part;
  gboolean refuses_unnamed;
  gboolean is_network;
} state;

/* A hook may itself make such calls. */
static __thread gboolean in_hook;

static void
arm (InterceptedCall call,
     guint           nth,
     guint           n_times,
     int             fault,
     InterceptHook   hook,
     gpointer        data)
{
  g_atomic_int_set (&state.armed, FALSE);
  state.call = call;
  state.nth = (int) nth;
  state.n_times = (int) n_times;
  state.fault = fault;
  state.hook = hook;
  state.hook_data = data;
  for (int i = 0; i < N_CALLS; i++)
    g_atomic_int_set (&state.counts[i], 0);
  g_atomic_int_set (&state.n_struck, 0);
  g_atomic_int_set (&state.armed, TRUE);
}

void
intercept_fault (InterceptedCall call,
                 guint           nth,
                 guint           n_times,
                 int             fault)
{
  arm (call, nth, n_times, fault, NULL, NULL);
}

void
intercept_hook (InterceptedCall call,
                guint           nth,
                InterceptHook   hook,
                gpointer        data)
{
  arm (call, nth, 0, 0, hook, data);
}

void
intercept_count (void)
{
  arm (CALL_OPEN, 0, 0, 0, NULL, NULL);
}

void
intercept_only (const char *part)
{
  state.part = part;
}

void
intercept_refuse_unnamed (gboolean refuses)
{
  state.refuses_unnamed = refuses;
}

void
intercept_network (gboolean is_network)
{
  state.is_network = is_network;
}

guint
intercept_nothing (void)
{
  g_atomic_int_set (&state.armed, FALSE);
  state.part = NULL;

  return (guint) g_atomic_int_get (&state.n_struck);
}

guint
intercept_get_count (InterceptedCall call)
{
  return (guint) g_atomic_int_get (&state.counts[call]);
}

/* GLib wakes its main loops through descriptors of another kind. */
static gboolean
is_regular_file (int fd)
{
  static int (*real) (int, struct stat *);
  struct stat file_stat;

  if (real == NULL)
    real = (int (*) (int, struct stat *)) dlsym (RTLD_NEXT, "fstat64");

  return real (fd, &file_stat) == 0 && S_ISREG (file_stat.st_mode);
}

/* Whether the call fails, with errno. */
static gboolean
fails (InterceptedCall  call,
       const char      *path,
       int              fd,
       int              flags)
{
  int count, saved_errno = errno;

  if (!g_atomic_int_get (&state.armed) || in_hook)
    return FALSE;
  if ((call == CALL_READ || call == CALL_WRITE) && !is_regular_file (fd))
    return FALSE;
  if (state.part != NULL && (path == NULL || strstr (path, state.part) == NULL))
    return FALSE;

  count = g_atomic_int_add (&state.counts[call], 1) + 1;
  if (call != state.call)
    return FALSE;

  if (state.hook != NULL && (state.nth == 0 || count == state.nth))
    {
      in_hook = TRUE;
      g_atomic_int_inc (&state.n_struck);
      state.hook (path, fd, flags, state.hook_data);
      in_hook = FALSE;
      errno = saved_errno;
      return FALSE;
    }

  if (state.fault == 0 || count < state.nth || count >= state.nth + state.n_times)
    return FALSE;

  g_atomic_int_inc (&state.n_struck);
  errno = state.fault;

  return TRUE;
}

/* The common part of open() and openat(): whether the call fails, and its mode. */
static gboolean
open_fails (const char *path,
            int         flags,
            mode_t     *mode,
            va_list     arguments)
{
  gboolean is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;

  *mode = 0;
  if ((flags & O_CREAT) != 0 || is_unnamed)
    *mode = va_arg (arguments, mode_t);

  if (state.refuses_unnamed && is_unnamed)
    {
      errno = EOPNOTSUPP;
      return TRUE;
    }

  return fails (CALL_OPEN, path, -1, flags);
}

/* With 64-bit file offsets, as here and in the library, the symbol of open() is open64, and
 * so on. */
G_MODULE_EXPORT int
open (const char *path,
      int         flags,
      ...)
{
  static int (*real) (const char *, int, ...);
  va_list arguments;
  gboolean failed;
  mode_t mode;

  if (real == NULL)
    real = (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, "open64");

  va_start (arguments, flags);
  failed = open_fails (path, flags, &mode, arguments);
  va_end (arguments);

  return failed ? -1 : real (path, flags, mode);
}

G_MODULE_EXPORT int
openat (int         directory,
        const char *path,
        int         flags,
        ...)
{
  static int (*real) (int, const char *, int, ...);
  va_list arguments;
  gboolean failed;
  mode_t mode;

  if (real == NULL)
    real = (int (*) (int, const char *, int, ...)) dlsym (RTLD_NEXT, "openat64");

  va_start (arguments, flags);
  failed = open_fails (path, flags, &mode, arguments);
  va_end (arguments);

  return failed ? -1 : real (directory, path, flags, mode);
}

/* NAME, type of the result, names and types of the arguments, call, path, fd, flags */
#define WRAP(name, symbol, type, parameters, types, arguments, call, path, fd, flags, failure) \
G_MODULE_EXPORT type \
name parameters \
{ \
  static type (*real) types; \
  if (real == NULL) \
    real = (type (*) types) dlsym (RTLD_NEXT, symbol); \
  if (fails (call, path, fd, flags)) \
    return failure; \
  return real arguments; \
}

WRAP (read, "read", gssize, (int fd, void *buffer, gsize n), (int, void *, gsize), (fd, buffer, n),
      CALL_READ, NULL, fd, 0, -1)
WRAP (write, "write", gssize, (int fd, const void *buffer, gsize n), (int, const void *, gsize),
      (fd, buffer, n), CALL_WRITE, NULL, fd, 0, -1)
WRAP (fstat, "fstat64", int, (int fd, struct stat *result), (int, struct stat *), (fd, result),
      CALL_FSTAT, NULL, fd, 0, -1)
WRAP (stat, "stat64", int, (const char *path, struct stat *result), (const char *, struct stat *),
      (path, result), CALL_STAT, path, -1, 0, -1)
WRAP (lstat, "lstat64", int, (const char *path, struct stat *result), (const char *, struct stat *),
      (path, result), CALL_STAT, path, -1, 0, -1)
WRAP (fstatat, "fstatat64", int, (int directory, const char *path, struct stat *result, int flags),
      (int, const char *, struct stat *, int), (directory, path, result, flags),
      CALL_STAT, path, directory, flags, -1)
WRAP (link, "link", int, (const char *from, const char *to), (const char *, const char *),
      (from, to), CALL_LINK, from, -1, 0, -1)
WRAP (linkat, "linkat", int, (int old, const char *from, int new, const char *to, int flags),
      (int, const char *, int, const char *, int), (old, from, new, to, flags),
      CALL_LINK, from, old, flags, -1)
WRAP (symlink, "symlink", int, (const char *from, const char *to), (const char *, const char *),
      (from, to), CALL_SYMLINK, to, -1, 0, -1)
WRAP (symlinkat, "symlinkat", int, (const char *from, int directory, const char *to),
      (const char *, int, const char *), (from, directory, to), CALL_SYMLINK, to, directory, 0, -1)
WRAP (readlink, "readlink", gssize, (const char *path, char *buffer, gsize n),
      (const char *, char *, gsize), (path, buffer, n), CALL_READLINK, path, -1, 0, -1)
WRAP (readlinkat, "readlinkat", gssize, (int directory, const char *path, char *buffer, gsize n),
      (int, const char *, char *, gsize), (directory, path, buffer, n),
      CALL_READLINK, path, directory, 0, -1)
WRAP (unlink, "unlink", int, (const char *path), (const char *), (path),
      CALL_UNLINK, path, -1, 0, -1)
WRAP (rmdir, "rmdir", int, (const char *path), (const char *), (path), CALL_UNLINK, path, -1, 0, -1)
WRAP (unlinkat, "unlinkat", int, (int directory, const char *path, int flags),
      (int, const char *, int), (directory, path, flags), CALL_UNLINK, path, directory, flags, -1)
WRAP (rename, "rename", int, (const char *from, const char *to), (const char *, const char *),
      (from, to), CALL_RENAME, from, -1, 0, -1)
WRAP (renameat, "renameat", int, (int old, const char *from, int new, const char *to),
      (int, const char *, int, const char *), (old, from, new, to), CALL_RENAME, from, old, 0, -1)
WRAP (renameat2, "renameat2", int,
      (int old, const char *from, int new, const char *to, unsigned int flags),
      (int, const char *, int, const char *, unsigned int), (old, from, new, to, flags),
      CALL_RENAME, from, old, (int) flags, -1)
WRAP (mkdir, "mkdir", int, (const char *path, mode_t mode), (const char *, mode_t), (path, mode),
      CALL_MKDIR, path, -1, 0, -1)
WRAP (mkdirat, "mkdirat", int, (int directory, const char *path, mode_t mode),
      (int, const char *, mode_t), (directory, path, mode), CALL_MKDIR, path, directory, 0, -1)
WRAP (fsync, "fsync", int, (int fd), (int), (fd), CALL_FSYNC, NULL, fd, 0, -1)
WRAP (fdatasync, "fdatasync", int, (int fd), (int), (fd), CALL_FSYNC, NULL, fd, 0, -1)
WRAP (utimensat, "utimensat", int,
      (int directory, const char *path, const struct timespec times[2], int flags),
      (int, const char *, const struct timespec *, int), (directory, path, times, flags),
      CALL_UTIMES, path, directory, flags, -1)
WRAP (futimens, "futimens", int, (int fd, const struct timespec times[2]),
      (int, const struct timespec *), (fd, times), CALL_UTIMES, NULL, fd, 0, -1)
WRAP (opendir, "opendir", DIR *, (const char *path), (const char *), (path),
      CALL_OPENDIR, path, -1, 0, NULL)
WRAP (readdir, "readdir64", struct dirent *, (DIR *directory), (DIR *), (directory),
      CALL_READDIR, NULL, -1, 0, NULL)
WRAP (fdopendir, "fdopendir", DIR *, (int fd), (int), (fd), CALL_OPENDIR, NULL, fd, 0, NULL)

G_MODULE_EXPORT int
fstatfs (int            fd,
         struct statfs *result)
{
  static int (*real) (int, struct statfs *);

  if (real == NULL)
    real = (int (*) (int, struct statfs *)) dlsym (RTLD_NEXT, "fstatfs64");
  if (fails (CALL_FSTATFS, NULL, fd, 0) || real (fd, result) != 0)
    return -1;
  if (state.is_network)
    result->f_type = NFS_TYPE;

  return 0;
}

static int
call_flock (int fd,
            int operation)
{
  static int (*real) (int, int);

  if (real == NULL)
    real = (int (*) (int, int)) dlsym (RTLD_NEXT, "flock");

  return real (fd, operation);
}

static int
call_fcntl (int   fd,
            int   command,
            void *argument)
{
  static int (*real) (int, int, ...);

  if (real == NULL)
    real = (int (*) (int, int, ...)) dlsym (RTLD_NEXT, "fcntl64");

  return real (fd, command, argument);
}

/* On NFS, an exclusive lock needs a descriptor for writing. */
G_MODULE_EXPORT int
flock (int fd,
       int operation)
{
  if (fails (CALL_FLOCK, NULL, fd, operation))
    return -1;

  if (state.is_network && (operation & LOCK_EX) != 0 &&
      (call_fcntl (fd, F_GETFL, NULL) & O_ACCMODE) == O_RDONLY)
    {
      errno = EBADF;
      return -1;
    }

  return call_flock (fd, operation);
}

/* Whether the file is locked with flock(), through any descriptor. */
static gboolean
is_flocked (int fd)
{
  g_autofree char *name = g_strdup_printf ("/proc/self/fd/%d", fd);
  int other = (int) syscall (SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
  gboolean is_locked = call_flock (other, LOCK_EX | LOCK_NB) != 0;

  close (other);

  return is_locked;
}

G_MODULE_EXPORT int
fcntl (int fd,
       int command,
       ...)
{
  va_list arguments;
  void *argument;

  va_start (arguments, command);
  argument = va_arg (arguments, void *);
  va_end (arguments);

  if (fails (CALL_FCNTL, NULL, fd, command))
    return -1;

  if (state.is_network && command == F_OFD_SETLK &&
      ((struct flock *) argument)->l_type == F_WRLCK && is_flocked (fd))
    {
      errno = EAGAIN;
      return -1;
    }

  return call_fcntl (fd, command, argument);
}

/* Not every C library has functions for all system calls. */
G_MODULE_EXPORT long
syscall (long number,
         ...)
{
  static long (*real) (long, ...);
  va_list list;
  long arguments[6];

  if (real == NULL)
    real = (long (*) (long, ...)) dlsym (RTLD_NEXT, "syscall");

  va_start (list, number);
  for (gsize i = 0; i < G_N_ELEMENTS (arguments); i++)
    arguments[i] = va_arg (list, long);
  va_end (list);

  if (number == SYS_renameat2 &&
      fails (CALL_RENAME, (const char *) arguments[1], (int) arguments[0], (int) arguments[4]))
    return -1;

  return real (number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
               arguments[5]);
}
