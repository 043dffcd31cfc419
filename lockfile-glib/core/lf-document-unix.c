/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "core/lf-document-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many links as the kernel follows. */
#define MAX_LINKS 40

/* The longest name on any file system. VFAT reports more, since it counts characters of
 * several bytes. */
#define MAX_NAME 255

static char *
get_real_path (const char *path)
{
  g_autofree char *real_path = NULL;
  char *allocated = realpath (path, NULL);
  int saved_errno = errno;

  /* realpath() uses malloc(), which may differ from GLib's */
  real_path = g_strdup (allocated);
  free (allocated);
  errno = saved_errno;

  return g_steal_pointer (&real_path);
}

/* The target of the link at @path, or NULL with errno: EINVAL if it is not a link. */
static char *
read_link (const char *path)
{
  char target[PATH_MAX];
  ssize_t length = readlink (path, target, sizeof target);

  if (length == sizeof target)
    {
      errno = ENAMETOOLONG;
      return NULL;
    }

  return length < 0 ? NULL : g_strndup (target, (gsize) length);
}

/* Follows one link of a @path that does not exist. Returns the link's target or, without a
 * link, the real path of the file that would be created. NULL with errno. */
static char *
follow_once (const char *path,
             gboolean   *is_link)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *real_directory = get_real_path (directory);
  g_autofree char *real_path = NULL;
  g_autofree char *target = NULL;

  if (real_directory == NULL)
    return NULL;

  real_path = g_build_filename (real_directory, name, NULL);
  target = read_link (real_path);
  *is_link = target != NULL;
  if (target == NULL)
    return errno == ENOENT || errno == EINVAL ? g_steal_pointer (&real_path) : NULL;

  return g_path_is_absolute (target) ? g_steal_pointer (&target)
                                     : g_build_filename (real_directory, target, NULL);
}

char *
lf_document_resolve (const char  *path,
                     GError     **error)
{
  g_autofree char *current = g_strdup (path);
  g_autofree char *real_path = NULL;
  gboolean is_link = TRUE;

  for (guint n_links = 0; is_link; n_links++)
    {
      g_autofree char *next = NULL;

      real_path = get_real_path (current);
      if (real_path != NULL)
        break;

      next = errno == ENOENT ? follow_once (current, &is_link) : NULL;
      if (next != NULL && is_link && n_links == MAX_LINKS)
        {
          g_clear_pointer (&next, g_free);
          errno = ELOOP;
        }
      if (next == NULL)
        {
          lf_document_set_resolve_error (error, path, errno);
          return NULL;
        }

      g_free (current);
      current = g_steal_pointer (&next);
    }

  if (real_path == NULL)
    real_path = g_steal_pointer (&current);

  /* The root directory has no name, and a lock cannot be beside it */
  if (g_str_equal (real_path, "/"))
    {
      lf_document_set_resolve_error (error, path, EISDIR);
      return NULL;
    }

  return g_steal_pointer (&real_path);
}

/* After any other failure this returns TRUE, and acquiring reports the problem. */
gboolean
lf_document_can_make_files (const char *directory)
{
  return faccessat (AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0 ||
         (errno != EACCES && errno != EPERM && errno != EROFS);
}

gsize
lf_document_get_name_max (const char *directory)
{
  long name_max = pathconf (directory, _PC_NAME_MAX);

  return name_max > 0 ? MIN ((gsize) name_max, MAX_NAME) : MAX_NAME;
}

static gboolean
is_own_directory (const char *path)
{
  struct stat path_stat;

  return stat (path, &path_stat) == 0 && S_ISDIR (path_stat.st_mode) &&
         path_stat.st_uid == geteuid ();
}

/* Processes that were started without the session's environment, for example by cron, must
 * find the same directory as the others, so this checks the path that systemd and elogind
 * use. If no such directory exists, the cache directory is used, as GLib does. */
char *
lf_document_get_runtime_directory (void)
{
  const char *given = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *usual = NULL;

  if (given != NULL && g_path_is_absolute (given))
    return g_strdup (given);

  usual = g_strdup_printf ("/run/user/%lu", (unsigned long) geteuid ());
  return is_own_directory (usual) ? g_steal_pointer (&usual)
                                  : g_strdup (g_get_user_cache_dir ());
}
