/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

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

/* Another process that obeys commands, one per line. */
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

/* Functions that depend on the platform, with one file per platform. */

/* The arguments of main(), in the encoding of file names; free them. */
char **get_arguments     (char **argv);
char *get_own_application (void);

/* Number of lock requests on the file at @path that wait in the kernel's queue. */
guint count_waiters      (const char *path);
void  wait_for_waiters   (const char *path, guint n_waiters);

guint count_descriptors  (void);

/* The number of files in the directory that this process has open, including removed ones;
 * 0 if the system does not say. */
guint count_open_files   (const char *directory);

/* Removes a file or a directory; it need not exist. */
void  remove_recursively (const char *path);

/* Whether anything is there, even a dangling symbolic link. */
gboolean path_exists     (const char *path);

/* Returns when all threads of a process, except for the calling one, certainly sleep. */
void  wait_until_asleep  (int pid);

/* Waits until this many threads of the library sleep, including the watch's, or until there
 * are none. */
void  wait_for_sleeping_lock_threads (guint n_threads);
void  wait_for_no_lock_threads (void);

/* Runs @function in a child, which is an ordinary user even if we are root. Fails the test
 * if the child fails. */
#define ORDINARY_USER 65534
typedef void (*ChildFunc) (gpointer data);
void  run_in_child       (ChildFunc function, gpointer data);
void  run_as_user        (ChildFunc function, gpointer data);

/* Whether another process can take a POSIX lock of that type, F_RDLCK or F_WRLCK. */
gboolean can_lock_outside (const char *path, short type);

/* Enters new namespaces in a child without threads, as root even if we are not. */
void  enter_namespaces   (int flags);
void  write_file         (const char *path, const char *text);

/* An asynchronous acquire. */
typedef struct
{
  gboolean done;
  gboolean granted;
  GError *error;
  guint sequence;  /* how many of a group completed before it */
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

/* GLib kills processes, and waits for them, with the help of a thread that a child of
 * run_in_child() does not have. These functions need no such thread. */
gboolean has_process_watcher (void);
void     kill_process        (int pid);
int      wait_for_process    (int pid);

/* For a call whose error, or the state after it, is checked in place of its result. */
static inline void
lf_test_ignore (gboolean result)
{
}

G_END_DECLS
