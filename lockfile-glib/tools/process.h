/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the system tells about another process, for people: nothing where it does not
 * tell. One file per platform. */

/* Base name of the executable, as the library has it for a holder. */
char      *process_get_application  (int pid);

/* NULL for one that has ended. */
GStrv      process_get_command_line (int pid);

/* Name of the user who started it, or the user ID. */
char      *process_get_user         (int pid);

/* When the process itself was started. */
GDateTime *process_get_start        (int pid);

/* One that this process has started, or 0. */
int        process_get_child        (int pid);

G_END_DECLS
