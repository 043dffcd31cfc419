/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-adopted-private.h"

#include "backends/lf-backend-private.h"
#include "os/lf-descriptor-private.h"

LfAdopted *
lf_adopted_new (const LfBackendVTable *backend,
                int                    fd,
                guint64                device,
                guint64                inode)
{
  LfAdopted *self = g_new (LfAdopted, 1);

  *self = (LfAdopted) {
    .backend = backend, .process = lf_process_get (),
    .fd = fd, .device = device, .inode = inode,
  };
  g_atomic_ref_count_init (&self->ref_count);

  return self;
}

LfAdopted *
lf_adopted_ref (LfAdopted *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

/* The program may have closed the descriptor, and its number may be another file's now. */
void
lf_adopted_unref (LfAdopted *self)
{
  LfHandle handle = { .fd = self->fd, .noted_fd = -1 };

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  handle.device = self->device;
  handle.inode = self->inode;
  if (lf_descriptor_is (self->fd, self->device, self->inode))
    self->backend->close (self->backend, &handle);
  g_free (self);
}

gboolean
lf_adopted_is_own (const LfAdopted *self)
{
  return self->process == lf_process_get ();
}
