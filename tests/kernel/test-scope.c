/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The scope of locks. The judgement and the reader of mounts are compiled into this
 * program, which gives them a list of mounts of its own. File systems that can be mounted
 * here are mounted. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "core/lf-scope-private.h"
#include "lf-test-fuse.h"
#include "lf-test-util.h"

#define LIST \
  "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n" \
  "22 21 0:20 / /proc rw,nosuid - proc proc rw\n" \
  "23 21 0:30 / /tmp rw shared:2 master:3 - tmpfs tmpfs rw,size=1024k\n" \
  "24 21 0:31 / /home rw,relatime - nfs4 server:/home rw,vers=4.2,local_lock=none,addr=10.0.0.1\n" \
  "25 21 0:32 / /old rw - nfs server:/old rw,vers=3,nolock,local_lock=all,addr=10.0.0.1\n" \
  "26 21 0:33 / /part rw - nfs server:/part rw,vers=3,local_lock=flock,addr=10.0.0.1\n" \
  "27 21 0:34 / /posix rw - nfs server:/posix rw,vers=3,local_lock=posix,addr=10.0.0.1\n" \
  "28 21 0:35 / /share rw - cifs //server/share rw,vers=3.1.1,username=me\n" \
  "29 21 0:36 / /office rw - cifs //server/office rw,vers=3.1.1,nobrl\n" \
  "30 21 0:37 / /big rw - lustre mgs@tcp:/big rw,flock\n" \
  "31 21 0:38 / /scratch rw - lustre mgs@tcp:/scratch rw,localflock\n" \
  "32 21 0:39 / /remote rw - fuse.sshfs me@server: rw,user_id=0,group_id=0\n" \
  "33 21 0:40 / /vm rw - 9p hostshare rw,trans=virtio\n" \
  "34 21 8:1 /data /mnt rw - fuseblk /dev/sda1 rw,user_id=0\n" \
  "35 21 0:41 / /with\\040space rw - overlay overlay rw,lowerdir=/a,upperdir=/b\n" \
  "36 21 0:42 / /cluster rw - gfs2 /dev/mapper/c rw,localflocks\n"

typedef struct
{
  gint64 mount;
  LfBackend backend;
  LfLockScope scope;
  const char *option;
} Judged;

static const Judged judged[] = {
  { 21, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_HOST, NULL },
  { 21, LF_BACKEND_HARD_LINK, LF_LOCK_SCOPE_HOST, NULL },
  { 23, LF_BACKEND_SQLITE, LF_LOCK_SCOPE_HOST, NULL },
  { 24, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 24, LF_BACKEND_FCNTL, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 24, LF_BACKEND_SYMLINK, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 25, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_HOST, "nolock" },
  { 25, LF_BACKEND_SQLITE, LF_LOCK_SCOPE_HOST, "nolock" },
  { 25, LF_BACKEND_HARD_LINK, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 26, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_HOST, "local_lock=flock" },
  { 26, LF_BACKEND_FCNTL, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 27, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 27, LF_BACKEND_FCNTL, LF_LOCK_SCOPE_HOST, "local_lock=posix" },
  { 27, LF_BACKEND_SQLITE, LF_LOCK_SCOPE_HOST, "local_lock=posix" },
  { 28, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 29, LF_BACKEND_FCNTL, LF_LOCK_SCOPE_HOST, "nobrl" },
  { 29, LF_BACKEND_DIRECTORY, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 30, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_ALL_HOSTS, NULL },
  { 31, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_HOST, "localflock" },
  { 32, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_UNKNOWN, NULL },
  { 33, LF_BACKEND_FCNTL, LF_LOCK_SCOPE_UNKNOWN, NULL },
  { 34, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_HOST, NULL },
  { 35, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_HOST, NULL },
  { 36, LF_BACKEND_FLOCK, LF_LOCK_SCOPE_HOST, "localflocks" },
};

static gboolean
is_dotlock (LfBackend backend)
{
  return backend == LF_BACKEND_HARD_LINK || backend == LF_BACKEND_DIRECTORY ||
         backend == LF_BACKEND_SYMLINK || backend == LF_BACKEND_PID_FILE;
}

static void
test_list (Fixture       *fixture,
           gconstpointer  data)
{
  g_auto (LfMount) missing = { NULL, NULL };

  g_assert_true (g_file_set_contents (fixture->path, LIST, -1, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (judged); i++)
    {
      g_auto (LfMount) mount = { NULL, NULL };
      const char *option;
      LfLockScope scope;

      g_assert_true (lf_mounts_read (fixture->path, judged[i].mount, &mount));
      scope = lf_scope_judge (judged[i].backend, is_dotlock (judged[i].backend), &mount, &option);
      g_test_message ("%s %s", mount.type, mount.options);
      g_assert_cmpint (scope, ==, judged[i].scope);
      g_assert_cmpstr (option, ==, judged[i].option);
    }

  g_assert_false (lf_mounts_read (fixture->path, 99, &missing));
}

static void
expect_scope (const char  *path,
              LfLockScope  expected)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (lf_lock_file_query_scope (lock, NULL, &error), ==, expected);
  g_assert_no_error (error);
}

typedef struct
{
  gboolean done;
  LfLockScope scope;
} Query;

static void
scope_cb (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  Query *query = user_data;
  g_autoptr (GError) error = NULL;

  query->scope = lf_lock_file_query_scope_finish (LF_LOCK_FILE (object), result, &error);
  g_assert_no_error (error);
  query->done = TRUE;
}

/* A local disk, even through a bind mount or for a path that does not exist yet. */
static void
child_bind (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *bound = g_build_filename (fixture->directory, "bound", NULL);
  g_autofree char *path = g_build_filename (bound, "a", "b", "test.lock", NULL);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GError) error = NULL;

  enter_namespaces (CLONE_NEWNS);
  g_assert_no_errno (g_mkdir (bound, 0755));
  expect_scope (path, LF_LOCK_SCOPE_HOST);
  g_assert_no_errno (mount ("/dev/shm", bound, NULL, MS_BIND, NULL));
  expect_scope (path, LF_LOCK_SCOPE_HOST);

  lf_lock_file_set_required_scope (lock, LF_LOCK_SCOPE_ALL_HOSTS);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "tmpfs"));
}

static void
test_bind (Fixture       *fixture,
           gconstpointer  data)
{
  run_in_child (child_bind, fixture);
}

static void
test_required (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };
  Query query = { 0 };

  lf_lock_file_query_scope_async (lock, G_PRIORITY_DEFAULT, NULL, scope_cb, &query);
  iterate_until (&query.done);
  g_assert_cmpint (query.scope, ==, LF_LOCK_SCOPE_HOST);

  g_assert_cmpint (lf_lock_file_get_required_scope (lock), ==, LF_LOCK_SCOPE_UNKNOWN);
  lf_lock_file_set_required_scope (lock, LF_LOCK_SCOPE_HOST);
  g_assert_cmpint (lf_lock_file_get_required_scope (lock), ==, LF_LOCK_SCOPE_HOST);
  assert_acquires (lock);
  assert_releases (lock);
  g_assert_no_errno (g_unlink (fixture->path));

  /* A lock that would be refused is not even made */
  lf_lock_file_set_required_scope (lock, LF_LOCK_SCOPE_ALL_HOSTS);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_assert_false (path_exists (fixture->path));
}

static void
child_fuse (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *top = g_build_filename (fixture->directory, "fuse", NULL);
  g_autofree char *path = g_build_filename (top, "test.lock", NULL);
  g_autofree char *skipped = g_build_filename (fixture->directory, "skipped", NULL);
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GError) error = NULL;
  pid_t server = fuse_start (top);

  if (server == 0)
    {
      g_assert_true (g_file_set_contents (skipped, "", 0, NULL));
      return;
    }

  expect_scope (path, LF_LOCK_SCOPE_UNKNOWN);
  lf_lock_file_set_required_scope (lock, LF_LOCK_SCOPE_HOST);
  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, FUSE_TYPE));

  fuse_stop (top, server);
}

static void
test_fuse (Fixture       *fixture,
           gconstpointer  data)
{
  g_autofree char *skipped = g_build_filename (fixture->directory, "skipped", NULL);

  run_in_child (child_fuse, fixture);
  if (g_file_test (skipped, G_FILE_TEST_EXISTS))
    g_test_skip ("FUSE cannot be had");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/scope/list", test_list);
  add_test ("/scope/bind", test_bind);
  add_test ("/scope/required", test_required);
  add_test ("/scope/fuse", test_fuse);

  return g_test_run ();
}
