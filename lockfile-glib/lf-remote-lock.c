/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-remote-lock.h"

#include <string.h>

#include "core/lf-operations-private.h"
#include "lf-errors.h"
#include "lf-lock-file-private.h"
#include "lf-lock-private.h"
#include "os/lf-library-private.h"
#include "os/lf-path-private.h"
#include "os/lf-remote-uri-private.h"
#include "os/lf-translate-private.h"

/**
 * LfRemoteLock:
 *
 * A lock in a cluster of etcd v3, for programs on machines that share no file system.
 *
 * <!-- code: with etcd in remote-lock.c -->
 * ```c
 * g_autoptr (LfRemoteLock) lock = lf_remote_lock_new ("etcd://db1,db2,db3/backup", error);
 *
 * if (lock == NULL || !lf_lock_acquire (LF_LOCK (lock), cancellable, error))
 *   return FALSE;
 *
 * do_what_only_one_may_do (lf_remote_lock_get_fencing_token (lock));
 *
 * return lf_lock_release (LF_LOCK (lock), error);
 * ```
 *
 * It is acquired and released with the methods of [iface@Lock], with the same rules for
 * owners, threads and main contexts as a [class@LockFile], and the same errors. It excludes
 * other objects in this process and others, on any machine, and `etcdctl lock NAME`. Waiters
 * of all of them are served first come, first served.
 *
 * The locks need a module of the library, which speaks with the cluster. In Debian it is in
 * the package `lockfile-glib-etcd`.
 *
 * ## The URI
 *
 * | URI | the lock NAME |
 * |---|---|
 * | `etcd://HOST[:PORT][,HOST[:PORT]...]/NAME` | in the cluster of these members; the port is 2379 |
 * | `etcd+tls://HOST[:PORT][,...]/NAME` | with TLS |
 * | `etcd+unix://PATH/NAME` | through a socket, with `%2F` for each `/` in its path |
 * | `etcd:///NAME`, `etcd+tls:///NAME` | in the cluster of [property@RemoteLock:endpoints] |
 *
 * Name all members, so that the lock can be used while one of them fails. The name may have
 * slashes: `a` and `a/b` are different locks. For etcdctl, write `a%2Fb`, and `%25` for each
 * percent sign.
 *
 * User, password and certificates are never in the URI. They are properties, and those that
 * are not set are read from the environment variables of etcdctl.
 *
 * ## The lease
 *
 * A lock that is held is bound to a lease, which a thread of the library keeps alive, even while
 * your program blocks its main loop or has none. All objects of a process with the same
 * properties share the lease, the thread and the connections. If the process ends without
 * releasing the lock, the lease ends after [property@RemoteLock:lease-duration], and the
 * next waiter acquires the lock.
 *
 * If the cluster cannot be reached for so long, or the process or the machine was stopped, the
 * lease may end while you hold the lock. [property@Lock:held] is %FALSE from that moment on,
 * counted by a clock of this machine that also runs while it is suspended, and
 * [signal@Lock::lost] is emitted. You then have no time left to stop: somebody else may hold the
 * lock already. See [property@RemoteLock:remaining].
 *
 * ## Fencing
 *
 * A process can be stopped between a check of the lock and the next write, for any time. So
 * no lock with a lease can protect data alone. Pass
 * [property@RemoteLock:fencing-token] along with each write, and have the receiver refuse a token
 * that is lower than the highest one that it has seen.
 *
 * ## Failures of the cluster
 *
 * A call fails with an error of %G_IO_ERROR if no member can be reached, if the cluster does
 * not answer for ten seconds, or if it refuses the request:
 *
 * - %G_IO_ERROR_CONNECTION_REFUSED, %G_IO_ERROR_HOST_NOT_FOUND, %G_IO_ERROR_TIMED_OUT and other
 *   errors of the network
 * - %G_IO_ERROR_PERMISSION_DENIED: the user or the password is wrong, or the user may not write
 *   keys that begin with the name and a slash
 * - %G_IO_ERROR_INVALID_DATA: the answer is not one of etcd, or a certificate cannot be read
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED: the module is not installed
 *
 * A claim that already waits is not ended by a cluster that fails for a while. It keeps its place
 * as long as the cluster keeps the lease.
 *
 * If the cluster does not answer a release for five seconds, the release fails with
 * %G_IO_ERROR_TIMED_OUT. The object does not hold the lock any more. The release is repeated, and
 * others can acquire the lock at the latest when the lease ends.
 *
 * Since: 1.0
 */
struct _LfRemoteLock
{
  GObject parent_instance;

  char *construct_uri;
  GError *error;   /* of the URI, or NULL */
  LfRemoteUri uri; /* set during construction */
  LfLockFile *lock_file;

  /* Protected by the mutex of the lock file's properties */
  LfEngineConfig config; /* without the members */
  char *endpoints;
  GSource *guard;
};

static void lf_remote_lock_lock_init (LfLockInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LfRemoteLock, lf_remote_lock, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LF_TYPE_LOCK, lf_remote_lock_lock_init))

#define DEFAULT_LEASE_DURATION 15
#define MIN_LEASE_DURATION 2
#define MAX_LEASE_DURATION (24 * 60 * 60)
#define DEFAULT_ENDPOINTS "127.0.0.1:2379"

typedef enum
{
  PROP_URI = 1,
  PROP_LEASE_DURATION,
  PROP_FENCING_TOKEN,
  PROP_REMAINING,
  PROP_ENDPOINTS,
  PROP_USER,
  PROP_PASSWORD,
  PROP_CA_FILE,
  PROP_CERTIFICATE_FILE,
  PROP_KEY_FILE,
  N_PROPS,

  /* Of the interface */
  PROP_TIMEOUT = N_PROPS,
  PROP_HELD,
} LfRemoteLockProperty;

static GParamSpec *props[N_PROPS];

static GMutex *
lf_remote_lock_get_mutex (LfRemoteLock *self)
{
  return lf_lock_file_get_mutex (self->lock_file);
}

/* A process that was stopped finds out that the lock has expired when it continues, and at the
 * same time all of its timers are due. This source is the first one in the main context that
 * receives the signal. It finds out before the others are dispatched, and the report of the
 * loss, with the same priority, follows it. */
typedef struct
{
  GSource source;
  GWeakRef lock;
} Guard;

static gboolean
guard_look (GSource *source)
{
  Guard *guard = (Guard *) source;
  g_autoptr (LfRemoteLock) self = g_weak_ref_get (&guard->lock);

  if (self != NULL)
    lf_lock_file_report_expired (self->lock_file);

  return FALSE;
}

static gboolean
guard_prepare (GSource *source,
               int     *timeout)
{
  *timeout = -1;

  return guard_look (source);
}

static gboolean
guard_dispatch (GSource     *source,
                GSourceFunc  callback,
                gpointer     user_data)
{
  return G_SOURCE_CONTINUE;
}

static void
guard_finalize (GSource *source)
{
  g_weak_ref_clear (&((Guard *) source)->lock);
}

static GSourceFuncs guard_funcs = {
  .prepare = guard_prepare,
  .check = guard_look,
  .dispatch = guard_dispatch,
  .finalize = guard_finalize,
};

/* After a grant; NULL if the lock is given up. */
static void
set_guard (LfRemoteLock *self,
           GSource      *guard)
{
  GSource *before;

  g_mutex_lock (lf_remote_lock_get_mutex (self));
  before = self->guard;
  self->guard = guard;
  g_mutex_unlock (lf_remote_lock_get_mutex (self));

  if (before != NULL)
    {
      g_source_destroy (before);
      g_source_unref (before);
    }
}

static void
add_guard (LfRemoteLock *self)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  GSource *source = g_source_new (&guard_funcs, sizeof (Guard));

  g_weak_ref_init (&((Guard *) source)->lock, self);
  g_source_set_static_name (source, "[lockfile-glib] guard");
  g_source_set_priority (source, LF_LOST_PRIORITY);
  g_source_attach (source, context);
  set_guard (self, source);
}

/* An empty value is as good as none. */
static const char *
get_variable (const char *name)
{
  const char *value = g_getenv (name);

  return value != NULL && *value != '\0' ? value : NULL;
}

static char *
choose (const char *property,
        const char *variable)
{
  return g_strdup (property != NULL && *property != '\0' ? property : get_variable (variable));
}

static char *
choose_path (const char *property,
             const char *variable)
{
  g_autofree char *path = choose (property, variable);

  return path != NULL ? lf_path_make_absolute (path) : NULL;
}

static void
config_clear (LfEngineConfig *config)
{
  g_clear_pointer (&config->endpoints, g_strfreev);
  g_clear_pointer (&config->user, g_free);
  g_clear_pointer (&config->password, g_free);
  g_clear_pointer (&config->ca_file, g_free);
  g_clear_pointer (&config->certificate_file, g_free);
  g_clear_pointer (&config->key_file, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LfEngineConfig, config_clear)

/* With the mutex held. */
static char **
get_endpoints (LfRemoteLock  *self,
               GError       **error)
{
  gboolean has_property = self->endpoints != NULL && *self->endpoints != '\0';
  g_autofree char *text = NULL;

  if (self->uri.endpoints[0] != NULL && !has_property)
    return g_strdupv (self->uri.endpoints);

  text = choose (self->endpoints, "ETCDCTL_ENDPOINTS");

  return lf_remote_uri_parse_endpoints (text != NULL ? text : DEFAULT_ENDPOINTS, self->uri.is_tls,
                                        error);
}

/* With the mutex held. */
static gboolean
get_config (LfRemoteLock    *self,
            LfEngineConfig  *config,
            GError         **error)
{
  char *colon;

  config->endpoints = get_endpoints (self, error);
  config->user = choose (self->config.user, "ETCDCTL_USER");
  config->password = choose (self->config.password, "ETCDCTL_PASSWORD");
  config->ca_file = choose_path (self->config.ca_file, "ETCDCTL_CACERT");
  config->certificate_file = choose_path (self->config.certificate_file, "ETCDCTL_CERT");
  config->key_file = choose_path (self->config.key_file, "ETCDCTL_KEY");
  config->lease_duration = self->config.lease_duration;

  /* As etcdctl has it: USER:PASSWORD */
  colon = config->user != NULL && config->password == NULL ? strchr (config->user, ':') : NULL;
  if (colon != NULL)
    {
      config->password = g_strdup (colon + 1);
      *colon = '\0';
    }

  return config->endpoints != NULL;
}

static const LfBackendVTable *
get_backend_cb (gpointer   user_data,
                GError   **error)
{
  LfRemoteLock *self = user_data;
  g_auto (LfEngineConfig) config = { NULL };
  gboolean is_valid;

  if (self->error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return NULL;
    }

  g_mutex_lock (lf_remote_lock_get_mutex (self));
  is_valid = get_config (self, &config, error);
  g_mutex_unlock (lf_remote_lock_get_mutex (self));

  return is_valid ? lf_operations_get_remote_backend (&config, error) : NULL;
}

static void
held_cb (LfRemoteLock *self)
{
  g_object_notify (G_OBJECT (self), "held");
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FENCING_TOKEN]);
}

static void
timeout_cb (LfRemoteLock *self)
{
  g_object_notify (G_OBJECT (self), "timeout");
}

static void
lost_cb (LfRemoteLock *self,
         GError       *reason)
{
  lf_lock_emit_lost (LF_LOCK (self), reason);
}

static void
lf_remote_lock_constructed (GObject *object)
{
  LfRemoteLock *self = LF_REMOTE_LOCK (object);
  const char *uri = self->construct_uri != NULL ? self->construct_uri : "";

  if (lf_remote_uri_parse (uri, &self->uri, &self->error))
    uri = self->uri.canonical;
  self->lock_file = lf_lock_file_new_remote (uri, get_backend_cb, self);
  g_signal_connect_object (self->lock_file, "notify::held", G_CALLBACK (held_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->lock_file, "notify::timeout", G_CALLBACK (timeout_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->lock_file, "lost", G_CALLBACK (lost_cb), self,
                           G_CONNECT_SWAPPED);

  G_OBJECT_CLASS (lf_remote_lock_parent_class)->constructed (object);
}

static char *
dup_setting (LfRemoteLock  *self,
             char         **setting)
{
  char *value;

  g_mutex_lock (lf_remote_lock_get_mutex (self));
  value = g_strdup (*setting);
  g_mutex_unlock (lf_remote_lock_get_mutex (self));

  return value;
}

static void
set_setting (LfRemoteLock          *self,
             char                 **setting,
             const char            *value,
             LfRemoteLockProperty   property)
{
  g_autofree char *before = NULL;
  gboolean changed;

  g_mutex_lock (lf_remote_lock_get_mutex (self));
  changed = g_strcmp0 (*setting, value) != 0;
  if (changed)
    {
      before = *setting;
      *setting = g_strdup (value);
    }
  g_mutex_unlock (lf_remote_lock_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[property]);
}

static void
lf_remote_lock_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  LfRemoteLock *self = LF_REMOTE_LOCK (object);

  switch ((LfRemoteLockProperty) prop_id)
    {
    case PROP_URI:
      g_value_set_string (value, lf_remote_lock_get_uri (self));
      break;

    case PROP_LEASE_DURATION:
      g_value_set_uint (value, lf_remote_lock_get_lease_duration (self));
      break;

    case PROP_FENCING_TOKEN:
      g_value_set_int64 (value, lf_remote_lock_get_fencing_token (self));
      break;

    case PROP_REMAINING:
      g_value_set_double (value, lf_remote_lock_get_remaining (self));
      break;

    case PROP_ENDPOINTS:
      g_value_take_string (value, lf_remote_lock_dup_endpoints (self));
      break;

    case PROP_USER:
      g_value_take_string (value, lf_remote_lock_dup_user (self));
      break;

    case PROP_CA_FILE:
      g_value_take_string (value, lf_remote_lock_dup_ca_file (self));
      break;

    case PROP_CERTIFICATE_FILE:
      g_value_take_string (value, lf_remote_lock_dup_certificate_file (self));
      break;

    case PROP_KEY_FILE:
      g_value_take_string (value, lf_remote_lock_dup_key_file (self));
      break;

    case PROP_TIMEOUT:
      g_value_set_double (value, lf_lock_file_get_timeout (self->lock_file));
      break;

    case PROP_HELD:
      g_value_set_boolean (value, lf_lock_file_is_held (self->lock_file));
      break;

    case PROP_PASSWORD:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
lf_remote_lock_set_property (GObject      *object,
                             guint         prop_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  LfRemoteLock *self = LF_REMOTE_LOCK (object);

  switch ((LfRemoteLockProperty) prop_id)
    {
    case PROP_URI:
      self->construct_uri = g_value_dup_string (value);
      break;

    case PROP_LEASE_DURATION:
      lf_remote_lock_set_lease_duration (self, g_value_get_uint (value));
      break;

    case PROP_ENDPOINTS:
      lf_remote_lock_set_endpoints (self, g_value_get_string (value));
      break;

    case PROP_USER:
      lf_remote_lock_set_user (self, g_value_get_string (value));
      break;

    case PROP_PASSWORD:
      lf_remote_lock_set_password (self, g_value_get_string (value));
      break;

    case PROP_CA_FILE:
      lf_remote_lock_set_ca_file (self, g_value_get_string (value));
      break;

    case PROP_CERTIFICATE_FILE:
      lf_remote_lock_set_certificate_file (self, g_value_get_string (value));
      break;

    case PROP_KEY_FILE:
      lf_remote_lock_set_key_file (self, g_value_get_string (value));
      break;

    case PROP_TIMEOUT:
      lf_lock_file_set_timeout (self->lock_file, g_value_get_double (value));
      break;

    case PROP_FENCING_TOKEN:
    case PROP_REMAINING:
    case PROP_HELD:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* Releases. No claim is pending, since each has a reference to this object, too. */
static void
lf_remote_lock_dispose (GObject *object)
{
  LfRemoteLock *self = LF_REMOTE_LOCK (object);

  if (self->lock_file != NULL)
    {
      set_guard (self, NULL);
      g_object_run_dispose (G_OBJECT (self->lock_file));
    }

  G_OBJECT_CLASS (lf_remote_lock_parent_class)->dispose (object);
}

static void
lf_remote_lock_finalize (GObject *object)
{
  LfRemoteLock *self = LF_REMOTE_LOCK (object);

  g_clear_object (&self->lock_file);
  config_clear (&self->config);
  lf_remote_uri_clear (&self->uri);
  g_clear_error (&self->error);
  g_free (self->endpoints);
  g_free (self->construct_uri);

  G_OBJECT_CLASS (lf_remote_lock_parent_class)->finalize (object);
}

static GParamSpec *
new_setting (const char *name,
             GParamFlags flags)
{
  return g_param_spec_string (name, NULL, NULL, NULL,
                              flags | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
}

static void
lf_remote_lock_class_init (LfRemoteLockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  lf_library_keep_loaded ();

  object_class->constructed = lf_remote_lock_constructed;
  object_class->get_property = lf_remote_lock_get_property;
  object_class->set_property = lf_remote_lock_set_property;
  object_class->dispose = lf_remote_lock_dispose;
  object_class->finalize = lf_remote_lock_finalize;

  /**
   * LfRemoteLock:uri: (getter get_uri)
   *
   * The URI of the lock, in its canonical form: with all ports, and nothing encoded that
   * need not be.
   *
   * Since: 1.0
   */
  props[PROP_URI] = new_setting ("uri", G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY);

  /**
   * LfRemoteLock:lease-duration: (getter get_lease_duration) (setter set_lease_duration)
   *
   * How long the lock stays locked after the process or the machine has died or lost its
   * connection, in seconds, from 2 to 86400.
   *
   * A cluster may extend it. With a short duration, a slow network or a busy machine can cause
   * the loss of a lock; with a long one, others wait longer after a crash. A change takes
   * effect with the next acquire. Objects with different durations do not share a lease.
   *
   * Since: 1.0
   */
  props[PROP_LEASE_DURATION] =
    g_param_spec_uint ("lease-duration", NULL, NULL, MIN_LEASE_DURATION, MAX_LEASE_DURATION,
                       DEFAULT_LEASE_DURATION,
                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfRemoteLock:fencing-token: (getter get_fencing_token)
   *
   * A number that is higher than those of all earlier grants of this lock, to anybody; 0 while
   * the lock is not held.
   *
   * It is the create revision of the claim's key. The numbers rise, but not by one.
   *
   * Since: 1.0
   */
  props[PROP_FENCING_TOKEN] =
    g_param_spec_int64 ("fencing-token", NULL, NULL, 0, G_MAXINT64, 0,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfRemoteLock:remaining: (getter get_remaining)
   *
   * For how many seconds the lock is certainly held, even if the cluster is not reached any
   * more; 0 if it is not held.
   *
   * It falls with time, and rises whenever the cluster has extended the lease. It is not
   * notified.
   *
   * Since: 1.0
   */
  props[PROP_REMAINING] =
    g_param_spec_double ("remaining", NULL, NULL, 0, G_MAXDOUBLE, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfRemoteLock:endpoints: (getter dup_endpoints) (setter set_endpoints)
   *
   * The members of the cluster: `HOST:PORT`, or a URL of http or https, separated by commas.
   *
   * If it is not set, those in the URI are used. If there are none, the environment variable
   * `ETCDCTL_ENDPOINTS` names them, and otherwise it is `127.0.0.1:2379`. This property and
   * those that follow take effect with the next call.
   *
   * Since: 1.0
   */
  props[PROP_ENDPOINTS] = new_setting ("endpoints", G_PARAM_READWRITE);

  /**
   * LfRemoteLock:user: (getter dup_user) (setter set_user)
   *
   * The user for clusters with authentication. If it is not set, the environment variable
   * `ETCDCTL_USER` is read: `USER` or `USER:PASSWORD`.
   *
   * Since: 1.0
   */
  props[PROP_USER] = new_setting ("user", G_PARAM_READWRITE);

  /**
   * LfRemoteLock:password: (setter set_password)
   *
   * The user's password. If it is not set, the environment variable `ETCDCTL_PASSWORD` is
   * read.
   *
   * Since: 1.0
   */
  props[PROP_PASSWORD] = new_setting ("password", G_PARAM_WRITABLE);

  /**
   * LfRemoteLock:ca-file: (type filename) (getter dup_ca_file) (setter set_ca_file)
   *
   * File with the certificates, as PEM, of the authorities that certify the cluster's
   * members. If it is not set, the environment variable `ETCDCTL_CACERT` is read, and
   * otherwise the authorities of the system are used.
   *
   * Since: 1.0
   */
  props[PROP_CA_FILE] = new_setting ("ca-file", G_PARAM_READWRITE);

  /**
   * LfRemoteLock:certificate-file: (type filename) (getter dup_certificate_file)
   *   (setter set_certificate_file)
   *
   * File with the client's certificate, as PEM. If it is not set, the environment variable
   * `ETCDCTL_CERT` is read.
   *
   * Since: 1.0
   */
  props[PROP_CERTIFICATE_FILE] = new_setting ("certificate-file", G_PARAM_READWRITE);

  /**
   * LfRemoteLock:key-file: (type filename) (getter dup_key_file) (setter set_key_file)
   *
   * File with the private key of the client's certificate, as PEM. If it is not set, the
   * environment variable `ETCDCTL_KEY` is read, and otherwise the key is expected in the file
   * of the certificate.
   *
   * Since: 1.0
   */
  props[PROP_KEY_FILE] = new_setting ("key-file", G_PARAM_READWRITE);

  g_object_class_install_properties (object_class, N_PROPS, props);
  g_object_class_override_property (object_class, PROP_TIMEOUT, "timeout");
  g_object_class_override_property (object_class, PROP_HELD, "held");
}

static void
lf_remote_lock_init (LfRemoteLock *self)
{
  self->config.lease_duration = DEFAULT_LEASE_DURATION;
}

/**
 * lf_remote_lock_new:
 * @uri: the URI
 * @error: return location for an error
 *
 * Makes an object for a lock in a cluster. Nothing is connected yet.
 *
 * The error is %G_IO_ERROR_INVALID_ARGUMENT if the URI is not one of a lock. An object that is
 * made in another way reports it with the first call that uses the lock.
 *
 * Returns: (transfer full): a new lock, which waits forever, or %NULL with @error set
 *
 * Since: 1.0
 */
LfRemoteLock *
lf_remote_lock_new (const char  *uri,
                    GError     **error)
{
  g_autoptr (LfRemoteLock) self = NULL;

  g_return_val_if_fail (uri != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = g_object_new (LF_TYPE_REMOTE_LOCK, "uri", uri, NULL);
  if (self->error == NULL)
    return g_steal_pointer (&self);

  g_propagate_error (error, g_error_copy (self->error));

  return NULL;
}

/**
 * lf_remote_lock_get_uri: (get-property uri)
 * @self: a lock
 *
 * Gets the canonical URI of the lock.
 *
 * Returns: the URI
 *
 * Since: 1.0
 */
const char *
lf_remote_lock_get_uri (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), NULL);

  return self->uri.canonical != NULL ? self->uri.canonical : self->construct_uri;
}

/**
 * lf_remote_lock_get_lease_duration: (get-property lease-duration)
 * @self: a lock
 *
 * Gets how long the lock stays locked after a crash.
 *
 * Returns: the time in seconds
 *
 * Since: 1.0
 */
guint
lf_remote_lock_get_lease_duration (LfRemoteLock *self)
{
  guint lease_duration;

  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), DEFAULT_LEASE_DURATION);

  g_mutex_lock (lf_remote_lock_get_mutex (self));
  lease_duration = self->config.lease_duration;
  g_mutex_unlock (lf_remote_lock_get_mutex (self));

  return lease_duration;
}

/**
 * lf_remote_lock_set_lease_duration: (set-property lease-duration)
 * @self: a lock
 * @lease_duration: the time in seconds, from 2 to 86400
 *
 * Sets how long the lock stays locked after a crash, from the next acquire on.
 *
 * Since: 1.0
 */
void
lf_remote_lock_set_lease_duration (LfRemoteLock *self,
                                   guint         lease_duration)
{
  gboolean changed;

  g_return_if_fail (LF_IS_REMOTE_LOCK (self));
  g_return_if_fail (lease_duration >= MIN_LEASE_DURATION && lease_duration <= MAX_LEASE_DURATION);

  g_mutex_lock (lf_remote_lock_get_mutex (self));
  changed = self->config.lease_duration != lease_duration;
  self->config.lease_duration = lease_duration;
  g_mutex_unlock (lf_remote_lock_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LEASE_DURATION]);
}

/**
 * lf_remote_lock_get_fencing_token: (get-property fencing-token)
 * @self: a lock
 *
 * Gets the number of this grant, which is higher than those of all earlier ones.
 *
 * Returns: the number, or 0 if this object does not hold the lock
 *
 * Since: 1.0
 */
gint64
lf_remote_lock_get_fencing_token (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), 0);

  return lf_lock_file_get_token (self->lock_file);
}

/**
 * lf_remote_lock_get_remaining: (get-property remaining)
 * @self: a lock
 *
 * Gets for how long the lock is certainly held, even if the cluster is no longer reached.
 *
 * Returns: the time in seconds, or 0 if this object does not hold the lock
 *
 * Since: 1.0
 */
double
lf_remote_lock_get_remaining (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), 0);

  return (double) lf_lock_file_get_remaining (self->lock_file) / G_USEC_PER_SEC;
}

/**
 * lf_remote_lock_dup_endpoints: (get-property endpoints)
 * @self: a lock
 *
 * Gets the members of the cluster that were set.
 *
 * Returns: (transfer full) (nullable): the members, or %NULL if they were not set
 *
 * Since: 1.0
 */
char *
lf_remote_lock_dup_endpoints (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), NULL);

  return dup_setting (self, &self->endpoints);
}

/**
 * lf_remote_lock_set_endpoints: (set-property endpoints)
 * @self: a lock
 * @endpoints: (nullable): the members, separated by commas, or %NULL
 *
 * Sets the members of the cluster.
 *
 * Since: 1.0
 */
void
lf_remote_lock_set_endpoints (LfRemoteLock *self,
                              const char   *endpoints)
{
  g_return_if_fail (LF_IS_REMOTE_LOCK (self));

  set_setting (self, &self->endpoints, endpoints, PROP_ENDPOINTS);
}

/**
 * lf_remote_lock_dup_user: (get-property user)
 * @self: a lock
 *
 * Gets the user that was set.
 *
 * Returns: (transfer full) (nullable): the user, or %NULL if none was set
 *
 * Since: 1.0
 */
char *
lf_remote_lock_dup_user (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), NULL);

  return dup_setting (self, &self->config.user);
}

/**
 * lf_remote_lock_set_user: (set-property user)
 * @self: a lock
 * @user: (nullable): the user, or %NULL
 *
 * Sets the user.
 *
 * Since: 1.0
 */
void
lf_remote_lock_set_user (LfRemoteLock *self,
                         const char   *user)
{
  g_return_if_fail (LF_IS_REMOTE_LOCK (self));

  set_setting (self, &self->config.user, user, PROP_USER);
}

/**
 * lf_remote_lock_set_password: (set-property password)
 * @self: a lock
 * @password: (nullable): the password, or %NULL
 *
 * Sets the user's password.
 *
 * Since: 1.0
 */
void
lf_remote_lock_set_password (LfRemoteLock *self,
                             const char   *password)
{
  g_return_if_fail (LF_IS_REMOTE_LOCK (self));

  set_setting (self, &self->config.password, password, PROP_PASSWORD);
}

/**
 * lf_remote_lock_dup_ca_file: (get-property ca-file)
 * @self: a lock
 *
 * Gets the file with the certificates of authorities that was set.
 *
 * Returns: (transfer full) (type filename) (nullable): the path, or %NULL if none was set
 *
 * Since: 1.0
 */
char *
lf_remote_lock_dup_ca_file (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), NULL);

  return dup_setting (self, &self->config.ca_file);
}

/**
 * lf_remote_lock_set_ca_file: (set-property ca-file)
 * @self: a lock
 * @ca_file: (type filename) (nullable): the path, or %NULL
 *
 * Sets the file with the certificates of authorities.
 *
 * Since: 1.0
 */
void
lf_remote_lock_set_ca_file (LfRemoteLock *self,
                            const char   *ca_file)
{
  g_return_if_fail (LF_IS_REMOTE_LOCK (self));

  set_setting (self, &self->config.ca_file, ca_file, PROP_CA_FILE);
}

/**
 * lf_remote_lock_dup_certificate_file: (get-property certificate-file)
 * @self: a lock
 *
 * Gets the file with the client's certificate that was set.
 *
 * Returns: (transfer full) (type filename) (nullable): the path, or %NULL if none was set
 *
 * Since: 1.0
 */
char *
lf_remote_lock_dup_certificate_file (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), NULL);

  return dup_setting (self, &self->config.certificate_file);
}

/**
 * lf_remote_lock_set_certificate_file: (set-property certificate-file)
 * @self: a lock
 * @certificate_file: (type filename) (nullable): the path, or %NULL
 *
 * Sets the file with the client's certificate.
 *
 * Since: 1.0
 */
void
lf_remote_lock_set_certificate_file (LfRemoteLock *self,
                                     const char   *certificate_file)
{
  g_return_if_fail (LF_IS_REMOTE_LOCK (self));

  set_setting (self, &self->config.certificate_file, certificate_file, PROP_CERTIFICATE_FILE);
}

/**
 * lf_remote_lock_dup_key_file: (get-property key-file)
 * @self: a lock
 *
 * Gets the file with the client's private key that was set.
 *
 * Returns: (transfer full) (type filename) (nullable): the path, or %NULL if none was set
 *
 * Since: 1.0
 */
char *
lf_remote_lock_dup_key_file (LfRemoteLock *self)
{
  g_return_val_if_fail (LF_IS_REMOTE_LOCK (self), NULL);

  return dup_setting (self, &self->config.key_file);
}

/**
 * lf_remote_lock_set_key_file: (set-property key-file)
 * @self: a lock
 * @key_file: (type filename) (nullable): the path, or %NULL
 *
 * Sets the file with the client's private key.
 *
 * Since: 1.0
 */
void
lf_remote_lock_set_key_file (LfRemoteLock *self,
                             const char   *key_file)
{
  g_return_if_fail (LF_IS_REMOTE_LOCK (self));

  set_setting (self, &self->config.key_file, key_file, PROP_KEY_FILE);
}

/* All the rest is the work of the lock file. Its asynchronous results are those of this object's
 * tasks. */

static LfLock *
get_lock (LfLock *lock)
{
  return LF_LOCK (LF_REMOTE_LOCK (lock)->lock_file);
}

static void
done_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;

  g_task_return_pointer (task, g_object_ref (result), g_object_unref);
}

static GTask *
new_task (LfLock              *lock,
          gpointer             source_tag,
          int                  io_priority,
          GAsyncReadyCallback  callback,
          gpointer             user_data)
{
  /* Without the cancellable: the lock file's operation decides */
  GTask *task = g_task_new (lock, NULL, callback, user_data);

  g_task_set_source_tag (task, source_tag);
  g_task_set_name (task, "[lockfile-glib] remote lock");
  g_task_set_priority (task, io_priority);

  return task;
}

/* NULL with an error, or without one if the result is not one of the operation. */
static GAsyncResult *
take_result (LfLock        *lock,
             GAsyncResult  *result,
             gpointer       source_tag,
             GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, lock), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, source_tag), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static char *
lf_remote_lock_get_display_name (LfLock *lock)
{
  return lf_lock_get_display_name (get_lock (lock));
}

static gboolean
lf_remote_lock_is_held (LfLock *lock)
{
  return lf_lock_is_held (get_lock (lock));
}

static gboolean
lf_remote_lock_is_acquired_by_thread (LfLock *lock)
{
  return lf_lock_is_acquired_by_thread (get_lock (lock));
}

static gboolean
lf_remote_lock_verify (LfLock  *lock,
                       GError **error)
{
  return lf_lock_verify (get_lock (lock), error);
}

static gboolean
lf_remote_lock_acquire (LfLock        *lock,
                        const double  *timeout,
                        gssize        *grant,
                        GCancellable  *cancellable,
                        GError       **error)
{
  LfLock *inner = get_lock (lock);

  if (!LF_LOCK_GET_IFACE (inner)->acquire (inner, timeout, grant, cancellable, error))
    return FALSE;

  add_guard (LF_REMOTE_LOCK (lock));

  return TRUE;
}

static void
lf_remote_lock_acquire_async (LfLock              *lock,
                              const double        *timeout,
                              int                  io_priority,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  LfLock *inner = get_lock (lock);

  LF_LOCK_GET_IFACE (inner)->acquire_async (inner, timeout, io_priority, cancellable, done_cb,
                                            new_task (lock, lf_remote_lock_acquire_async,
                                                      io_priority, callback, user_data));
}

static gssize
lf_remote_lock_acquire_finish (LfLock        *lock,
                               GAsyncResult  *result,
                               GError       **error)
{
  LfLock *inner = get_lock (lock);
  g_autoptr (GAsyncResult) inner_result = take_result (lock, result, lf_remote_lock_acquire_async,
                                                       error);

  gssize grant = 0;

  if (inner_result != NULL)
    grant = LF_LOCK_GET_IFACE (inner)->acquire_finish (inner, inner_result, error);
  if (grant > 0)
    add_guard (LF_REMOTE_LOCK (lock));

  return grant;
}

static gboolean
lf_remote_lock_release (LfLock  *lock,
                        gssize   grant,
                        GError **error)
{
  LfLock *inner = get_lock (lock);

  return LF_LOCK_GET_IFACE (inner)->release (inner, grant, error);
}

static void
lf_remote_lock_release_async (LfLock              *lock,
                              int                  io_priority,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  lf_lock_release_async (get_lock (lock), io_priority, cancellable, done_cb,
                         new_task (lock, lf_remote_lock_release_async, io_priority, callback,
                                   user_data));
}

static gboolean
lf_remote_lock_release_finish (LfLock        *lock,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_autoptr (GAsyncResult) inner_result = take_result (lock, result, lf_remote_lock_release_async,
                                                       error);

  return inner_result != NULL && lf_lock_release_finish (get_lock (lock), inner_result, error);
}

static void
lf_remote_lock_drop (LfLock *lock,
                     gssize  grant)
{
  LfLock *inner = get_lock (lock);

  LF_LOCK_GET_IFACE (inner)->drop (inner, grant);
}

static LfLockHolder *
lf_remote_lock_query_holder (LfLock        *lock,
                             GCancellable  *cancellable,
                             GError       **error)
{
  return lf_lock_query_holder (get_lock (lock), cancellable, error);
}

static void
lf_remote_lock_query_holder_async (LfLock              *lock,
                                   int                  io_priority,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  lf_lock_query_holder_async (get_lock (lock), io_priority, cancellable, done_cb,
                              new_task (lock, lf_remote_lock_query_holder_async, io_priority,
                                        callback, user_data));
}

static LfLockHolder *
lf_remote_lock_query_holder_finish (LfLock        *lock,
                                    GAsyncResult  *result,
                                    GError       **error)
{
  g_autoptr (GAsyncResult) inner_result = take_result (lock, result,
                                                       lf_remote_lock_query_holder_async, error);

  return inner_result != NULL ?
         lf_lock_query_holder_finish (get_lock (lock), inner_result, error) : NULL;
}

static gboolean
lf_remote_lock_break_lock (LfLock        *lock,
                           GCancellable  *cancellable,
                           GError       **error)
{
  return lf_lock_break_lock (get_lock (lock), cancellable, error);
}

static void
lf_remote_lock_break_lock_async (LfLock              *lock,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  lf_lock_break_lock_async (get_lock (lock), io_priority, cancellable, done_cb,
                            new_task (lock, lf_remote_lock_break_lock_async, io_priority,
                                      callback, user_data));
}

static gboolean
lf_remote_lock_break_lock_finish (LfLock        *lock,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_autoptr (GAsyncResult) inner_result = take_result (lock, result,
                                                       lf_remote_lock_break_lock_async, error);

  return inner_result != NULL &&
         lf_lock_break_lock_finish (get_lock (lock), inner_result, error);
}

static void
lf_remote_lock_lock_init (LfLockInterface *iface)
{
  iface->get_display_name = lf_remote_lock_get_display_name;
  iface->is_held = lf_remote_lock_is_held;
  iface->is_acquired_by_thread = lf_remote_lock_is_acquired_by_thread;
  iface->verify = lf_remote_lock_verify;
  iface->acquire = lf_remote_lock_acquire;
  iface->acquire_async = lf_remote_lock_acquire_async;
  iface->acquire_finish = lf_remote_lock_acquire_finish;
  iface->release = lf_remote_lock_release;
  iface->release_async = lf_remote_lock_release_async;
  iface->release_finish = lf_remote_lock_release_finish;
  iface->drop = lf_remote_lock_drop;
  iface->query_holder = lf_remote_lock_query_holder;
  iface->query_holder_async = lf_remote_lock_query_holder_async;
  iface->query_holder_finish = lf_remote_lock_query_holder_finish;
  iface->break_lock = lf_remote_lock_break_lock;
  iface->break_lock_async = lf_remote_lock_break_lock_async;
  iface->break_lock_finish = lf_remote_lock_break_lock_finish;
}
