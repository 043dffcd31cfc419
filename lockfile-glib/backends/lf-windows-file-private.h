/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <windows.h>

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* Files on Windows: with names in UTF-8, of any possible length, and never preventing
 * others from deleting or renaming them. GetLastError() says why a function failed, unless
 * its comment says otherwise. */

typedef enum
{
  LF_WINDOWS_FILE_CURRENT,  /* the path still names the handle's file */
  LF_WINDOWS_FILE_REPLACED, /* it names another file, or nothing */
  LF_WINDOWS_FILE_UNKNOWN,  /* it is not known */
} LfWindowsFileState;

typedef struct
{
  guint64 device; /* serial number of the volume */
  guint64 inode;  /* index of the file */
  guint64 size;
  DWORD attributes;
} LfWindowsFileInfo;

wchar_t           *lf_windows_path_new         (const char         *path);

HANDLE             lf_windows_file_open        (const char         *path,
                                                DWORD               access,
                                                DWORD               disposition);
HANDLE             lf_windows_file_open_patiently
                                               (const char         *path,
                                                DWORD               access);
gboolean           lf_windows_file_get_info    (HANDLE              file,
                                                LfWindowsFileInfo  *info);
int                lf_windows_file_to_fd       (HANDLE              file);
HANDLE             lf_windows_file_from_fd     (int                 fd);

void               lf_windows_file_make_parents
                                               (const char         *path);
gboolean           lf_windows_file_open_handle (LfHandle           *handle,
                                                GError            **error);
LfWindowsFileState lf_windows_file_get_state   (const LfHandle     *handle,
                                                LfWindowsFileInfo  *info);

/* Opens a file to look at it; NULL without an error if there is none. */
HANDLE             lf_windows_file_open_to_look
                                               (const char         *path,
                                                DWORD               access,
                                                LfWindowsFileInfo  *info,
                                                GError            **error);

gboolean           lf_windows_file_is_pending  (DWORD               code);
gboolean           lf_windows_file_is_missing  (DWORD               code);

/* Locks byte @offset of the file; FALSE if somebody else has it locked. */
gboolean           lf_windows_file_lock        (HANDLE              file,
                                                guint64             offset,
                                                gboolean            exclusive);
gboolean           lf_windows_file_unlock      (HANDLE              file,
                                                guint64             offset);
gboolean           lf_windows_file_is_busy     (DWORD               code);

gboolean           lf_windows_file_delete      (HANDLE              file);
gboolean           lf_windows_file_rename      (HANDLE              file,
                                                const char         *path);
gboolean           lf_windows_file_put_away    (HANDLE              file,
                                                const char         *path);

void               lf_windows_file_set_error   (GError            **error,
                                                const char         *path,
                                                DWORD               code);

G_END_DECLS
