/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Finds the lock of a document, the same one for all names of the document. */

/* The real path of the document, or where a new document would be created, after following
 * all links. Its directory must exist. One file per platform. */
char    *lf_document_resolve               (const char  *path,
                                            GError     **error);
void     lf_document_set_resolve_error     (GError     **error,
                                            const char  *path,
                                            int          saved_errno);

/* The path of the lock for the path that lf_document_resolve() returned. Sets @beside to
 * whether the lock is in the document's directory. */
char    *lf_document_get_lock_path         (const char  *document,
                                            gboolean    *beside);

/* The parts that depend on the platform. */
gboolean lf_document_can_make_files        (const char  *directory);
gsize    lf_document_get_name_max          (const char  *directory);
char    *lf_document_get_runtime_directory (void);

G_END_DECLS
