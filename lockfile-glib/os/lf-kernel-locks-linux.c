/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-kernel-locks-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "os/lf-file-system-private.h"
#include "os/lf-lock-list-private.h"
#include "os/lf-process-private.h"

/* How often the list is read until it is complete. */
#define N_LOOKS 10

/* The inode number of the initial PID namespace. */
#define INITIAL_PID_NAMESPACE "pid:[4026531836]"

/* A file as the kernel's lists identify it, and as stat(2) does. */
typedef struct
{
  LfKernelLockKind kind;
  guint device_major;
  guint device_minor;
  guint64 inode;
  guint64 stat_device;
  guint64 stat_inode;
} LockedFile;

/* What is known about a process and a file. */
typedef enum
{
  PROCESS_HAS_LOCK,
  PROCESS_HAS_NO_LOCK,
  PROCESS_IS_CLOSED, /* we may not look into it */
} ProcessLook;

/* Compares with the kernel's name of the kind. A fcntl(2) lock counts whatever part of the
 * file it covers, since ours covers all of it. */
static gboolean
is_of_kind (const char       *name,
            LfKernelLockKind  kind)
{
  switch (kind)
    {
    case LF_KERNEL_LOCK_FLOCK:
      return g_str_equal (name, "FLOCK");

    case LF_KERNEL_LOCK_FCNTL:
      return g_str_equal (name, "OFDLCK") || g_str_equal (name, "POSIX");

    case LF_KERNEL_LOCK_POSIX:
      return g_str_equal (name, "POSIX");

    default:
      return FALSE;
    }
}

/* Whether a line of /proc/locks describes a lock that is held on @file. If so, @pid is set. */
static gboolean
match_lock_line (const char       *line,
                 const LockedFile *file,
                 int              *pid)
{
  char kind[16], mode[16];
  guint device_major, device_minor;
  guint64 inode;

  /* Lines of waiters do not match: they have "->" in place of the kind */
  if (sscanf (line, "%*u: %15s %*15s %15s %d %x:%x:%" G_GINT64_MODIFIER "u",
              kind, mode, pid, &device_major, &device_minor, &inode) != 6)
    return FALSE;

  return is_of_kind (kind, file->kind) && device_major == file->device_major &&
         device_minor == file->device_minor && inode == file->inode;
}

/* The value in the line "@key:\tvalue" of an fdinfo file, or NULL. */
static const char *
find_fdinfo_value (const char *text,
                   const char *key)
{
  const char *line = text;

  while (line != NULL && !(g_str_has_prefix (line, key) && line[strlen (key)] == ':'))
    {
      line = strchr (line, '\n');
      if (line != NULL)
        line++;
    }

  return line != NULL ? line + strlen (key) + 1 : NULL;
}

/* On btrfs and overlay file systems, stat(2) reports another device than the kernel's own,
 * which is the device of the mount. */
static gboolean
resolve_through_mount (const char *path,
                       LockedFile *file)
{
  g_autofree char *fdinfo_path = NULL;
  g_autofree char *fdinfo = NULL;
  g_autofree char *mounts = NULL;
  const char *mount_value, *inode_value;
  gint64 mount;
  gboolean known;
  int fd = open (path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return FALSE;

  fdinfo_path = g_strdup_printf ("/proc/self/fdinfo/%d", fd);
  known = g_file_get_contents (fdinfo_path, &fdinfo, NULL, NULL) &&
          g_file_get_contents ("/proc/self/mountinfo", &mounts, NULL, NULL);
  close (fd);
  if (!known)
    return FALSE;

  mount_value = find_fdinfo_value (fdinfo, "mnt_id");
  inode_value = find_fdinfo_value (fdinfo, "ino");
  if (mount_value == NULL || inode_value == NULL)
    return FALSE;

  mount = g_ascii_strtoll (mount_value, NULL, 10);
  file->inode = g_ascii_strtoull (inode_value, NULL, 10);

  for (const char *line = mounts; line != NULL && *line != '\0';)
    {
      gint64 id;

      if (sscanf (line, "%" G_GINT64_MODIFIER "d %*d %u:%u",
                  &id, &file->device_major, &file->device_minor) == 3 && id == mount)
        return TRUE;

      line = strchr (line, '\n');
      if (line != NULL)
        line++;
    }

  return FALSE;
}

/* Whether an fdinfo file, which lists only the locks of one file, has a lock of that kind. */
static ProcessLook
look_at_descriptor (int              fdinfo_directory,
                    const char      *name,
                    LfKernelLockKind kind)
{
  char text[4096], listed[16];
  gssize length;
  int fd = openat (fdinfo_directory, name, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return errno == ENOENT ? PROCESS_HAS_NO_LOCK : PROCESS_IS_CLOSED;

  length = read (fd, text, sizeof text - 1);
  close (fd);
  if (length < 0)
    return PROCESS_IS_CLOSED;
  text[length] = '\0';

  for (const char *lock = find_fdinfo_value (text, "lock"); lock != NULL;
       lock = find_fdinfo_value (lock, "lock"))
    {
      if (sscanf (lock, "%*u: %15s", listed) == 1 && is_of_kind (listed, kind))
        return PROCESS_HAS_LOCK;
    }

  return PROCESS_HAS_NO_LOCK;
}

/* Whether a descriptor of another process is of @file. Sends no request to a server. */
static gboolean
descriptor_is_of_file (int               fd_directory,
                       const char       *name,
                       const LockedFile *file)
{
#ifdef HAVE_STATX
  struct statx file_stat;

  return statx (fd_directory, name, AT_STATX_DONT_SYNC, STATX_INO, &file_stat) == 0 &&
         file_stat.stx_ino == file->stat_inode &&
         makedev (file_stat.stx_dev_major, file_stat.stx_dev_minor) == file->stat_device;
#else
  struct stat file_stat;

  return fstatat (fd_directory, name, &file_stat, 0) == 0 &&
         file_stat.st_ino == file->stat_inode && file_stat.st_dev == file->stat_device;
#endif
}

static int
open_directory_of (const char *pid,
                   const char *name)
{
  g_autofree char *path = g_build_filename ("/proc", pid, name, NULL);

  return open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Only the locks of descriptors of @file are listed: comparing the files is much faster
 * than listing locks. It also distinguishes files that have the same numbers in the list,
 * in different subvolumes of btrfs. With @open_is_enough, a process that has the file open
 * counts as having the lock. */
static ProcessLook
look_into_process (const char       *pid,
                   const LockedFile *file,
                   gboolean          open_is_enough)
{
  int fd_directory = open_directory_of (pid, "fd");
  int fdinfo_directory = open_directory_of (pid, "fdinfo");
  ProcessLook look = PROCESS_HAS_NO_LOCK;
  gboolean has_directories;
  struct dirent *entry;
  DIR *descriptors;

  descriptors = fd_directory >= 0 ? fdopendir (fd_directory) : NULL;
  if (descriptors == NULL || fdinfo_directory < 0)
    look = PROCESS_IS_CLOSED;

  has_directories = look == PROCESS_HAS_NO_LOCK;
  while (has_directories && look != PROCESS_HAS_LOCK && (entry = readdir (descriptors)) != NULL)
    {
      ProcessLook found;

      if (!g_ascii_isdigit (entry->d_name[0]) ||
          !descriptor_is_of_file (fd_directory, entry->d_name, file))
        continue;

      found = open_is_enough ? PROCESS_HAS_LOCK
                             : look_at_descriptor (fdinfo_directory, entry->d_name, file->kind);
      if (found != PROCESS_HAS_NO_LOCK)
        look = found;
    }

  if (descriptors != NULL)
    closedir (descriptors);
  else if (fd_directory >= 0)
    close (fd_directory);
  if (fdinfo_directory >= 0)
    close (fdinfo_directory);

  return look;
}

/* The holder that was found last, with its file. It is tried first, since programs often
 * ask for the holder of the same lock again and again. */
typedef struct
{
  GMutex mutex;
  guint64 device;
  guint64 inode;
  int pid;
} LastHolder;

static gpointer
last_holder_new (void)
{
  LastHolder *self = g_new0 (LastHolder, 1);

  g_mutex_init (&self->mutex);

  return self;
}

static int
get_last_holder (const LockedFile *file)
{
  LastHolder *last = lf_process_get_state (LF_PROCESS_LAST_HOLDER, last_holder_new);
  int pid = 0;

  g_mutex_lock (&last->mutex);
  if (last->device == file->stat_device && last->inode == file->stat_inode)
    pid = last->pid;
  g_mutex_unlock (&last->mutex);

  return pid;
}

static void
set_last_holder (const LockedFile *file,
                 int               pid)
{
  LastHolder *last = lf_process_get_state (LF_PROCESS_LAST_HOLDER, last_holder_new);

  g_mutex_lock (&last->mutex);
  last->device = file->stat_device;
  last->inode = file->stat_inode;
  last->pid = pid;
  g_mutex_unlock (&last->mutex);
}

/* For most locks, the list names the process that took the lock, but not for an open file
 * description. If that process has ended or closed its descriptor, the lock remains in a
 * descriptor that another process inherited or received. */
static int
find_heir (const LockedFile *file)
{
  g_autoptr (GDir) processes = NULL;
  const char *name;
  int last = get_last_holder (file);

  if (last != 0)
    {
      g_autofree char *last_name = g_strdup_printf ("%d", last);

      if (look_into_process (last_name, file, FALSE) == PROCESS_HAS_LOCK)
        return last;
    }

  processes = g_dir_open ("/proc", 0, NULL);
  while (processes != NULL && (name = g_dir_read_name (processes)) != NULL)
    {
      if (g_ascii_isdigit (name[0]) && look_into_process (name, file, FALSE) == PROCESS_HAS_LOCK)
        {
          set_last_holder (file, atoi (name));
          return atoi (name);
        }
    }

  return 0;
}

static gboolean
process_exists (int pid)
{
  g_autofree char *directory = g_strdup_printf ("/proc/%d", pid);

  return g_access (directory, F_OK) == 0;
}

static LockedFile
locked_file_new (const struct stat *path_stat,
                 LfKernelLockKind   kind)
{
  return (LockedFile) {
    kind, major (path_stat->st_dev), minor (path_stat->st_dev), path_stat->st_ino,
    path_stat->st_dev, path_stat->st_ino
  };
}

/* The list leaves out what processes of other PID namespaces hold, unless these namespaces
 * are all below ours. */
static gboolean
sees_all_processes (void)
{
  g_autofree char *name_space = g_file_read_link ("/proc/self/ns/pid", NULL);

  return g_strcmp0 (name_space, INITIAL_PID_NAMESPACE) == 0;
}

/* Sets the device and inode that the kernel uses. FALSE if these are those of stat(2). */
static gboolean
is_named_differently (const char *path,
                      LockedFile *file)
{
  LockedFile mounted = *file;

  /* For a block device, both are the same */
  if (file->device_major != 0)
    return FALSE;

  if (!resolve_through_mount (path, &mounted) ||
      (mounted.device_major == file->device_major && mounted.device_minor == file->device_minor &&
       mounted.inode == file->inode))
    return FALSE;

  *file = mounted;

  return TRUE;
}

/* Judges a line of the list with the numbers of the file. If stat(2) reports other numbers
 * than the kernel uses, several files can have the same ones. */
static LfKernelLocks
judge_line (const LockedFile *file,
            gboolean          is_ambiguous,
            int              *pid)
{
  g_autofree char *name = g_strdup_printf ("%d", *pid);

  if (*pid > 0 && process_exists (*pid))
    {
      if (!is_ambiguous)
        return LF_KERNEL_LOCKS_HELD;

      switch (look_into_process (name, file, file->kind == LF_KERNEL_LOCK_FCNTL))
        {
        case PROCESS_HAS_LOCK:
          return LF_KERNEL_LOCKS_HELD;

        case PROCESS_IS_CLOSED:
          return LF_KERNEL_LOCKS_UNKNOWN;

        case PROCESS_HAS_NO_LOCK:
        default:
          /* A POSIX lock cannot be inherited */
          if (file->kind == LF_KERNEL_LOCK_FCNTL)
            return LF_KERNEL_LOCKS_FREE;
          break;
        }
    }

  *pid = find_heir (file);

  return *pid != 0 || !is_ambiguous ? LF_KERNEL_LOCKS_HELD : LF_KERNEL_LOCKS_UNKNOWN;
}

/* HELD, UNKNOWN if a line may be about the file, or FREE if no line is. */
static LfKernelLocks
find_in_list (char             *list,
              const LockedFile *file,
              gboolean          is_ambiguous,
              int              *pid)
{
  LfKernelLocks found = LF_KERNEL_LOCKS_FREE;

  for (char *line = list, *next; line != NULL; line = next)
    {
      LfKernelLocks judged;

      next = strchr (line, '\n');
      if (next != NULL)
        *next++ = '\0';

      if (!match_lock_line (line, file, pid))
        continue;

      judged = judge_line (file, is_ambiguous, pid);
      if (judged == LF_KERNEL_LOCKS_HELD)
        return judged;
      if (judged == LF_KERNEL_LOCKS_UNKNOWN)
        found = judged;
    }

  return found;
}

LfKernelLocks
lf_kernel_locks_find (const char         *path,
                      const struct stat  *path_stat,
                      LfKernelLockKind    kind,
                      int                *pid)
{
  LockedFile file = locked_file_new (path_stat, kind);
  gboolean is_ambiguous = is_named_differently (path, &file);
  LfKernelLocks found = LF_KERNEL_LOCKS_FREE;
  gboolean is_complete = FALSE;

  for (guint i = 0; i < N_LOOKS && found == LF_KERNEL_LOCKS_FREE && !is_complete; i++)
    {
      g_autofree char *list = lf_lock_list_read (&is_complete);

      if (list == NULL)
        break;

      found = find_in_list (list, &file, is_ambiguous, pid);
    }

  if (found == LF_KERNEL_LOCKS_HELD)
    return found;

  *pid = 0;

  return found == LF_KERNEL_LOCKS_FREE && is_complete &&
         lf_file_system_path_is_local (path) && sees_all_processes ()
           ? LF_KERNEL_LOCKS_FREE : LF_KERNEL_LOCKS_UNKNOWN;
}

int
lf_kernel_locks_find_held (const char        *path,
                           const struct stat *path_stat,
                           LfKernelLockKind   kind)
{
  LockedFile file = locked_file_new (path_stat, kind);
  int pid = 0;

  if (lf_kernel_locks_find (path, path_stat, kind, &pid) == LF_KERNEL_LOCKS_HELD)
    return pid;

  /* Outside the initial PID namespace, the list leaves out a lock whose taker has died, but
   * the descriptor that has inherited it still shows it */
  is_named_differently (path, &file);

  return find_heir (&file);
}

int
lf_kernel_locks_find_description (const char        *path,
                                  const struct stat *path_stat,
                                  LfKernelLockKind   kind)
{
  LockedFile file = locked_file_new (path_stat, kind);

  is_named_differently (path, &file);

  return find_heir (&file);
}

/* A POSIX lock is listed with the descriptor through which it was taken. That descriptor is
 * open, since closing it would have released the lock. */
gboolean
lf_kernel_locks_may_be_own (int fd)
{
  struct stat file_stat;
  LockedFile file;

  if (fstat (fd, &file_stat) != 0)
    return TRUE;

  file = locked_file_new (&file_stat, LF_KERNEL_LOCK_POSIX);

  /* Not /proc/self: it is empty after the first thread has ended */
  return look_into_process ("thread-self", &file, FALSE) != PROCESS_HAS_NO_LOCK;
}

/* File systems whose server does not distinguish fcntl(2) and flock(2) locks. There, asking
 * for a fcntl(2) lock also finds a flock(2) lock. */
gboolean
lf_kernel_locks_are_one_kind (const char *path)
{
  struct statfs file_system;

  return statfs (path, &file_system) == 0 && (guint32) file_system.f_type == 0x6969; /* NFS */
}
