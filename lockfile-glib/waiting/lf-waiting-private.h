/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#include "lf-handle-private.h"

G_BEGIN_DECLS

typedef struct _LfBackendClass LfBackendClass;

typedef enum
{
  LF_WAIT_OVER,    /* another attempt makes sense now */
  LF_WAIT_STOPPED, /* told to stop */
  LF_WAIT_ERROR,   /* the only one that sets a GError */
} LfWaitResult;

/* One wait, shared between the thread that waits and those that may stop it. */
typedef struct
{
  GMutex mutex;
  gboolean stopped;
  gboolean own_thread; /* the wait has a thread of its own, which may be cancelled */
  gpointer sleeper;    /* the strategy's, while it sleeps */
  gpointer place;      /* the strategy's, from join() to leave() */
} LfWait;

/* One way to wait for another attempt to make sense. It knows nothing of
 * properties, and never gets the lock itself. */
typedef struct
{
  /* Takes a place among those of this process who want the same lock, before the
   * first attempt. FALSE if somebody is before it, and no attempt makes sense
   * until wait() says so. NULL where the kernel keeps the order. */
  gboolean (*join) (LfWait          *wait,
                    const LfRequest *request);

  /* Gives the place up, when there is a result; it need not have been taken. */
  void (*leave) (LfWait *wait);

  /* Called without the mutex. In a thread of its own it need not return: stop()
   * may end the thread instead, so no caller up to the thread's start may hold
   * anything that only a return frees. */
  LfWaitResult (*wait) (LfWait                *wait,
                        const LfBackendClass  *backend,
                        LfHandle              *handle,
                        const LfRequest       *request,
                        GError               **error);

  /* Called with the mutex held and `stopped` set, from any thread. */
  void (*stop) (LfWait *wait);

  /* Called when a lock of this process was given back: who waits here for it need
   * not find out. */
  void (*released) (const char *path);
} LfWaitingClass;

extern const LfWaitingClass lf_waiting_kernel_queue;
extern const LfWaitingClass lf_waiting_looks;
extern const LfWaitingClass lf_waiting_posix_queue;

G_END_DECLS
