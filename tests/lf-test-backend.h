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
  gboolean has_queue;      /* first come, first served also among processes */
  gboolean is_woken;       /* a release in any process ends a wait, without a look */
  guint n_counter_rounds;
} TestBackend;

extern const TestBackend test_backends[];
extern const gsize n_test_backends;

/* Adds a case for one of the backends; the fixture's directory must be left
 * without litter. */
void         add_backend_test         (const char        *suite,
                                       const char        *name,
                                       const TestBackend *backend,
                                       void             (*function) (Fixture *, gconstpointer));

LfLockFile * lock_new                 (const TestBackend *backend, const char *path);
Peer       * backend_peer_start       (const TestBackend *backend, const char *path);
Peer       * backend_peer_start_holder
                                      (const TestBackend *backend, const char *path);

void         assert_tries             (const TestBackend *backend, const char *path);
void         assert_tries_in_vain     (const TestBackend *backend, const char *path);
void         assert_locked            (const TestBackend *backend, const char *path);
void         assert_not_locked        (const TestBackend *backend, const char *path);
void         assert_no_litter         (const TestBackend *backend, Fixture *fixture);

/* Whether there is anything, be it a symbolic link that leads nowhere. */
gboolean     path_exists              (const char *path);

/* Gives a command that waits, and returns when the peer surely does. */
void         peer_start_waiting       (Peer *peer, const char *command);

/* Returns when all threads of this process but the calling one sleep. */
void         wait_until_others_sleep  (void);

G_END_DECLS
