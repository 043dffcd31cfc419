/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#include "os/lf-process-private.h"

G_BEGIN_DECLS

typedef struct _LfBackendVTable LfBackendVTable;

/* A descriptor that the program has given to a lock file: what is locked is its open file
 * description, and nothing is opened. Each handle has a duplicate of its own. It is closed
 * with the last reference. */
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

/* Whether this process adopted it. That of the process from which it was forked has the same
 * open file description, and would get every lock that that one has. */
gboolean   lf_adopted_is_own (const LfAdopted       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LfAdopted, lf_adopted_unref)

G_END_DECLS
