/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-backend-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

#include "backends/lf-record-private.h"
#include "lf-errors.h"
#include "os/lf-identity-private.h"
#include "os/lf-library-private.h"
#include "os/lf-process-private.h"
#include "os/lf-remote-uri-private.h"
#include "os/lf-translate-private.h"

/* A lock in a cluster. What is done there is the work of a module, which is loaded when the
 * first lock is used. There is one backend for each cluster, and each user and certificate
 * with which it is reached.
 *
 * A wait sleeps in poll(2) for a descriptor that the module makes readable, which is used as the
 * queue of a kernel is. The cluster keeps the order. */

#define ENGINE "etcd"
#define MODULE "lib" "lockfile-glib-etcd." G_MODULE_SUFFIX
#define PACKAGE "lockfile-glib-etcd"

typedef struct
{
  LfBackendVTable vtable; /* the first member, by which methods find the others */
  const LfEngineClass *engine;
  LfEngineSession *session;
  GMutex mutex; /* protects the data of handles against interrupt() */
} RemoteBackend;

typedef struct
{
  LfEngineClaim *claim;
  int fd; /* to wait for, or -1 */
} RemoteClaim;

static RemoteBackend *
get_backend (const LfBackendVTable *vtable)
{
  return (RemoteBackend *) vtable;
}

/* Lines of text, as the first ones of the record of a lock that is a file. */
static char *
new_value (void)
{
  g_autofree char *application = lf_identity_get_application (lf_process_get_id ());
  g_autofree char *host = g_strdup (g_get_host_name ());

  g_strdelimit (host, "\n", '?');
  if (application != NULL)
    g_strdelimit (application, "\n", '?');

  return g_strdup_printf ("%d\n%s\n%s\n", lf_process_get_id (),
                          application != NULL ? application : "", host);
}

/* The path was parsed when the object was made. */
static char *
get_name (const char *path)
{
  g_auto (LfRemoteUri) uri = { NULL };

  lf_remote_uri_parse (path, &uri, NULL);

  return g_steal_pointer (&uri.name);
}

static void
remote_identify (const LfBackendVTable *vtable,
                 LfHandle              *handle)
{
  if (handle->lock_name == NULL)
    handle->lock_name = g_strdup (handle->request.path);
}

static RemoteClaim *
get_claim (RemoteBackend *self,
           LfHandle      *handle)
{
  RemoteClaim *claim = handle->data;
  g_autofree char *name = NULL;
  g_autofree char *value = NULL;

  if (claim != NULL)
    return claim;

  name = get_name (handle->request.path);
  value = new_value ();
  claim = g_new (RemoteClaim, 1);
  *claim = (RemoteClaim) { self->engine->claim_new (self->session, name, value), -1 };

  g_mutex_lock (&self->mutex);
  handle->data = claim;
  g_mutex_unlock (&self->mutex);

  return claim;
}

/* Otherwise the threads that attempt would change the order. */
static void
remote_begin (const LfBackendVTable *vtable,
              LfHandle              *handle)
{
  RemoteBackend *self = get_backend (vtable);
  RemoteClaim *claim = get_claim (self, handle);

  self->engine->begin (claim->claim, handle->request.try_once);
}

static LfAttempt
remote_attempt (const LfBackendVTable  *vtable,
                LfHandle               *handle,
                GError                **error)
{
  RemoteBackend *self = get_backend (vtable);
  RemoteClaim *claim = get_claim (self, handle);
  int saved_errno;

  switch (self->engine->attempt (claim->claim, handle->request.try_once, error))
    {
    case LF_ENGINE_GRANTED:
      return LF_ATTEMPT_GRANTED;

    case LF_ENGINE_ERROR:
      return LF_ATTEMPT_ERROR;

    case LF_ENGINE_BUSY:
    default:
      break;
    }

  if (handle->request.try_once || claim->fd >= 0)
    return LF_ATTEMPT_BUSY;

  claim->fd = self->engine->get_fd (claim->claim);
  if (claim->fd >= 0)
    return LF_ATTEMPT_BUSY;

  saved_errno = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               _("Cannot wait for a lock: %s"), g_strerror (saved_errno));

  return LF_ATTEMPT_ERROR;
}

static void
remote_interrupt (const LfBackendVTable *vtable,
                  LfHandle              *handle)
{
  RemoteBackend *self = get_backend (vtable);
  RemoteClaim *claim;

  g_mutex_lock (&self->mutex);
  claim = handle->data;
  if (claim != NULL)
    self->engine->interrupt (claim->claim);
  g_mutex_unlock (&self->mutex);
}

static int
remote_block (const LfBackendVTable *vtable,
              LfHandle              *handle)
{
  const RemoteClaim *claim = handle->data;
  GPollFD poll_fd = { .fd = claim->fd, .events = G_IO_IN };

  return g_poll (&poll_fd, 1, -1) < 0 ? errno : 0;
}

static void
remote_set_block_error (const LfBackendVTable  *vtable,
                        const LfHandle         *handle,
                        int                     saved_errno,
                        GError                **error)
{
  g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED, _("Cannot wait for a lock: %s"),
               g_strerror (saved_errno));
}

static LfLockHolder *
remote_get_obstacle (const LfBackendVTable *vtable,
                     LfHandle              *handle)
{
  RemoteBackend *self = get_backend (vtable);
  RemoteClaim *claim = handle->data;
  g_autofree char *value = NULL;

  if (claim != NULL)
    value = self->engine->get_obstacle (claim->claim);

  return value != NULL ? lf_record_get_holder (value) : NULL;
}

static void
free_claim (RemoteBackend *self,
            LfHandle      *handle)
{
  RemoteClaim *claim;

  g_mutex_lock (&self->mutex);
  claim = g_steal_pointer (&handle->data);
  g_mutex_unlock (&self->mutex);

  if (claim == NULL)
    return;

  self->engine->claim_free (claim->claim);
  g_free (claim);
}

/* Releases in the background what may be held. */
static void
remote_drop (const LfBackendVTable *vtable,
             LfHandle              *handle)
{
  free_claim (get_backend (vtable), handle);
}

static gboolean
remote_is_intact (const LfBackendVTable *vtable,
                  LfHandle              *handle,
                  gboolean               may_wait)
{
  RemoteClaim *claim = handle->data;

  return get_backend (vtable)->engine->get_remaining (claim->claim) > 0;
}

static LfVerdict
remote_verify (const LfBackendVTable  *vtable,
               LfHandle               *handle,
               GError                **error)
{
  RemoteClaim *claim = handle->data;

  switch (get_backend (vtable)->engine->verify (claim->claim, error))
    {
    case LF_ENGINE_HELD:
      return LF_VERDICT_HELD;

    case LF_ENGINE_LOST:
      return LF_VERDICT_LOST;

    case LF_ENGINE_UNKNOWN:
    default:
      return LF_VERDICT_UNKNOWN;
    }
}

static void
remote_set_lost_func (const LfBackendVTable *vtable,
                      LfHandle              *handle,
                      GSourceOnceFunc        func,
                      gpointer               data,
                      GDestroyNotify         destroy)
{
  RemoteClaim *claim = handle->data;

  get_backend (vtable)->engine->set_lost_func (claim->claim, func, data, destroy);
}

static gint64
remote_get_token (const LfBackendVTable *vtable,
                  LfHandle              *handle)
{
  RemoteClaim *claim = handle->data;

  return get_backend (vtable)->engine->get_token (claim->claim);
}

static gint64
remote_get_remaining (const LfBackendVTable *vtable,
                      LfHandle              *handle)
{
  RemoteClaim *claim = handle->data;

  return get_backend (vtable)->engine->get_remaining (claim->claim);
}

/* The claim, its session and the session's thread are the parent's. Connections are closed when
 * a program is executed. */
static void
remote_leave (const LfBackendVTable *vtable,
              LfHandle              *handle)
{
}

static LfRelease
remote_release (const LfBackendVTable  *vtable,
                LfHandle               *handle,
                GError                **error)
{
  RemoteBackend *self = get_backend (vtable);
  RemoteClaim *claim = handle->data;
  LfEngineRelease result = self->engine->release (claim->claim, error);

  free_claim (self, handle);

  /* If the cluster does not answer, the lock is no longer held, but others may have to wait
   * until the lease has ended */
  return result == LF_ENGINE_RELEASED ? LF_RELEASE_DONE : LF_RELEASE_LOST;
}

static gboolean
remote_query_holder (const LfBackendVTable  *vtable,
                     const char             *path,
                     LfLockHolder          **holder,
                     GError                **error)
{
  RemoteBackend *self = get_backend (vtable);
  g_autofree char *name = get_name (path);
  g_autofree char *value = NULL;

  *holder = NULL;
  if (!self->engine->query (self->session, name, &value, error))
    return FALSE;

  if (value != NULL)
    *holder = lf_record_get_holder (value);

  return TRUE;
}

static gboolean
remote_break_lock (const LfBackendVTable  *vtable,
                   const char             *path,
                   GError                **error)
{
  RemoteBackend *self = get_backend (vtable);
  g_autofree char *name = get_name (path);

  return self->engine->break_lock (self->session, name, error);
}

static const LfBackendVTable remote_vtable = {
  .backend = LF_BACKEND_AUTO,
  .is_remote = TRUE,
  .identify = remote_identify,
  .begin = remote_begin,
  .attempt = remote_attempt,
  .interrupt = remote_interrupt,
  .block = remote_block,
  .set_block_error = remote_set_block_error,
  .get_obstacle = remote_get_obstacle,
  .drop = remote_drop,
  .is_intact = remote_is_intact,
  .verify = remote_verify,
  .set_lost_func = remote_set_lost_func,
  .get_token = remote_get_token,
  .get_remaining = remote_get_remaining,
  .leave = remote_leave,
  .release = remote_release,
  .abandon = remote_drop,
  .close = remote_drop,
  .query_holder = remote_query_holder,
  .break_lock = remote_break_lock,
};

/* NULL if it cannot be loaded. */
static const LfEngineClass *
find_engine (GIOExtensionPoint *point)
{
  GIOExtension *extension = g_io_extension_point_get_extension_by_name (point, ENGINE);
  const LfEngineClass *engine;
  GTypeQuery query;

  if (extension == NULL)
    return NULL;

  g_type_query (g_io_extension_get_type (extension), &query);
  if (query.class_size < sizeof (LfEngineClass))
    return NULL;

  /* Never unloaded */
  engine = (const LfEngineClass *) g_io_extension_ref_class (extension);

  return engine->abi == LF_ENGINE_ABI ? engine : NULL;
}

/* With the mutex held, since GIO must not load a module twice. Looks again as long as there is
 * none: it may be installed by then. */
static const LfEngineClass *
get_engine (GError **error)
{
  g_autofree char *directory = lf_library_get_modules_directory ();
  g_autofree char *file = g_build_filename (directory, MODULE, NULL);
  GIOExtensionPoint *point = g_io_extension_point_register (LF_ENGINE_EXTENSION_POINT);
  const LfEngineClass *engine;
  g_autofree char *display_name = NULL;

  if (g_io_extension_point_get_extension_by_name (point, ENGINE) == NULL)
    g_io_modules_scan_all_in_directory (directory);
  engine = find_engine (point);
  if (engine != NULL)
    return engine;

  display_name = g_filename_display_name (file);
  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("Locks in etcd need the module %s of this version of the library. It is in the "
                 "package %s"), display_name, PACKAGE);

  return NULL;
}

/* The backends of one process, by their configuration. */
typedef struct
{
  GMutex mutex;
  GHashTable *backends;
} Remote;

static gpointer
remote_new (void)
{
  Remote *self = g_new (Remote, 1);

  *self = (Remote) { .backends = g_hash_table_new (g_str_hash, g_str_equal) };
  g_mutex_init (&self->mutex);

  return self;
}

static void
append_field (GString    *key,
              const char *field)
{
  if (field != NULL)
    g_string_append_printf (key, "%" G_GSIZE_FORMAT ":%s", strlen (field), field);
  g_string_append_c (key, ';');
}

/* This is done in each call, so it must not cost much. */
static char *
new_key (const LfEngineConfig *config)
{
  GString *key = g_string_new (NULL);

  g_string_append_printf (key, "%u;", config->lease_duration);
  append_field (key, config->user);
  append_field (key, config->password);
  append_field (key, config->ca_file);
  append_field (key, config->certificate_file);
  append_field (key, config->key_file);
  for (guint i = 0; config->endpoints[i] != NULL; i++)
    append_field (key, config->endpoints[i]);

  return g_string_free (key, FALSE);
}

/* With the mutex held. */
static RemoteBackend *
new_backend (const LfEngineConfig  *config,
             GError               **error)
{
  const LfEngineClass *engine = get_engine (error);
  RemoteBackend *self;

  if (engine == NULL)
    return NULL;

  self = g_new (RemoteBackend, 1);
  *self = (RemoteBackend) {
    .vtable = remote_vtable,
    .engine = engine,
    .session = engine->session_new (config),
  };
  g_mutex_init (&self->mutex);

  return self;
}

const LfBackendVTable *
lf_backend_get_remote (const LfEngineConfig  *config,
                       GError               **error)
{
  g_autofree char *key = new_key (config);
  Remote *remote = lf_process_get_state (LF_PROCESS_REMOTE, remote_new);
  RemoteBackend *backend;

  g_mutex_lock (&remote->mutex);
  backend = g_hash_table_lookup (remote->backends, key);
  if (backend == NULL)
    {
      backend = new_backend (config, error);
      if (backend != NULL)
        g_hash_table_insert (remote->backends, g_steal_pointer (&key), backend);
    }
  g_mutex_unlock (&remote->mutex);

  return backend != NULL ? &backend->vtable : NULL;
}
