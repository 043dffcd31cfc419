/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One process, and all of the library's state that belongs to a process.
 *
 * A forked child begins with new state. What the parent's threads had locked or half
 * changed during the fork remains in the old state, which is no longer used. The state is
 * found without a mutex. It is never freed, so its address distinguishes processes, even if
 * a child in a new PID namespace has its parent's PID. */
typedef struct _LfProcess LfProcess;

typedef enum
{
  LF_PROCESS_THREADS,
  LF_PROCESS_WATCH,
  LF_PROCESS_DESCRIPTORS,
  LF_PROCESS_IDENTITY,
  LF_PROCESS_WAITERS,
  LF_PROCESS_MONITORS,
  LF_PROCESS_LEASES,
  LF_PROCESS_HELD,
  LF_PROCESS_CLEANED,
  LF_PROCESS_CONNECTIONS,
  LF_PROCESS_LAST_HOLDER,
  LF_PROCESS_REMOTE,
  LF_PROCESS_N_SLOTS,
} LfProcessSlot;

typedef gpointer (*LfProcessStateNew) (void);

LfProcess *lf_process_get             (void);
int        lf_process_get_id          (void);
int        lf_process_get_id_of       (const LfProcess    *self);

/* The state in a slot. @new_state makes it at the first use. */
gpointer   lf_process_get_state       (LfProcessSlot       slot,
                                       LfProcessStateNew   new_state);

/* The same, or NULL if the slot was not used yet. */
gpointer   lf_process_peek_state      (LfProcessSlot       slot);

/* Calls @func for the state that each ancestor had in a slot when it forked. Its mutexes
 * may be locked forever. */
void       lf_process_foreach_inherited (LfProcessSlot     slot,
                                         GFunc             func,
                                         gpointer          user_data);

G_END_DECLS
