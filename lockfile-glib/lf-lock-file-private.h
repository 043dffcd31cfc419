/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-lock-file.h"

G_BEGIN_DECLS

/* For semaphores. */

LfLockFile *lf_lock_file_new_with_slots (const char *path,
                                         guint       slots);
guint       lf_lock_file_get_slot       (LfLockFile *self);

G_END_DECLS
