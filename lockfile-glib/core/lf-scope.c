/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "core/lf-scope-private.h"

#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

LfLockScope
lf_scope_query (const LfBackendVTable *backend,
                const char            *path)
{
  g_auto (LfMount) mount = { NULL, NULL };
  const char *option;

  if (!lf_mounts_find (path, &mount))
    return LF_LOCK_SCOPE_UNKNOWN;

  return lf_scope_judge (backend->backend, backend->is_dotlock, &mount, &option);
}

static void
set_error (GError          **error,
           const LfRequest  *request,
           const LfMount    *mount,
           LfLockScope       scope,
           const char       *option)
{
  g_autofree char *display_name = lf_path_get_display_name (request->path);
  const char *name = lf_backend_get_name (request->backend->backend);

  if (option != NULL)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("%s excludes only this host from %s, whose file system (%s) is mounted with "
                   "%s; without that it would exclude all, and HARD_LINK does so anyway"),
                 name, display_name, mount->type, option);
  else if (scope == LF_LOCK_SCOPE_HOST)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("%s excludes only this host from %s, whose file system (%s) is not shared; "
                   "a path on NFS would be"), name, display_name, mount->type);
  else
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("It is not known whom %s excludes from %s, on its file system (%s); a path "
                   "on a local disk or on NFS would tell"), name, display_name,
                 mount->type != NULL ? mount->type : "?");
}

gboolean
lf_scope_check (const LfRequest  *request,
                GError          **error)
{
  const LfBackendVTable *backend = request->backend;
  g_auto (LfMount) mount = { NULL, NULL };
  const char *option = NULL;
  LfLockScope scope = LF_LOCK_SCOPE_UNKNOWN;

  if (request->required_scope == LF_LOCK_SCOPE_UNKNOWN)
    return TRUE;

  if (lf_mounts_find (request->path, &mount))
    scope = lf_scope_judge (backend->backend, backend->is_dotlock, &mount, &option);
  if (scope >= request->required_scope)
    return TRUE;

  set_error (error, request, &mount, scope, option);

  return FALSE;
}
