/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "lf-test-fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <linux/fuse.h>

#include "lf-test-util.h"

#define FILE_ID (FUSE_ROOT_ID + 1)

static void
answer (int         device,
        guint64     unique,
        int         error,
        const void *body,
        gsize       length)
{
  struct fuse_out_header header = {
    .len = (guint32) (sizeof header + length), .error = error, .unique = unique,
  };
  struct iovec parts[] = {
    { &header, sizeof header }, { (void *) body, length },
  };

  if (writev (device, parts, length > 0 ? 2 : 1) < 0)
    _exit (1);
}

static struct fuse_attr
get_attributes (guint64 id)
{
  mode_t mode = id == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;

  return (struct fuse_attr) { .ino = id, .mode = mode, .nlink = 1 };
}

/* The kernel must not cache any answer. */
static void
serve (int device)
{
  static char buffer[FUSE_MIN_READ_BUFFER * 32] __attribute__ ((aligned (8)));
  const struct fuse_init_out started = {
    .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096,
  };
  const struct fuse_entry_out entry = { .nodeid = FILE_ID, .attr = get_attributes (FILE_ID) };
  const struct fuse_open_out opened = { 0 };

  while (read (device, buffer, sizeof buffer) > 0)
    {
      const struct fuse_in_header *request = (const void *) buffer;
      const struct fuse_attr_out attributes = { .attr = get_attributes (request->nodeid) };

      switch (request->opcode)
        {
        case FUSE_INIT:
          answer (device, request->unique, 0, &started, sizeof started);
          break;

        case FUSE_LOOKUP:
          if (g_str_equal (buffer + sizeof *request, FUSE_FILE))
            answer (device, request->unique, 0, &entry, sizeof entry);
          else
            answer (device, request->unique, -ENOENT, NULL, 0);
          break;

        case FUSE_GETATTR:
          answer (device, request->unique, 0, &attributes, sizeof attributes);
          break;

        case FUSE_OPEN:
          answer (device, request->unique, 0, &opened, sizeof opened);
          break;

        case FUSE_FLUSH:
        case FUSE_RELEASE:
          answer (device, request->unique, 0, NULL, 0);
          break;

        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
          break;

        default:
          answer (device, request->unique, -ENOSYS, NULL, 0);
        }
    }
}

pid_t
fuse_start (const char *top)
{
  g_autofree char *options = NULL;
  int device = open ("/dev/fuse", O_RDWR | O_CLOEXEC);
  pid_t server;

  enter_namespaces (CLONE_NEWNS);
  g_assert_no_errno (g_mkdir (top, 0755));
  options = g_strdup_printf ("fd=%d,rootmode=40000,user_id=0,group_id=0", device);
  if (device < 0 || mount ("test", top, FUSE_TYPE, 0, options) != 0)
    return 0;

  server = fork ();
  g_assert_cmpint (server, >=, 0);
  if (server == 0)
    {
      /* It would keep its own file system mounted */
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      serve (device);
      _exit (0);
    }
  close (device);

  return server;
}

void
fuse_stop (const char *top,
           pid_t       server)
{
  g_assert_no_errno (umount (top));
  g_assert_cmpint (waitpid (server, NULL, 0), ==, server);
}
