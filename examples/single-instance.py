# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Runs once for each user, until Ctrl-C. A second instance prints which process is
already running, and exits with status 1.

    python3 single-instance.py
"""

import os
import signal
import sys

import gi
gi.require_version('Lf', '1.0')
from gi.repository import GLib, Lf  # noqa: E402


def main():
    path = os.path.join(GLib.get_user_runtime_dir(), 'lockfile-glib-example.lock')
    lock = Lf.LockFile(path=path)

    try:
        with lock.acquired(timeout=0):
            print(f'Running as PID {os.getpid()}', flush=True)
            signal.pause()
    except Lf.AlreadyLocked:
        holder = lock.query_holder()
        # It may have ended by now, or not be visible from here
        if holder and holder.get_pid():
            return f'Already running as PID {holder.get_pid()}'
        return 'Already running'
    except GLib.Error as error:
        return error.message
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
