/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-library-private.h"

#include <windows.h>

/* Whatever module this is in, be it one that has the library linked statically. */
void
lf_library_keep_loaded (void)
{
  HMODULE module;

  GetModuleHandleExW (GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                      (LPCWSTR) (void (*) (void)) lf_library_keep_loaded, &module);
}
