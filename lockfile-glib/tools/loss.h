/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <lockfile-glib/lockfile-glib.h>

G_BEGIN_DECLS

/* Reports the loss of a lock at once, in a thread. Call loss_begin() and loss_end() around the
 * acquisition, and loss_start() and loss_stop() around what runs with the lock. */

/* Called in that thread. */
typedef void (*LossFunc) (LfLock       *lock,
                          const GError *reason,
                          gpointer      data);

typedef struct
{
  LossFunc func;
  gpointer data;
  GMainContext *context; /* NULL if nothing is to be reported */
  GThread *thread;
  int stopped; /* atomic */
} Loss;

void loss_begin (Loss     *self,
                 LfLock   *lock,
                 LossFunc  func,
                 gpointer  data);
void loss_end   (Loss     *self);
void loss_start (Loss     *self);
void loss_stop  (Loss     *self);

G_END_DECLS
