/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every way of locking owes to its users: the same cases for each of them,
 * through the public functions only. */

#include "contract.h"

/* Those that a build for this system must have. */
static const LfBackend required_backends[] = {
  LF_BACKEND_FLOCK,
  LF_BACKEND_FCNTL,
  LF_BACKEND_HARD_LINK,
  LF_BACKEND_DIRECTORY,
  LF_BACKEND_SYMLINK,
  LF_BACKEND_PID_FILE,
  LF_BACKEND_SQLITE,
};

static void
test_all_backends (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (required_backends); i++)
    g_assert_true (lf_backend_is_supported (required_backends[i]));

  /* And none that is here goes without the cases */
  for (int backend = LF_BACKEND_AUTO + 1; backend <= LF_BACKEND_SQLITE; backend++)
    {
      gboolean listed = FALSE;

      for (gsize i = 0; i < n_test_backends; i++)
        listed |= (int) test_backends[i].backend == backend;
      g_assert_true (listed || !lf_backend_is_supported ((LfBackend) backend));
    }
}

int
main (int    argc,
      char **argv)
{
  const BackendCase *lists[] = {
    contract_object_cases, contract_path_cases, contract_wait_cases, contract_process_cases,
  };

  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/contract/all-backends", test_all_backends);
  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (!lf_backend_is_supported (test_backends[i].backend))
        continue;

      for (gsize j = 0; j < G_N_ELEMENTS (lists); j++)
        add_backend_tests ("contract", &test_backends[i], lists[j]);
    }

  return g_test_run ();
}
