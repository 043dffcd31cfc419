/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* What every measured program does, in any language: it obeys commands, one per line, and
 * answers each with a line of numbers. All times are nanoseconds of CLOCK_MONOTONIC. It
 * exits at the end of its input.
 *
 *   acquire       the time at which it has the lock
 *   release       the time just before it releases the lock
 *   cycle COUNT   how long each of COUNT acquires and releases took
 *   fail COUNT    how long each of COUNT tries took that found the lock held
 *   contend START END HOLD PAUSE
 *                 how long each acquire between the times START and END took; holds the
 *                 lock for HOLD, and then pauses for PAUSE
 *
 * Only programs in C and in Python have the last two. */

#include "contestant.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NANOSECONDS G_GINT64_CONSTANT (1000000000)

gint64
contestant_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);

  return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

void
contestant_answer (const gint64 *numbers,
                   gsize         count)
{
  for (gsize i = 0; i < count; i++)
    printf (i == 0 ? "%" G_GINT64_FORMAT : " %" G_GINT64_FORMAT, numbers[i]);
  putchar ('\n');
  fflush (stdout);
}

static void
sleep_until (gint64 time)
{
  const struct timespec when = { time / NANOSECONDS, time % NANOSECONDS };

  clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static void
acquire (const Contestant *contestant)
{
  gint64 now;

  contestant->acquire ();
  now = contestant_now ();
  contestant_answer (&now, 1);
}

static void
release (const Contestant *contestant)
{
  gint64 now = contestant_now ();

  contestant->release ();
  contestant_answer (&now, 1);
}

static void
cycle (const Contestant *contestant,
       gsize             count)
{
  g_autofree gint64 *times = g_new (gint64, count);
  gint64 before, after;

  /* This warms up the caches */
  for (gsize i = 0; i < count / 10 + 1; i++)
    {
      contestant->acquire ();
      contestant->release ();
    }

  before = contestant_now ();
  for (gsize i = 0; i < count; i++)
    {
      contestant->acquire ();
      contestant->release ();
      after = contestant_now ();
      times[i] = after - before;
      before = after;
    }

  contestant_answer (times, count);
}

static void
contend (const Contestant *contestant,
         gint64            start,
         gint64            end,
         gint64            hold,
         gint64            pause)
{
  g_autoptr (GArray) waits = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 before, after;

  sleep_until (start);
  /* At least once, even if END has passed */
  do
    {
      gint64 wait;

      before = contestant_now ();
      contestant->acquire ();
      after = contestant_now ();
      wait = after - before;
      g_array_append_val (waits, wait);
      if (hold > 0)
        sleep_until (after + hold);
      contestant->release ();
      if (pause > 0)
        sleep_until (contestant_now () + pause);
    }
  while (contestant_now () < end);

  contestant_answer ((const gint64 *) (void *) waits->data, waits->len);
}

static void
fail (const Contestant *contestant,
      gsize             count)
{
  g_autofree gint64 *times = g_new (gint64, count);

  g_assert_nonnull (contestant->fail);
  for (gsize i = 0; i < count / 10 + 1; i++)
    contestant->fail ();

  for (gsize i = 0; i < count; i++)
    {
      gint64 before = contestant_now ();

      contestant->fail ();
      times[i] = contestant_now () - before;
    }

  contestant_answer (times, count);
}

static gint64
number (const char *word)
{
  g_assert_nonnull (word);

  return g_ascii_strtoll (word, NULL, 10);
}

static void
obey (const Contestant  *contestant,
      char             **words)
{
  if (g_str_equal (words[0], "acquire"))
    acquire (contestant);
  else if (g_str_equal (words[0], "release"))
    release (contestant);
  else if (g_str_equal (words[0], "cycle"))
    cycle (contestant, (gsize) number (words[1]));
  else if (g_str_equal (words[0], "fail"))
    fail (contestant, (gsize) number (words[1]));
  else if (g_str_equal (words[0], "contend"))
    contend (contestant, number (words[1]), number (words[2]), number (words[3]),
             number (words[4]));
  else if (contestant->obey == NULL || !contestant->obey (words))
    g_error ("No such command: %s", words[0]);
}

void
contestant_run (const Contestant *contestant)
{
  char line[256];

  while (fgets (line, sizeof line, stdin) != NULL)
    {
      g_auto (GStrv) words = g_strsplit (g_strchomp (line), " ", -1);

      obey (contestant, words);
    }
}
