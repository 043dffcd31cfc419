/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* Decides how to close descriptors in a process that has POSIX locks. Such locks belong to
 * the process: closing any descriptor of the file releases them, so closing may have to
 * wait. A process's state of LF_PROCESS_DESCRIPTORS begins with one of these. */
typedef struct
{
  void (*close) (int     fd,
                 guint64 device,
                 guint64 inode);

  /* A descriptor of the file that still waits to be closed, or -1 */
  int (*reuse) (guint64  device,
                guint64  inode,
                gboolean for_writing);

  /* Closes the descriptors that no longer have to wait; or NULL */
  void (*sweep) (void);
} LfDescriptorKeeper;

void     lf_close                      (int           fd);
void     lf_descriptor_close           (int           fd,
                                        guint64       device,
                                        guint64       inode);

/* A descriptor of the file at @path that still waits to be closed, or -1: then open the
 * file. */
int      lf_descriptor_reuse           (const char   *path,
                                        gboolean      for_writing,
                                        guint64      *device,
                                        guint64      *inode);

/* To be called when a POSIX lock was released in another way. */
void     lf_descriptor_sweep           (void);

gboolean lf_descriptor_is              (int           fd,
                                        guint64       device,
                                        guint64       inode);

/* Closes what a forked child inherited, if the descriptor is still that file: another
 * thread of the parent may have been closing it during the fork. */
void     lf_descriptor_close_inherited (int           fd,
                                        guint64       device,
                                        guint64       inode);

/* Only on Unix. */
int      lf_descriptor_open            (const char   *path,
                                        int           flags,
                                        mode_t        mode,
                                        gboolean      may_not_close);
int      lf_descriptor_raise           (int           fd);
gboolean lf_descriptor_is_enough       (int           fd,
                                        guint64       device,
                                        guint64       inode,
                                        gboolean      for_writing);

/* Occupies the standard descriptors that are closed, until lf_descriptor_empty_streams(). */
#define LF_N_STREAMS 3
void     lf_descriptor_fill_streams    (int          *fillers);
void     lf_descriptor_empty_streams   (const int    *fillers);

G_END_DECLS
