/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-enums.h"
#include "lf-handle-private.h"
#include "lf-lock-holder-private.h"
#include "waiting/lf-waiting-private.h"

G_BEGIN_DECLS

typedef enum
{
  LF_ATTEMPT_GRANTED,
  LF_ATTEMPT_BUSY,
  LF_ATTEMPT_ERROR, /* the only one that sets a GError */
} LfAttempt;

typedef enum
{
  LF_RELEASE_DONE,
  LF_RELEASE_LOST,   /* given back, but the path was not ours any more */
  LF_RELEASE_FAILED, /* still held; the only one that sets a GError */
} LfRelease;

/* One way of locking. It knows nothing of main loops, tasks or time. Every
 * function may be called in any thread, for one handle in one at a time. */
struct _LfBackendClass
{
  LfBackend backend;
  const LfWaitingClass *waiting;
  gboolean has_shared;
  gboolean is_existence; /* the lock is that there is something at the path */

  /* Opens what is not open yet and tries once to get the lock, without ever
   * waiting. On a handle that was granted the lock already it is granted again:
   * attempt() alone says who has the lock, block() never does. */
  LfAttempt (*attempt) (LfHandle         *handle,
                        const LfRequest  *request,
                        GError          **error);

  /* Sleeps in the kernel's queue until the lock is granted, and returns 0 or an
   * errno. It is a single system call and nothing else, since the thread may be
   * cancelled in it. NULL where the kernel has no such queue. */
  int (*block) (LfHandle *handle);

  /* Gives back what may be held without touching the path; for the end of an
   * acquisition that was not granted. */
  void (*drop) (LfHandle *handle);

  /* Gives the lock back and closes. */
  LfRelease (*release) (LfHandle    *handle,
                        const char  *path,
                        gboolean     remove,
                        GError     **error);

  /* Whether anybody holds the lock, and who. Sets a holder whenever somebody
   * does. FALSE only with an error. */
  gboolean (*look) (const char    *path,
                    LfLockHolder **holder,
                    GError       **error);

  /* Takes the lock away from whoever has it. */
  gboolean (*break_lock) (const char  *path,
                          GError     **error);
};

/* The ways of locking that this build has, with NULL at the end; the first is the
 * platform's best. A new one is its file, its declaration and a line in the table,
 * which is a file a platform. */
extern const LfBackendClass *const lf_backends[];

const LfBackendClass *lf_backend_get_class (LfBackend backend);
LfBackend             lf_backend_resolve   (LfBackend backend);
const char           *lf_backend_get_name  (LfBackend backend);
LfRelease             lf_backend_release   (const LfBackendClass  *self,
                                            LfHandle              *handle,
                                            gboolean               remove,
                                            GError               **error);

extern const LfBackendClass lf_backend_flock;
extern const LfBackendClass lf_backend_fcntl;
extern const LfBackendClass lf_backend_lock_file_ex;
extern const LfBackendClass lf_backend_hard_link;
extern const LfBackendClass lf_backend_directory;
extern const LfBackendClass lf_backend_symlink;
extern const LfBackendClass lf_backend_pid_file;
extern const LfBackendClass lf_backend_sqlite;

G_END_DECLS
