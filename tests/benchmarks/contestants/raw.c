/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* raw WAY PATH: the system calls that a lock of each way cannot do without, made by
 * hand: what the library is measured against. They are those of a safe lock. That of
 * the kernel counts only if the path still names the file, at its release too, and
 * a file that is the lock holds a record; but nothing is looked at that can be seen
 * from a result already, and there are no error messages.
 *
 * Besides the commands of every program, it obeys
 *
 *   hold COUNT   0; acquires the locks PATH.0, PATH.1 and so on, for good
 *
 * raw stamp: says the time and ends with its input, for flock(1). */

#include "config.h"

#include "contestant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SQLITE
#include <sqlite3.h>
#endif

#define OPEN_FLAGS (O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* As long as those of the library are */
#define RECORD "1234567\nprogram\nhost\n0123456789abcdef0123456789abcdef\n" \
               "01234567-89ab-cdef-0123-456789abcdef\n4026531836\n12345678\n"

static const char *path;
static const char *record_suffix;
static char *record_path;
static int fd = -1;
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

/* No more than an attempt cannot do without */
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

static int
create_record (const char *name)
{
  int record;

  check (record = open (name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  check (write (record, RECORD, strlen (RECORD)));

  return record;
}

static void
acquire_hard_link (void)
{
  struct stat status;

  fd = create_record (record_path);
  check (link (record_path, path));
  check (fstat (fd, &status));
  g_assert_cmpint (status.st_nlink, ==, 2);
  check (unlink (record_path));
  close (fd);
}

static void
release_file (void)
{
  check (unlink (path));
}

static void
acquire_directory (void)
{
  check (mkdir (path, 0777));
  close (create_record (record_path));
}

static void
release_directory (void)
{
  check (unlink (record_path));
  check (rmdir (path));
}

static void
acquire_symlink (void)
{
  check (symlink (RECORD, path));
}

static void
acquire_pid_file (void)
{
  fd = create_record (path);
  check (flock (fd, LOCK_EX | LOCK_NB));
}

static void
release_pid_file (void)
{
  check (unlink (path));
  close (fd);
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
  { "hard-link", { acquire_hard_link, release_file } },
  { "directory", { acquire_directory, release_directory } },
  { "symlink", { acquire_symlink, release_file } },
  { "pid-file", { acquire_pid_file, release_pid_file } },
#ifdef HAVE_SQLITE
  { "sqlite", { acquire_sqlite, release_sqlite } },
#endif
};

static void
set_path (const char *new_path)
{
  g_free (record_path);
  path = new_path;
  record_path = g_strconcat (path, record_suffix, NULL);
}

/* Locks of others are never given back: what is by hand keeps no list of them. */
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
  record_suffix = g_str_equal (argv[1], "directory") ? "/record" : ".record";
  set_path (argv[2]);

  for (gsize i = 0; i < G_N_ELEMENTS (contestants); i++)
    if (g_str_equal (argv[1], contestants[i].way))
      {
        contestant = &contestants[i].contestant;
        contestant->obey = obey;
        contestant_run (contestant);
        g_free (record_path);
        return 0;
      }

  g_error ("No such way: %s", argv[1]);
}
