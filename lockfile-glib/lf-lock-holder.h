/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib-object.h>

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

#define LF_TYPE_LOCK_HOLDER (lf_lock_holder_get_type ())

LF_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (LfLockHolder, lf_lock_holder, LF, LOCK_HOLDER, GObject)

LF_AVAILABLE_IN_1_0
int lf_lock_holder_get_pid (LfLockHolder *self);

LF_AVAILABLE_IN_1_0
const char *lf_lock_holder_get_host (LfLockHolder *self);

LF_AVAILABLE_IN_1_0
const char *lf_lock_holder_get_application (LfLockHolder *self);

LF_AVAILABLE_IN_1_0
char *lf_lock_holder_to_string (LfLockHolder *self);

G_END_DECLS
