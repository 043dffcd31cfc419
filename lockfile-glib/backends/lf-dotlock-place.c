/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "backends/lf-record-private.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-file-system-private.h"
#include "os/lf-flock-private.h"
#include "os/lf-process-private.h"

/* The directory of a lock. Everything is done relative to its descriptor and without
 * following links, so that nobody can lead us to another directory.
 *
 * What is not yet a lock, or no longer one, has one of a few names. After a crash it can be
 * found by these names, without reading a whole directory, which may be long. Its maker
 * keeps it locked with flock(2), so that it is not removed while its maker lives. */

#define SLOT_FORMAT ".lf-%08x-%u"
#define GUARD_FORMAT ".lf-%08x-guard"

/* How long to wait for another guard, in microseconds. A guard is needed only for a few
 * system calls, but a disk may be slow */
#define GUARD_PATIENCE G_TIME_SPAN_SECOND
#define GUARD_PAUSE 500

#define MAX_CLEANED 1000

/* Linux can open a directory without read permission. */
#ifdef O_PATH
#define O_DIRECTORY_ONLY (O_PATH | O_DIRECTORY | O_CLOEXEC)
#else
#define O_DIRECTORY_ONLY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif

static int
open_directory (LfDotlockPlace *place,
                const char     *directory)
{
  struct stat directory_stat;
  int result;

  place->fd = lf_dotlock_open_at (AT_FDCWD, directory, O_DIRECTORY_ONLY, 0);
  if (place->fd < 0)
    return errno;

  result = fstat (place->fd, &directory_stat) == 0 ? 0 : errno;
  if (result == 0)
    result = lf_file_system_check_local (place->fd, &place->is_local);
  if (result == 0)
    {
      place->device = directory_stat.st_dev;
      place->inode = directory_stat.st_ino;
      return 0;
    }

  lf_close (place->fd);
  place->fd = -1;

  return result;
}

/* Returns 0 or an errno. @path must live as long as the place. */
int
lf_dotlock_place_open (LfDotlockPlace *place,
                       const char     *path,
                       gboolean        create_parents)
{
  g_autofree char *directory = g_path_get_dirname (path);
  int result;

  *place = (LfDotlockPlace) { .fd = -1, .path = path };
  result = open_directory (place, directory);
  if (result == ENOENT && create_parents)
    {
      if (g_mkdir_with_parents (directory, 0777) != 0)
        return errno;
      result = open_directory (place, directory);
    }
  if (result == 0)
    place->name = g_path_get_basename (path);

  return result;
}

void
lf_dotlock_place_close (LfDotlockPlace *place)
{
  lf_dotlock_close_own (&place->fd, place->device, place->inode);
  g_clear_pointer (&place->name, g_free);
}

/* A program may close descriptors that it does not know. If so, opens the directory again.
 * Returns 0, ENOENT if the directory was removed, or another errno. */
int
lf_dotlock_place_renew (LfDotlockPlace *place)
{
  g_autofree char *directory = NULL;
  LfDotlockPlace other = { .fd = -1 };
  int result;

  if (lf_descriptor_is (place->fd, place->device, place->inode))
    return 0;

  directory = g_path_get_dirname (place->path);
  place->fd = -1;
  result = open_directory (&other, directory);
  if (result != 0)
    return result == ENOTDIR ? ENOENT : result;

  if (other.device != place->device || other.inode != place->inode)
    {
      lf_close (other.fd);
      return ENOENT;
    }
  place->fd = other.fd;

  return 0;
}

/* Checks whether the path still leads to this directory, since others find the lock by the
 * path. Returns 0, ENOENT or another errno. */
int
lf_dotlock_place_verify (const LfDotlockPlace *place)
{
  g_autofree char *directory = g_path_get_dirname (place->path);
  struct stat path_stat;

  if (stat (directory, &path_stat) != 0)
    return errno == ENOTDIR ? ENOENT : errno;

  return path_stat.st_dev == place->device && path_stat.st_ino == place->inode ? 0 : ENOENT;
}

/* Another lock may have the same slots; then each cleans up for both. After the last slot,
 * names are unique. Slots are short, since the lock's own name may have the maximal length. */
char *
lf_dotlock_place_get_slot (const LfDotlockPlace *place,
                           guint                 number)
{
  static int last; /* atomic */
  guint hash = g_str_hash (place->name);

  if (number >= LF_DOTLOCK_N_SLOTS)
    return g_strdup_printf (SLOT_FORMAT "-%d-%" G_GINT64_MODIFIER "x", hash, number,
                            g_atomic_int_add (&last, 1),
                            g_get_real_time () ^ ((gint64) getpid () << 40));

  return g_strdup_printf (SLOT_FORMAT, hash, number);
}

/* Whether a process that may make locks here can have made the file. This excludes, for
 * example, a file that a user has moved into a directory of root by a trick. */
static gboolean
may_have_made (const LfDotlockPlace *place,
               const struct stat    *slot_stat)
{
  struct stat directory_stat;

  return slot_stat->st_uid == geteuid () || slot_stat->st_uid == 0 ||
         (fstat (place->fd, &directory_stat) == 0 &&
          (slot_stat->st_uid == directory_stat.st_uid ||
           (directory_stat.st_mode & (S_IWGRP | S_IWOTH)) != 0));
}

/* The record in the file, if it is one of ours or the beginning of one; otherwise NULL. */
static char *
read_own_record (int fd)
{
  g_autofree char *record = NULL;
  struct stat file_stat;

  if (fstat (fd, &file_stat) != 0 || !S_ISREG (file_stat.st_mode) ||
      lf_dotlock_read (fd, &record) != 0 ||
      (*record != '\0' && !lf_record_is_ours (record)))
    return NULL;

  return g_steal_pointer (&record);
}

static gboolean
has_name (const LfDotlockPlace *place,
          const char           *name,
          const struct stat    *file_stat)
{
  struct stat name_stat;

  return fstatat (place->fd, name, &name_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
         file_stat->st_dev == name_stat.st_dev && file_stat->st_ino == name_stat.st_ino;
}

/* Opens a leftover. Returns -1 if it is none, or if its maker has it locked. @is_dead,
 * which may be NULL, is set to whether its maker is proved dead. It is not, if flock(2)
 * failed or locks of other hosts may not be visible here. */
static int
open_left_over (const LfDotlockPlace *place,
                const char           *slot,
                int                   flags,
                gboolean             *is_dead)
{
  int fd = lf_dotlock_open_at (place->fd, slot, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags, 0);
  struct stat slot_stat;
  int result = EWOULDBLOCK;

  if (fd < 0)
    return -1;

  if (fstat (fd, &slot_stat) == 0 && may_have_made (place, &slot_stat))
    result = lf_flock_uninterrupted (fd, LOCK_EX | LOCK_NB);
  /* Its maker may have removed it before that, and another process may use the name */
  if (result != EWOULDBLOCK && !has_name (place, slot, &slot_stat))
    result = EWOULDBLOCK;
  if (result == EWOULDBLOCK)
    {
      lf_close (fd);
      return -1;
    }

  if (is_dead != NULL)
    *is_dead = result == 0 && place->is_local;

  return fd;
}

static gboolean
clean_file (const LfDotlockPlace *place,
            const char           *slot)
{
  int fd = open_left_over (place, slot, 0, NULL);
  g_autofree char *record = NULL;
  gboolean cleaned = FALSE;

  if (fd < 0)
    return FALSE;

  /* Its maker may be alive, and makes another file if this one is removed */
  record = read_own_record (fd);
  if (record != NULL)
    cleaned = unlinkat (place->fd, slot, 0) == 0;
  lf_close (fd);

  return cleaned;
}

/* Removes a directory only if it is empty, since its maker may be moving it to the path of
 * the lock, where it must not be without its record. */
static gboolean
clean_directory (const LfDotlockPlace *place,
                 const char           *slot)
{
  gboolean is_dead, cleaned;
  int fd = open_left_over (place, slot, O_DIRECTORY, &is_dead);
  int record_fd;

  if (fd < 0)
    return FALSE;

  record_fd = lf_dotlock_open_at (fd, LF_DOTLOCK_RECORD_NAME, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (record_fd >= 0)
    {
      g_autofree char *record = read_own_record (record_fd);

      if (record != NULL && (is_dead || lf_record_judge (record) == LF_RECORD_DEAD))
        unlinkat (fd, LF_DOTLOCK_RECORD_NAME, 0);
      lf_close (record_fd);
    }

  /* Fails if the directory is not empty */
  cleaned = unlinkat (place->fd, slot, AT_REMOVEDIR) == 0;
  lf_close (fd);

  return cleaned;
}

/* Removes a leftover, and returns whether it did. Does not change errno. */
gboolean
lf_dotlock_place_clean_slot (const LfDotlockPlace *place,
                             const char           *slot)
{
  struct stat slot_stat;
  gboolean cleaned = FALSE;
  int saved_errno = errno;

  if (fstatat (place->fd, slot, &slot_stat, AT_SYMLINK_NOFOLLOW) == 0)
    {
      if (S_ISREG (slot_stat.st_mode))
        cleaned = clean_file (place, slot);
      else if (S_ISDIR (slot_stat.st_mode))
        cleaned = clean_directory (place, slot);
    }
  errno = saved_errno;

  return cleaned;
}

/* Names of locks for which a process has already cleaned up. */
typedef struct
{
  GMutex mutex;
  GHashTable *names;
} Cleaned;

static gpointer
cleaned_new (void)
{
  Cleaned *self = g_new0 (Cleaned, 1);

  g_mutex_init (&self->mutex);
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  return self;
}

static char *
get_guard_name (const LfDotlockPlace *place)
{
  return g_strdup_printf (GUARD_FORMAT, g_str_hash (place->name));
}

/* Removes what a crash has left in the directory. Once per process. */
void
lf_dotlock_place_clean_up (const LfDotlockPlace *place,
                           const char           *lock_name)
{
  Cleaned *cleaned = lf_process_get_state (LF_PROCESS_CLEANED, cleaned_new);
  g_autofree char *guard_name = NULL;
  gboolean is_new;

  g_mutex_lock (&cleaned->mutex);
  if (g_hash_table_size (cleaned->names) >= MAX_CLEANED)
    g_hash_table_remove_all (cleaned->names);
  is_new = !g_hash_table_contains (cleaned->names, lock_name);
  if (is_new)
    g_hash_table_add (cleaned->names, g_strdup (lock_name));
  g_mutex_unlock (&cleaned->mutex);

  if (!is_new)
    return;

  for (guint i = 0; i < LF_DOTLOCK_N_SLOTS; i++)
    {
      g_autofree char *slot = lf_dotlock_place_get_slot (place, i);

      lf_dotlock_place_clean_slot (place, slot);
    }

  guard_name = get_guard_name (place);
  lf_dotlock_place_clean_slot (place, guard_name);
}

static int
open_guard (const LfDotlockPlace *place,
            const char           *name)
{
  struct stat file_stat;
  int saved_errno;
  int fd = lf_dotlock_open_at (place->fd, name, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, 0644);

  if (fd < 0 && errno == EACCES)
    {
      fd = lf_dotlock_open_at (place->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
      if (fd < 0)
        errno = EACCES;
    }
  if (fd < 0)
    return -1;

  saved_errno = lf_flock_uninterrupted (fd, LOCK_EX | LOCK_NB);
  if (saved_errno != EWOULDBLOCK)
    {
      /* The previous owner may have removed it */
      if (fstat (fd, &file_stat) == 0 && has_name (place, name, &file_stat))
        return fd;
      saved_errno = EWOULDBLOCK;
    }

  lf_close (fd);
  errno = saved_errno;

  return -1;
}

/* For locks that cannot be locked with flock(2): prevents other users of this library from
 * removing the lock. Returns a descriptor, or -1 with errno. */
int
lf_dotlock_place_lock (const LfDotlockPlace *place)
{
  g_autofree char *name = get_guard_name (place);
  gint64 end = g_get_monotonic_time () + GUARD_PATIENCE;
  int guard = open_guard (place, name);

  while (guard < 0 && errno == EWOULDBLOCK)
    {
      if (g_get_monotonic_time () >= end)
        {
          errno = EBUSY;
          return -1;
        }
      g_usleep (GUARD_PAUSE);
      guard = open_guard (place, name);
    }

  return guard;
}

void
lf_dotlock_place_unlock (const LfDotlockPlace *place,
                         int                   guard)
{
  g_autofree char *name = get_guard_name (place);

  if (guard < 0)
    return;

  unlinkat (place->fd, name, 0);
  lf_close (guard);
}

gboolean
lf_dotlock_place_is_locked (const LfDotlockPlace *place)
{
  g_autofree char *name = get_guard_name (place);
  struct stat name_stat;

  return fstatat (place->fd, name, &name_stat, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}
