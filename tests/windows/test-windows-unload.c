/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* A program that loads the library, as a plugin of it would, and unloads it. */

#include <windows.h>

#include <glib-object.h>
#include <glib/gstdio.h>

typedef void (*Function) (void);
typedef gpointer (*NewFunc) (const char *path);
typedef gboolean (*UseFunc) (gpointer lock, GError **error);

static Function
find_function (HMODULE     module,
               const char *name)
{
  FARPROC function = GetProcAddress (module, name);

  g_assert_nonnull (function);

  return (Function) function;
}

static void
use_library (const wchar_t *library,
             const char    *path)
{
  HMODULE module = LoadLibraryW (library);
  g_autoptr (GError) error = NULL;
  gpointer lock;

  g_assert_nonnull (module);
  lock = ((NewFunc) find_function (module, "lf_lock_file_new")) (path);
  g_assert_true (((UseFunc) find_function (module, "lf_lock_file_try_acquire")) (lock, &error));
  g_assert_no_error (error);
  g_assert_true (((UseFunc) find_function (module, "lf_lock_file_release")) (lock, &error));
  g_assert_no_error (error);
  g_object_unref (lock);
  g_assert_true (FreeLibrary (module));
}

static void
test_unload (void)
{
  g_autofree wchar_t *library =
    (wchar_t *) g_utf8_to_utf16 (g_getenv ("LF_TEST_LIBRARY"), -1, NULL, NULL, NULL);
  g_autofree char *directory = g_dir_make_tmp ("lockfile-glib-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "test.lock", NULL);

  g_assert_nonnull (library);
  for (int i = 0; i < 3; i++)
    use_library (library, path);

  g_assert_no_errno (g_unlink (path));
  g_assert_no_errno (g_rmdir (directory));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/windows-unload/thrice", test_unload);

  return g_test_run ();
}
