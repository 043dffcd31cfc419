# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The override's awaitables, with and without an event loop that iterates GLib's main
context."""

import asyncio
import contextlib
import errno
import gc
import os
import random
import selectors
import sys
import threading
import time
import unittest.mock

from gi.repository import Gio, GLib

import lf_testing
from lf_testing import (
    Holder, Lf, LockTest, count_wakeups, only_descriptors, wait_for_waiter,
    wait_until_others_sleep)

DEFAULT = GLib.PRIORITY_DEFAULT


async def until(condition):
    """Runs the event loop until the condition is true; a hang ends with the test."""
    while not condition():
        await asyncio.sleep(0.001)


async def waits(path):
    await asyncio.get_running_loop().run_in_executor(None, wait_for_waiter, path)


async def lose(test):
    """The loss of a monitored lock is reported in the thread of the event loop. The thread that
    polls ends."""
    threads = threading.active_count()
    lost = []
    test.lock.monitor = True
    test.lock.connect('lost', lambda lock, reason: lost.append((threading.get_ident(), reason)))
    for _ in range(3):
        await test.lock.acquire_async()
        os.remove(test.path)
        await until(lambda: lost)
        ((thread, reason),) = lost
        test.assertEqual(thread, threading.get_ident())
        test.assertTrue(reason.matches(Lf.UnlockError.quark(), Lf.UnlockError.NOT_LOCKED))
        test.assertFalse(test.lock.held)
        lost.clear()

    # The thread also ends without a loss
    async with test.lock:
        test.assertTrue(test.lock.verify())
    test.other.monitor = True
    guard = await test.other.acquire_guard_async()
    del test.other, guard
    # One of the case before this one may have ended as well
    await until(lambda: threading.active_count() <= threads)
    test.assertEqual(lost, [])
    test.assert_nobody_holds()


class AsyncTest(LockTest):
    """Each case is a coroutine function."""

    def _callTestMethod(self, method):
        failures = []

        async def run():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: failures.append(context))
            await method()

        self.run_loop(run())
        gc.collect()
        self.assertEqual(failures, [])

    def run_loop(self, coroutine):
        asyncio.run(coroutine)

    def assert_nobody_holds(self):
        # The lock of a thread that has ended is also free at once
        self.assertTrue(Lf.LockFile.new(self.path).try_acquire())


class Await(AsyncTest):
    async def test_lost(self):
        await lose(self)

    async def test_with(self):
        async with self.lock as lock:
            self.assertIs(lock, self.lock)
            self.assertTrue(self.lock.is_held())
            with self.assertRaises(Lf.AlreadyLocked):
                self.other.try_acquire()
        self.assertFalse(self.lock.is_held())
        self.assert_nobody_holds()

    async def test_no_thread(self):
        """A block releases its lock even if no thread can be started any longer."""
        def refuse(thread):
            raise RuntimeError("can't start new thread")

        with unittest.mock.patch.object(threading.Thread, 'start', refuse):
            with self.assertRaises(RuntimeError):
                await self.lock.acquire_async()
        async with self.lock:
            patch = unittest.mock.patch.object(threading.Thread, 'start', refuse)
            patch.start()
        patch.stop()
        self.assertFalse(self.lock.is_held())
        self.assert_nobody_holds()

    async def test_no_descriptors(self):
        """It is an error, and neither the end of the process nor a lock that stays."""
        for count in range(4):
            with only_descriptors(count):
                with contextlib.suppress(Lf.PathError):
                    await self.lock.acquire_async()
                    await self.lock.release_async()
            self.assertFalse(self.lock.is_held())
        with only_descriptors(0):
            with self.assertRaises(Lf.PathError) as caught:
                await self.lock.acquire_async()
        self.assertEqual(caught.exception.errno, errno.EMFILE)

        async with self.lock:
            full = only_descriptors(0)
            full.__enter__()
        full.__exit__(None, None, None)
        self.assert_nobody_holds()

    async def test_methods(self):
        self.assertIs(await self.lock.acquire_async(), True)
        holder = await self.other.query_holder_async(DEFAULT, None)
        self.assertEqual(holder.get_pid(), os.getpid())
        self.assertIs(await self.lock.release_async(DEFAULT), True)
        self.assertIsNone(await self.other.query_holder_async())
        self.assertIs(await self.other.is_locked_async(), False)
        self.assertEqual(await self.other.query_scope_async(), self.other.query_scope())
        self.assertIs(await self.lock.acquire_with_timeout_async(None, DEFAULT), True)
        self.assertIs(await self.other.is_locked_async(DEFAULT, None), True)
        self.assertIs(await self.other.break_lock_async(), True)
        self.assertIs(await self.other.acquire_with_timeout_async(2.5), True)
        with self.assertRaises(Lf.NotMyLock):
            await self.lock.release_async()
        await self.other.release_async()
        guard = await self.lock.acquire_guard_async()
        self.assertIs(guard.get_lock_file(), self.lock)
        del guard
        self.assert_nobody_holds()

    async def test_errors(self):
        with self.assertRaises(Lf.NotLocked):
            await self.lock.release_async()
        self.other.acquire()
        self.lock.set_timeout(0.05)
        with self.assertRaises(Lf.LockTimeout):
            await self.lock.acquire_async()
        for timeout, error in (0, Lf.AlreadyLocked), (0.05, Lf.LockTimeout):
            with self.assertRaises(error):
                await self.lock.acquire_with_timeout_async(timeout)
        wrong = Lf.LockFile(path=self.path, backend=Lf.Backend.LOCK_FILE_EX)
        for method in wrong.is_locked_async, wrong.break_lock_async:
            with self.assertRaises(Lf.NotSupported):
                await method()
        with self.assert_error(Gio.IOErrorEnum.NOT_FOUND):
            await Lf.LockFile.new(self.directory + '/missing/lock').acquire_async()

    async def test_acquired(self):
        changes = []
        self.lock.connect('notify::timeout', lambda lock, pspec: changes.append(lock.get_timeout()))
        self.other.acquire()
        for timeout in 0, 0.05:
            error = Lf.LockTimeout if timeout else Lf.AlreadyLocked
            start = time.monotonic()
            with self.assertRaises(error):
                async with self.lock.acquired(timeout=timeout):
                    self.fail('it is held by another')
            self.assertGreaterEqual(time.monotonic() - start, timeout)
        self.assertEqual(changes, [])
        self.other.release()
        async with self.lock.acquired(timeout=None) as lock:
            self.assertTrue(lock.is_held())
        self.assert_nobody_holds()

    async def test_timeout_is_not_shared(self):
        """The timeout of one call does not affect others, not even in another thread."""
        def acquire_in_thread():
            for _ in range(200):
                self.lock.acquire()
                self.lock.release()

        async def acquire_at_once():
            for _ in range(200):
                with contextlib.suppress(Lf.AlreadyLocked, Lf.LockTimeout):
                    async with self.lock.acquired(timeout=random.choice((0, 0.0001))):
                        pass

        async def acquire():
            for _ in range(200):
                async with self.lock:
                    pass

        loop = asyncio.get_running_loop()
        await asyncio.gather(acquire_at_once(), acquire(), acquire(),
                             loop.run_in_executor(None, acquire_in_thread))
        self.assert_nobody_holds()

    async def test_would_wait_for_itself(self):
        """A call that would block the event loop in which another one is reported."""
        self.other.acquire()
        tasks = [asyncio.create_task(self.lock.acquire_async()) for _ in range(2)]
        await waits(self.path)
        for acquire in self.lock.acquire, self.lock.acquire_guard, self.lock.__enter__:
            with self.assert_error(Gio.IOErrorEnum.PENDING, self.path):
                acquire()
        self.other.release()
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # Now this thread holds the lock
        self.assertTrue(self.lock.acquire())
        await self.lock.release_async()
        await asyncio.wait(tasks)
        await self.lock.release_async()
        self.assertTrue(self.lock.try_acquire())

    async def test_threads_share_object(self):
        """The thread of the event loop holds the lock, and other threads wait."""
        counter = 0

        def count_in_thread():
            nonlocal counter
            for _ in range(300):
                with self.lock:
                    seen = counter
                    time.sleep(0)
                    counter = seen + 1

        async def count():
            nonlocal counter
            for _ in range(300):
                async with self.lock:
                    self.assertTrue(self.lock.is_held_by_thread())
                    seen = counter
                    await asyncio.sleep(0)
                    counter = seen + 1

        loop = asyncio.get_running_loop()
        await asyncio.gather(count(), count(), *(
            loop.run_in_executor(None, count_in_thread) for _ in range(2)))
        self.assertEqual(counter, 1200)

    async def test_release_fails(self):
        with self.assertRaises(Lf.NotMyLock):
            async with self.lock:
                self.other.break_lock()
                self.other.acquire()

    async def test_loop_keeps_running(self):
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async())
        for _ in range(5):
            await asyncio.sleep(0.002)
            self.assertFalse(task.done())
        self.other.release()
        self.assertTrue(await task)

    async def test_order(self):
        """Tasks that share an object exclude each other, first come, first served."""
        order = []
        inside = 0

        async def work(number):
            nonlocal inside
            async with self.lock:
                inside += 1
                self.assertEqual(inside, 1)
                order.append(number)
                await asyncio.sleep(0)
                inside -= 1

        async with self.lock:
            tasks = []
            for number in range(20):
                tasks.append(asyncio.create_task(work(number)))
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        self.assertEqual(order, list(range(20)))

    async def test_thread(self):
        """Notifications run in the thread of the event loop."""
        threads = set()
        self.lock.connect('notify::held', lambda *_: threads.add(threading.current_thread()))
        async with self.lock:
            pass
        self.assertEqual(threads, {threading.current_thread()})

    async def test_event_loops_in_threads(self):
        counter = 0

        async def count(lock):
            nonlocal counter
            for _ in range(50):
                async with lock:
                    seen = counter
                    await asyncio.sleep(0)
                    counter = seen + 1

        def run():
            asyncio.run(count(Lf.LockFile.new(self.path)))

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, run) for _ in range(4)))
        self.assertEqual(counter, 200)

    async def test_no_wakeups(self):
        """A waiter does nothing until the lock is granted."""
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async())
        await waits(self.path)
        wait_until_others_sleep()
        before = count_wakeups()
        await asyncio.sleep(0.5)
        self.assertLessEqual(count_wakeups() - before, 2)
        self.other.release()
        await task

    async def test_callback(self):
        """With a callback, it is the method of the introspection data."""
        reports = []

        def acquired_cb(lock, result, data):
            reports.append((lock.acquire_finish(result), data))

        self.assertIsNone(self.lock.acquire_async(DEFAULT, None, acquired_cb, 'data'))
        lf_testing.iterate_until(lambda: reports)
        self.assertEqual(reports, [(True, 'data')])
        self.assertIsNone(self.lock.release_async(DEFAULT, None, None))
        lf_testing.iterate_until(lambda: not self.lock.is_held())

    async def test_held_by_another_object(self):
        """This is not a deadlock, since the event loop can release the lock."""
        async with self.other:
            task = asyncio.create_task(self.lock.acquire_async())
            await waits(self.path)
        self.assertTrue(await task)


class Lock(AsyncTest):
    """Each class of locks has the awaitable methods of Lf.Lock."""

    async def test_awaitables(self):
        for make in lambda: Lf.LockFile(self.path), lambda: Lf.Semaphore(self.path):
            lock, other = make(), make()
            async with lock:
                self.assertTrue(lock.held)
                with self.assertRaises(Lf.LockTimeout):
                    async with other.acquired(timeout=0.01):
                        pass
            guard = await Lf.Lock.acquire_guard_async(lock)
            self.assertIs(guard.get_lock(), lock)
            del guard
            self.assertTrue(await lock.acquire_with_timeout_async(1))
            self.assertTrue(await lock.release_async())

            @Lf.locked(make)
            async def work():
                with self.assertRaises(Lf.AlreadyLocked):
                    await lock.acquire_with_timeout_async(0)
                return 5

            self.assertEqual(await work(), 5)
        with self.assertRaises(Lf.NotSupported):
            await lock.query_holder_async()
        self.assertEqual(await self.lock.query_holder_async(), None)


class Semaphore(AsyncTest):
    async def test_with(self):
        """Tasks share the slots if each has an object of its own."""
        inside, most = 0, 0

        async def work():
            nonlocal inside, most
            async with Lf.Semaphore(self.path, 2) as semaphore:
                inside += 1
                most = max(most, inside)
                self.assertIn(semaphore.slot, (1, 2))
                await asyncio.sleep(0.01)
                inside -= 1

        await asyncio.gather(*(work() for _ in range(6)))
        self.assertEqual(most, 2)

    async def test_cancel(self):
        held, waiting = Lf.Semaphore(self.path), Lf.Semaphore(self.path)
        self.assertTrue(await held.acquire_async())
        with self.assertRaises(Lf.LockTimeout):
            await waiting.acquire_with_timeout_async(0.05)
        task = asyncio.ensure_future(waiting.acquire_async())
        await waits(self.path + '.1')
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertFalse(waiting.held)
        self.assertTrue(await held.release_async())
        async with waiting.acquired(timeout=1):
            pass


class Cancel(AsyncTest):
    async def cancel(self, task):
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task

    async def test_waiting(self):
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async())
        await waits(self.path)
        await self.cancel(task)
        self.other.release()
        self.assert_nobody_holds()

    async def test_before_start(self):
        await self.cancel(asyncio.create_task(self.lock.acquire_async()))
        self.assert_nobody_holds()

    async def test_wait_for(self):
        self.other.acquire()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.lock.acquire_async(), 0.02)
        self.other.release()
        self.assert_nobody_holds()

    async def test_granted(self):
        """Cancelled after the lock was granted, but before the task learned of it."""
        task = asyncio.create_task(self.lock.acquire_async())
        await asyncio.sleep(0)
        while not self.lock.is_held():
            await asyncio.sleep(0)
        self.assertFalse(task.done())
        await self.cancel(task)
        self.assertFalse(self.lock.is_held())
        self.assert_nobody_holds()

    async def test_guard(self):
        task = asyncio.create_task(self.lock.acquire_guard_async())
        await asyncio.sleep(0)
        while not self.lock.is_held():
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            self.assertFalse(self.lock.is_held(), error)

    async def test_races(self):
        """Cancelled at any moment around the grant: either the task has the lock or it is
        free."""
        outcomes = {True: 0, False: 0}
        # Seconds, so that on any machine some come before the grant and some after it
        longest_pause = 0.001
        for round_number in range(2000):
            self.other.acquire()
            task = asyncio.create_task(self.lock.acquire_async())
            for _ in range(random.randrange(4)):
                await asyncio.sleep(0)
            self.other.release()
            if random.randrange(2):
                pause = time.monotonic() + random.random() * longest_pause
                while time.monotonic() < pause:
                    await asyncio.sleep(0)
            task.cancel()
            try:
                granted = await task
            except asyncio.CancelledError:
                granted = False
            outcomes[granted] += 1
            longest_pause = longest_pause / 2 if granted else min(longest_pause * 1.2, 0.1)
            self.assertEqual(self.lock.is_held(), granted, round_number)
            if granted:
                self.lock.release()
            # On a busy machine a cancelled call ends after a second, and its thread releases
            # the lock later
            self.assertTrue(self.other.acquire_with_timeout(60), round_number)
            self.other.release()
        # Otherwise this tests nothing
        self.assertGreater(min(outcomes.values()), 20, outcomes)

    async def test_in_block(self):
        async def hold():
            async with self.lock:
                inside.set()
                await asyncio.Event().wait()

        inside = asyncio.Event()
        task = asyncio.create_task(hold())
        await inside.wait()
        await self.cancel(task)
        self.assert_nobody_holds()

    async def test_releasing(self):
        """A release that has begun is finished first."""
        async def hold():
            async with self.lock:
                pass

        for steps in range(12):
            task = asyncio.create_task(hold())
            for _ in range(steps):
                await asyncio.sleep(0)
            await until(lambda: task.done() or self.lock.is_held())
            task.cancel()
            await asyncio.wait((task,))
            self.assertFalse(self.lock.is_held())
        self.assert_nobody_holds()

    async def test_cancellable(self):
        cancellable = Gio.Cancellable()
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async(DEFAULT, cancellable))
        await waits(self.path)
        cancellable.cancel()
        with self.assert_error(Gio.IOErrorEnum.CANCELLED):
            await task
        with self.assert_error(Gio.IOErrorEnum.CANCELLED):
            await self.lock.acquire_async(DEFAULT, cancellable)
        self.other.release()
        self.assert_nobody_holds()

    async def test_cancellable_is_the_callers(self):
        """The end of a task does not cancel other users of the cancellable."""
        cancellable = Gio.Cancellable()
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async(DEFAULT, cancellable))
        await waits(self.path)
        await self.cancel(task)
        self.assertFalse(cancellable.is_cancelled())

    async def test_closed_coroutine(self):
        """A coroutine that is dropped while it waits leaves no held lock behind."""
        async def wait():
            await self.lock.acquire_async()

        self.other.acquire()
        coroutine = wait()
        coroutine.send(None)
        await waits(self.path)
        coroutine.close()
        self.other.release()
        await until(lambda: not any(thread.name.startswith('Lf ')
                                    for thread in threading.enumerate()))
        self.assert_nobody_holds()


class ClosedLoop(LockTest):
    def test_pending(self):
        """An event loop that is closed during a wait leaves no held lock behind."""
        holder = Holder(self.path)
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)
        async def acquire():
            await self.lock.acquire_async()

        task = loop.create_task(acquire())
        loop.run_until_complete(asyncio.sleep(0))
        wait_for_waiter(self.path)
        loop.close()
        holder.release()
        for thread in threading.enumerate():
            if thread.name.startswith('Lf '):
                thread.join()
        self.assertFalse(task.done())
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.try_acquire())

    def test_no_loop(self):
        """Without an event loop nothing is awaitable, and the result is ignored."""
        self.lock.acquire()
        self.assertIsNone(self.lock.release_async(DEFAULT, None))
        lf_testing.iterate_until(lambda: not self.lock.is_held())


class GLibSelector(selectors.SelectSelector):
    """Iterates GLib's main context while it waits, as PyGObject's event loops do."""

    def select(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            if GLib.MainContext.default().iteration(False):
                return []
            events = super().select(0.001 if end is None or time.monotonic() < end else 0)
            if events or end is not None and time.monotonic() >= end:
                return events


class GLibEventLoop(asyncio.SelectorEventLoop):
    """Has its main context in the same attribute as in PyGObject 3.50."""

    def __init__(self):
        super().__init__(GLibSelector())
        self._context = GLib.MainContext.default()


class GLibEventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """Replaces PyGObject's own policy before 3.50."""

    def get_event_loop(self):
        return GLibEventLoop()


# PyGObject's own, if it has one
with contextlib.suppress(ImportError):
    from gi.events import GLibEventLoopPolicy  # noqa: E402, F811


class GLibLoop(AsyncTest):
    async def test_lost(self):
        await lose(self)

    def run_loop(self, coroutine):
        policy = GLibEventLoopPolicy()
        asyncio.set_event_loop_policy(policy)
        self.addCleanup(asyncio.set_event_loop_policy, None)
        loop = policy.get_event_loop()
        try:
            loop.run_until_complete(coroutine)
        finally:
            loop.close()

    async def test_no_thread(self):
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async())
        await waits(self.path)
        self.assertFalse([thread for thread in threading.enumerate()
                          if thread.name.startswith('Lf ')])
        self.other.release()
        self.assertTrue(await task)
        await self.lock.release_async()
        self.assert_nobody_holds()

    async def test_cancel(self):
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async())
        await waits(self.path)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.other.release()
        self.assert_nobody_holds()


class GLibPolicy(LockTest):
    def test_wait_leaves_nothing(self):
        """The main context of a synchronous wait gets no event loop, which would stay."""
        def count_after_wait():
            with self.assertRaises(Lf.LockTimeout):
                self.lock.acquire_with_timeout(0.01)
            gc.collect()
            return len(os.listdir('/proc/self/fd'))

        asyncio.set_event_loop_policy(GLibEventLoopPolicy())
        self.addCleanup(asyncio.set_event_loop_policy, None)
        with Holder(self.path):
            before = count_after_wait()
            for _ in range(5):
                # The thread of a wait may still be ending. A case that leaves something hangs.
                count = count_after_wait()
                while count > before:
                    gc.collect()
                    count = len(os.listdir('/proc/self/fd'))
                # The watch of a case before this one may have ended
                before = count


if __name__ == '__main__':
    sys.exit(lf_testing.run_as_tap())
