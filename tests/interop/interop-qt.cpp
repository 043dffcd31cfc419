// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// QLockFile, as test-interop.c uses it:
//
//   interop-qt PROGRAM hold PATH  prints "busy" if it has to wait and "held" when it has the
//                                 lock, and releases it at a line of input
//   interop-qt PROGRAM try PATH   tries once, and prints "held" or "busy", or "error NUMBER"
//   interop-qt PROGRAM info PATH  prints PID, host and application of the holder
//
// PROGRAM is "qlockfile", for which no lock is ever too old, "qlockfile-short", with
// QLockFile's default: a lock of more than 30 seconds is stale, or "qlockfile-lease", for which
// a lock of more than two seconds is.

#include <iostream>
#include <string>

#include <QLockFile>
#include <QString>

static bool
try_lock (QLockFile &lock)
{
  return lock.tryLock (0);
}

static void
say_failure (const QLockFile &lock)
{
  if (lock.error () == QLockFile::LockFailedError)
    std::cout << "busy" << std::endl;
  else
    std::cout << "error " << lock.error () << std::endl;
}

int
main (int    argc,
      char **argv)
{
  if (argc != 4)
    return 1;

  const std::string program = argv[1];
  const std::string verb = argv[2];
  QLockFile lock (QString::fromLocal8Bit (argv[3]));

  if (program == "qlockfile")
    lock.setStaleLockTime (0);
  else if (program == "qlockfile-lease")
    lock.setStaleLockTime (2000);

  if (verb == "info")
    {
      qint64 pid = 0;
      QString host, application;

      if (lock.getLockInfo (&pid, &host, &application))
        std::cout << pid << ' ' << host.toStdString () << ' ' << application.toStdString ()
                  << std::endl;
      else
        std::cout << "nothing" << std::endl;
      return 0;
    }

  if (!try_lock (lock))
    {
      say_failure (lock);
      if (verb == "try" || !lock.lock ())
        return 0;
    }

  std::cout << "held" << std::endl;
  if (verb == "hold")
    {
      std::string line;

      std::getline (std::cin, line);
    }

  return 0;
}
