/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The contract of every backend: the same cases for each of them, with the public functions
 * only. */

#include "contract.h"

/* All expected backends exist, and all existing backends have the cases. */
static void
test_all_backends (void)
{
  for (gsize i = 0; i < n_test_backends; i++)
    g_assert_true (lf_backend_is_supported (test_backends[i].backend));

  /* No existing backend is without the cases */
  for (int backend = LF_BACKEND_AUTO + 1; backend <= LF_BACKEND_SQLITE; backend++)
    {
      gboolean listed = FALSE;

      for (gsize i = 0; i < n_test_backends; i++)
        listed |= (int) test_backends[i].backend == backend;
      g_assert_true (listed || !lf_backend_is_supported ((LfBackend) backend));
    }
}

static const BackendCase *const lists[] = {
  contract_object_cases, contract_path_cases, contract_wait_cases, contract_race_cases,
  contract_process_cases, contract_platform_cases, contract_held_cases,
};

/* The cases in the table of missing ones do not exist. */
static void
test_missing_cases (void)
{
  for (gsize i = 0; contract_missing_cases[i].name != NULL; i++)
    {
      const MissingCase *missing = &contract_missing_cases[i];

      g_test_message ("No case %s: %s", missing->name, missing->reason);
      for (gsize j = 0; j < G_N_ELEMENTS (lists); j++)
        {
          for (gsize k = 0; lists[j][k].name != NULL; k++)
            g_assert_cmpstr (lists[j][k].name, !=, missing->name);
        }
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/contract/all-backends/supported", test_all_backends);
  g_test_add_func ("/contract/all-backends/missing-cases", test_missing_cases);
  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (!lf_backend_is_supported (test_backends[i].backend))
        continue;

      for (gsize j = 0; j < G_N_ELEMENTS (lists); j++)
        add_backend_tests ("contract", &test_backends[i], lists[j]);
    }

  return g_test_run ();
}
