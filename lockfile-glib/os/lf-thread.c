/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-thread-private.h"

/* Numbers for threads that are never reused, unlike the system's. */
guint64
lf_thread_get_number (void)
{
  static GPrivate thread_number;
  static gsize last_number;
  gsize number = GPOINTER_TO_SIZE (g_private_get (&thread_number));

  if (number == 0)
    {
      number = 1 + (gsize) g_atomic_pointer_add (&last_number, 1);
      g_private_set (&thread_number, GSIZE_TO_POINTER (number));
    }

  return number;
}
