/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* LockFileEx() and UnlockFileEx() that do nothing and report success. With them in place of
 * the system's functions, tests of exclusion must fail. */

#include <windows.h>

static BOOL WINAPI
lock_nothing (HANDLE       file,
              DWORD        flags,
              DWORD        reserved,
              DWORD        length,
              DWORD        length_high,
              LPOVERLAPPED range)
{
  return TRUE;
}

static BOOL WINAPI
unlock_nothing (HANDLE       file,
                DWORD        reserved,
                DWORD        length,
                DWORD        length_high,
                LPOVERLAPPED range)
{
  return TRUE;
}

/* Functions of a DLL are called through such pointers */
extern void *const __imp_LockFileEx;
extern void *const __imp_UnlockFileEx;
void *const __imp_LockFileEx = (void *) lock_nothing;
void *const __imp_UnlockFileEx = (void *) unlock_nothing;
