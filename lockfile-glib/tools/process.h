/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the system says about another process, for people; NULL or 0 if that is unknown. One
 * file per platform. */

/* Base name of the executable, the same as the library's name for a holder. */
char      *process_get_application  (int pid);

/* NULL for a process that has ended. */
GStrv      process_get_command_line (int pid);

/* Name of the user that started the process, or the user ID. */
char      *process_get_user         (int pid);

/* When the process was started. */
GDateTime *process_get_start        (int pid);

/* A process that this one has started, or 0. */
int        process_get_child        (int pid);

G_END_DECLS
