/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "lf-lock-file-private.h"

#include <math.h>

#include "core/lf-claims-private.h"
#include "core/lf-document-private.h"
#include "core/lf-operations-private.h"
#include "core/lf-scope-private.h"
#include "lf-enum-types.h"
#include "lf-errors.h"
#include "lf-thread-task-private.h"
#include "os/lf-library-private.h"
#include "os/lf-path-private.h"
#include "os/lf-thread-private.h"
#include "os/lf-translate-private.h"

/**
 * LfLockFile:
 *
 * An advisory lock on a file, between processes and between objects of one
 * process.
 *
 * <!-- code: in lock-file.c -->
 * ```c
 * g_autoptr (LfLockFile) lock = lf_lock_file_new ("example.lock");
 *
 * if (!lf_lock_file_acquire (lock, cancellable, error))
 *   return FALSE;
 *
 * do_what_only_one_may_do ();
 *
 * return lf_lock_file_release (lock, error);
 * ```
 *
 * Complete programs are at getting started [in C](getting-started-c.html), [in
 * Vala](getting-started-vala.html), [in Python](getting-started-python.html) and
 * [in JavaScript](getting-started-javascript.html). [Choosing a
 * backend](choosing-a-backend.html) explains how to exclude programs that lock in
 * another way.
 *
 * With the default backend, the file is created when the lock is first acquired. It
 * may also be a file with data, which is left alone. By default the file stays after
 * the release, which keeps the order of the waiters.
 *
 * ## Ownership
 *
 * The object owns the lock. Two objects for one path exclude each other, in two processes,
 * in two threads and in one thread.
 *
 * Threads that share an object exclude each other, too. [method@LockFile.acquire]
 * succeeds at once in the thread that already holds the object's lock and is not
 * counted, so one [method@LockFile.release] frees it. In any other thread it is a
 * claim: it queues behind the object's lock and behind earlier claims, first come,
 * first served. [method@LockFile.acquire_async] is always a claim of its own, so that
 * two tasks that share an object exclude each other. The thread that holds an
 * asynchronous grant is the one in whose main context it was reported.
 *
 * After fork() the lock stays with the parent. In the child,
 * [method@LockFile.is_held] is %FALSE, and neither what the child does with the
 * object nor its exit releases the lock. A program that is executed inherits
 * nothing.
 *
 * ## Waiting
 *
 * A wait for a lock of the kernel (%LF_BACKEND_FLOCK, %LF_BACKEND_FCNTL) sleeps in
 * the kernel's own queue: without polling, in order of arrival together with the
 * waits of other programs, and ended at once by a cancellable or the deadline. There
 * are two exceptions to the order. A claim made at the very moment of a release, before
 * the next waiter has woken up, can be granted first. And if the file is removed on
 * release ([property@LockFile:remove-on-release]), the waiters start over with the new
 * file. On NFS the kernel may have no queue, and waits poll; see [what a lock does not
 * protect against](limits.html).
 *
 * Other locks have no such queue. A wait polls the lock, less and less often up to
 * [property@LockFile:poll-interval]. It also polls at once when the lock's directory
 * changes, for which the whole process has one watch, or when this process releases the
 * lock. Waiters of one process are served in order of arrival. On Windows
 * nothing reports a change in time, so all waits there poll, at least every 15
 * milliseconds.
 *
 * Asynchronous waits have a thread each, outside GIO's pool, so any number of
 * them delays nothing else.
 *
 * ## Crashes
 *
 * When a process ends, the kernel releases its own locks and those of databases. A
 * lock that is a file (%LF_BACKEND_HARD_LINK, %LF_BACKEND_DIRECTORY,
 * %LF_BACKEND_SYMLINK, %LF_BACKEND_PID_FILE) stays. It contains a record of its
 * holder, and the next claim takes it over once the holder is proved dead: because
 * the machine has been booted since, because no process has the recorded ID and start
 * time, or because the holder's own lock on the file is free. Whatever cannot be proved
 * is left to [method@LockFile.break_lock].
 *
 * Dropping the last reference of an object that holds its lock releases the lock,
 * without reporting errors.
 *
 * ## Threads
 *
 * All methods may be called from any thread. A callback is called in the
 * thread-default main context of the thread that started the operation, and
 * [property@LockFile:held] is notified where the call that changed it reports.
 * A synchronous call that would wait for a report in a main context of its own thread
 * fails with %G_IO_ERROR_PENDING. For details, see [threads and main
 * loops](threads-and-main-loops.html).
 *
 * ## Limits
 *
 * The lock is advisory: it excludes only programs that ask for it in the same way. It
 * does not prevent reading, writing or removing the file. [What a lock does not
 * protect against](limits.html) describes the limits on network file systems, in
 * containers, after a fork and on machines that sleep.
 *
 * ## On Windows
 *
 * %LF_BACKEND_LOCK_FILE_EX is the default; %LF_BACKEND_HARD_LINK and
 * %LF_BACKEND_PID_FILE are available too. Paths are UTF-8, and may be longer than 260
 * characters.
 *
 * Most programs do not let others remove a file while they read it. If such a program
 * has the lock file open (%LF_BACKEND_HARD_LINK, %LF_BACKEND_PID_FILE), the library
 * waits half a second for it. Then [method@LockFile.release] fails with
 * %LF_UNLOCK_ERROR_FAILED, and the lock is still held; if the object was dropped
 * instead, the lock stays until the process ends. [method@LockFile.break_lock] fails
 * with %G_IO_ERROR_BUSY, and so does [method@LockFile.acquire] with
 * %LF_BACKEND_LOCK_FILE_EX if another program has the file open and shares it with
 * nobody.
 *
 * The system prevents others from reading and writing the byte that
 * %LF_BACKEND_LOCK_FILE_EX has locked, which is the first of the file. If the file has
 * content, the lock is therefore not only advisory: only the holder can read the file,
 * with the descriptor of [method@LockFile.get_fd].
 *
 * All of this was tested in wine. Where wine differs from Windows it is untested:
 * that byte; a file that is deleted while others have it open, and with it part of
 * [property@LockFile:remove-on-release] and of [method@LockFile.break_lock];
 * symbolic links and other reparse points, which are refused; permissions; network
 * drives.
 *
 * Since: 1.0
 */
struct _LfLockFile
{
  GObject parent_instance;

  char *path; /* of lf_path_new(); NULL where there is no local path */
  char *document; /* or NULL; set where the object is made */
  LfBackend backend;
  guint slots; /* of a semaphore, whose path this is, else 0 */

  LfClaims *claims;

  /* Under lf_claims_get_properties_mutex() */
  LfLockMode mode;
  double timeout;
  double poll_interval;
  guint file_mode;
  gboolean remove_on_release;
  gboolean create_parents;
  gboolean durable;
  LfLockScope required_scope;
  gboolean upgradable;
  LfAdopted *adopted; /* or NULL: a descriptor that is not adopted, or was taken again */
  gboolean has_adopted; /* set where the object is made */
};

G_DEFINE_FINAL_TYPE (LfLockFile, lf_lock_file, G_TYPE_OBJECT)

#define DEFAULT_FILE_MODE 0666
#define MAX_FILE_MODE 07777
#define DEFAULT_POLL_INTERVAL 0.5
#define MIN_POLL_INTERVAL 0.001
#define MAX_POLL_INTERVAL 3600.0

typedef enum
{
  PROP_PATH = 1,
  PROP_FILE,
  PROP_DOCUMENT,
  PROP_BACKEND,
  PROP_MODE,
  PROP_TIMEOUT,
  PROP_REMOVE_ON_RELEASE,
  PROP_CREATE_PARENTS,
  PROP_DURABLE,
  PROP_FILE_MODE,
  PROP_POLL_INTERVAL,
  PROP_REQUIRED_SCOPE,
  PROP_UPGRADABLE,
  PROP_HELD,
} LfLockFileProperty;

static GParamSpec *props[PROP_HELD + 1];

/* Asked once: it looks through the environment, for longer than all else that is
 * done here to lock a file that nobody else wants. */
static gboolean debug_messages;

static GMutex *
lf_lock_file_get_mutex (LfLockFile *self)
{
  return lf_claims_get_properties_mutex (self->claims);
}

static void
lf_lock_file_notify_held (LfLockFile *self)
{
  if (debug_messages || g_log_get_debug_enabled ())
    {
      g_autofree char *display_name = lf_path_get_display_name (self->path);

      g_debug ("%s: %s", display_name, lf_lock_file_is_held (self) ? "held" : "not held");
    }

  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_HELD]);
}

/* What is not given comes here too, as NULL. An empty path stays empty, to be
 * refused when it is used. */
static void
lf_lock_file_take_path (LfLockFile *self,
                        const char *path)
{
  g_autofree char *absolute = NULL;

  if (path == NULL)
    return;

  absolute = *path != '\0' ? lf_path_make_absolute (path) : g_strdup (path);
  g_clear_pointer (&self->path, lf_path_unref);
  self->path = lf_path_new (absolute);
}

static void
lf_lock_file_take_file (LfLockFile *self,
                        GFile      *file)
{
  g_autofree char *path = file != NULL ? g_file_get_path (file) : NULL;

  lf_lock_file_take_path (self, path);
}

static const LfBackendVTable *
lf_lock_file_get_usable_backend (LfLockFile  *self,
                                 GError     **error)
{
  if (self->path == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME,
                           _("The lock file has no local path"));
      return NULL;
    }

  if (*self->path == '\0')
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME,
                           _("The path of the lock file is empty"));
      return NULL;
    }

  if (!lf_path_has_directory (self->path))
    {
      g_autofree char *display_name = lf_path_get_display_name (self->path);

      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   _("The directory of %s had been removed when the lock file object was made"),
                   display_name);
      return NULL;
    }

  if (self->slots != 0)
    return lf_operations_get_slots_backend ();

  return lf_operations_find_backend (self->backend, error);
}

/* Sets the error for a descriptor of which the lock cannot be had, which is not the case for a
 * path. */
static gboolean
lf_lock_file_check_adopted (LfLockFile  *self,
                            LfAdopted   *adopted,
                            GError     **error)
{
  g_autofree char *display_name = NULL;

  if (!self->has_adopted || (adopted != NULL && lf_adopted_is_own (adopted)))
    return TRUE;

  display_name = lf_path_get_display_name (self->path);
  if (adopted == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                 _("The descriptor of %s was taken out of the lock file object"), display_name);
  else
    g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_FAILED,
                 _("The lock of %s belongs to PID %d, from which this process was forked"),
                 display_name, lf_process_get_id_of (adopted->process));

  return FALSE;
}

/* A new acquisition by the properties as they are. Without a @timeout it is that of
 * the property. */
static LfAcquisition *
lf_lock_file_new_acquisition (LfLockFile    *self,
                              const double  *timeout,
                              GCancellable  *cancellable,
                              GError       **error)
{
  const LfBackendVTable *backend = lf_lock_file_get_usable_backend (self, error);
  g_autoptr (LfAdopted) adopted = NULL;
  LfRequest request;
  double seconds;

  if (backend == NULL)
    return NULL;

  g_mutex_lock (lf_lock_file_get_mutex (self));
  request = (LfRequest) {
    .backend = backend,
    .path = self->path,
    .mode = self->mode,
    .remove_on_release = self->remove_on_release,
    .create_parents = self->create_parents,
    .durable = self->durable,
    .file_mode = self->file_mode,
    .poll_interval = self->poll_interval,
    .required_scope = self->required_scope,
    .slots = self->slots,
    .upgradable = self->upgradable,
  };
  if (self->adopted != NULL)
    request.adopted = adopted = lf_adopted_ref (self->adopted);
  seconds = timeout != NULL ? *timeout : self->timeout;
  request.try_once = seconds == 0;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (!lf_lock_file_check_adopted (self, adopted, error))
    return NULL;

  if (isnan (seconds))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           _("The timeout of a lock file is not a number"));
      return NULL;
    }

  if (request.mode == LF_LOCK_MODE_SHARED && !backend->has_shared)
    {
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                   _("%s has no shared locks; %s has"), lf_backend_get_name (self->backend),
                   lf_backend_get_name (lf_backend_resolve (LF_BACKEND_AUTO)));
      return NULL;
    }

  return lf_acquisition_new (&request, seconds, cancellable);
}

/* Without a @timeout it is that of the property. Sets @grant to the number of the
 * grant that this call got, or to 0 if the thread held the lock before. */
gboolean
lf_lock_file_acquire_sync (LfLockFile    *self,
                           const double  *timeout,
                           gssize        *grant,
                           GCancellable  *cancellable,
                           GError       **error)
{
  g_autoptr (LfAcquisition) acquisition = NULL;

  *grant = 0;

  if (lf_claims_forget_lost (self->claims, TRUE))
    lf_lock_file_notify_held (self);
  if (lf_claims_is_held_here (self->claims))
    return TRUE;

  acquisition = lf_lock_file_new_acquisition (self, timeout, cancellable, error);
  if (acquisition == NULL)
    return FALSE;

  *grant = lf_claims_acquire (self->claims, acquisition, self->path, error);
  if (*grant == 0)
    return FALSE;

  lf_lock_file_notify_held (self);
  return TRUE;
}

/* One release, in whatever thread. */
typedef struct
{
  const LfBackendVTable *backend;
  char *path; /* of lf_path_new() */
  LfClaimsRelease begun;
  int inherited_pid;
  LfHandle *handle; /* (unowned): it is the claims' */
  LfRelease result;
} Release;

static void
release_clear (Release *release)
{
  g_clear_pointer (&release->path, lf_path_unref);
}

/* Takes what is held, without any work on files. With a @grant, only if it is that
 * one. */
static gboolean
lf_lock_file_begin_release (LfLockFile    *self,
                            gssize         grant,
                            GMainContext  *context,
                            Release       *release,
                            GError       **error)
{
  *release = (Release) {
    .backend = lf_lock_file_get_usable_backend (self, error),
    .result = LF_RELEASE_LOST,
  };
  if (release->backend == NULL)
    return FALSE;

  release->path = lf_path_ref (self->path);
  release->begun = lf_claims_begin_release (self->claims, grant, context, &release->handle);
  release->inherited_pid = lf_claims_get_inherited_pid (self->claims);

  return TRUE;
}

static void
release_set_inherited_error (gpointer   data,
                             int        pid,
                             GError   **error)
{
  const Release *release = data;
  g_autofree char *display_name = lf_path_get_display_name (release->path);

  g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK,
               _("The lock of %s belongs to PID %d, from which this process was forked"),
               display_name, pid);
}

/* The work on files. */
static void
release_work (Release  *release,
              GError  **error)
{
  switch (release->begun)
    {
    case LF_CLAIMS_BEGUN:
      release->result = lf_operations_release (release->handle, error);
      break;

    case LF_CLAIMS_PENDING:
      lf_claims_set_pending_error (release->path, error);
      break;

    case LF_CLAIMS_INHERITED:
      release_set_inherited_error (release, release->inherited_pid, error);
      break;

    case LF_CLAIMS_NOT_HELD:
    default:
      lf_operations_set_not_held_error (release->backend, release->path, error);
      break;
    }
}

/* Where the release is reported. Returns whether it gave the lock back. */
static gboolean
lf_lock_file_end_release (LfLockFile *self,
                          Release    *release,
                          gboolean    notify)
{
  if (release->begun != LF_CLAIMS_BEGUN)
    return FALSE;

  lf_claims_end_release (self->claims, release->result);
  if (release->result != LF_RELEASE_FAILED && notify)
    lf_lock_file_notify_held (self);

  return release->result == LF_RELEASE_DONE;
}

/* Releases a grant by its number, or with 0 whatever is held. */
gboolean
lf_lock_file_release_grant (LfLockFile  *self,
                            gssize       grant,
                            GError     **error)
{
  Release release;
  gboolean released;

  if (!lf_lock_file_begin_release (self, grant, NULL, &release, error))
    return FALSE;

  release_work (&release, error);
  released = lf_lock_file_end_release (self, &release, TRUE);
  release_clear (&release);

  return released;
}

/* The same in silence, as in a garbage collection: if it is not held any more, nobody has to
 * know why. */
void
lf_lock_file_drop_grant (LfLockFile *self,
                         gssize      grant)
{
  Release release;

  if (!lf_lock_file_begin_release (self, grant, NULL, &release, NULL))
    return;

  if (release.begun == LF_CLAIMS_BEGUN)
    {
      release_work (&release, NULL);
      lf_lock_file_end_release (self, &release, FALSE);
    }
  release_clear (&release);
}

/* What a semaphore is made of: its lock is that of any of so many files beside the path. */
LfLockFile *
lf_lock_file_new_with_slots (const char *path,
                             guint       slots)
{
  LfLockFile *self = lf_lock_file_new (path);

  self->slots = slots;

  return self;
}

guint
lf_lock_file_get_slot (LfLockFile *self)
{
  return lf_claims_get_slot (self->claims);
}

static void
lf_lock_file_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  LfLockFile *self = LF_LOCK_FILE (object);

  switch ((LfLockFileProperty) prop_id)
    {
    case PROP_PATH:
      g_value_set_string (value, self->path);
      break;

    case PROP_FILE:
      g_value_take_object (value, lf_lock_file_get_file (self));
      break;

    case PROP_DOCUMENT:
      g_value_take_object (value, lf_lock_file_get_document (self));
      break;

    case PROP_BACKEND:
      g_value_set_enum (value, (int) self->backend);
      break;

    case PROP_MODE:
      g_value_set_enum (value, (int) lf_lock_file_get_mode (self));
      break;

    case PROP_TIMEOUT:
      g_value_set_double (value, lf_lock_file_get_timeout (self));
      break;

    case PROP_REMOVE_ON_RELEASE:
      g_value_set_boolean (value, lf_lock_file_get_remove_on_release (self));
      break;

    case PROP_CREATE_PARENTS:
      g_value_set_boolean (value, lf_lock_file_get_create_parents (self));
      break;

    case PROP_DURABLE:
      g_value_set_boolean (value, lf_lock_file_get_durable (self));
      break;

    case PROP_FILE_MODE:
      g_value_set_uint (value, lf_lock_file_get_file_mode (self));
      break;

    case PROP_POLL_INTERVAL:
      g_value_set_double (value, lf_lock_file_get_poll_interval (self));
      break;

    case PROP_REQUIRED_SCOPE:
      g_value_set_enum (value, (int) lf_lock_file_get_required_scope (self));
      break;

    case PROP_UPGRADABLE:
      g_value_set_boolean (value, lf_lock_file_get_upgradable (self));
      break;

    case PROP_HELD:
      g_value_set_boolean (value, lf_lock_file_is_held (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
lf_lock_file_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  LfLockFile *self = LF_LOCK_FILE (object);

  switch ((LfLockFileProperty) prop_id)
    {
    case PROP_PATH:
      lf_lock_file_take_path (self, g_value_get_string (value));
      break;

    case PROP_FILE:
      lf_lock_file_take_file (self, g_value_get_object (value));
      break;

    case PROP_BACKEND:
      self->backend = lf_backend_resolve ((LfBackend) g_value_get_enum (value));
      break;

    case PROP_MODE:
      lf_lock_file_set_mode (self, (LfLockMode) g_value_get_enum (value));
      break;

    case PROP_TIMEOUT:
      lf_lock_file_set_timeout (self, g_value_get_double (value));
      break;

    case PROP_REMOVE_ON_RELEASE:
      lf_lock_file_set_remove_on_release (self, g_value_get_boolean (value));
      break;

    case PROP_CREATE_PARENTS:
      lf_lock_file_set_create_parents (self, g_value_get_boolean (value));
      break;

    case PROP_DURABLE:
      lf_lock_file_set_durable (self, g_value_get_boolean (value));
      break;

    case PROP_FILE_MODE:
      lf_lock_file_set_file_mode (self, g_value_get_uint (value));
      break;

    case PROP_POLL_INTERVAL:
      lf_lock_file_set_poll_interval (self, g_value_get_double (value));
      break;

    case PROP_REQUIRED_SCOPE:
      lf_lock_file_set_required_scope (self, (LfLockScope) g_value_get_enum (value));
      break;

    case PROP_UPGRADABLE:
      lf_lock_file_set_upgradable (self, g_value_get_boolean (value));
      break;

    case PROP_DOCUMENT:
    case PROP_HELD:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* Releases without a word. Claims cannot be pending when the last reference goes,
 * since each has one. */
static void
lf_lock_file_dispose (GObject *object)
{
  lf_claims_drop (LF_LOCK_FILE (object)->claims);

  G_OBJECT_CLASS (lf_lock_file_parent_class)->dispose (object);
}

static void
lf_lock_file_finalize (GObject *object)
{
  LfLockFile *self = LF_LOCK_FILE (object);

  lf_claims_free (self->claims);
  g_clear_pointer (&self->adopted, lf_adopted_unref);
  g_clear_pointer (&self->path, lf_path_unref);
  g_free (self->document);

  G_OBJECT_CLASS (lf_lock_file_parent_class)->finalize (object);
}

/* What GLib and the C library find out once, under locks of their own, is found out
 * before a program can fork while another thread holds one of them. */
static void
warm_up (void)
{
  g_autofree char *display_name = lf_path_get_display_name ("");

  lf_lock_error_quark ();
  lf_unlock_error_quark ();
  lf_backend_error_quark ();
  g_io_error_quark ();
  g_get_host_name ();
  lf_thread_get_local_size ();
  /* Any message */
  (void) _("The lock file has no local path");
}

static void
lf_lock_file_class_init (LfLockFileClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  lf_library_keep_loaded ();
  warm_up ();
  debug_messages = !g_log_writer_default_would_drop (G_LOG_LEVEL_DEBUG, G_LOG_DOMAIN);

  object_class->get_property = lf_lock_file_get_property;
  object_class->set_property = lf_lock_file_set_property;
  object_class->dispose = lf_lock_file_dispose;
  object_class->finalize = lf_lock_file_finalize;

  /**
   * LfLockFile:path: (type filename) (getter get_path)
   *
   * Path of the lock file, in the file system's encoding.
   *
   * A relative path is made absolute when the object is made, so a later change
   * of the working directory does not matter. The file need not exist. It is
   * %NULL for a file without a local path.
   *
   * Since: 1.0
   */
  props[PROP_PATH] =
    g_param_spec_string ("path", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS |
                         G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:file: (getter get_file)
   *
   * The lock file as a [iface@Gio.File], another way to give the path.
   *
   * It is for languages whose strings cannot name every file: they can make the
   * object with this and further properties. Of it and [property@LockFile:path],
   * give one. A file without a local path gives none.
   *
   * Since: 1.0
   */
  props[PROP_FILE] =
    g_param_spec_object ("file", NULL, NULL, G_TYPE_FILE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS |
                         G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:document: (getter get_document)
   *
   * The document that the lock is for, if [ctor@LockFile.new_for_document] made the
   * object, else %NULL.
   *
   * Its path is the one behind all links, which is where to save it.
   *
   * Since: 1.0
   */
  props[PROP_DOCUMENT] =
    g_param_spec_object ("document", NULL, NULL, G_TYPE_FILE,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:backend: (getter get_backend)
   *
   * The way of locking.
   *
   * %LF_BACKEND_AUTO, the default, becomes the platform's best, and reads back as
   * that. All who take a lock have to agree on this.
   *
   * Since: 1.0
   */
  props[PROP_BACKEND] =
    g_param_spec_enum ("backend", NULL, NULL, LF_TYPE_BACKEND, LF_BACKEND_AUTO,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS |
                       G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:mode: (getter get_mode) (setter set_mode)
   *
   * Whether the lock excludes everybody or only exclusive locks.
   *
   * A change takes effect with the next acquire: a lock that is held keeps its mode.
   * To change that, call [method@LockFile.try_upgrade] or [method@LockFile.downgrade]
   * with %LF_BACKEND_FCNTL. With other backends, release and acquire again; another can
   * be granted the lock in between, since flock(2) cannot change a lock without letting go
   * of it. A backend
   * without shared locks refuses to acquire one, with %LF_BACKEND_ERROR_NOT_SUPPORTED.
   *
   * Since: 1.0
   */
  props[PROP_MODE] =
    g_param_spec_enum ("mode", NULL, NULL, LF_TYPE_LOCK_MODE, LF_LOCK_MODE_EXCLUSIVE,
                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:timeout: (getter get_timeout) (setter set_timeout)
   *
   * How long [method@LockFile.acquire] and [method@LockFile.acquire_async] wait,
   * in seconds.
   *
   * A timeout below 0, which is the default, waits forever; 0 tries once. A wait never
   * times out early. Time in which the machine is suspended does not count.
   *
   * Since: 1.0
   */
  props[PROP_TIMEOUT] =
    g_param_spec_double ("timeout", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, -1,
                         G_PARAM_LAX_VALIDATION | /* the setter validates */
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:remove-on-release: (getter get_remove_on_release) (setter set_remove_on_release)
   *
   * Whether the file is removed when the lock is released.
   *
   * A file is removed only while it is locked exclusively, if it still is at its
   * path, and if it is empty; a file with content is never removed. Waiters
   * start over with the new file: exclusion is kept, the order is not. Do not remove
   * the file if other programs lock it without checking that it is still at its path.
   *
   * On Windows 10 the file's name disappears at once, on older systems when no program
   * has the file open any more: until then, acquiring the lock waits up to half a second
   * and then fails with %G_IO_ERROR_PERMISSION_DENIED. Both ways of deleting keep
   * exclusion by design; neither can be tested in wine.
   *
   * Where the lock is the existence of the file (%LF_BACKEND_HARD_LINK,
   * %LF_BACKEND_DIRECTORY, %LF_BACKEND_SYMLINK and %LF_BACKEND_PID_FILE), this is
   * always %TRUE.
   *
   * Since: 1.0
   */
  props[PROP_REMOVE_ON_RELEASE] =
    g_param_spec_boolean ("remove-on-release", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:create-parents: (getter get_create_parents) (setter set_create_parents)
   *
   * Whether acquiring creates missing parent directories, with permissions 0777 less
   * the process's umask.
   *
   * Since: 1.0
   */
  props[PROP_CREATE_PARENTS] =
    g_param_spec_boolean ("create-parents", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:durable: (getter get_durable) (setter set_durable)
   *
   * Whether the record of a lock is on the disk before the lock can be seen.
   *
   * It applies to locks that are files with a record of their holder:
   * %LF_BACKEND_HARD_LINK, %LF_BACKEND_DIRECTORY and %LF_BACKEND_PID_FILE on Unix. After
   * a power failure, a file system may still have the lock but not its record. It then
   * could not be proved that the holder is dead, and the lock would be held until
   * [method@LockFile.break_lock].
   *
   * Writing to the disk takes several times as long as all other steps of an acquire
   * and release. Set this to %FALSE if the lock does not outlive a boot, such as in
   * `/run`, or if it does not matter that a person has to break the lock.
   *
   * Since: 1.0
   */
  props[PROP_DURABLE] =
    g_param_spec_boolean ("durable", NULL, NULL, TRUE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:file-mode: (getter get_file_mode) (setter set_file_mode)
   *
   * Permission bits of a file that acquiring creates, less the process's umask.
   *
   * The default is 0666. The permissions of an existing file are left alone. A user who
   * may only read the file can still get a shared lock, and with %LF_BACKEND_FLOCK an
   * exclusive one. Windows has no such bits.
   *
   * Since: 1.0
   */
  props[PROP_FILE_MODE] =
    g_param_spec_uint ("file-mode", NULL, NULL, 0, MAX_FILE_MODE, DEFAULT_FILE_MODE,
                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:poll-interval: (getter get_poll_interval) (setter set_poll_interval)
   *
   * The longest time between two polls of the lock where nothing can wake a waiter, in
   * seconds: 0.5 by default, from 0.001 to 3600.
   *
   * Waits for %LF_BACKEND_FLOCK and %LF_BACKEND_FCNTL do not poll, except on NFS; the
   * kernel wakes them. For other waits it is the longest delay until they notice a release
   * that no watch reports, such as one on another host. On Windows it is at most 15
   * milliseconds.
   *
   * Since: 1.0
   */
  props[PROP_POLL_INTERVAL] =
    g_param_spec_double ("poll-interval", NULL, NULL,
                         MIN_POLL_INTERVAL, MAX_POLL_INTERVAL, DEFAULT_POLL_INTERVAL,
                         G_PARAM_LAX_VALIDATION | /* the setter validates */
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:required-scope: (getter get_required_scope) (setter set_required_scope)
   *
   * Whom the lock has to exclude at least.
   *
   * Acquiring it where that cannot be had, or where it is not known, gives
   * %LF_BACKEND_ERROR_NOT_SUPPORTED, with a message that names the mount option that is in
   * the way. By default nothing is required. Whom a lock on the path excludes tells
   * [method@LockFile.query_scope].
   *
   * Since: 1.0
   */
  props[PROP_REQUIRED_SCOPE] =
    g_param_spec_enum ("required-scope", NULL, NULL, LF_TYPE_LOCK_SCOPE, LF_LOCK_SCOPE_UNKNOWN,
                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:upgradable: (getter get_upgradable) (setter set_upgradable)
   *
   * Whether a shared lock may become an exclusive one, by [method@LockFile.try_upgrade].
   *
   * With %LF_BACKEND_FCNTL the kernel asks for a descriptor that can be written to, also for
   * a shared lock that is upgraded later; without this, a shared lock opens the file for
   * reading. Other backends cannot upgrade, and ignore this.
   *
   * Since: 1.0
   */
  props[PROP_UPGRADABLE] =
    g_param_spec_boolean ("upgradable", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:held: (getter is_held)
   *
   * Whether this object holds the lock.
   *
   * It changes, and is notified, where an operation reports: before a
   * synchronous call returns, and before the callback of an asynchronous one. A
   * lock that is dropped with the last reference notifies nothing.
   *
   * Since: 1.0
   */
  props[PROP_HELD] =
    g_param_spec_boolean ("held", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
lf_lock_file_init (LfLockFile *self)
{
  self->claims = lf_claims_new ();
  self->timeout = -1;
  self->file_mode = DEFAULT_FILE_MODE;
  self->durable = TRUE;
  self->poll_interval = DEFAULT_POLL_INTERVAL;
}

/**
 * lf_lock_file_new:
 * @path: (type filename): path of the lock file
 *
 * Makes an object for the lock of a file. Nothing happens to the file yet.
 *
 * Whether the path can be used is reported when the lock is acquired. For another
 * backend there is [ctor@LockFile.new_with_backend]; the other properties are set
 * before acquiring.
 *
 * Returns: (transfer full): a new lock file, which locks with %LF_BACKEND_AUTO,
 *   exclusively, and waits forever
 *
 * Since: 1.0
 */
LfLockFile *
lf_lock_file_new (const char *path)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, NULL);
}

/**
 * lf_lock_file_new_with_backend:
 * @path: (type filename): path of the lock file
 * @backend: the backend
 *
 * Makes an object for the lock of a file, with a backend of your choice. Nothing happens
 * to the file yet.
 *
 * Whether the build and the file system have the backend is reported when the lock is
 * acquired; [func@Backend.is_supported] tells whether the build has it.
 *
 * Returns: (transfer full): a new lock file, as from [ctor@LockFile.new]
 *
 * Since: 1.0
 */
LfLockFile *
lf_lock_file_new_with_backend (const char *path,
                               LfBackend   backend)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend, NULL);
}

/**
 * lf_lock_file_new_for_file:
 * @file: a file
 *
 * Makes an object for the lock of a file. Nothing happens to the file yet.
 *
 * A file without a local path cannot be locked: acquiring it fails with
 * %G_IO_ERROR_INVALID_FILENAME.
 *
 * Returns: (transfer full): a new lock file, as from [ctor@LockFile.new]
 *
 * Since: 1.0
 */
LfLockFile *
lf_lock_file_new_for_file (GFile *file)
{
  g_return_val_if_fail (G_IS_FILE (file), NULL);

  return g_object_new (LF_TYPE_LOCK_FILE, "file", file, NULL);
}

/**
 * lf_lock_file_new_for_document:
 * @document: the document, which need not exist
 * @error: return location for an error
 *
 * Makes an object for the lock of a document that programs replace when they save it.
 *
 * The lock cannot be the document then, since a new file would take its place, unlocked. It
 * is a file beside the document, `.NAME.lock`, which is there only while the lock is held or
 * waited for ([property@LockFile:remove-on-release]).
 *
 * All names of a document that symbolic links give it have one lock: the links are followed,
 * now and not again later. So is a link to a document that is still to be made.
 * [method@LockFile.get_document] is what they lead to. Save there, in the way that keeps
 * permissions and owner:
 *
 * <!-- code: in document.c -->
 * ```c
 * g_autoptr (GFile) document = lf_lock_file_get_document (lock);
 *
 * return g_file_replace_contents (document, text, length, NULL, FALSE,
 *                                 G_FILE_CREATE_NONE, NULL, cancellable, error);
 * ```
 *
 * If you may not make files in the document's directory, or it is on a read-only file
 * system, the lock is in `lockfile-glib` in your runtime directory (`XDG_RUNTIME_DIR`; if
 * that is not set, `/run/user/UID` or else your cache directory). There it excludes only
 * your own programs: not other users, nor those who may make files beside the document. In
 * a sandbox that directory is often another one.
 *
 * If the document's name is so long that the lock's would be too long, the lock's has a
 * SHA-256 hash in its place. Hard links are documents of their own, with a lock each.
 *
 * This looks at the file system, in the calling thread; nothing is made. It fails if the
 * document has no local path (%G_IO_ERROR_INVALID_FILENAME), its directory does not exist
 * (%G_IO_ERROR_NOT_FOUND), links go in a circle (%G_IO_ERROR_TOO_MANY_LINKS), or the system
 * does not let you look (%G_IO_ERROR_PERMISSION_DENIED, ...). On Windows a link that leads
 * nowhere is not followed.
 *
 * Returns: (transfer full): a new lock file, as from [ctor@LockFile.new], but removed on
 *   release
 *
 * Since: 1.0
 */
LfLockFile *
lf_lock_file_new_for_document (GFile   *document,
                               GError **error)
{
  g_autofree char *path = NULL;
  g_autofree char *resolved = NULL;
  g_autofree char *lock_path = NULL;
  gboolean beside = FALSE;
  LfLockFile *self;

  g_return_val_if_fail (G_IS_FILE (document), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  path = g_file_get_path (document);
  if (path == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME,
                           _("The document has no local path"));
      return NULL;
    }

  resolved = lf_document_resolve (path, error);
  if (resolved == NULL)
    return NULL;

  lock_path = lf_document_get_lock_path (resolved, &beside);
  self = g_object_new (LF_TYPE_LOCK_FILE,
                       "path", lock_path,
                       "remove-on-release", TRUE,
                       "create-parents", !beside,
                       NULL);
  self->document = g_steal_pointer (&resolved);

  return self;
}

/**
 * lf_lock_file_new_for_fd:
 * @fd: an open descriptor of the lock file, which belongs to the object from then on
 * @backend: %LF_BACKEND_FLOCK, %LF_BACKEND_FCNTL or %LF_BACKEND_AUTO
 * @error: return location for an error
 *
 * Makes an object for the lock of an open descriptor, which is never opened again. It may
 * have been inherited, or passed by systemd or over a socket, with the lock or without.
 *
 * The object does not know whether the descriptor has the lock until it is acquired, which
 * succeeds at once if it has: [method@LockFile.try_acquire]. The lock belongs to the open file
 * description, which all duplicates of the descriptor share, also those in other processes.
 * They do not exclude each other, and a release is a release for all of them. An attempt that
 * fails can lose a lock that the descriptor had in another mode.
 *
 * The lock is that of the file that the descriptor has open, even if another file is at its
 * path by now; the file is never removed. [method@LockFile.get_path] is the path that the
 * system knew for the descriptor when the object was made. After a release the object keeps
 * the descriptor, and can acquire the lock again; the descriptor is closed with the object,
 * and taken out of it by [method@LockFile.steal_fd]. It is set to be closed when a program is
 * executed.
 *
 * The errors are:
 *
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED: any other backend, %LF_BACKEND_FCNTL on a system without
 *   locks of open file descriptions, or Windows
 * - %LF_BACKEND_ERROR_INVALID_LOCK_FILE: the descriptor is not that of a regular file or, with
 *   %LF_BACKEND_FLOCK, of a directory
 * - %G_IO_ERROR_FAILED: the descriptor is not open
 *
 * After an error the descriptor is still the caller's.
 *
 * Returns: (transfer full): a new lock file, as from [ctor@LockFile.new]
 *
 * Since: 1.0
 */
LfLockFile *
lf_lock_file_new_for_fd (int         fd,
                         LfBackend   backend,
                         GError    **error)
{
  const LfBackendVTable *vtable;
  g_autofree char *path = NULL;
  LfAdopted *adopted;
  LfLockFile *self;

  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  backend = lf_backend_resolve (backend);
  vtable = lf_operations_find_backend (backend, error);
  if (vtable == NULL)
    return NULL;

  path = lf_path_new_for_fd (fd);
  adopted = lf_operations_adopt (vtable, fd, path, error);
  if (adopted == NULL)
    return NULL;

  self = lf_lock_file_new_with_backend (path, backend);
  self->adopted = adopted;
  self->has_adopted = TRUE;

  return self;
}

/**
 * lf_lock_file_get_path: (get-property path)
 * @self: a lock file
 *
 * Gets the absolute path of the lock file, in the file system's encoding.
 *
 * Returns: (type filename) (nullable): the path, or %NULL if there is none
 *
 * Since: 1.0
 */
const char *
lf_lock_file_get_path (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);

  return self->path;
}

/**
 * lf_lock_file_get_file: (get-property file)
 * @self: a lock file
 *
 * Gets the lock file as a [iface@Gio.File].
 *
 * Returns: (transfer full) (nullable): a new file, or %NULL if there is no path
 *
 * Since: 1.0
 */
GFile *
lf_lock_file_get_file (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);

  return self->path != NULL ? g_file_new_for_path (self->path) : NULL;
}

/**
 * lf_lock_file_get_document: (get-property document)
 * @self: a lock file
 *
 * Gets the document that the lock is for, behind all links. That is where to save it.
 *
 * Returns: (transfer full) (nullable): a new file, or %NULL if
 *   [ctor@LockFile.new_for_document] did not make the object
 *
 * Since: 1.0
 */
GFile *
lf_lock_file_get_document (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);

  return self->document != NULL ? g_file_new_for_path (self->document) : NULL;
}

/**
 * lf_lock_file_get_backend: (get-property backend)
 * @self: a lock file
 *
 * Gets the backend. It is never %LF_BACKEND_AUTO.
 *
 * Returns: the backend
 *
 * Since: 1.0
 */
LfBackend
lf_lock_file_get_backend (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), LF_BACKEND_AUTO);

  return self->backend;
}

/**
 * lf_lock_file_get_mode: (get-property mode)
 * @self: a lock file
 *
 * Gets whether the lock excludes everybody or only exclusive locks.
 *
 * Returns: the mode
 *
 * Since: 1.0
 */
LfLockMode
lf_lock_file_get_mode (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), LF_LOCK_MODE_EXCLUSIVE);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->mode;
}

/**
 * lf_lock_file_set_mode: (set-property mode)
 * @self: a lock file
 * @mode: the mode
 *
 * Sets whether the lock excludes everybody or only exclusive locks.
 *
 * It takes effect with the next acquire: a lock that is held or waited for keeps the
 * mode with which it was asked for.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_mode (LfLockFile *self,
                       LfLockMode  mode)
{
  gboolean changed;

  g_return_if_fail (LF_IS_LOCK_FILE (self));

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = self->mode != mode;
  self->mode = mode;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MODE]);
}

/**
 * lf_lock_file_get_timeout: (get-property timeout)
 * @self: a lock file
 *
 * Gets how long the lock is waited for.
 *
 * Returns: the time in seconds; below 0 forever
 *
 * Since: 1.0
 */
double
lf_lock_file_get_timeout (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), -1);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->timeout;
}

/**
 * lf_lock_file_set_timeout: (set-property timeout)
 * @self: a lock file
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 *
 * Sets how long the lock is waited for, from the next call on. Waits that have
 * already begun keep their timeout.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_timeout (LfLockFile *self,
                          double      timeout)
{
  gboolean changed;

  g_return_if_fail (LF_IS_LOCK_FILE (self));

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = self->timeout != timeout;
  self->timeout = timeout;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIMEOUT]);
}

/* Whether the lock is that there is something at the path. */
static gboolean
lf_lock_file_is_dotlock (LfLockFile *self)
{
  const LfBackendVTable *backend = lf_backend_get_vtable (self->backend);

  return backend != NULL && backend->is_dotlock;
}

/**
 * lf_lock_file_get_remove_on_release: (get-property remove-on-release)
 * @self: a lock file
 *
 * Gets whether the file is removed when the lock is released. It always is
 * where the lock is the existence of the file.
 *
 * Returns: %TRUE if it is removed
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_get_remove_on_release (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->remove_on_release || lf_lock_file_is_dotlock (self);
}

/* One setter for the boolean properties. */
static void
lf_lock_file_set_boolean (LfLockFile         *self,
                          gboolean           *field,
                          gboolean            value,
                          LfLockFileProperty  property)
{
  gboolean changed;

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = *field != !!value;
  *field = !!value;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[property]);
}

/**
 * lf_lock_file_set_remove_on_release: (set-property remove-on-release)
 * @self: a lock file
 * @remove_on_release: whether to remove the file
 *
 * Sets whether the file is removed on release. It takes effect with the next acquire.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_remove_on_release (LfLockFile *self,
                                    gboolean    remove_on_release)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));

  lf_lock_file_set_boolean (self, &self->remove_on_release, remove_on_release,
                            PROP_REMOVE_ON_RELEASE);
}

/**
 * lf_lock_file_get_create_parents: (get-property create-parents)
 * @self: a lock file
 *
 * Gets whether missing parent directories are made.
 *
 * Returns: %TRUE if they are made
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_get_create_parents (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->create_parents;
}

/**
 * lf_lock_file_set_create_parents: (set-property create-parents)
 * @self: a lock file
 * @create_parents: whether to make them
 *
 * Sets whether missing parent directories are made when acquiring.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_create_parents (LfLockFile *self,
                                 gboolean    create_parents)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));

  lf_lock_file_set_boolean (self, &self->create_parents, create_parents, PROP_CREATE_PARENTS);
}

/**
 * lf_lock_file_get_durable: (get-property durable)
 * @self: a lock file
 *
 * Gets whether the record of a lock is on the disk before the lock can be seen.
 *
 * Returns: %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_get_durable (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->durable;
}

/**
 * lf_lock_file_set_durable: (set-property durable)
 * @self: a lock file
 * @durable: whether it must be on the disk
 *
 * Sets whether the record of a lock is on the disk before the lock can be seen.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_durable (LfLockFile *self,
                          gboolean    durable)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));

  lf_lock_file_set_boolean (self, &self->durable, durable, PROP_DURABLE);
}

/**
 * lf_lock_file_get_file_mode: (get-property file-mode)
 * @self: a lock file
 *
 * Gets the permission bits of a file that acquiring makes.
 *
 * Returns: the bits, before the umask
 *
 * Since: 1.0
 */
guint
lf_lock_file_get_file_mode (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), 0);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->file_mode;
}

/**
 * lf_lock_file_set_file_mode: (set-property file-mode)
 * @self: a lock file
 * @file_mode: the bits, before the umask; only 07777 of them count
 *
 * Sets the permission bits of a file that acquiring makes.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_file_mode (LfLockFile *self,
                            guint       file_mode)
{
  gboolean changed;

  g_return_if_fail (LF_IS_LOCK_FILE (self));

  file_mode &= MAX_FILE_MODE;

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = self->file_mode != file_mode;
  self->file_mode = file_mode;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FILE_MODE]);
}

/**
 * lf_lock_file_get_poll_interval: (get-property poll-interval)
 * @self: a lock file
 *
 * Gets the longest time between two polls where nothing can wake a waiter.
 *
 * Returns: the time in seconds
 *
 * Since: 1.0
 */
double
lf_lock_file_get_poll_interval (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), 0);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->poll_interval;
}

/**
 * lf_lock_file_set_poll_interval: (set-property poll-interval)
 * @self: a lock file
 * @poll_interval: the time in seconds, from 0.001 to 3600; the nearest of these
 *   is taken for any other
 *
 * Sets the longest time between two polls where nothing can wake a waiter.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_poll_interval (LfLockFile *self,
                                double      poll_interval)
{
  gboolean changed;

  g_return_if_fail (LF_IS_LOCK_FILE (self));

  if (isnan (poll_interval))
    poll_interval = DEFAULT_POLL_INTERVAL;
  poll_interval = CLAMP (poll_interval, MIN_POLL_INTERVAL, MAX_POLL_INTERVAL);

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = self->poll_interval != poll_interval;
  self->poll_interval = poll_interval;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_POLL_INTERVAL]);
}

/**
 * lf_lock_file_get_required_scope: (get-property required-scope)
 * @self: a lock file
 *
 * Gets whom the lock has to exclude at least.
 *
 * Returns: the scope
 *
 * Since: 1.0
 */
LfLockScope
lf_lock_file_get_required_scope (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), LF_LOCK_SCOPE_UNKNOWN);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->required_scope;
}

/**
 * lf_lock_file_set_required_scope: (set-property required-scope)
 * @self: a lock file
 * @required_scope: the scope; with %LF_LOCK_SCOPE_UNKNOWN, any
 *
 * Sets whom the lock has to exclude at least, from the next acquire on.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_required_scope (LfLockFile  *self,
                                 LfLockScope  required_scope)
{
  gboolean changed;

  g_return_if_fail (LF_IS_LOCK_FILE (self));

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = self->required_scope != required_scope;
  self->required_scope = required_scope;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_REQUIRED_SCOPE]);
}

/**
 * lf_lock_file_get_upgradable: (get-property upgradable)
 * @self: a lock file
 *
 * Gets whether a shared lock may become an exclusive one.
 *
 * Returns: %TRUE if it may
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_get_upgradable (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->upgradable;
}

/**
 * lf_lock_file_set_upgradable: (set-property upgradable)
 * @self: a lock file
 * @upgradable: whether it may
 *
 * Sets whether a shared lock may become an exclusive one, from the next acquire on.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_upgradable (LfLockFile *self,
                             gboolean    upgradable)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));

  lf_lock_file_set_boolean (self, &self->upgradable, upgradable, PROP_UPGRADABLE);
}

/**
 * lf_lock_file_acquire:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock and waits for it as long as [property@LockFile:timeout]
 * says.
 *
 * If the calling thread holds the object's lock already, this succeeds at once and is
 * not counted. If another thread holds it through this object, this waits until that
 * is released, as for any other holder. It does not iterate any main context while it
 * waits, so in a program with windows use [method@LockFile.acquire_async].
 *
 * The errors are:
 *
 * - %LF_LOCK_ERROR_ALREADY_LOCKED: somebody holds it and the timeout is 0
 * - %LF_LOCK_ERROR_TIMED_OUT: somebody held it all the time, or the file system did not
 *   answer
 * - %LF_LOCK_ERROR_WOULD_DEADLOCK: this thread holds it through another object,
 *   neither timeout nor cancellable could end the wait, and there is no other thread
 *   that could release it; on other systems than Linux, whether there is one or not
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED: this backend, or its shared mode, is
 *   not available in this build or on this file system
 * - %LF_LOCK_ERROR_FAILED: any other failure of the wait, such as no thread for it
 * - %LF_BACKEND_ERROR_INVALID_LOCK_FILE: the path holds what cannot be a lock of
 *   this kind, such as a symbolic link, a FIFO, a socket, a device or, except with
 *   %LF_BACKEND_FLOCK and %LF_BACKEND_DIRECTORY, a directory; with
 *   %LF_BACKEND_SQLITE, a file that is not a database. It is left alone
 * - %LF_BACKEND_ERROR_FAILED: any other failure of this backend, such as a system
 *   that is out of locks
 * - %G_IO_ERROR_CANCELLED: @cancellable was cancelled; the lock is not held
 * - %G_IO_ERROR_PENDING: this would wait for an asynchronous operation of the object
 *   that is reported in a main context of the calling thread
 * - %G_IO_ERROR_INVALID_FILENAME: there is no path, or an empty one
 * - %G_IO_ERROR_INVALID_ARGUMENT: the timeout is not a number
 * - the error of opening the path, such as %G_IO_ERROR_NOT_FOUND,
 *   %G_IO_ERROR_PERMISSION_DENIED or %G_IO_ERROR_READ_ONLY
 *
 * The message of the first two names the holder only if the attempt learned it, such as
 * from a lock that is a file. [method@LockFile.query_holder] searches for the holder, which
 * can take much longer than the attempt.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_acquire (LfLockFile    *self,
                      GCancellable  *cancellable,
                      GError       **error)
{
  gssize grant;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return lf_lock_file_acquire_sync (self, NULL, &grant, cancellable, error);
}

/**
 * lf_lock_file_acquire_with_timeout:
 * @self: a lock file
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock as [method@LockFile.acquire] does, with a timeout for this
 * call only, and with the same errors.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_acquire_with_timeout (LfLockFile    *self,
                                   double         timeout,
                                   GCancellable  *cancellable,
                                   GError       **error)
{
  gssize grant;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return lf_lock_file_acquire_sync (self, &timeout, &grant, cancellable, error);
}

/**
 * lf_lock_file_try_acquire:
 * @self: a lock file
 * @error: return location for an error
 *
 * Acquires the lock if that is possible at once: [method@LockFile.acquire] with a
 * timeout of 0, and with the same errors.
 *
 * On a file system that does not answer it may still take long; from a main loop, call
 * [method@LockFile.acquire_with_timeout_async] with a timeout of 0.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set; it is
 *   %LF_LOCK_ERROR_ALREADY_LOCKED if somebody else holds it
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_try_acquire (LfLockFile  *self,
                          GError     **error)
{
  const double no_wait = 0;
  gssize grant;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return lf_lock_file_acquire_sync (self, &no_wait, &grant, NULL, error);
}

static void
acquire_done_cb (LfHandle *handle,
                 GError   *error,
                 gpointer  user_data)
{
  GTask *task = user_data;
  LfLockFile *self = g_task_get_source_object (task);
  gssize grant = lf_claims_end (self->claims, g_task_get_task_data (task), handle);

  if (grant == 0)
    {
      g_task_return_error (task, error);
      return;
    }

  lf_lock_file_notify_held (self);
  g_task_return_int (task, grant);
}

static void
acquire_reported_cb (gpointer user_data)
{
  g_autoptr (GTask) task = user_data;

  lf_acquisition_detach (g_task_get_task_data (task));
}

/* Without a @timeout it is that of the property. */
static void
lf_lock_file_start_acquire (LfLockFile          *self,
                            const double        *timeout,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GError) error = NULL;
  LfAcquisition *acquisition;

  /* One tag for all that acquire_finish() finishes */
  g_task_set_source_tag (task, lf_lock_file_acquire_async);
  g_task_set_name (task, "[lockfile-glib] acquire");
  g_task_set_priority (task, io_priority);

  if (g_task_return_error_if_cancelled (task))
    return;

  /* Decided by the acquisition, once: else a lock that was granted might be
   * reported as cancelled and nobody would release it */
  g_task_set_check_cancellable (task, FALSE);

  if (lf_claims_forget_lost (self->claims, FALSE))
    lf_lock_file_notify_held (self);

  acquisition = lf_lock_file_new_acquisition (self, timeout, cancellable, &error);
  if (acquisition == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_task_set_task_data (task, acquisition, (GDestroyNotify) lf_acquisition_unref);
  lf_acquisition_attach (acquisition, g_task_get_context (task), io_priority,
                         acquire_done_cb, g_object_ref (task), acquire_reported_cb);
  lf_claims_add (self->claims, acquisition);
}

/* Returns the number of the grant, or 0 with an error. */
gssize
lf_lock_file_finish_acquire (LfLockFile    *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  LfAcquisition *acquisition = g_task_get_task_data (G_TASK (result));
  gssize grant = g_task_propagate_int (G_TASK (result), error);

  /* A process that was forked since then does not have it */
  if (grant > 0 && !lf_acquisition_is_own (acquisition))
    {
      g_propagate_error (error, lf_acquisition_new_inherited_error (acquisition));
      return 0;
    }

  return MAX (grant, 0);
}

/**
 * lf_lock_file_acquire_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired or could
 *   not be
 * @user_data: data for @callback
 *
 * Starts to acquire the lock, for as long as [property@LockFile:timeout] says.
 *
 * This is always a claim of its own. If the object holds the lock or waits for it
 * already, the claim queues behind, first come, first served, and completes after
 * the release before it; its timeout counts from this call.
 *
 * The calling thread is never blocked, not even by a file system that does not
 * answer, and @callback is never called before this returns. A cancel of
 * @cancellable ends the wait at once. If it comes after the lock was granted but
 * before that was reported, the lock is released and %G_IO_ERROR_CANCELLED is
 * reported; so an error always means that the lock is not held. If a file system has
 * not answered for a second after the cancel, the cancel is reported anyway, and
 * whatever is granted later is released.
 *
 * If the caller drops its last reference before that, the operation still completes,
 * and then the lock is released with the object.
 *
 * Since: 1.0
 */
void
lf_lock_file_acquire_async (LfLockFile          *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_lock_file_start_acquire (self, NULL, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_file_acquire_with_timeout_async:
 * @self: a lock file
 * @timeout: the time in seconds; below 0 forever, 0 to try once
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired or could
 *   not be
 * @user_data: data for @callback
 *
 * Starts to acquire the lock as [method@LockFile.acquire_async] does, with a timeout
 * for this call only.
 *
 * Finish it with [method@LockFile.acquire_with_timeout_finish] or
 * [method@LockFile.acquire_finish], which are the same, or with
 * [method@LockFile.acquire_guard_finish] for a guard.
 *
 * Since: 1.0
 */
void
lf_lock_file_acquire_with_timeout_async (LfLockFile          *self,
                                         double               timeout,
                                         int                  io_priority,
                                         GCancellable        *cancellable,
                                         GAsyncReadyCallback  callback,
                                         gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_lock_file_start_acquire (self, &timeout, io_priority, cancellable, callback, user_data);
}

/**
 * lf_lock_file_acquire_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.acquire_async] and
 * [method@LockFile.acquire_with_timeout_async]. The errors are those of
 * [method@LockFile.acquire], without %G_IO_ERROR_PENDING, and without
 * %LF_LOCK_ERROR_WOULD_DEADLOCK except as [enum@Backend] describes.
 *
 * The thread in which this is reported then holds the lock.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_acquire_finish (LfLockFile    *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_lock_file_acquire_async), FALSE);

  return lf_lock_file_finish_acquire (self, result, error) > 0;
}

/**
 * lf_lock_file_acquire_with_timeout_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.acquire_with_timeout_async], as [method@LockFile.acquire_finish]
 * does. Languages look for a function of this name.
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_acquire_with_timeout_finish (LfLockFile    *self,
                                          GAsyncResult  *result,
                                          GError       **error)
{
  return lf_lock_file_acquire_finish (self, result, error);
}

/**
 * lf_lock_file_release:
 * @self: a lock file
 * @error: return location for an error
 *
 * Releases the lock and lets the object's next claim begin.
 *
 * The file stays, unless [property@LockFile:remove-on-release] says otherwise.
 * Any thread may release, not only the one that acquired.
 *
 * The errors are:
 *
 * - %LF_UNLOCK_ERROR_NOT_LOCKED: nobody holds the lock. If this object held it, the
 *   file has been removed or renamed since, and what the lock protected is suspect. A
 *   file that was moved together with its directory may go unnoticed
 * - %LF_UNLOCK_ERROR_NOT_MY_LOCK: somebody else holds it: another object, a
 *   successor after the file was removed or renamed, or the process that this
 *   one was forked from
 * - %LF_UNLOCK_ERROR_FAILED: the system could not unlock. Only then does the object
 *   still hold the lock
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED, %G_IO_ERROR_INVALID_FILENAME: this backend is
 *   not available, or nothing can be locked at this path
 * - %G_IO_ERROR_PENDING: another release of this object is not finished
 *
 * Returns: %TRUE if the lock was released, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_release (LfLockFile  *self,
                      GError     **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return lf_lock_file_release_grant (self, 0, error);
}

static gpointer
release_thread (gpointer   data,
                GError   **error)
{
  release_work (data, error);

  return NULL;
}

static void
release_done (GTask    *task,
              gpointer  data,
              gpointer  result,
              GError   *error)
{
  lf_lock_file_end_release (g_task_get_source_object (task), data, TRUE);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
release_free (gpointer data)
{
  release_clear (data);
  g_free (data);
}

static const LfThreadTaskFuncs release_funcs = {
  .work = release_thread,
  .done = release_done,
  .free_data = release_free,
  .set_inherited_error = release_set_inherited_error,
  .must_work = TRUE,
};

/**
 * lf_lock_file_release_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is released
 * @user_data: data for @callback
 *
 * Starts to release the lock as [method@LockFile.release] does, without file
 * operations in the calling thread.
 *
 * A release that has begun cannot be undone: @cancellable has an effect only if it is
 * already cancelled when this is called, and then the lock is still held.
 *
 * Since: 1.0
 */
void
lf_lock_file_release_async (LfLockFile          *self,
                            int                  io_priority,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GError) error = NULL;
  Release release;

  g_return_if_fail (LF_IS_LOCK_FILE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, lf_lock_file_release_async);
  g_task_set_name (task, "[lockfile-glib] release");
  g_task_set_priority (task, io_priority);

  if (g_task_return_error_if_cancelled (task))
    return;

  g_task_set_check_cancellable (task, FALSE);

  if (lf_lock_file_begin_release (self, 0, g_task_get_context (task), &release, &error))
    lf_thread_task_run (task, &release_funcs, g_memdup2 (&release, sizeof release));
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * lf_lock_file_release_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.release_async], with the errors of
 * [method@LockFile.release].
 *
 * Returns: %TRUE if the lock was released, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_release_finish (LfLockFile    *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_lock_file_release_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * lf_lock_file_is_held: (get-property held)
 * @self: a lock file
 *
 * Gets whether this object holds the lock. The file is not checked. While a release is
 * not finished, the object no longer holds the lock.
 *
 * In a process forked from the one that acquired the lock it is %FALSE.
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_held (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  return lf_claims_is_held (self->claims);
}

/**
 * lf_lock_file_is_held_by_thread:
 * @self: a lock file
 *
 * Gets whether the calling thread holds the lock, through this object or through
 * another one. The file is checked, but not its lock.
 *
 * A thread that holds the lock and waits forever to acquire it through another object
 * waits for itself. [method@LockFile.acquire] then fails with
 * %LF_LOCK_ERROR_WOULD_DEADLOCK, but not if it has a cancellable, which could end the
 * wait. If your cancellable serves another purpose, call this first.
 *
 * The thread that holds a lock is the one in which it was reported. To leave other
 * objects out, call [method@LockFile.is_acquired_by_thread].
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_held_by_thread (LfLockFile *self)
{
  const LfBackendVTable *backend;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  backend = lf_lock_file_get_usable_backend (self, NULL);

  return backend != NULL && lf_operations_held_by_thread (backend, self->path);
}

/**
 * lf_lock_file_is_acquired_by_thread:
 * @self: a lock file
 *
 * Gets whether this object holds the lock, and it is the calling thread that acquired
 * it. The file is not checked.
 *
 * Then [method@LockFile.acquire] succeeds at once and is not counted. Whoever releases
 * at the end of a block calls this first: if the lock was there before the block, it is
 * not the block's to release.
 *
 * The thread that acquired a lock is the one in which it was reported.
 *
 * Returns: %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_acquired_by_thread (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  return lf_claims_is_held_here (self->claims) && lf_claims_is_held (self->claims);
}

/* What a question to the file, or a break, needs of the lock file: it may outlive it
 * in a thread. */
typedef struct
{
  const LfBackendVTable *backend;
  char *path; /* of lf_path_new() */
} Query;

static Query *
lf_lock_file_new_query (LfLockFile  *self,
                        GError     **error)
{
  const LfBackendVTable *backend = lf_lock_file_get_usable_backend (self, error);
  Query *query;

  if (backend == NULL)
    return NULL;

  query = g_new (Query, 1);
  *query = (Query) { backend, lf_path_ref (self->path) };

  return query;
}

static void
query_free (gpointer data)
{
  Query *query = data;

  lf_path_unref (query->path);
  g_free (query);
}

/* Starts a task of the lock file in a thread. */
static void
lf_lock_file_start_query (LfLockFile              *self,
                          const LfThreadTaskFuncs *funcs,
                          gpointer                 source_tag,
                          const char              *name,
                          int                      io_priority,
                          GCancellable            *cancellable,
                          GAsyncReadyCallback      callback,
                          gpointer                 user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;
  Query *query;

  g_task_set_source_tag (task, source_tag);
  g_task_set_name (task, name);
  g_task_set_priority (task, io_priority);

  if (g_task_return_error_if_cancelled (task))
    return;

  query = lf_lock_file_new_query (self, &error);
  if (query != NULL)
    lf_thread_task_run (task, funcs, query);
  else
    g_task_return_error (task, error);
}

static gpointer
query_holder_thread (gpointer   data,
                     GError   **error)
{
  Query *query = data;
  LfLockHolder *holder = NULL;

  lf_operations_query_holder (query->backend, query->path, &holder, error);

  return holder;
}

/**
 * lf_lock_file_is_locked:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Checks whether anybody at all holds the lock, this object included.
 *
 * The answer may be outdated when it arrives; to get the lock, acquire it. Where
 * the kernel does not list all locks (in containers, on file systems of FUSE, on
 * systems other than Linux), this acquires a free lock of %LF_BACKEND_FLOCK for a moment,
 * during which another program's attempt can fail. So does checking a lock of
 * %LF_BACKEND_LOCK_FILE_EX, and one of %LF_BACKEND_SQLITE on systems other than Linux. No
 * other check has such an effect.
 *
 * An error cannot be mistaken for a free lock: the result is %TRUE then, even if @error
 * is %NULL. %FALSE always means that nobody holds the lock.
 *
 * The errors are those of [method@LockFile.query_holder].
 *
 * Returns: %FALSE if nobody holds the lock; %TRUE if somebody does, or with @error set
 *   if that cannot be told
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_locked (LfLockFile    *self,
                        GCancellable  *cancellable,
                        GError       **error)
{
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (GError) local_error = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), TRUE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), TRUE);
  g_return_val_if_fail (error == NULL || *error == NULL, TRUE);

  holder = lf_lock_file_query_holder (self, cancellable, &local_error);
  if (local_error == NULL)
    return holder != NULL;

  g_propagate_error (error, g_steal_pointer (&local_error));

  return TRUE;
}

static void
is_locked_done (GTask    *task,
                gpointer  data,
                gpointer  result,
                GError   *error)
{
  g_autoptr (LfLockHolder) holder = result;

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, holder != NULL);
}

static const LfThreadTaskFuncs is_locked_funcs = {
  .work = query_holder_thread,
  .done = is_locked_done,
  .free_data = query_free,
  .free_result = g_object_unref,
};

/**
 * lf_lock_file_is_locked_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the answer is available
 * @user_data: data for @callback
 *
 * Starts to check whether anybody holds the lock, as [method@LockFile.is_locked] does,
 * without file operations in the calling thread.
 *
 * Since: 1.0
 */
void
lf_lock_file_is_locked_async (LfLockFile          *self,
                              int                  io_priority,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_lock_file_start_query (self, &is_locked_funcs, lf_lock_file_is_locked_async,
                            "[lockfile-glib] is locked", io_priority, cancellable, callback,
                            user_data);
}

/**
 * lf_lock_file_is_locked_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.is_locked_async].
 *
 * Returns: %FALSE if nobody holds the lock; %TRUE if somebody does, or with @error set
 *   if that cannot be told
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_locked_finish (LfLockFile    *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_autoptr (GError) local_error = NULL;
  gboolean locked;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), TRUE);
  g_return_val_if_fail (g_task_is_valid (result, self), TRUE);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_lock_file_is_locked_async), TRUE);

  locked = g_task_propagate_boolean (G_TASK (result), &local_error);
  if (local_error == NULL)
    return locked;

  g_propagate_error (error, g_steal_pointer (&local_error));

  return TRUE;
}

/**
 * lf_lock_file_query_holder:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Finds out who holds the lock, which may be this object.
 *
 * On Linux the holder of an %LF_BACKEND_FLOCK lock is the process that `/proc/locks`
 * names, and that of %LF_BACKEND_FCNTL or %LF_BACKEND_SQLITE the one that the kernel
 * names if it has a POSIX lock. If the kernel names no process, or one that has ended and
 * left the lock to others, the holder is a process that has the file open. Finding it
 * means reading the descriptors of all processes that may be read. With thousands of
 * them that takes many milliseconds, so use the asynchronous call from a main loop.
 *
 * A lock that is a file contains its holder's PID and host. If that process is proved
 * dead, nobody holds the lock.
 *
 * A holder that is not visible from here, or that has not recorded its identity, has a
 * PID of 0. If several share the lock, one of them is returned.
 *
 * The errors are those of opening the path in [method@LockFile.acquire]. A file
 * that does not exist is not locked.
 *
 * Returns: (transfer full) (nullable): the holder, or %NULL if nobody holds it or
 *   @error is set
 *
 * Since: 1.0
 */
LfLockHolder *
lf_lock_file_query_holder (LfLockFile    *self,
                           GCancellable  *cancellable,
                           GError       **error)
{
  const LfBackendVTable *backend;
  LfLockHolder *holder = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  backend = lf_lock_file_get_usable_backend (self, error);
  if (backend != NULL)
    lf_operations_query_holder (backend, self->path, &holder, error);

  return holder;
}

static void
query_holder_done (GTask    *task,
                   gpointer  data,
                   gpointer  result,
                   GError   *error)
{
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, result, g_object_unref);
}

static const LfThreadTaskFuncs query_holder_funcs = {
  .work = query_holder_thread,
  .done = query_holder_done,
  .free_data = query_free,
  .free_result = g_object_unref,
};

/**
 * lf_lock_file_query_holder_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the answer is available
 * @user_data: data for @callback
 *
 * Starts to find out who holds the lock, as [method@LockFile.query_holder] does,
 * without file operations in the calling thread.
 *
 * Since: 1.0
 */
void
lf_lock_file_query_holder_async (LfLockFile          *self,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_lock_file_start_query (self, &query_holder_funcs, lf_lock_file_query_holder_async,
                            "[lockfile-glib] query holder", io_priority, cancellable, callback,
                            user_data);
}

/**
 * lf_lock_file_query_holder_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.query_holder_async].
 *
 * Returns: (transfer full) (nullable): the holder, or %NULL if nobody holds it or
 *   @error is set
 *
 * Since: 1.0
 */
LfLockHolder *
lf_lock_file_query_holder_finish (LfLockFile    *self,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_lock_file_query_holder_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * lf_lock_file_query_scope:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Finds out whom a lock of this backend on the path excludes, by the type and the mount
 * options of the file system.
 *
 * On a file system that several hosts share, locks of the kernel may be known only to this
 * host. Linux lists a mount option for that, such as `local_lock=` of NFS, `nobrl` of CIFS
 * or `localflock` of Lustre. If no option tells, such as with FUSE, with file systems of
 * virtual machines and on systems other than Linux, the scope is %LF_LOCK_SCOPE_UNKNOWN.
 * The options with which other hosts have mounted the file system are not known.
 *
 * The file need not exist.
 *
 * Returns: the scope; %LF_LOCK_SCOPE_UNKNOWN also with @error set
 *
 * Since: 1.0
 */
LfLockScope
lf_lock_file_query_scope (LfLockFile    *self,
                          GCancellable  *cancellable,
                          GError       **error)
{
  const LfBackendVTable *backend;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), LF_LOCK_SCOPE_UNKNOWN);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable),
                        LF_LOCK_SCOPE_UNKNOWN);
  g_return_val_if_fail (error == NULL || *error == NULL, LF_LOCK_SCOPE_UNKNOWN);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return LF_LOCK_SCOPE_UNKNOWN;

  backend = lf_lock_file_get_usable_backend (self, error);

  return backend != NULL ? lf_scope_query (backend, self->path) : LF_LOCK_SCOPE_UNKNOWN;
}

static gpointer
query_scope_thread (gpointer   data,
                    GError   **error)
{
  Query *query = data;

  return GINT_TO_POINTER (lf_scope_query (query->backend, query->path));
}

static void
query_scope_done (GTask    *task,
                  gpointer  data,
                  gpointer  result,
                  GError   *error)
{
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, GPOINTER_TO_INT (result));
}

static const LfThreadTaskFuncs query_scope_funcs = {
  .work = query_scope_thread,
  .done = query_scope_done,
  .free_data = query_free,
};

/**
 * lf_lock_file_query_scope_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the answer is available
 * @user_data: data for @callback
 *
 * Starts to find out whom a lock excludes, as [method@LockFile.query_scope] does, without
 * file operations in the calling thread.
 *
 * Since: 1.0
 */
void
lf_lock_file_query_scope_async (LfLockFile          *self,
                                int                  io_priority,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_lock_file_start_query (self, &query_scope_funcs, lf_lock_file_query_scope_async,
                            "[lockfile-glib] query scope", io_priority, cancellable, callback,
                            user_data);
}

/**
 * lf_lock_file_query_scope_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.query_scope_async].
 *
 * Returns: the scope; %LF_LOCK_SCOPE_UNKNOWN also with @error set
 *
 * Since: 1.0
 */
LfLockScope
lf_lock_file_query_scope_finish (LfLockFile    *self,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  gssize scope;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), LF_LOCK_SCOPE_UNKNOWN);
  g_return_val_if_fail (g_task_is_valid (result, self), LF_LOCK_SCOPE_UNKNOWN);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_lock_file_query_scope_async),
                        LF_LOCK_SCOPE_UNKNOWN);

  scope = g_task_propagate_int (G_TASK (result), error);

  return scope > 0 ? (LfLockScope) scope : LF_LOCK_SCOPE_UNKNOWN;
}

static gpointer
break_lock_thread (gpointer   data,
                   GError   **error)
{
  Query *query = data;

  lf_operations_break_lock (query->backend, query->path, error);

  return NULL;
}

/**
 * lf_lock_file_break_lock:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Takes the lock away from its holder, so that it can be acquired.
 *
 * Call this only for a person who knows that the holder will never continue. A holder
 * that does continue is no longer excluded; its [method@LockFile.release] then fails with
 * %LF_UNLOCK_ERROR_NOT_LOCKED or %LF_UNLOCK_ERROR_NOT_MY_LOCK. A lock whose holder is
 * proved dead need not be broken: the next claim takes it over.
 *
 * A lock that is a file is broken by removing the file, unless it cannot be a lock of
 * this backend. You must be allowed to read the file, and to write to it while its holder
 * lives. A lock of %LF_BACKEND_FLOCK, %LF_BACKEND_FCNTL, %LF_BACKEND_LOCK_FILE_EX
 * or %LF_BACKEND_SQLITE is broken by removing the locked file: the next claim locks a
 * new one. Waiters that are already in the kernel's queue stay there until the old holder
 * ends. Such a file is not removed if it has content. What must not be removed is
 * %LF_BACKEND_ERROR_INVALID_LOCK_FILE. If nobody holds the lock, nothing is done.
 *
 * @cancellable has an effect only if it is already cancelled when this is called.
 *
 * Returns: %TRUE if the lock can be acquired now, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_break_lock (LfLockFile    *self,
                         GCancellable  *cancellable,
                         GError       **error)
{
  const LfBackendVTable *backend;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  backend = lf_lock_file_get_usable_backend (self, error);

  return backend != NULL && lf_operations_break_lock (backend, self->path, error);
}

static void
break_lock_done (GTask    *task,
                 gpointer  data,
                 gpointer  result,
                 GError   *error)
{
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static const LfThreadTaskFuncs break_lock_funcs = {
  .work = break_lock_thread,
  .done = break_lock_done,
  .free_data = query_free,
};

/**
 * lf_lock_file_break_lock_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is broken
 * @user_data: data for @callback
 *
 * Starts to take the lock away from the holder, as [method@LockFile.break_lock] does,
 * without file operations in the calling thread.
 *
 * A cancel is reported at once, but cannot undo what was done: the lock may be broken
 * all the same.
 *
 * Since: 1.0
 */
void
lf_lock_file_break_lock_async (LfLockFile          *self,
                               int                  io_priority,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  lf_lock_file_start_query (self, &break_lock_funcs, lf_lock_file_break_lock_async,
                            "[lockfile-glib] break lock", io_priority, cancellable, callback,
                            user_data);
}

/**
 * lf_lock_file_break_lock_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.break_lock_async].
 *
 * Returns: %TRUE if the lock can be acquired now, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_break_lock_finish (LfLockFile    *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_lock_file_break_lock_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * lf_lock_file_get_fd:
 * @self: a lock file
 *
 * Gets the descriptor of the locked file, as for reading and writing a data file
 * that is locked itself.
 *
 * It belongs to the object: do not close it. It is valid until the lock is
 * released.
 *
 * %LF_BACKEND_FLOCK opens the file for reading, since flock(2) needs no more; with an
 * exclusive lock of %LF_BACKEND_FCNTL the descriptor can be written to. With a shared one
 * it is for reading.
 *
 * %LF_BACKEND_FLOCK, %LF_BACKEND_FCNTL, %LF_BACKEND_LOCK_FILE_EX and
 * %LF_BACKEND_PID_FILE have one. With %LF_BACKEND_FCNTL, work on the data through
 * this descriptor; where there are no locks of open file descriptions, closing
 * another one loses the lock.
 *
 * On Windows it is a descriptor of the C library that this library is linked with;
 * a program that is linked with another one cannot use it.
 *
 * Returns: the descriptor, or -1 if the lock is not held or this way of locking
 *   has none
 *
 * Since: 1.0
 */
int
lf_lock_file_get_fd (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), -1);

  return lf_claims_get_fd (self->claims);
}

/**
 * lf_lock_file_steal_fd:
 * @self: a lock file
 *
 * Takes the descriptor of the locked file out of the object, with its lock.
 *
 * The object then holds nothing, and can acquire the lock anew, which waits for the taken one;
 * one from [ctor@LockFile.new_for_fd] has no descriptor left and fails with %G_IO_ERROR_CLOSED.
 * The lock is held until the last duplicate of the descriptor is closed, in whatever process,
 * or the descriptor is unlocked. So a program that is executed can inherit the lock, and hold
 * it until it ends:
 *
 * <!-- code: in handed-on.c -->
 * ```c
 * g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
 * g_autoptr (GSubprocess) child = NULL;
 *
 * g_subprocess_launcher_take_fd (launcher, lf_lock_file_steal_fd (lock), 3);
 * child = g_subprocess_launcher_spawn (launcher, error, "work", "--for-long", NULL);
 * g_subprocess_launcher_close (launcher);
 * ```
 *
 * Such a lock is no longer checked, and the file is not removed. The descriptor is set to be
 * closed when a program is executed; `g_subprocess_launcher_take_fd()` sees to that.
 *
 * %LF_BACKEND_FLOCK has such a descriptor, and %LF_BACKEND_FCNTL where there are locks of open
 * file descriptions.
 *
 * Returns: the descriptor, which the caller has to close, or -1 if the lock is not held or
 *   this way of locking has none to give away
 *
 * Since: 1.0
 */
int
lf_lock_file_steal_fd (LfLockFile *self)
{
  LfAdopted *adopted;
  LfHandle *handle;
  int fd;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), -1);

  handle = lf_claims_steal (self->claims);
  if (handle == NULL)
    return -1;

  fd = lf_operations_steal_fd (handle);

  g_mutex_lock (lf_lock_file_get_mutex (self));
  adopted = g_steal_pointer (&self->adopted);
  g_mutex_unlock (lf_lock_file_get_mutex (self));
  g_clear_pointer (&adopted, lf_adopted_unref);

  lf_lock_file_notify_held (self);

  return fd;
}

static gboolean
lf_lock_file_convert (LfLockFile  *self,
                      LfLockMode   mode,
                      GError     **error)
{
  g_autofree char *display_name = NULL;
  LfAttempt result = LF_ATTEMPT_ERROR;

  if (!lf_claims_convert (self->claims, mode, &result, error))
    {
      display_name = lf_path_get_display_name (self->path != NULL ? self->path : "");
      g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED,
                   _("The lock of %s is not held"), display_name);
      return FALSE;
    }

  if (result == LF_ATTEMPT_BUSY)
    {
      display_name = lf_path_get_display_name (self->path);
      g_set_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED,
                   _("%s is locked already"), display_name);
    }

  return result == LF_ATTEMPT_GRANTED;
}

/**
 * lf_lock_file_try_upgrade:
 * @self: a lock file
 * @error: return location for an error
 *
 * Makes the shared lock that is held an exclusive one, if nobody else shares it, without
 * letting go of it: nobody gets in between.
 *
 * If that fails, the lock is still held, and still shared. An exclusive lock stays as it is.
 *
 * There is no upgrade that waits. Two holders that wait for each other to let go would wait
 * forever. Release the lock and acquire it exclusively, and read again what you have read.
 *
 * [property@LockFile:mode] is not changed, and counts for the next acquire.
 *
 * The errors are:
 *
 * - %LF_LOCK_ERROR_ALREADY_LOCKED: others share the lock
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED: this backend cannot do that, or the lock is not
 *   [property@LockFile:upgradable]. Only %LF_BACKEND_FCNTL can, where there are locks of open
 *   file descriptions. flock(2) lets go of the shared lock before it asks for the other, and
 *   SQLite has no statement that makes a transaction that reads one that excludes readers
 * - %LF_UNLOCK_ERROR_NOT_LOCKED: this object holds no lock
 * - %LF_BACKEND_ERROR_FAILED: any other failure, such as a system that is out of locks
 *
 * Returns: %TRUE if the lock is exclusive now, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_try_upgrade (LfLockFile  *self,
                          GError     **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return lf_lock_file_convert (self, LF_LOCK_MODE_EXCLUSIVE, error);
}

/**
 * lf_lock_file_downgrade:
 * @self: a lock file
 * @error: return location for an error
 *
 * Makes the exclusive lock that is held a shared one, without letting go of it: nobody can
 * have changed what it protects when others begin to read.
 *
 * It does not wait. A shared lock stays as it is. The lock can be upgraded again by
 * [method@LockFile.try_upgrade], without [property@LockFile:upgradable].
 *
 * The errors are %LF_BACKEND_ERROR_NOT_SUPPORTED, %LF_UNLOCK_ERROR_NOT_LOCKED and
 * %LF_BACKEND_ERROR_FAILED, as with [method@LockFile.try_upgrade].
 *
 * Returns: %TRUE if the lock is shared now, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_downgrade (LfLockFile  *self,
                        GError     **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return lf_lock_file_convert (self, LF_LOCK_MODE_SHARED, error);
}
