/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Locks of the kernel that are looked at and broken while calls fail and others change what
 * is at the path. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-backend.h"
#include "lf-test-intercept.h"

/* What is broken by putting its file away. */
static const struct
{
  LfBackend backend;
  const char *nick;
} kernel_backends[] = {
  { LF_BACKEND_FLOCK, "flock" },
  { LF_BACKEND_FCNTL, "fcntl" },
};

static LfLockFile *
new_lock (const char *path,
          LfBackend   backend)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend, NULL);
}

/* How often breaking looks at what is at the path. */
static guint
count_looks (const char *path,
             LfBackend   backend)
{
  g_autoptr (LfLockFile) lock = new_lock (path, backend);
  guint n_looks;

  intercept_only (path);
  intercept_count ();
  lf_test_ignore (lf_lock_file_break_lock (lock, NULL, NULL));
  n_looks = intercept_get_count (CALL_STAT);
  intercept_nothing ();

  return n_looks;
}

/* Whichever of its looks at the path fails: breaking a lock does not remove data. */
static void
test_break_unseen (Fixture       *fixture,
                   gconstpointer  data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kernel_backends); i++)
    {
      g_autoptr (Peer) peer = peer_start_holder_with (fixture->path, kernel_backends[i].nick);
      g_autoptr (LfLockFile) lock = new_lock (fixture->path, kernel_backends[i].backend);
      guint n_looks;

      write_file (fixture->path, "data");
      n_looks = count_looks (fixture->path, kernel_backends[i].backend);
      g_assert_cmpuint (n_looks, >, 0);

      for (guint look = 1; look <= n_looks; look++)
        {
          g_autoptr (GError) error = NULL;

          g_test_message ("%s, look %u of %u", kernel_backends[i].nick, look, n_looks);
          intercept_only (fixture->path);
          intercept_fault (CALL_STAT, look, 1, EIO);
          g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
          g_assert_cmpuint (intercept_nothing (), ==, 1);
          g_assert_nonnull (error);
          g_assert_true (path_exists (fixture->path));
        }
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/looks/break-unseen", test_break_unseen);

  return g_test_run ();
}
