/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Translates GetLastError() about a file into GIO's and POSIX's errors. GIO itself
 * translates only the errors of sockets. */

GIOErrorEnum lf_windows_error_to_io_error (guint32 error);
int          lf_windows_error_to_errno    (guint32 error);

G_END_DECLS
