/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Used instead of <glib/gi18n-lib.h>, with which the program would have to say where the
 * library's translations are. */

const char *lf_translate (const char *message) G_GNUC_FORMAT (1);

#define _(message) lf_translate (message)
#define N_(message) message

G_END_DECLS
