/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <lockfile-glib/lockfile-glib.h>

gboolean work_under_lock (LfLockFile *lock, GError **error);
