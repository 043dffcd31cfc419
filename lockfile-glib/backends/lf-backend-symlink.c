/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-dotlock-private.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lf-errors.h"
#include "backends/lf-record-private.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

/* A symbolic link whose target is the record and leads nowhere: it is made with
 * its record in one step. */

static LfDotlockResult
read_link (const LfDotlockBackend  *self,
           const char              *path,
           char                   **record,
           GError                 **error)
{
  char target[LF_RECORD_MAX_LENGTH + 1];
  g_autofree char *display_name = NULL;
  gssize length = readlink (path, target, sizeof target);

  *record = NULL;
  if (length < 0 && errno == ENOENT)
    return LF_DOTLOCK_ABSENT;

  if (length < 0 && errno == EINVAL)
    {
      display_name = lf_path_get_display_name (path);
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("%s is not a lock: it is not a symbolic link"), display_name);
      return LF_DOTLOCK_ERROR;
    }

  if (length < 0)
    return lf_dotlock_fail (self, path, errno, error);

  /* One that is longer is not a record */
  *record = g_strndup (target, length <= LF_RECORD_MAX_LENGTH ? (gsize) length : 0);

  return LF_DOTLOCK_PRESENT;
}

static LfDotlockResult
make (const LfDotlockBackend  *self,
      LfHandle                *handle,
      const char              *record,
      GError                 **error)
{
  const LfRequest *request = &handle->request;

  if (symlink (record, request->path) == 0)
    return LF_DOTLOCK_PRESENT;

  if (errno == EEXIST)
    return LF_DOTLOCK_ABSENT;

  /* So symlink(2) says that the file system has no such thing */
  return lf_dotlock_fail (self, request->path, errno == EPERM ? EOPNOTSUPP : errno, error);
}

const LfDotlockBackend lf_backend_symlink = {
  .vtable = {
    .backend = LF_BACKEND_SYMLINK,
    LF_DOTLOCK_METHODS,
  },
  .read = read_link,
  .make = make,
  .remove = lf_dotlock_remove_file,
};
