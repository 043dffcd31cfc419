/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "backends/lf-backend-private.h"
#include "os/lf-mounts-private.h"

G_BEGIN_DECLS

/* The scope of a lock of @backend on a mount. If an option of the mount reduces the scope,
 * @option is set to that option. */
LfLockScope lf_scope_judge (LfBackend                backend,
                            gboolean                 is_dotlock,
                            const LfMount           *mount,
                            const char             **option);

LfLockScope lf_scope_query (const LfBackendVTable   *backend,
                            const char              *path);

/* FALSE with an error if the scope is smaller than @request requires. */
gboolean    lf_scope_check (const LfRequest         *request,
                            GError                 **error);

G_END_DECLS
