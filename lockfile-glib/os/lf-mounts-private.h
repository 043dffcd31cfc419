/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The file system that a path is on, as the system lists it. */
typedef struct
{
  char *type;
  char *options; /* separated by commas: those of the mount and those of the file system */
} LfMount;

/* This process's own list. A test has another one. */
#define LF_MOUNTS_LIST "/proc/self/mountinfo"

/* The mount of a path; the path need not exist. FALSE if it cannot be found out. */
gboolean lf_mounts_find  (const char *path,
                          LfMount    *mount);
gboolean lf_mounts_read  (const char *list,
                          gint64      id,
                          LfMount    *mount);
void     lf_mount_clear  (LfMount    *mount);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LfMount, lf_mount_clear)

G_END_DECLS
