/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* One acquisition, from the claim to the grant or the error. */
typedef struct _LfAcquire LfAcquire;

/* Called once, in the main context. @handle holds the lock, or @error tells why
 * there is none; both are the callee's. */
typedef void (*LfAcquireDone) (LfHandle *handle,
                               GError   *error,
                               gpointer  user_data);

LfAcquire *lf_acquire_new        (const LfBackendClass  *backend,
                                  const LfRequest       *request,
                                  double                 timeout,
                                  GCancellable          *cancellable);
void       lf_acquire_unref      (LfAcquire             *self);

LfHandle  *lf_acquire_run        (LfAcquire             *self,
                                  GError               **error);

void       lf_acquire_attach     (LfAcquire             *self,
                                  GMainContext          *context,
                                  int                    priority,
                                  LfAcquireDone          done,
                                  gpointer               user_data,
                                  GDestroyNotify         destroy);
void       lf_acquire_start      (LfAcquire             *self);
void       lf_acquire_detach     (LfAcquire             *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LfAcquire, lf_acquire_unref)

G_END_DECLS
