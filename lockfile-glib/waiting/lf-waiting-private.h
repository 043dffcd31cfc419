/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  LF_WAIT_OVER,    /* another attempt makes sense now */
  LF_WAIT_STOPPED, /* told to stop */
  LF_WAIT_ERROR,   /* the only one that sets an errno */
} LfWaitResult;

/* What is waited for, as the level above has it. */
typedef struct
{
  const char *path;     /* of lf_path_new() */
  const char *name;     /* of the lock among those of this process */
  gint64 poll_interval; /* microseconds */

  /* For a wait in the kernel's queue: a single system call that sleeps until the lock
   * is granted, and returns 0 or an errno. Before, line_up() may give a turn that is
   * to be waited for; it is NULL where there is none. */
  int      (*block)     (gpointer lock);
  gpointer (*line_up)   (gpointer lock);
  gboolean (*wait_turn) (gpointer turn);
  void     (*stop_turn) (gpointer turn);
  gpointer lock;

  /* For a wait for any one of several: those that block() is called for. NULL where that is
   * the one lock. */
  gpointer * (*get_members) (gpointer  lock,
                             guint    *n_members);
} LfWaitTarget;

/* One wait, shared between the thread that waits and those that may stop it. */
typedef struct
{
  GMutex mutex;
  gboolean stopped;
  gboolean own_thread; /* the wait has a thread of its own, which may be cancelled */
  gpointer sleeper;    /* the strategy's, while it sleeps */
  gpointer waiter;     /* the strategy's, from enqueue() to dequeue() */
  gpointer turn;       /* while it waits for that */
  void (*stop_turn) (gpointer turn);
} LfWait;

/* One way to wait for another attempt to make sense. It knows nothing of
 * properties and backends, and never gets the lock itself. */
typedef struct
{
  /* Queues the wait behind those of this process that want the same lock, before
   * the first attempt. FALSE if one is before it, and no attempt makes sense until
   * wait() says so. NULL where the kernel keeps the order. Called without the mutex,
   * as is dequeue(). */
  gboolean (*enqueue) (LfWait             *wait,
                       const LfWaitTarget *target);

  /* Leaves the queue, when there is a result; it need not have been entered. */
  void (*dequeue) (LfWait *wait);

  /* Called without the mutex. In a thread of its own it need not return: stop()
   * may end the thread instead, so no caller up to the thread's start may hold
   * anything that only a return frees. */
  LfWaitResult (*wait) (LfWait             *wait,
                        const LfWaitTarget *target,
                        int                *saved_errno);

  /* Called with the mutex held and `stopped` set, from any thread. */
  void (*stop) (LfWait *wait);
} LfWaitingVTable;

extern const LfWaitingVTable lf_waiting_kernel_queue;
extern const LfWaitingVTable lf_waiting_any;
extern const LfWaitingVTable lf_waiting_poll;

/* To be called when a lock of this process was released, however it is waited for: whoever
 * of this process polls for it need not find that out. */
void lf_waiting_poll_wake (const char *name);

G_END_DECLS
