// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// QLockFile: qlockfile PATH
//
// The commands are those of contestant.c.

#include <ctime>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <QLockFile>
#include <QString>

typedef std::vector<long long> Numbers;

static long long
now ()
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);

  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void
acquire (QLockFile &lock)
{
  if (!lock.lock ())
    qFatal ("QLockFile: error %d", lock.error ());
}

static Numbers
cycle (QLockFile &lock,
       int        count)
{
  Numbers times;
  long long before;

  for (int i = 0; i < count / 10 + 1; i++)
    {
      acquire (lock);
      lock.unlock ();
    }

  before = now ();
  for (int i = 0; i < count; i++)
    {
      long long after;

      acquire (lock);
      lock.unlock ();
      after = now ();
      times.push_back (after - before);
      before = after;
    }

  return times;
}

static Numbers
obey (QLockFile         &lock,
      const std::string &command,
      int                count)
{
  if (command == "acquire")
    {
      acquire (lock);
      return { now () };
    }

  if (command == "release")
    {
      const long long before = now ();

      lock.unlock ();
      return { before };
    }

  if (command != "cycle")
    qFatal ("No such command: %s", command.c_str ());

  return cycle (lock, count);
}

int
main (int    argc,
      char **argv)
{
  std::string line;

  if (argc != 2)
    return 1;

  QLockFile lock (QString::fromLocal8Bit (argv[1]));

  while (std::getline (std::cin, line))
    {
      std::istringstream words (line);
      std::string command;
      int count = 0;

      words >> command >> count;
      for (long long number : obey (lock, command, count))
        std::cout << number << ' ';
      std::cout << std::endl;
    }

  return 0;
}
