/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-test-backend.h"

G_BEGIN_DECLS

/* Records of locks that are the existence of a file, as other processes leave them. */

/* The lines of a record, in their order. */
typedef enum
{
  LINE_PID,
  LINE_APPLICATION,
  LINE_HOST,
  LINE_MACHINE,
  LINE_BOOT,
  LINE_NAMESPACE,
  LINE_START_TIME,
  LINE_TOKEN,
  N_LINES,
} RecordLine;

/* The path of the record of the lock at @path. */
char  *get_record_path          (const TestBackend *backend, const char *path);
gboolean can_have_record        (const TestBackend *backend, const char *text, gsize length);
void   write_record             (const TestBackend *backend, const char *path,
                                 const char *text, gsize length);
char  *read_record              (const TestBackend *backend, const char *path, gsize *length);

char **get_lines                (const TestBackend *backend, const char *path, Peer *peer);
char **get_dead_lines           (const TestBackend *backend, const char *path);
char  *get_text_with            (char **lines, RecordLine line, const char *value,
                                 RecordLine other_line, const char *other_value);

void   assert_held_and_kept     (const TestBackend *backend, const char *path);
void   assert_held_until_broken (const TestBackend *backend, const char *path);
void   assert_taken_over        (const TestBackend *backend, const char *path);
void   assert_record_is_kept    (const TestBackend *backend, const char *path,
                                 const char *text, gsize length);
void   assert_record_is_dead    (const TestBackend *backend, const char *path, const char *text);

char  *get_start_time           (int pid);
const char *get_value           (const char *line);

G_END_DECLS
