/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-document-private.h"

#include <string.h>

#include "os/lf-path-private.h"
#include "os/lf-translate-private.h"

void
lf_document_set_resolve_error (GError     **error,
                               const char  *path,
                               int          saved_errno)
{
  g_autofree char *display_name = lf_path_get_display_name (path);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               _("Cannot resolve the path of document %s: %s"), display_name,
               g_strerror (saved_errno));
}

static char *
hash (const char *text)
{
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

/* A hidden name that contains the document's name unchanged: where names that differ only
 * in case mean one file, this also holds for the locks. Only a name that would be too long
 * is hashed. */
static char *
get_lock_name (const char *directory,
               const char *name)
{
  g_autofree char *lock_name = g_strconcat (".", name, ".lock", NULL);
  g_autofree char *hashed = NULL;

  if (strlen (lock_name) <= lf_document_get_name_max (directory))
    return g_steal_pointer (&lock_name);

  hashed = hash (name);
  return g_strconcat (".", hashed, ".lock", NULL);
}

/* The choice must be the same for all processes that may edit the document. So it depends
 * on whether they may create files in the directory, not on whether a lock file exists at
 * the moment. All processes of one user agree on that. Users with and without that
 * permission do not exclude each other. */
char *
lf_document_get_lock_path (const char *document,
                           gboolean   *beside)
{
  g_autofree char *directory = g_path_get_dirname (document);
  g_autofree char *basename = g_path_get_basename (document);
  g_autofree char *runtime_directory = NULL;
  g_autofree char *hashed = NULL;
  g_autofree char *name = NULL;

  *beside = lf_document_can_make_files (directory);
  if (*beside)
    {
      name = get_lock_name (directory, basename);
      return g_build_filename (directory, name, NULL);
    }

  runtime_directory = lf_document_get_runtime_directory ();
  hashed = hash (document);
  name = g_strconcat (hashed, ".lock", NULL);
  return g_build_filename (runtime_directory, "lockfile-glib", name, NULL);
}
