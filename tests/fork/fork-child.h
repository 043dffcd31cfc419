/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Children of a process with threads, which may inherit a lock that nobody unlocks.
 *
 * What a child does returns NULL if all is well, else what is wrong. It must not
 * assert: that takes locks of GLib. */
typedef const char *(*ForkedFunc) (gpointer data);

typedef enum
{
  CHILD_WELL,
  CHILD_WRONG,        /* it has said what is */
  CHILD_STUCK,        /* in a lock of the library, or in something else */
  CHILD_STUCK_IN_GLIB /* in a lock that GLib or the C library takes by itself */
} ChildResult;

void        fork_child_prepare (void);
ChildResult fork_child         (ForkedFunc function, gpointer data);

/* For the child's child. */
const char *fork_grandchild    (ForkedFunc function, gpointer data);

G_END_DECLS
