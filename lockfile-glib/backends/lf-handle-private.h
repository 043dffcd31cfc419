/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

#include "backends/lf-adopted-private.h"
#include "lf-enums.h"
#include "os/lf-process-private.h"

G_BEGIN_DECLS

/* What an acquisition asks for: the properties of the lock file at the time of the claim.
 * They apply until the release. */
typedef struct
{
  const LfBackendVTable *backend;
  char *path; /* of lf_path_new() */
  LfLockMode mode;
  gboolean remove_on_release;
  gboolean create_parents;
  guint file_mode;
  gboolean durable;
  double poll_interval;
  gint64 lease; /* in microseconds, or 0 */
  LfLockScope required_scope;
  guint slots;       /* of a semaphore, otherwise 0 */
  LfAdopted *adopted; /* or NULL */
  gboolean upgradable;
  gboolean try_once; /* a semaphore then does not queue */
} LfRequest;

/* The state of an attempt, and of a held lock. */
typedef struct
{
  LfRequest request;

  int fd;
  guint64 device; /* of the descriptor's file, with the inode; otherwise 0 */
  guint64 inode;
  gpointer data;  /* for the backend */
  gboolean may_be_locked; /* the kernel may have granted the lock, reported or not */
  guint slot;       /* of a semaphore, from 1, after the grant */
  gboolean removed; /* by a release that failed afterwards */
  gint64 made_at;   /* for a lease: not later than the time stamp of the lock; LfAlarm's clock */
  struct _LfLease *lease; /* of the core, after the grant; or NULL */
  char *lock_name;  /* of the lock, within this process; NULL if the path is the name */

  const LfProcess *process; /* that made it: it does not belong to a forked child */

  /* Entries in the table of held locks */
  guint64 thread;
  int noted_fd;
  int releasing; /* atomic */
  int is_over;   /* atomic: its lease has ended */
  GList link;
} LfHandle;

LfHandle *lf_handle_new             (const LfRequest *request);
void      lf_handle_free            (LfHandle        *self);
gboolean  lf_handle_is_own          (const LfHandle  *self);
const char *
          lf_handle_get_lock_name   (const LfHandle  *self);
void      lf_handle_set_held        (LfHandle        *self);
gboolean  lf_handle_has_fd          (const LfHandle  *self);
gboolean  lf_handle_take_fd         (LfHandle        *self);
void      lf_handle_forget_fd       (LfHandle        *self);
void      lf_handle_set_over        (LfHandle        *self);
void      lf_handle_set_releasing   (LfHandle        *self,
                                     gboolean         releasing);
gboolean  lf_handle_held_by_thread  (const LfHandle  *self);
gboolean  lf_handle_held_by_any_thread
                                    (const LfHandle  *self);
gboolean  lf_handle_held_by_process (guint64          device,
                                     guint64          inode);

/* For backends that keep only the descriptor open. */
void      lf_handle_close_fd        (LfHandle        *self);

G_END_DECLS
