/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-backend-private.h"

#include <string.h>

#include "lf-enum-types.h"
#include "os/lf-descriptor-private.h"

/* NULL if this build does not have the backend. @backend must be resolved. */
const LfBackendVTable *
lf_backend_get_vtable (LfBackend backend)
{
  for (gsize i = 0; lf_backends[i] != NULL; i++)
    {
      if (lf_backends[i]->backend == backend)
        return lf_backends[i];
    }

  return NULL;
}

/* The first one in the table is the platform's best. */
LfBackend
lf_backend_resolve (LfBackend backend)
{
  return backend == LF_BACKEND_AUTO ? lf_backends[0]->backend : backend;
}

/* The name in the enumeration without the prefix, for messages. */
const char *
lf_backend_get_name (LfBackend backend)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (LF_TYPE_BACKEND);
  const GEnumValue *value = g_enum_get_value (enum_class, (int) backend);

  /* Enumeration classes are never unloaded, so the string stays valid */
  return value != NULL ? value->value_name + strlen ("LF_BACKEND_") : "?";
}

void
lf_backend_close_fd (const LfBackendVTable *self,
                     LfHandle              *handle)
{
  lf_handle_close_fd (handle);
}

void
lf_backend_leave_fd (const LfBackendVTable *self,
                     LfHandle              *handle)
{
  if (handle->fd >= 0)
    lf_descriptor_close_inherited (handle->fd, handle->device, handle->inode);
  handle->fd = -1;
}

/**
 * lf_backend_is_supported:
 * @backend: a backend
 *
 * Whether this build of the library has this backend on this platform.
 *
 * A file system may still refuse the backend; this shows only when a lock is acquired.
 *
 * In Python and JavaScript that is `Lf.Backend.is_supported(Lf.Backend.SQLITE)`, in
 * Vala `Lf.Backend.SQLITE.is_supported ()`.
 *
 * Returns: %TRUE if it can; always for %LF_BACKEND_AUTO
 *
 * Since: 1.0
 */
gboolean
lf_backend_is_supported (LfBackend backend)
{
  return lf_backend_get_vtable (lf_backend_resolve (backend)) != NULL;
}
