/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-util.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

char **
get_arguments (char **argv)
{
  return g_strdupv (argv);
}

char *
get_own_application (void)
{
  g_autofree char *executable = g_file_read_link ("/proc/self/exe", NULL);

  return g_path_get_basename (executable);
}

void
remove_recursively (const char *path)
{
  g_autoptr (GDir) directory = NULL;
  const char *name;

  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    {
      g_chmod (path, 0700);
      directory = g_dir_open (path, 0, NULL);
      while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
        {
          g_autofree char *child = g_build_filename (path, name, NULL);

          remove_recursively (child);
        }
    }

  g_remove (path);
}

gboolean
path_exists (const char *path)
{
  struct stat path_stat;

  if (lstat (path, &path_stat) == 0)
    return TRUE;

  g_assert_cmpint (errno, ==, ENOENT);

  return FALSE;
}

guint
count_waiters (const char *path)
{
  g_autofree char *list = NULL;
  g_autofree char *wanted = NULL;
  g_auto (GStrv) lines = NULL;
  struct stat path_stat;
  guint n_waiters = 0;

  if (stat (path, &path_stat) != 0)
    return 0;

  g_assert_true (g_file_get_contents ("/proc/locks", &list, NULL, NULL));
  wanted = g_strdup_printf (" %02x:%02x:%" G_GUINT64_FORMAT " ", major (path_stat.st_dev),
                            minor (path_stat.st_dev), (guint64) path_stat.st_ino);
  lines = g_strsplit (list, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (strstr (lines[i], wanted) != NULL && strstr (lines[i], "->") != NULL)
        n_waiters++;
    }

  return n_waiters;
}

/* The list is unstable while other locks come and go, so it is read until it is the same
 * twice. */
void
wait_for_waiters (const char *path,
                  guint       n_waiters)
{
  while (count_waiters (path) != n_waiters || count_waiters (path) != n_waiters)
    g_usleep (500);
}

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  guint n_entries = 0;

  g_assert_nonnull (directory);
  while (g_dir_read_name (directory) != NULL)
    n_entries++;

  return n_entries;
}

guint
count_descriptors (void)
{
  return count_entries ("/proc/self/fd");
}

guint
count_open_files (const char *directory)
{
  g_autoptr (GDir) descriptors = g_dir_open ("/proc/self/fd", 0, NULL);
  g_autofree char *prefix = g_strconcat (directory, "/", NULL);
  const char *name;
  guint n_open = 0;

  g_assert_nonnull (descriptors);
  while ((name = g_dir_read_name (descriptors)) != NULL)
    {
      g_autofree char *link = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (link, NULL);

      if (target != NULL && g_str_has_prefix (target, prefix))
        n_open++;
    }

  return n_open;
}

/* Recognizes the library's threads by their name. */
static guint
count_lock_threads (gboolean only_sleeping)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  guint n_threads = 0;

  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "stat", NULL);
      g_autofree char *line = NULL;
      g_autofree char *any = g_strdup_printf ("%s (lf-wait) ", name);
      g_autofree char *sleeping = g_strdup_printf ("%s (lf-wait) S", name);

      /* It may have just ended */
      if (atoi (name) != getpid () && g_file_get_contents (path, &line, NULL, NULL) &&
          g_str_has_prefix (line, only_sleeping ? sleeping : any))
        n_threads++;
    }

  return n_threads;
}

void
wait_for_sleeping_lock_threads (guint n_threads)
{
  while (count_lock_threads (TRUE) != n_threads)
    g_usleep (500);
}

/* A thread that has reported is still listed while the kernel removes it, and an abandoned
 * one may still be cleaning up. */
void
wait_for_no_lock_threads (void)
{
  while (count_lock_threads (FALSE) > 0)
    g_usleep (500);
}

static gboolean in_child;

gboolean
has_process_watcher (void)
{
  return !in_child;
}

void
kill_process (int pid)
{
  kill (pid, SIGKILL);
}

/* Returns the exit status, or -1. */
int
wait_for_process (int pid)
{
  int status;

  while (waitpid (pid, &status, 0) < 0)
    {
      if (errno != EINTR)
        return -1;
    }

  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static void
run_child (ChildFunc function,
           gpointer  data,
           gboolean  as_user)
{
  int status;
  pid_t pid;

  /* A lock of GObject, or of the allocator of AddressSanitizer, that another thread has at the fork
   * stays locked in the child. Such a thread may just be starting or ending. */
  if (!in_child)
    wait_until_asleep (getpid ());

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      if (as_user && geteuid () == 0)
        {
          g_assert_no_errno (setgroups (0, NULL));
          g_assert_no_errno (setgid (ORDINARY_USER));
          g_assert_no_errno (setuid (ORDINARY_USER));
        }
      in_child = TRUE;
      function (data);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

void
run_in_child (ChildFunc function,
              gpointer  data)
{
  run_child (function, data, FALSE);
}

void
run_as_user (ChildFunc function,
             gpointer  data)
{
  run_child (function, data, TRUE);
}

gboolean
can_lock_outside (const char *path,
                  short       type)
{
  struct flock wanted = { .l_type = type, .l_whence = SEEK_SET };
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    _exit (fcntl (open (path, O_RDWR | O_CLOEXEC), F_SETLK, &wanted) == 0 ? 1 : 2);

  return wait_for_process (pid) == 1;
}

/* Writes to an existing file in a single write, as the kernel's files require. */
void
write_file (const char *path,
            const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize) strlen (text));
  close (fd);
}

void
enter_namespaces (int flags)
{
  g_autofree char *user_map = g_strdup_printf ("0 %u 1", geteuid ());
  g_autofree char *group_map = g_strdup_printf ("0 %u 1", getegid ());
  gboolean is_root = geteuid () == 0;

  g_assert_no_errno (unshare (is_root ? flags : flags | CLONE_NEWUSER));
  if (!is_root)
    {
      write_file ("/proc/self/setgroups", "deny");
      write_file ("/proc/self/uid_map", user_map);
      write_file ("/proc/self/gid_map", group_map);
    }

  /* Mounts must not be visible outside */
  if ((flags & CLONE_NEWNS) != 0)
    g_assert_no_errno (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

/* Whether all threads of a process sleep, except for the calling one. */
static gboolean
is_asleep (int pid)
{
  g_autofree char *tasks = g_strdup_printf ("/proc/%d/task", pid);
  g_autoptr (GDir) directory = g_dir_open (tasks, 0, NULL);
  const char *name;

  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename (tasks, name, "stat", NULL);
      g_autofree char *stat_line = NULL;
      const char *after_name;

      if (atoi (name) == (int) gettid ())
        continue;

      /* A thread that has just ended counts as running */
      if (!g_file_get_contents (path, &stat_line, NULL, NULL))
        return FALSE;

      after_name = strrchr (stat_line, ')');
      g_assert_nonnull (after_name);
      if (after_name[2] != 'S')
        return FALSE;
    }

  return TRUE;
}

/* Threads may sleep for a moment without having settled, but hardly in several moments in a
 * row. No test may rely on more than that. */
void
wait_until_asleep (int pid)
{
  guint n_moments = 0;

  while (n_moments < 5)
    {
      n_moments = is_asleep (pid) ? n_moments + 1 : 0;
      g_usleep (500);
    }
}
