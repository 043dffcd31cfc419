/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other people's programs that lock with flock(2): they exclude us and we them,
 * whoever comes first, waiting and not waiting. */

#include "lf-test-util.h"

typedef struct
{
  const char *name;
  /* Acquires, says "held", and releases when its input ends or has a line */
  const char *hold[6];
  /* Tries once, and says "held" or "busy" */
  const char *try[6];
} Program;

#define PYTHON_LOCK "import fcntl, sys; file = open(sys.argv[1], 'a'); "

static const Program programs[] = {
  {
    "flock",
    { "flock", "PATH", "sh", "-c", "echo held; read line" },
    { "sh", "-c", "flock -n \"$0\" echo held || echo busy", "PATH" },
  },
  {
    "python-fcntl-flock",
    { "/usr/bin/python3", "-c",
      PYTHON_LOCK "fcntl.flock(file, fcntl.LOCK_EX); print('held', flush=True); input()",
      "PATH" },
    { "/usr/bin/python3", "-c",
      PYTHON_LOCK "\n"
      "try: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB); print('held')\n"
      "except BlockingIOError: print('busy')",
      "PATH" },
  },
};

static Peer *
start_program (const char *const *argv_with_path,
               const char        *path)
{
  const char *argv[7] = { NULL };

  for (gsize i = 0; i < 6 && argv_with_path[i] != NULL; i++)
    argv[i] = g_str_equal (argv_with_path[i], "PATH") ? path : argv_with_path[i];

  return peer_start_argv (argv);
}

static void
test_excludes_us (Fixture       *fixture,
                  gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = start_program (program->hold, fixture->path);
  g_autoptr (GError) error = NULL;
  g_auto (Claim) claim = { 0 };

  peer_expect (peer, "held");
  assert_not_free (fixture->path);
  g_assert_true (lf_lock_file_is_locked (lock, &error));
  g_assert_no_error (error);

  claim_start (&claim, lock, NULL);
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  peer_send (peer, "");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

static void
test_excluded_by_us (Fixture       *fixture,
                     gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) lock = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) waiter = NULL;
  g_autoptr (Peer) trier = NULL;
  g_autoptr (Peer) second_trier = NULL;

  assert_acquires (lock);
  trier = start_program (program->try, fixture->path);
  peer_expect (trier, "busy");

  waiter = start_program (program->hold, fixture->path);
  wait_for_waiters (fixture->path, 1);
  assert_releases (lock);
  peer_expect (waiter, "held");
  peer_send (waiter, "");
  peer_wait (waiter);

  second_trier = start_program (program->try, fixture->path);
  peer_expect (second_trier, "held");
}

/* They and we queue together, and are served in the order in which we came. */
static void
test_one_queue (Fixture       *fixture,
                gconstpointer  data)
{
  const Program *program = data;
  g_autoptr (LfLockFile) first = lf_lock_file_new (fixture->path);
  g_autoptr (LfLockFile) last = lf_lock_file_new (fixture->path);
  g_autoptr (Peer) peer = NULL;
  g_auto (Claim) claim = { 0 };

  assert_acquires (first);
  peer = start_program (program->hold, fixture->path);
  wait_for_waiters (fixture->path, 1);
  claim_start (&claim, last, NULL);
  wait_for_waiters (fixture->path, 2);

  assert_releases (first);
  peer_expect (peer, "held");
  wait_for_waiters (fixture->path, 1);
  g_assert_false (claim.done);
  peer_send (peer, "");
  claim_wait (&claim);
  g_assert_no_error (claim.error);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    {
      const struct
      {
        const char *name;
        void (*function) (Fixture *, gconstpointer);
      } cases[] = {
        { "excludes-us", test_excludes_us },
        { "excluded-by-us", test_excluded_by_us },
        { "one-queue", test_one_queue },
      };

      for (gsize j = 0; j < G_N_ELEMENTS (cases); j++)
        {
          g_autofree char *path = g_strdup_printf ("/interop/%s/%s", programs[i].name,
                                                   cases[j].name);

          add_data_test (path, &programs[i], cases[j].function);
        }
    }

  return g_test_run ();
}
