/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-identity-private.h"

#include <errno.h>
#include <string.h>

#include <windows.h>

#define MAX_ID_LENGTH 64
#define MAX_PATH_LENGTH 32768

char *
lf_identity_get_machine_id (int *failure)
{
  wchar_t id[MAX_ID_LENGTH] = L"";
  DWORD size = sizeof id;

  if (RegGetValueW (HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid",
                    RRF_RT_REG_SZ, NULL, id, &size) != ERROR_SUCCESS ||
      id[0] == L'\0')
    return NULL;

  return g_utf16_to_utf8 ((const gunichar2 *) id, -1, NULL, NULL, NULL);
}

/* The start time of a process is the time of day. So it identifies a process, together with
 * its ID, across boots, and all boots can have the same ID. */
char *
lf_identity_get_boot_id (int *failure)
{
  return lf_identity_get_machine_id (failure);
}

/* Containers made from one image have the same machine ID, but different names. A process
 * of another host or container never counts as dead. */
guint64
lf_identity_get_pid_namespace (int *failure)
{
  return (guint64) g_str_hash (g_get_host_name ()) + 1;
}

guint64
lf_identity_get_time_namespace (int *failure)
{
  return 0;
}

static HANDLE
open_process (int   pid,
              DWORD access)
{
  HANDLE process = OpenProcess (PROCESS_QUERY_LIMITED_INFORMATION | access, FALSE, (DWORD) pid);

  /* The system ignores the last bits of an ID */
  if (process != NULL && GetProcessId (process) != (DWORD) pid)
    {
      CloseHandle (process);
      SetLastError (ERROR_INVALID_PARAMETER);
      return NULL;
    }

  return process;
}

/* Base name of the executable without its extension, as in other records. */
char *
lf_identity_get_application (int pid)
{
  HANDLE process = open_process (pid, 0);
  g_autofree wchar_t *path = g_new0 (wchar_t, MAX_PATH_LENGTH);
  DWORD length = MAX_PATH_LENGTH;
  g_autofree char *executable = NULL;
  char *name;

  if (process == NULL)
    return NULL;

  if (QueryFullProcessImageNameW (process, 0, path, &length))
    executable = g_utf16_to_utf8 ((const gunichar2 *) path, -1, NULL, NULL, NULL);
  CloseHandle (process);
  if (executable == NULL)
    return NULL;

  name = g_path_get_basename (executable);
  if (strrchr (name, '.') != NULL)
    *strrchr (name, '.') = '\0';

  return name;
}

/* A process that has ended can still be opened while another process has it open. */
LfProcessState
lf_identity_get_process_state (int      pid,
                               guint64 *start_time,
                               int     *failure)
{
  HANDLE process = open_process (pid, SYNCHRONIZE);
  LfProcessState state = LF_PROCESS_UNKNOWN;
  FILETIME start, end, kernel, user;

  *start_time = 0;

  if (process == NULL && GetLastError () == ERROR_INVALID_PARAMETER)
    return LF_PROCESS_GONE;
  if (process == NULL)
    {
      *failure = EIO;
      return LF_PROCESS_UNKNOWN;
    }

  if (WaitForSingleObject (process, 0) == WAIT_OBJECT_0)
    state = LF_PROCESS_GONE;
  else if (GetProcessTimes (process, &start, &end, &kernel, &user))
    {
      *start_time = (guint64) start.dwHighDateTime << 32 | start.dwLowDateTime;
      state = LF_PROCESS_RUNNING;
    }
  else
    *failure = EIO;
  CloseHandle (process);

  return state;
}

char *
lf_identity_new_token (void)
{
  return g_uuid_string_random ();
}
