/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-library-private.h"

#include <stdlib.h>

/* Nothing to do: it is linked with -z nodelete. */
void
lf_library_keep_loaded (void)
{
}

char *
lf_library_get_modules_directory (void)
{
  const char *directory = secure_getenv ("LF_MODULES");

  return g_strdup (directory != NULL && *directory != '\0' ? directory : MODULES_DIRECTORY);
}
