/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

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
                 _("With %s, a lock of %s excludes only programs on this host, since the file "
                   "system (%s) is mounted with %s. Without that option it would exclude all "
                   "hosts; HARD_LINK does so even with it"),
                 name, display_name, mount->type, option);
  else if (scope == LF_LOCK_SCOPE_HOST)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("With %s, a lock of %s excludes only programs on this host, since the file "
                   "system (%s) is not shared. Use a path on a shared file system such as NFS"),
                 name, display_name, mount->type);
  else
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("With %s, it is not known which hosts a lock of %s excludes on its file "
                   "system (%s). It is known for paths on a local disk and on NFS"),
                 name, display_name, mount->type != NULL ? mount->type : "?");
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
