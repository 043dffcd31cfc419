/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-dotlock-guarded-private.h"

#include <errno.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "lf-errors.h"
#include "backends/lf-record-private.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-identity-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* A lock is made under a unique name and moved to its path in one step that fails if the
 * path exists. So every lock has a record. Only a crash before that step leaves a file
 * under such a name, which the next claim removes.
 *
 * The file that is removed is the one whose record was read, whatever is at the path by
 * then. A stale lock is removed while its directory is guarded, after looking at it again.
 * No fresh lock is ever removed. */

#define UNIQUE_PREFIX ".lf-"
#define MAX_ROUNDS 100

#define MAX_CLEANED 1000

/* Paths for which a process has already cleaned up. */
typedef struct
{
  GMutex mutex;
  GHashTable *paths;
} Cleaned;

static gpointer
cleaned_new (void)
{
  Cleaned *self = g_new0 (Cleaned, 1);

  g_mutex_init (&self->mutex);
  self->paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  return self;
}

/* Short, since the lock's own name may have the maximal length. Another lock may have the
 * same prefix; then each cleans up for both. */
static char *
get_unique_prefix (const char *path)
{
  g_autofree char *base_name = g_path_get_basename (path);

  return g_strdup_printf (UNIQUE_PREFIX "%08x-", g_str_hash (base_name));
}

char *
lf_dotlock_new_unique_path (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *prefix = get_unique_prefix (path);
  g_autofree char *random = lf_identity_new_token ();
  g_autofree char *name = g_strconcat (prefix, random, NULL);

  return g_build_filename (directory, name, NULL);
}

LfDotlockResult
lf_dotlock_fail (const LfDotlockBackend  *self,
                   const char              *path,
                   int                      saved_errno,
                   GError                 **error)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  if (saved_errno == EOPNOTSUPP || saved_errno == ENOSYS)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("The file system of %s does not support %s locks; %s works on most file "
                   "systems"), display_name,
                 lf_backend_get_name (self->vtable.backend),
                 lf_backend_get_name (lf_backend_resolve (LF_BACKEND_AUTO)));
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                 _("Cannot open lock file %s: %s"), display_name, g_strerror (saved_errno));

  return LF_DOTLOCK_ERROR;
}

static gboolean
is_dead (const char *record)
{
  return record != NULL && lf_record_judge (record) == LF_RECORD_DEAD;
}

static gboolean
is_stale (const LfDotlockBackend *self,
          const char             *path,
          const char             *record)
{
  int fd;

  if (!is_dead (record))
    return FALSE;

  if (!self->has_flock)
    return TRUE;

  fd = lf_dotlock_lock_file (path);
  if (fd >= 0)
    lf_close (fd);

  return fd >= 0;
}

/* Removes a stale lock, if it is still stale under the guard. Returns whether it makes
 * sense to look again. */
static gboolean
take_over (const LfDotlockBackend *self,
           const char             *path)
{
  g_autofree char *record = NULL;
  gboolean changed = TRUE;
  LfDotlockGuard guard = lf_dotlock_lock_directory (path, FALSE);
  int fd = -1;

  if (guard == LF_DOTLOCK_NO_GUARD)
    return FALSE;

  /* Kept locked until it is removed, since QLockFile does the same */
  if (self->has_flock)
    fd = lf_dotlock_lock_file (path);

  if ((!self->has_flock || fd >= 0) &&
      self->read (self, path, &record, NULL) == LF_DOTLOCK_PRESENT && is_dead (record))
    {
      changed = self->remove (path, record) == 0;
      g_debug ("Stale lock %s", changed ? "removed" : "not removed");
    }

  if (fd >= 0)
    lf_close (fd);
  lf_dotlock_unlock_directory (guard);

  return changed;
}

/* Its maker may be alive, with the record not written yet. It notices that the file was
 * removed, and makes another one. */
static void
remove_left_over (const char *path)
{
  g_autofree char *record = NULL;

  if (lf_dotlock_read_file (NULL, path, &record, NULL) != LF_DOTLOCK_PRESENT || record == NULL)
    return;

  if (!lf_record_is_whole (record) || is_dead (record))
    lf_dotlock_remove_file (path, record);
}

/* Removes files under unique names that a crash has left in the directory. Once per
 * process, since directories can be long. */
static void
clean_up (const char *path)
{
  Cleaned *cleaned = lf_process_get_state (LF_PROCESS_CLEANED, cleaned_new);
  g_autofree char *directory_path = g_path_get_dirname (path);
  g_autofree char *prefix = NULL;
  g_autoptr (GDir) directory = NULL;
  const char *name;
  gboolean is_new;

  g_mutex_lock (&cleaned->mutex);
  if (g_hash_table_size (cleaned->paths) >= MAX_CLEANED)
    g_hash_table_remove_all (cleaned->paths);
  is_new = g_hash_table_add (cleaned->paths, g_strdup (path));
  g_mutex_unlock (&cleaned->mutex);

  if (!is_new)
    return;

  prefix = get_unique_prefix (path);
  directory = g_dir_open (directory_path, 0, NULL);
  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      if (g_str_has_prefix (name, prefix))
        {
          g_autofree char *left_over = g_build_filename (directory_path, name, NULL);

          remove_left_over (left_over);
        }
    }
}

static const LfDotlockBackend *
cast (const LfBackendVTable *vtable)
{
  return (const LfDotlockBackend *) vtable;
}

LfAttempt
lf_dotlock_attempt (const LfBackendVTable  *vtable,
                    LfHandle               *handle,
                    GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  const LfRequest *request = &handle->request;

  if (handle->data != NULL)
    return LF_ATTEMPT_GRANTED;

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      g_autofree char *found = NULL;
      g_autofree char *record = NULL;
      LfDotlockResult result = self->read (self, request->path, &found, error);

      if (result == LF_DOTLOCK_ERROR)
        return LF_ATTEMPT_ERROR;

      if (result == LF_DOTLOCK_PRESENT)
        {
          if (is_stale (self, request->path, found) && take_over (self, request->path))
            continue;
          return LF_ATTEMPT_BUSY;
        }

      if (round == 0 && request->create_parents)
        lf_dotlock_make_parents (request->path);

      clean_up (request->path);
      record = lf_record_new (FALSE, 0);
      if (record == NULL)
        {
          lf_dotlock_fail (self, request->path, errno, error);
          return LF_ATTEMPT_ERROR;
        }
      result = self->make (self, handle, record, error);
      if (result == LF_DOTLOCK_ERROR)
        return LF_ATTEMPT_ERROR;

      if (result == LF_DOTLOCK_PRESENT)
        {
          handle->data = g_steal_pointer (&record);
          return LF_ATTEMPT_GRANTED;
        }
    }

  return LF_ATTEMPT_BUSY;
}

/* For the end of an acquisition that was not granted: nothing exists then. */
void
lf_dotlock_drop (const LfBackendVTable *vtable,
                 LfHandle              *handle)
{
  lf_handle_close_fd (handle);
}

void
lf_dotlock_close (const LfBackendVTable *vtable,
                  LfHandle              *handle)
{
  g_clear_pointer (&handle->data, g_free);
  lf_handle_close_fd (handle);
}

LfVerdict
lf_dotlock_verify (const LfBackendVTable  *vtable,
                   LfHandle               *handle,
                   GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  g_autoptr (GError) local_error = NULL;
  g_autofree char *found = NULL;

  switch (self->read (self, handle->request.path, &found, &local_error))
    {
    case LF_DOTLOCK_PRESENT:
      /* A record that cannot be read now is "" and may still be ours */
      return *found == '\0' || g_strcmp0 (found, handle->data) == 0 ? LF_VERDICT_HELD
                                                                    : LF_VERDICT_LOST;

    case LF_DOTLOCK_ABSENT:
    case LF_DOTLOCK_RETRY:
      return LF_VERDICT_LOST;

    case LF_DOTLOCK_ERROR:
    default:
      /* The path has something that is not a lock */
      if (local_error->domain == LF_BACKEND_ERROR)
        return LF_VERDICT_LOST;

      g_propagate_error (error, g_steal_pointer (&local_error));
      return LF_VERDICT_UNKNOWN;
    }
}

LfRelease
lf_dotlock_release (const LfBackendVTable  *vtable,
                    LfHandle               *handle,
                    GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  const char *path = handle->request.path;
  LfRelease release = LF_RELEASE_LOST;
  int result;

  /* Records are unique, since they contain a token */
  LfDotlockGuard guard = lf_dotlock_lock_directory (path, TRUE);

  result = self->remove (path, handle->data);
  lf_dotlock_unlock_directory (guard);

  if (result == 0)
    release = LF_RELEASE_DONE;
  else if (result != ENOENT)
    {
      g_autofree char *display_name = lf_path_get_display_name (path);

      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED,
                   _("Cannot remove the lock %s: %s"), display_name, g_strerror (result));
      return LF_RELEASE_FAILED;
    }

  vtable->close (vtable, handle);

  return release;
}

gboolean
lf_dotlock_query_holder (const LfBackendVTable  *vtable,
                         const char             *path,
                         LfLockHolder          **holder,
                         GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  g_autofree char *record = NULL;

  *holder = NULL;
  switch (self->read (self, path, &record, error))
    {
    case LF_DOTLOCK_PRESENT:
      if (!is_stale (self, path, record))
        *holder = lf_record_get_holder (record != NULL ? record : "");
      return TRUE;

    case LF_DOTLOCK_ABSENT:
    case LF_DOTLOCK_RETRY:
      return TRUE;

    case LF_DOTLOCK_ERROR:
    default:
      return FALSE;
    }
}

gboolean
lf_dotlock_break_lock (const LfBackendVTable  *vtable,
                       const char             *path,
                       GError                **error)
{
  const LfDotlockBackend *self = cast (vtable);
  g_autofree char *record = NULL;
  LfDotlockResult result = self->read (self, path, &record, error);
  LfDotlockGuard guard;
  int remove_errno = errno;

  if (result == LF_DOTLOCK_ERROR)
    return FALSE;
  if (result == LF_DOTLOCK_ABSENT)
    return TRUE;

  /* A file that cannot be read may be anything */
  if (record != NULL)
    {
      /* The guard waits for a holder that is just removing the lock. Without a guard, the
       * lock is broken anyway */
      guard = lf_dotlock_lock_directory (path, TRUE);
      remove_errno = self->remove (path, record);
      lf_dotlock_unlock_directory (guard);
    }

  if (remove_errno != 0 && remove_errno != ENOENT)
    lf_dotlock_fail (self, path, remove_errno, error);

  return remove_errno == 0 || remove_errno == ENOENT;
}
