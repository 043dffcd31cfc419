/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-operations-private.h"

#include <glib/gstdio.h>

#include "lf-errors.h"
#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"
#include "waiting/lf-waiting-private.h"

const LfBackendVTable *
lf_operations_find_backend (LfBackend   backend,
                            GError    **error)
{
  const LfBackendVTable *vtable = lf_backend_get_vtable (backend);

  if (vtable == NULL)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("This build does not have the backend %s; use %s"),
                 lf_backend_get_name (backend),
                 lf_backend_get_name (lf_backend_resolve (LF_BACKEND_AUTO)));

  return vtable;
}

const LfBackendVTable *
lf_operations_get_slots_backend (void)
{
  return &lf_backend_slots;
}

const LfBackendVTable *
lf_operations_get_remote_backend (const LfEngineConfig  *config,
                                  GError               **error)
{
  return lf_backend_get_remote (config, error);
}

void
lf_operations_set_not_locked_error (const char  *path,
                                    GError     **error)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED,
               _("The lock of %s is not held"), display_name);
}

void
lf_operations_set_not_held_error (const LfBackendVTable  *backend,
                                  const char             *path,
                                  GError                **error)
{
  g_autoptr (LfLockHolder) holder = NULL;

  /* Searching for the holder can take long, and may even take the lock for a moment */
  if (error == NULL)
    return;

  backend->query_holder (backend, path, &holder, NULL);

  if (holder != NULL)
    {
      g_autofree char *display_name = lf_path_get_display_name (path);
      g_autofree char *holder_text = lf_lock_holder_to_string (holder);

      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK,
                   _("This object does not hold the lock of %s, which is held by %s"),
                   display_name, holder_text);
    }
  else
    lf_operations_set_not_locked_error (path, error);
}

static LfRelease
release (LfHandle  *handle,
         GError   **error)
{
  const LfBackendVTable *backend = handle->request.backend;
  LfRelease result = backend->release (backend, handle, error);

  if (result != LF_RELEASE_FAILED)
    lf_waiting_poll_wake (lf_handle_get_lock_name (handle));

  return result;
}

LfRelease
lf_operations_release (LfHandle  *handle,
                       GError   **error)
{
  LfRelease result = release (handle, error);

  if (result == LF_RELEASE_LOST && (error == NULL || *error == NULL))
    lf_operations_set_not_held_error (handle->request.backend, handle->request.path, error);

  return result;
}

LfRelease
lf_operations_abandon (LfHandle *handle)
{
  const LfBackendVTable *backend = handle->request.backend;

  if (backend->abandon == NULL)
    return lf_operations_release (handle, NULL);

  backend->abandon (backend, handle);

  return LF_RELEASE_DONE;
}

LfAttempt
lf_operations_convert (LfHandle    *handle,
                       LfLockMode   mode,
                       GError     **error)
{
  const LfBackendVTable *backend = handle->request.backend;
  LfAttempt result;

  if (backend->convert == NULL)
    {
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                   _("%s cannot change the mode of a lock without releasing it"),
                   lf_backend_get_name (backend->backend));
      return LF_ATTEMPT_ERROR;
    }

  if (handle->request.mode == mode)
    return LF_ATTEMPT_GRANTED;

  result = backend->convert (backend, handle, mode, error);
  /* Waiters for a shared lock can be granted it now */
  if (result == LF_ATTEMPT_GRANTED && mode == LF_LOCK_MODE_SHARED)
    lf_waiting_poll_wake (lf_handle_get_lock_name (handle));

  return result;
}

int
lf_operations_steal_fd (LfHandle *handle)
{
  int fd = handle->fd;

  lf_handle_forget_fd (handle);
  handle->fd = -1;
  lf_handle_free (handle);

  return fd;
}

LfAdopted *
lf_operations_adopt (const LfBackendVTable  *backend,
                     int                     fd,
                     const char             *path,
                     GError                **error)
{
  LfAdopted *adopted = NULL;

  if (backend->adopt == NULL)
    g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                 _("%s cannot lock an open descriptor"),
                 lf_backend_get_name (backend->backend));
  else
    backend->adopt (backend, fd, path, &adopted, error);

  return adopted;
}

LfVerdict
lf_operations_verify (LfHandle  *handle,
                      GError   **error)
{
  const LfBackendVTable *backend = handle->request.backend;

  return backend->verify (backend, handle, error);
}

void
lf_operations_drop (LfHandle *handle)
{
  const LfBackendVTable *backend = handle->request.backend;
  g_autoptr (GError) error = NULL;

  if (!lf_handle_is_own (handle))
    backend->leave (backend, handle);
  else if (backend->abandon != NULL)
    backend->abandon (backend, handle);
  else if (release (handle, &error) == LF_RELEASE_FAILED)
    {
      g_debug ("Giving up a lock: %s", error->message);
      backend->close (backend, handle);
    }

  lf_handle_free (handle);
}

gboolean
lf_operations_query_holder (const LfBackendVTable  *backend,
                            const char             *path,
                            LfLockHolder          **holder,
                            GError                **error)
{
  return backend->query_holder (backend, path, holder, error);
}

gboolean
lf_operations_break_lock (const LfBackendVTable  *backend,
                          const char             *path,
                          GError                **error)
{
  return backend->break_lock (backend, path, error);
}

gboolean
lf_operations_held_by_thread (const LfBackendVTable *backend,
                              const char            *path)
{
  LfRequest request = { .backend = backend, .path = (char *) path };
  LfHandle *handle = lf_handle_new (&request);
  GStatBuf path_stat;
  gboolean held;

  if (backend->identify != NULL)
    backend->identify (backend, handle);
  else if (g_stat (path, &path_stat) == 0)
    {
      handle->device = path_stat.st_dev;
      handle->inode = path_stat.st_ino;
    }
  held = lf_handle_held_by_thread (handle);
  backend->drop (backend, handle);
  lf_handle_free (handle);

  return held;
}
