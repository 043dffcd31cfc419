# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the tests in Python share.

With LF_TEST_PLAIN in the environment, they see only the introspection data, without the
override."""

import contextlib
import gc
import os
import resource
import sys
import tempfile
import threading
import time
import unittest

import gi

tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(tests, 'support'))
from tap_report import run_as_tap  # noqa: E402, F401

PLAIN = 'LF_TEST_PLAIN' in os.environ
if PLAIN:
    sys.modules['gi.overrides.Lf'] = None

gi.require_version('Lf', '1.0')
from gi.repository import Gio, GLib, Lf  # noqa: E402

if hasattr(Lf, 'locked') == PLAIN:
    sys.exit('The override is there and should not be, or the other way round')


# Exceptions in callbacks, which PyGObject only prints; the loop would then never end
callback_errors = []


def callback_failed(kind, error, traceback):
    sys.__excepthook__(kind, error, traceback)
    callback_errors.append(error)


sys.excepthook = callback_failed


def iterate_until(condition, context=None):
    context = context or GLib.MainContext.default()
    while not condition():
        context.iteration(True)
        if callback_errors:
            raise callback_errors.pop()


def in_a_moment(function):
    GLib.timeout_add(20, lambda: function() and GLib.SOURCE_REMOVE)


def count_waiters(path):
    """How many waiters for the lock of a path the kernel lists."""
    inode = f':{os.stat(path).st_ino} '
    with open('/proc/locks') as locks:
        return sum('->' in line and inode in line for line in locks)


def wait_for_waiter(path):
    while count_waiters(path) == 0:
        pass


@contextlib.contextmanager
def only_descriptors(count):
    """This process can get so many more file descriptors."""
    # What earlier cases have left is in cycles with their tracebacks
    gc.collect()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, limits[1]))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(count):
            os.close(taken.pop())
        yield
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


class LockTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='lockfile-glib-')
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(self.directory, 'lock')
        self.lock = Lf.LockFile.new(self.path)
        self.other = Lf.LockFile.new(self.path)

    @contextlib.contextmanager
    def assert_error(self, code, text=''):
        is_io_error = isinstance(code, Gio.IOErrorEnum)
        domain = Gio.io_error_quark() if is_io_error else type(code).quark()
        try:
            yield
        except GLib.Error as e:
            self.assertTrue(e.matches(domain, code), f'{e.domain}: {e.message}')
            self.assertIn(text, e.message)
        else:
            self.fail(f'no error, expected {code}')


class Holder:
    """A thread that holds the lock of a path until it is told to release it."""

    def __init__(self, path, **properties):
        self.lock = Lf.LockFile(path=path, **properties)
        self._has_it = threading.Event()
        self._let_go = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._has_it.wait()

    def _run(self):
        self.lock.acquire()
        self._has_it.set()
        self._let_go.wait()
        self.lock.release()

    def release(self):
        self._let_go.set()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.release()


def others_sleep():
    """Whether all threads of this process sleep, but for this one."""
    for thread in os.listdir('/proc/self/task'):
        if int(thread) == threading.get_native_id():
            continue
        # One may end at this moment
        with contextlib.suppress(OSError), open(f'/proc/self/task/{thread}/stat') as stat:
            if stat.read().rpartition(')')[2].split()[0] != 'S':
                return False
    return True


def wait_until_others_sleep():
    n_moments = 0
    while n_moments < 5:
        n_moments = n_moments + 1 if others_sleep() else 0
        time.sleep(0.001)


def wait_until_alone():
    """Threads that were joined are there until the system has taken them down."""
    def has_others():
        for thread in os.listdir('/proc/self/task'):
            # Those of GLib have names of their own
            with contextlib.suppress(OSError), open(f'/proc/self/task/{thread}/comm') as comm:
                if int(thread) != os.getpid() and comm.read().startswith('python'):
                    return True
        return False

    gc.collect()
    while has_others():
        time.sleep(0.001)


def count_wakeups():
    """How often the other threads of this process have gone to sleep so far."""
    count = 0
    for thread in os.listdir('/proc/self/task'):
        if int(thread) == threading.get_native_id():
            continue
        # The thread may have just ended
        with contextlib.suppress(OSError), open(f'/proc/self/task/{thread}/status') as status:
            count += sum(int(line.split()[1]) for line in status
                         if line.startswith('voluntary_ctxt_switches:'))
    return count
