/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-identity-private.h"

#include <errno.h>

/* For systems of which only POSIX is known: here no holder can be proved dead. */

char *
lf_identity_get_machine_id (int *failure)
{
  return NULL;
}

char *
lf_identity_get_boot_id (int *failure)
{
  return NULL;
}

guint64
lf_identity_get_pid_namespace (int *failure)
{
  return 0;
}

guint64
lf_identity_get_time_namespace (int *failure)
{
  return 0;
}

char *
lf_identity_get_application (int pid)
{
  return NULL;
}

LfProcessState
lf_identity_get_process_state (int      pid,
                               guint64 *start_time,
                               int     *failure)
{
  *start_time = 0;

  return LF_PROCESS_UNKNOWN;
}

int
lf_identity_rename_no_replace (int         directory,
                               const char *from,
                               const char *to)
{
  return ENOSYS;
}

char *
lf_identity_new_token (void)
{
  return g_uuid_string_random ();
}
