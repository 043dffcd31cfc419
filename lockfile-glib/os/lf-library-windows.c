/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-library-private.h"

#include <windows.h>

/* This also works if the library is linked statically into another module. */
void
lf_library_keep_loaded (void)
{
  HMODULE module;

  GetModuleHandleExW (GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                      (LPCWSTR) (void (*) (void)) lf_library_keep_loaded, &module);
}

char *
lf_library_get_modules_directory (void)
{
  const char *directory = g_getenv ("LF_MODULES");

  return g_strdup (directory != NULL && *directory != '\0' ? directory : MODULES_DIRECTORY);
}
