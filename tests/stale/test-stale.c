/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Stale locks that are the existence of a file. A lock is taken over only if its record
 * proves that its holder is dead. All others are left alone, byte by byte, until they are
 * broken. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "lf-test-record.h"
#include "stale.h"

#define OTHER_MACHINE "0123456789abcdef0123456789abcdef"
#define OTHER_BOOT "01234567-89ab-4cde-8f01-23456789abcd"

#define MEBIBYTE (1024 * 1024)
#define N_CRASHES 40
#define N_NEWCOMERS 8
#define N_NEWCOMER_ROUNDS 50

static void
assert_line_is_from (const char *line,
                     const char *path)
{
  g_autofree char *text = NULL;

  if (g_file_get_contents (path, &text, NULL, NULL))
    g_assert_cmpstr (line, ==, g_strchomp (text));
}

/* The record contains all that later proves that its writer has ended. */
static void
test_record (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) lines = get_lines (backend, fixture->path, peer);
  g_autofree char *pid = g_strdup_printf ("%d", peer_get_pid (peer));
  g_autofree char *namespace_path = g_strdup_printf ("/proc/%d/ns/pid", peer_get_pid (peer));
  g_autofree char *namespace_inode = NULL;
  g_autofree char *start_time = get_start_time (peer_get_pid (peer));
  struct stat namespace_stat;

  g_assert_no_errno (stat (namespace_path, &namespace_stat));
  namespace_inode = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) namespace_stat.st_ino);

  g_assert_cmpuint (g_strv_length (lines), >, LINE_START_TIME);
  g_assert_cmpstr (lines[LINE_PID], ==, pid);
  g_assert_cmpstr (lines[LINE_APPLICATION], ==, "lf-test-peer");
  g_assert_cmpstr (lines[LINE_HOST], ==, g_get_host_name ());
  assert_line_is_from (lines[LINE_MACHINE], "/etc/machine-id");
  assert_line_is_from (lines[LINE_BOOT], "/proc/sys/kernel/random/boot_id");
  g_assert_cmpstr (get_value (lines[LINE_NAMESPACE]), ==, namespace_inode);
  g_assert_cmpstr (get_value (lines[LINE_START_TIME]), ==, start_time);
}

/* No process has the PID any longer. */
static void
test_dead_pid (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = backend_peer_start_holder (backend, fixture->path);
  g_autofree char *text = NULL;
  gsize length;

  text = read_record (backend, fixture->path, &length);
  assert_held_and_kept (backend, fixture->path);
  peer_kill (peer);
  peer_wait (peer);
  assert_taken_over (backend, fixture->path);

  /* The record proves it, no matter which process wrote it */
  assert_record_is_dead (backend, fixture->path, text);
}

/* Another process has the PID: a peer, this process, and the first process. */
static void
test_recycled_record (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) lines = get_lines (backend, fixture->path, peer);
  const int pids[] = { peer_get_pid (peer), getpid (), 1 };

  for (gsize i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      g_autofree char *pid = g_strdup_printf ("%d", pids[i]);
      g_autofree char *start_time = get_start_time (pids[i]);
      g_autofree char *true_text = get_text_with (lines, LINE_PID, pid,
                                                  LINE_START_TIME, start_time);
      guint64 number = g_ascii_strtoull (start_time, NULL, 10);
      /* The first process may have started at 0 */
      const guint64 others[] = { number > 0 ? number - 1 : 1, number + 1, number + 100000 };

      for (gsize j = 0; j < G_N_ELEMENTS (others); j++)
        {
          g_autofree char *other_time = g_strdup_printf ("%" G_GUINT64_FORMAT, others[j]);
          g_autofree char *text = get_text_with (lines, LINE_PID, pid,
                                                 LINE_START_TIME, other_time);

          assert_record_is_dead (backend, fixture->path, text);
        }

      /* If so, our process has executed another program */
      if (pids[i] == getpid ())
        assert_record_is_dead (backend, fixture->path, true_text);
      else
        assert_record_is_kept (backend, fixture->path, true_text, strlen (true_text));
    }
}

/* No process survives a boot, whichever process has its PID now. The record may also be
 * QLockFile's, which ends there. */
static void
test_other_boot (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) lines = get_lines (backend, fixture->path, peer);
  g_autofree char *text = get_text_with (lines, LINE_BOOT, OTHER_BOOT, 0, NULL);
  g_autofree char *short_text = g_strjoin ("\n", lines[LINE_PID], lines[LINE_APPLICATION],
                                           lines[LINE_HOST], lines[LINE_MACHINE], OTHER_BOOT,
                                           "", NULL);

  assert_record_is_dead (backend, fixture->path, text);
  assert_record_is_dead (backend, fixture->path, short_text);
}

/* The name of an executable may have any bytes. They neither prove nor prevent anything. */
static void
test_other_encoding (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) dead = get_dead_lines (backend, fixture->path);
  g_autofree char *text = get_text_with (dead, LINE_APPLICATION, "\xff\xfe", 0, NULL);
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) living = get_lines (backend, fixture->path, peer);
  g_autofree char *living_text = get_text_with (living, LINE_APPLICATION, "\xff\xfe",
                                                LINE_HOST, "\x80");

  assert_record_is_dead (backend, fixture->path, text);
  assert_record_is_kept (backend, fixture->path, living_text, strlen (living_text));
}

typedef struct
{
  RecordLine line;
  const char *value;
  RecordLine other_line;
  const char *other_value;
} Change;

static void
assert_changes_are_kept (const TestBackend *backend,
                         const char        *path,
                         char             **lines,
                         const Change      *changes,
                         gsize              n_changes)
{
  for (gsize i = 0; i < n_changes; i++)
    {
      g_autofree char *text = get_text_with (lines, changes[i].line, changes[i].value,
                                             changes[i].other_line, changes[i].other_value);

      assert_record_is_kept (backend, path, text, strlen (text));
    }
}

/* The process is dead, but its record does not prove it: of another host, another PID
 * namespace or an unknown origin, a PID proves nothing. */
static void
test_unproved (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) lines = get_dead_lines (backend, fixture->path);
  const Change changes[] = {
    { LINE_MACHINE, OTHER_MACHINE, LINE_BOOT, OTHER_BOOT },
    { LINE_MACHINE, "", LINE_BOOT, OTHER_BOOT },
    { LINE_BOOT, "" },
    { LINE_NAMESPACE, "" },
    { LINE_NAMESPACE, "garbage" },
    { LINE_PID, "0" },
    { LINE_PID, "-1" },
    { LINE_PID, "" },
    { LINE_PID, "garbage" },
    { LINE_PID, "99999999999999999999" },
    { LINE_PID, "4294967297" },
  };

  assert_changes_are_kept (backend, fixture->path, lines, changes, G_N_ELEMENTS (changes));
}

/* A process of another PID namespace cannot be seen. But if it was alive, it would have the
 * lock's inode locked, if there is one. */
static void
test_unseen (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) lines = get_dead_lines (backend, fixture->path);
  g_autofree char *plain = get_text_with (lines, LINE_NAMESPACE, "1", 0, NULL);
  g_autofree char *plain_host = get_text_with (lines, LINE_NAMESPACE, "1", LINE_HOST, "container");
  g_autofree char *text = g_strconcat (plain, "inode-lock:yes\n", NULL);
  g_autofree char *host = g_strconcat (plain_host, "inode-lock:yes\n", NULL);

  /* Programs that do not lock the inode */
  assert_record_is_kept (backend, fixture->path, plain, strlen (plain));
  assert_record_is_kept (backend, fixture->path, plain_host, strlen (plain_host));

  if (backend->kind == LOCK_IS_SYMLINK)
    {
      assert_record_is_kept (backend, fixture->path, text, strlen (text));
      return;
    }

  assert_record_is_dead (backend, fixture->path, text);
  assert_record_is_dead (backend, fixture->path, host);
}

/* The process is alive, and an invalid start time does not prove the opposite. */
static void
test_unproved_living (Fixture       *fixture,
                      gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) lines = get_lines (backend, fixture->path, peer);
  const Change changes[] = {
    { LINE_PID, NULL },
    { LINE_START_TIME, "" },
    { LINE_START_TIME, "garbage" },
    { LINE_START_TIME, "-1" },
    { LINE_START_TIME, "99999999999999999999999" },
    { LINE_MACHINE, OTHER_MACHINE, LINE_BOOT, OTHER_BOOT },
    { LINE_NAMESPACE, "1", LINE_START_TIME, "1" },
  };

  assert_changes_are_kept (backend, fixture->path, lines, changes, G_N_ELEMENTS (changes));
}

/* Records of other programs, with a PID and little more. */
static void
test_other_programs (Fixture       *fixture,
                     gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) lines = get_dead_lines (backend, fixture->path);
  const char *dead = lines[LINE_PID];
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (texts, g_strdup_printf ("%s\n", dead));
  g_ptr_array_add (texts, g_strdup (dead));
  g_ptr_array_add (texts, g_strdup_printf ("%10s\n", dead));
  g_ptr_array_add (texts, g_strdup_printf ("%s %s\n", dead, lines[LINE_HOST]));
  g_ptr_array_add (texts, g_strdup_printf ("%d\n", getpid ()));
  g_ptr_array_add (texts, g_strdup_printf ("%s\nprogram\n%s\n", dead, lines[LINE_HOST]));
  /* QLockFile on this machine and since this boot, but in an unknown namespace */
  g_ptr_array_add (texts, g_strdup_printf ("%s\nprogram\n%s\n%s\n%s\n", dead, lines[LINE_HOST],
                                           lines[LINE_MACHINE], lines[LINE_BOOT]));

  for (guint i = 0; i < texts->len; i++)
    assert_record_is_kept (backend, fixture->path, texts->pdata[i], strlen (texts->pdata[i]));
}

/* Something that cannot be a lock is refused, and cannot be broken. */
static void
assert_is_refused (const TestBackend *backend,
                   const char        *path,
                   const char        *text,
                   gsize              length)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;

  if (!can_have_record (backend, text, length))
    return;

  write_record (backend, path, text, length);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  g_assert_true (path_exists (path));
  remove_recursively (path);
}

/* Files that are not records. */
static void
test_garbage (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *large = g_malloc (MEBIBYTE);
  char bytes[256];

  assert_record_is_kept (backend, fixture->path, "", 0);
  assert_record_is_kept (backend, fixture->path, "\n", 1);
  assert_record_is_kept (backend, fixture->path, "\n\n\n\n\n\n\n\n", 8);
  assert_record_is_kept (backend, fixture->path, "garbage\n", 8);
  assert_record_is_kept (backend, fixture->path, "\xff\xfe\x80\n\xc3(\n", 7);
  assert_is_refused (backend, fixture->path, "12\0" "34\n", 6);

  for (gsize i = 0; i < sizeof bytes; i++)
    bytes[i] = (char) i;
  assert_is_refused (backend, fixture->path, bytes, sizeof bytes);

  memset (large, 'x', MEBIBYTE);
  assert_is_refused (backend, fixture->path, large, MEBIBYTE);
  memset (large, '1', MEBIBYTE);
  assert_is_refused (backend, fixture->path, large, MEBIBYTE);
  memset (large, '\n', MEBIBYTE);
  assert_is_refused (backend, fixture->path, large, MEBIBYTE);
  memset (large, '\0', MEBIBYTE);
  assert_is_refused (backend, fixture->path, large, MEBIBYTE);

  if (backend->kind == LOCK_IS_DIRECTORY)
    {
      /* A directory that is still empty */
      g_assert_no_errno (g_mkdir (fixture->path, 0777));
      assert_held_until_broken (backend, fixture->path);
    }
}

/* A part of a living process's record never proves that the process is dead. A part of a
 * dead process's record proves it only if nothing necessary is missing. */
static void
test_truncated (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) dead_lines = get_dead_lines (backend, fixture->path);
  g_autofree char *dead = g_strjoinv ("\n", dead_lines);
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) lines = get_lines (backend, fixture->path, peer);
  g_autofree char *living = g_strjoinv ("\n", lines);
  gsize needed = 0;

  for (gsize length = 0; length <= strlen (living); length++)
    assert_record_is_kept (backend, fixture->path, living, length);

  for (guint i = LINE_PID; i < LINE_NAMESPACE; i++)
    needed += strlen (dead_lines[i]) + 1;
  for (gsize length = 0; length < needed; length++)
    assert_record_is_kept (backend, fixture->path, dead, length);
}

/* A slow process is just writing the record. */
static void
test_growing (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autofree char *record_path = get_record_path (backend, fixture->path);
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  g_auto (GStrv) lines = get_lines (backend, fixture->path, peer);
  g_autofree char *text = g_strjoinv ("\n", lines);
  g_auto (Claim) claim = { 0 };
  int fd;

  if (backend->kind == LOCK_IS_SYMLINK)
    return;

  write_record (backend, fixture->path, "", 0);
  fd = open (record_path, O_WRONLY | O_APPEND | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  lf_lock_file_set_poll_interval (lock, 0.001);
  claim_start (&claim, lock, NULL);
  for (gsize i = 0; text[i] != '\0'; i++)
    {
      g_assert_cmpint (write (fd, &text[i], 1), ==, 1);
      assert_tries_in_vain (backend, fixture->path);
      g_main_context_iteration (NULL, FALSE);
      g_assert_false (claim.done);
    }
  close (fd);
  assert_held_and_kept (backend, fixture->path);

  remove_recursively (fixture->path);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
}

/* The next holder removes everything that crashed processes have left. */
static void
assert_cleans_up (const TestBackend *backend,
                  Fixture           *fixture)
{
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);

  peer_send (peer, "try");
  peer_expect (peer, "held");
  peer_send (peer, "release");
  peer_expect (peer, "released");
  assert_no_litter (backend, fixture);
}

/* Two processes acquire and release all the time, and are killed at any moment. Everything
 * that they leave is cleaned up. */
static void
test_crashes (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *counter = g_build_filename (fixture->directory, "counter", NULL);
  g_autofree char *command = g_strdup_printf ("count-sync %s 100000000", counter);

  for (int i = 0; i < N_CRASHES; i++)
    {
      g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
      g_autoptr (Peer) other = backend_peer_start (backend, fixture->path);

      peer_send (peer, command);
      if (i % 2 == 0)
        peer_send (other, command);
      while (!path_exists (counter))
        g_usleep (500);
      g_usleep ((gulong) g_test_rand_int_range (0, 3000));

      peer_kill (peer);
      peer_kill (other);
      peer_wait (peer);
      peer_wait (other);
      g_assert_no_errno (g_unlink (counter));
      assert_cleans_up (backend, fixture);
    }
}

/* Many processes start at once, so that some clean up while others make locks. None
 * mistakes another's work for a leftover. */
static void
test_newcomers (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *counter = g_build_filename (fixture->directory, "counter", NULL);
  g_autofree char *command = g_strdup_printf ("count-sync %s 5", counter);

  for (int round = 0; round < N_NEWCOMER_ROUNDS; round++)
    {
      g_autofree char *number = NULL;
      Peer *peers[N_NEWCOMERS];

      for (gsize i = 0; i < N_NEWCOMERS; i++)
        {
          peers[i] = backend_peer_start (backend, fixture->path);
          peer_send (peers[i], "waiting");
          peer_expect (peers[i], "waiting");
        }
      for (gsize i = 0; i < N_NEWCOMERS; i++)
        peer_send (peers[i], command);
      for (gsize i = 0; i < N_NEWCOMERS; i++)
        {
          peer_expect (peers[i], "counted");
          peer_free (peers[i]);
        }

      g_assert_true (g_file_get_contents (counter, &number, NULL, NULL));
      g_assert_cmpint (atoi (number), ==, N_NEWCOMERS * 5);
      g_assert_no_errno (g_unlink (counter));
      assert_no_litter (backend, fixture);
    }
}

static const BackendCase record_cases[] = {
  { "record", test_record },
  { "dead-pid", test_dead_pid },
  { "recycled-record", test_recycled_record },
  { "other-boot", test_other_boot },
  { "other-encoding", test_other_encoding },
  { "unproved", test_unproved },
  { "unseen", test_unseen },
  { "unproved-living", test_unproved_living },
  { "other-programs", test_other_programs },
  { "garbage", test_garbage },
  { "truncated", test_truncated },
  { "growing", test_growing },
  { "crashes", test_crashes },
  { "newcomers", test_newcomers },
  { NULL, NULL },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (!test_backends[i].is_existence || !lf_backend_is_supported (test_backends[i].backend))
        continue;

      add_backend_tests ("stale", &test_backends[i], record_cases);
      add_backend_tests ("stale", &test_backends[i], stale_namespace_cases);
    }

  return g_test_run ();
}
