/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-existence-private.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lf-errors.h"
#include "lf-record-private.h"
#include "lf-translate-private.h"

/* A symbolic link whose target is the record and leads nowhere: it is made with
 * its record in one step. */

static LfExistence
read_link (const char  *path,
           char       **record,
           GError     **error);
static LfExistence
make (LfHandle         *handle,
      const LfRequest  *request,
      const char       *record,
      GError          **error);

static const LfExistenceClass existence = {
  .backend = &lf_backend_symlink,
  .read = read_link,
  .make = make,
  .remove = lf_existence_remove_file,
};

static LfExistence
read_link (const char  *path,
           char       **record,
           GError     **error)
{
  char target[LF_RECORD_MAX_LENGTH + 1];
  g_autofree char *display_name = NULL;
  gssize length = readlink (path, target, sizeof target);

  *record = NULL;
  if (length < 0 && errno == ENOENT)
    return LF_EXISTENCE_ABSENT;

  if (length < 0 && errno == EINVAL)
    {
      display_name = g_filename_display_name (path);
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("%s is not a lock: it is not a symbolic link"), display_name);
      return LF_EXISTENCE_ERROR;
    }

  if (length < 0)
    return lf_existence_fail (&existence, path, errno, error);

  /* One that is longer is not a record */
  *record = g_strndup (target, length <= LF_RECORD_MAX_LENGTH ? (gsize) length : 0);

  return LF_EXISTENCE_PRESENT;
}

static LfExistence
make (LfHandle         *handle,
      const LfRequest  *request,
      const char       *record,
      GError          **error)
{
  if (symlink (record, request->path) == 0)
    return LF_EXISTENCE_PRESENT;

  if (errno == EEXIST)
    return LF_EXISTENCE_ABSENT;

  /* So symlink(2) says that the file system has no such thing */
  return lf_existence_fail (&existence, request->path, errno == EPERM ? EOPNOTSUPP : errno, error);
}

LF_EXISTENCE_DEFINE_BACKEND (lf_backend_symlink, LF_BACKEND_SYMLINK, existence)
