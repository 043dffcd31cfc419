/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "work.h"

/* One of each kind that the library exports: functions, types, error domains, cleanup
 * functions. */
gboolean
work_under_lock (LfLockFile  *lock,
                 GError     **error)
{
  g_autoptr (LfLockGuard) guard = lf_lock_file_acquire_guard (lock, NULL, error);
  g_autoptr (LfLockFile) other = NULL;
  g_autoptr (GError) busy = NULL;

  if (guard == NULL)
    return FALSE;

  other = g_object_new (LF_TYPE_LOCK_FILE,
                        "path", lf_lock_file_get_path (lock),
                        "backend", LF_BACKEND_LOCK_FILE_EX,
                        NULL);

  return !lf_lock_file_try_acquire (other, &busy) &&
         g_error_matches (busy, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
}
