/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-windows-error-private.h"

#include <errno.h>

#include <windows.h>

typedef struct
{
  guint32 error;
  GIOErrorEnum io_error;
  int posix_error;
} Translation;

static const Translation translations[] = {
  { ERROR_FILE_NOT_FOUND, G_IO_ERROR_NOT_FOUND, ENOENT },
  { ERROR_PATH_NOT_FOUND, G_IO_ERROR_NOT_FOUND, ENOENT },
  { ERROR_INVALID_DRIVE, G_IO_ERROR_NOT_FOUND, ENOENT },
  { ERROR_BAD_NETPATH, G_IO_ERROR_NOT_FOUND, ENOENT },
  { ERROR_BAD_NET_NAME, G_IO_ERROR_NOT_FOUND, ENOENT },
  { ERROR_NOT_READY, G_IO_ERROR_NOT_FOUND, ENOENT },
  { ERROR_DIRECTORY, G_IO_ERROR_NOT_DIRECTORY, ENOTDIR },
  { ERROR_FILE_EXISTS, G_IO_ERROR_EXISTS, EEXIST },
  { ERROR_ALREADY_EXISTS, G_IO_ERROR_EXISTS, EEXIST },
  { ERROR_DIR_NOT_EMPTY, G_IO_ERROR_NOT_EMPTY, ENOTEMPTY },
  { ERROR_ACCESS_DENIED, G_IO_ERROR_PERMISSION_DENIED, EACCES },
  { ERROR_NETWORK_ACCESS_DENIED, G_IO_ERROR_PERMISSION_DENIED, EACCES },
  { ERROR_PRIVILEGE_NOT_HELD, G_IO_ERROR_PERMISSION_DENIED, EPERM },
  { ERROR_DELETE_PENDING, G_IO_ERROR_BUSY, EBUSY },
  { ERROR_SHARING_VIOLATION, G_IO_ERROR_BUSY, EBUSY },
  { ERROR_LOCK_VIOLATION, G_IO_ERROR_BUSY, EBUSY },
  { ERROR_BUSY, G_IO_ERROR_BUSY, EBUSY },
  { ERROR_WRITE_PROTECT, G_IO_ERROR_READ_ONLY, EROFS },
  { ERROR_DISK_FULL, G_IO_ERROR_NO_SPACE, ENOSPC },
  { ERROR_HANDLE_DISK_FULL, G_IO_ERROR_NO_SPACE, ENOSPC },
  { ERROR_FILENAME_EXCED_RANGE, G_IO_ERROR_FILENAME_TOO_LONG, ENAMETOOLONG },
  { ERROR_BUFFER_OVERFLOW, G_IO_ERROR_FILENAME_TOO_LONG, ENAMETOOLONG },
  { ERROR_INVALID_NAME, G_IO_ERROR_INVALID_FILENAME, EINVAL },
  { ERROR_BAD_PATHNAME, G_IO_ERROR_INVALID_FILENAME, EINVAL },
  { ERROR_NO_UNICODE_TRANSLATION, G_IO_ERROR_INVALID_FILENAME, EINVAL },
  { ERROR_INVALID_PARAMETER, G_IO_ERROR_INVALID_ARGUMENT, EINVAL },
  { ERROR_TOO_MANY_LINKS, G_IO_ERROR_TOO_MANY_LINKS, EMLINK },
  { ERROR_TOO_MANY_OPEN_FILES, G_IO_ERROR_TOO_MANY_OPEN_FILES, EMFILE },
  { ERROR_NOT_ENOUGH_MEMORY, G_IO_ERROR_NO_SPACE, ENOMEM },
  { ERROR_OUTOFMEMORY, G_IO_ERROR_NO_SPACE, ENOMEM },
  { ERROR_NOT_SUPPORTED, G_IO_ERROR_NOT_SUPPORTED, EOPNOTSUPP },
  { ERROR_INVALID_FUNCTION, G_IO_ERROR_NOT_SUPPORTED, EOPNOTSUPP },
  { ERROR_CALL_NOT_IMPLEMENTED, G_IO_ERROR_NOT_SUPPORTED, ENOSYS },
};

static const Translation *
find_translation (guint32 error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (translations); i++)
    {
      if (translations[i].error == error)
        return &translations[i];
    }

  return NULL;
}

GIOErrorEnum
lf_windows_error_to_io_error (guint32 error)
{
  const Translation *translation = find_translation (error);

  return translation != NULL ? translation->io_error : G_IO_ERROR_FAILED;
}

/* EIO if POSIX has no such error. */
int
lf_windows_error_to_errno (guint32 error)
{
  const Translation *translation = find_translation (error);

  return translation != NULL ? translation->posix_error : EIO;
}
