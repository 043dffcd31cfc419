/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  LF_WAIT_OVER,    /* another attempt makes sense */
  LF_WAIT_STOPPED, /* told to stop */
  LF_WAIT_ERROR,   /* the only one that sets an errno */
} LfWaitResult;

/* What is waited for, as the caller describes it. */
typedef struct
{
  const char *path;     /* of lf_path_new() */
  const char *name;     /* of the lock, within this process */
  gint64 poll_interval; /* microseconds */

  /* For a wait in the kernel's queue: block() is a single system call that sleeps until the
   * lock is granted, and returns 0 or an errno. Before it, line_up() may return a turn that
   * must be waited for. It is NULL if no turns are needed. */
  int      (*block)     (gpointer lock);
  gpointer (*line_up)   (gpointer lock);
  gboolean (*wait_turn) (gpointer turn);
  void     (*stop_turn) (gpointer turn);
  gpointer lock;

  /* For a wait for any one of several locks: those to call block() for. NULL if there is only
   * one lock. */
  gpointer * (*get_members) (gpointer  lock,
                             guint    *n_members);
} LfWaitTarget;

/* One wait, shared between the thread that waits and the threads that may stop it. */
typedef struct
{
  GMutex mutex;
  gboolean stopped;
  gboolean own_thread; /* the wait has a thread of its own, which may be cancelled */
  gpointer sleeper;    /* used by the strategy, while it sleeps */
  gpointer waiter;     /* used by the strategy, from enqueue() to dequeue() */
  gpointer turn;       /* while it waits for its turn */
  void (*stop_turn) (gpointer turn);
} LfWait;

/* A strategy that waits until another attempt makes sense. It knows nothing about
 * properties and backends, and never acquires the lock itself. */
typedef struct
{
  /* Queues the wait behind others of this process for the same lock, before the first
   * attempt. Returns FALSE if another wait is before it; then no attempt makes sense until
   * wait() says so. NULL if the kernel keeps the order. Called without the mutex, as is
   * dequeue(). */
  gboolean (*enqueue) (LfWait             *wait,
                       const LfWaitTarget *target);

  /* Leaves the queue, when there is a result. The wait need not have entered it. */
  void (*dequeue) (LfWait *wait);

  /* Called without the mutex. In a thread of its own it need not return: stop() may end the
   * thread instead. So no caller, up to the thread's start, may hold anything that it would
   * have to free afterwards. */
  LfWaitResult (*wait) (LfWait             *wait,
                        const LfWaitTarget *target,
                        int                *saved_errno);

  /* Called with the mutex held and `stopped` set, from any thread. */
  void (*stop) (LfWait *wait);
} LfWaitingVTable;

extern const LfWaitingVTable lf_waiting_kernel_queue;
extern const LfWaitingVTable lf_waiting_any;
extern const LfWaitingVTable lf_waiting_poll;

/* Call this when this process released a lock, in whatever way the lock is waited for: a
 * waiter of this process that polls then notices at once. */
void lf_waiting_poll_wake (const char *name);

G_END_DECLS
