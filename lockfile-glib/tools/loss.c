/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "loss.h"

static void
lost_cb (LfLock       *lock,
         const GError *reason,
         gpointer      user_data)
{
  Loss *self = user_data;

  self->func (lock, reason, self->data);
}

/* The signal is emitted in the main context in which the lock is acquired. */
void
loss_begin (Loss     *self,
            LfLock   *lock,
            LossFunc  func,
            gpointer  data)
{
  *self = (Loss) { .func = func, .data = data, .context = g_main_context_new () };

  /* A remote lock is always monitored */
  if (LF_IS_LOCK_FILE (lock))
    lf_lock_file_set_monitor (LF_LOCK_FILE (lock), TRUE);
  g_signal_connect (lock, "lost", G_CALLBACK (lost_cb), self);
  g_main_context_push_thread_default (self->context);
}

void
loss_end (Loss *self)
{
  if (self->context != NULL)
    g_main_context_pop_thread_default (self->context);
}

static gpointer
iterate (gpointer data)
{
  Loss *self = data;

  while (!g_atomic_int_get (&self->stopped))
    g_main_context_iteration (self->context, TRUE);

  return NULL;
}

void
loss_start (Loss *self)
{
  if (self->context != NULL)
    self->thread = g_thread_new ("lost", iterate, self);
}

/* After this, nothing is reported. */
void
loss_stop (Loss *self)
{
  if (self->context == NULL)
    return;

  g_atomic_int_set (&self->stopped, TRUE);
  g_main_context_wakeup (self->context);
  g_thread_join (self->thread);
}
