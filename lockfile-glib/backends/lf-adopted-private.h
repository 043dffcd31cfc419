/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

#include "os/lf-process-private.h"

G_BEGIN_DECLS

typedef struct _LfBackendVTable LfBackendVTable;

/* A descriptor that the program gave to a lock file. The lock is that of its open file
 * description, so no file is opened. Each handle has its own duplicate of the descriptor,
 * which is closed with the last reference. */
typedef struct
{
  gatomicrefcount ref_count;
  const LfBackendVTable *backend;
  const LfProcess *process;
  int fd;
  guint64 device;
  guint64 inode;
} LfAdopted;

LfAdopted *lf_adopted_new   (const LfBackendVTable  *backend,
                             int                     fd,
                             guint64                 device,
                             guint64                 inode);
LfAdopted *lf_adopted_ref   (LfAdopted              *self);
void       lf_adopted_unref (LfAdopted              *self);

/* Whether this process adopted it. A forked child has the same open file description as its
 * parent, and would be granted every lock that the parent holds. */
gboolean   lf_adopted_is_own (const LfAdopted       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LfAdopted, lf_adopted_unref)

G_END_DECLS
