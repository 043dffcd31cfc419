/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-backend-private.h"

G_BEGIN_DECLS

/* What the backends share whose lock is that there is something at the path. */

/* Name of the file with the record, where that is in a directory */
#define LF_EXISTENCE_RECORD_NAME "holder"

typedef enum
{
  LF_EXISTENCE_ABSENT,
  LF_EXISTENCE_PRESENT,
  LF_EXISTENCE_RETRY, /* it changed under way */
  LF_EXISTENCE_ERROR, /* the only one that sets a GError */
} LfExistence;

typedef struct
{
  const LfBackendClass *backend;

  /* What is at the path, and its record: "" if it is not one that we understand,
   * or may not read. Something of another kind is an error. */
  LfExistence (*read) (const char  *path,
                       char       **record,
                       GError     **error);

  /* Puts a lock with its record there, in one step: PRESENT if it is ours, ABSENT
   * if something is there already. */
  LfExistence (*make) (LfHandle         *handle,
                       const LfRequest  *request,
                       const char       *record,
                       GError          **error);

  /* Takes what is there away; 0 or an errno. */
  int (*remove) (const char *path);

  /* Whether the holder has the file locked with flock(2) too */
  gboolean has_flock;
} LfExistenceClass;

LfAttempt    lf_existence_attempt         (const LfExistenceClass  *existence,
                                           LfHandle                *handle,
                                           const LfRequest         *request,
                                           GError                 **error);
LfRelease    lf_existence_release         (const LfExistenceClass  *existence,
                                           LfHandle                *handle,
                                           GError                 **error);
gboolean     lf_existence_look            (const LfExistenceClass  *existence,
                                           const char              *path,
                                           LfLockHolder           **holder,
                                           GError                 **error);
gboolean     lf_existence_break           (const LfExistenceClass  *existence,
                                           const char              *path,
                                           GError                 **error);
void         lf_existence_drop            (LfHandle                *handle);

/* A name in the directory of the lock that nobody else has. */
char        *lf_existence_new_unique_path (const char              *path);

LfExistence  lf_existence_fail            (const LfExistenceClass  *existence,
                                           const char              *path,
                                           int                      saved_errno,
                                           GError                 **error);

/* What follows is of the platform. */

/* What keeps others of this library from removing locks in a directory, or
 * LF_EXISTENCE_NO_GUARD */
typedef gintptr LfExistenceGuard;

#define LF_EXISTENCE_NO_GUARD ((LfExistenceGuard) -1)

LfExistenceGuard
             lf_existence_lock_directory  (const char              *path,
                                           gboolean                 patient);
void         lf_existence_unlock_directory
                                          (LfExistenceGuard         guard);
int          lf_existence_lock_file       (const char              *path);

/* Makes what is missing of the directories above @path. What is wrong with them,
 * the next step says. */
void         lf_existence_make_parents    (const char              *path);

/* For locks that are regular files */
LfExistence  lf_existence_read_file       (const char              *path,
                                           char                   **record,
                                           GError                 **error);
LfExistence  lf_existence_make_file       (const LfExistenceClass  *existence,
                                           const LfRequest         *request,
                                           const char              *record,
                                           int                     *fd,
                                           GError                 **error);
int          lf_existence_remove_file     (const char              *path);

/* Writes a new file with a record; its descriptor, or -1 with errno. Only where
 * DIRECTORY is. */
int          lf_existence_write_file      (const char              *path,
                                           const char              *record,
                                           guint                    file_mode);

/* Defines a backend by what it puts at the path: @name is the class, @value its
 * value in the enumeration, @existence a constant of the file. */
#define LF_EXISTENCE_DEFINE_BACKEND(name, value, existence) \
static LfAttempt \
name##_attempt (LfHandle         *handle, \
                const LfRequest  *request, \
                GError          **error) \
{ \
  return lf_existence_attempt (&existence, handle, request, error); \
} \
\
static LfRelease \
name##_release (LfHandle    *handle, \
                const char  *path, \
                gboolean     remove_file, \
                GError     **error) \
{ \
  return lf_existence_release (&existence, handle, error); \
} \
\
static gboolean \
name##_look (const char    *path, \
             LfLockHolder **holder, \
             GError       **error) \
{ \
  return lf_existence_look (&existence, path, holder, error); \
} \
\
static gboolean \
name##_break_lock (const char  *path, \
                   GError     **error) \
{ \
  return lf_existence_break (&existence, path, error); \
} \
\
const LfBackendClass name = { \
  .backend = value, \
  .waiting = &lf_waiting_looks, \
  .is_existence = TRUE, \
  .attempt = name##_attempt, \
  .drop = lf_existence_drop, \
  .release = name##_release, \
  .look = name##_look, \
  .break_lock = name##_break_lock, \
};

G_END_DECLS
