/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Where the lock of a document is: a rule by which all of its names lead to one lock. */

/* Where the document at @path is, or would be made, behind all links. Its directory has
 * to exist. One file per platform. */
char    *lf_document_resolve               (const char  *path,
                                            GError     **error);
void     lf_document_set_resolve_error     (GError     **error,
                                            const char  *path,
                                            int          saved_errno);

/* The lock's path, for what lf_document_resolve() gave. Sets @beside to whether it is in
 * the document's directory. */
char    *lf_document_get_lock_path         (const char  *document,
                                            gboolean    *beside);

/* What that needs to know of the platform. */
gboolean lf_document_can_make_files        (const char  *directory);
gsize    lf_document_get_name_max          (const char  *directory);
char    *lf_document_get_runtime_directory (void);

G_END_DECLS
