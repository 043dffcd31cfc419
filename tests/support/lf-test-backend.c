/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-backend.h"

#include <string.h>
#include <unistd.h>

static void
backend_fixture_tear_down (Fixture       *fixture,
                           gconstpointer  data)
{
  assert_no_litter (data, fixture);
  fixture_tear_down (fixture, NULL);
}

void
add_backend_tests (const char        *suite,
                   const TestBackend *backend,
                   const BackendCase *cases)
{
  for (gsize i = 0; cases[i].name != NULL; i++)
    {
      g_autofree char *path = g_strdup_printf ("/%s/%s/%s", suite, backend->nick, cases[i].name);

      g_test_add (path, Fixture, backend, fixture_set_up, cases[i].function,
                  backend_fixture_tear_down);
    }
}

LfLockFile *
lock_new (const TestBackend *backend,
          const char        *path)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", backend->backend, NULL);
}

Peer *
backend_peer_start (const TestBackend *backend,
                    const char        *path)
{
  return peer_start_with (path, backend->nick);
}

Peer *
backend_peer_start_holder (const TestBackend *backend,
                           const char        *path)
{
  return peer_start_holder_with (path, backend->nick);
}

/* The lock is free: acquires and releases it. */
void
assert_tries (const TestBackend *backend,
              const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_try_acquire (lock, &error);

  g_assert_no_error (error);
  g_assert_true (granted);
  assert_releases (lock);
}

void
assert_tries_in_vain (const TestBackend *backend,
                      const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (GError) error = NULL;
  gboolean granted = lf_lock_file_try_acquire (lock, &error);

  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_false (granted);
}

static gboolean
is_locked (const TestBackend *backend,
           const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockHolder) holder = NULL;
  g_autoptr (GError) error = NULL;
  gboolean locked = lf_lock_file_is_locked (lock, NULL, &error);

  g_assert_no_error (error);
  holder = lf_lock_file_query_holder (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_true ((holder != NULL) == locked);

  return locked;
}

void
assert_locked (const TestBackend *backend,
               const char        *path)
{
  g_assert_true (is_locked (backend, path));
}

void
assert_not_locked (const TestBackend *backend,
                   const char        *path)
{
  g_assert_false (is_locked (backend, path));
}

/* The directory contains only the lock file, if the backend keeps one, and no descriptor of
 * it is open here. An abandoned wait may still be cleaning up. */
void
assert_no_litter (const TestBackend *backend,
                  Fixture           *fixture)
{
  g_autoptr (GDir) directory = NULL;
  g_autofree char *kept = NULL;
  const char *name;

  wait_for_no_lock_threads ();

  if (!backend->is_existence)
    kept = g_path_get_basename (fixture->path);
  directory = g_dir_open (fixture->directory, 0, NULL);
  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    g_assert_cmpstr (name, ==, kept);
  g_assert_cmpuint (count_open_files (fixture->directory), ==, 0);
}

void
wait_until_others_sleep (void)
{
  wait_until_asleep (getpid ());
}

void
peer_start_waiting (Peer       *peer,
                    const char *command)
{
  /* In one message, so that the peer does not sleep while it waits for the command */
  g_autofree char *commands = g_strconcat ("waiting\n", command, NULL);

  peer_send (peer, commands);
  peer_expect (peer, "waiting");
  wait_until_asleep (peer_get_pid (peer));
}
