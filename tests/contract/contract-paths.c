/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* The contract for paths: which paths work, how others fail, and that files that are not
 * locks are left alone. */

#include "contract.h"

void
assert_path_works (const TestBackend *backend,
                   const char        *path)
{
  g_autoptr (LfLockFile) lock = lock_new (backend, path);
  g_autoptr (LfLockFile) other = lock_new (backend, path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (lf_lock_file_get_path (lock), ==, path);
  assert_acquires (lock);
  g_assert_true (path_exists (path));
  assert_locked (backend, path);

  /* Messages are UTF-8, whatever the path is */
  g_assert_false (lf_lock_file_try_acquire (other, &error));
  g_assert_error (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));

  assert_releases (lock);
  g_assert_true (path_exists (path) == !backend->is_existence);
  assert_tries (backend, path);
  remove_recursively (path);
}

/* Locks with different paths in one directory are independent. */
void
assert_paths_apart (const TestBackend *backend,
                    Fixture           *fixture,
                    const char *const *names)
{
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func (g_object_unref);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (fixture->directory, names[i], NULL);

      g_ptr_array_add (locks, lock_new (backend, path));
      assert_acquires (locks->pdata[i]);
    }

  for (gsize i = 0; i < locks->len; i++)
    {
      const char *path = lf_lock_file_get_path (locks->pdata[i]);

      assert_tries_in_vain (backend, path);
      assert_releases (locks->pdata[i]);
      g_assert_true (path_exists (path) == !backend->is_existence);
      remove_recursively (path);
    }
}

/* Missing directories are created only on request. */
static void
test_parents (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  g_autofree char *top = g_build_filename (fixture->directory, "a", NULL);
  g_autofree char *path = g_build_filename (top, "b", "c.lock", NULL);
  g_autoptr (LfLockFile) lock = lock_new (backend, path);

  assert_refused (lock, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (path_exists (top));

  lf_lock_file_set_create_parents (lock, TRUE);
  assert_acquires (lock);
  assert_tries_in_vain (backend, path);
  assert_releases (lock);
  g_assert_true (path_exists (path) == !backend->is_existence);
  remove_recursively (top);
}

/* Every call fails for an object without a path, or with an empty one. */
static void
test_no_path (Fixture       *fixture,
              gconstpointer  data)
{
  const TestBackend *backend = data;
  const char *paths[] = { NULL, "" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (LfLockFile) lock = lock_new (backend, paths[i]);
      g_autoptr (GError) error = NULL;

      assert_refused (lock, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
      g_assert_false (lf_lock_file_release (lock, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
      g_clear_error (&error);
      g_assert_true (lf_lock_file_is_locked (lock, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
      g_clear_error (&error);
      g_assert_false (lf_lock_file_break_lock (lock, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
    }
}

const BackendCase contract_path_cases[] = {
  { "paths-parents", test_parents },
  { "paths-no-path", test_no_path },
  { NULL, NULL },
};
