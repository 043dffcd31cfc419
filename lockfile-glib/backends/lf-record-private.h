/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-lock-holder-private.h"

G_BEGIN_DECLS

/* What a lock that is a file says about its holder: lines of text, of which
 * QLockFile knows the first five.
 *
 *   process ID
 *   base name of the executable
 *   host name
 *   machine ID
 *   boot ID
 *   inode number of the PID namespace
 *   start time of the process
 *   a token, different for every lock
 *
 * Longer ones, and ones that do not begin with a process ID, are of others. */

#define LF_RECORD_MAX_LENGTH 2048

char         *lf_record_new        (void);
gboolean      lf_record_is_dead    (const char *record);
gboolean      lf_record_is_whole   (const char *record);
LfLockHolder *lf_record_get_holder (const char *record);

G_END_DECLS
