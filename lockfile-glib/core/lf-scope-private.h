/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "backends/lf-backend-private.h"
#include "os/lf-mounts-private.h"

G_BEGIN_DECLS

/* Whom a lock of @backend on a mount excludes. @option is set to the option of the mount
 * without which that would be more, if there is one. */
LfLockScope lf_scope_judge (LfBackend                backend,
                            gboolean                 is_dotlock,
                            const LfMount           *mount,
                            const char             **option);

LfLockScope lf_scope_query (const LfBackendVTable   *backend,
                            const char              *path);

/* FALSE with an error if that is less than what @request asks for. */
gboolean    lf_scope_check (const LfRequest         *request,
                            GError                 **error);

G_END_DECLS
