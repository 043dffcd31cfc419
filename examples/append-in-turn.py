# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Appends lines to a file, without lines of other programs between them. While another
program writes, this one waits in a queue: first come, first served.

    python3 append-in-turn.py FILE [LINES [SECONDS]]     3 lines, 1 second after each
"""

import os
import re
import sys
import time

import gi
gi.require_version('Lf', '1.0')
from gi.repository import GLib, Lf  # noqa: E402

ME = f'PID {os.getpid()}'


def append_lines(path, n_lines, seconds):
    with open(path, 'a') as file:
        for i in range(1, n_lines + 1):
            print(f'{ME}, line {i} of {n_lines}', file=file, flush=True)
            time.sleep(seconds)


def work(path, n_lines=3, seconds=1):
    # The file itself can be the lock, since no program replaces it
    lock = Lf.LockFile(path=path)
    holder = lock.query_holder()
    if holder:
        print(f'{ME} waits for {holder.to_string()}', flush=True)

    with lock:
        print(f'{ME} has the lock', flush=True)
        append_lines(path, int(n_lines), float(seconds))
        print(f'{ME} is done', flush=True)


def are_numbers(n_lines='3', seconds='1'):
    return re.fullmatch('[0-9]+', n_lines) and re.fullmatch(r'[0-9]+(\.[0-9]+)?', seconds)


def main():
    if len(sys.argv) not in (2, 3, 4) or not are_numbers(*sys.argv[2:]):
        print(f'Usage: {sys.argv[0]} FILE [LINES [SECONDS]]', file=sys.stderr)
        return 2

    try:
        work(*sys.argv[1:])
    except GLib.Error as error:
        return error.message
    except OSError as error:
        return str(error)
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
