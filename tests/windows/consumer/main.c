/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Another project's program, built with the installed library and pkg-config. */

#include "work.h"

int
main (void)
{
  g_auto (GStrv) arguments = g_win32_get_command_line ();
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GError) error = NULL;

  if (g_strv_length (arguments) != 2 || !LF_CHECK_VERSION (1, 0, 0))
    return 2;

  lock = lf_lock_file_new (arguments[1]);
  if (!work_under_lock (lock, &error))
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }

  g_print ("Windows has it\n");

  return 0;
}
