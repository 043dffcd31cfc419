/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "os/lf-lock-list-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/lf-descriptor-private.h"

/* proc_locks(5): a record for each lock, which begins with its number in the list and ends
 * with those that wait for it. A read gives a page at most, in one moment, and the next one
 * goes on by the number: locks that were released in between have moved the others to smaller
 * numbers, so that some are passed over.
 *
 * So two readers take turns, half a page apart. What the one passes over is in the middle of
 * the other's page, unless half a page of locks went between two reads. Then that page does
 * not begin with a lock of the page before, or the list ends before where it was seen to;
 * but if all of those locks were taken again at once, by the same process and on another
 * processor, it looks as if nothing had happened. So a list of several pages is read again. */
#define N_READS 3
#define HALF_PAGE 2048
#define LIST "/proc/locks"

/* More than a record is long, however many wait for one lock. What is not taken of a page is
 * given by the next read, from an older moment than the rest of that. */
#define MAX_LENGTH (1024 * 1024)

typedef struct
{
  int fd;
  GString *page;   /* what was read last: whole records */
  guint64 last;    /* number of the last record so far */
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

/* A line's "NUMBER: " is taken off. */
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

/* Reads up to @size bytes, and to the end of the line that they end in. */
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

/* Whether nothing can have been passed over between what @other read last and what @self
 * has read now. */
static gboolean
follows (const Reader *self,
         const Reader *other)
{
  const char *line = self->page->str;
  guint64 number;

  if (self->at_end)
    return self->last >= other->last;

  /* The rest of a record, of those that wait, is from the read before */
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

/* Adds what it reads to @text. Returns how many pages that were if no lock can be missing, 0 if
 * one may, or -1 if the list cannot be read. */
static int
read_once (GString *text)
{
  Reader readers[2];
  gboolean is_complete = TRUE;
  gboolean can_read = reader_init (&readers[0]) & reader_init (&readers[1]);
  int n_pages = 0;

  /* The first one begins with half a page, and stays so far behind */
  can_read = can_read && reader_read (&readers[0], HALF_PAGE);
  g_string_append (text, readers[0].page->str);

  for (guint turn = 1; can_read && !(readers[0].at_end && readers[1].at_end); turn++)
    {
      Reader *self = &readers[turn % 2];
      const Reader *other = &readers[(turn + 1) % 2];

      can_read = reader_read (self, MAX_LENGTH);
      is_complete = is_complete && can_read && self->page->len < MAX_LENGTH &&
                    (turn == 1 || follows (self, other));
      n_pages += self == &readers[1] && !self->at_end;
      g_string_append (text, self->page->str);
    }

  reader_clear (&readers[0]);
  reader_clear (&readers[1]);

  if (!can_read)
    return -1;

  return is_complete ? MAX (n_pages, 1) : 0;
}

char *
lf_lock_list_read (gboolean *is_complete)
{
  GString *text = g_string_new (NULL);
  int n_pages = 0;

  *is_complete = TRUE;
  for (guint i = 0; i < N_READS && n_pages != 1 && n_pages >= 0; i++)
    {
      n_pages = read_once (text);
      *is_complete = *is_complete && n_pages > 0;
    }

  return g_string_free (text, n_pages < 0);
}
