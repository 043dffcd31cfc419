/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include "lf-lock-holder-private.h"

G_BEGIN_DECLS

/* The record of a lock that is a file: lines of text about its holder. QLockFile knows
 * the first five.
 *
 *   process ID
 *   base name of the executable
 *   host name
 *   machine ID
 *   boot ID
 *   pid-namespace:NUMBER     inode number of the PID namespace
 *   start-time:NUMBER        of the process
 *   lock:TEXT                a token, different for every lock
 *   program:TEXT             a token that changes when the process executes a program
 *   time-namespace:NUMBER    in which the start time counts
 *   inode-lock:yes           the holder keeps flock(2) on the lock's inode, on a file system
 *                            that only one kernel uses
 *   lease:SECONDS            the holder renews the time stamp of the lock, which may be taken
 *                            over if the stamp is older than that
 *
 * Only the first word is a number, for `kill $(cat FILE)`. In older records, the sixth and
 * seventh line have only the numbers. Records that are longer, or do not begin with a
 * process ID, are other programs'. */

#define LF_RECORD_MAX_LENGTH 2048

typedef enum
{
  LF_RECORD_HELD,   /* nothing proves that the holder is gone */
  LF_RECORD_SILENT, /* it proves nothing, but a living holder keeps the inode locked */
  LF_RECORD_DEAD,   /* the holder is gone */
} LfRecordVerdict;

char            *lf_record_new        (gboolean    inode_locked,
                                       gint64      lease);
LfRecordVerdict  lf_record_judge      (const char *record);
gboolean         lf_record_is_ours    (const char *record);
gboolean         lf_record_is_whole   (const char *record);
gint64           lf_record_get_lease  (const char *record);
LfLockHolder    *lf_record_get_holder (const char *record);

G_END_DECLS
