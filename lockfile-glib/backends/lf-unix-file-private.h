/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <sys/stat.h>

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* For the backends that lock a regular file on Unix. */

typedef enum
{
  LF_UNIX_FILE_CURRENT,  /* the path still names the handle's file */
  LF_UNIX_FILE_REPLACED, /* it names another file, or nothing */
  LF_UNIX_FILE_UNKNOWN,  /* it is not known; errno says why */
} LfUnixFileState;

/* The access to the file that a lock needs. */
typedef enum
{
  LF_UNIX_FILE_READ,
  LF_UNIX_FILE_READ_ANY, /* the same, and it may be a directory */
  LF_UNIX_FILE_WRITE,
} LfUnixFileAccess;

typedef enum
{
  LF_UNIX_FILE_OPENED,
  LF_UNIX_FILE_LEASED,
  LF_UNIX_FILE_OPEN_ERROR, /* the only one that sets a GError */
} LfUnixFileOpen;

LfUnixFileOpen  lf_unix_file_open           (LfHandle              *handle,
                                             LfUnixFileAccess       access,
                                             GError               **error);
int             lf_unix_file_open_once      (const LfRequest       *request,
                                             int                    flags);
gboolean        lf_unix_file_set_fd         (LfHandle              *handle,
                                             int                    fd,
                                             struct stat           *file_stat);
LfUnixFileOpen  lf_unix_file_duplicate      (LfHandle              *handle,
                                             GError               **error);
gboolean        lf_unix_file_check_fd       (int                    fd,
                                             const char            *path,
                                             LfUnixFileAccess       access,
                                             struct stat           *file_stat,
                                             GError               **error);
gboolean        lf_unix_file_take           (LfHandle              *handle);
gboolean        lf_unix_file_is_open        (const LfHandle        *handle);
LfUnixFileState lf_unix_file_get_state      (const LfHandle        *handle,
                                             struct stat           *path_stat);
LfVerdict       lf_unix_file_verify         (const LfHandle        *handle,
                                             GError               **error);
void            lf_unix_file_set_path_error (GError               **error,
                                             const char            *path,
                                             int                    saved_errno);
void            lf_unix_file_set_lock_error (GError               **error,
                                             const LfBackendVTable *backend,
                                             const char            *path,
                                             int                    saved_errno);

/* Checks a path that is only looked at. Returns FALSE with an error. Sets @exists to
 * whether there is a file. */
gboolean        lf_unix_file_look           (const char            *path,
                                             LfUnixFileAccess       access,
                                             struct stat           *path_stat,
                                             gboolean              *exists,
                                             GError               **error);
gboolean        lf_unix_file_check          (const char            *path,
                                             struct stat           *path_stat,
                                             gboolean              *exists,
                                             GError               **error);

/* Breaks a lock that cannot be taken from its holder: removes the file @broken so that the
 * next claim locks a new one. Does nothing if another file is at @path by now, and refuses
 * a file with content. */
gboolean        lf_unix_file_put_away       (const char            *path,
                                             const struct stat     *broken,
                                             GError               **error);

G_END_DECLS
