/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-backend-private.h"

#include <string.h>

#include "lf-enum-types.h"

/* NULL if this build does not have it. @backend must be resolved. */
const LfBackendClass *
lf_backend_get_class (LfBackend backend)
{
  for (gsize i = 0; lf_backends[i] != NULL; i++)
    {
      if (lf_backends[i]->backend == backend)
        return lf_backends[i];
    }

  return NULL;
}

/* The first of the table is the platform's best. */
LfBackend
lf_backend_resolve (LfBackend backend)
{
  return backend == LF_BACKEND_AUTO ? lf_backends[0]->backend : backend;
}

/* As in the enumeration but for the prefix, for messages. */
const char *
lf_backend_get_name (LfBackend backend)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (LF_TYPE_BACKEND);
  const GEnumValue *value = g_enum_get_value (enum_class, (int) backend);

  /* Enumeration classes are never unloaded, so neither is the string */
  return value != NULL ? value->value_name + strlen ("LF_BACKEND_") : "?";
}

/* Gives a lock back, and lets those of this process know who wait for it. */
LfRelease
lf_backend_release (const LfBackendClass  *self,
                    LfHandle              *handle,
                    gboolean               remove,
                    GError               **error)
{
  LfRelease result = self->release (handle, handle->path, remove, error);

  if (result != LF_RELEASE_FAILED && self->waiting->released != NULL)
    self->waiting->released (handle->path);

  return result;
}

/**
 * lf_backend_is_supported:
 * @backend: a way of locking
 *
 * Whether this build of the library can lock this way on this platform.
 *
 * A file system may refuse it all the same, which only acquiring can tell.
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
  return lf_backend_get_class (lf_backend_resolve (backend)) != NULL;
}
