/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

void
add_hostile_test (const char *name,
                  void      (*function) (Fixture *, gconstpointer))
{
  const BackendCase cases[] = { { name, function }, { NULL, NULL } };

  for (gsize i = 0; i < n_test_backends; i++)
    {
      if (test_backends[i].is_existence && lf_backend_is_supported (test_backends[i].backend))
        add_backend_tests ("hostile", &test_backends[i], cases);
    }
}

gboolean
try_program (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *messages = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                     &messages, &status, &error))
    return FALSE;

  if (!g_spawn_check_wait_status (status, NULL))
    {
      g_test_message ("%s: %s", argv[0], g_strdelimit (messages, "\n", ' '));
      return FALSE;
    }

  return TRUE;
}

void
run_program (const char *const *argv)
{
  g_assert_true (try_program (argv));
}

void
mount_over (const char *source,
            const char *target)
{
  g_assert_no_errno (mount (source, target, NULL, MS_BIND, NULL));
}

char *
mount_image (const char *directory,
             const char *type,
             const char *size)
{
  g_autofree char *image = g_strdup_printf ("%s/%s.img", directory, type);
  g_autofree char *mkfs = g_strdup_printf ("mkfs.%s", type);
  char *target = g_strdup_printf ("%s/%s", directory, type);
  const char *truncate_argv[] = { "truncate", "-s", size, image, NULL };
  const char *mkfs_argv[] = { mkfs, "-q", image, NULL };
  const char *mount_argv[] = { "mount", "-t", type, "-o", "loop", image, target, NULL };

  run_program (truncate_argv);
  run_program (mkfs_argv);
  g_assert_no_errno (g_mkdir (target, 0777));
  run_program (mount_argv);

  return target;
}

gboolean
can_mount (const char *program)
{
  g_autofree char *path = g_find_program_in_path (program);

  if (geteuid () != 0)
    g_test_skip ("Only the superuser can mount");
  else if (path == NULL)
    g_test_skip ("A program is missing");

  return geteuid () == 0 && path != NULL;
}

void
fill_file_system (const char *directory)
{
  static const char block[65536];
  g_autofree char *path = g_build_filename (directory, "filler", NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

  g_assert_cmpint (fd, >=, 0);
  for (gsize size = sizeof block; size > 0; size /= 2)
    {
      while (write (fd, block, size) > 0)
        continue;
      g_assert_cmpint (errno, ==, ENOSPC);
    }
  fsync (fd);
  close (fd);

  /* Repeats until there is no space for a name either */
  for (int i = 0; i < 3000; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/%0100d", directory, i);

      if (g_mkdir (name, 0777) != 0)
        break;
    }
  for (int i = 0; i < 3000; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/n%0100d", directory, i);

      if (symlink ("x", name) != 0)
        break;
    }
  for (int i = 0; i < 3000; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/n%05d", directory, i);

      if (symlink ("x", name) != 0)
        break;
    }
}

void
peer_gets (const TestBackend *backend,
           const char        *path)
{
  g_autoptr (Peer) peer = backend_peer_start (backend, path);

  peer_send (peer, "try");
  peer_expect (peer, "held");
  peer_send (peer, "release");
  peer_expect (peer, "released");
}

gboolean
is_somewhere (const char *directory,
              const char *name)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *entry;

  while (dir != NULL && (entry = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, entry, NULL);

      if (g_str_equal (entry, name))
        return TRUE;
      if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK) &&
          is_somewhere (path, name))
        return TRUE;
    }

  return FALSE;
}
