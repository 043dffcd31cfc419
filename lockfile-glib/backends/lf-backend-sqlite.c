/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <sqlite3.h>

#include "backends/lf-kernel-file-private.h"
#include "lf-errors.h"
#include "os/lf-descriptor-private.h"
#include "os/lf-fcntl-private.h"
#include "os/lf-kernel-locks-private.h"
#include "os/lf-own-locks-private.h"
#include "os/lf-path-private.h"
#include "os/lf-process-private.h"
#include "os/lf-translate-private.h"
#include "backends/lf-unix-file-private.h"

/* A transaction on a connection of its own. It is always rolled back, so nothing is written
 * to the database.
 *
 * SQLite's locks are POSIX locks: closing any descriptor of the file would release them. So
 * only SQLite opens a database. A forked child must not touch a connection, not even to
 * close it. It also must not open another one, since SQLite in the child believes that the
 * parent's locks are its own. */

/* How often in a row the file may turn out to be replaced. */
#define MAX_ROUNDS 1000

/* Two simultaneous attempts can both fail, since each of them has a lesser lock for a
 * moment. So a busy attempt is repeated this many times, which takes some ten microseconds. */
#define MAX_COLLISIONS 20

typedef struct
{
  sqlite3 *db;
  int fd; /* SQLite's, or -1 if it reused an older one: it does not say which */
  gboolean prepared;
  gboolean held;
  gboolean exclusive;
} Connection;

/* The one that uses fcntl(2) locks. Programs and libraries in this process may have changed
 * the default. */
#define VFS "unix"

/* The bytes that SQLite locks for readers, and for a writer that excludes them. */
#define SHARED_START 0x40000002
#define SHARED_LENGTH 510

/* How far to search for a descriptor if the system does not list them. */
#define MAX_DESCRIPTORS 65536

/* The connections of a process.
 *
 * When SQLite closes a connection, it checks whether other connections have locks on the
 * same file, and then closes its descriptor. A connection that takes its lock between these
 * two steps would lose it. So the mutex is held over both steps, and over everything else
 * that SQLite does with locks. Only SQLite's own mutexes, and that of
 * os/lf-kept-descriptors.c, are locked while it is held. */
typedef struct
{
  GMutex mutex;
  int n_connections; /* atomic: a forked child reads it without the mutex */
  GArray *abandoned; /* FileId: SQLite believes that these are locked until the process ends */
} Connections;

typedef struct
{
  guint64 device;
  guint64 inode;
} FileId;

static gpointer
connections_new (void)
{
  Connections *self = g_new0 (Connections, 1);

  g_mutex_init (&self->mutex);
  self->abandoned = g_array_new (FALSE, FALSE, sizeof (FileId));

  return self;
}

static Connections *
get_connections (void)
{
  return lf_process_get_state (LF_PROCESS_CONNECTIONS, connections_new);
}

static Connections *
lock_connections (void)
{
  Connections *self = get_connections ();

  g_mutex_lock (&self->mutex);

  return self;
}

/* With the mutex held. */
static gboolean
is_abandoned (Connections       *self,
              const struct stat *file_stat)
{
  for (guint i = 0; i < self->abandoned->len; i++)
    {
      const FileId *id = &g_array_index (self->abandoned, FileId, i);

      if (id->device == file_stat->st_dev && id->inode == file_stat->st_ino)
        return TRUE;
    }

  return FALSE;
}

static int
collided_cb (void *data,
             int   n_times)
{
  g_thread_yield ();

  return n_times < MAX_COLLISIONS;
}

static Connection *
connection_new (void)
{
  g_atomic_int_inc (&get_connections ()->n_connections);

  return g_new0 (Connection, 1);
}

/* With the mutex held. */
static void
connection_free (Connection *connection)
{
  sqlite3_close (connection->db);
  g_atomic_int_add (&get_connections ()->n_connections, -1);
  g_free (connection);
}

/* With errno. Checks with the effective user, as opening does; access() would check with
 * the real user. */
static gboolean
can_write (const char *path)
{
  return faccessat (AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/* Any other error of SQLite, in SQLite's words. */
static void
set_sqlite_error (GError     **error,
                  const char  *path,
                  sqlite3     *db,
                  int          result)
{
  g_autofree char *display_name = lf_path_get_display_name (path);
  int saved_errno = sqlite3_system_errno (db);

  switch (result)
    {
    case SQLITE_IOERR_LOCK:
    case SQLITE_IOERR_RDLOCK:
    case SQLITE_IOERR_UNLOCK:
    case SQLITE_IOERR_CHECKRESERVEDLOCK:
      lf_unix_file_set_lock_error (error, &lf_backend_sqlite, path, saved_errno);
      return;

    default:
      break;
    }

  switch (result & 0xff)
    {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("%s is not a lock: %s"), display_name, sqlite3_errstr (result));
      break;

    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_FULL:
      if (saved_errno == 0 && !can_write (path))
        saved_errno = errno;
      if (saved_errno != 0)
        {
          lf_unix_file_set_path_error (error, path, saved_errno);
          break;
        }
      G_GNUC_FALLTHROUGH;

    default:
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_FAILED,
                   _("Cannot lock %s: %s"), display_name, sqlite3_errstr (result));
    }
}

/* Returns 0 or an errno. The file must not be opened here: before it were closed, another
 * thread might connect to it. */
static int
make_empty_file (const LfRequest *request)
{
  mode_t mode = S_IFREG | ((mode_t) request->file_mode & 07777);

  return mknod (request->path, mode, 0) == 0 ? 0 : errno;
}

/* Makes an empty file, which is an empty database, if there is no file. Permissions and
 * errors are the same as for other backends' files. */
static gboolean
make_file (const LfRequest  *request,
           GError          **error)
{
  struct stat path_stat;
  gboolean exists;
  int result;

  if (!lf_unix_file_check (request->path, &path_stat, &exists, error))
    return FALSE;

  /* SQLite considers a file of one byte empty */
  if (exists && path_stat.st_size == 1)
    {
      g_autofree char *display_name = lf_path_get_display_name (request->path);

      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE,
                   _("%s is not a lock: %s"), display_name, sqlite3_errstr (SQLITE_NOTADB));
      return FALSE;
    }

  if (exists)
    return TRUE;

  result = make_empty_file (request);
  if (result == ENOENT && request->create_parents)
    {
      g_autofree char *parent = g_path_get_dirname (request->path);

      result = g_mkdir_with_parents (parent, 0777) == 0 ? make_empty_file (request) : errno;
    }

  if (result != 0 && result != EEXIST)
    {
      lf_unix_file_set_path_error (error, request->path, result);
      return FALSE;
    }

  return TRUE;
}

/* SQLite's own option to refuse symbolic links applies to all parts of a path, not only to
 * the last one. NULL with errno. */
static char *
resolve_directory (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *base_name = g_path_get_basename (path);
  char *resolved = realpath (directory, NULL);
  char *result;

  if (resolved == NULL)
    return NULL;

  result = g_build_filename (resolved, base_name, NULL);
  free (resolved);

  return result;
}

static void
count_inherited (gpointer inherited,
                 gpointer count)
{
  Connections *connections = inherited;

  *(int *) count += g_atomic_int_get (&connections->n_connections);
}

static gboolean
has_connections_of_ancestor (void)
{
  int count = 0;

  lf_process_foreach_inherited (LF_PROCESS_CONNECTIONS, count_inherited, &count);

  return count > 0;
}

/* The number that the next descriptor gets, unless another thread takes it first; or -1.
 * Uses a pipe, since closing one releases no lock. */
static int
get_next_descriptor (void)
{
  int ends[2];

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, NULL))
    return -1;

  lf_close (ends[0]);
  lf_close (ends[1]);

  return ends[0];
}

static Connection *
connect_to (const char  *path,
            GError     **error)
{
  g_autofree char *resolved_path = resolve_directory (path);
  int fillers[LF_N_STREAMS];
  Connection *connection;
  int result;

  if (resolved_path == NULL)
    {
      lf_unix_file_set_path_error (error, path, errno);
      return NULL;
    }

  if (has_connections_of_ancestor ())
    {
      g_autofree char *display_name = lf_path_get_display_name (path);

      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                   _("Cannot lock %s with SQLITE in a process that was forked while its parent "
                     "had such a lock; %s works there"),
                   display_name, lf_backend_get_name (lf_backend_resolve (LF_BACKEND_AUTO)));
      return NULL;
    }

  /* If SQLite gets one of the standard descriptors, it closes it again, and so would
   * release the lock that another connection has on the file */
  lf_descriptor_fill_streams (fillers);
  connection = connection_new ();
  connection->fd = get_next_descriptor ();
  result = sqlite3_open_v2 (resolved_path, &connection->db,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX |
                            SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW, VFS);
  lf_descriptor_empty_streams (fillers);
  if (result == SQLITE_OK)
    {
      sqlite3_busy_handler (connection->db, collided_cb, NULL);
      sqlite3_extended_result_codes (connection->db, TRUE);
      return connection;
    }

  set_sqlite_error (error, path, connection->db, result);
  connection_free (connection);

  return NULL;
}

static void
roll_back (Connection *connection)
{
  sqlite3_exec (connection->db, "ROLLBACK", NULL, NULL, NULL);
  connection->held = FALSE;
}

static int
is_wal_cb (void  *data,
           int    n_columns,
           char **values,
           char **names)
{
  *(gboolean *) data = n_columns == 1 && g_strcmp0 (values[0], "wal") == 0;

  return 0;
}

/* A read transaction begins with the first read. */
static int
begin (Connection *connection,
       LfLockMode  mode)
{
  int result;

  if (mode == LF_LOCK_MODE_EXCLUSIVE)
    return sqlite3_exec (connection->db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);

  result = sqlite3_exec (connection->db, "BEGIN", NULL, NULL, NULL);
  if (result == SQLITE_OK)
    result = sqlite3_exec (connection->db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
  if (result != SQLITE_OK)
    roll_back (connection);

  return result;
}

/* With a write-ahead log, readers and a writer do not exclude each other. The answer is
 * reliable only in a transaction. */
static int
look_for_wal (Connection *connection,
              gboolean   *is_wal)
{
  return sqlite3_exec (connection->db, "PRAGMA journal_mode", is_wal_cb, is_wal, NULL);
}

/* Keeps the journal of this connection in memory: otherwise beginning a write to an empty
 * database would make a file for it. This would end write-ahead logging of a database,
 * except in a transaction. */
static int
prepare (Connection *connection,
         gboolean   *is_wal)
{
  int result = begin (connection, LF_LOCK_MODE_SHARED);

  if (result != SQLITE_OK)
    return result;

  result = look_for_wal (connection, is_wal);
  if (result == SQLITE_OK && !*is_wal)
    result = sqlite3_exec (connection->db, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL);
  roll_back (connection);
  connection->prepared = result == SQLITE_OK;

  return result;
}

/* Checks again, since another program may have changed the database after prepare(). */
static int
begin_prepared (Connection *connection,
                LfLockMode  mode,
                gboolean   *is_wal)
{
  int result = begin (connection, mode);

  if (result != SQLITE_OK)
    return result;

  result = look_for_wal (connection, is_wal);
  if (result != SQLITE_OK || *is_wal)
    roll_back (connection);

  return result;
}

/* Whether a security module refused, or the system has no more locks. */
static gboolean
is_refusal (int saved_errno)
{
  return saved_errno == ENOLCK || (saved_errno == EACCES && !lf_fcntl_is_contention (saved_errno));
}

static LfAttempt
attempt_once (Connection       *connection,
              const LfRequest  *request,
              GError          **error)
{
  g_autofree char *display_name = NULL;
  gboolean is_wal = FALSE;
  int result = SQLITE_OK;

  if (request->mode == LF_LOCK_MODE_EXCLUSIVE && sqlite3_db_readonly (connection->db, "main") == 1)
    {
      set_sqlite_error (error, request->path, connection->db, SQLITE_READONLY);
      return LF_ATTEMPT_ERROR;
    }

  errno = 0;
  if (!connection->prepared)
    result = prepare (connection, &is_wal);
  if (result == SQLITE_OK && !is_wal)
    {
      errno = 0;
      result = begin_prepared (connection, request->mode, &is_wal);
    }
  if (result == SQLITE_OK && is_wal)
    {
      display_name = lf_path_get_display_name (request->path);
      g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
                   _("The database %s has a write-ahead log, with which readers and a writer do "
                     "not exclude each other"), display_name);
      return LF_ATTEMPT_ERROR;
    }

  /* SQLite reports some failures as contention or as a wrong file mode; errno has the real
   * reason */
  if (((result & 0xff) == SQLITE_BUSY && is_refusal (errno)) || (result & 0xff) == SQLITE_PERM)
    {
      lf_unix_file_set_lock_error (error, &lf_backend_sqlite, request->path, errno);
      return LF_ATTEMPT_ERROR;
    }
  if ((result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED)
    return LF_ATTEMPT_BUSY;
  if (result != SQLITE_OK)
    {
      set_sqlite_error (error, request->path, connection->db, result);
      return LF_ATTEMPT_ERROR;
    }

  connection->held = TRUE;
  connection->exclusive = request->mode == LF_LOCK_MODE_EXCLUSIVE;
  return LF_ATTEMPT_GRANTED;
}

/* Sets @is_unsure if the descriptor may be of any file. */
static gboolean
is_of_file (int       fd,
            guint64   device,
            guint64   inode,
            gboolean *is_unsure)
{
  struct stat file_stat;

  if (fstat (fd, &file_stat) == 0)
    return file_stat.st_dev == device && file_stat.st_ino == inode;

  *is_unsure |= errno != EBADF;

  return FALSE;
}

/* Finds an open descriptor of the file, since a new one would have to be closed. The limit
 * of descriptors is not used: it may have been lowered. -1 if there is none, or if
 * @is_unsure is set. */
static int
find_descriptor (guint64   device,
                 guint64   inode,
                 gboolean *is_unsure)
{
  g_autoptr (GDir) descriptors = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;

  while (descriptors != NULL && (name = g_dir_read_name (descriptors)) != NULL)
    {
      if (is_of_file (atoi (name), device, inode, is_unsure))
        return atoi (name);
    }

  for (int fd = STDERR_FILENO + 1; descriptors == NULL && fd < MAX_DESCRIPTORS; fd++)
    {
      if (is_of_file (fd, device, inode, is_unsure))
        return fd;
    }

  return -1;
}

/* A descriptor to test the file's locks with. Sets @is_closed if there certainly is none,
 * because the program has closed SQLite's. Its number may now belong to another file, which
 * SQLite would unlock and close. */
static int
get_descriptor (const LfHandle *handle,
                gboolean       *is_closed)
{
  const Connection *connection = handle->data;
  gboolean is_unsure = FALSE;
  int fd = connection->fd;

  if (fd < 0)
    fd = find_descriptor (handle->device, handle->inode, &is_unsure);
  else if (!lf_descriptor_is (fd, handle->device, handle->inode))
    fd = -1;
  *is_closed = fd < 0 && !is_unsure;

  return fd;
}

static gboolean
was_closed (const LfHandle *handle)
{
  gboolean is_closed;

  get_descriptor (handle, &is_closed);

  return is_closed;
}

/* With the mutex held, so that the descriptor is not closed: whether the process has
 * certainly lost the lock. That happens when any part of the process closes a descriptor of
 * the file, for example after reading or copying it. */
static gboolean
is_lost (const LfHandle *handle)
{
  const Connection *connection = handle->data;
  gboolean is_closed;
  int fd = get_descriptor (handle, &is_closed);

  if (fd < 0)
    return is_closed;

  return !lf_own_locks_may_have (fd, SHARED_START, SHARED_LENGTH, connection->exclusive);
}

/* With the mutex held. Ends the transaction, if there is one. */
static void
disconnect (LfHandle *handle)
{
  Connection *connection = g_steal_pointer (&handle->data);

  if (connection == NULL)
    return;

  if (connection->held)
    roll_back (connection);
  connection_free (connection);
}

/* If SQLite cannot open a file for writing, it opens it for reading. If the file at the
 * path can be written nevertheless, it is another file than the one that SQLite opened. */
static gboolean
is_read_only_by_mistake (Connection      *connection,
                         const LfRequest *request)
{
  return request->mode == LF_LOCK_MODE_EXCLUSIVE &&
         sqlite3_db_readonly (connection->db, "main") == 1 && can_write (request->path);
}

/* With the mutex held: notes which file is open. Returns FALSE if it is no longer at the
 * path. */
static gboolean
identify (LfHandle *handle)
{
  Connection *connection = handle->data;
  gboolean is_unsure = FALSE;
  struct stat path_stat;
  int moved = TRUE;

  /* In this order, the second check also confirms the first one */
  if (lstat (handle->request.path, &path_stat) != 0 ||
      sqlite3_file_control (connection->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK ||
      moved)
    return FALSE;

  handle->device = path_stat.st_dev;
  handle->inode = path_stat.st_ino;
  if (connection->fd >= 0 &&
      !is_of_file (connection->fd, path_stat.st_dev, path_stat.st_ino, &is_unsure))
    connection->fd = -1;

  /* SQLite compares only the inode number, which another device may use too */
  return !was_closed (handle);
}

/* With the mutex held. Sets @again as attempt_with_file() does. */
static gboolean
connect_handle (LfHandle  *handle,
                gboolean  *again,
                GError   **error)
{
  struct stat path_stat;
  gboolean exists;

  handle->data = connect_to (handle->request.path, error);
  if (handle->data == NULL)
    {
      /* A path that no longer names a regular file gets another error */
      *again = g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
               !lf_unix_file_check (handle->request.path, &path_stat, &exists, NULL);
      return FALSE;
    }

  *again = !identify (handle);
  if (*again)
    disconnect (handle);

  return !*again;
}

/* With the mutex held: abandons a connection if the program has closed its descriptor. */
static void
forget_closed (Connections *connections,
               LfHandle    *handle)
{
  const Connection *connection = handle->data;
  const FileId id = { handle->device, handle->inode };

  if (connection == NULL || !was_closed (handle))
    return;

  if (connection->held)
    g_array_append_val (connections->abandoned, id);
  handle->data = NULL;
}

/* With the mutex held. Sets @again if the file disappeared, so that another one must be
 * locked. Ignore errors in that case. */
static LfAttempt
attempt_with_file (Connections  *connections,
                   LfHandle     *handle,
                   gboolean     *again,
                   GError      **error)
{
  const LfRequest *request = &handle->request;
  struct stat path_stat;
  LfUnixFileState state;
  LfAttempt result;
  int state_errno;

  *again = FALSE;

  forget_closed (connections, handle);
  if (handle->data == NULL && !connect_handle (handle, again, error))
    return LF_ATTEMPT_ERROR;

  result = attempt_once (handle->data, request, error);

  /* If SQLite believes that the process has a shared lock, it grants another one without
   * asking the kernel */
  if (result == LF_ATTEMPT_GRANTED && request->mode == LF_LOCK_MODE_SHARED && is_lost (handle))
    {
      roll_back (handle->data);
      result = LF_ATTEMPT_BUSY;
    }

  /* A lock on a file that is no longer at the path excludes nobody, and it is useless to
   * wait for it. SQLite can report a removed file in several ways */
  state = lf_unix_file_get_state (handle, &path_stat);
  state_errno = errno;
  *again = state == LF_UNIX_FILE_REPLACED ||
           (state == LF_UNIX_FILE_UNKNOWN && state_errno == ESTALE) ||
           (result == LF_ATTEMPT_ERROR && is_read_only_by_mistake (handle->data, request));
  if (state == LF_UNIX_FILE_UNKNOWN && result != LF_ATTEMPT_ERROR)
    {
      lf_unix_file_set_path_error (error, request->path, state_errno);
      result = LF_ATTEMPT_ERROR;
    }
  if (*again || result == LF_ATTEMPT_ERROR)
    disconnect (handle);

  return result;
}

static LfAttempt
lf_backend_sqlite_attempt (const LfBackendVTable *self,
                           LfHandle              *handle,
                           GError               **error)
{
  const LfRequest *request = &handle->request;
  g_autofree char *display_name = NULL;

  for (guint round = 0; round < MAX_ROUNDS; round++)
    {
      Connection *connection = handle->data;
      g_autoptr (GError) local_error = NULL;
      Connections *connections;
      LfAttempt result;
      gboolean again;

      if (connection != NULL && connection->held)
        return LF_ATTEMPT_GRANTED;

      if (connection == NULL && !make_file (request, error))
        return LF_ATTEMPT_ERROR;

      connections = lock_connections ();
      result = attempt_with_file (connections, handle, &again, &local_error);
      g_mutex_unlock (&connections->mutex);

      if (again && (round + 1 < MAX_ROUNDS || local_error == NULL))
        continue;

      if (result == LF_ATTEMPT_ERROR)
        g_propagate_error (error, g_steal_pointer (&local_error));
      return result;
    }

  display_name = lf_path_get_display_name (request->path);
  g_set_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED,
               _("Files on the file system of %s have no stable identity; HARD_LINK works on any "
                 "file system"), display_name);
  return LF_ATTEMPT_ERROR;
}

/* With the mutex held. */
static void
end (Connections *connections,
     LfHandle    *handle)
{
  forget_closed (connections, handle);
  disconnect (handle);
  lf_descriptor_sweep ();
}

static void
lf_backend_sqlite_drop (const LfBackendVTable *self,
                        LfHandle              *handle)
{
  Connections *connections = lock_connections ();

  end (connections, handle);
  g_mutex_unlock (&connections->mutex);
}

static gboolean
lf_backend_sqlite_is_intact (const LfBackendVTable *self,
                             LfHandle              *handle,
                             gboolean               may_wait)
{
  const Connection *connection = handle->data;
  Connections *connections;
  gboolean lost;

  if (!may_wait)
    return connection->fd < 0 || lf_descriptor_is (connection->fd, handle->device, handle->inode);

  connections = lock_connections ();
  lost = is_lost (handle);
  g_mutex_unlock (&connections->mutex);

  return !lost;
}

static LfVerdict
lf_backend_sqlite_verify (const LfBackendVTable  *self,
                          LfHandle               *handle,
                          GError                **error)
{
  if (!lf_backend_sqlite_is_intact (self, handle, TRUE))
    return LF_VERDICT_LOST;

  return lf_unix_file_verify (handle, error);
}

/* Leaves the connection and its descriptors open: SQLite would unlock them. */
static void
lf_backend_sqlite_leave (const LfBackendVTable *self,
                         LfHandle              *handle)
{
  handle->data = NULL;
}

static LfRelease
lf_backend_sqlite_release (const LfBackendVTable  *self,
                           LfHandle               *handle,
                           GError                **error)
{
  const LfRequest *request = &handle->request;
  struct stat path_stat;
  LfUnixFileState state = lf_unix_file_get_state (handle, &path_stat);
  Connections *connections = lock_connections ();
  gboolean is_ours = state != LF_UNIX_FILE_REPLACED && !is_lost (handle);

  /* Before the transaction ends, and only if the file is still empty */
  if (request->remove_on_release && is_ours && state == LF_UNIX_FILE_CURRENT &&
      request->mode == LF_LOCK_MODE_EXCLUSIVE && path_stat.st_size == 0 &&
      unlink (request->path) != 0)
    g_debug ("Keeping the lock file: %s", g_strerror (errno));

  end (connections, handle);
  g_mutex_unlock (&connections->mutex);

  return is_ours ? LF_RELEASE_DONE : LF_RELEASE_LOST;
}

/* Takes the lock for a moment. If another program tries to lock in that moment, it fails
 * although nobody uses the database. So this is the last resort. */
static gboolean
probe (const char  *path,
       gboolean    *locked,
       GError     **error)
{
  g_autoptr (GError) local_error = NULL;
  Connections *connections = lock_connections ();
  Connection *connection = connect_to (path, &local_error);
  int result;

  *locked = FALSE;
  if (connection != NULL)
    {
      result = begin (connection, LF_LOCK_MODE_EXCLUSIVE);
      *locked = (result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED;
      if (result == SQLITE_OK)
        roll_back (connection);
      connection_free (connection);
    }
  g_mutex_unlock (&connections->mutex);

  /* No error if the file was removed */
  if (connection == NULL && !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  return TRUE;
}

/* With the mutex held. */
static gboolean
query_kernel (const char    *path,
              LfLockHolder **holder,
              GError       **error)
{
  const LfBackendVTable *fcntl_backend = &lf_backend_fcntl.vtable;

  return fcntl_backend->query_holder (fcntl_backend, path, holder, error);
}

/* Whether asking the kernel cannot release a lock of this process: either closing the file
 * waits while the process has a lock, or it cannot have one. */
static gboolean
can_query_kernel (Connections *connections,
                  const char  *path)
{
  struct stat file_stat;

  return lf_backend_fcntl.test_sees_this_process ||
         (lstat (path, &file_stat) == 0 && is_abandoned (connections, &file_stat));
}

/* Whether anybody has any lock on the database, including a reader's. */
static gboolean
lf_backend_sqlite_query_holder (const LfBackendVTable  *self,
                                const char             *path,
                                LfLockHolder          **holder,
                                GError                **error)
{
  Connections *connections = lock_connections ();
  gboolean asks_kernel = can_query_kernel (connections, path);
  gboolean result = asks_kernel && query_kernel (path, holder, error);
  struct stat path_stat;
  gboolean exists, locked = FALSE;
  LfKernelLocks listed;
  int pid;

  g_mutex_unlock (&connections->mutex);
  if (asks_kernel)
    return result;

  *holder = NULL;

  if (!lf_unix_file_check (path, &path_stat, &exists, error))
    return FALSE;
  if (!exists)
    return TRUE;

  listed = lf_kernel_locks_find (path, &path_stat, LF_KERNEL_LOCK_FCNTL, &pid);
  if (listed == LF_KERNEL_LOCKS_HELD)
    *holder = lf_lock_holder_new_for_process (pid);
  if (listed == LF_KERNEL_LOCKS_HELD || listed == LF_KERNEL_LOCKS_FREE)
    return TRUE;

  if (!probe (path, &locked, error))
    return FALSE;

  if (locked)
    {
      pid = lf_kernel_locks_find_held (path, &path_stat, LF_KERNEL_LOCK_FCNTL);
      *holder = lf_lock_holder_new_for_process (pid);
    }

  return TRUE;
}

static gboolean
lf_backend_sqlite_break_lock (const LfBackendVTable  *self,
                              const char             *path,
                              GError                **error)
{
  g_autoptr (LfLockHolder) holder = NULL;
  struct stat path_stat;
  gboolean exists;

  return lf_unix_file_check (path, &path_stat, &exists, error) &&
         (!exists || lf_backend_sqlite_query_holder (self, path, &holder, error)) &&
         (holder == NULL || lf_unix_file_put_away (path, &path_stat, error));
}

const LfBackendVTable lf_backend_sqlite = {
  .backend = LF_BACKEND_SQLITE,
  .has_shared = TRUE,
  .attempt = lf_backend_sqlite_attempt,
  .drop = lf_backend_sqlite_drop,
  .is_intact = lf_backend_sqlite_is_intact,
  .verify = lf_backend_sqlite_verify,
  .leave = lf_backend_sqlite_leave,
  .release = lf_backend_sqlite_release,
  .close = lf_backend_sqlite_drop,
  .query_holder = lf_backend_sqlite_query_holder,
  .break_lock = lf_backend_sqlite_break_lock,
};
