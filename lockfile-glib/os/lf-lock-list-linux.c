/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "os/lf-lock-list-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/lf-descriptor-private.h"

/* proc_locks(5) has a record for each lock. A record begins with its number in the list and
 * ends with the waiters for the lock. One read gives at most a page, as of one moment, and
 * the next read continues by the number. If locks were released between two reads, the
 * remaining ones have smaller numbers, and the second read skips some of them.
 *
 * So two readers take turns, half a page apart. What one of them skips is in the middle of
 * the other's page, unless half a page of locks was released between two reads. Then that
 * page does not begin with a lock of the page before, or the list ends before a number that
 * was already seen. If all of those locks are taken again at once, by the same process on
 * another processor, the loss cannot be noticed. So a list of several pages is read
 * repeatedly. */
#define N_READS 3
#define HALF_PAGE 2048
#define LIST "/proc/locks"

/* Longer than any record, however many waiters it has. If a read takes only a part of a
 * page, the next read gives the rest, as of the same, older moment. */
#define MAX_LENGTH (1024 * 1024)

typedef struct
{
  int fd;
  GString *page;   /* the result of the last read: whole records */
  guint64 last;    /* number of the last record read */
  gboolean at_end;
} Reader;

static gboolean
reader_init (Reader *self)
{
  *self = (Reader) { .fd = open (LIST, O_RDONLY | O_CLOEXEC), .page = g_string_new (NULL) };

  return self->fd >= 0;
}

static void
reader_clear (Reader *self)
{
  if (self->fd >= 0)
    lf_close (self->fd);
  g_string_free (self->page, TRUE);
}

/* Returns the line without its "NUMBER: ", or NULL. */
static const char *
parse_line (const char *line,
            guint64    *number)
{
  char *end;

  *number = g_ascii_strtoull (line, &end, 10);

  return g_str_has_prefix (end, ": ") ? end + 2 : NULL;
}

static gssize
read_some (int    fd,
           char  *buffer,
           gsize  size)
{
  gssize n_read;

  do
    n_read = read (fd, buffer, size);
  while (n_read < 0 && errno == EINTR);

  return n_read;
}

/* Reads up to @size bytes, and then to the end of the line. */
static gboolean
reader_read (Reader *self,
             gsize   size)
{
  char byte = '\n';
  gssize n_read;

  g_string_set_size (self->page, size);
  n_read = read_some (self->fd, self->page->str, size);
  g_string_truncate (self->page, MAX (n_read, 0));
  self->at_end = n_read == 0;

  if (n_read > 0)
    byte = self->page->str[n_read - 1];
  while (byte != '\n' && (n_read = read_some (self->fd, &byte, 1)) == 1)
    g_string_append_c (self->page, byte);

  for (const char *line = self->page->str; *line != '\0'; line = strchr (line, '\n') + 1)
    {
      if (strchr (line, '\n') == NULL || parse_line (line, &self->last) == NULL)
        return FALSE;
    }

  return n_read >= 0;
}

static gboolean
reader_read_first (Reader *self,
                   gsize   size)
{
  self->last = 0;

  return lseek (self->fd, 0, SEEK_SET) == 0 && reader_read (self, size);
}

/* Whether nothing was skipped between what @other read last and what @self has just read. */
static gboolean
follows (const Reader *self,
         const Reader *other)
{
  const char *line = self->page->str;
  guint64 number;

  if (self->at_end)
    return self->last >= other->last;

  /* Lines of waiters at the start still belong to a record of the read before */
  while (*line != '\0')
    {
      const char *lock = parse_line (line, &number);
      const char *end = strchr (line, '\n') + 1;
      g_autofree char *text = NULL;

      if (!g_str_has_prefix (lock, "->"))
        {
          text = g_strdup_printf (": %.*s", (int) (end - lock), lock);
          return strstr (other->page->str, text) != NULL;
        }

      line = end;
    }

  return TRUE;
}

/* Adds the list to @text if one read got all of it. */
static gboolean
read_short (Reader  *self,
            GString *text)
{
  if (!reader_read_first (self, MAX_LENGTH) || self->page->len > HALF_PAGE)
    return FALSE;

  g_string_append (text, self->page->str);

  /* A record that did not fit into the rest of a page may follow */
  return reader_read (self, MAX_LENGTH) && self->at_end;
}

/* Adds what it reads to @text. Sets @is_complete if no lock can be missing. */
static gboolean
read_long (Reader   *ahead,
           Reader   *behind,
           GString  *text,
           gboolean *is_complete)
{
  Reader *self = ahead, *other;

  *is_complete = TRUE;
  if (!reader_read_first (ahead, MAX_LENGTH))
    return FALSE;
  g_string_append (text, ahead->page->str);

  /* Half of the same page, to stay half a page behind */
  if (!reader_read_first (behind, HALF_PAGE))
    return FALSE;
  g_string_append (text, behind->page->str);

  while (!(ahead->at_end && behind->at_end))
    {
      self = self == ahead ? behind : ahead;
      other = self == ahead ? behind : ahead;
      if (!reader_read (self, MAX_LENGTH))
        return FALSE;
      *is_complete = *is_complete && self->page->len < MAX_LENGTH && follows (self, other);
      g_string_append (text, self->page->str);
    }

  return TRUE;
}

char *
lf_lock_list_read (gboolean *is_complete)
{
  Reader ahead, behind;
  GString *text = g_string_new (NULL);
  gboolean can_read = reader_init (&ahead) & reader_init (&behind);
  gboolean all_complete = can_read;

  if (!can_read || !read_short (&ahead, text))
    {
      for (guint i = 0; i < N_READS && can_read; i++)
        {
          can_read = read_long (&ahead, &behind, text, is_complete);
          all_complete = all_complete && can_read && *is_complete;
        }
    }

  reader_clear (&ahead);
  reader_clear (&behind);
  *is_complete = all_complete;

  return g_string_free (text, !can_read);
}
