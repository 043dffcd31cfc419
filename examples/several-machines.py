# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Appends lines to a file, as append-in-turn does, but under a lock in etcd, so that programs
on several machines take turns. Each line has the token of its turn: later turns have higher
tokens.

    python3 several-machines.py etcd://HOST:PORT/NAME FILE [LINES [SECONDS]]
"""

import os
import re
import sys
import time

import gi
gi.require_version('Lf', '1.0')
from gi.repository import GLib, Lf  # noqa: E402

ME = f'PID {os.getpid()}'


def work(uri, path, n_lines=3, seconds=1):
    with Lf.RemoteLock.new(uri) as lock:
        print(f'{ME} has the lock', flush=True)
        for i in range(1, int(n_lines) + 1):
            # The lock ends if etcd cannot be reached for long
            lock.verify()
            with open(path, 'a') as file:
                print(f'{ME}, token {lock.get_fencing_token()}, line {i} of {n_lines}', file=file)
            time.sleep(float(seconds))
        print(f'{ME} is done', flush=True)


def are_numbers(n_lines='3', seconds='1'):
    return re.fullmatch('[0-9]+', n_lines) and re.fullmatch(r'[0-9]+(\.[0-9]+)?', seconds)


def main():
    if len(sys.argv) not in (3, 4, 5) or not are_numbers(*sys.argv[3:]):
        print(f'Usage: {sys.argv[0]} etcd://HOST:PORT/NAME FILE [LINES [SECONDS]]',
              file=sys.stderr)
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
