/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* raw WAY PATH: the system calls that a lock of each kind needs, made directly, for
 * comparison with the library. They make a safe lock. A kernel lock counts only if the path
 * still names the file, also at its release. A file that is the lock contains a record
 * before it is visible, is locked itself from then on, and is removed only if it still has
 * this name in the directory, which is opened once. But there is no check of anything that
 * a result already shows, and there are no error messages.
 *
 * In addition to the commands of every program, it obeys
 *
 *   hold COUNT   0; acquires the locks PATH.0, PATH.1 and so on, until the end
 *
 * raw stamp: prints the time and exits at the end of its input, for flock(1). */

#include "config.h"

#include "contestant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_SQLITE
#include <sqlite3.h>
#endif

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#define OPEN_FLAGS (O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* As long as the library's records */
#define RECORD "1234567\nprogram\nhost\n0123456789abcdef0123456789abcdef\n" \
               "01234567-89ab-cdef-0123-456789abcdef\n" \
               "pid-namespace:4026531836\nstart-time:12345678\n" \
               "lock:0123456789abcdef0123456789abcdef-0\n" \
               "program:0123456789abcdef0123456789abcdef\n" \
               "time-namespace:4026531834\ninode-lock:yes\n"

static const char *path;
static char *directory, *base_name, *temporary_name;
static int directory_fd = -1, fd = -1, record_fd = -1;
static Contestant *contestant;

#define check(call) \
  G_STMT_START { if ((call) == -1) g_error (#call ": %s", g_strerror (errno)); } G_STMT_END

static gboolean
is_still_at_path (void)
{
  struct stat opened, named;

  check (fstat (fd, &opened));

  return stat (path, &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

static void
acquire_flock (void)
{
  while (TRUE)
    {
      check (fd = open (path, OPEN_FLAGS, 0666));
      check (flock (fd, LOCK_EX));
      if (is_still_at_path ())
        return;
      close (fd);
    }
}

static void
release_flock (void)
{
  struct stat named;

  stat (path, &named);
  check (flock (fd, LOCK_UN));
  close (fd);
}

static void
release_flock_and_file (void)
{
  check (unlink (path));
  release_flock ();
}

static void
lock_whole_file (short type)
{
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

  check (fcntl (fd, F_OFD_SETLKW, &lock));
}

static void
acquire_fcntl (void)
{
  while (TRUE)
    {
      check (fd = open (path, OPEN_FLAGS, 0666));
      lock_whole_file (F_WRLCK);
      if (is_still_at_path ())
        return;
      close (fd);
    }
}

static void
release_fcntl (void)
{
  struct stat named;

  stat (path, &named);
  lock_whole_file (F_UNLCK);
  close (fd);
}

/* Only what an attempt needs */
static void
fail_flock (void)
{
  check (fd = open (path, OPEN_FLAGS, 0666));
  g_assert_cmpint (flock (fd, LOCK_EX | LOCK_NB), ==, -1);
  close (fd);
}

static void
fail_fcntl (void)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

  check (fd = open (path, OPEN_FLAGS, 0666));
  g_assert_cmpint (fcntl (fd, F_OFD_SETLK, &lock), ==, -1);
  close (fd);
}

static void
release_fcntl_and_file (void)
{
  check (unlink (path));
  release_fcntl ();
}

static void
open_directory (void)
{
  check (directory_fd = open (directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static void
close_directory (void)
{
  close (directory_fd);
}

static void
write_record (int record)
{
  check (write (record, RECORD, strlen (RECORD)));
}

static void
assert_still_there (void)
{
  struct stat opened, named;

  check (fstat (fd, &opened));
  check (fstatat (directory_fd, base_name, &named, AT_SYMLINK_NOFOLLOW));
  g_assert_true (opened.st_dev == named.st_dev && opened.st_ino == named.st_ino);
}

/* For hard links and PID files */
static void
acquire_file (void)
{
  g_autofree char *own_path = NULL;

  open_directory ();
  check (fd = openat (directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  check (flock (fd, LOCK_EX | LOCK_NB));
  write_record (fd);
  if (linkat (fd, "", directory_fd, base_name, AT_EMPTY_PATH) == 0)
    return;

  /* This works without privileges */
  own_path = g_strdup_printf ("/proc/self/fd/%d", fd);
  check (linkat (AT_FDCWD, own_path, directory_fd, base_name, AT_SYMLINK_FOLLOW));
}

static void
release_file (void)
{
  assert_still_there ();
  check (unlinkat (directory_fd, base_name, 0));
  close (fd);
  close_directory ();
}

static void
acquire_directory (void)
{
  open_directory ();
  check (mkdirat (directory_fd, temporary_name, 0777));
  check (fd = openat (directory_fd, temporary_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check (flock (fd, LOCK_EX | LOCK_NB));
  check (record_fd = openat (fd, "record", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  write_record (record_fd);
  check (syscall (SYS_renameat2, directory_fd, temporary_name, directory_fd, base_name,
                  RENAME_NOREPLACE));
}

static void
release_directory (void)
{
  assert_still_there ();
  check (syscall (SYS_renameat2, directory_fd, base_name, directory_fd, temporary_name,
                  RENAME_NOREPLACE));
  check (unlinkat (fd, "record", 0));
  check (unlinkat (directory_fd, temporary_name, AT_REMOVEDIR));
  close (record_fd);
  close (fd);
  close_directory ();
}

static void
acquire_symlink (void)
{
  open_directory ();
  check (symlinkat (RECORD, directory_fd, base_name));
}

static void
release_symlink (void)
{
  char target[sizeof RECORD];

  check (readlinkat (directory_fd, base_name, target, sizeof target));
  g_assert_cmpmem (target, strlen (RECORD), RECORD, strlen (RECORD));
  check (unlinkat (directory_fd, base_name, 0));
  close_directory ();
}

#ifdef HAVE_SQLITE
static sqlite3 *database;

static void
acquire_sqlite (void)
{
  g_assert_cmpint (sqlite3_open (path, &database), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (database, "BEGIN EXCLUSIVE", NULL, NULL, NULL), ==, SQLITE_OK);
}

static void
release_sqlite (void)
{
  g_assert_cmpint (sqlite3_exec (database, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (database), ==, SQLITE_OK);
}
#endif

static struct
{
  const char *way;
  Contestant contestant;
} contestants[] = {
  { "flock", { acquire_flock, release_flock, NULL, fail_flock } },
  { "flock-remove", { acquire_flock, release_flock_and_file } },
  { "fcntl", { acquire_fcntl, release_fcntl, NULL, fail_fcntl } },
  { "fcntl-remove", { acquire_fcntl, release_fcntl_and_file } },
  { "hard-link", { acquire_file, release_file } },
  { "directory", { acquire_directory, release_directory } },
  { "symlink", { acquire_symlink, release_symlink } },
  { "pid-file", { acquire_file, release_file } },
#ifdef HAVE_SQLITE
  { "sqlite", { acquire_sqlite, release_sqlite } },
#endif
};

static void
clear_path (void)
{
  g_free (directory);
  g_free (base_name);
  g_free (temporary_name);
}

static void
set_path (const char *new_path)
{
  clear_path ();
  path = new_path;
  directory = g_path_get_dirname (path);
  base_name = g_path_get_basename (path);
  temporary_name = g_strconcat (".", base_name, ".new", NULL);
}

/* These locks are never released, since this program keeps no list of them. */
static void
hold (int count)
{
  const char *own_path = path;

  for (int i = 0; i < count; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s.%d", own_path, i);

      set_path (name);
      contestant->acquire ();
    }
  set_path (own_path);
}

static gboolean
obey (char **words)
{
  const gint64 result = 0;

  if (!g_str_equal (words[0], "hold"))
    return FALSE;

  hold (atoi (words[1]));
  contestant_answer (&result, 1);

  return TRUE;
}

static void
stamp (void)
{
  gint64 now = contestant_now ();
  char byte;

  contestant_answer (&now, 1);
  while (read (STDIN_FILENO, &byte, 1) > 0)
    ;
}

int
main (int    argc,
      char **argv)
{
  if (argc == 2 && g_str_equal (argv[1], "stamp"))
    {
      stamp ();
      return 0;
    }

  g_assert_cmpint (argc, ==, 3);
  set_path (argv[2]);

  for (gsize i = 0; i < G_N_ELEMENTS (contestants); i++)
    if (g_str_equal (argv[1], contestants[i].way))
      {
        contestant = &contestants[i].contestant;
        contestant->obey = obey;
        contestant_run (contestant);
        clear_path ();
        return 0;
      }

  g_error ("No such way: %s", argv[1]);
}
