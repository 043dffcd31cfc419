/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-process-private.h"

#include <unistd.h>

#include "os/lf-fork-private.h"

struct _LfProcess
{
  int pid;
  LfProcess *parent; /* the process that this one was forked from, or NULL */
  GMutex mutex;      /* held while a slot is filled */
  gpointer slots[LF_PROCESS_N_SLOTS];
};

/* Unlike the cell, this is not cleared in a child. There it is the parent's. */
static LfProcess *latest;

static LfProcess *
lf_process_new (void)
{
  LfProcess *self = g_new0 (LfProcess, 1);

  self->pid = getpid ();
  self->parent = g_atomic_pointer_get (&latest);
  g_mutex_init (&self->mutex);

  return self;
}

LfProcess *
lf_process_get (void)
{
  gpointer *cell = lf_fork_get_cell ();
  LfProcess *self = g_atomic_pointer_get (cell);

  if (G_LIKELY (self != NULL))
    return self;

  self = lf_process_new ();
  if (!g_atomic_pointer_compare_and_exchange (cell, NULL, self))
    {
      /* Another thread was faster */
      g_mutex_clear (&self->mutex);
      g_free (self);
      return g_atomic_pointer_get (cell);
    }

  g_atomic_pointer_set (&latest, self);

  return self;
}

int
lf_process_get_id (void)
{
  return lf_process_get ()->pid;
}

int
lf_process_get_id_of (const LfProcess *self)
{
  return self->pid;
}

gpointer
lf_process_get_state (LfProcessSlot     slot,
                      LfProcessStateNew new_state)
{
  LfProcess *self = lf_process_get ();
  gpointer state = g_atomic_pointer_get (&self->slots[slot]);

  if (G_LIKELY (state != NULL))
    return state;

  g_mutex_lock (&self->mutex);
  state = g_atomic_pointer_get (&self->slots[slot]);
  if (state == NULL)
    {
      state = new_state ();
      g_atomic_pointer_set (&self->slots[slot], state);
    }
  g_mutex_unlock (&self->mutex);

  return state;
}

gpointer
lf_process_peek_state (LfProcessSlot slot)
{
  return g_atomic_pointer_get (&lf_process_get ()->slots[slot]);
}

void
lf_process_foreach_inherited (LfProcessSlot slot,
                              GFunc         func,
                              gpointer      user_data)
{
  for (LfProcess *process = lf_process_get ()->parent; process != NULL; process = process->parent)
    {
      gpointer state = g_atomic_pointer_get (&process->slots[slot]);

      if (state != NULL)
        func (state, user_data);
    }
}
