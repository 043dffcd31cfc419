/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "process.h"

char *
process_get_application (int pid)
{
  return NULL;
}

GStrv
process_get_command_line (int pid)
{
  return NULL;
}

char *
process_get_user (int pid)
{
  return NULL;
}

GDateTime *
process_get_start (int pid)
{
  return NULL;
}

int
process_get_child (int pid)
{
  return 0;
}
