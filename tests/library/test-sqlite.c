/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* What a lock that is a transaction does not do to the database, beyond the contract. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

#include "lf-test-util.h"

static LfLockFile *
new_lock (const char *path,
          LfLockMode  mode)
{
  return g_object_new (LF_TYPE_LOCK_FILE, "path", path, "backend", LF_BACKEND_SQLITE,
                       "mode", mode, NULL);
}

static void
run_sql (const char *path,
         const char *sql)
{
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

static GBytes *
read_file (const char *path)
{
  char *content;
  gsize length;

  g_assert_true (g_file_get_contents (path, &content, &length, NULL));

  return g_bytes_new_take (content, length);
}

static void
assert_refuses (const char *path,
                LfLockMode  mode,
                int         code)
{
  g_autoptr (LfLockFile) lock = new_lock (path, mode);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_file_acquire (lock, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, code);
}

/* A file that is not a database is left alone, byte by byte. */
static void
test_foreign (Fixture       *fixture,
              gconstpointer  data)
{
  g_autofree char *big = g_strnfill (10000, 'x');
  const char *contents[] = { "x", "Dear diary,\n", big };

  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autofree char *content = NULL;

      g_assert_true (g_file_set_contents (fixture->path, contents[i], -1, NULL));
      assert_refuses (fixture->path, LF_LOCK_MODE_EXCLUSIVE, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
      assert_refuses (fixture->path, LF_LOCK_MODE_SHARED, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
      g_assert_true (g_file_get_contents (fixture->path, &content, NULL, NULL));
      g_assert_cmpstr (content, ==, contents[i]);
    }
}

/* So is a real database, which can be locked. */
static void
test_database (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autoptr (LfLockFile) reader = new_lock (fixture->path, LF_LOCK_MODE_SHARED);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) before = NULL;
  g_autoptr (GBytes) after = NULL;
  sqlite3 *db;

  run_sql (fixture->path, "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3)");
  before = read_file (fixture->path);

  lf_lock_file_set_remove_on_release (lock, TRUE);
  assert_acquires (lock);
  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "SELECT * FROM t", NULL, NULL, NULL), ==, SQLITE_BUSY);
  g_assert_false (lf_lock_file_break_lock (reader, NULL, &error));
  g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_INVALID_LOCK_FILE);
  assert_releases (lock);
  g_assert_cmpint (sqlite3_exec (db, "SELECT * FROM t", NULL, NULL, NULL), ==, SQLITE_OK);

  /* A shared lock allows others to read, but not to write */
  assert_acquires (reader);
  g_assert_cmpint (sqlite3_exec (db, "SELECT * FROM t", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "DELETE FROM t", NULL, NULL, NULL), ==, SQLITE_BUSY);
  assert_releases (reader);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);

  after = read_file (fixture->path);
  g_assert_true (g_bytes_equal (before, after));
}

/* A database with a write-ahead log is refused, and keeps its log. */
static void
test_wal (Fixture       *fixture,
          gconstpointer  data)
{
  run_sql (fixture->path, "PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
  assert_refuses (fixture->path, LF_LOCK_MODE_EXCLUSIVE, LF_BACKEND_ERROR_NOT_SUPPORTED);
  assert_refuses (fixture->path, LF_LOCK_MODE_SHARED, LF_BACKEND_ERROR_NOT_SUPPORTED);

  /* It still has its write-ahead log */
  run_sql (fixture->path, "INSERT INTO t VALUES (1)");
}

/* No other file appears beside the database, not even while the lock is held. */
static void
test_no_journal (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autofree char *journal = g_strconcat (fixture->path, "-journal", NULL);
  g_autoptr (GBytes) content = NULL;

  assert_acquires (lock);
  g_assert_false (g_file_test (journal, G_FILE_TEST_EXISTS));
  assert_releases (lock);
  content = read_file (fixture->path);
  g_assert_cmpuint (g_bytes_get_size (content), ==, 0);
}

/* A writer was killed during a transaction: the next holder restores the state before it. */
static void
test_killed_writer (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (LfLockFile) lock = new_lock (fixture->path, LF_LOCK_MODE_EXCLUSIVE);
  g_autofree char *journal = g_strconcat (fixture->path, "-journal", NULL);
  sqlite3 *db;
  pid_t pid;
  int status;

  run_sql (fixture->path, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      /* With so little memory, pages go to the file before the end of the transaction */
      g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
      g_assert_cmpint (sqlite3_exec (db, "PRAGMA cache_size = 1; BEGIN EXCLUSIVE; "
                                     "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 "
                                     "FROM n LIMIT 20000) INSERT INTO t SELECT x FROM n",
                                     NULL, NULL, NULL), ==, SQLITE_OK);
      kill (getpid (), SIGKILL);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status));
  g_assert_true (g_file_test (journal, G_FILE_TEST_EXISTS));

  assert_acquires (lock);
  assert_releases (lock);
  g_assert_false (g_file_test (journal, G_FILE_TEST_EXISTS));
  run_sql (fixture->path, "CREATE TABLE check_it (x CHECK (x = 1)); "
                          "INSERT INTO check_it SELECT count(*) FROM t");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_test ("/sqlite/foreign", test_foreign);
  add_test ("/sqlite/database", test_database);
  add_test ("/sqlite/wal", test_wal);
  add_test ("/sqlite/no-journal", test_no_journal);
  add_test ("/sqlite/killed-writer", test_killed_writer);

  return g_test_run ();
}
