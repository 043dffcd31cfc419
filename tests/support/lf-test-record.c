/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-record.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define INODE_LOCK "inode-lock:yes\n"

char *
get_record_path (const TestBackend *backend,
                 const char        *path)
{
  return backend->kind == LOCK_IS_DIRECTORY ? g_build_filename (path, "holder", NULL)
                                            : g_strdup (path);
}

/* A symbolic link cannot have every target. */
gboolean
can_have_record (const TestBackend *backend,
                 const char        *text,
                 gsize              length)
{
  return backend->kind != LOCK_IS_SYMLINK ||
         (length > 0 && length < PATH_MAX && memchr (text, '\0', length) == NULL);
}

/* Makes a lock with this record, as its holder would. */
void
write_record (const TestBackend *backend,
              const char        *path,
              const char        *text,
              gsize              length)
{
  g_autofree char *record_path = get_record_path (backend, path);
  g_autofree char *target = NULL;
  gsize written = 0;
  int fd;

  g_assert_true (can_have_record (backend, text, length));
  g_assert_false (path_exists (path));

  if (backend->kind == LOCK_IS_SYMLINK)
    {
      target = g_strndup (text, length);
      g_assert_no_errno (symlink (target, path));
      return;
    }

  if (backend->kind == LOCK_IS_DIRECTORY)
    g_assert_no_errno (g_mkdir (path, 0777));

  fd = open (record_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  g_assert_cmpint (fd, >=, 0);
  while (written < length)
    {
      gssize n_bytes = write (fd, text + written, length - written);

      g_assert_cmpint (n_bytes, >, 0);
      written += (gsize) n_bytes;
    }
  close (fd);
}

char *
read_record (const TestBackend *backend,
             const char        *path,
             gsize             *length)
{
  g_autofree char *record_path = get_record_path (backend, path);
  g_autoptr (GError) error = NULL;
  char *text;

  if (backend->kind == LOCK_IS_SYMLINK)
    {
      text = g_file_read_link (path, &error);
      *length = text != NULL ? strlen (text) : 0;
    }
  else
    g_file_get_contents (record_path, &text, length, &error);

  g_assert_no_error (error);

  return text;
}

/* The lines of a holder's record, which it reads while it holds the lock, except for the
 * line that says that the inode is locked, which is not true for a test's record. */
char **
get_lines (const TestBackend *backend,
           const char        *path,
           Peer              *peer)
{
  g_autofree char *text = NULL;
  gsize length;

  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  text = read_record (backend, path, &length);
  peer_send (peer, "release");
  peer_expect (peer, "released");
  g_assert_cmpuint (strlen (text), ==, length);
  if (g_str_has_suffix (text, INODE_LOCK))
    text[length - strlen (INODE_LOCK)] = '\0';

  return g_strsplit (text, "\n", -1);
}

/* A line that is NULL stays the same. */
char *
get_text_with (char       **lines,
               RecordLine   line,
               const char  *value,
               RecordLine   other_line,
               const char  *other_value)
{
  g_autoptr (GPtrArray) changed = g_ptr_array_new ();

  for (guint i = 0; lines[i] != NULL; i++)
    g_ptr_array_add (changed, lines[i]);
  g_assert_cmpuint (changed->len, >, LINE_START_TIME);
  if (value != NULL)
    changed->pdata[line] = (char *) value;
  if (other_value != NULL)
    changed->pdata[other_line] = (char *) other_value;
  g_ptr_array_add (changed, NULL);

  return g_strjoinv ("\n", (char **) changed->pdata);
}

/* Neither a query nor a try nor a wait changes it. */
void
assert_held_and_kept (const TestBackend *backend,
                      const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;
  g_autofree char *record_path = get_record_path (backend, path);
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  g_auto (Claim) claim = { 0 };
  struct stat stat_before, stat_after;
  gboolean has_record = path_exists (record_path);
  gsize length_before, length_after;

  g_assert_no_errno (lstat (path, &stat_before));
  if (has_record)
    before = read_record (backend, path, &length_before);

  assert_locked (backend, path);
  assert_tries_in_vain (backend, path);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.002, NULL, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  lf_lock_file_set_timeout (lock, 0);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  /* On a busy machine its thread may not have made the attempt after a second */
  if (!g_error_matches (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_TIMED_OUT))
    g_assert_error (claim.error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);

  g_assert_no_errno (lstat (path, &stat_after));
  g_assert_cmpuint (stat_before.st_ino, ==, stat_after.st_ino);
  g_assert_cmpint (stat_before.st_mtim.tv_nsec, ==, stat_after.st_mtim.tv_nsec);
  g_assert_true (path_exists (record_path) == has_record);
  if (has_record)
    {
      after = read_record (backend, path, &length_after);
      g_assert_cmpmem (before, length_before, after, length_after);
    }
}

/* If nobody can prove that the holder is dead, the lock stays until it is broken. */
void
assert_held_until_broken (const TestBackend *backend,
                          const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;

  assert_held_and_kept (backend, path);
  g_assert_true (lf_lock_file_break_lock (lock, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (path_exists (path));
  assert_not_locked (backend, path);
  assert_tries (backend, path);
}

/* In one line, as the test protocol requires. */
static void
show_record (const char *what,
             const char *text,
             gsize       length)
{
  g_autofree char *start = g_strndup (text, MIN (length, 300));
  g_autofree char *escaped = g_strescape (start, NULL);

  g_test_message ("%s: \"%s\"", what, escaped);
}

void
assert_record_is_kept (const TestBackend *backend,
                       const char        *path,
                       const char        *text,
                       gsize              length)
{
  if (!can_have_record (backend, text, length))
    return;

  show_record ("Kept", text, length);
  write_record (backend, path, text, length);
  assert_held_until_broken (backend, path);
}

/* The holder is proved dead, and we acquire its lock. */
void
assert_taken_over (const TestBackend *backend,
                   const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (path_exists (path));
  lf_test_ignore (lf_lock_file_try_acquire (lock, &error));
  g_assert_no_error (error);
  holder = lf_lock_file_query_holder (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lf_lock_holder_get_pid (holder), ==, getpid ());
  assert_tries_in_vain (backend, path);
  assert_releases (lock);
  g_assert_false (path_exists (path));
}

void
assert_record_is_dead (const TestBackend *backend,
                       const char        *path,
                       const char        *text)
{
  show_record ("Dead", text, strlen (text));
  write_record (backend, path, text, strlen (text));
  assert_taken_over (backend, path);
}

/* The record of a peer that has died without the lock. */
char **
get_dead_lines (const TestBackend *backend,
                const char        *path)
{
  g_autoptr (Peer) peer = backend_peer_start (backend, path);
  char **lines = get_lines (backend, path, peer);

  peer_kill (peer);
  peer_wait (peer);

  return lines;
}

/* Field 22 of proc_pid_stat(5). */
char *
get_start_time (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  /* The second field ends with the last parenthesis, and may contain anything */
  fields = g_strsplit (strrchr (text, ')') + 2, " ", -1);
  g_assert_cmpuint (g_strv_length (fields), >, 22 - 3);

  return g_strdup (fields[22 - 3]);
}

/* The rest of a line after its keyword. */
const char *
get_value (const char *line)
{
  const char *colon = strchr (line, ':');

  g_assert_nonnull (colon);

  return colon + 1;
}
