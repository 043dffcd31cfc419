/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a file system keeps about a file beside its content. One file per platform. All return
 * 0 or an errno. */

typedef struct
{
  gint64 modified; /* microseconds since the epoch, by the clock of the file system */
  gboolean is_coarse; /* it may be in whole seconds, or every two seconds */
  guint64 inode;
} LfFileTime;

/* Of what @name is in @directory, without following a link; with "" of @directory itself. Asks
 * the server of a network file system, not its cache. */
int lf_file_attributes_get_time (int          directory,
                                 const char  *name,
                                 LfFileTime  *time);

/* Sets the times of @fd, which may be a symbolic link opened with O_PATH, to the file system's
 * own time. */
int lf_file_attributes_touch    (int          fd,
                                 gboolean     is_link);

/* A text that belongs to the file or directory and disappears with it. ENOTSUP if it cannot
 * have one, EEXIST if it already has one, ENODATA if it has none. */
int lf_file_attributes_add_note (int          fd,
                                 const char  *text);
int lf_file_attributes_get_note (int          fd,
                                 gsize        max_length,
                                 char       **text);

G_END_DECLS
