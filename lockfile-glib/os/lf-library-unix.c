/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-library-private.h"

/* The linker was told. */
void
lf_library_keep_loaded (void)
{
}
