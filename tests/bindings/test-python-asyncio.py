# SPDX-License-Identifier: LGPL-2.1-or-later

"""The override's awaitables, in event loops that do not iterate GLib's main context
and in one that does."""

import asyncio
import contextlib
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
from lf_testing import Holder, Lf, LockTest, count_wakeups, wait_for_waiter

DEFAULT = GLib.PRIORITY_DEFAULT


async def until(condition):
    """Lets the event loop go on until something is so; a hang ends with the test."""
    while not condition():
        await asyncio.sleep(0.001)


async def waits(path):
    await asyncio.get_running_loop().run_in_executor(None, wait_for_waiter, path)


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
        # At once, with the lock of a thread that has ended too
        self.assertTrue(Lf.LockFile.new(self.path).try_acquire())


class Await(AsyncTest):
    async def test_with(self):
        async with self.lock as lock:
            self.assertIs(lock, self.lock)
            self.assertTrue(self.lock.is_held())
            with self.assertRaises(Lf.AlreadyLocked):
                self.other.try_acquire()
        self.assertFalse(self.lock.is_held())
        self.assert_nobody_holds()

    async def test_no_thread(self):
        """A block releases its lock, also where no thread can be started any more."""
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
        """That of one call is nobody else's, in another thread either."""
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
        """A call that blocks the event loop in which another one is to be reported."""
        self.other.acquire()
        tasks = [asyncio.create_task(self.lock.acquire_async()) for _ in range(2)]
        await waits(self.path)
        for acquire in self.lock.acquire, self.lock.acquire_guard, self.lock.__enter__:
            with self.assert_error(Gio.IOErrorEnum.PENDING, self.path):
                acquire()
        self.other.release()
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # This thread holds it now
        self.assertTrue(self.lock.acquire())
        await self.lock.release_async()
        await asyncio.wait(tasks)
        await self.lock.release_async()
        self.assertTrue(self.lock.try_acquire())

    async def test_threads_share_object(self):
        """The holder is the thread of the event loop, and other threads wait."""
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
        """Notifications come in the thread of the event loop."""
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
        """Who waits does nothing until the lock is there."""
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async())
        await waits(self.path)
        # Its threads may just be falling asleep
        before = None
        while before != count_wakeups():
            before = count_wakeups()
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        self.assertLessEqual(count_wakeups() - before, 2)
        self.other.release()
        await task

    async def test_callback(self):
        """With a callback it is the method of the introspection data."""
        reports = []

        def acquired_cb(lock, result, data):
            reports.append((lock.acquire_finish(result), data))

        self.assertIsNone(self.lock.acquire_async(DEFAULT, None, acquired_cb, 'data'))
        lf_testing.iterate_until(lambda: reports)
        self.assertEqual(reports, [(True, 'data')])
        self.assertIsNone(self.lock.release_async(DEFAULT, None, None))
        lf_testing.iterate_until(lambda: not self.lock.is_held())

    async def test_held_by_another_object(self):
        """Nothing is taken for a deadlock: the event loop can release it meanwhile."""
        async with self.other:
            task = asyncio.create_task(self.lock.acquire_async())
            await waits(self.path)
        self.assertTrue(await task)


class Semaphore(AsyncTest):
    async def test_with(self):
        """Tasks that have an object each share the slots."""
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
        """Cancelled when the lock is there but the task has not learned of it."""
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
        """Cancelled at any moment around the grant: it is the task's or nobody's."""
        outcomes = {True: 0, False: 0}
        for round_number in range(2000):
            self.other.acquire()
            task = asyncio.create_task(self.lock.acquire_async())
            for _ in range(random.randrange(4)):
                await asyncio.sleep(0)
            self.other.release()
            if random.randrange(2):
                pause = time.monotonic() + random.random() * 0.001
                while time.monotonic() < pause:
                    await asyncio.sleep(0)
            task.cancel()
            try:
                granted = await task
            except asyncio.CancelledError:
                granted = False
            outcomes[granted] += 1
            self.assertEqual(self.lock.is_held(), granted, round_number)
            if granted:
                self.lock.release()
            self.assertTrue(self.other.try_acquire(), round_number)
            self.other.release()
        # Else it tests nothing
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
        """The end of a task does not cancel what else has the cancellable."""
        cancellable = Gio.Cancellable()
        self.other.acquire()
        task = asyncio.create_task(self.lock.acquire_async(DEFAULT, cancellable))
        await waits(self.path)
        await self.cancel(task)
        self.assertFalse(cancellable.is_cancelled())

    async def test_closed_coroutine(self):
        """A coroutine that is dropped in its wait leaves no lock behind."""
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
        """An event loop that is closed while somebody waits leaves no lock behind."""
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
        """Without an event loop nothing is awaitable: it is done and forgotten."""
        self.lock.acquire()
        self.assertIsNone(self.lock.release_async(DEFAULT, None))
        lf_testing.iterate_until(lambda: not self.lock.is_held())


class GLibSelector(selectors.SelectSelector):
    """Iterates GLib's main context while it waits, as the event loops of PyGObject do."""

    def select(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            if GLib.MainContext.default().iteration(False):
                return []
            events = super().select(0.001 if end is None or time.monotonic() < end else 0)
            if events or end is not None and time.monotonic() >= end:
                return events


class GLibEventLoop(asyncio.SelectorEventLoop):
    """It has its main context in the attribute where PyGObject 3.50 has it."""

    def __init__(self):
        super().__init__(GLibSelector())
        self._context = GLib.MainContext.default()


class GLibEventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """What stands in for PyGObject's own before 3.50."""

    def get_event_loop(self):
        return GLibEventLoop()


# The real thing, where there is one
with contextlib.suppress(ImportError):
    from gi.events import GLibEventLoopPolicy  # noqa: E402, F811


class GLibLoop(AsyncTest):
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
            self.assertEqual([count_after_wait() for _ in range(5)], [before] * 5)


if __name__ == '__main__':
    sys.exit(lf_testing.run_as_tap())
