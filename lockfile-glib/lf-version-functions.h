/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

LF_AVAILABLE_IN_1_0
guint lf_get_major_version (void);

LF_AVAILABLE_IN_1_0
guint lf_get_minor_version (void);

LF_AVAILABLE_IN_1_0
guint lf_get_micro_version (void);

LF_AVAILABLE_IN_1_0
const char *lf_check_version (guint required_major,
                              guint required_minor,
                              guint required_micro);

G_END_DECLS
