/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Every system call that can fail fails, at its first, second and third use in every
 * operation, with every likely errno. Afterwards the operation's report is true: after
 * success, another process cannot acquire the lock, and after an error it can. And the
 * descriptors, the threads and the files in the directory are the same as before. */

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-backend.h"
#include "lf-test-intercept.h"

#define MAX_FAULTS 9
#define MAX_USES 3

static const int faults[N_CALLS][MAX_FAULTS] = {
  [CALL_OPEN] = { EMFILE, ENFILE, ENOMEM, EINTR, EACCES, EIO, ESTALE, ENOSPC },
  [CALL_READ] = { EIO, EINTR, ESTALE },
  [CALL_WRITE] = { ENOSPC, EDQUOT, EIO, EINTR },
  [CALL_FSTAT] = { EIO, ENOMEM, ESTALE },
  [CALL_STAT] = { EIO, ENOMEM, EACCES, ESTALE },
  [CALL_LINK] = { EIO, ENOSPC, EDQUOT, EPERM, ENOENT, EMLINK },
  [CALL_SYMLINK] = { EIO, ENOSPC, EDQUOT, EPERM },
  [CALL_READLINK] = { EIO, ENOMEM, EACCES, EINTR, ESTALE },
  [CALL_UNLINK] = { EIO, EBUSY, EACCES, EPERM, EROFS, EINTR, ENOMEM },
  [CALL_RENAME] = { EIO, ENOSPC, EDQUOT, EACCES, EINVAL, ENOSYS },
  [CALL_MKDIR] = { EIO, ENOSPC, EACCES },
  [CALL_FLOCK] = { EINTR, ENOLCK, EOPNOTSUPP, EIO },
  [CALL_FCNTL] = { EINTR, ENOLCK, EINVAL, EIO },
  [CALL_FSYNC] = { EIO, ENOSPC, EINTR, EINVAL },
  [CALL_FSTATFS] = { EIO, ENOSYS },
  [CALL_UTIMES] = { ENOSPC, EPERM, ENOSYS },
  [CALL_OPENDIR] = { EMFILE, ENOMEM },
  [CALL_READDIR] = { EIO, ESTALE },
};

typedef enum
{
  OPERATION_ACQUIRE,
  OPERATION_TRY,
  OPERATION_TIMED,
  OPERATION_ASYNC,
  OPERATION_TAKE_OVER,
  OPERATION_RELEASE,
  OPERATION_RELEASE_ASYNC,
  OPERATION_DROP,
  OPERATION_BREAK,
  OPERATION_IS_LOCKED,
  OPERATION_QUERY,
  N_OPERATIONS,
} Operation;

static const char *const operation_names[N_OPERATIONS] = {
  "acquire", "try-acquire", "acquire-with-timeout", "acquire-async", "take-over",
  "release", "release-async", "drop", "break", "is-locked", "query-holder",
};

static int requests[2], answers[2];

static guint n_injected;

/* Another process, which reports whether it can acquire a lock. */
static void
probe_forever (void)
{
  struct
  {
    int backend;
    char path[512];
  } request;

  while (read (requests[0], &request, sizeof request) == (gssize) sizeof request)
    {
      g_autoptr (LfLockFile) lock = lf_lock_file_new_with_backend (request.path,
                                                                   (LfBackend) request.backend);
      g_autoptr (GError) error = NULL;
      char answer = 'n';

      if (lf_lock_file_try_acquire (lock, &error))
        answer = lf_lock_file_release (lock, &error) ? 'y' : 'e';
      else if (!g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
        answer = 'e';
      if (answer == 'e')
        g_printerr ("# Probe: %s\n", error->message);
      g_assert_cmpint (write (answers[1], &answer, 1), ==, 1);
    }

  _exit (0);
}

static void
start_probe (void)
{
  pid_t pid;

  g_assert_no_errno (pipe (requests));
  g_assert_no_errno (pipe (answers));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      close (requests[1]);
      probe_forever ();
    }
  close (requests[0]);
}

static char
probe (const TestBackend *backend,
       const char        *path)
{
  struct
  {
    int backend;
    char path[512];
  } request = { .backend = (int) backend->backend };
  char answer;

  g_assert_cmpuint (g_strlcpy (request.path, path, sizeof request.path), <, sizeof request.path);
  g_assert_cmpint (write (requests[1], &request, sizeof request), ==, (gssize) sizeof request);
  g_assert_cmpint (read (answers[0], &answer, 1), ==, 1);

  return answer;
}

static void
released_cb (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  Claim *claim = user_data;

  claim->granted = lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &claim->error);
  claim->done = TRUE;
}

static void
acquire_and_leave (gpointer data)
{
  LfLockFile *lock = data;

  assert_acquires (lock);
}

/* Whether this process holds the lock after the operation has succeeded. If not, the
 * operation requires a held lock. */
static gboolean
is_claim (Operation operation)
{
  return operation <= OPERATION_TAKE_OVER;
}

/* Runs the operation, with the fault in it. Returns whether it succeeded. */
static gboolean
operate (Operation    operation,
         LfLockFile **lock,
         LfLockFile  *other,
         GError     **error)
{
  g_auto (Claim) claim = { 0 };

  switch (operation)
    {
    case OPERATION_ACQUIRE:
    case OPERATION_TAKE_OVER:
      return lf_lock_file_acquire (*lock, NULL, error);

    case OPERATION_TRY:
      return lf_lock_file_try_acquire (*lock, error);

    case OPERATION_TIMED:
      return lf_lock_file_acquire_with_timeout (*lock, 30, NULL, error);

    case OPERATION_ASYNC:
      claim_start (&claim, *lock, NULL);
      claim_wait (&claim);
      break;

    case OPERATION_RELEASE:
      return lf_lock_file_release (*lock, error);

    case OPERATION_RELEASE_ASYNC:
      lf_lock_file_release_async (*lock, G_PRIORITY_DEFAULT, NULL, released_cb, &claim);
      claim_wait (&claim);
      break;

    case OPERATION_DROP:
      g_clear_object (lock);
      return TRUE;

    case OPERATION_BREAK:
      return lf_lock_file_break_lock (other, NULL, error);

    case OPERATION_IS_LOCKED:
      lf_test_ignore (lf_lock_file_is_locked (other, NULL, error));
      return *error == NULL;

    case OPERATION_QUERY:
    case N_OPERATIONS:
    default:
      {
        g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (other, NULL, error);

        return *error == NULL;
      }
    }

  *error = g_steal_pointer (&claim.error);
  return *error == NULL;
}

#define check(condition, ...) \
  G_STMT_START { \
    if (!(condition)) \
      { \
        g_autofree char *_text = g_strdup_printf (__VA_ARGS__); \
        g_test_message ("%s", _text); \
        g_test_fail (); \
      } \
  } G_STMT_END

/* Returns whether the call was used that often. */
static gboolean
inject (const TestBackend *backend,
        const char        *directory,
        Operation          operation,
        InterceptedCall    call,
        guint              nth,
        int                fault)
{
  static guint number;
  g_autofree char *path = g_strdup_printf ("%s/%u.lock", directory, number++);
  g_autofree char *what = g_strdup_printf ("%s, %s: %s no. %u: %s", backend->nick,
                                           operation_names[operation], intercepted_names[call],
                                           nth, g_strerror (fault));
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockFile) other = lock_new (backend, path);
  g_autoptr (GError) error = NULL;
  guint n_descriptors = count_descriptors ();
  gboolean done, struck;

  if (operation == OPERATION_TAKE_OVER)
    run_in_child (acquire_and_leave, other);
  else if (!is_claim (operation))
    assert_acquires (lock);

  intercept_fault (call, nth, 1, fault);
  done = operate (operation, &lock, other, &error);
  struck = intercept_nothing () > 0;
  check (done == (error == NULL), "%s: %s", what, done ? "success with an error" : "no error");

  if (struck)
    {
      char answer = probe (backend, path);

      n_injected++;
      if (is_claim (operation))
        check (answer == (done ? 'n' : 'y'), "%s: %s, and another process: %c", what,
               done ? "granted" : error->message, answer);
      else if (operation == OPERATION_DROP)
        check (answer == 'y', "%s: dropped, and another process: %c", what, answer);
      else if (operation == OPERATION_RELEASE || operation == OPERATION_RELEASE_ASYNC)
        {
          /* If the file itself is locked, it is released even if nobody can find out
           * whether it is still at its path */
          gboolean lost = !backend->is_existence &&
                          g_error_matches (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);

          check (answer == (done || lost ? 'y' : 'n'), "%s: %s, and another process: %c", what,
                 done ? "released" : error->message, answer);
          check (lf_lock_file_is_held (lock) == (!done && !lost), "%s: is held: %d", what,
                 lf_lock_file_is_held (lock));
        }
      else if (operation == OPERATION_BREAK)
        check (!done || answer == 'y', "%s: broken, and another process: %c", what, answer);
      else
        check (answer == 'n', "%s: looked, and another process: %c", what, answer);
    }

  /* A held lock is released in the usual way */
  if (lock != NULL && lf_lock_file_is_held (lock))
    {
      g_autoptr (GError) release_error = NULL;
      gboolean released = lf_lock_file_release (lock, &release_error);

      check (released || operation == OPERATION_BREAK, "%s: the release after it: %s", what,
             release_error->message);
    }
  if (struck)
    check (probe (backend, path) == 'y', "%s: it is not free afterwards", what);
  g_clear_object (&lock);
  g_clear_object (&other);
  /* The last thread closes what it had when no wait needs it any longer */
  wait_for_no_lock_threads ();
  for (guint i = 0; i < 2000 && count_descriptors () != n_descriptors; i++)
    g_usleep (500);
  check (count_descriptors () == n_descriptors, "%s: %u descriptors, and %u before", what,
         count_descriptors (), n_descriptors);

  if (!backend->is_existence)
    g_unlink (path);

  return struck;
}

static void
test_faults (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  /* In memory if possible, since writing to a disk is slow */
  g_autofree char *directory = g_dir_make_tmp ("lockfile-glib-XXXXXX", NULL);
  g_autofree char *warm_path = g_build_filename (directory, "warm", NULL);
  g_auto (Claim) claim = { 0 };
  LfLockFile *warm = lock_new (backend, warm_path);
  guint n_before = n_injected;

  /* GLib makes descriptors of its own once */
  claim_start (&claim, warm, NULL);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (warm);
  g_object_unref (warm);
  g_unlink (warm_path);

  for (Operation operation = 0; operation < N_OPERATIONS; operation++)
    {
      if (operation == OPERATION_TAKE_OVER && !backend->is_existence)
        continue;
      /* Breaking the lock of a database would remove data */
      if (operation == OPERATION_BREAK && backend->backend == LF_BACKEND_SQLITE)
        continue;

      for (InterceptedCall call = 0; call < N_CALLS; call++)
        {
          for (guint nth = 1; nth <= MAX_USES; nth++)
            {
              gboolean struck = TRUE;

              for (guint i = 0; struck && i < MAX_FAULTS && faults[call][i] != 0; i++)
                struck = inject (backend, directory, operation, call, nth, faults[call][i]);
              if (!struck)
                break;
            }
        }
    }

  {
    g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name (dir)) != NULL)
      check (FALSE, "%s: left behind: %s", backend->nick, name);
  }
  g_test_message ("%s: %u errors injected", backend->nick, n_injected - n_before);
  remove_recursively (directory);
}

int
main (int    argc,
      char **argv)
{
  const BackendCase cases[] = { { "all", test_faults }, { NULL, NULL } };

  start_probe ();
  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (lf_backend_is_supported (test_backends[i].backend))
        add_backend_tests ("storm-faults", &test_backends[i], cases);
    }

  return g_test_run ();
}
