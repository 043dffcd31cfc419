/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-translate-private.h"

#include <libintl.h>

/* Called with the first message, so that loading the library does nothing. */
static void
bind_domain (void)
{
  static gsize bound;

  if (!g_once_init_enter (&bound))
    return;

  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  /* As all strings in GLib */
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  g_once_init_leave (&bound, 1);
}

const char *
lf_translate (const char *message)
{
  bind_domain ();

  return g_dgettext (GETTEXT_PACKAGE, message);
}
