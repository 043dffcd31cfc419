/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "backends/lf-handle-private.h"
#include "lf-enums.h"
#include "lf-lock-holder-private.h"

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
 * method may be called in any thread, for one handle in one at a time. */
struct _LfBackendVTable
{
  LfBackend backend;
  gboolean has_shared;
  gboolean is_dotlock; /* the lock is that there is something at the path */

  /* Finds out which lock the path of a new handle means, and sets its name, so that it is
   * the same by whatever path it is reached. NULL where a path is enough. */
  void (*identify) (const LfBackendVTable *self,
                    LfHandle              *handle);

  /* Opens what is not open yet and tries once to get the lock, without ever
   * waiting. On a handle that was granted the lock already it is granted again:
   * attempt() alone says who has the lock, block() never does. */
  LfAttempt (*attempt) (const LfBackendVTable  *self,
                        LfHandle               *handle,
                        GError                **error);

  /* Sleeps in the kernel's queue until the lock is granted, and returns 0 or an
   * errno, for which set_block_error() has the error. It is a single system call
   * and nothing else, since the thread may be cancelled in it. NULL where the
   * kernel has no such queue: then attempts are repeated. */
  int  (*block)           (const LfBackendVTable  *self,
                           LfHandle               *handle);

  /* The handles whose block() is to be called all at once, where the grant of any one of
   * them ends the wait, instead of block(). NULL where that is not so. */
  LfHandle ** (*get_members) (const LfBackendVTable *self,
                              LfHandle              *handle,
                              guint                 *n_members);

  /* Whether that queue is one for the lock of this handle, whose attempt found it busy:
   * on a network there may be none. NULL where there always is one. */
  gboolean (*has_queue)   (const LfBackendVTable  *self,
                           const LfHandle         *handle);
  void (*set_block_error) (const LfBackendVTable  *self,
                           const LfHandle         *handle,
                           int                     saved_errno,
                           GError                **error);

  /* Where the kernel cannot tell the handles of a process apart, they line up
   * before they may block: wait_turn() sleeps until that is so, or returns FALSE
   * because of stop_turn(), which may be called from any thread. NULL where the
   * kernel can. */
  gpointer (*line_up)   (const LfBackendVTable *self,
                         LfHandle              *handle);
  gboolean (*wait_turn) (gpointer turn);
  void     (*stop_turn) (gpointer turn);

  /* Who is in the way of a handle whose last attempt found the lock busy, or NULL if
   * nothing at hand says so. It may ask the kernel in a single call, and search for
   * nothing. NULL where there is nothing to ask. */
  LfLockHolder * (*get_obstacle) (const LfBackendVTable *self,
                                  LfHandle              *handle);

  /* Whether the calling thread holds all that a handle could be granted. NULL where that is
   * one lock, which the table of held locks has. */
  gboolean (*held_by_thread) (const LfBackendVTable *self,
                              const LfHandle        *handle);

  /* Gives back what may be held without touching the path, and closes; for the end
   * of an acquisition that was not granted. */
  void (*drop) (const LfBackendVTable *self,
                LfHandle              *handle);

  /* Whether what the handle was granted is still there, which a program can put an end
   * to that closes descriptors that it does not know. Unless @may_wait, nothing is
   * asked that could take time. NULL where the lock is at the path and nowhere else. */
  gboolean (*is_intact) (const LfBackendVTable *self,
                         LfHandle              *handle,
                         gboolean               may_wait);

  /* In a forked child: closes what was inherited and leaves the lock alone. */
  void (*leave) (const LfBackendVTable *self,
                 LfHandle              *handle);

  /* Whether the lock can be that of the descriptor @fd, whatever its file is called, so that it
   * can be given to the program and taken from it. @adopted is set; -1 is not looked at. NULL
   * where it cannot. */
  gboolean (*adopt) (const LfBackendVTable  *self,
                     int                     fd,
                     const char             *path,
                     LfAdopted             **adopted,
                     GError                **error);

  /* Changes the mode of a lock that is held, once and without letting go of it: after BUSY and
   * ERROR it is what it was. NULL where the system cannot do that. */
  LfAttempt (*convert) (const LfBackendVTable  *self,
                        LfHandle               *handle,
                        LfLockMode              mode,
                        GError                **error);

  /* Gives the lock back and closes. */
  LfRelease (*release) (const LfBackendVTable  *self,
                        LfHandle               *handle,
                        GError                **error);

  /* Closes without giving back, after a release that failed. */
  void (*close) (const LfBackendVTable *self,
                 LfHandle              *handle);

  /* Whether anybody holds the lock, and who. Sets a holder whenever somebody
   * does. FALSE only with an error. */
  gboolean (*query_holder) (const LfBackendVTable  *self,
                            const char             *path,
                            LfLockHolder          **holder,
                            GError                **error);

  /* Takes the lock away from whoever has it. */
  gboolean (*break_lock) (const LfBackendVTable  *self,
                          const char             *path,
                          GError                **error);
};

/* The ways of locking that this build has, with NULL at the end; the first is the
 * platform's best. A new one is its file, its declaration and a line in the table,
 * which is one file per platform. */
extern const LfBackendVTable *const lf_backends[];

/* Of a semaphore, whose slots are locked with the first of the table. It is not in it. */
extern const LfBackendVTable lf_backend_slots;

const LfBackendVTable *lf_backend_get_vtable (LfBackend              backend);
LfBackend              lf_backend_resolve    (LfBackend              backend);
const char            *lf_backend_get_name   (LfBackend              backend);

/* Methods for backends that keep no more open than a descriptor */
void                   lf_backend_close_fd   (const LfBackendVTable *self,
                                              LfHandle              *handle);
void                   lf_backend_leave_fd   (const LfBackendVTable *self,
                                              LfHandle              *handle);

/* Those of a family are declared there. */
extern const LfBackendVTable lf_backend_lock_file_ex;
extern const LfBackendVTable lf_backend_sqlite;

G_END_DECLS
