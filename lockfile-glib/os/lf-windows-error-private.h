/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What GetLastError() says about a file, in the terms of GIO and of POSIX. GIO
 * itself translates the errors of sockets only. */

GIOErrorEnum lf_windows_error_to_io_error (guint32 error);
int          lf_windows_error_to_errno    (guint32 error);

G_END_DECLS
