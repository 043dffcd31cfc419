/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-library-private.h"

/* Nothing to do: it is linked with -z nodelete. */
void
lf_library_keep_loaded (void)
{
}
