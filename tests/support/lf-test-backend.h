/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-test-util.h"

G_BEGIN_DECLS

/* What is at the path of a lock. */
typedef enum
{
  LOCK_IS_FILE,
  LOCK_IS_DIRECTORY,
  LOCK_IS_SYMLINK,
} LockKind;

/* What a test may expect of a way of locking. */
typedef struct
{
  LfBackend backend;
  const char *nick;
  LockKind kind;
  gboolean is_existence;   /* the lock is the existence of what is at the path */
  gboolean has_shared;
  gboolean has_descriptor; /* get_fd() has one while the lock is held */
  gboolean locks_directories; /* although it makes files */
  gboolean names_others;   /* the holder is told also if it is another process */
  gboolean has_queue;      /* first come, first served also among processes */
  gboolean is_woken;       /* a release in any process ends a wait, without a look */
  gboolean refuses_children; /* of a process that holds one; they can only look */
  guint n_counter_rounds;
  guint n_cancel_rounds;
} TestBackend;

/* Those that a build for this platform must have. */
extern const TestBackend test_backends[];
extern const gsize n_test_backends;

/* A case to be tried with each of them; its data is the TestBackend. */
typedef struct
{
  const char *name;
  void (*function) (Fixture *fixture, gconstpointer data);
} BackendCase;

/* Adds cases, up to one without a name, for one of the backends. Each must leave
 * the fixture's directory without litter. */
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

/* Gives a command that waits, and returns when the peer surely does. */
void         peer_start_waiting       (Peer *peer, const char *command);

/* Returns when all threads of this process but the calling one sleep. */
void         wait_until_others_sleep  (void);

G_END_DECLS
