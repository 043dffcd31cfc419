/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-test-record.h"

G_BEGIN_DECLS

typedef struct
{
  Fixture *fixture;
  const TestBackend *backend;
  const char *argument;
} Child;

/* Adds a case for each way of locking whose lock is the existence of something. */
void     add_hostile_test         (const char *name,
                                   void      (*function) (Fixture *, gconstpointer));

/* Runs a program and waits for it; its messages are in those of the test. */
void     run_program              (const char *const *argv);
gboolean try_program              (const char *const *argv);

/* In a child that has mounts of its own. */
void     mount_over               (const char *source, const char *target);
/* A file system of that type with an image in the fixture's directory, mounted on a
 * directory beside it, which is returned. */
char    *mount_image              (const char *directory, const char *type, const char *size);

/* FALSE, and the case is skipped, if it takes the superuser or a program that is not
 * here. */
gboolean can_mount                (const char *program);

/* Writes until there is no space left, down to the last byte. */
void     fill_file_system         (const char *directory);

/* The lock that is or was at the path, as another process finds it. */
void     peer_gets                (const TestBackend *backend, const char *path);

/* Whether a file of that name is anywhere under the directory. */
gboolean is_somewhere             (const char *directory, const char *name);

G_END_DECLS
