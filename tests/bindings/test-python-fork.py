# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Processes that multiprocessing forks while threads use locks.

LF_TEST_FORKS is the number of forks for each case, as for test-fork-storm.
"""

import contextlib
import faulthandler
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading

from gi.repository import GLib

import lf_testing
from lf_testing import Lf, LockTest

N_FORKS = int(os.environ.get('LF_TEST_FORKS', 100))
N_THREADS = 4

# Seconds. A child needs some milliseconds.
PATIENCE = 10

# Exit status of a child that found nothing wrong
WELL = 23


def is_stuck_in_glib(process):
    """Shows the stack, if there is a debugger, and returns whether GLib waits.

    The library cannot prevent GLib from waiting when it makes or ends an object.
    """
    debugger = shutil.which('gdb')
    if not debugger:
        return False
    output = subprocess.run([debugger, '-nx', '-batch', '-ex', 'backtrace', '-p', str(process.pid)],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    frames = [line for line in output.splitlines() if line.startswith('#')]
    for frame in frames[:12]:
        print(f'# {frame}', flush=True)
    for frame in frames:
        if 'lf_' in frame:
            return False
        if 'g_slice_' in frame or 'libgobject' in frame or 'libgio' in frame:
            return True
    return False


class Storm(LockTest):
    """Children of a process whose threads have locks of their own."""

    def setUp(self):
        super().setUp()
        self.context = multiprocessing.get_context('fork')
        self.ended = False
        # Made before the threads start, since making an object in the child needs GLib's
        # mutexes
        self.own = Lf.LockFile(path=os.path.join(self.directory, 'own'))
        self.own_file = Lf.LockFile(path=os.path.join(self.directory, 'own-file'),
                                    backend=Lf.Backend.HARD_LINK)
        self.lock.acquire()
        self.threads = [threading.Thread(target=self.use, args=(i,)) for i in range(N_THREADS)]
        for thread in self.threads:
            thread.start()
        self.addCleanup(self.end)

    def end(self):
        self.ended = True
        for thread in self.threads:
            thread.join()

    def use(self, number):
        backend = (Lf.Backend.FLOCK, Lf.Backend.HARD_LINK)[number % 2]
        lock = Lf.LockFile(path=os.path.join(self.directory, f'thread-{number}'), backend=backend)
        while not self.ended:
            lock.acquire()
            lock.release()

    def run_children(self, target):
        n_stuck_in_glib = 0
        for i in range(N_FORKS):
            process = self.context.Process(target=self.run_child, args=(target,))
            process.start()
            process.join(PATIENCE)
            if process.exitcode is None:
                in_glib = is_stuck_in_glib(process)
                process.kill()
                process.join()
                self.assertTrue(in_glib, f'child {i} was stuck')
                n_stuck_in_glib += 1
            else:
                self.assertEqual(process.exitcode, WELL)
        if n_stuck_in_glib > 0:
            print(f'# {n_stuck_in_glib} of {N_FORKS} children were stuck in locks of GLib')

    def run_child(self, target):
        faulthandler.dump_traceback_later(PATIENCE / 2)
        target()
        # multiprocessing uses 0 and 1 itself
        os._exit(WELL)

    def child_drops(self):
        del self.lock

    def child_releases(self):
        assert not self.lock.is_held()
        assert self.lock.get_fd() == -1
        try:
            self.lock.release()
        except GLib.Error as error:
            assert error.matches(Lf.UnlockError.quark(), Lf.UnlockError.NOT_MY_LOCK)
        else:
            raise AssertionError('the child has released the lock of its parent')

    def child_acquires(self):
        for lock in (self.own, self.own_file):
            lock.acquire()
            assert lock.is_held()
            lock.release()

    def child_times_out(self):
        with contextlib.suppress(GLib.Error):
            self.other.acquire_with_timeout(0.01, None)
            raise AssertionError('the child has got the lock of its parent')

    def test_drop(self):
        self.run_children(self.child_drops)
        self.assertTrue(self.lock.release())

    def test_release(self):
        self.run_children(self.child_releases)
        self.assertTrue(self.lock.release())

    def test_acquire(self):
        self.run_children(self.child_acquires)

    def test_timeout(self):
        self.run_children(self.child_times_out)


if __name__ == '__main__':
    sys.exit(lf_testing.run_as_tap())
