/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A pointer that is NULL at first, and NULL again in every forked child. Access it
 * atomically. One file per platform. */
gpointer *lf_fork_get_cell (void);

/* The same with a handler of pthread_atfork(), which does not run in a child that was made
 * with clone() directly. Only on Unix. */
gpointer *lf_fork_get_handled_cell (void);

G_END_DECLS
