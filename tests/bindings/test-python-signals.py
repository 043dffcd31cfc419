# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Signals that arrive while the main thread waits for a lock."""

import contextlib
import errno
import gc
import os
import random
import signal
import socket
import sys
import threading
import time

# As at a terminal, even if the signal is ignored; PyGObject checks that when it is imported
signal.signal(signal.SIGINT, signal.default_int_handler)

from gi.repository import Gio, GLib  # noqa: E402

import lf_testing  # noqa: E402
from lf_testing import (  # noqa: E402
    Holder, Lf, LockTest, count_waiters, count_wakeups, only_descriptors, wait_for_waiter,
    wait_until_alone, wait_until_others_sleep)


class Exit(Exception):
    pass


def interrupt(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def is_waiting(thread):
    """Whether a thread polls, in the override's wait."""
    code = sys._current_frames()[thread.ident].f_code
    with open(f'/proc/self/task/{thread.native_id}/stat') as stat:
        sleeps = stat.read().rpartition(')')[2].split()[0] == 'S'
    return sleeps and code.co_name == 'run' and os.path.basename(code.co_filename) == 'Lf.py'


def count_pipes():
    gc.collect()
    return sum('pipe:' in os.readlink(entry.path) for entry in os.scandir('/proc/self/fd')
               if os.path.islink(entry.path))


class Behind:
    """A thread that waits for the lock of a path behind another waiter."""

    def __init__(self, path):
        self.lock = Lf.LockFile.new(path)
        self.got_it = []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with self.lock:
            self.got_it.append(True)

    def start(self):
        self.thread.start()
        while count_waiters(self.lock.get_path()) < 2:
            pass

    def join(self):
        self.thread.join()


class SignalTest(LockTest):
    def setUp(self):
        super().setUp()
        # In another thread, since this one would wait for itself
        self.holder = Holder(self.path)
        self.addCleanup(self.holder.release)

    def when_it_waits(self, *actions):
        """In another thread: each action as soon as the main thread waits (again)."""
        def run():
            for action in actions:
                wait_for_waiter(self.path)
                action()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    @contextlib.contextmanager
    def handler(self, handler, number=signal.SIGINT):
        old = signal.signal(number, handler)
        try:
            yield
        finally:
            signal.signal(number, old)

    def assert_nobody_holds(self):
        self.assertFalse(self.lock.is_held())
        self.holder.release()
        self.assertTrue(self.other.try_acquire())
        self.other.release()


class Interrupt(SignalTest):
    def test_acquire(self):
        self.when_it_waits(interrupt)
        with self.assertRaises(KeyboardInterrupt):
            self.lock.acquire()
        self.assert_nobody_holds()

    def test_acquire_with_timeout(self):
        self.when_it_waits(interrupt)
        with self.assertRaises(KeyboardInterrupt):
            self.lock.acquire_with_timeout(100)
        self.assertEqual(self.lock.get_timeout(), -1)
        self.assert_nobody_holds()

    def test_guard(self):
        for timeout in -1, 100:
            self.lock.set_timeout(timeout)
            self.when_it_waits(interrupt)
            with self.assertRaises(KeyboardInterrupt):
                self.lock.acquire_guard()
        self.assert_nobody_holds()

    def test_with(self):
        for context in self.lock, self.lock.acquired(timeout=100):
            self.when_it_waits(interrupt)
            with self.assertRaises(KeyboardInterrupt):
                with context:
                    self.fail('it is held by another')
        self.assert_nobody_holds()

    def test_locked(self):
        @Lf.locked(self.path)
        def function():
            self.fail('it is held by another')

        self.when_it_waits(interrupt)
        self.assertRaises(KeyboardInterrupt, function)
        self.assert_nobody_holds()

    def test_looks(self):
        """With a backend without a queue in the kernel."""
        def interrupt_wait():
            while not is_waiting(threading.main_thread()):
                pass
            interrupt()

        for backend in Lf.Backend.SYMLINK, Lf.Backend.SQLITE:
            path = f'{self.path}-{int(backend)}'
            holder = Holder(path, backend=backend)
            lock = Lf.LockFile(path=path, backend=backend)
            thread = threading.Thread(target=interrupt_wait)
            thread.start()
            with self.assertRaises(KeyboardInterrupt):
                lock.acquire()
            thread.join()
            self.assertFalse(lock.is_held())
            holder.release()
            self.assertTrue(Lf.LockFile(path=path, backend=backend).try_acquire())

    def test_terminate(self):
        """A signal handler can raise any exception."""
        def handle(number, frame):
            raise Exit

        self.when_it_waits(lambda: interrupt(signal.SIGTERM))
        with self.handler(handle, signal.SIGTERM), self.assertRaises(Exit):
            self.lock.acquire()
        self.assert_nobody_holds()

    def test_handler_goes_on(self):
        """A signal handler that does not raise leaves the waiter in its place in the queue."""
        handled = threading.Event()
        second = Behind(self.path)

        def release():
            handled.wait()
            second.start()
            self.holder.release()

        self.when_it_waits(interrupt, release)
        with self.handler(lambda number, frame: handled.set()):
            self.assertTrue(self.lock.acquire())
        self.assertEqual(second.got_it, [])
        self.lock.release()
        second.join()

    def test_cancellable(self):
        """The caller's cancellable also works, and the override does not cancel it."""
        cancellable = Gio.Cancellable()
        self.when_it_waits(interrupt)
        with self.assertRaises(KeyboardInterrupt):
            self.lock.acquire(cancellable)
        self.assertFalse(cancellable.is_cancelled())
        self.when_it_waits(cancellable.cancel)
        with self.assert_error(Gio.IOErrorEnum.CANCELLED):
            self.lock.acquire(cancellable)
        self.assert_nobody_holds()

    def test_others_descriptor(self):
        """A program that asked for signal numbers gets those that arrived during the wait."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            ours.settimeout(10)
            old = signal.set_wakeup_fd(theirs.fileno())
            try:
                self.when_it_waits(interrupt)
                with self.assertRaises(KeyboardInterrupt):
                    self.lock.acquire()
            finally:
                self.assertEqual(signal.set_wakeup_fd(old), theirs.fileno())
            self.assertEqual(ours.recv(16), bytes([signal.SIGINT]))

    def test_in_main_loop(self):
        """With PyGObject's own handler, which raises only after its loop has returned."""
        results = []

        def acquire():
            self.when_it_waits(interrupt)
            try:
                self.lock.acquire()
            except KeyboardInterrupt:
                results.append('interrupted')
            return GLib.SOURCE_REMOVE

        GLib.idle_add(acquire)
        with self.assertRaises(KeyboardInterrupt):
            GLib.MainLoop().run()
        self.assertEqual(results, ['interrupted'])
        self.assert_nobody_holds()

    def test_no_wakeups(self):
        """A waiting process sleeps, with all its threads, until something happens."""
        wakeups = []

        def watch():
            wait_until_others_sleep()
            before = count_wakeups()
            time.sleep(0.5)
            wakeups.append(count_wakeups() - before)
            interrupt()

        self.when_it_waits(watch)
        with self.assertRaises(KeyboardInterrupt):
            self.lock.acquire()
        self.assertLessEqual(wakeups[0], 2)

    def test_nothing_left(self):
        """No descriptors and threads are left."""
        def count():
            return len(os.listdir('/proc/self/fd')), threading.active_count()

        # Objects of earlier cases are in reference cycles with their tracebacks
        gc.collect()
        before = count()
        for _ in range(20):
            thread = self.when_it_waits(interrupt)
            with self.assertRaises(KeyboardInterrupt):
                self.lock.acquire()
            thread.join()
        # The thread of a wait may still be ending. A case that leaves something hangs.
        while count() > before:
            time.sleep(0.001)
        self.assertEqual(count(), before)
        self.assert_nobody_holds()

    def run_races(self, count, work_until_interrupted, contended=None):
        """A signal may arrive at any moment, around the grant and in uncontended calls too.

        If the call raises, the lock is not held, and no other lock was released."""
        self.holder.release()
        ready = threading.Event()
        outcomes = {True: 0, False: 0}
        contended = contended or self.other
        releases = []
        pipes = count_pipes()

        def contend():
            actions = [interrupt, lambda: releases.append(contended.release())]
            random.shuffle(actions)
            contended.acquire()
            ready.set()
            for action in actions:
                time.sleep(random.random() * 0.001)
                action()

        for round_number in range(count):
            ready.clear()
            granted = []
            thread = threading.Thread(target=contend)
            try:
                thread.start()
                ready.wait()
                work_until_interrupted(granted)
            except KeyboardInterrupt:
                outcomes[bool(granted)] += 1
            thread.join()
            self.assertEqual(len(releases), round_number + 1)
            self.assertFalse(self.lock.is_held(), round_number)
            # On a busy machine a call may end after a second, and its thread releases the
            # lock later
            self.assertTrue(self.other.acquire_with_timeout(10), round_number)
            self.other.release()
        # PyGObject prints exceptions that are raised while it makes an error
        lf_testing.callback_errors.clear()
        self.assertEqual(count_pipes(), pipes)
        # Otherwise this tests nothing
        self.assertGreater(min(outcomes.values()), 20, outcomes)

    def test_races(self):
        def work(granted):
            with self.lock:
                granted.append(True)
                while True:
                    pass

        self.run_races(2000, work)

    def test_races_of_threads(self):
        """If the other thread uses the same object."""
        def work(granted):
            with self.lock:
                granted.append(True)
                while True:
                    pass

        self.run_races(1000, work, self.lock)

    def test_races_of_guards(self):
        def work(granted):
            guard = self.lock.acquire_guard()
            granted.append(guard.get_lock_file())
            while True:
                pass

        self.run_races(1000, work)


class Semantics(SignalTest):
    """acquire() returns the same after a wait that a signal could have ended."""

    def test_granted(self):
        self.when_it_waits(self.holder.release)
        self.assertTrue(self.lock.acquire())
        self.assertTrue(self.lock.is_held())
        self.assertTrue(self.lock.is_held_by_thread())

    def test_guard(self):
        """A guard releases a lock that was waited for."""
        self.when_it_waits(self.holder.release)
        guard = self.lock.acquire_guard()
        self.assertIs(guard.get_lock_file(), self.lock)
        self.assertTrue(self.lock.is_held_by_thread())
        del guard
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.try_acquire())

    def test_guard_of_free_lock(self):
        self.holder.release()
        guard = self.lock.acquire_guard()
        self.assertTrue(self.lock.is_held_by_thread())
        del guard
        self.assertFalse(self.lock.is_held())

    def test_guard_of_held_lock(self):
        """A guard does not release a lock that the thread held before."""
        self.holder.release()
        self.lock.acquire()
        for cancellable in None, Gio.Cancellable():
            guard = self.lock.acquire_guard(cancellable)
            self.assertIs(guard.get_lock_file(), self.lock)
            del guard
            self.assertTrue(self.lock.is_held())

    def test_would_deadlock(self):
        """The thread that waited holds the lock."""
        thread = self.when_it_waits(self.holder.release)
        self.lock.acquire()
        thread.join()
        wait_until_alone()
        self.other.set_timeout(0)
        with self.assertRaises(Lf.WouldDeadlock):
            self.other.acquire_with_timeout(-1)
        self.other.set_timeout(-1)
        for acquire in self.other.acquire, self.other.acquire_guard:
            self.assertRaises(Lf.WouldDeadlock, acquire)

    def test_another_thread_lives(self):
        """It could release the lock of the waiting thread, so it is no deadlock. A signal
        ends the wait."""
        self.holder.release()
        self.lock.acquire()
        self.when_it_waits(interrupt)
        with self.assertRaises(KeyboardInterrupt):
            self.other.acquire()
        self.assertTrue(self.lock.is_held_by_thread())

    def test_no_descriptors(self):
        """It is an error, and not the end of the process."""
        for count in range(6):
            with only_descriptors(count):
                with self.assertRaises((Lf.PathError, Lf.LockTimeout)):
                    self.lock.acquire(timeout=0.001)
        with only_descriptors(0):
            with self.assertRaises(Lf.PathError) as caught:
                self.lock.acquire(timeout=1)
        self.assertEqual(caught.exception.errno, errno.EMFILE)

    def test_notification(self):
        threads = []
        self.lock.connect('notify::held', lambda *_: threads.append(threading.current_thread()))
        self.when_it_waits(self.holder.release)
        self.lock.acquire()
        self.assertEqual(threads, [threading.main_thread()])

    def test_context(self):
        """The caller's main context is not iterated."""
        called = []
        GLib.idle_add(lambda: called.append(True))
        self.when_it_waits(self.holder.release)
        self.lock.acquire()
        self.assertEqual(called, [])
        lf_testing.iterate_until(lambda: called)

    def test_another_thread_holds_the_object(self):
        """A lock that another thread holds is waited for, as with any other holder."""
        def hold():
            with self.lock:
                has_it.set()
                while not is_waiting(threading.main_thread()):
                    pass
                order.append('released')

        self.holder.release()
        for acquire in (self.lock.acquire, self.lock.acquire_guard, self.lock.__enter__,
                        lambda: self.lock.acquire_with_timeout(100)):
            order = []
            has_it = threading.Event()
            thread = threading.Thread(target=hold)
            thread.start()
            has_it.wait()
            guard = acquire()
            order.append('acquired')
            thread.join()
            self.assertEqual(order, ['released', 'acquired'])
            self.assertTrue(self.lock.is_held_by_thread())
            self.lock.release()
            del guard

    def test_block_behind_sharing_thread(self):
        """The end of a block releases its lock.

        It does so even if another thread and another object share the lock."""
        def share():
            with lock:
                has_it.set()
                while not is_waiting(threading.main_thread()):
                    pass

        self.holder.release()
        lock, other = (Lf.LockFile(self.path, mode='shared') for _ in range(2))
        has_it = threading.Event()
        thread = threading.Thread(target=share)
        thread.start()
        has_it.wait()
        other.acquire()
        self.assertTrue(lock.held)
        self.assertTrue(lock.is_held_by_thread())
        self.assertFalse(lock.is_acquired_by_thread())
        with lock.acquire():
            self.assertTrue(lock.is_acquired_by_thread())
        thread.join()
        self.assertFalse(lock.held)

    def test_interrupted_before_sharing_thread(self):
        """A lock that another thread then acquires through the object is not released."""
        def share():
            while not is_waiting(threading.main_thread()):
                pass
            lock.mode = 'shared'
            interrupt()
            try:
                with lock:
                    interrupted.wait()
            except GLib.Error as error:
                errors.append(error)

        self.holder.release()
        errors = []
        other = Lf.LockFile(self.path, mode='shared')
        other.acquire()
        for _ in range(100):
            lock = Lf.LockFile(self.path)
            interrupted = threading.Event()
            thread = threading.Thread(target=share)
            thread.start()
            with self.assertRaises(KeyboardInterrupt):
                lock.acquire(timeout=100)
            interrupted.set()
            thread.join()
        self.assertEqual(errors, [])

    def test_interrupted_behind_another_thread(self):
        """The other thread keeps its lock."""
        def hold():
            with self.lock:
                has_it.set()
                while not is_waiting(threading.main_thread()):
                    pass
                interrupt()
                interrupted.wait()
                held.append(self.lock.is_held_by_thread())

        self.holder.release()
        for acquire in self.lock.acquire, self.lock.acquire_guard, self.lock.__enter__:
            held = []
            has_it, interrupted = threading.Event(), threading.Event()
            thread = threading.Thread(target=hold)
            thread.start()
            has_it.wait()
            self.assertRaises(KeyboardInterrupt, acquire)
            interrupted.set()
            thread.join()
            self.assertEqual(held, [True])
            self.assertFalse(self.lock.is_held())

    def test_pending(self):
        self.lock.acquire_async(GLib.PRIORITY_DEFAULT, None, None)
        for acquire in self.lock.acquire, self.lock.acquire_guard:
            with self.assert_error(Gio.IOErrorEnum.PENDING):
                acquire()
        self.holder.release()
        lf_testing.iterate_until(self.lock.is_held)

    def test_timed_out(self):
        self.lock.set_timeout(0.05)
        for acquire in self.lock.acquire, self.lock.acquire_guard:
            start = time.monotonic()
            self.assertRaises(Lf.LockTimeout, acquire)
            self.assertGreaterEqual(time.monotonic() - start, 0.05)

    def test_cancelled(self):
        for acquire in self.lock.acquire, self.lock.acquire_guard:
            cancellable = Gio.Cancellable()
            self.when_it_waits(cancellable.cancel)
            with self.assert_error(Gio.IOErrorEnum.CANCELLED):
                acquire(cancellable)

    def test_order(self):
        """In the kernel's queue, together with another thread's wait."""
        second = Behind(self.path)
        self.when_it_waits(second.start, self.holder.release)
        self.lock.acquire()
        self.assertEqual(second.got_it, [])
        self.lock.release()
        second.join()


if __name__ == '__main__':
    sys.exit(lf_testing.run_as_tap())
