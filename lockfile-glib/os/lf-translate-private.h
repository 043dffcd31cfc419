/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Instead of <glib/gi18n-lib.h>, which leaves it to a program to say where the
 * translations of a library lie. */

const char *lf_translate (const char *message) G_GNUC_FORMAT (1);

#define _(message) lf_translate (message)
#define N_(message) message

G_END_DECLS
