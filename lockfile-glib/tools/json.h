/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void json_append_string (GString    *json,
                         const char *string);

G_END_DECLS
