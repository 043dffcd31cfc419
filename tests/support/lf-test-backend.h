/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-test-util.h"

G_BEGIN_DECLS

/* The kind of file at the path of a lock. */
typedef enum
{
  LOCK_IS_FILE,
  LOCK_IS_DIRECTORY,
  LOCK_IS_SYMLINK,
} LockKind;

/* What a test may expect of a backend. */
typedef struct
{
  LfBackend backend;
  const char *nick;
  LockKind kind;
  gboolean is_existence;   /* the lock is the existence of what is at the path */
  gboolean has_shared;
  gboolean has_descriptor; /* get_fd() returns one while the lock is held */
  gboolean locks_directories; /* in addition to files */
  gboolean names_others;   /* finds the holder even if it is another process */
  gboolean has_queue;      /* first come, first served even between processes */
  gboolean is_woken;       /* a release in any process ends a wait without a poll */
  gboolean refuses_children; /* of a process that holds one; they can only query */
  guint n_counter_rounds;
  guint n_cancel_rounds;
} TestBackend;

/* The backends that a build for this platform must have. */
extern const TestBackend test_backends[];
extern const gsize n_test_backends;

/* A case that runs for each backend; its data is the TestBackend. */
typedef struct
{
  const char *name;
  void (*function) (Fixture *fixture, gconstpointer data);
} BackendCase;

/* Adds the cases of a list that ends with an unnamed case, for one backend. Each case must
 * leave nothing in the fixture's directory. */
void         add_backend_tests        (const char        *suite,
                                       const TestBackend *backend,
                                       const BackendCase *cases);

LfLockFile * lock_new                 (const TestBackend *backend, const char *path);
Peer       * backend_peer_start       (const TestBackend *backend, const char *path);
Peer       * backend_peer_start_holder
                                      (const TestBackend *backend, const char *path);

void         assert_tries             (const TestBackend *backend, const char *path);
void         assert_tries_in_vain     (const TestBackend *backend, const char *path);
void         assert_locked            (const TestBackend *backend, const char *path);
void         assert_not_locked        (const TestBackend *backend, const char *path);
void         assert_no_litter         (const TestBackend *backend, Fixture *fixture);

/* Sends a command that waits, and returns when the peer is certainly waiting. */
void         peer_start_waiting       (Peer *peer, const char *command);

/* Returns when all other threads of this process sleep. */
void         wait_until_others_sleep  (void);

G_END_DECLS
