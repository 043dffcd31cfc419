/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <sys/stat.h>

#include "lf-test-backend.h"

G_BEGIN_DECLS

#define LEASE 2
#define HOUR 3600

/* Of this process, which runs one case. */
extern const TestBackend *backend;

Peer       *start_here            (const char *path, int lease);
Peer       *start_on_host         (const char *host, const char *path, int lease, int clock_error);
Peer       *start_program_on_host (const char *host, const char *const *program);

gint64      expect_time           (Peer *peer, const char *word);
gint64      acquire               (Peer *peer);
void        signal_peer           (Peer *peer, int number);
void        assert_takes_over     (Peer *waiter);
void        assert_answers        (Peer *peer, const char *command, const char *expected);
void        end                   (Peer *peer);

LfLockFile *new_leased            (const char *path);
void        assert_busy           (LfLockFile *lock);
void        get_stat              (const char *path, struct stat *lock_stat);
void        set_age               (const char *path, int seconds);

/* lease-programs.c */
void        test_program          (Fixture *fixture);

G_END_DECLS
