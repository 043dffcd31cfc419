# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Reads a file together with other readers, or writes it alone. Both keep the lock until
you press Enter, and give up if they have not got it after SECONDS.

    python3 readers-writers.py FILE SECONDS            reads
    python3 readers-writers.py FILE SECONDS TEXT       writes
"""

import os
import re
import sys

import gi
gi.require_version('Lf', '1.0')
from gi.repository import GLib, Lf  # noqa: E402

ME = f'PID {os.getpid()}'


def read_file(path):
    with open(path, errors='replace') as file:
        print(f'{ME} reads: {file.read().rstrip()}', flush=True)
    sys.stdin.readline()


def write_file(path, text):
    with open(path, 'w') as file:
        # Without the lock, a reader would now find the file empty
        print(f'{ME} writes: {text}', flush=True)
        sys.stdin.readline()
        print(text, file=file)


def work(path, seconds, text=None):
    mode = Lf.LockMode.SHARED if text is None else Lf.LockMode.EXCLUSIVE

    with Lf.LockFile(path=path, mode=mode, timeout=float(seconds)):
        if text is None:
            read_file(path)
        else:
            write_file(path, text)


def is_number(seconds):
    return re.fullmatch(r'[0-9]+(\.[0-9]+)?', seconds)


def main():
    if len(sys.argv) not in (3, 4) or not is_number(sys.argv[2]):
        print(f'Usage: {sys.argv[0]} FILE SECONDS [TEXT]', file=sys.stderr)
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
