/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-test-record.h"

G_BEGIN_DECLS

typedef struct
{
  Fixture *fixture;
  const TestBackend *backend;
  const char *argument;
} Child;

/* Adds a case for each backend whose lock is the existence of something. */
void     add_hostile_test         (const char *name,
                                   void      (*function) (Fixture *, gconstpointer));

/* Runs a program and waits for it; its messages become the test's. */
void     run_program              (const char *const *argv);
gboolean try_program              (const char *const *argv);

/* For a child that has mounts of its own. */
void     mount_over               (const char *source, const char *target);
/* Makes a file system of that type in an image in the fixture's directory, mounts it on a
 * directory beside it, and returns that directory. */
char    *mount_image              (const char *directory, const char *type, const char *size);

/* If the superuser or a program is missing, skips the case and returns FALSE. */
gboolean can_mount                (const char *program);

/* Writes until no byte of space is left. */
void     fill_file_system         (const char *directory);

/* Checks that another process can acquire the lock, taking over whatever is at the path. */
void     peer_gets                (const TestBackend *backend, const char *path);

/* Whether there is a file with that name anywhere under the directory. */
gboolean is_somewhere             (const char *directory, const char *name);

G_END_DECLS
