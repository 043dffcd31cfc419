/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* A living holder never loses its lock, whatever machines, clocks and other programs do. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "hostile.h"
#include "lf-test-intercept.h"

#define OTHER_BOOT "01234567-89ab-4cde-8f01-23456789abcd"
#define MACHINE_ID "/etc/machine-id"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static char *
make_text_file (Fixture    *fixture,
                const char *name,
                const char *text)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (fixture->directory, name, NULL);

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);

  return path;
}

/* Records of another machine with the same ID: with another name, or without an ID. */
static void
test_machine_records (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) lines = get_dead_lines (backend, fixture->path);
  g_autofree char *other_host = get_text_with (lines, LINE_HOST, "another-host",
                                               LINE_BOOT, OTHER_BOOT);
  g_autofree char *same = get_text_with (lines, LINE_BOOT, OTHER_BOOT, 0, NULL);

  assert_record_is_kept (backend, fixture->path, other_host, strlen (other_host));
  assert_record_is_dead (backend, fixture->path, same);
}

/* The machine was rebooted and has another name, or no ID. A living holder would have the
 * inode locked, on this very file system. */
static void
test_renamed_machine (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) lines = get_dead_lines (backend, fixture->path);
  g_autofree char *plain = get_text_with (lines, LINE_HOST, "old-name", LINE_BOOT, OTHER_BOOT);
  g_autofree char *plain_no_id = get_text_with (lines, LINE_MACHINE, "", LINE_BOOT, OTHER_BOOT);
  g_autofree char *plain_no_boot = get_text_with (lines, LINE_BOOT, "", 0, NULL);
  const char *plains[] = { plain, plain_no_id, plain_no_boot };

  for (gsize i = 0; i < G_N_ELEMENTS (plains); i++)
    {
      g_autofree char *text = g_strconcat (plains[i], "inode-lock:yes\n", NULL);
      int fd;

      assert_record_is_kept (backend, fixture->path, plains[i], strlen (plains[i]));
      if (backend->kind == LOCK_IS_SYMLINK)
        {
          assert_record_is_kept (backend, fixture->path, text, strlen (text));
          continue;
        }

      /* If its inode is locked, the holder is alive */
      write_record (backend, fixture->path, text, strlen (text));
      fd = open (fixture->path, O_RDONLY | O_CLOEXEC);
      g_assert_no_errno (flock (fd, LOCK_EX | LOCK_NB));
      assert_held_and_kept (backend, fixture->path);
      close (fd);
      assert_taken_over (backend, fixture->path);
    }
}

static void
child_without_machine (gpointer data)
{
  Child *child = data;
  const char *ids[] = { "uninitialized\n", "00000000000000000000000000000000\n", "0123456789abcdef\n",
                        "0123456789abcdef0123456789abcdeg\n" };
  g_autofree char *directory = g_build_filename (child->fixture->directory, "locks", NULL);
  g_autofree char *path = g_build_filename (directory, "test.lock", NULL);

  enter_namespaces (CLONE_NEWNS);
  g_assert_no_errno (g_mkdir (directory, 0777));
  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autofree char *file = make_text_file (child->fixture, "machine-id", ids[i]);
      g_auto (GStrv) lines = NULL;
      g_autofree char *text = NULL;
      pid_t pid;
      int status;

      mount_over (file, MACHINE_ID);
      lines = get_dead_lines (child->backend, path);
      text = get_text_with (lines, LINE_BOOT, OTHER_BOOT, 0, NULL);

      /* In a new process, since this one may have read its machine's ID already */
      pid = fork ();
      g_assert_cmpint (pid, >=, 0);
      if (pid == 0)
        {
          assert_record_is_kept (child->backend, path, text, strlen (text));
          _exit (0);
        }
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_cmpint (status, ==, 0);
      g_assert_no_errno (umount2 (MACHINE_ID, MNT_DETACH));
    }
}

static void
test_no_machine (Fixture       *fixture,
                 gconstpointer  data)
{
  Child child = { fixture, data, NULL };

  if (!can_mount ("mount"))
    return;

  run_in_child (child_without_machine, &child);
  remove_recursively (fixture->directory);
  g_assert_no_errno (g_mkdir (fixture->directory, 0777));
}

/* As far as a process can see, another machine: with this ID, but another name and boot.
 * The holder is alive. */
static void
test_clone (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *boot_id = make_text_file (fixture, "boot-id", OTHER_BOOT "\n");
  g_autofree char *script = g_strdup_printf ("mount --bind '%s' " BOOT_ID " && hostname clone && "
                                             "exec \"$@\"", boot_id);
  const char *argv[] = { "unshare", "--mount", "--uts", "sh", "-c", script, "sh",
                         g_getenv ("LF_TEST_PEER"), fixture->path, backend->nick, NULL };
  g_autoptr (Peer) peer = NULL;

  if (!can_mount ("unshare"))
    return;

  peer = peer_start_argv (argv);
  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  assert_held_and_kept (backend, fixture->path);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  g_assert_no_errno (unlink (boot_id));
}

/* In another time namespace, a holder has another start time. */
static void
test_time_namespace (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  const char *argv[] = { "unshare", "--time", "--boottime", "100000", "--fork", "--kill-child",
                         g_getenv ("LF_TEST_PEER"), fixture->path, backend->nick, NULL };
  g_autoptr (Peer) inside = NULL;
  g_autoptr (Peer) outside = NULL;

  if (!can_mount ("unshare"))
    return;

  inside = peer_start_argv (argv);
  outside = backend_peer_start (backend, fixture->path);
  peer_send (inside, "acquire");
  peer_expect (inside, "held");
  assert_held_and_kept (backend, fixture->path);
  peer_send (inside, "release");
  peer_expect (inside, "released");

  peer_send (outside, "acquire");
  peer_expect (outside, "held");
  peer_send (inside, "try");
  peer_expect (inside, "error lf-lock-error-quark 1"); /* ALREADY_LOCKED */
  peer_send (outside, "release");
  peer_expect (outside, "released");
}

typedef struct
{
  const char *snapshot;
  Peer *peer;
} Snapshot;

static void
link_and_lock (const char *path,
               int         fd,
               int         flags,
               gpointer    data)
{
  Snapshot *snapshot = data;

  /* As `cp -al` does, while another process acquires the lock */
  g_assert_no_errno (linkat (fd >= 0 ? fd : AT_FDCWD, path, AT_FDCWD, snapshot->snapshot,
                             *path == '\0' ? AT_EMPTY_PATH : 0));
  peer_send (snapshot->peer, "try");
  peer_expect (snapshot->peer, "held");
}

/* The number of links of a file proves nothing: anybody may have linked it. */
static void
test_links (Fixture       *fixture,
            gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  g_autofree char *link_path = g_build_filename (fixture->directory, "snapshot", NULL);
  Snapshot snapshot = { link_path, NULL };

  if (backend->kind != LOCK_IS_FILE)
    return;

  if (geteuid () != 0)
    {
      g_test_skip ("Only the superuser links what has no name");
      return;
    }

  /* So that the file has a name before it becomes the lock */
  intercept_refuse_unnamed (TRUE);
  snapshot.peer = backend_peer_start (backend, fixture->path);
  intercept_hook (CALL_LINK, 1, link_and_lock, &snapshot);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_cmpuint (intercept_nothing (), ==, 1);
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  peer_send (snapshot.peer, "release");
  peer_expect (snapshot.peer, "released");
  peer_free (snapshot.peer);
  g_unlink (link_path);
  intercept_refuse_unnamed (FALSE);
}

typedef struct
{
  Peer *breaker;
  Peer *successor;
  gboolean got;
} Succession;

static void
break_and_succeed (const char *path,
                   int         fd,
                   int         flags,
                   gpointer    data)
{
  Succession *succession = data;
  g_autofree char *answer = NULL;
  g_autofree char *success = NULL;

  peer_send (succession->breaker, "break");
  answer = peer_read_line (succession->breaker);
  peer_send (succession->successor, "try");
  success = peer_read_line (succession->successor);
  g_test_message ("break: %s, try: %s", answer, success);
  succession->got = g_str_equal (success, "held");
}

/* While its holder is releasing the lock, between its check and the removal, it is broken
 * and somebody else acquires it. */
static void
test_broken_in_release (Fixture       *fixture,
                        gconstpointer  data)
{
  const TestBackend *backend = data;
  InterceptedCall call = backend->kind == LOCK_IS_DIRECTORY ? CALL_RENAME : CALL_UNLINK;

  for (int drops = FALSE; drops <= TRUE; drops++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      /* Any program may lock the directory for a long time */
      int directory = open (fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      Succession succession = {
        backend_peer_start (backend, fixture->path),
        backend_peer_start (backend, fixture->path),
        FALSE,
      };

      g_assert_no_errno (flock (directory, LOCK_EX));
      assert_acquires (lock);
      intercept_hook (call, 1, break_and_succeed, &succession);
      if (drops)
        g_clear_object (&lock);
      else
        lf_lock_file_release (lock, NULL);
      g_assert_cmpuint (intercept_nothing (), ==, 1);
      if (succession.got)
        {
          assert_locked (backend, fixture->path);
          peer_send (succession.successor, "release");
          peer_expect (succession.successor, "released");
        }
      close (directory);
      peer_free (succession.breaker);
      peer_free (succession.successor);
      assert_not_locked (backend, fixture->path);
    }
}

static void
child_that_cannot_announce (gpointer data)
{
  Child *child = data;
  Succession *succession = (Succession *) (gconstpointer) child->argument;
  g_autoptr (LfLockFile) lock = lock_new (child->backend, child->fixture->path);

  assert_acquires (lock);
  /* Only the owner of a link may change its times */
  g_assert_no_errno (setgid (ORDINARY_USER));
  g_assert_no_errno (setuid (ORDINARY_USER));
  intercept_hook (CALL_UNLINK, 1, break_and_succeed, succession);
  lf_lock_file_release (lock, NULL);
  g_assert_cmpuint (intercept_nothing (), ==, 1);
  if (succession->got)
    assert_locked (child->backend, child->fixture->path);
}

/* The same, if the holder has become another user. */
static void
test_broken_in_release_of_other_user (Fixture       *fixture,
                                      gconstpointer  data)
{
  const TestBackend *backend = data;
  Succession succession = { 0 };
  Child child = { fixture, backend, (const char *) &succession };

  if (backend->kind != LOCK_IS_SYMLINK)
    return;
  if (geteuid () != 0)
    {
      g_test_skip ("Only the superuser can become another user");
      return;
    }

  g_assert_no_errno (g_chmod (fixture->directory, 0777));
  succession.breaker = backend_peer_start (backend, fixture->path);
  succession.successor = backend_peer_start (backend, fixture->path);
  run_in_child (child_that_cannot_announce, &child);
  peer_free (succession.breaker);
  peer_free (succession.successor);
  remove_recursively (fixture->path);
}

/* A lock of a living holder is not broken if the breaker cannot prevent a release at the
 * same moment. */
static void
test_break_without_exclusion (Fixture       *fixture,
                              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *record_path = get_record_path (backend, fixture->path);
  g_autofree char *record_name = g_path_get_basename (record_path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);
  g_autoptr (Peer) holder = NULL;
  const int faults[] = { EMFILE, ENOMEM, EACCES };

  if (backend->kind == LOCK_IS_SYMLINK)
    return;

  holder = backend_peer_start_holder (backend, fixture->path);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (GError) error = NULL;

      intercept_only (record_name);
      /* The second one: the first opens it for reading */
      intercept_fault (CALL_OPEN, 2, 1, faults[i]);
      g_assert_false (lf_lock_file_break_lock (breaker, NULL, &error));
      g_assert_cmpuint (intercept_nothing (), ==, 1);
      g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (faults[i]));
      assert_locked (backend, fixture->path);
    }
  peer_send (holder, "release");
  peer_expect (holder, "released");
}

/* A lock, whether stale, held by another process or one's own, is not removed if others
 * cannot be excluded because the system has no more locks: this is not a file system
 * without locks. */
static void
test_no_removal_lock (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);
  g_autoptr (Peer) dead = NULL;
  const int faults[] = { ENOLCK, ENOMEM };

  if (backend->kind == LOCK_IS_SYMLINK)
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (GError) error = NULL;

      assert_acquires (lock);
      intercept_fault (CALL_FCNTL, 1, 1000, faults[i]);
      g_assert_false (lf_lock_file_break_lock (breaker, NULL, &error));
      g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (faults[i]));
      g_clear_error (&error);
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
      intercept_nothing ();
      g_assert_true (lf_lock_file_is_held (lock));
      assert_locked (backend, fixture->path);

      /* A single failure is harmless */
      intercept_fault (CALL_FCNTL, 1, 1, faults[i]);
      assert_releases (lock);
      g_assert_cmpuint (intercept_nothing (), ==, 1);
    }

  dead = backend_peer_start_holder (backend, fixture->path);
  peer_kill (dead);
  peer_wait (dead);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (GError) error = NULL;

      intercept_fault (CALL_FCNTL, 1, 1000, faults[i]);
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_cmpuint (intercept_nothing (), >=, 1);
      g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (faults[i]));
      g_clear_error (&error);

      /* The same without a lock on the inode, after the one that the look takes */
      intercept_fault (CALL_FLOCK, 2, 1000, faults[i]);
      g_assert_false (lf_lock_file_try_acquire (lock, &error));
      g_assert_cmpuint (intercept_nothing (), >=, 1);
      g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (faults[i]));
      g_assert_true (path_exists (fixture->path));
    }
  assert_taken_over (backend, fixture->path);
}

static void
child_that_may_not_write (gpointer data)
{
  Child *child = data;
  g_autoptr (LfLockFile) breaker = lock_new (child->backend, child->fixture->path);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_break_lock (breaker, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

/* A process that may remove the file of a living holder, but not write to it, cannot break
 * its lock. */
static void
test_break_of_other_user (Fixture       *fixture,
                          gconstpointer  data)
{
  const TestBackend *backend = data;
  Child child = { fixture, backend, NULL };
  g_autoptr (Peer) holder = NULL;

  /* A link has no permissions */
  if (backend->kind == LOCK_IS_SYMLINK)
    return;
  if (geteuid () != 0)
    {
      g_test_skip ("Only the superuser can become another user");
      return;
    }

  g_assert_no_errno (g_chmod (fixture->directory, 0777));
  holder = backend_peer_start_holder (backend, fixture->path);
  run_as_user (child_that_may_not_write, &child);
  assert_locked (backend, fixture->path);
  peer_send (holder, "release");
  peer_expect (holder, "released");
}

typedef struct
{
  const TestBackend *backend;
  Fixture *fixture;
  Peer *peer;
  gboolean got;
} Race;

static void
take_first (const char *path,
            int         fd,
            int         flags,
            gpointer    data)
{
  Race *race = data;
  g_autofree char *answer = NULL;

  peer_send (race->peer, "try");
  answer = peer_read_line (race->peer);
  race->got = g_str_equal (answer, "held");
}

/* Two processes find the same stale lock. The slower one must not remove the lock of the
 * faster one. */
static void
test_two_take_over (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  InterceptedCall call = backend->kind == LOCK_IS_DIRECTORY ? CALL_RENAME : CALL_UNLINK;

  for (int breaks = FALSE; breaks <= TRUE; breaks++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autoptr (Peer) dead = backend_peer_start_holder (backend, fixture->path);
      Race race = { backend, fixture, backend_peer_start (backend, fixture->path), FALSE };
      gboolean granted;

      peer_kill (dead);
      peer_wait (dead);
      intercept_hook (call, 1, take_first, &race);
      if (breaks)
        granted = !lf_lock_file_break_lock (lock, NULL, NULL) && FALSE;
      else
        granted = lf_lock_file_try_acquire (lock, NULL);
      g_assert_cmpuint (intercept_nothing (), >=, 1);
      g_assert_false (granted && race.got);
      if (race.got)
        {
          assert_locked (backend, fixture->path);
          peer_send (race.peer, "release");
          peer_expect (race.peer, "released");
        }
      if (granted)
        assert_releases (lock);
      peer_free (race.peer);
    }
}

/* On a network, a break succeeds although the holder has the file locked against it. */
static void
test_network_break (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;

  intercept_network (TRUE);
  assert_acquires (lock);
  g_assert_true (lf_lock_file_break_lock (breaker, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (path_exists (fixture->path));
  assert_tries (backend, fixture->path);
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_NOT_LOCKED);
  intercept_network (FALSE);
}

typedef struct
{
  LfLockFile *breaker;
  LfLockFile *successor;
  gboolean got;
} Nested;

static void
break_and_succeed_here (const char *path,
                        int         fd,
                        int         flags,
                        gpointer    data)
{
  Nested *nested = data;

  lf_lock_file_break_lock (nested->breaker, NULL, NULL);
  nested->got = lf_lock_file_try_acquire (nested->successor, NULL);
}

/* Neither a release nor a takeover of a stale lock removes the lock of the next holder
 * after a break. */
static void
test_network_succession (Fixture       *fixture,
                         gconstpointer  data)
{
  const TestBackend *backend = data;
  InterceptedCall call = backend->kind == LOCK_IS_DIRECTORY ? CALL_RENAME : CALL_UNLINK;

  for (int takes_over = FALSE; takes_over <= TRUE; takes_over++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
      g_autoptr (Peer) dead = NULL;
      Nested nested = {
        lock_new (backend, fixture->path), lock_new (backend, fixture->path), FALSE,
      };

      intercept_network (TRUE);
      if (takes_over)
        {
          dead = backend_peer_start_holder (backend, fixture->path);
          peer_kill (dead);
          peer_wait (dead);
        }
      else
        assert_acquires (lock);

      intercept_hook (call, 1, break_and_succeed_here, &nested);
      if (takes_over)
        lf_test_ignore (lf_lock_file_try_acquire (lock, NULL));
      else
        lf_test_ignore (lf_lock_file_release (lock, NULL));
      g_assert_cmpuint (intercept_nothing (), ==, 1);
      g_assert_false (nested.got && lf_lock_file_is_held (lock));
      if (nested.got)
        assert_releases (nested.successor);
      if (lf_lock_file_is_held (lock))
        assert_releases (lock);
      intercept_network (FALSE);
      assert_not_locked (backend, fixture->path);
      g_object_unref (nested.breaker);
      g_object_unref (nested.successor);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_hostile_test ("machine-records", test_machine_records);
  add_hostile_test ("renamed-machine", test_renamed_machine);
  add_hostile_test ("no-machine", test_no_machine);
  add_hostile_test ("clone", test_clone);
  add_hostile_test ("time-namespace", test_time_namespace);
  add_hostile_test ("links", test_links);
  add_hostile_test ("broken-in-release", test_broken_in_release);
  add_hostile_test ("broken-in-release-of-other-user", test_broken_in_release_of_other_user);
  add_hostile_test ("break-without-exclusion", test_break_without_exclusion);
  add_hostile_test ("no-removal-lock", test_no_removal_lock);
  add_hostile_test ("break-of-other-user", test_break_of_other_user);
  add_hostile_test ("two-take-over", test_two_take_over);

  add_hostile_test ("network-break", test_network_break);
  add_hostile_test ("network-succession", test_network_succession);

  return g_test_run ();
}
