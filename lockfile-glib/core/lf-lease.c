/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-lease-private.h"

#include <errno.h>

#include "os/lf-alarm-private.h"
#include "os/lf-process-private.h"
#include "os/lf-thread-private.h"

/* How leases are kept
 *
 * One thread of the process knows when each lease has to be renewed and when it is over. It
 * does no file work, so no file system can delay it: renewals and reports have threads of
 * their own, which end at once. It ends after the last lease.
 *
 * The time is that of a clock that counts while the machine is suspended. A lease is counted
 * from before the sending of its last good renewal, and is over a tenth earlier than others
 * may take the lock. This covers clocks that run at different speeds, and leaves time for the
 * report. A renewal that is answered after the end does not count: by then the holder has been
 * told.
 *
 * The mutex is locked after the mutex of an object's claims. While it is held, nothing waits
 * except for the start of a thread. */

#define RENEWALS_PER_LEASE 3
#define MARGIN_PER_LEASE 10

/* After a renewal that failed */
#define RETRIES_PER_LEASE 15

struct _LfLease
{
  gatomicrefcount ref_count;
  const LfProcess *process;
  const LfBackendVTable *backend;
  gpointer renewal; /* of the backend */
  gint64 duration;

  /* Protected by the mutex */
  GList link; /* in the list; one that GLib allocates would cost a thread some KiB */
  gboolean listed;
  gboolean is_renewing;
  gint64 next_renewal; /* LfAlarm's clock */
  gint64 end;
  gboolean is_lost; /* a renewal found that it is no longer our lock */
  gboolean is_reported;
  LfLeaseOver over; /* NULL until it is watched */
  gpointer data;
  GDestroyNotify destroy;
};

typedef struct
{
  GMutex mutex;
  LfAlarm alarm;
  GQueue list;
  gboolean runs; /* whether the thread runs */
  guint generation; /* of the thread; an earlier one that could not be woken ends when it wakes */
} Leases;

static gpointer
leases_new (void)
{
  Leases *self = g_new0 (Leases, 1);

  g_mutex_init (&self->mutex);
  lf_alarm_init (&self->alarm);
  g_queue_init (&self->list);

  return self;
}

static Leases *
lock_leases (void)
{
  Leases *self = lf_process_get_state (LF_PROCESS_LEASES, leases_new);

  g_mutex_lock (&self->mutex);

  return self;
}

static LfLease *
lf_lease_ref (LfLease *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
lf_lease_unref (gpointer data)
{
  LfLease *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  self->backend->close_renewal (self->renewal, FALSE);
  if (self->destroy != NULL)
    self->destroy (self->data);
  g_free (self);
}

/* With the mutex held. */
static gboolean
is_over (const LfLease *self)
{
  return self->is_lost || lf_alarm_get_time () >= self->end;
}

/* With the mutex held. */
static void
extend (LfLease *self,
        gint64   sent)
{
  self->end = sent + self->duration - self->duration / MARGIN_PER_LEASE;
  self->next_renewal = sent + self->duration / RENEWALS_PER_LEASE;
}

static void wake (Leases *leases);

/* In a thread of its own, without the mutex. */
static void
renew (gpointer data)
{
  LfLease *self = data;
  g_autoptr (GError) error = NULL;
  gint64 sent = lf_alarm_get_time ();
  LfVerdict verdict = self->backend->renew (self->renewal, &error);
  Leases *leases = lock_leases ();

  if (verdict == LF_VERDICT_LOST)
    self->is_lost = TRUE;
  else if (verdict == LF_VERDICT_HELD && !is_over (self))
    extend (self, sent);
  else
    self->next_renewal = lf_alarm_get_time () + self->duration / RETRIES_PER_LEASE;
  self->is_renewing = FALSE;
  if (self->listed)
    wake (leases);
  g_mutex_unlock (&leases->mutex);

  if (error != NULL)
    g_debug ("Cannot renew a lease: %s", error->message);
}

static void
report (gpointer data)
{
  LfLease *self = data;

  self->over (self, self->data);
}

/* With the mutex held. What to do for this lease now, or NULL with the time at which there
 * will be something to do, which is -1 if that is not known. */
static LfThreadFunc
find_work (LfLease *self,
           gint64  *next)
{
  gboolean ended = is_over (self);

  *next = -1;
  if (ended)
    {
      if (self->is_reported || self->over == NULL)
        return NULL;
      self->is_reported = TRUE;
      return report;
    }

  if (!self->is_renewing && lf_alarm_get_time () >= self->next_renewal)
    {
      self->is_renewing = TRUE;
      return renew;
    }

  *next = self->is_renewing ? self->end : MIN (self->next_renewal, self->end);

  return NULL;
}

/* With the mutex held. The same for all leases. */
static LfThreadFunc
find_any_work (Leases   *leases,
               LfLease **lease,
               gint64   *first)
{
  *first = -1;
  for (GList *link = leases->list.head; link != NULL; link = link->next)
    {
      gint64 next;
      LfThreadFunc work = find_work (link->data, &next);

      *lease = link->data;
      if (work != NULL)
        return work;
      if (next >= 0 && (*first < 0 || next < *first))
        *first = next;
    }

  return NULL;
}

/* The thread. */
static void
run (gpointer data)
{
  Leases *leases = data;
  guint generation;

  g_mutex_lock (&leases->mutex);
  generation = leases->generation;
  while (generation == leases->generation)
    {
      LfLease *lease;
      gint64 next;
      LfThreadFunc work = find_any_work (leases, &lease, &next);

      if (work == NULL && next < 0)
        {
          lf_alarm_close (&leases->alarm);
          leases->runs = FALSE;
          break;
        }
      if (work == NULL)
        {
          lf_alarm_sleep (&leases->alarm, &leases->mutex, next);
          continue;
        }

      lf_lease_ref (lease);
      g_mutex_unlock (&leases->mutex);

      if (lf_thread_start (work, lf_lease_unref, lease) != 0)
        {
          work (lease);
          lf_lease_unref (lease);
        }

      g_mutex_lock (&leases->mutex);
    }
  g_mutex_unlock (&leases->mutex);
}

static void
do_nothing (gpointer data)
{
}

/* With the mutex held. Wakes or starts the thread. */
static void
wake (Leases *leases)
{
  int result;

  if (leases->runs && lf_alarm_wake (&leases->alarm))
    return;

  leases->runs = TRUE;
  leases->generation++;
  result = lf_thread_start (run, do_nothing, leases);
  if (result == 0)
    return;

  /* Then leases are not renewed. Whether they are over does not depend on the thread */
  g_debug ("No thread to renew leases: %s", g_strerror (result));
  leases->runs = FALSE;
}

LfLease *
lf_lease_new (LfHandle *handle)
{
  const LfBackendVTable *backend = handle->request.backend;
  gpointer renewal = backend->open_renewal (backend, handle);
  LfLease *self;
  Leases *leases;

  if (renewal == NULL)
    return NULL;

  self = g_new (LfLease, 1);
  *self = (LfLease) {
    .process = lf_process_get (),
    .backend = backend,
    .renewal = renewal,
    .duration = handle->request.lease,
  };
  self->link.data = self;
  g_atomic_ref_count_init (&self->ref_count);
  extend (self, handle->made_at);

  leases = lock_leases ();
  g_queue_push_tail_link (&leases->list, &self->link);
  self->listed = TRUE;
  wake (leases);
  g_mutex_unlock (&leases->mutex);

  return self;
}

gboolean
lf_lease_is_over (LfLease *self)
{
  Leases *leases = lock_leases ();
  gboolean over = is_over (self);

  g_mutex_unlock (&leases->mutex);

  return over;
}

gboolean
lf_lease_is_lost (LfLease *self)
{
  Leases *leases = lock_leases ();
  gboolean lost = self->is_lost;

  g_mutex_unlock (&leases->mutex);

  return lost;
}

void
lf_lease_watch (LfLease        *self,
                LfLeaseOver     over,
                gpointer        data,
                GDestroyNotify  destroy)
{
  Leases *leases = lock_leases ();

  self->over = over;
  self->data = data;
  self->destroy = destroy;
  if (is_over (self))
    wake (leases);
  g_mutex_unlock (&leases->mutex);
}

void
lf_lease_poke (LfLease *self)
{
  Leases *leases = lock_leases ();

  self->is_reported = FALSE;
  if (is_over (self))
    wake (leases);
  g_mutex_unlock (&leases->mutex);
}

/* In a forked child, the list and the threads belong to the parent. */
void
lf_lease_stop (LfLease *self)
{
  Leases *leases;

  if (self->process != lf_process_get ())
    {
      self->backend->close_renewal (self->renewal, TRUE);
      return;
    }

  leases = lock_leases ();
  g_queue_unlink (&leases->list, &self->link);
  self->listed = FALSE;
  if (g_queue_is_empty (&leases->list) && leases->runs)
    wake (leases);
  g_mutex_unlock (&leases->mutex);

  lf_lease_unref (self);
}
