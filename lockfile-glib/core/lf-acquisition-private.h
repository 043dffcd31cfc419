/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include "backends/lf-backend-private.h"
#include "core/lf-monitor-private.h"

G_BEGIN_DECLS

/* One acquisition, from the claim to the grant or the error. */
typedef struct _LfAcquisition LfAcquisition;

/* Called once, in the main context. The callee owns both: @handle holds the lock, or @error
 * says why there is no lock. */
typedef void (*LfAcquisitionDone) (LfHandle *handle,
                                   GError   *error,
                                   gpointer  user_data);

/* Called once if a wait takes long, in the main context that gets the report or, for a
 * synchronous call, in its thread. @holder is NULL if the lock has no holder. */
typedef void (*LfAcquisitionNotice) (LfLockHolder *holder,
                                     gpointer      user_data);

LfAcquisition *lf_acquisition_new     (const LfRequest     *request,
                                       double               timeout,
                                       GCancellable        *cancellable);
void           lf_acquisition_unref   (LfAcquisition       *self);

/* Call these before the acquisition is started. */
void           lf_acquisition_take_monitor
                                      (LfAcquisition       *self,
                                       LfMonitor           *monitor);
/* The delay is in seconds; below 0 means never. */
void           lf_acquisition_set_notice
                                      (LfAcquisition       *self,
                                       double               delay,
                                       LfAcquisitionNotice  notice,
                                       gpointer             user_data);

/* The monitor of the granted lock, or NULL. */
LfMonitor     *lf_acquisition_steal_monitor
                                      (LfAcquisition       *self);
gboolean       lf_acquisition_is_own  (const LfAcquisition *self);

/* Lets the acquisition begin, when nothing of its object is queued before it. Any thread
 * may call this. */
void           lf_acquisition_start   (LfAcquisition       *self);

/* Acquires in the calling thread, as soon as lf_acquisition_start() was called. */
LfHandle      *lf_acquisition_run     (LfAcquisition       *self,
                                       GError             **error);

/* Arranges for the report in @context. Detach the acquisition there when @user_data is
 * destroyed. */
void           lf_acquisition_attach  (LfAcquisition       *self,
                                       GMainContext        *context,
                                       int                  priority,
                                       LfAcquisitionDone    done,
                                       gpointer             user_data,
                                       GDestroyNotify       destroy);
void           lf_acquisition_detach  (LfAcquisition       *self);

/* Whether the calling thread would have to iterate its main context for the report. */
gboolean       lf_acquisition_needs_this_thread
                                      (const LfAcquisition *self);

gboolean       lf_acquisition_is_context_of
                                      (GMainContext        *context,
                                       guint64              thread);

/* The error for an acquisition that a forked child inherited from its parent. */
GError        *lf_acquisition_new_inherited_error
                                      (LfAcquisition       *self);

/* In a forked child: closes what an acquisition of the parent has open. */
void           lf_acquisition_leave   (LfAcquisition       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LfAcquisition, lf_acquisition_unref)

G_END_DECLS
