/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "kernel-holders.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* For kcmp(2). Some C libraries lack the kernel's header that defines it */
#define KCMP_FILE 0

/* A lock from a line of proc_locks(5) or of an fdinfo file. */
typedef struct
{
  int pid;   /* of the process that took it, or -1 */
  int heir;  /* a process that has it open; 0 if not searched for */
  int fd;    /* of the heir */
  LfLockMode mode;
} Lock;

typedef struct
{
  gboolean is_flock;
  struct stat file;
  GArray *locks; /* element-type Lock */
} Search;

static gboolean
process_exists (int pid)
{
  g_autofree char *directory = g_strdup_printf ("/proc/%d", pid);

  return pid > 0 && g_access (directory, F_OK) == 0;
}

/* If the process that took the lock lives, it counts as the holder, even if others have
 * inherited the lock. */
static int
lock_get_holder (const Lock *self)
{
  return process_exists (self->pid) ? self->pid : self->heir;
}

/* Whether two processes share an open file description. */
static gboolean
is_shared_description (const Lock *a,
                       const Lock *b)
{
  return a->heir != 0 && b->heir != 0 &&
         syscall (SYS_kcmp, a->heir, b->heir, KCMP_FILE, a->fd, b->fd) == 0;
}

static void
search_add (Search *self,
            Lock    lock)
{
  int holder = lock_get_holder (&lock);

  if (holder == 0)
    return;

  for (guint i = 0; i < self->locks->len; i++)
    {
      const Lock *known = &g_array_index (self->locks, Lock, i);

      if (lock_get_holder (known) == holder || is_shared_description (known, &lock))
        return;
    }

  g_array_append_val (self->locks, lock);
}

/* Parses a line after its number. With @any_device the device is ignored: some file systems
 * show another device here than in stat(2). */
static gboolean
parse_line (const Search *self,
            const char   *line,
            gboolean      any_device,
            Lock         *lock)
{
  char kind[16], mode[16];
  guint device_major, device_minor;
  guint64 inode;

  /* Lines of waiters do not match: they have "->" in place of the kind */
  if (sscanf (line, "%*u: %15s %*15s %15s %d %x:%x:%" G_GINT64_MODIFIER "u",
              kind, mode, &lock->pid, &device_major, &device_minor, &inode) != 6)
    return FALSE;

  lock->mode = g_str_equal (mode, "READ") ? LF_LOCK_MODE_SHARED : LF_LOCK_MODE_EXCLUSIVE;

  return (strcmp (kind, "FLOCK") == 0) == self->is_flock &&
         (any_device || (makedev (device_major, device_minor) == self->file.st_dev &&
                         inode == self->file.st_ino)) &&
         (self->is_flock || strcmp (kind, "POSIX") == 0 || strcmp (kind, "OFDLCK") == 0);
}

/* Sends no request to a server about files that other processes have open. */
static gboolean
is_of_file (const Search *self,
            const char   *path)
{
#ifdef HAVE_STATX
  struct statx file;

  return statx (AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &file) == 0 &&
         file.stx_ino == self->file.st_ino &&
         makedev (file.stx_dev_major, file.stx_dev_minor) == self->file.st_dev;
#else
  struct stat file;

  return stat (path, &file) == 0 && file.st_ino == self->file.st_ino &&
         file.st_dev == self->file.st_dev;
#endif
}

static void
search_descriptor (Search     *self,
                   const char *pid,
                   const char *fd)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "fd", fd, NULL);
  g_autofree char *information_path = NULL;
  g_autofree char *information = NULL;

  if (!is_of_file (self, path))
    return;

  information_path = g_build_filename ("/proc", pid, "fdinfo", fd, NULL);
  if (!g_file_get_contents (information_path, &information, NULL, NULL))
    return;

  for (const char *line = strstr (information, "lock:"); line != NULL;
       line = strstr (line + 1, "lock:"))
    {
      Lock lock = { .heir = atoi (pid), .fd = atoi (fd) };

      if (parse_line (self, line + strlen ("lock:"), TRUE, &lock))
        search_add (self, lock);
    }
}

static void
search_process (Search     *self,
                const char *pid)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "fd", NULL);
  g_autoptr (GDir) descriptors = g_dir_open (path, 0, NULL);
  const char *fd;

  while (descriptors != NULL && (fd = g_dir_read_name (descriptors)) != NULL)
    search_descriptor (self, pid, fd);
}

/* Without privileges, this finds only processes of our own user. */
static void
search_processes (Search *self)
{
  g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while (processes != NULL && (name = g_dir_read_name (processes)) != NULL)
    {
      if (g_ascii_isdigit (name[0]))
        search_process (self, name);
    }
}

/* Unlike search_processes(), this also finds other users' processes, if they took the lock
 * themselves. */
static void
search_list (Search *self)
{
  g_autofree char *list = NULL;

  if (!g_file_get_contents ("/proc/locks", &list, NULL, NULL))
    return;

  for (const char *line = list; line != NULL && *line != '\0';)
    {
      Lock lock = { 0 };

      if (parse_line (self, line, FALSE, &lock))
        search_add (self, lock);

      line = strchr (line, '\n');
      if (line != NULL)
        line++;
    }
}

GArray *
kernel_holders_find (const char *path,
                     LfBackend   backend)
{
  GArray *holders = g_array_new (FALSE, FALSE, sizeof (KernelHolder));
  Search search = { .is_flock = backend == LF_BACKEND_FLOCK };

  if ((backend != LF_BACKEND_FLOCK && backend != LF_BACKEND_FCNTL &&
       backend != LF_BACKEND_SQLITE) || lstat (path, &search.file) != 0)
    return holders;

  search.locks = g_array_new (FALSE, FALSE, sizeof (Lock));
  search_processes (&search);
  search_list (&search);

  for (guint i = 0; i < search.locks->len; i++)
    {
      const Lock *lock = &g_array_index (search.locks, Lock, i);
      KernelHolder holder = { lock_get_holder (lock), lock->mode };

      g_array_append_val (holders, holder);
    }
  g_array_unref (search.locks);

  return holders;
}
