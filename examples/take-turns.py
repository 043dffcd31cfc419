# SPDX-License-Identifier: LGPL-2.1-or-later

"""Queues for a lock file while its main loop goes on, and says how that goes.

    python3 take-turns.py PATH SECONDS     SECONDS is how long to hold the lock
"""

import os
import sys
import time

import gi

gi.require_version("Lf", "1.0")
from gi.repository import GLib, Lf  # noqa: E402

ME = f"Python (PID {os.getpid()})"


class Queue:
    def __init__(self, path, hold_seconds):
        self.loop = GLib.MainLoop()
        self.lock = Lf.LockFile.new(path)
        self.hold_seconds = hold_seconds
        self.ticks = 0
        self.status = 0

    def run(self):
        self.start = time.monotonic()
        self.tick_source = GLib.timeout_add(10, self.on_tick)
        self.lock.acquire_async(GLib.PRIORITY_DEFAULT, None, self.on_acquired)
        self.loop.run()
        return self.status

    def on_tick(self):
        # Who has not got it after 50 ms wants to know why
        self.ticks += 1
        if self.ticks == 5:
            self.lock.query_holder_async(GLib.PRIORITY_DEFAULT, None, self.on_holder)
        return GLib.SOURCE_CONTINUE

    def on_holder(self, lock, result):
        try:
            holder = lock.query_holder_finish(result)
        except GLib.Error as error:
            self.fail(error)
            return

        # It may be our turn by now, or the lock on its way to the next
        if not lock.is_held():
            whom = holder.to_string() if holder else "its turn"
            print(f"{ME} waits for {whom}", flush=True)

    def on_acquired(self, lock, result):
        GLib.source_remove(self.tick_source)
        try:
            lock.acquire_finish(result)
        except GLib.Error as error:
            self.fail(error)
            return

        waited = time.monotonic() - self.start
        print(f"{ME} has the lock after {waited:.2f} s "
              f"(its main loop ran {self.ticks} times meanwhile)", flush=True)
        GLib.timeout_add(int(self.hold_seconds * 1000), self.on_hold_over)

    def on_hold_over(self):
        # Said before: afterwards the next one may be faster in saying that it has it
        print(f"{ME} releases it", flush=True)
        try:
            self.lock.release()
            self.loop.quit()
        except GLib.Error as error:
            self.fail(error)
        return GLib.SOURCE_REMOVE

    def fail(self, error):
        print(f"{ME}: {error.message}", file=sys.stderr)
        self.status = 1
        self.loop.quit()


def main():
    if len(sys.argv) != 3:
        return f"Usage: {sys.argv[0]} PATH SECONDS"
    return Queue(sys.argv[1], float(sys.argv[2])).run()


if __name__ == "__main__":
    sys.exit(main())
