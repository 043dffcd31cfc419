/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Other programs that let locks age, both ways: they respect our renewals and take over our
 * dead locks, and we respect theirs and take over their dead ones. */

#include <signal.h>

#include "lease.h"

typedef struct
{
  LfBackend backend;
  const char *interpreter;
  GTestFileType place;
  const char *script;
  const char *name;
} Program;

static const Program programs[] = {
  /* Renews the directory every second, and removes one that was not renewed for two */
  { LF_BACKEND_DIRECTORY, "/usr/bin/node", G_TEST_DIST, "interop-node.js", "proper-lockfile-lease" },
  /* Removes a file that is older than two seconds, unless it is locked */
  { LF_BACKEND_PID_FILE, "/usr/bin/env", G_TEST_BUILT, "interop-qt", "qlockfile-lease" },
  /* Removes a file that is older than five minutes */
  { LF_BACKEND_HARD_LINK, "/bin/sh", G_TEST_DIST, "interop-shell.sh", "dotlockfile-without-pid" },
};

static Peer *
start_program (const Program *program,
               const char    *verb,
               const char    *path)
{
  g_autofree char *script = g_test_build_filename (program->place, "interop", program->script, NULL);
  const char *argv[] = { program->interpreter, script, program->name, verb, path, NULL };

  return start_program_on_host ("program", argv);
}

static void
assert_program_tries (const Program *program,
                      const char    *path,
                      const char    *expected)
{
  g_autoptr (Peer) peer = start_program (program, "try", path);

  peer_expect (peer, expected);
  peer_wait (peer);
}

static Peer *
start_holder (const Program *program,
              const char    *path)
{
  Peer *peer = start_program (program, "hold", path);

  peer_expect (peer, "held");

  return peer;
}

/* The program gets the lock after the lease, which may have ended before the program began. */
static void
expect_takes_over (Peer *peer)
{
  g_autofree char *line = peer_read_line (peer);

  if (g_strcmp0 (line, "busy") == 0)
    peer_expect (peer, "held");
  else
    g_assert_cmpstr (line, ==, "held");
}

/* Our lock, which is renewed, and then no longer. */
static void
meet_ours (const Program *program,
           const char    *path)
{
  gboolean is_long = program->backend == LF_BACKEND_HARD_LINK;
  g_autoptr (Peer) waiter = NULL;
  Peer *holder = start_on_host ("holder", path, LEASE, 0);

  acquire (holder);
  if (is_long)
    set_age (path, HOUR);
  /* Longer than its patience, or until the next renewal */
  assert_answers (holder, is_long ? "block 1.5" : "block 4", "unblocked");
  assert_program_tries (program, path, "busy");
  assert_answers (holder, "verify", "yes");
  end (holder);

  if (is_long)
    set_age (path, HOUR);
  waiter = start_program (program, "hold", path);
  expect_takes_over (waiter);
  peer_send (waiter, "");
  peer_wait (waiter);
  g_assert_false (path_exists (path));
}

/* A holder of ours that was stopped does not touch the lock of the program. */
static void
be_stopped (const Program *program,
            const char    *path)
{
  Peer *holder = start_on_host ("holder", path, LEASE, 0);
  Peer *other;

  acquire (holder);
  signal_peer (holder, SIGSTOP);
  other = start_program (program, "hold", path);
  expect_takes_over (other);
  signal_peer (holder, SIGCONT);
  expect_time (holder, "lost ");
  assert_answers (holder, "release", "error lf-unlock-error-quark 2"); /* NOT_MY_LOCK */
  g_assert_true (path_exists (path));
  peer_send (other, "");
  peer_wait (other);
  g_assert_false (path_exists (path));
  peer_free (other);
  end (holder);
}

/* The program's lock: it is renewed or, if it is not, locked by its holder. */
static void
meet_its (const Program *program,
          const char    *path)
{
  g_autoptr (LfLockFile) lock = new_leased (path);
  g_autoptr (LfLockFile) plain = lock_new (backend, path);
  Peer *holder = start_holder (program, path);
  Peer *waiter = NULL;

  if (program->backend == LF_BACKEND_DIRECTORY)
    {
      waiter = start_on_host ("waiter", path, LEASE, 0);
      peer_send (waiter, "acquire");
      /* The waiter is kept waiting as long */
      g_usleep (4 * G_USEC_PER_SEC);
      assert_program_tries (program, path, "busy");
      end (holder);
      assert_takes_over (waiter);
      assert_answers (waiter, "release", "released");
      end (waiter);
      return;
    }

  if (program->backend == LF_BACKEND_PID_FILE)
    set_age (path, HOUR);
  assert_busy (lock);
  end (holder);
  set_age (path, HOUR);
  assert_busy (plain);
  assert_acquires (lock);
  assert_releases (lock);
}

void
test_program (Fixture *fixture)
{
  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    {
      if (programs[i].backend != backend->backend)
        continue;

      meet_ours (&programs[i], fixture->path);
      if (programs[i].backend == LF_BACKEND_DIRECTORY)
        be_stopped (&programs[i], fixture->path);
      meet_its (&programs[i], fixture->path);
    }
}
