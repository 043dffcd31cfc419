/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-kernel-locks-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

/* proc_locks(5): one line a lock, in an order that is only steady within one
 * read() of the kernel's buffer, which is a page. */
#define STEADY_LENGTH 4000

/* How often a lock that is held is looked for in a list that is not steady. */
#define MAX_LOOKS 20

/* The inode number that the kernel gives the first PID namespace. */
#define INITIAL_PID_NAMESPACE "pid:[4026531836]"

/* A file as the kernel's lists name it. */
typedef struct
{
  LfKernelLockKind kind;
  guint device_major;
  guint device_minor;
  guint64 inode;
} LockedFile;

/* By the name that the kernel gives a lock. Whatever part of the file a lock of
 * fcntl(2) is for, ours is for all of it. */
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

    default:
      return FALSE;
    }
}

/* Whether a line of /proc/locks, or of what follows "lock:" in an fdinfo file,
 * is of a lock that is held on @file; if so @pid is set. */
static gboolean
match_lock_line (const char       *line,
                 const LockedFile *file,
                 int              *pid)
{
  char kind[16], mode[16];
  guint device_major, device_minor;
  guint64 inode;

  /* A waiter's line has "->" where a holder's has the kind, and does not match */
  if (sscanf (line, "%*u: %15s %*15s %15s %d %x:%x:%" G_GINT64_MODIFIER "u",
              kind, mode, pid, &device_major, &device_minor, &inode) != 6)
    return FALSE;

  return is_of_kind (kind, file->kind) && device_major == file->device_major &&
         device_minor == file->device_minor && inode == file->inode;
}

static gboolean
find_in_list (const LockedFile *file,
              int              *pid,
              gboolean         *steady)
{
  g_autofree char *list = NULL;
  gsize length;

  *steady = FALSE;
  if (!g_file_get_contents ("/proc/locks", &list, &length, NULL))
    return FALSE;

  *steady = length <= STEADY_LENGTH;

  for (char *line = list, *next; line != NULL; line = next)
    {
      next = strchr (line, '\n');
      if (next != NULL)
        *next++ = '\0';

      if (match_lock_line (line, file, pid))
        return TRUE;
    }

  return FALSE;
}

/* Value of the line "@key:\tvalue" of an fdinfo file, or NULL. */
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

/* On btrfs and overlay file systems stat(2) tells another device than the kernel
 * uses for itself. What it uses is the device of the mount. */
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

static gboolean
process_has_lock (const char       *pid,
                  const LockedFile *file)
{
  g_autofree char *directory = g_build_filename ("/proc", pid, "fdinfo", NULL);
  g_autoptr (GDir) descriptors = g_dir_open (directory, 0, NULL);
  const char *name;

  while (descriptors != NULL && (name = g_dir_read_name (descriptors)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);
      g_autofree char *text = NULL;
      int taker;

      if (!g_file_get_contents (path, &text, NULL, NULL))
        continue;

      for (const char *lock = find_fdinfo_value (text, "lock"); lock != NULL;
           lock = find_fdinfo_value (lock, "lock"))
        {
          if (match_lock_line (lock, file, &taker))
            return TRUE;
        }
    }

  return FALSE;
}

/* The list names the process that took the lock, but for a lock of an open file
 * description. If that process is gone, the lock lives in a descriptor that
 * another one inherited or was sent. */
static int
find_heir (const LockedFile *file)
{
  g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while (processes != NULL && (name = g_dir_read_name (processes)) != NULL)
    {
      if (g_ascii_isdigit (name[0]) && process_has_lock (name, file))
        return atoi (name);
    }

  return 0;
}

static gboolean
process_exists (int pid)
{
  g_autofree char *directory = g_strdup_printf ("/proc/%d", pid);

  return g_access (directory, F_OK) == 0;
}

/* File systems whose locks live in this kernel alone. */
static gboolean
is_local (const char *path)
{
  static const guint32 local_types[] = {
    0xef53,     /* ext2, ext3, ext4 */
    0x58465342, /* xfs */
    0x9123683e, /* btrfs */
    0xf2f52010, /* f2fs */
    0x01021994, /* tmpfs */
    0x858458f6, /* ramfs */
    0x794c7630, /* overlay */
  };
  struct statfs file_system;

  if (statfs (path, &file_system) != 0)
    return FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (local_types); i++)
    {
      if ((guint32) file_system.f_type == local_types[i])
        return TRUE;
    }

  return FALSE;
}

/* The list leaves out whatever processes of other PID namespaces hold, unless
 * all of those lie below ours. */
static gboolean
sees_all_processes (void)
{
  g_autofree char *name_space = g_file_read_link ("/proc/self/ns/pid", NULL);

  return g_strcmp0 (name_space, INITIAL_PID_NAMESPACE) == 0;
}

/* Finds the lock on @file, whose device is set to what the kernel calls it. */
static gboolean
find_listed (const char *path,
             LockedFile *file,
             int        *pid,
             gboolean   *steady)
{
  LockedFile mounted = *file;

  if (find_in_list (file, pid, steady))
    return TRUE;

  if (!resolve_through_mount (path, &mounted) ||
      (mounted.device_major == file->device_major && mounted.device_minor == file->device_minor &&
       mounted.inode == file->inode))
    return FALSE;

  *file = mounted;

  return find_in_list (file, pid, steady);
}

static LockedFile
locked_file_new (const struct stat *path_stat,
                 LfKernelLockKind   kind)
{
  return (LockedFile) {
    kind, major (path_stat->st_dev), minor (path_stat->st_dev), path_stat->st_ino
  };
}

LfKernelLocks
lf_kernel_locks_find (const char         *path,
                      const struct stat  *path_stat,
                      LfKernelLockKind    kind,
                      int                *pid)
{
  LockedFile file = locked_file_new (path_stat, kind);
  gboolean steady;

  *pid = 0;
  if (!find_listed (path, &file, pid, &steady))
    {
      if (!steady)
        return LF_KERNEL_LOCKS_MISSED;

      return is_local (path) && sees_all_processes () ? LF_KERNEL_LOCKS_FREE
                                                      : LF_KERNEL_LOCKS_UNKNOWN;
    }

  if (*pid <= 0 || !process_exists (*pid))
    *pid = find_heir (&file);

  return LF_KERNEL_LOCKS_HELD;
}

int
lf_kernel_locks_find_held (const char        *path,
                           const struct stat *path_stat,
                           LfKernelLockKind   kind)
{
  LockedFile file = locked_file_new (path_stat, kind);
  LfKernelLocks listed = LF_KERNEL_LOCKS_MISSED;
  gboolean steady;
  int pid = 0;

  for (guint i = 0; i < MAX_LOOKS && listed == LF_KERNEL_LOCKS_MISSED; i++)
    listed = lf_kernel_locks_find (path, path_stat, kind, &pid);

  if (listed == LF_KERNEL_LOCKS_HELD)
    return pid;

  /* Outside the first PID namespace, the list leaves out a lock whose taker has
   * died; the descriptor of its heir tells of it all the same */
  find_listed (path, &file, &pid, &steady);

  return find_heir (&file);
}
