/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-operations-private.h"

#include <errno.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "core/lf-lease-private.h"
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

/* A handle that can be looked up in the table of held locks. */
static LfHandle *
new_identified (const LfBackendVTable *backend,
                const char            *path)
{
  LfRequest request = { .backend = backend, .path = (char *) path };
  LfHandle *handle = lf_handle_new (&request);
  GStatBuf path_stat;

  if (backend->identify != NULL)
    backend->identify (backend, handle);
  else if (g_stat (path, &path_stat) == 0)
    {
      handle->device = path_stat.st_dev;
      handle->inode = path_stat.st_ino;
    }

  return handle;
}

/* Whether what is at the path is the rest of a lock of this process whose lease ended. It is
 * not removed, because somebody else may take it over at any time. */
static gboolean
is_rest_of_ours (const LfBackendVTable *backend,
                 const char            *path,
                 LfLockHolder          *holder)
{
  LfHandle *handle;
  gboolean held;

  if (backend->renew == NULL ||
      lf_lock_holder_get_pid (holder) != lf_process_get_id_of (lf_process_get ()) ||
      g_strcmp0 (lf_lock_holder_get_host (holder), g_get_host_name ()) != 0)
    return FALSE;

  handle = new_identified (backend, path);
  held = lf_handle_held_by_any_thread (handle);
  backend->drop (backend, handle);
  lf_handle_free (handle);

  return !held;
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

  if (holder != NULL && !is_rest_of_ours (backend, path, holder))
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

gboolean
lf_operations_is_over (const LfHandle *handle)
{
  return handle->lease != NULL && lf_lease_is_over (handle->lease);
}

void
lf_operations_set_over_error (LfHandle  *handle,
                              gboolean   asks,
                              GError   **error)
{
  const LfBackendVTable *backend = handle->request.backend;
  g_autofree char *display_name = NULL;

  if (error == NULL)
    return;

  if (asks && backend->verify (backend, handle, NULL) == LF_VERDICT_LOST)
    {
      lf_operations_set_not_held_error (backend, handle->request.path, error);
      return;
    }

  display_name = lf_path_get_display_name (handle->request.path);
  g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED,
               _("The lease of the lock of %s ended, since it was not renewed in time"),
               display_name);
}

/* With @asks, a lost lock sets an error. */
static LfRelease
release (LfHandle  *handle,
         gboolean   asks,
         GError   **error)
{
  const LfBackendVTable *backend = handle->request.backend;
  LfRelease result = LF_RELEASE_LOST;

  if (lf_operations_is_over (handle))
    {
      if (asks)
        lf_operations_set_over_error (handle, TRUE, error);
      backend->close (backend, handle);
    }
  else
    {
      result = backend->release (backend, handle, error);
      /* A server may need long for an answer */
      if (result == LF_RELEASE_LOST && asks && !backend->is_remote)
        lf_operations_set_not_held_error (backend, handle->request.path, error);
      else if (result == LF_RELEASE_LOST && asks && error != NULL && *error == NULL)
        lf_operations_set_not_locked_error (handle->request.path, error);
    }

  if (result == LF_RELEASE_FAILED)
    return result;

  g_clear_pointer (&handle->lease, lf_lease_stop);
  lf_waiting_poll_wake (lf_handle_get_lock_name (handle));

  return result;
}

gboolean
lf_operations_begin_lease (LfHandle  *handle,
                           GError   **error)
{
  g_autofree char *display_name = NULL;
  int saved_errno;

  if (handle->request.lease == 0 || handle->lease != NULL)
    return TRUE;

  handle->lease = lf_lease_new (handle);
  if (handle->lease != NULL)
    return TRUE;

  saved_errno = errno;
  display_name = lf_path_get_display_name (handle->request.path);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               _("Cannot open lock file %s: %s"), display_name, g_strerror (saved_errno));
  release (handle, FALSE, NULL);

  return FALSE;
}

LfRelease
lf_operations_release (LfHandle  *handle,
                       GError   **error)
{
  return release (handle, TRUE, error);
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

  if (lf_operations_is_over (handle))
    return LF_VERDICT_LOST;

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
  else if (release (handle, FALSE, &error) == LF_RELEASE_FAILED)
    {
      g_debug ("Giving up a lock: %s", error->message);
      backend->close (backend, handle);
    }

  g_clear_pointer (&handle->lease, lf_lease_stop);
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
  LfHandle *handle = new_identified (backend, path);
  gboolean held = lf_handle_held_by_thread (handle);

  backend->drop (backend, handle);
  lf_handle_free (handle);

  return held;
}
