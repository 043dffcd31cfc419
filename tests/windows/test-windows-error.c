/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The translation of the system's errors, which is private to the library. */

#include <errno.h>

#include <windows.h>

#include "os/lf-windows-error-private.h"

static void
test_io_errors (void)
{
  const struct
  {
    guint32 error;
    GIOErrorEnum io_error;
    int posix_error;
  } expected[] = {
    { ERROR_FILE_NOT_FOUND, G_IO_ERROR_NOT_FOUND, ENOENT },
    { ERROR_PATH_NOT_FOUND, G_IO_ERROR_NOT_FOUND, ENOENT },
    { ERROR_BAD_NETPATH, G_IO_ERROR_NOT_FOUND, ENOENT },
    { ERROR_DIRECTORY, G_IO_ERROR_NOT_DIRECTORY, ENOTDIR },
    { ERROR_ALREADY_EXISTS, G_IO_ERROR_EXISTS, EEXIST },
    { ERROR_FILE_EXISTS, G_IO_ERROR_EXISTS, EEXIST },
    { ERROR_ACCESS_DENIED, G_IO_ERROR_PERMISSION_DENIED, EACCES },
    { ERROR_SHARING_VIOLATION, G_IO_ERROR_BUSY, EBUSY },
    { ERROR_WRITE_PROTECT, G_IO_ERROR_READ_ONLY, EROFS },
    { ERROR_DISK_FULL, G_IO_ERROR_NO_SPACE, ENOSPC },
    { ERROR_FILENAME_EXCED_RANGE, G_IO_ERROR_FILENAME_TOO_LONG, ENAMETOOLONG },
    { ERROR_INVALID_NAME, G_IO_ERROR_INVALID_FILENAME, EINVAL },
    { ERROR_NO_UNICODE_TRANSLATION, G_IO_ERROR_INVALID_FILENAME, EINVAL },
    { ERROR_TOO_MANY_OPEN_FILES, G_IO_ERROR_TOO_MANY_OPEN_FILES, EMFILE },
    { ERROR_INVALID_FUNCTION, G_IO_ERROR_NOT_SUPPORTED, EOPNOTSUPP },
    { ERROR_NOT_SUPPORTED, G_IO_ERROR_NOT_SUPPORTED, EOPNOTSUPP },
    /* Errors that neither GIO nor POSIX have */
    { ERROR_CRC, G_IO_ERROR_FAILED, EIO },
    { 0xffffffff, G_IO_ERROR_FAILED, EIO },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_assert_cmpint (lf_windows_error_to_io_error (expected[i].error), ==,
                       expected[i].io_error);
      g_assert_cmpint (lf_windows_error_to_errno (expected[i].error), ==,
                       expected[i].posix_error);
    }
}

/* The two translations agree, as far as GIO translates POSIX's errors. */
static void
test_agreement (void)
{
  for (guint32 error = 0; error < 20000; error++)
    {
      int posix_error = lf_windows_error_to_errno (error);
      GIOErrorEnum io_error = lf_windows_error_to_io_error (error);

      if (posix_error != EIO && posix_error != EINVAL)
        g_assert_cmpint (g_io_error_from_errno (posix_error), ==, io_error);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/windows-error/table", test_io_errors);
  g_test_add_func ("/windows-error/agreement", test_agreement);

  return g_test_run ();
}
