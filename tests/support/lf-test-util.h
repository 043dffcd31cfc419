/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <sys/types.h>

#include <lockfile-glib/lockfile-glib.h>

G_BEGIN_DECLS

/* A private directory for one test case, removed with all its contents. */
typedef struct
{
  char *directory;
  char *path; /* of the lock file in it */
} Fixture;

void  fixture_set_up    (Fixture *fixture, gconstpointer data);
void  fixture_tear_down (Fixture *fixture, gconstpointer data);

#define add_test(path, function) \
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
#define add_data_test(path, data, function) \
  g_test_add (path, Fixture, data, fixture_set_up, function, fixture_tear_down)

/* Another process that is told what to do, a line at a time. */
typedef struct
{
  GSubprocess *process;
  GDataInputStream *output;
  gboolean reaped; /* by wait_for_process() */
  int exit_status;
} Peer;

Peer *peer_start_argv (const char *const *argv);
Peer *peer_start      (const char *path);
Peer *peer_start_with (const char *path, const char *backend);
void  peer_send       (Peer *peer, const char *command);
char *peer_read_line  (Peer *peer);
void  peer_expect     (Peer *peer, const char *line);
int   peer_get_pid    (Peer *peer);
void  peer_kill       (Peer *peer);
int   peer_wait       (Peer *peer);
void  peer_free       (Peer *peer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Peer, peer_free)

/* Starts a peer that holds the lock of @path. */
Peer *peer_start_holder (const char *path);
Peer *peer_start_holder_with (const char *path, const char *backend);

/* What the platform does in its own way: a file for each. */

/* The arguments of main(), in the encoding of file names, which is to free. */
char **get_arguments     (char **argv);
char *get_own_application (void);

/* Number of lock requests on the file at @path that wait in the kernel's queue. */
guint count_waiters      (const char *path);
void  wait_for_waiters   (const char *path, guint n_waiters);

guint count_descriptors  (void);

/* Files in the directory that this process has open, removed ones included; 0 where
 * the system does not tell. */
guint count_open_files   (const char *directory);

/* Whatever it is, and if it is there. */
void  remove_recursively (const char *path);

/* Whether there is anything, be it a symbolic link that leads nowhere. */
gboolean path_exists     (const char *path);

/* Returns when all threads of a process, but the calling one, surely sleep. */
void  wait_until_asleep  (int pid);

/* Waits until that many threads of the library sleep, the watch's included, or
 * until none is left. */
void  wait_for_sleeping_lock_threads (guint n_threads);
void  wait_for_no_lock_threads (void);

/* Runs @function in a child, as an ordinary user also if we are root, and fails
 * the test if it fails. */
#define ORDINARY_USER 65534
typedef void (*ChildFunc) (gpointer data);
void  run_in_child       (ChildFunc function, gpointer data);
void  run_as_user        (ChildFunc function, gpointer data);

/* Whether another process gets a lock of POSIX of that type, F_RDLCK or F_WRLCK. */
gboolean can_lock_outside (const char *path, short type);

/* Enters new namespaces, as root also if we are not, in a child without threads. */
void  enter_namespaces   (int flags);
void  write_file         (const char *path, const char *text);

/* An asynchronous acquisition as a test sees it. */
typedef struct
{
  gboolean done;
  gboolean granted;
  GError *error;
  guint sequence;  /* how many completed before it, of those that count together */
  guint *counter;
  GThread *thread; /* of the callback */
} Claim;

void  claim_start        (Claim *claim, LfLockFile *lock, GCancellable *cancellable);
void  claim_wait         (Claim *claim);
void  claim_clear        (Claim *claim);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Claim, claim_clear)

void  iterate_until      (gboolean *flag);

void  assert_acquires    (LfLockFile *lock);
void  assert_releases    (LfLockFile *lock);
void  assert_free        (const char *path);
void  assert_not_free    (const char *path);
void  assert_refused     (LfLockFile *lock, GQuark domain, int code);

/* GLib kills processes, and waits for them, with a thread of its own, which a child of
 * run_in_child() has not. There, these do it. */
gboolean has_process_watcher (void);
void     kill_process        (int pid);
int      wait_for_process    (int pid);

/* For a call of which the error, or the state after it, tells more than its result. */
static inline void
lf_test_ignore (gboolean result)
{
}

G_END_DECLS
