/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include "lf-engine-private.h"

G_BEGIN_DECLS

/* Fills the methods of the engine. */
void lf_etcd_engine_set_methods (LfEngineClass *klass);

G_END_DECLS
