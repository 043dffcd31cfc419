/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Children of a process with threads, which may inherit a mutex that nobody unlocks.
 *
 * A function that runs in a child returns NULL on success, otherwise a description of the
 * failure. It must not assert, since that locks mutexes of GLib. */
typedef const char *(*ForkedFunc) (gpointer data);

typedef enum
{
  CHILD_WELL,
  CHILD_WRONG,        /* it has described the failure */
  CHILD_STUCK,        /* in a mutex of the library, or elsewhere */
  CHILD_STUCK_IN_GLIB /* in a mutex that GLib or the C library locks by itself */
} ChildResult;

void        fork_child_prepare (void);
ChildResult fork_child         (ForkedFunc function, gpointer data);

/* For a child of the child. */
const char *fork_grandchild    (ForkedFunc function, gpointer data);

G_END_DECLS
