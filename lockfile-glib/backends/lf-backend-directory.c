/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-errors.h"
#include "os/lf-identity-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* A directory with the record in it. It is made elsewhere and moved to the path;
 * where a move cannot be told to fail if something is there, mkdir(2) comes first
 * and the record after. */

#define DIRECTORY_MODE 0777

static LfDotlockResult
read_directory (const LfDotlockBackend  *self,
                const char              *path,
                char                   **record,
                GError                 **error)
{
  g_autofree char *record_path = g_build_filename (path, LF_DOTLOCK_RECORD_NAME, NULL);
  g_autofree char *display_name = NULL;
  struct stat path_stat;

  *record = NULL;
  if (lstat (path, &path_stat) != 0)
    return errno == ENOENT ? LF_DOTLOCK_ABSENT
                           : lf_dotlock_fail (self, path, errno, error);

  if (!S_ISDIR (path_stat.st_mode))
    {
      display_name = lf_path_get_display_name (path);
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("%s is not a lock: it is not a directory"), display_name);
      return LF_DOTLOCK_ERROR;
    }

  /* Others' directories have no record, or another */
  if (lf_dotlock_read_file (self, record_path, record, NULL) != LF_DOTLOCK_PRESENT)
    *record = g_strdup ("");

  return LF_DOTLOCK_PRESENT;
}

/* 0 or an errno */
static int
write_record (const char *directory,
              const char *record,
              guint       file_mode)
{
  g_autofree char *record_path = g_build_filename (directory, LF_DOTLOCK_RECORD_NAME, NULL);
  int fd = lf_dotlock_write_file (record_path, record, file_mode);

  if (fd < 0)
    return errno;

  close (fd);
  return 0;
}

/* Empties a directory that holds nothing but files, and removes it. */
static int
delete_directory (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      if (unlink (file) != 0)
        g_debug ("Removing what is in a lock: %s", g_strerror (errno));
    }

  return rmdir (path) == 0 ? 0 : errno;
}

static LfDotlockResult
make_in_place (const LfDotlockBackend  *self,
               const LfRequest         *request,
               const char              *record,
               GError                 **error)
{
  int result;

  if (mkdir (request->path, DIRECTORY_MODE) != 0)
    return errno == EEXIST ? LF_DOTLOCK_ABSENT
                           : lf_dotlock_fail (self, request->path, errno, error);

  result = write_record (request->path, record, request->file_mode);
  if (result == 0)
    return LF_DOTLOCK_PRESENT;

  rmdir (request->path);
  return lf_dotlock_fail (self, request->path, result, error);
}

static LfDotlockResult
make (const LfDotlockBackend  *self,
      LfHandle                *handle,
      const char              *record,
      GError                 **error)
{
  const LfRequest *request = &handle->request;
  g_autofree char *unique_path = lf_dotlock_new_unique_path (request->path);
  int result;

  if (mkdir (unique_path, DIRECTORY_MODE) != 0)
    return lf_dotlock_fail (self, request->path, errno, error);

  result = write_record (unique_path, record, request->file_mode);
  if (result == 0)
    result = lf_identity_rename_no_replace (unique_path, request->path);
  if (result == 0)
    return LF_DOTLOCK_PRESENT;

  delete_directory (unique_path);

  switch (result)
    {
    case EEXIST:
      return LF_DOTLOCK_ABSENT;

    case EINVAL:
    case ENOSYS:
      return make_in_place (self, request, record, error);

    case ENOENT:
      /* Somebody who cleaned up took it for a left-over */
      return LF_DOTLOCK_RETRY;

    default:
      return lf_dotlock_fail (self, request->path, result, error);
    }
}

/* Away from the path first, in one step: until it is empty it could not be
 * removed, and without its record it would be nobody's. */
static int
remove_directory (const char *path)
{
  g_autofree char *unique_path = lf_dotlock_new_unique_path (path);
  int result;

  if (g_rename (path, unique_path) != 0)
    return errno;

  result = delete_directory (unique_path);
  if (result == 0 || result == ENOENT)
    return 0;

  /* It holds a directory, so it was no lock: it is put back, less its files */
  lf_identity_rename_no_replace (unique_path, path);
  return result;
}

const LfDotlockBackend lf_backend_directory = {
  .vtable = {
    .backend = LF_BACKEND_DIRECTORY,
    LF_DOTLOCK_METHODS,
  },
  .read = read_directory,
  .make = make,
  .remove = remove_directory,
};
