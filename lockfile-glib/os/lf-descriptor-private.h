/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* Decides how descriptors are closed in a process whose locks belong to the process
 * and not to an open file: there, closing any descriptor of a file gives up its
 * lock, so it may have to be put off. A process's state of LF_PROCESS_DESCRIPTORS
 * begins with one. */
typedef struct
{
  void (*close) (int     fd,
                 guint64 device,
                 guint64 inode);

  /* A descriptor of the file that was to be closed, or -1 */
  int (*reuse) (guint64  device,
                guint64  inode,
                gboolean for_writing);

  /* Closes what needs to be put off no more; or NULL */
  void (*sweep) (void);
} LfDescriptorKeeper;

void     lf_close                      (int           fd);
void     lf_descriptor_close           (int           fd,
                                        guint64       device,
                                        guint64       inode);

/* A descriptor of the file at @path whose closing was put off, or -1: then open it. */
int      lf_descriptor_reuse           (const char   *path,
                                        gboolean      for_writing,
                                        guint64      *device,
                                        guint64      *inode);

/* When a lock of POSIX was given up in another way. */
void     lf_descriptor_sweep           (void);

gboolean lf_descriptor_is              (int           fd,
                                        guint64       device,
                                        guint64       inode);

/* Closes what a forked child inherited, if the descriptor is still that file: the
 * parent's other threads may have been about to close it when it forked. */
void     lf_descriptor_close_inherited (int           fd,
                                        guint64       device,
                                        guint64       inode);

/* On Unix. */
int      lf_descriptor_open            (const char   *path,
                                        int           flags,
                                        mode_t        mode,
                                        gboolean      may_not_close);
int      lf_descriptor_raise           (int           fd);
gboolean lf_descriptor_is_enough       (int           fd,
                                        guint64       device,
                                        guint64       inode,
                                        gboolean      for_writing);

/* Occupies the descriptors of standard streams that are closed, until they are emptied. */
#define LF_N_STREAMS 3
void     lf_descriptor_fill_streams    (int          *fillers);
void     lf_descriptor_empty_streams   (const int    *fillers);

G_END_DECLS
