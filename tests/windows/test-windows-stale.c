/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Which holders a record proves dead on Windows, if the lock is a file: a process is
 * identified by its ID and its creation time, on its own machine. */

#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>
#include <windows.h>

#include "lf-test-record.h"

#define NEVER_A_PID "2147483640"

static char **
read_lines (const char *path)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  char **lines;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  /* The lines after these have keywords */
  g_assert_cmpuint (g_strv_length (lines), >, N_LINES);

  return lines;
}

/* Replaces a file that its holder may have open. */
static void
write_lines (const char *path,
             char      **lines)
{
  g_autofree char *text = g_strjoinv ("\n", lines);
  FILE *file = g_fopen (path, path_exists (path) ? "r+b" : "wb");

  g_assert_nonnull (file);
  g_assert_cmpint (fputs (text, file), >=, 0);
  g_assert_cmpint (fclose (file), ==, 0);
}

/* The record that this process writes. */
static char **
get_own_lines (const TestBackend *backend,
               const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  char **lines;

  assert_acquires (lock);
  lines = read_lines (path);
  assert_releases (lock);

  return lines;
}

/* Changes a line to another value of the same length. */
static void
change (char       **lines,
        RecordLine   line)
{
  char *last = lines[line] + strlen (lines[line]) - 1;

  *last = *last == '1' ? '2' : '1';
}

static void
assert_held (const TestBackend *backend,
             const char        *path)
{
  g_auto (GStrv) before = read_lines (path);
  g_auto (GStrv) after = NULL;
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;

  assert_locked (backend, path);
  assert_tries_in_vain (backend, path);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.01, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  after = read_lines (path);
  g_assert_true (g_strv_equal ((const char *const *) before, (const char *const *) after));
}

static void
assert_stale (const TestBackend *backend,
              const char        *path)
{
  g_assert_true (path_exists (path));
  assert_not_locked (backend, path);
  assert_tries (backend, path);
  g_assert_false (path_exists (path));
}

/* An earlier process had this ID. */
static void
test_recycled_pid (Fixture       *fixture,
                   gconstpointer  data)
{
  g_auto (GStrv) lines = get_own_lines (data, fixture->path);

  write_lines (fixture->path, lines);
  assert_held (data, fixture->path);
  change (lines, LINE_START_TIME);
  write_lines (fixture->path, lines);
  assert_stale (data, fixture->path);
}

/* No process has the ID now. */
static void
test_dead_pid (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (Peer) peer = backend_peer_start_holder (data, fixture->path);
  g_auto (GStrv) lines = read_lines (fixture->path);

  peer_kill (peer);
  peer_wait (peer);
  assert_stale (data, fixture->path);
  /* While another process has it open, it can still be queried */
  write_lines (fixture->path, lines);
  assert_stale (data, fixture->path);
  g_free (lines[LINE_PID]);
  lines[LINE_PID] = g_strdup (NEVER_A_PID);
  write_lines (fixture->path, lines);
  assert_stale (data, fixture->path);
}

/* A record that is not certainly of this machine proves nothing, and neither does a record
 * without a time. */
static void
test_unproved (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (GStrv) own = get_own_lines (backend, fixture->path);
  g_auto (GStrv) of_machine = g_strdupv (own);
  g_auto (GStrv) of_namespace = g_strdupv (own);
  g_auto (GStrv) without_time = g_strdupv (own);
  char **records[] = { of_machine, of_namespace, without_time };

  change (of_machine, LINE_START_TIME);
  change (of_machine, LINE_MACHINE);
  change (of_machine, LINE_BOOT);
  change (of_namespace, LINE_START_TIME);
  change (of_namespace, LINE_NAMESPACE);
  g_free (without_time[LINE_START_TIME]);
  without_time[LINE_START_TIME] = g_strdup ("0");

  for (gsize i = 0; i < G_N_ELEMENTS (records); i++)
    {
      g_autoptr (LfLockFile) breaker = lock_new (backend, fixture->path);

      write_lines (fixture->path, records[i]);
      assert_held (backend, fixture->path);
      g_assert_true (lf_lock_file_break_lock (breaker, NULL, NULL));
      g_assert_false (path_exists (fixture->path));
    }
}

/* Whatever the record says, the holder of a PID_FILE lives as long as its byte is locked. */
static void
test_life (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (Peer) peer = backend_peer_start_holder (backend, fixture->path);
  g_auto (GStrv) lines = read_lines (fixture->path);

  change (lines, LINE_START_TIME);
  write_lines (fixture->path, lines);
  if (backend->has_descriptor)
    assert_held (backend, fixture->path);

  peer_kill (peer);
  peer_wait (peer);
  assert_stale (backend, fixture->path);
}

/* What cannot be a record is somebody's data: nobody acquires, breaks or changes it. */
static void
test_not_a_lock (Fixture       *fixture,
                 gconstpointer  data)
{
  static const char binary[] = "1\n\0data";
  g_autofree char *long_text = g_strnfill (10000, '7');
  const struct { const char *data; gsize length; } files[] = {
    { binary, sizeof binary }, { long_text, 10000 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (data, fixture->path);
      g_autoptr (GError) acquire_error = NULL;
      g_autoptr (GError) break_error = NULL;
      g_autofree char *left = NULL;
      gsize length;

      g_assert_true (g_file_set_contents (fixture->path, files[i].data,
                                          (gssize) files[i].length, NULL));
      g_assert_false (lf_lock_file_try_acquire (lock, &acquire_error));
      g_assert_error (acquire_error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
      g_assert_false (lf_lock_file_break_lock (lock, NULL, &break_error));
      g_assert_error (break_error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);

      g_assert_true (g_file_get_contents (fixture->path, &left, &length, NULL));
      g_assert_cmpmem (left, length, files[i].data, files[i].length);
    }
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
}

static HANDLE
open_for_one (const char *path)
{
  g_autofree wchar_t *wide = (wchar_t *) g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  HANDLE file = CreateFileW (wide, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);

  g_assert_true (file != INVALID_HANDLE_VALUE);

  return file;
}

/* While a program shares the file with nobody, its record cannot be read. Such a lock is
 * held, is not broken, and is still the holder's when a release fails. */
static void
test_unreadable (Fixture       *fixture,
                 gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);
  g_autoptr (GError) error = NULL;
  HANDLE file;

  /* A holder that keeps the file open keeps such programs out */
  if (backend->has_descriptor)
    return;

  assert_acquires (lock);
  file = open_for_one (fixture->path);
  assert_tries_in_vain (backend, fixture->path);
  g_assert_false (lf_lock_file_break_lock (other, NULL, NULL));
  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, LF_UNLOCK_ERROR_FAILED);
  g_assert_true (lf_lock_file_is_held (lock));

  CloseHandle (file);
  assert_releases (lock);
  g_assert_false (path_exists (fixture->path));
}

static const BackendCase cases[] = {
  { "recycled-pid", test_recycled_pid },
  { "dead-pid", test_dead_pid },
  { "unproved", test_unproved },
  { "life", test_life },
  { "not-a-lock", test_not_a_lock },
  { "unreadable", test_unreadable },
  { NULL, NULL },
};

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (test_backends[i].is_existence)
        add_backend_tests ("windows-stale", &test_backends[i], cases);
    }

  return g_test_run ();
}
