/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <lockfile-glib/lockfile-glib.h>

gboolean work_under_lock (LfLockFile *lock, GError **error);
