/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-util.h"

#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  fixture->directory = g_dir_make_tmp ("lockfile-glib-XXXXXX", &error);
  g_assert_no_error (error);
  /* For cases that continue as another user */
  g_assert_no_errno (g_chmod (fixture->directory, 0777));
  fixture->path = g_build_filename (fixture->directory, "test.lock", NULL);
}

void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  remove_recursively (fixture->directory);
  g_clear_pointer (&fixture->directory, g_free);
  g_clear_pointer (&fixture->path, g_free);
}

Peer *
peer_start_argv (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  Peer *peer = g_new0 (Peer, 1);

  peer->process = g_subprocess_newv (argv,
                                     G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                     &error);
  g_assert_no_error (error);
  peer->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (peer->process));

  return peer;
}

/* Starts the peer program; lf-test-peer.c describes its commands. */
Peer *
peer_start (const char *path)
{
  return peer_start_with (path, "auto");
}

Peer *
peer_start_with (const char *path,
                 const char *backend)
{
  const char *argv[] = { g_getenv ("LF_TEST_PEER"), path, backend, NULL };

  g_assert_nonnull (argv[0]);

  return peer_start_argv (argv);
}

Peer *
peer_start_holder (const char *path)
{
  return peer_start_holder_with (path, "auto");
}

Peer *
peer_start_holder_with (const char *path,
                        const char *backend)
{
  Peer *peer = peer_start_with (path, backend);

  peer_send (peer, "acquire");
  peer_expect (peer, "held");

  return peer;
}

void
peer_send (Peer       *peer,
           const char *command)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_strconcat (command, "\n", NULL);
  GOutputStream *input = g_subprocess_get_stdin_pipe (peer->process);

  g_output_stream_write_all (input, line, strlen (line), NULL, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_flush (input, NULL, &error);
  g_assert_no_error (error);
}

char *
peer_read_line (Peer *peer)
{
  g_autoptr (GError) error = NULL;
  char *line = g_data_input_stream_read_line (peer->output, NULL, NULL, &error);

  g_assert_no_error (error);
  if (line == NULL)
    g_test_message ("The peer ended with exit status %d", peer_wait (peer));

  return line;
}

void
peer_expect (Peer       *peer,
             const char *expected)
{
  g_autofree char *line = peer_read_line (peer);

  g_assert_cmpstr (line, ==, expected);
}

int
peer_get_pid (Peer *peer)
{
  return atoi (g_subprocess_get_identifier (peer->process));
}

void
peer_kill (Peer *peer)
{
  if (has_process_watcher ())
    g_subprocess_force_exit (peer->process);
  else if (!peer->reaped)
    kill_process (peer_get_pid (peer));
}

/* Waits until it ends, and returns the exit status. */
int
peer_wait (Peer *peer)
{
  g_autoptr (GError) error = NULL;

  if (!has_process_watcher ())
    {
      if (!peer->reaped)
        peer->exit_status = wait_for_process (peer_get_pid (peer));
      peer->reaped = TRUE;
      return peer->exit_status;
    }

  g_subprocess_wait (peer->process, NULL, &error);
  g_assert_no_error (error);

  return g_subprocess_get_if_exited (peer->process) ? g_subprocess_get_exit_status (peer->process)
                                                    : -1;
}

void
peer_free (Peer *peer)
{
  peer_kill (peer);
  peer_wait (peer);
  g_object_unref (peer->output);
  g_object_unref (peer->process);
  g_free (peer);
}

static void
claim_done_cb (GObject      *object,
               GAsyncResult *result,
               gpointer      user_data)
{
  Claim *claim = user_data;

  g_assert_false (claim->done);
  claim->granted = lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &claim->error);
  g_assert_true (claim->granted == (claim->error == NULL));
  claim->thread = g_thread_self ();
  if (claim->counter != NULL)
    claim->sequence = (*claim->counter)++;
  claim->done = TRUE;
}

void
claim_start (Claim        *claim,
             LfLockFile   *lock,
             GCancellable *cancellable)
{
  lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, cancellable, claim_done_cb, claim);
  g_assert_false (claim->done);
}

void
iterate_until (gboolean *flag)
{
  GMainContext *context = g_main_context_get_thread_default ();

  while (!*flag)
    g_main_context_iteration (context, TRUE);
}

void
claim_wait (Claim *claim)
{
  iterate_until (&claim->done);
}

void
claim_clear (Claim *claim)
{
  g_clear_error (&claim->error);
  claim->done = claim->granted = FALSE;
}

void
assert_acquires (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_acquire (lock, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (granted);
  g_assert_true (lf_lock_file_is_held (lock));
}

void
assert_releases (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  gboolean released = lf_lock_file_release (lock, &error);

  g_assert_no_error (error);
  g_assert_true (released);
  g_assert_false (lf_lock_file_is_held (lock));
}

void
assert_free (const char *path)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_try_acquire (lock, &error);

  g_assert_no_error (error);
  g_assert_true (granted);
  assert_releases (lock);
}

void
assert_not_free (const char *path)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (path);
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_try_acquire (lock, &error);

  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_false (granted);
}

/* All ways to acquire fail with the same error. */
void
assert_refused (LfLockFile *lock,
                GQuark      domain,
                int         code)
{
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, domain, code);
  g_clear_error (&error);
  g_assert_false (lf_lock_file_try_acquire (lock, &error));
  g_assert_error (error, domain, code);
  claim_start (&claim, lock, NULL);
  claim_wait (&claim);
  g_assert_error (claim.error, domain, code);
  g_assert_false (lf_lock_file_is_held (lock));
}
