/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The contract of a held lock: it can be verified, and if it is monitored, its loss is reported.
 * Also of a long wait, which reports the holder. */

#include <unistd.h>

#include <glib/gstdio.h>

#include "contract.h"

#define N_LOCKS 50
#define N_ROUNDS 100

static const char *const way_names[N_LOSSES] = {
  "removed", "renamed", "replaced", "broken", "moved with its directory",
};

/* A lock in a directory of its own, and another process that can remove it. */
typedef struct
{
  const TestBackend *backend;
  char *directory;
  char *moved;
  char *path;
  char *elsewhere;
  LfLockFile *lock;
  Peer *peer;
  Peer *other; /* in another directory */
} Place;

static void
place_make (Place             *self,
            Fixture           *fixture,
            const TestBackend *backend)
{
  self->backend = backend;
  self->directory = g_build_filename (fixture->directory, "locks", NULL);
  self->moved = g_build_filename (fixture->directory, "moved", NULL);
  self->path = g_build_filename (self->directory, "test.lock", NULL);
  self->elsewhere = g_build_filename (self->directory, "elsewhere", NULL);
  g_assert_no_errno (g_mkdir (self->directory, 0700));
  self->lock = lock_new (backend, self->path);
  self->peer = backend_peer_start (backend, self->path);
  self->other = backend_peer_start (backend, self->elsewhere);
}

static void
place_clear (Place *self)
{
  g_clear_pointer (&self->peer, peer_free);
  g_clear_pointer (&self->other, peer_free);
  g_clear_object (&self->lock);
  remove_recursively (self->directory);
  remove_recursively (self->moved);
  g_free (self->directory);
  g_free (self->moved);
  g_free (self->path);
  g_free (self->elsewhere);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

static void
place_lose (Place *self,
            Loss   way)
{
  g_test_message ("%s", way_names[way]);

  switch (way)
    {
    case LOSS_REMOVE:
      remove_recursively (self->path);
      break;

    case LOSS_RENAME:
      remove_recursively (self->elsewhere);
      g_assert_no_errno (g_rename (self->path, self->elsewhere));
      break;

    case LOSS_REPLACE:
      peer_send (self->other, "acquire");
      peer_expect (self->other, "held");
      if (self->backend->kind == LOCK_IS_DIRECTORY)
        g_assert_no_errno (g_rename (self->path, self->moved));
      g_assert_no_errno (g_rename (self->elsewhere, self->path));
      break;

    case LOSS_BREAK:
      peer_send (self->peer, "break");
      peer_expect (self->peer, "broken");
      break;

    case LOSS_MOVE_DIRECTORY:
      g_assert_no_errno (g_rename (self->directory, self->moved));
      break;

    case N_LOSSES:
    default:
      g_assert_not_reached ();
    }
}

/* The next kind of loss that the platform has. */
static Loss
next_loss (Loss way)
{
  while (way < N_LOSSES && (contract_losses & 1u << way) == 0)
    way++;

  return way;
}

/* Restores the directory for the next kind of loss. */
static void
place_renew (Place *self,
             Loss   way)
{
  if (way == LOSS_REPLACE)
    {
      g_autofree char *answer = NULL;

      /* The place of the lock is empty */
      peer_send (self->other, "release");
      answer = peer_read_line (self->other);
    }
  remove_recursively (self->directory);
  remove_recursively (self->moved);
  g_assert_no_errno (g_mkdir (self->directory, 0700));
}

static int
get_reason (Loss way)
{
  return way == LOSS_REPLACE ? LF_UNLOCK_ERROR_NOT_MY_LOCK : LF_UNLOCK_ERROR_NOT_LOCKED;
}

static void
assert_verifies (LfLockFile *lock)
{
  g_autoptr (GError) error = NULL;
  gboolean verified = lf_lock_file_verify (lock, &error);

  g_assert_no_error (error);
  g_assert_true (verified);
  g_assert_true (lf_lock_file_is_held (lock));
}

static void
assert_verify_fails (LfLockFile *lock,
                     int         code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_verify (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, code);
  g_assert_false (lf_lock_file_is_held (lock));
}

static void
assert_not_released (LfLockFile *lock,
                     int         code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_release (lock, &error));
  g_assert_error (error, LF_UNLOCK_ERROR, code);
}

/* A held lock can be verified several times. A lock that another object holds does not
 * count. */
static void
test_verify (Fixture       *fixture,
             gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (LfLockFile) other = lock_new (backend, fixture->path);

  assert_verify_fails (lock, LF_UNLOCK_ERROR_NOT_LOCKED);
  g_assert_false (lf_lock_file_verify (lock, NULL));

  assert_acquires (lock);
  for (int i = 0; i < 10; i++)
    assert_verifies (lock);
  assert_tries_in_vain (backend, fixture->path);
  assert_verify_fails (other, LF_UNLOCK_ERROR_NOT_LOCKED);
  assert_verifies (lock);
  assert_releases (lock);
  assert_verify_fails (lock, LF_UNLOCK_ERROR_NOT_LOCKED);

  if (!backend->has_shared)
    return;

  lf_lock_file_set_mode (lock, LF_LOCK_MODE_SHARED);
  lf_lock_file_set_mode (other, LF_LOCK_MODE_SHARED);
  assert_acquires (lock);
  assert_acquires (other);
  assert_verifies (lock);
  assert_verifies (other);
  assert_releases (lock);
  assert_verifies (other);
  assert_releases (other);
}

typedef struct
{
  GThread *thread;
  int count;
  gboolean held;
} Notified;

static void
notify_held_cb (LfLockFile *lock,
                GParamSpec *pspec,
                gpointer    user_data)
{
  Notified *notified = user_data;

  notified->thread = g_thread_self ();
  notified->count++;
  notified->held = lf_lock_file_is_held (lock);
}

/* verify() finds out every kind of loss, names the new holder, and drops the lock, so that the
 * object can acquire it again at once. */
static void
test_verify_lost (Fixture       *fixture,
                  gconstpointer  data)
{
  g_auto (Place) place = { 0 };

  place_make (&place, fixture, data);
  for (Loss way = next_loss (0); way < N_LOSSES; way = next_loss (way + 1))
    {
      Notified notified = { 0 };

      assert_acquires (place.lock);
      g_signal_connect (place.lock, "notify::held", G_CALLBACK (notify_held_cb), &notified);
      assert_verifies (place.lock);
      place_lose (&place, way);
      g_assert_true (lf_lock_file_is_held (place.lock));
      assert_verify_fails (place.lock, get_reason (way));
      g_assert_cmpint (notified.count, ==, 1);
      g_assert_true (notified.thread == g_thread_self ());
      g_assert_false (notified.held);

      /* The next calls only report that the lock is not held */
      assert_verify_fails (place.lock, LF_UNLOCK_ERROR_NOT_LOCKED);
      assert_not_released (place.lock, get_reason (way));
      g_assert_cmpint (notified.count, ==, 1);
      g_signal_handlers_disconnect_by_data (place.lock, &notified);

      place_renew (&place, way);
      assert_acquires (place.lock);
      assert_verifies (place.lock);
      assert_releases (place.lock);
    }
}

/* The next claim begins when the loss of the lock is found out. */
static void
test_verify_next (Fixture       *fixture,
                  gconstpointer  data)
{
  g_auto (Place) place = { 0 };
  g_auto (Claim) claim = { 0 };

  place_make (&place, fixture, data);
  assert_acquires (place.lock);
  claim_start (&claim, place.lock, NULL);
  place_lose (&place, LOSS_RENAME);
  assert_verify_fails (place.lock, LF_UNLOCK_ERROR_NOT_LOCKED);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_verifies (place.lock);
  assert_releases (place.lock);
}

/* A monitored lock. */
typedef struct
{
  LfLockFile *lock;
  GThread *thread; /* of the signal */
  GError *reason;
  gboolean lost;
  int count;
  Notified notified;
  gboolean *claimed; /* reported before, or NULL */
  gboolean was_claimed;
} Monitored;

static void
lost_cb (LfLockFile *lock,
         GError     *reason,
         gpointer    user_data)
{
  Monitored *self = user_data;

  g_assert_true (lock == self->lock);
  g_assert_nonnull (reason);
  g_clear_error (&self->reason);
  self->reason = g_error_copy (reason);
  self->thread = g_thread_self ();
  self->was_claimed = self->claimed != NULL && *self->claimed;
  self->lost = TRUE;
  self->count++;
}

static void
monitor (Monitored  *self,
         LfLockFile *lock)
{
  *self = (Monitored) { .lock = lock };
  lf_lock_file_set_monitor (lock, TRUE);
  g_signal_connect (lock, "lost", G_CALLBACK (lost_cb), self);
  g_signal_connect (lock, "notify::held", G_CALLBACK (notify_held_cb), &self->notified);
}

static void
monitored_clear (Monitored *self)
{
  if (self->lock == NULL)
    return;

  g_signal_handlers_disconnect_by_data (self->lock, self);
  g_signal_handlers_disconnect_by_data (self->lock, &self->notified);
  g_clear_error (&self->reason);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Monitored, monitored_clear)

static void
monitored_wait (Monitored *self)
{
  iterate_until (&self->lost);
}

static void
iterate_all (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* Returns when the library's threads have ended and everything is reported. */
static void
settle (void)
{
  wait_for_no_lock_threads ();
  iterate_all ();
}

/* If a monitored lock is lost, in any way, the signal is emitted once, with the reason. The lock
 * is then not held, and can be acquired again. */
static void
test_lost (Fixture       *fixture,
           gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Place) place = { 0 };

  place_make (&place, fixture, backend);
  for (Loss way = next_loss (0); way < N_LOSSES; way = next_loss (way + 1))
    {
      g_auto (Monitored) monitored = { 0 };

      monitor (&monitored, place.lock);
      assert_acquires (place.lock);
      place_lose (&place, way);
      monitored_wait (&monitored);
      g_assert_true (monitored.thread == g_thread_self ());
      g_assert_false (lf_lock_file_is_held (place.lock));
      g_assert_cmpint (monitored.notified.count, ==, 2);
      g_assert_false (monitored.notified.held);
      /* A directory cannot be replaced in one step */
      if (way != LOSS_REPLACE || backend->kind != LOCK_IS_DIRECTORY)
        g_assert_error (monitored.reason, LF_UNLOCK_ERROR, get_reason (way));
      assert_not_released (place.lock, get_reason (way));
      settle ();
      g_assert_cmpint (monitored.count, ==, 1);
      g_assert_cmpint (monitored.notified.count, ==, 2);

      place_renew (&place, way);
      assert_acquires (place.lock);
      assert_releases (place.lock);
      settle ();
      g_assert_cmpint (monitored.count, ==, 1);
    }
}

/* The next claim begins by itself, and is reported after the loss. Its lock is monitored,
 * too. */
static void
test_lost_next (Fixture       *fixture,
                gconstpointer  data)
{
  g_auto (Place) place = { 0 };
  g_auto (Claim) claim = { 0 };
  g_auto (Monitored) monitored = { 0 };

  place_make (&place, fixture, data);
  monitor (&monitored, place.lock);
  monitored.claimed = &claim.done;
  assert_acquires (place.lock);
  claim_start (&claim, place.lock, NULL);
  place_lose (&place, LOSS_RENAME);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  g_assert_cmpint (monitored.count, ==, 1);
  g_assert_false (monitored.was_claimed);

  assert_verifies (place.lock);
  monitored.lost = FALSE;
  place_lose (&place, LOSS_RENAME);
  monitored_wait (&monitored);
  g_assert_cmpint (monitored.count, ==, 2);
}

static gpointer
lose_in_thread (gpointer data)
{
  Place *place = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_auto (Monitored) monitored = { 0 };
  g_auto (Claim) claim = { 0 };

  g_main_context_push_thread_default (context);
  monitor (&monitored, place->lock);
  for (int is_async = FALSE; is_async <= TRUE; is_async++)
    {
      monitored.lost = FALSE;
      if (is_async)
        {
          claim_start (&claim, place->lock, NULL);
          claim_wait (&claim);
          g_assert_no_error (claim.error);
        }
      else
        assert_acquires (place->lock);
      place_lose (place, LOSS_RENAME);
      monitored_wait (&monitored);
      g_assert_true (monitored.thread == g_thread_self ());
      g_assert_true (monitored.notified.thread == g_thread_self ());
      place_renew (place, LOSS_RENAME);
    }
  monitored_clear (&monitored);
  monitored.lock = NULL;
  g_main_context_pop_thread_default (context);

  return NULL;
}

/* The loss is reported in the main context of the thread that acquired the lock, by any
 * call. */
static void
test_lost_context (Fixture       *fixture,
                   gconstpointer  data)
{
  g_auto (Place) place = { 0 };

  place_make (&place, fixture, data);
  g_thread_join (g_thread_new ("loser", lose_in_thread, &place));
}

static void
try_again_cb (LfLockFile *lock,
              GError     *reason,
              gpointer    user_data)
{
  g_autoptr (GError) error = NULL;

  lf_test_ignore (lf_lock_file_try_acquire (lock, &error));
  g_assert_no_error (error);
}

/* The handler of the signal can try to acquire the lock again at once. */
static void
test_lost_again (Fixture       *fixture,
                 gconstpointer  data)
{
  g_auto (Place) place = { 0 };
  g_auto (Monitored) monitored = { 0 };

  place_make (&place, fixture, data);
  monitor (&monitored, place.lock);
  g_signal_connect (place.lock, "lost", G_CALLBACK (try_again_cb), NULL);
  assert_acquires (place.lock);
  for (int i = 1; i <= N_ROUNDS; i++)
    {
      monitored.lost = FALSE;
      place_lose (&place, LOSS_RENAME);
      monitored_wait (&monitored);
      g_assert_true (lf_lock_file_is_held (place.lock));
      g_assert_cmpint (monitored.count, ==, i);
    }
  g_signal_handlers_disconnect_by_func (place.lock, try_again_cb, NULL);
}

/* A lock that is not monitored needs no thread and emits no signal. The property takes effect
 * with the next grant. */
static void
test_not_monitored (Fixture       *fixture,
                    gconstpointer  data)
{
  g_auto (Place) place = { 0 };
  g_auto (Monitored) monitored = { 0 };

  place_make (&place, fixture, data);
  g_assert_false (lf_lock_file_get_monitor (place.lock));
  monitor (&monitored, place.lock);
  g_assert_true (lf_lock_file_get_monitor (place.lock));
  lf_lock_file_set_monitor (place.lock, FALSE);
  assert_acquires (place.lock);
  lf_lock_file_set_monitor (place.lock, TRUE);
  wait_for_no_lock_threads ();
  place_lose (&place, LOSS_RENAME);
  settle ();
  g_assert_true (lf_lock_file_is_held (place.lock));
  assert_not_released (place.lock, LF_UNLOCK_ERROR_NOT_LOCKED);
  settle ();
  g_assert_cmpint (monitored.count, ==, 0);
}

/* Calls of the holder, and changes of other files in the directory, do not lose the lock. */
static void
test_not_lost (Fixture       *fixture,
               gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Place) place = { 0 };
  g_auto (Monitored) monitored = { 0 };
  g_autoptr (LfLockFile) neighbour = NULL;
  g_autofree char *name = NULL;

  place_make (&place, fixture, backend);
  /* Its name begins with the name of the lock */
  name = g_strconcat (place.path, ".1", NULL);
  neighbour = lock_new (backend, name);
  lf_lock_file_set_remove_on_release (neighbour, TRUE);
  monitor (&monitored, place.lock);

  for (int i = 0; i < N_ROUNDS; i++)
    {
      lf_lock_file_set_remove_on_release (place.lock, i % 2 == 0);
      assert_acquires (place.lock);
      assert_acquires (neighbour);
      assert_releases (neighbour);
      assert_releases (place.lock);
    }
  settle ();
  g_assert_cmpint (monitored.count, ==, 0);
}

/* An object that is finalized after the loss emits nothing. If the release reports the loss, the
 * signal is not emitted. */
static void
test_lost_silently (Fixture       *fixture,
                    gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Place) place = { 0 };

  place_make (&place, fixture, backend);
  for (int i = 0; i < N_ROUNDS; i++)
    {
      g_auto (Monitored) monitored = { 0 };
      LfLockFile *lock = lock_new (backend, place.path);

      monitor (&monitored, lock);
      assert_acquires (lock);
      place_lose (&place, LOSS_RENAME);
      /* Before its main context dispatched the report, even if another one already did */
      g_usleep ((gulong) i * 5);
      monitored_clear (&monitored);
      monitored.lock = NULL;
      g_object_unref (lock);
      iterate_all ();
      g_assert_cmpint (monitored.count, ==, 0);
    }
  settle ();
}

static void
take_away (const char *path)
{
  g_autofree char *away = g_strconcat (path, ".away", NULL);

  g_assert_no_errno (g_rename (path, away));
}

/* One sleeping thread watches all locks. Each loss is reported, and then the thread ends. */
static void
test_lost_many (Fixture       *fixture,
                gconstpointer  data)
{
  const TestBackend *backend = data;
  g_auto (Place) place = { 0 };
  Monitored monitored[N_LOCKS] = { 0 };
  char *paths[N_LOCKS];

  place_make (&place, fixture, backend);
  for (int i = 0; i < N_LOCKS; i++)
    {
      paths[i] = g_strdup_printf ("%s.%d", place.path, i);
      monitor (&monitored[i], lock_new (backend, paths[i]));
      assert_acquires (monitored[i].lock);
    }
  wait_for_sleeping_lock_threads (1);

  for (int i = 0; i < N_LOCKS; i += 2)
    take_away (paths[i]);
  for (int i = 0; i < N_LOCKS; i += 2)
    monitored_wait (&monitored[i]);
  wait_for_sleeping_lock_threads (1);
  iterate_all ();
  for (int i = 0; i < N_LOCKS; i++)
    g_assert_cmpint (monitored[i].count, ==, i % 2 == 0 ? 1 : 0);

  /* All at once */
  if ((contract_losses & 1u << LOSS_MOVE_DIRECTORY) != 0)
    place_lose (&place, LOSS_MOVE_DIRECTORY);
  else
    {
      for (int i = 1; i < N_LOCKS; i += 2)
        take_away (paths[i]);
    }
  for (int i = 1; i < N_LOCKS; i += 2)
    monitored_wait (&monitored[i]);
  settle ();
  for (int i = 0; i < N_LOCKS; i++)
    {
      LfLockFile *lock = monitored[i].lock;

      g_assert_cmpint (monitored[i].count, ==, 1);
      monitored_clear (&monitored[i]);
      g_object_unref (lock);
      g_free (paths[i]);
    }
}

/* A call that finds the loss reports it. The signal is still emitted, once. */
static void
test_lost_verified (Fixture       *fixture,
                    gconstpointer  data)
{
  g_auto (Place) place = { 0 };

  place_make (&place, fixture, data);
  for (int i = 0; i < N_ROUNDS; i++)
    {
      g_auto (Monitored) monitored = { 0 };

      monitor (&monitored, place.lock);
      assert_acquires (place.lock);
      place_lose (&place, LOSS_RENAME);
      assert_verify_fails (place.lock, LF_UNLOCK_ERROR_NOT_LOCKED);
      monitored_wait (&monitored);
      settle ();
      g_assert_cmpint (monitored.count, ==, 1);
      g_assert_cmpint (monitored.notified.count, ==, 2);
    }
}

/* What a long wait reports. */
typedef struct
{
  LfLockFile *lock;
  Peer *peer; /* the holder, which is told to release the lock */
  GThread *thread;
  int count;
  int pid;
  gboolean waits;
  GMainLoop *loop; /* a main loop to run during the wait, or NULL */
} Notice;

static void
waiting_cb (LfLockFile   *lock,
            LfLockHolder *holder,
            gpointer      user_data)
{
  Notice *notice = user_data;

  notice->count++;
  notice->thread = g_thread_self ();
  notice->pid = holder != NULL ? lf_lock_holder_get_pid (holder) : -1;
  notice->waits = TRUE;
  if (notice->peer != NULL)
    peer_send (notice->peer, "release");
  if (notice->loop != NULL)
    g_main_loop_run (notice->loop);
}

static void
assert_noticed (const Notice      *notice,
                const TestBackend *backend,
                Peer              *peer)
{
  g_assert_cmpint (notice->count, ==, 1);
  g_assert_true (notice->thread == g_thread_self ());
  g_assert_cmpint (notice->pid, ==, backend->names_others ? peer_get_pid (peer) : 0);
}

/* A long wait reports the holder once, in the calling thread, which can do something about
 * it. */
static void
test_waiting (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = backend_peer_start (backend, fixture->path);
  Notice notice = { .peer = peer };

  g_assert_cmpfloat (lf_lock_file_get_notice_delay (lock), ==, -1);
  lf_lock_file_set_notice_delay (lock, 0.02);
  g_assert_cmpfloat (lf_lock_file_get_notice_delay (lock), ==, 0.02);
  g_signal_connect (lock, "waiting", G_CALLBACK (waiting_cb), &notice);

  for (int i = 0; i < 4; i++)
    {
      g_auto (Claim) claim = { 0 };
      g_autoptr (GCancellable) cancellable = i == 3 ? g_cancellable_new () : NULL;
      g_autoptr (GError) error = NULL;
      gboolean granted = TRUE;

      notice.count = 0;
      peer_send (peer, "acquire");
      peer_expect (peer, "held");
      if (i == 0)
        {
          claim_start (&claim, lock, NULL);
          claim_wait (&claim);
          error = g_steal_pointer (&claim.error);
        }
      else if (i == 1)
        granted = lf_lock_file_acquire (lock, NULL, &error);
      else
        granted = lf_lock_file_acquire_with_timeout (lock, i == 2 ? 60 : -1, cancellable, &error);
      g_assert_no_error (error);
      g_assert_true (granted);
      peer_expect (peer, "released");
      assert_noticed (&notice, backend, peer);
      assert_releases (lock);
    }

  /* No wait, or no notice */
  notice.count = 0;
  lf_lock_file_set_notice_delay (lock, 0);
  assert_acquires (lock);
  assert_releases (lock);
  peer_send (peer, "acquire");
  peer_expect (peer, "held");
  g_assert_false (lf_lock_file_try_acquire (lock, NULL));
  lf_lock_file_set_notice_delay (lock, -1);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, NULL));
  lf_lock_file_set_notice_delay (lock, 60);
  g_assert_false (lf_lock_file_acquire_with_timeout (lock, 0.05, NULL, NULL));
  settle ();
  g_assert_cmpint (notice.count, ==, 0);
  peer_send (peer, "release");
  peer_expect (peer, "released");
}

static void
quit_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error));
  g_assert_no_error (error);
  g_main_loop_quit (user_data);
}

/* A handler that shows a dialogue can run a main loop of its own until the lock is acquired.
 * Without a delay, the signal is emitted at once. */
static void
test_waiting_dialogue (Fixture       *fixture,
                       gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_autoptr (Peer) peer = backend_peer_start_holder (backend, fixture->path);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Notice notice = { .peer = peer, .loop = loop };

  lf_lock_file_set_notice_delay (lock, 0);
  g_signal_connect (lock, "waiting", G_CALLBACK (waiting_cb), &notice);
  lf_lock_file_acquire_async (lock, G_PRIORITY_DEFAULT, NULL, quit_cb, loop);
  iterate_until (&notice.waits);
  peer_expect (peer, "released");
  assert_noticed (&notice, backend, peer);
  assert_releases (lock);
}

/* A claim that waits for its own object reports that, too. */
static void
test_waiting_for_itself (Fixture       *fixture,
                         gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autoptr (LfLockFile) lock = lock_new (backend, fixture->path);
  g_auto (Claim) claim = { 0 };
  Notice notice = { 0 };

  g_signal_connect (lock, "waiting", G_CALLBACK (waiting_cb), &notice);
  assert_acquires (lock);
  lf_lock_file_set_notice_delay (lock, 0.01);
  claim_start (&claim, lock, NULL);
  iterate_until (&notice.waits);
  g_assert_cmpint (notice.pid, ==, getpid ());
  assert_releases (lock);
  claim_wait (&claim);
  g_assert_no_error (claim.error);
  assert_releases (lock);
  g_assert_cmpint (notice.count, ==, 1);
}

const BackendCase contract_held_cases[] = {
  { "verify", test_verify },
  { "verify-lost", test_verify_lost },
  { "verify-next", test_verify_next },
  { "lost", test_lost },
  { "lost-next", test_lost_next },
  { "lost-again", test_lost_again },
  { "lost-context", test_lost_context },
  { "lost-silently", test_lost_silently },
  { "lost-many", test_lost_many },
  { "lost-verified", test_lost_verified },
  { "not-monitored", test_not_monitored },
  { "not-lost", test_not_lost },
  { "waiting", test_waiting },
  { "waiting-dialogue", test_waiting_dialogue },
  { "waiting-for-itself", test_waiting_for_itself },
  { NULL, NULL },
};
