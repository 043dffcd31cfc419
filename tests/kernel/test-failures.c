/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The cost of a failure: a failed attempt does not search for the holder. The program's own
 * open(), opendir() and readlink() count accesses to /proc. */

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lf-test-backend.h"

static int n_looks; /* atomic */

static void
note_path (const char *path)
{
  if (g_str_has_prefix (path, "/proc"))
    g_atomic_int_inc (&n_looks);
}

/* The same function with 64-bit file offsets. */
G_MODULE_EXPORT int
open (const char *path,
      int         flags,
      ...)
{
  static int (*real_open) (const char *, int, ...);
  va_list arguments;
  mode_t mode = 0;

  va_start (arguments, flags);
  if ((flags & O_CREAT) != 0)
    mode = va_arg (arguments, mode_t);
  va_end (arguments);

  note_path (path);
  if (real_open == NULL)
    real_open = (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, "open64");

  return real_open (path, flags, mode);
}

G_MODULE_EXPORT DIR *
opendir (const char *path)
{
  DIR *(*real_opendir) (const char *) = (DIR *(*) (const char *)) dlsym (RTLD_NEXT, "opendir");

  note_path (path);

  return real_opendir (path);
}

G_MODULE_EXPORT ssize_t
readlink (const char *path,
          char       *target,
          size_t      size)
{
  ssize_t (*real_readlink) (const char *, char *, size_t) =
    (ssize_t (*) (const char *, char *, size_t)) dlsym (RTLD_NEXT, "readlink");

  note_path (path);

  return real_readlink (path, target, size);
}

static void
expect_no_looks (const char *what)
{
  g_test_message ("%s", what);
  g_assert_cmpint (g_atomic_int_get (&n_looks), ==, 0);
}

/* A failed try and a timed-out wait search for nothing. */
static void
test_no_look (Fixture       *fixture,
              gconstpointer  data)
{
  for (gsize i = 0; i < n_test_backends; i++)
    {
      const TestBackend *backend = &test_backends[i];
      g_autoptr (LfLockFile) lock = NULL;
      g_autoptr (LfLockHolder) holder = NULL;
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (Peer) peer = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (Claim) claim = { 0 };

      if (backend->is_existence || !lf_backend_is_supported (backend->backend))
        continue;

      remove_recursively (fixture->path);
      lock = lock_new (backend, fixture->path);
      peer = backend_peer_start_holder (backend, fixture->path);
      wait_for_no_lock_threads ();

      g_atomic_int_set (&n_looks, 0);
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
      g_clear_error (&error);
      expect_no_looks ("a try");

      g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.01, cancellable, &error));
      g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      expect_no_looks ("a wait");

      lf_lock_file_set_timeout (lock, 0.01);
      claim_start (&claim, lock, NULL);
      claim_wait (&claim);
      g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
      expect_no_looks ("an asynchronous wait");

      /* query_holder() does search */
      holder = lf_lock_file_query_holder (lock, NULL, NULL);
      g_assert_nonnull (holder);
      g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, peer_get_pid (peer));
      g_assert_cmpint (g_atomic_int_get (&n_looks), >, 0);
    }
}

/* The kernel reports the process that has a POSIX lock in the same call that reports the
 * conflict. */
static void
test_posix_holder (Fixture       *fixture,
                   gconstpointer  data)
{
  const char *argv[] = { "/usr/bin/python3", "-c",
                         "import fcntl, sys\n"
                         "file = open(sys.argv[1], 'w')\n"
                         "fcntl.lockf(file, fcntl.LOCK_EX)\n"
                         "print('held', flush=True)\n"
                         "sys.stdin.read()\n",
                         fixture->path, NULL };
  g_autoptr (Peer) python = peer_start_argv (argv);
  g_autofree char *named = g_strdup_printf ("held by PID %d", peer_get_pid (python));
  g_autoptr (LfLockFile) lock = g_object_new (LF_TYPE_LOCK_FILE, "path", fixture->path,
                                              "backend", LF_BACKEND_FCNTL, NULL);
  g_autoptr (GError) error = NULL;

  peer_expect (python, "held");
  g_atomic_int_set (&n_looks, 0);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_true (g_str_has_suffix (error->message, named));
  expect_no_looks ("a try against a lock of POSIX");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/failures/no-look", test_no_look);
  add_test ("/failures/posix-holder", test_posix_holder);

  return g_test_run ();
}
