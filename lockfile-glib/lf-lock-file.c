/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-lock-file-private.h"

#include <math.h>

#include "core/lf-claims-private.h"
#include "core/lf-document-private.h"
#include "core/lf-monitor-private.h"
#include "core/lf-operations-private.h"
#include "core/lf-scope-private.h"
#include "lf-enum-types.h"
#include "lf-errors.h"
#include "lf-lock-private.h"
#include "lf-thread-task-private.h"
#include "os/lf-library-private.h"
#include "os/lf-path-private.h"
#include "os/lf-process-private.h"
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

  char *path; /* of lf_path_new(); NULL if there is no local path */
  char *document; /* or NULL; set during construction */
  LfBackend backend;
  guint slots; /* of a semaphore, otherwise 0 */
  LfLockFileGetBackend get_backend; /* of a lock in a cluster, otherwise NULL */
  gpointer get_backend_data;

  LfClaims *claims;

  /* Protected by lf_claims_get_properties_mutex() */
  LfLockMode mode;
  double timeout;
  double poll_interval;
  double lease_duration;
  guint file_mode;
  gboolean remove_on_release;
  gboolean create_parents;
  gboolean durable;
  gboolean monitor;
  double notice_delay;
  LfLockScope required_scope;
  gboolean upgradable;
  LfAdopted *adopted; /* NULL without a descriptor, or after it was stolen */
  gboolean has_adopted; /* whether the object was made for a descriptor */
};

static void lf_lock_file_lock_init (LfLockInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LfLockFile, lf_lock_file, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LF_TYPE_LOCK, lf_lock_file_lock_init))

#define DEFAULT_FILE_MODE 0666
#define MAX_FILE_MODE 07777
#define DEFAULT_POLL_INTERVAL 0.5
#define MIN_POLL_INTERVAL 0.001
#define MAX_POLL_INTERVAL 3600.0
#define MIN_LEASE_DURATION 2.0
#define MAX_LEASE_DURATION 86400.0

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
  PROP_MONITOR,
  PROP_LEASE_DURATION,
  PROP_NOTICE_DELAY,
  PROP_HELD,
} LfLockFileProperty;

static GParamSpec *props[PROP_HELD + 1];

/* Read only once: GLib searches the environment, which takes longer than all else that an
 * uncontended acquire does here. */
static gboolean debug_messages;

GMutex *
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

/* @path may be NULL. An empty path stays empty, and is refused when it is used. */
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
  if (self->get_backend != NULL)
    return self->get_backend (self->get_backend_data, error);

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
                   _("The current directory had been removed when the lock file object of %s was "
                     "made"),
                   display_name);
      return NULL;
    }

  if (self->slots != 0)
    return lf_operations_get_slots_backend ();

  return lf_operations_find_backend (self->backend, error);
}

/* For an object that was made for a descriptor: sets an error if it cannot be locked. */
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

/* A report of a lost lock, and where to report it. It does not keep the lock file alive. */
typedef struct
{
  const LfProcess *process;
  GWeakRef lock_file;
  GError *reason;
  gboolean is_noticed;

  GMutex mutex;
  GMainContext *context;
  GSource *source; /* until the report is delivered */
} LossReport;

static void
loss_report_clear (gpointer data)
{
  LossReport *report = data;

  g_weak_ref_clear (&report->lock_file);
  g_main_context_unref (report->context);
  g_clear_error (&report->reason);
  /* After a fork, a thread of the parent may have held it */
  if (report->process == lf_process_get ())
    g_mutex_clear (&report->mutex);
}

static void
loss_report_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, loss_report_clear);
}

static gboolean
report_loss_cb (gpointer user_data)
{
  LossReport *report = user_data;
  g_autoptr (LfLockFile) self = NULL;

  /* In a forked child it is the parent's report */
  if (report->process != lf_process_get ())
    return G_SOURCE_REMOVE;

  g_mutex_lock (&report->mutex);
  g_clear_pointer (&report->source, g_source_unref);
  g_mutex_unlock (&report->mutex);

  self = g_weak_ref_get (&report->lock_file);
  if (self == NULL)
    return G_SOURCE_REMOVE;

  if (!report->is_noticed)
    lf_lock_file_notify_held (self);
  lf_lock_emit_lost (LF_LOCK (self), report->reason);

  return G_SOURCE_REMOVE;
}

/* With the mutex held. */
static void
loss_report_send (LossReport *report)
{
  report->source = g_idle_source_new ();
  g_source_set_static_name (report->source, "[lockfile-glib] lost");
  /* Before all sources that may use the lock */
  g_source_set_priority (report->source, LF_LOST_PRIORITY);
  g_source_set_callback (report->source, report_loss_cb, g_atomic_rc_box_acquire (report),
                         loss_report_unref);
  g_source_attach (report->source, report->context);
}

/* Moves the report to the main context of the thread that finishes the acquisition. It may have
 * been started in another main context that exists only for the acquisition. */
static void
loss_report_move (LossReport *report)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr (GSource) source = NULL;

  if (report->process != lf_process_get ())
    return;

  g_mutex_lock (&report->mutex);
  if (context != report->context)
    {
      source = g_steal_pointer (&report->source);
      g_main_context_unref (report->context);
      report->context = g_steal_pointer (&context);
      if (source != NULL)
        loss_report_send (report);
    }
  g_mutex_unlock (&report->mutex);

  if (source != NULL)
    g_source_destroy (source);
}

/* In any thread. Takes no reference to the lock file, since it could become the last one. */
static void
report_loss (GError   *reason,
             gboolean  is_noticed,
             gpointer  data)
{
  LossReport *report = data;

  g_mutex_lock (&report->mutex);
  report->reason = reason;
  report->is_noticed = is_noticed;
  loss_report_send (report);
  g_mutex_unlock (&report->mutex);
}

#define LOSS_REPORT "lf-loss-report"

/* If there is a @task, it also gets the report. Without @watches, only the end of a lease is
 * reported. */
static LfMonitor *
lf_lock_file_new_monitor (LfLockFile *self,
                          gboolean    watches,
                          double      poll_interval,
                          GTask      *task)
{
  LossReport *report = g_atomic_rc_box_new0 (LossReport);

  report->process = lf_process_get ();
  report->context = g_main_context_ref_thread_default ();
  g_mutex_init (&report->mutex);
  g_weak_ref_init (&report->lock_file, self);
  if (task != NULL)
    g_object_set_data_full (G_OBJECT (task), LOSS_REPORT, g_atomic_rc_box_acquire (report),
                            loss_report_unref);

  if (self->get_backend != NULL)
    return lf_monitor_new_told (self->path, report_loss, report, loss_report_unref);

  return lf_monitor_new (self->path, watches, poll_interval, report_loss, report,
                         loss_report_unref);
}

static void
notice_wait (LfLockHolder *holder,
             gpointer      user_data)
{
  lf_lock_emit_waiting (user_data, holder);
}

static gboolean
lf_lock_file_check_lease (const LfBackendVTable  *backend,
                          GError                **error)
{
  const LfBackendVTable *other = lf_backend_get_vtable (LF_BACKEND_HARD_LINK);
  gboolean has_other = other != NULL && other->renew != NULL;

  if (backend->renew != NULL)
    return TRUE;

  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               has_other ? _("%s has no leases; HARD_LINK, DIRECTORY, SYMLINK and PID_FILE have")
                         : _("%s has no leases on this system"),
               lf_backend_get_name (backend->backend));

  return FALSE;
}

/* A new acquisition with the current properties. If @timeout is NULL, the property applies.
 * If there is a @task, it reports the acquisition. */
static LfAcquisition *
lf_lock_file_new_acquisition (LfLockFile    *self,
                              const double  *timeout,
                              GTask         *task,
                              GCancellable  *cancellable,
                              GError       **error)
{
  LfAcquisition *acquisition;
  gboolean monitors;
  double notice_delay;
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
    .lease = (gint64) (self->lease_duration * G_USEC_PER_SEC),
    .required_scope = self->required_scope,
    .slots = self->slots,
    .upgradable = self->upgradable,
  };
  if (self->adopted != NULL)
    request.adopted = adopted = lf_adopted_ref (self->adopted);
  seconds = timeout != NULL ? *timeout : self->timeout;
  request.try_once = seconds == 0;
  monitors = self->monitor;
  notice_delay = self->notice_delay;
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
                   _("%s has no shared locks, but %s has"), lf_backend_get_name (self->backend),
                   lf_backend_get_name (lf_backend_resolve (LF_BACKEND_AUTO)));
      return NULL;
    }

  if (request.lease != 0 && !lf_lock_file_check_lease (backend, error))
    return NULL;

  acquisition = lf_acquisition_new (&request, seconds, cancellable);
  if (monitors || request.lease != 0)
    lf_acquisition_take_monitor (acquisition,
                                 lf_lock_file_new_monitor (self, monitors, request.poll_interval,
                                                           task));
  if (notice_delay >= 0)
    lf_acquisition_set_notice (acquisition, notice_delay, notice_wait, self);

  return acquisition;
}

/* As LfLockInterface describes it. */
static gboolean
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

  acquisition = lf_lock_file_new_acquisition (self, timeout, NULL, cancellable, error);
  if (acquisition == NULL)
    return FALSE;

  *grant = lf_claims_acquire (self->claims, acquisition, self->path, error);
  if (*grant == 0)
    return FALSE;

  lf_lock_file_notify_held (self);
  return TRUE;
}

/* One release, in any thread. */
typedef struct
{
  const LfBackendVTable *backend;
  char *path; /* of lf_path_new() */
  LfClaims *claims;
  LfClaimsRelease begun;
  int inherited_pid;
  LfHandle *handle; /* (unowned): belongs to the claims */
  LfRelease result;
} Release;

static void
release_clear (Release *release)
{
  g_clear_pointer (&release->path, lf_path_unref);
  g_clear_pointer (&release->claims, lf_claims_unref);
}

/* Takes the handle, to release it, without touching files. With a @grant, only if that
 * grant is still held. */
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
  release->claims = lf_claims_ref (self->claims);
  release->begun = lf_claims_begin_release (self->claims, grant, context, &release->handle);
  release->inherited_pid = lf_claims_get_inherited_pid (self->claims);

  return TRUE;
}

static void
set_inherited_error (const char  *path,
                     int          pid,
                     GError     **error)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_MY_LOCK,
               _("The lock of %s belongs to PID %d, from which this process was forked"),
               display_name, pid);
}

static void
release_set_inherited_error (gpointer   data,
                             int        pid,
                             GError   **error)
{
  const Release *release = data;

  set_inherited_error (release->path, pid, error);
}

/* The part that touches files. */
static void
release_work (Release  *release,
              GError  **error)
{
  switch (release->begun)
    {
    case LF_CLAIMS_BEGUN:
      lf_claims_wait_for_check (release->claims);
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

/* Called where the release is reported. Returns whether it released the lock. */
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

/* Releases a grant by its number, or with 0 any grant. */
static gboolean
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

/* For a semaphore: the lock is that of any one of several files beside the path. */
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

/* @uri is canonical. A loss is always reported. */
LfLockFile *
lf_lock_file_new_remote (const char           *uri,
                         LfLockFileGetBackend  get_backend,
                         gpointer              user_data)
{
  LfLockFile *self = g_object_new (LF_TYPE_LOCK_FILE, NULL);

  self->path = lf_path_new (uri);
  self->get_backend = get_backend;
  self->get_backend_data = user_data;
  self->monitor = TRUE;

  return self;
}

gint64
lf_lock_file_get_token (LfLockFile *self)
{
  return lf_claims_get_token (self->claims);
}

gint64
lf_lock_file_get_remaining (LfLockFile *self)
{
  return lf_claims_get_remaining (self->claims);
}

void
lf_lock_file_report_expired (LfLockFile *self)
{
  lf_claims_report_expired (self->claims);
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

    case PROP_LEASE_DURATION:
      g_value_set_double (value, lf_lock_file_get_lease_duration (self));
      break;

    case PROP_MONITOR:
      g_value_set_boolean (value, lf_lock_file_get_monitor (self));
      break;

    case PROP_NOTICE_DELAY:
      g_value_set_double (value, lf_lock_file_get_notice_delay (self));
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

    case PROP_LEASE_DURATION:
      lf_lock_file_set_lease_duration (self, g_value_get_double (value));
      break;

    case PROP_MONITOR:
      lf_lock_file_set_monitor (self, g_value_get_boolean (value));
      break;

    case PROP_NOTICE_DELAY:
      lf_lock_file_set_notice_delay (self, g_value_get_double (value));
      break;

    case PROP_DOCUMENT:
    case PROP_HELD:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* Releases without errors or notifications. No claim can be pending when the last reference
 * is dropped, since each claim has a reference. */
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

  lf_claims_unref (self->claims);
  g_clear_pointer (&self->adopted, lf_adopted_unref);
  g_clear_pointer (&self->path, lf_path_unref);
  g_free (self->document);

  G_OBJECT_CLASS (lf_lock_file_parent_class)->finalize (object);
}

/* GLib and the C library find out some values only once, with mutexes locked. This makes
 * them do so early, so that a forked child does not find one of these mutexes locked. */
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
  /* Any message will do */
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
   * A relative path is made absolute during construction, so a later change of the
   * working directory does not matter. The file need not exist. The path is %NULL for a
   * file without a local path.
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
   * The lock file as a [iface@Gio.File], as an alternative to the path.
   *
   * It is for languages whose strings cannot represent every file name: set this
   * property, and other ones, during construction. Set either this or
   * [property@LockFile:path]. A file without a local path results in no path.
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
   * The document that the lock is for, if the object was made by
   * [ctor@LockFile.new_for_document], otherwise %NULL.
   *
   * Its path is the real one, behind all links. Save the document there.
   *
   * Since: 1.0
   */
  props[PROP_DOCUMENT] =
    g_param_spec_object ("document", NULL, NULL, G_TYPE_FILE,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:backend: (getter get_backend)
   *
   * The backend.
   *
   * The default, %LF_BACKEND_AUTO, becomes the platform's best, and the property then
   * has that value. All programs that share a lock must use the same backend.
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
   * A change takes effect with the next acquire: a lock that is held keeps its mode. To
   * change its mode with %LF_BACKEND_FCNTL, call [method@LockFile.try_upgrade] or
   * [method@LockFile.downgrade]. With other backends, release it and acquire it again.
   * Another program can acquire it in between, since flock(2) cannot change a lock
   * without releasing it. Acquiring a shared lock fails with
   * %LF_BACKEND_ERROR_NOT_SUPPORTED if the backend has none.
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
   * On Windows 10 the file's name disappears at once, on older systems only when no
   * program has the file open. Until then, acquiring the lock waits up to half a second
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
   * Whether the record of a lock is written to the disk before the lock is visible.
   *
   * It applies to locks that are files with a record of their holder:
   * %LF_BACKEND_HARD_LINK, %LF_BACKEND_DIRECTORY and %LF_BACKEND_PID_FILE on Unix.
   * Otherwise, after a power failure, a file system may still have the lock but not its
   * record. Nobody could then prove that the holder is dead, and the lock would be held
   * until [method@LockFile.break_lock].
   *
   * Writing to the disk takes several times as long as all other steps of an acquire
   * and release. Set this to %FALSE if the lock does not outlive a boot, such as in
   * `/run`, or if it does not matter that a user has to break the lock.
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
   * The default is 0666. The permissions of an existing file do not change. A user who
   * may only read the file can still acquire a shared lock, and with %LF_BACKEND_FLOCK
   * an exclusive one. Windows has no such bits.
   *
   * Since: 1.0
   */
  props[PROP_FILE_MODE] =
    g_param_spec_uint ("file-mode", NULL, NULL, 0, MAX_FILE_MODE, DEFAULT_FILE_MODE,
                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:poll-interval: (getter get_poll_interval) (setter set_poll_interval)
   *
   * The longest time between two polls if nothing can wake a waiter, in seconds: 0.5 by
   * default, from 0.001 to 3600.
   *
   * Waits for %LF_BACKEND_FLOCK and %LF_BACKEND_FCNTL do not poll, except on NFS; the
   * kernel wakes them. For other waits, this is the longest delay until they notice a
   * release that no watch reports, such as a release on another host. On Windows it is
   * at most 15 milliseconds.
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
   * The programs that the lock must exclude at least.
   *
   * If that is not possible, or not known, acquiring the lock fails with
   * %LF_BACKEND_ERROR_NOT_SUPPORTED. The message names the mount option that prevents
   * it. By default nothing is required. [method@LockFile.query_scope] tells the scope
   * of a lock on the path.
   *
   * Since: 1.0
   */
  props[PROP_REQUIRED_SCOPE] =
    g_param_spec_enum ("required-scope", NULL, NULL, LF_TYPE_LOCK_SCOPE, LF_LOCK_SCOPE_UNKNOWN,
                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:upgradable: (getter get_upgradable) (setter set_upgradable)
   *
   * Whether [method@LockFile.try_upgrade] may make a shared lock exclusive.
   *
   * With %LF_BACKEND_FCNTL the kernel requires a descriptor for writing, so the file is opened
   * for writing if this is %TRUE, and otherwise, for a shared lock, for reading. Other
   * backends cannot upgrade, and ignore this.
   *
   * Since: 1.0
   */
  props[PROP_UPGRADABLE] =
    g_param_spec_boolean ("upgradable", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:monitor: (getter get_monitor) (setter set_monitor)
   *
   * Whether the lock is monitored while it is held, for [signal@Lock::lost].
   *
   * On file systems of this machine nothing is polled: the process has one watch, which
   * reports changes in the lock's directory and mounts of file systems. On network file
   * systems and FUSE, and if the system has no watch left, the lock is checked every
   * [property@LockFile:poll-interval]. See [held locks](held-locks.html).
   *
   * For an object from [ctor@LockFile.new_for_fd] the path is not checked. The lock is lost
   * only if the program closes the descriptor.
   *
   * A change takes effect with the next acquire.
   *
   * Since: 1.0
   */
  props[PROP_MONITOR] =
    g_param_spec_boolean ("monitor", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:lease-duration: (getter get_lease_duration) (setter set_lease_duration)
   *
   * How long the lock is kept for a holder that does not renew it, in seconds: 0, which is the
   * default, for ever, otherwise 2 to 86400.
   *
   * While the lock is held, a thread of the library renews the modification time of its file,
   * directory or symbolic link every third of the lease. A blocked main loop does not matter.
   * If the time stamp is older than the lease, whoever waits may take the lock over, on any
   * host. Ages are counted by the clock of the file server. A holder that could not renew the
   * lock in time, because it was stopped or suspended or could not reach the server, no longer
   * holds it: [property@LockFile:held] is %FALSE, and [signal@Lock::lost] is emitted, before
   * anybody else can have taken the lock.
   *
   * For a waiter, the lease of the holder counts. If a waiter has a lease, it also applies to
   * locks of other programs, which say nothing of a lease. A lock of this library without a
   * lease does not age. See [held locks](held-locks.html#leases).
   *
   * Only %LF_BACKEND_HARD_LINK, %LF_BACKEND_DIRECTORY, %LF_BACKEND_SYMLINK and
   * %LF_BACKEND_PID_FILE have leases, and none on Windows. A change takes effect with the next
   * acquire.
   *
   * Since: 1.0
   */
  props[PROP_LEASE_DURATION] =
    g_param_spec_double ("lease-duration", NULL, NULL, 0, MAX_LEASE_DURATION, 0,
                         G_PARAM_LAX_VALIDATION | /* the setter validates */
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:notice-delay: (getter get_notice_delay) (setter set_notice_delay)
   *
   * How long a wait takes before [signal@Lock::waiting] is emitted, in seconds.
   *
   * With a delay below 0, which is the default, the signal is not emitted. A change takes
   * effect with the next acquire.
   *
   * Since: 1.0
   */
  props[PROP_NOTICE_DELAY] =
    g_param_spec_double ("notice-delay", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, -1,
                         G_PARAM_LAX_VALIDATION | /* the setter validates */
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockFile:held: (getter is_held)
   *
   * Whether this object holds the lock.
   *
   * It changes, and is notified, where an operation reports: before a synchronous call
   * returns, and before the callback of an asynchronous one. If a
   * monitored lock is lost, it is %FALSE at once, and is notified before
   * [signal@Lock::lost] is emitted. Dropping the last reference of an object that
   * holds its lock emits no notification.
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
  self->notice_delay = -1;
}

/**
 * lf_lock_file_new:
 * @path: (type filename): path of the lock file
 *
 * Makes an object for the lock of a file. Nothing happens to the file yet.
 *
 * Whether the path can be used is reported when the lock is acquired. To choose a
 * backend, use [ctor@LockFile.new_with_backend]. Set other properties before you
 * acquire the lock.
 *
 * Returns: (transfer full): a new lock file with %LF_BACKEND_AUTO that locks
 *   exclusively and waits forever
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
 * Such a document cannot be its own lock, since a new, unlocked file would take its
 * place. The lock is a file beside the document, `.NAME.lock`, which exists only while
 * a program holds the lock or waits for it ([property@LockFile:remove-on-release]).
 *
 * All names that symbolic links give a document share one lock. The links are followed
 * once, in this call, even if the document does not exist yet.
 * [method@LockFile.get_document] is what they lead to. Save there, in a way that keeps
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
 * If you may not create files in the document's directory, or it is on a read-only file
 * system, the lock is in `lockfile-glib` in your runtime directory (`XDG_RUNTIME_DIR`;
 * if that is not set, `/run/user/UID` or else your cache directory). There it excludes
 * only your own programs: neither other users, nor programs that may create files
 * beside the document. A sandbox often has another runtime directory.
 *
 * If the name of the lock would be too long, it contains a SHA-256 hash in place of the
 * document's name. Hard links are separate documents, each with a lock of its own.
 *
 * This looks at the file system, in the calling thread, but creates nothing. It fails
 * if the document has no local path (%G_IO_ERROR_INVALID_FILENAME), its directory does
 * not exist (%G_IO_ERROR_NOT_FOUND), links form a circle (%G_IO_ERROR_TOO_MANY_LINKS),
 * or the system does not let you look (%G_IO_ERROR_PERMISSION_DENIED, ...). On Windows,
 * dangling links are not followed.
 *
 * Returns: (transfer full): a new lock file, as from [ctor@LockFile.new], but with
 *   [property@LockFile:remove-on-release]
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
 * Makes an object for the lock of an open descriptor. The file is not opened again. The
 * descriptor may be inherited, or passed by systemd or over a socket, with or without the
 * lock.
 *
 * The object does not find out by itself whether the descriptor already has the lock. Call
 * [method@LockFile.try_acquire], which then succeeds at once. The lock belongs to the open
 * file description, which all duplicates of the descriptor share, including those of other
 * processes. Duplicates do not exclude each other, and a release applies to all of them. A
 * failed attempt can lose a lock that the descriptor had in another mode.
 *
 * The lock is that of the open file, even if another file is at its path by now. The file is
 * never removed. [method@LockFile.get_path] returns the path that the system knew for the
 * descriptor when the object was made. After a release the object keeps the descriptor, and
 * can acquire the lock again. The descriptor is closed with the object, unless
 * [method@LockFile.steal_fd] takes it. It is closed when a program is executed.
 *
 * The errors are:
 *
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED: any other backend, %LF_BACKEND_FCNTL on a system without
 *   locks of open file descriptions, or Windows
 * - %LF_BACKEND_ERROR_INVALID_LOCK_FILE: the descriptor is neither that of a regular file nor,
 *   with %LF_BACKEND_FLOCK, of a directory
 * - %G_IO_ERROR_FAILED: the descriptor is not open
 *
 * After an error the descriptor still belongs to the caller.
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
 * Gets the document that the lock is for, behind all links. Save the document there.
 *
 * Returns: (transfer full) (nullable): a new file, or %NULL if the object was not made
 *   by [ctor@LockFile.new_for_document]
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
 * It takes effect with the next acquire: locks and waits keep the mode that they began
 * with.
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
 * Gets how long to wait for the lock.
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
 * Sets how long to wait for the lock, from the next call on. Waits that have already
 * begun keep their timeout.
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

/* Whether the lock is the existence of something at the path. */
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
 * Gets whether the file is removed when the lock is released. This is always %TRUE if
 * the lock is the existence of the file.
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

/* The setter for all boolean properties. */
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
 * Gets whether missing parent directories are created.
 *
 * Returns: %TRUE if they are created
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
 * @create_parents: whether to create them
 *
 * Sets whether missing parent directories are created when acquiring.
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
 * Gets whether the record of a lock is written to the disk before the lock is visible.
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
 * @durable: whether to write it to the disk
 *
 * Sets whether the record of a lock is written to the disk before the lock is visible.
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
 * Gets the permission bits of a file that acquiring creates.
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
 * @file_mode: the bits, before the umask; bits other than 07777 are ignored
 *
 * Sets the permission bits of a file that acquiring creates.
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
 * Gets the longest time between two polls if nothing can wake a waiter.
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
 * @poll_interval: the time in seconds; limited to 0.001 to 3600
 *
 * Sets the longest time between two polls if nothing can wake a waiter.
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
 * Gets the programs that the lock must exclude at least.
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
 * Sets the programs that the lock must exclude at least, from the next acquire on.
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
 * Gets whether a shared lock may be made exclusive.
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
 * Sets whether a shared lock may be made exclusive, from the next acquire on.
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
 * lf_lock_file_get_monitor: (get-property monitor)
 * @self: a lock file
 *
 * Gets whether the lock is monitored while it is held.
 *
 * Returns: %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_get_monitor (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->monitor;
}

/**
 * lf_lock_file_set_monitor: (set-property monitor)
 * @self: a lock file
 * @monitor: whether to monitor it
 *
 * Sets whether the lock is monitored while it is held, for [signal@Lock::lost]. It takes
 * effect with the next acquire.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_monitor (LfLockFile *self,
                          gboolean    monitor)
{
  g_return_if_fail (LF_IS_LOCK_FILE (self));

  lf_lock_file_set_boolean (self, &self->monitor, monitor, PROP_MONITOR);
}

/**
 * lf_lock_file_get_lease_duration: (get-property lease-duration)
 * @self: a lock file
 *
 * Gets how long the lock is kept for a holder that does not renew it.
 *
 * Returns: the time in seconds; 0 means for ever
 *
 * Since: 1.0
 */
double
lf_lock_file_get_lease_duration (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), 0);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->lease_duration;
}

/**
 * lf_lock_file_set_lease_duration: (set-property lease-duration)
 * @self: a lock file
 * @lease_duration: the time in seconds; above 0, limited to 2 to 86400; otherwise, or not a
 *   number, for ever
 *
 * Sets how long the lock is kept for a holder that does not renew it, from the next acquire
 * on.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_lease_duration (LfLockFile *self,
                                 double      lease_duration)
{
  gboolean changed;

  g_return_if_fail (LF_IS_LOCK_FILE (self));

  lease_duration = lease_duration > 0
                   ? CLAMP (lease_duration, MIN_LEASE_DURATION, MAX_LEASE_DURATION) : 0;

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = self->lease_duration != lease_duration;
  self->lease_duration = lease_duration;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LEASE_DURATION]);
}

/**
 * lf_lock_file_get_notice_delay: (get-property notice-delay)
 * @self: a lock file
 *
 * Gets how long a wait takes before [signal@Lock::waiting] is emitted.
 *
 * Returns: the time in seconds; below 0 means never
 *
 * Since: 1.0
 */
double
lf_lock_file_get_notice_delay (LfLockFile *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (LF_IS_LOCK_FILE (self), -1);

  locker = g_mutex_locker_new (lf_lock_file_get_mutex (self));
  return self->notice_delay;
}

/**
 * lf_lock_file_set_notice_delay: (set-property notice-delay)
 * @self: a lock file
 * @notice_delay: the time in seconds; below 0, or not a number, means never
 *
 * Sets how long a wait takes before [signal@Lock::waiting] is emitted, from the next
 * acquire on.
 *
 * Since: 1.0
 */
void
lf_lock_file_set_notice_delay (LfLockFile *self,
                               double      notice_delay)
{
  gboolean changed;

  g_return_if_fail (LF_IS_LOCK_FILE (self));

  if (isnan (notice_delay))
    notice_delay = -1;

  g_mutex_lock (lf_lock_file_get_mutex (self));
  changed = self->notice_delay != notice_delay;
  self->notice_delay = notice_delay;
  g_mutex_unlock (lf_lock_file_get_mutex (self));

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_NOTICE_DELAY]);
}

/**
 * lf_lock_file_acquire:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Acquires the lock. Waits for it as long as [property@LockFile:timeout] allows.
 *
 * If the calling thread already holds the object's lock, this succeeds at once and is
 * not counted. If another thread holds the lock through this object, this waits until
 * that thread has released it, as for any other holder. This does not iterate any main
 * context while it waits, so in a program with windows use
 * [method@LockFile.acquire_async].
 *
 * The errors are:
 *
 * - %LF_LOCK_ERROR_ALREADY_LOCKED: somebody holds the lock and the timeout is 0
 * - %LF_LOCK_ERROR_TIMED_OUT: somebody held the lock until the timeout expired, or the
 *   file system did not answer
 * - %LF_LOCK_ERROR_WOULD_DEADLOCK: this thread holds the lock through another object,
 *   neither a timeout nor a cancellable could end the wait, and no other thread exists
 *   that could release the lock. On systems other than Linux, other threads are not
 *   considered
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED: this backend, or its shared mode, is not available
 *   in this build or on this file system, or it has no leases
 * - %LF_LOCK_ERROR_FAILED: any other failure of the wait, such as no thread for it
 * - %LF_BACKEND_ERROR_INVALID_LOCK_FILE: the path has something that cannot be a lock
 *   of this backend, such as a symbolic link, a FIFO, a socket, a device or, except
 *   with %LF_BACKEND_FLOCK and %LF_BACKEND_DIRECTORY, a directory; with
 *   %LF_BACKEND_SQLITE, a file that is not a database. It is left alone
 * - %LF_BACKEND_ERROR_FAILED: any other failure of this backend, for example if the
 *   system has no more locks
 * - %G_IO_ERROR_CANCELLED: @cancellable was cancelled; the lock is not held
 * - %G_IO_ERROR_PENDING: this would wait for an asynchronous operation of the object
 *   that is reported in a main context of the calling thread
 * - %G_IO_ERROR_INVALID_FILENAME: there is no path, or an empty one
 * - %G_IO_ERROR_INVALID_ARGUMENT: the timeout is not a number
 * - the error of opening the path, such as %G_IO_ERROR_NOT_FOUND,
 *   %G_IO_ERROR_PERMISSION_DENIED or %G_IO_ERROR_READ_ONLY
 *
 * The messages of the first two errors name the holder only if the attempt learned it,
 * such as from a lock that is a file. [method@LockFile.query_holder] searches for the
 * holder, which can take much longer than the attempt.
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
 * Acquires the lock if that is possible at once, as [method@LockFile.acquire] does with
 * a timeout of 0, and with the same errors.
 *
 * If a file system does not answer, this may still take long. From a main loop, call
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

/* If @timeout is NULL, the property applies. */
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

  /* The same tag for everything that acquire_finish() finishes */
  g_task_set_source_tag (task, lf_lock_file_acquire_async);
  g_task_set_name (task, "[lockfile-glib] acquire");
  g_task_set_priority (task, io_priority);

  if (g_task_return_error_if_cancelled (task))
    return;

  /* The acquisition decides, once. Otherwise GTask could report a granted lock as
   * cancelled, and nobody would release it */
  g_task_set_check_cancellable (task, FALSE);

  if (lf_claims_forget_lost (self->claims, FALSE))
    lf_lock_file_notify_held (self);

  acquisition = lf_lock_file_new_acquisition (self, timeout, task, cancellable, &error);
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
static gssize
lf_lock_file_finish_acquire (LfLockFile    *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  LfAcquisition *acquisition;
  LossReport *report;
  gssize grant;

  g_return_val_if_fail (g_task_is_valid (result, self), 0);
  g_return_val_if_fail (g_async_result_is_tagged (result, lf_lock_file_acquire_async), 0);

  acquisition = g_task_get_task_data (G_TASK (result));
  report = g_object_get_data (G_OBJECT (result), LOSS_REPORT);
  grant = g_task_propagate_int (G_TASK (result), error);

  /* A process that was forked since then does not have the lock */
  if (grant > 0 && !lf_acquisition_is_own (acquisition))
    {
      g_propagate_error (error, lf_acquisition_new_inherited_error (acquisition));
      return 0;
    }

  if (grant > 0 && report != NULL)
    loss_report_move (report);

  return MAX (grant, 0);
}

/**
 * lf_lock_file_acquire_async:
 * @self: a lock file
 * @io_priority: priority of the callback, such as %G_PRIORITY_DEFAULT
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the lock is acquired, or with an
 *   error
 * @user_data: data for @callback
 *
 * Starts to acquire the lock. Waits for it as long as [property@LockFile:timeout] allows.
 *
 * Each call is a claim of its own. If the object already holds the lock or waits for
 * it, the claim queues, first come, first served, and completes after the release
 * before it. Its timeout counts from this call.
 *
 * The calling thread is never blocked, not even by a file system that does not answer,
 * and @callback is never called before this returns. Cancelling @cancellable ends the
 * wait at once. If it comes after the lock was granted but before that was reported,
 * the lock is released and %G_IO_ERROR_CANCELLED is reported. So an error always means
 * that the lock is not held. If a file system has not answered for a second after the
 * cancel, the cancel is reported anyway, and a later grant is released.
 *
 * If the caller drops its last reference before the report, the operation still
 * completes, and then the lock is released with the object.
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
 * @callback: (scope async) (nullable): called when the lock is acquired, or with an
 *   error
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

  return lf_lock_file_finish_acquire (self, result, error) > 0;
}

/**
 * lf_lock_file_acquire_with_timeout_finish:
 * @self: a lock file
 * @result: the result that the callback got
 * @error: return location for an error
 *
 * Finishes [method@LockFile.acquire_with_timeout_async], as
 * [method@LockFile.acquire_finish] does. Language bindings look for a function with
 * this name.
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
 *   file has been removed or renamed since, and what the lock protected is suspect. If
 *   a file was moved together with its directory, this may go unnoticed
 * - %LF_UNLOCK_ERROR_NOT_MY_LOCK: somebody else holds the lock: another object, the
 *   next holder after the file was removed or renamed, or the process that this one was
 *   forked from
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
 * lf_lock_file_verify:
 * @self: a lock file
 * @error: return location for an error
 *
 * Checks whether this object still holds the lock and the lock still excludes others.
 *
 * The check is cheap: the path must still lead to the locked file, and the descriptor that
 * holds the lock must still be open. With %LF_BACKEND_SQLITE, the kernel's list of locks is
 * read, too. For an object from [ctor@LockFile.new_for_fd] the path is not checked. If the
 * lock is lost, [property@LockFile:held] becomes %FALSE, which is notified before this
 * returns, and the object's next claim begins. To be told of a loss at once, set
 * [property@LockFile:monitor].
 *
 * The errors are:
 *
 * - %LF_UNLOCK_ERROR_NOT_LOCKED: the lock was lost and nobody holds it, or this object did not
 *   hold it
 * - %LF_UNLOCK_ERROR_NOT_MY_LOCK: the lock was lost and somebody else holds it, or the process
 *   that this one was forked from holds it
 * - the error of the check, such as %G_IO_ERROR_TOO_MANY_OPEN_FILES, or that of a server that
 *   does not answer: it is not known whether the lock was lost, and the object still holds it
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED, %G_IO_ERROR_INVALID_FILENAME: this backend is not
 *   available, or nothing can be locked at this path
 *
 * Returns: %TRUE if the lock is held, %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_verify (LfLockFile  *self,
                     GError     **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (lf_lock_file_get_usable_backend (self, error) == NULL)
    return FALSE;

  switch (lf_claims_verify (self->claims, error))
    {
    case LF_CLAIMS_STILL_HELD:
      return TRUE;

    case LF_CLAIMS_LOST:
      lf_lock_file_notify_held (self);
      return FALSE;

    case LF_CLAIMS_NOT_VERIFIED:
      return FALSE;

    case LF_CLAIMS_PARENTS:
      set_inherited_error (self->path, lf_claims_get_inherited_pid (self->claims), error);
      return FALSE;

    case LF_CLAIMS_NONE:
    default:
      lf_operations_set_not_locked_error (self->path, error);
      return FALSE;
    }
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
 * Gets whether the calling thread holds the lock, through this object or another one.
 * Checks which file is at the path, but not its lock.
 *
 * A thread that holds the lock and waits forever to acquire it through another object
 * waits for itself. [method@LockFile.acquire] then fails with
 * %LF_LOCK_ERROR_WOULD_DEADLOCK, but not if it has a cancellable, which could end the
 * wait. If your cancellable serves another purpose, call this first.
 *
 * The thread that holds a lock is the one in which the acquire was reported. To ignore
 * other objects, call [method@LockFile.is_acquired_by_thread].
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
 * Gets whether this object holds the lock, acquired by the calling thread. The file is
 * not checked.
 *
 * If so, [method@LockFile.acquire] succeeds at once and is not counted. Call this
 * before a block that releases the lock at its end: a lock that was held before the
 * block must not be released by the block.
 *
 * The thread that acquired a lock is the one in which the acquire was reported.
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_acquired_by_thread (LfLockFile *self)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), FALSE);

  return lf_claims_is_held_here (self->claims) && lf_claims_is_held (self->claims);
}

/* What a query or a break needs of the lock file. It may outlive the lock file, in a
 * thread. */
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

/**
 * lf_lock_file_is_locked:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Checks whether anybody holds the lock, including this object.
 *
 * The answer may be outdated when it arrives; to get the lock, acquire it. If the
 * kernel does not list all locks (in containers, on FUSE, on systems other than Linux),
 * this acquires a free lock of %LF_BACKEND_FLOCK for a moment, in which another
 * program's attempt can fail. The same is true for a lock of %LF_BACKEND_LOCK_FILE_EX,
 * and for one of %LF_BACKEND_SQLITE on systems other than Linux. No other check has
 * such an effect.
 *
 * An error cannot be mistaken for a free lock: the result is then %TRUE, even if @error
 * is %NULL. %FALSE always means that nobody holds the lock.
 *
 * The errors are those of [method@LockFile.query_holder].
 *
 * Returns: %FALSE if nobody holds the lock; %TRUE if somebody does, or with @error set
 *   if that could not be checked
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_locked (LfLockFile    *self,
                        GCancellable  *cancellable,
                        GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), TRUE);

  return lf_lock_is_locked (LF_LOCK (self), cancellable, error);
}

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

  lf_lock_is_locked_async (LF_LOCK (self), io_priority, cancellable, callback, user_data);
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
 *   if that could not be checked
 *
 * Since: 1.0
 */
gboolean
lf_lock_file_is_locked_finish (LfLockFile    *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_return_val_if_fail (LF_IS_LOCK_FILE (self), TRUE);

  return lf_lock_is_locked_finish (LF_LOCK (self), result, error);
}

/**
 * lf_lock_file_query_holder:
 * @self: a lock file
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Finds out who holds the lock, which may be this object.
 *
 * On Linux, the holder of an %LF_BACKEND_FLOCK lock is the process that `/proc/locks`
 * names. For %LF_BACKEND_FCNTL and %LF_BACKEND_SQLITE, the kernel names the holder of a
 * POSIX lock. If the kernel names no process, or one that has ended and left the lock
 * to others, the holder is a process that has the file open. Finding it means reading
 * the descriptors of all processes that may be read. With thousands of processes this
 * takes many milliseconds, so use the asynchronous call from a main loop.
 *
 * A lock that is a file contains its holder's PID and host. If that process is proved
 * dead, nobody holds the lock.
 *
 * If the holder is not visible from here, or has not recorded its identity, its PID is
 * 0. If several holders share the lock, one of them is returned.
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

static gpointer
query_holder_thread (gpointer   data,
                     GError   **error)
{
  Query *query = data;
  LfLockHolder *holder = NULL;

  lf_operations_query_holder (query->backend, query->path, &holder, error);

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
 * Finds out which programs a lock of this backend on the path excludes, from the type
 * and the mount options of the file system.
 *
 * On a file system that several hosts share, kernel locks may be known only to this
 * host. Linux lists a mount option for that, such as `local_lock=` of NFS, `nobrl` of
 * CIFS or `localflock` of Lustre. If there is no such option, for example with FUSE,
 * with file systems of virtual machines and on systems other than Linux, the scope is
 * %LF_LOCK_SCOPE_UNKNOWN. The mount options of other hosts are not known.
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
 * Starts to find out which programs a lock excludes, as [method@LockFile.query_scope]
 * does, without file operations in the calling thread.
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
 * Removes the lock of its holder, so that it can be acquired.
 *
 * Call this only at the request of a user who knows that the holder will never
 * continue. A holder that does continue is no longer excluded; its
 * [method@LockFile.release] then fails with %LF_UNLOCK_ERROR_NOT_LOCKED or
 * %LF_UNLOCK_ERROR_NOT_MY_LOCK. If the holder is proved dead, you need not break its
 * lock: the next claim takes it over.
 *
 * A lock that is a file is broken by removing the file, unless it cannot be a lock of
 * this backend. You must be allowed to read the file and, while its holder lives, to
 * write to it. A lock of %LF_BACKEND_FLOCK, %LF_BACKEND_FCNTL, %LF_BACKEND_LOCK_FILE_EX
 * or %LF_BACKEND_SQLITE is broken by removing the locked file: the next claim locks a
 * new one. Waiters that are already in the kernel's queue stay there until the old
 * holder ends. A file with content is not removed; this fails with
 * %LF_BACKEND_ERROR_INVALID_LOCK_FILE, as for anything else that must not be removed.
 * If nobody holds the lock, this does nothing.
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
 * Starts to break the lock, as [method@LockFile.break_lock] does, without file
 * operations in the calling thread.
 *
 * A cancel is reported at once, but cannot undo what was done: the lock may still be
 * broken.
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
 * Gets the descriptor of the locked file, for example to read and write a data file
 * that is itself the lock file.
 *
 * The descriptor belongs to the object: do not close it. It is valid until the lock is
 * released.
 *
 * %LF_BACKEND_FLOCK opens the file for reading, since flock(2) needs no more. With an
 * exclusive lock of %LF_BACKEND_FCNTL you can also write to the descriptor; with a
 * shared one it is for reading.
 *
 * %LF_BACKEND_FLOCK, %LF_BACKEND_FCNTL, %LF_BACKEND_LOCK_FILE_EX and
 * %LF_BACKEND_PID_FILE have a descriptor. With %LF_BACKEND_FCNTL, use this descriptor
 * for the data: on systems without open-file-description locks, closing another one
 * loses the lock.
 *
 * On Windows it is a descriptor of the C library that this library is linked with. A
 * program that is linked with another C library cannot use it.
 *
 * Returns: the descriptor, or -1 if the lock is not held or the backend has none
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
 * Takes the descriptor of the locked file out of the object, together with the lock.
 *
 * The object then holds nothing. It can acquire the lock again, and waits until the stolen lock
 * is released. An object from [ctor@LockFile.new_for_fd] has no descriptor left, and fails with
 * %G_IO_ERROR_CLOSED. The lock is held until the last duplicate of the descriptor is closed, in
 * any process, or until the descriptor is unlocked. So an executed program can inherit the lock
 * and hold it until it ends:
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
 * Such a lock is no longer checked or monitored, and the file is not removed. The descriptor is
 * closed when a program is executed, unless you pass it on, for example with
 * `g_subprocess_launcher_take_fd()`.
 *
 * %LF_BACKEND_FLOCK has such a descriptor, and so has %LF_BACKEND_FCNTL on systems with locks
 * of open file descriptions.
 *
 * Returns: the descriptor, which the caller must close, or -1 if the lock is not held or
 *   the backend has no such descriptor
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
  LfAttempt result = LF_ATTEMPT_ERROR;

  if (!lf_claims_convert (self->claims, mode, &result, error))
    {
      lf_operations_set_not_locked_error (self->path != NULL ? self->path : "", error);
      return FALSE;
    }

  if (result == LF_ATTEMPT_BUSY)
    {
      g_autofree char *display_name = lf_path_get_display_name (self->path);

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
 * Makes the held shared lock exclusive if nobody else shares it, without releasing it in
 * between.
 *
 * If this fails, the lock is still held, and still shared. An exclusive lock is not changed.
 *
 * No upgrade waits, because two holders that wait for each other would wait forever. Release
 * the lock, acquire an exclusive lock, and read the data again.
 *
 * [property@LockFile:mode] is not changed, and applies to the next acquire.
 *
 * The errors are:
 *
 * - %LF_LOCK_ERROR_ALREADY_LOCKED: others share the lock
 * - %LF_BACKEND_ERROR_NOT_SUPPORTED: the backend cannot do this, or the lock is not
 *   [property@LockFile:upgradable]. Only %LF_BACKEND_FCNTL can, on systems with locks of open
 *   file descriptions. flock(2) releases the shared lock before it acquires the exclusive one,
 *   and SQLite cannot make a transaction that has read exclude other readers
 * - %LF_UNLOCK_ERROR_NOT_LOCKED: this object holds no lock
 * - %LF_BACKEND_ERROR_FAILED: any other failure, for example because the system has no more
 *   locks
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
 * Makes the held exclusive lock shared, without releasing it in between: nobody can change
 * the data before others begin to read it.
 *
 * It does not wait. A shared lock is not changed. [method@LockFile.try_upgrade] can make the
 * lock exclusive again, even without [property@LockFile:upgradable].
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

static char *
lf_lock_file_get_display_name (LfLock *lock)
{
  const char *path = LF_LOCK_FILE (lock)->path;

  return lf_path_get_display_name (path != NULL ? path : "");
}

static gboolean
lf_lock_file_lock_is_held (LfLock *lock)
{
  return lf_lock_file_is_held (LF_LOCK_FILE (lock));
}

static gboolean
lf_lock_file_lock_is_acquired_by_thread (LfLock *lock)
{
  return lf_lock_file_is_acquired_by_thread (LF_LOCK_FILE (lock));
}

static gboolean
lf_lock_file_lock_verify (LfLock  *lock,
                          GError **error)
{
  return lf_lock_file_verify (LF_LOCK_FILE (lock), error);
}

static gboolean
lf_lock_file_lock_acquire (LfLock        *lock,
                           const double  *timeout,
                           gssize        *grant,
                           GCancellable  *cancellable,
                           GError       **error)
{
  return lf_lock_file_acquire_sync (LF_LOCK_FILE (lock), timeout, grant, cancellable, error);
}

static void
lf_lock_file_lock_acquire_async (LfLock              *lock,
                                 const double        *timeout,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  lf_lock_file_start_acquire (LF_LOCK_FILE (lock), timeout, io_priority, cancellable, callback,
                              user_data);
}

static gssize
lf_lock_file_lock_acquire_finish (LfLock        *lock,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  return lf_lock_file_finish_acquire (LF_LOCK_FILE (lock), result, error);
}

static gboolean
lf_lock_file_lock_release (LfLock  *lock,
                           gssize   grant,
                           GError **error)
{
  return lf_lock_file_release_grant (LF_LOCK_FILE (lock), grant, error);
}

static void
lf_lock_file_lock_release_async (LfLock              *lock,
                                 int                  io_priority,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  lf_lock_file_release_async (LF_LOCK_FILE (lock), io_priority, cancellable, callback, user_data);
}

static gboolean
lf_lock_file_lock_release_finish (LfLock        *lock,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  return lf_lock_file_release_finish (LF_LOCK_FILE (lock), result, error);
}

/* If the grant is no longer held, nobody has to know why. */
static void
lf_lock_file_lock_drop (LfLock *lock,
                        gssize  grant)
{
  LfLockFile *self = LF_LOCK_FILE (lock);
  Release release;

  if (!lf_lock_file_begin_release (self, grant, NULL, &release, NULL))
    return;

  if (release.begun == LF_CLAIMS_BEGUN)
    {
      lf_claims_wait_for_check (release.claims);
      release.result = lf_operations_abandon (release.handle);
      lf_lock_file_end_release (self, &release, FALSE);
    }
  release_clear (&release);
}

static LfLockHolder *
lf_lock_file_lock_query_holder (LfLock        *lock,
                                GCancellable  *cancellable,
                                GError       **error)
{
  return lf_lock_file_query_holder (LF_LOCK_FILE (lock), cancellable, error);
}

static void
lf_lock_file_lock_query_holder_async (LfLock              *lock,
                                      int                  io_priority,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  lf_lock_file_query_holder_async (LF_LOCK_FILE (lock), io_priority, cancellable, callback,
                                   user_data);
}

static LfLockHolder *
lf_lock_file_lock_query_holder_finish (LfLock        *lock,
                                       GAsyncResult  *result,
                                       GError       **error)
{
  return lf_lock_file_query_holder_finish (LF_LOCK_FILE (lock), result, error);
}

static gboolean
lf_lock_file_lock_break_lock (LfLock        *lock,
                              GCancellable  *cancellable,
                              GError       **error)
{
  return lf_lock_file_break_lock (LF_LOCK_FILE (lock), cancellable, error);
}

static void
lf_lock_file_lock_break_lock_async (LfLock              *lock,
                                    int                  io_priority,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  lf_lock_file_break_lock_async (LF_LOCK_FILE (lock), io_priority, cancellable, callback,
                                 user_data);
}

static gboolean
lf_lock_file_lock_break_lock_finish (LfLock        *lock,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  return lf_lock_file_break_lock_finish (LF_LOCK_FILE (lock), result, error);
}

static void
lf_lock_file_lock_init (LfLockInterface *iface)
{
  iface->get_display_name = lf_lock_file_get_display_name;
  iface->is_held = lf_lock_file_lock_is_held;
  iface->is_acquired_by_thread = lf_lock_file_lock_is_acquired_by_thread;
  iface->verify = lf_lock_file_lock_verify;
  iface->acquire = lf_lock_file_lock_acquire;
  iface->acquire_async = lf_lock_file_lock_acquire_async;
  iface->acquire_finish = lf_lock_file_lock_acquire_finish;
  iface->release = lf_lock_file_lock_release;
  iface->release_async = lf_lock_file_lock_release_async;
  iface->release_finish = lf_lock_file_lock_release_finish;
  iface->drop = lf_lock_file_lock_drop;
  iface->query_holder = lf_lock_file_lock_query_holder;
  iface->query_holder_async = lf_lock_file_lock_query_holder_async;
  iface->query_holder_finish = lf_lock_file_lock_query_holder_finish;
  iface->break_lock = lf_lock_file_lock_break_lock;
  iface->break_lock_async = lf_lock_file_lock_break_lock_async;
  iface->break_lock_finish = lf_lock_file_lock_break_lock_finish;
}
