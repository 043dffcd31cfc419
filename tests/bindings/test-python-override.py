# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the override adds for programs without an event loop, and its types."""

import ast
import asyncio
import errno
import functools
import inspect
import math
import os
import pathlib
import pickle
import pydoc
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import unittest

import gi
from gi.repository import Gio, GLib, GObject

import lf_testing
from lf_testing import Holder, Lf, LockTest

OVERRIDE = pathlib.Path(Lf.locked.__code__.co_filename)


class AsInPython(LockTest):
    """Features of a Python library that PyGObject does not make from the introspection
    data."""

    def test_constructor(self):
        lock = Lf.LockFile(self.path, mode='shared', backend='fcntl', timeout=2.5)
        self.assertEqual(lock.path, self.path)
        self.assertEqual(lock.mode, Lf.LockMode.SHARED)
        self.assertEqual(lock.backend, Lf.Backend.FCNTL)
        self.assertEqual(lock.timeout, 2.5)
        self.assertEqual(Lf.LockFile.new_with_backend(self.path, 'hard-link').backend,
                         Lf.Backend.HARD_LINK)
        self.assertEqual(Lf.LockFile(pathlib.Path(self.path)).path, self.path)
        self.assertTrue(Lf.LockFile('x', monitor=True, notice_delay=2).monitor)
        for wrong in {'mode': 'sharde'}, {'backend': 'none'}, {'required_scope': 'nobody'}:
            with self.assertRaises(ValueError):
                Lf.LockFile(self.path, **wrong)
        with self.assertRaises(TypeError):
            Lf.LockFile(self.path, timout=1)

    def test_attributes(self):
        self.lock.mode = 'shared'
        self.assertEqual(self.lock.get_mode(), Lf.LockMode.SHARED)
        self.lock.set_mode('exclusive')
        self.assertEqual(self.lock.mode, Lf.LockMode.EXCLUSIVE)
        self.lock.required_scope = 'host'
        self.assertEqual(self.lock.required_scope, Lf.LockScope.HOST)
        for name, value in (('timeout', 3), ('remove_on_release', True), ('create_parents', True),
                            ('durable', False), ('file_mode', 0o600), ('poll_interval', 0.25)):
            setattr(self.lock, name, value)
            self.assertEqual(getattr(self.lock, name), value)
            self.assertEqual(getattr(self.lock.props, name), value)
        self.lock.timeout = None
        self.assertEqual(self.lock.timeout, -1)
        for name in 'path', 'file', 'backend', 'held':
            with self.assertRaises(AttributeError):
                setattr(self.lock, name, getattr(self.lock, name))
        self.assertFalse(self.lock.held)
        self.assertEqual(self.lock.file.get_path(), self.path)

    def test_acquire(self):
        with self.lock.acquire() as lock:
            self.assertIs(lock, self.lock)
            self.assertTrue(lock.held)
            # These claims are not counted, and the block that acquired the lock releases it
            with lock.acquire(timeout=1):
                pass
            self.assertTrue(lock.held)
            for arguments in {'timeout': 0}, {'blocking': False}, {'blocking': False, 'timeout': 0}:
                with self.assertRaises(Lf.AlreadyLocked):
                    self.other.acquire(**arguments)
            with self.assertRaises(Lf.LockTimeout):
                self.other.acquire(timeout=0.01)
            with self.assertRaises(ValueError):
                self.other.acquire(blocking=False, timeout=1)
        self.assertFalse(self.lock.held)
        held = self.other.acquire(blocking=False)
        self.assertTrue(held)
        self.assertEqual(held, True)
        self.assertEqual(self.other.timeout, -1)
        with self.assertRaises(ZeroDivisionError), held:
            1 / 0
        self.assertFalse(self.other.held)

    def test_subclass(self):
        with self.assertRaisesRegex(TypeError, 'final'):
            class Sub(Lf.LockFile):
                pass

    def test_help(self):
        signatures = {
            'acquire': '(self, cancellable=None, *, timeout=self.timeout, blocking=True)',
            'try_acquire': '(self)',
            'query_holder': '(self, cancellable=None)',
            'release_async': '(self, io_priority=0, cancellable=None, callback=None, '
                             'user_data=None)',
            'acquired': '(self, timeout=self.timeout)',
        }
        for name, signature in signatures.items():
            self.assertEqual(str(inspect.signature(getattr(Lf.LockFile, name))), signature)
        text = pydoc.render_doc(Lf.LockFile)
        self.assertNotIn('object at 0x', text)
        for name, method in vars(Lf.LockFile).items():
            if not name.startswith('_') and inspect.isfunction(method):
                self.assertTrue(method.__doc__, name)
        for name in dir(Lf):
            value = getattr(Lf, name)
            if inspect.isclass(value) and issubclass(value, GLib.Error):
                self.assertTrue(value.__doc__ and value.__doc__ != GLib.Error.__doc__, name)

    def test_holder(self):
        self.lock.acquire()
        holder = self.other.query_holder()
        self.assertEqual(str(holder), holder.to_string())
        self.assertEqual(repr(holder), f'<Lf.LockHolder {holder}>')


class ErrorText(LockTest):
    def raised(self, function, *arguments, **keywords):
        """Keeps the traceback, which assertRaises() clears."""
        try:
            function(*arguments, **keywords)
        except GLib.Error as error:
            return error
        self.fail('nothing was raised')

    @staticmethod
    async def acquire(lock):
        await lock.acquire_async()

    def test_sentence(self):
        """str() is a sentence that names the holder, which only str() searches for."""
        holder = Holder(self.path)
        errors = (self.raised(self.lock.try_acquire),
                  self.raised(self.lock.acquire, timeout=0.01))
        for error, text in zip(errors, ('{} is locked already', 'Timed out waiting to lock {}')):
            self.assertEqual(error.message, text.format(self.path))
            self.assertEqual(str(error), f'{error.message}: held by {self.other.query_holder()}')
            self.assertIn(f'PID {os.getpid()}', str(error))
        late = self.raised(self.lock.try_acquire)
        holder.release()
        self.assertEqual(str(late), late.message)
        self.assertEqual(str(self.raised(self.lock.release)), f'The lock of {self.path} is not held')

    def test_record(self):
        """If the attempt reads the holder, the message names it."""
        locks = [Lf.LockFile(self.path, backend='hard-link') for _ in range(2)]
        locks[0].acquire()
        error = self.raised(locks[1].try_acquire)
        self.assertIn(f'held by PID {os.getpid()}', error.message)
        self.assertEqual(str(error), error.message)

    def test_path(self):
        """Errors of a path are Python's errors, and GLib's."""
        self.other.acquire()
        cases = (
            (os.path.join(self.directory, 'nothing', 'x'), FileNotFoundError, errno.ENOENT),
            (os.path.join(self.path, 'x'), NotADirectoryError, errno.ENOTDIR),
            ('/proc/x', OSError, None),
            (os.path.join(self.directory, 'x' * 300), OSError, errno.ENAMETOOLONG),
        )
        for path, error_class, number in cases:
            lock = Lf.LockFile(path)
            error = self.raised(lock.acquire)
            self.assertIsInstance(error, error_class)
            self.assertIsInstance(error, Lf.PathError)
            self.assertEqual(error.domain, GLib.quark_to_string(Gio.io_error_quark()))
            if number is not None:
                self.assertEqual(error.errno, number)
                self.assertEqual(error.strerror, os.strerror(number))
            self.assertEqual(error.filename, path)
            self.assertEqual(str(error), error.message)
            with self.assertRaises(error_class):
                asyncio.run(self.acquire(lock))

    def test_operation(self):
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        error = self.raised(self.lock.acquire, cancellable)
        self.assertIsInstance(error, Lf.Cancelled)
        self.assertTrue(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        self.assertEqual(str(error), error.message)
        self.lock.acquire_async(0, None, lambda *_: None)
        self.assertIsInstance(self.raised(self.lock.acquire), Lf.OperationPending)
        lf_testing.iterate_until(lambda: self.lock.held)

    def test_traceback(self):
        """One frame of the override, below the program's frames."""
        async def enter():
            async with self.lock:
                pass

        self.other.acquire()
        self.lock.timeout = 0
        for function in (self.lock.acquire, self.lock.try_acquire, self.lock.release,
                         self.lock.acquire_guard, self.lock.__enter__,
                         self.lock.acquired(timeout=0).__enter__,
                         lambda: self.lock.acquire_with_timeout(0.01),
                         lambda: asyncio.run(self.acquire(self.lock)),
                         lambda: asyncio.run(enter())):
            frames = traceback.extract_tb(self.raised(function).__traceback__)
            ours = [frame for frame in frames if frame.filename == str(OVERRIDE)]
            self.assertEqual(len(ours), 1, frames)
            self.assertEqual(frames[-1], ours[0])


class With(LockTest):
    def test_lock_file(self):
        with Lf.LockFile(path=self.path) as lock:
            self.assertTrue(lock.is_held())
            with self.assertRaises(Lf.AlreadyLocked):
                self.other.try_acquire()
        self.assertFalse(lock.is_held())
        self.assertTrue(self.other.try_acquire())

    def test_error_in_block(self):
        with self.assertRaises(ZeroDivisionError), self.lock:
            1 / 0
        self.assertTrue(self.other.try_acquire())

    def test_acquired(self):
        with Holder(self.path):
            for timeout in 0, 0.05:
                error = Lf.LockTimeout if timeout else Lf.AlreadyLocked
                start = time.monotonic()
                with self.assertRaises(error), self.lock.acquired(timeout=timeout):
                    self.fail('it is held by another')
                self.assertGreaterEqual(time.monotonic() - start, timeout)
            self.lock.set_timeout(0)
            with self.assertRaises(Lf.AlreadyLocked), self.lock.acquired():
                self.fail('it is held by another')
        with self.lock.acquired(timeout=2.5) as lock:
            self.assertIs(lock, self.lock)
            self.assertTrue(lock.is_held())
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.try_acquire())

    def test_for_ever(self):
        """None waits forever, wherever a function takes seconds."""
        self.assertEqual(Lf.LockFile(path=self.path, timeout=None).get_timeout(), -1)
        self.lock.set_timeout(0)
        self.lock.set_timeout(None)
        self.assertEqual(self.lock.get_timeout(), -1)
        self.lock.set_timeout(0)
        guards = []
        for wait in (lambda: self.lock.acquire_with_timeout(None),
                     lambda: guards.append(self.lock.acquire_guard_with_timeout(None)),
                     lambda: self.lock.acquired(timeout=None).__enter__()):
            holder = Holder(self.path)
            thread = threading.Thread(
                target=lambda: (lf_testing.wait_for_waiter(self.path), holder.release()))
            thread.start()
            wait()
            thread.join()
            self.assertTrue(self.lock.is_held())
            self.lock.release()

    def test_nested(self):
        """The block that acquired the lock releases it."""
        with self.lock:
            with self.lock, self.lock.acquired(timeout=0):
                pass
            self.assertTrue(self.lock.is_held())
        self.assertFalse(self.lock.is_held())

    def test_held_before(self):
        """A block does not release a lock that it did not acquire."""
        self.lock.acquire()
        with self.lock, self.lock.acquired(timeout=0):
            pass
        self.assertTrue(self.lock.is_held())

    def test_released_in_block(self):
        with self.assertRaises(Lf.NotLocked), self.lock:
            self.lock.release()
        # The inner block then does not release anything either
        with self.assertRaises(Lf.NotLocked), self.lock:
            with self.lock:
                self.lock.release()

    def test_released_for_another_thread(self):
        """The end of a block does not release a lock that another thread has acquired
        since."""
        def hold():
            with self.lock:
                has_it.set()
                let_go.wait()
                still_held.append(self.lock.is_held())

        has_it, let_go = threading.Event(), threading.Event()
        self.addCleanup(let_go.set)
        still_held = []
        thread = threading.Thread(target=hold)
        with self.assertRaises(Lf.NotMyLock), self.lock:
            thread.start()
            self.lock.release()
            has_it.wait()
        let_go.set()
        thread.join()
        self.assertEqual(still_held, [True])

    def test_generator(self):
        """A generator's block can end in another thread."""
        def generate():
            with self.lock:
                yield

        generator = generate()
        next(generator)
        thread = threading.Thread(target=generator.close)
        thread.start()
        thread.join()
        self.assertFalse(self.lock.is_held())

    def test_lost(self):
        with self.assertRaises(Lf.NotMyLock):
            with self.lock:
                self.other.break_lock()
                self.other.acquire()

    def test_failed(self):
        """A block that was not entered does not affect the next one."""
        self.other.acquire()
        with self.assertRaises(Lf.AlreadyLocked), self.lock.acquired(timeout=0):
            self.fail('it is held by another')
        self.other.release()
        with self.lock:
            pass
        self.assertFalse(self.lock.is_held())

    def test_threads(self):
        counter = 0

        def count():
            nonlocal counter
            for _ in range(200):
                with Lf.LockFile(path=self.path):
                    seen = counter
                    time.sleep(0)
                    counter = seen + 1

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(counter, 800)

    def test_threads_share_object(self):
        """Two threads never hold the lock at once, even with nested blocks."""
        inside = set()
        wrong = []

        def work():
            for round_number in range(1000):
                with self.lock.acquired(timeout=None) if round_number % 2 else self.lock:
                    inside.add(threading.get_ident())
                    with self.lock, self.lock.acquired(timeout=0):
                        time.sleep(0)
                    if not self.lock.is_held_by_thread() or len(inside) != 1:
                        wrong.append(round_number)
                    inside.remove(threading.get_ident())

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        # The main thread waits in another way
        work()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.try_acquire())

    def test_thread_of_shared_object(self):
        """For another thread, the lock counts as held by another object."""
        with self.lock:
            results = []

            def work():
                for timeout, error in (0, Lf.AlreadyLocked), (0.05, Lf.LockTimeout):
                    with self.assertRaises(error), self.lock.acquired(timeout=timeout):
                        self.fail('it is held by another thread')
                    with self.assertRaises(error):
                        self.lock.acquire_guard_with_timeout(timeout)
                results.append(self.lock.is_held())

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            self.assertEqual(results, [True])
        self.assertFalse(self.lock.is_held())


class Locked(LockTest):
    def test_function(self):
        @Lf.locked(self.path, timeout=0)
        def add(a, b=2):
            """Adds."""
            with self.assertRaises(Lf.AlreadyLocked):
                self.other.try_acquire()
            return a + b

        self.assertEqual((add.__name__, add.__doc__), ('add', 'Adds.'))
        self.assertEqual(add(1, b=3), 4)
        self.assertTrue(self.other.try_acquire())
        with self.assertRaises(Lf.AlreadyLocked):
            add(1)

    def test_error(self):
        @Lf.locked(self.path)
        def fail():
            raise KeyError

        self.assertRaises(KeyError, fail)
        self.assertTrue(self.other.try_acquire())

    def test_threads(self):
        inside = []
        most = []

        @Lf.locked(self.path)
        def work():
            inside.append(True)
            most.append(len(inside))
            time.sleep(0)
            inside.pop()

        threads = [threading.Thread(target=lambda: [work() for _ in range(50)])
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(most), max(most)), (200, 1))

    def test_itself(self):
        """Each call makes a claim of its own."""
        @Lf.locked(self.path)
        def recurse():
            recurse()

        # Those of other cases could release it
        lf_testing.wait_until_alone()
        self.assertRaises(Lf.WouldDeadlock, recurse)

    def test_coroutines(self):
        inside = []

        @Lf.locked(self.path, timeout=100)
        async def work(number):
            inside.append(number)
            await asyncio.sleep(0)
            self.assertEqual(inside, [number])
            inside.pop()
            return number

        async def main():
            return await asyncio.gather(*(work(number) for number in range(10)))

        self.assertTrue(asyncio.iscoroutinefunction(work))
        self.assertEqual(asyncio.run(main()), list(range(10)))
        self.assertTrue(self.other.try_acquire())

    def test_properties(self):
        path = pathlib.Path(self.directory, 'missing', 'lock')

        @Lf.locked(path, backend=Lf.Backend.DIRECTORY, create_parents=True)
        def is_directory():
            return path.is_dir()

        self.assertTrue(is_directory())
        self.assertFalse(path.exists())

    def test_relative(self):
        old = os.getcwd()
        self.addCleanup(os.chdir, old)
        os.chdir(self.directory)

        @Lf.locked('relative')
        def look():
            return os.path.exists(os.path.join(self.directory, 'relative'))

        os.chdir('/')
        self.assertTrue(look())

    def test_generator(self):
        def generate():
            yield

        async def generate_async():
            yield

        for function in generate, generate_async:
            with self.assertRaises(TypeError):
                Lf.locked(self.path)(function)


class Arguments(LockTest):
    def test_timeouts(self):
        """An invalid timeout is refused before a wait begins."""
        with self.other:
            for wrong, error in ((10 ** 400, OverflowError), ('1', TypeError)):
                with self.assertRaises(error):
                    self.lock.acquire(timeout=wrong)
                self.assertFalse(self.lock.is_held())

    def test_paths(self):
        for path in self.path, self.path.encode(), pathlib.Path(self.path):
            for lock in (Lf.LockFile(path=path), Lf.LockFile.new(path),
                         Lf.LockFile.new_with_backend(path, Lf.Backend.FCNTL)):
                self.assertEqual(lock.get_path(), self.path)
        file = Gio.File.new_for_path(self.path)
        self.assertEqual(Lf.LockFile.new_for_file(file).get_path(), self.path)
        self.assertIsNone(Lf.LockFile(path=None).get_path())

    def test_document(self):
        document = pathlib.Path(self.directory, 'notes.txt')
        link = pathlib.Path(self.directory, 'link')
        link.symlink_to('notes.txt')
        for argument in document, link, str(link), bytes(link), Gio.File.new_for_path(str(link)):
            lock = Lf.LockFile.new_for_document(argument)
            self.assertEqual(lock.document.get_path(), str(document))
            self.assertEqual(lock.path, str(document.with_name('.notes.txt.lock')))
            with lock:
                self.assertTrue(lock.file.query_exists())
        self.assertIsNone(Lf.LockFile(self.path).document)
        with self.assertRaises(AttributeError):
            lock.document = None

        missing = document.with_name('none') / 'notes.txt'
        with self.assertRaises(FileNotFoundError) as raised:
            Lf.LockFile.new_for_document(missing)
        self.assertEqual(raised.exception.filename, str(missing))
        self.assertIsInstance(raised.exception, Lf.PathNotFound)
        self.assertRaises(Lf.PathError, Lf.LockFile.new_for_document,
                          Gio.File.new_for_uri('no-such-scheme://host/x'))
        self.assertRaises(ValueError, Lf.LockFile.new_for_document, 'a\0b')
        self.assertRaises(TypeError, Lf.LockFile.new_for_document, None)

    def test_not_utf8(self):
        path = os.fsencode(self.directory) + b'/\xff\xfe'
        for argument in path, os.fsdecode(path), pathlib.Path(os.fsdecode(path)):
            for lock in Lf.LockFile.new(argument), Lf.LockFile(path=argument), Lf.LockFile(
                    path=argument, backend=Lf.Backend.DIRECTORY, timeout=0):
                self.assertEqual(os.fsencode(lock.get_path()), path)
                with lock:
                    self.assertTrue(os.path.exists(path))
                if os.path.exists(path):
                    os.unlink(path)
        self.assertEqual(lock.get_backend(), Lf.Backend.DIRECTORY)

        @Lf.locked(path)
        def look():
            return os.path.exists(path)
        self.assertTrue(look())

    def test_nul(self):
        for path in self.path + '\0more', os.fsencode(self.path) + b'\0more':
            with self.assertRaises(ValueError):
                Lf.LockFile.new(path)
            with self.assertRaises(ValueError):
                Lf.LockFile.new_with_backend(path, Lf.Backend.FCNTL)
            with self.assertRaises(ValueError):
                Lf.LockFile(path=path)
            with self.assertRaises(ValueError):
                Lf.locked(path)

    def test_not_a_path(self):
        for make in Lf.LockFile.new, lambda path: Lf.LockFile(path=path):
            self.assertRaises(TypeError, make, 3)

    def test_not_a_number(self):
        """NaN does not mean an endless wait."""
        self.lock.set_timeout(math.nan)
        for lock in self.lock, Lf.LockFile(path=self.path, timeout=math.nan):
            for acquire in (lock.acquire, lock.acquire_guard, lock.acquired().__enter__,
                            Lf.locked(self.path, timeout=math.nan)(self.fail)):
                with self.assert_error(Gio.IOErrorEnum.INVALID_ARGUMENT, 'timeout'):
                    acquire()
        with Lf.LockFile(path=self.path, timeout=math.inf):
            pass
        self.assertRaises(TypeError, Lf.LockFile, path=self.path, timeout='2')

    def test_repr(self):
        self.assertEqual(repr(self.lock), f'<Lf.LockFile {self.path!r} FLOCK, not held>')
        with Lf.LockFile(path=self.path, backend=Lf.Backend.HARD_LINK) as lock:
            self.assertEqual(repr(lock), f'<Lf.LockFile {self.path!r} HARD_LINK, held>')
        self.assertEqual(repr(Lf.LockFile.new(b'/\xff')),
                         r"<Lf.LockFile '/\udcff' FLOCK, not held>")
        self.assertEqual(repr(Lf.LockFile()), '<Lf.LockFile None FLOCK, not held>')

    def test_backend(self):
        self.assertTrue(Lf.Backend.FLOCK.is_supported())
        self.assertFalse(Lf.Backend.LOCK_FILE_EX.is_supported())
        self.assertTrue(Lf.Backend.is_supported(Lf.Backend.FLOCK))
        self.assertFalse(Lf.Backend.is_supported(Lf.Backend.LOCK_FILE_EX))


class ErrorClasses(LockTest):
    BASES = {Lf.LockError: (Lf.LockFailed, Lf.AlreadyLocked, Lf.LockTimeout, Lf.WouldDeadlock),
             Lf.UnlockError: (Lf.UnlockFailed, Lf.NotLocked, Lf.NotMyLock),
             Lf.BackendError: (Lf.BackendFailed, Lf.NotSupported, Lf.InvalidLockFile)}
    CODES = {Lf.LockError: ('FAILED', 'ALREADY_LOCKED', 'TIMED_OUT', 'WOULD_DEADLOCK'),
             Lf.UnlockError: ('FAILED', 'NOT_LOCKED', 'NOT_MY_LOCK'),
             Lf.BackendError: ('FAILED', 'NOT_SUPPORTED', 'INVALID_LOCK_FILE')}

    def assert_raises(self, error_class, function, *args):
        with self.assertRaises(error_class) as raised:
            function(*args)
        self.assertIs(type(raised.exception), error_class)
        self.assertIsNone(raised.exception.__cause__)
        self.assertTrue(raised.exception.__suppress_context__)

    def test_hierarchy(self):
        for base, error_classes in self.BASES.items():
            self.assertTrue(issubclass(base, GLib.Error))
            for error_class in error_classes:
                self.assertTrue(issubclass(error_class, base))
        self.assertTrue(issubclass(Lf.LockTimeout, TimeoutError))
        self.assertFalse(issubclass(Lf.AlreadyLocked, TimeoutError))

    def test_codes(self):
        """Code that was written for the enumerations keeps working."""
        for base, names in self.CODES.items():
            enumeration = type(getattr(base, names[0]))
            self.assertEqual(base.quark(), enumeration.quark())
            self.assertEqual(base.__gtype__, enumeration.__gtype__)
            for code, name in enumerate(names):
                self.assertEqual(getattr(base, name), code)
                self.assertIs(type(base(code)), enumeration)
                self.assertIsInstance(base(code), base)
                error = GLib.Error.new_literal(base.quark(), 'message', code)
                self.assertTrue(error.matches(base.quark(), base(code)))
        self.assertNotIsInstance(Lf.UnlockError.FAILED, Lf.LockError)
        with self.assertRaises(AttributeError):
            Lf.LockError.NO_SUCH_CODE

    def test_raised_by_program(self):
        """A program can also raise these errors, and send them to another process."""
        for base, error_classes in self.BASES.items():
            for code, error_class in enumerate(error_classes):
                error = error_class('message')
                self.assertTrue(error.matches(base.quark(), code))
                self.assertEqual(error.message, 'message')
                self.assertEqual(repr(error), f"Lf.{error_class.__name__}('message')")
                error = pickle.loads(pickle.dumps(error))
                self.assertIs(type(error), error_class)
                self.assertTrue(error.matches(base.quark(), code))

    def test_lock(self):
        self.other.acquire()
        self.assert_raises(Lf.AlreadyLocked, self.lock.try_acquire)
        self.assert_raises(Lf.LockTimeout, self.lock.acquire_with_timeout, 0.01)
        self.assert_raises(Lf.WouldDeadlock, self.lock.acquire)
        self.lock.set_timeout(0)
        self.assert_raises(Lf.AlreadyLocked, self.lock.acquire)
        self.assert_raises(Lf.AlreadyLocked, self.lock.acquire_guard)
        for method in 'acquire', 'acquire_guard':
            results = []
            getattr(self.lock, method + '_async')(
                GLib.PRIORITY_DEFAULT, None, lambda lock, result: results.append(result))
            lf_testing.iterate_until(lambda: results)
            self.assert_raises(Lf.AlreadyLocked, getattr(self.lock, method + '_finish'), *results)

    def test_unlock(self):
        self.assert_raises(Lf.NotLocked, self.lock.release)
        self.other.acquire()
        self.assert_raises(Lf.NotMyLock, self.lock.release)
        results = []
        self.lock.release_async(GLib.PRIORITY_DEFAULT, None,
                                lambda lock, result: results.append(result))
        lf_testing.iterate_until(lambda: results)
        self.assert_raises(Lf.NotMyLock, self.lock.release_finish, *results)
        self.other.release()
        guard = self.lock.acquire_guard()
        self.lock.release()
        self.assert_raises(Lf.NotLocked, guard.release)

    def test_backend(self):
        lock = Lf.LockFile(path=self.path, backend=Lf.Backend.LOCK_FILE_EX)
        for method in (lock.acquire, lock.try_acquire, lock.acquire_guard, lock.is_locked,
                       lock.query_holder, lock.break_lock):
            self.assert_raises(Lf.NotSupported, method)
        os.mkdir(self.path)
        lock = Lf.LockFile(path=self.path, backend=Lf.Backend.FCNTL)
        self.assert_raises(Lf.InvalidLockFile, lock.acquire)

    def test_others(self):
        """Errors of the path itself are the same as everywhere in GLib."""
        lock = Lf.LockFile.new(os.path.join(self.directory, 'missing', 'lock'))
        with self.assert_error(Gio.IOErrorEnum.NOT_FOUND):
            with lock:
                self.fail('there is no directory')


class Lock(LockTest):
    """The override is written for the interface, so it works for each class of locks."""

    def makers(self):
        return (functools.partial(Lf.LockFile, self.path),
                functools.partial(Lf.Semaphore, self.path, 1))

    def test_blocks(self):
        for make in self.makers():
            lock, other = make(), make(timeout=0)
            with lock, lock.acquire(), lock.acquired(timeout=1):
                self.assertTrue(lock.held)
                with self.assertRaises(Lf.AlreadyLocked), other:
                    pass
            self.assertFalse(lock.held)
            guard = lock.acquire_guard()
            self.assertIs(guard.get_lock(), lock)
            with lock:
                pass
            self.assertTrue(lock.held)
            guard.release()
            with self.assertRaises(Lf.NotLocked):
                guard.release()

    def test_attributes(self):
        for make in self.makers():
            lock = make(timeout=None)
            self.assertEqual(lock.timeout, -1)
            lock.timeout = 2.5
            self.assertEqual((lock.timeout, Lf.Lock.get_timeout(lock)), (2.5, 2.5))
            Lf.Lock.set_timeout(lock, None)
            self.assertEqual(lock.timeout, -1)
            self.assertIs(lock.held, False)
            self.assertEqual(lock.get_display_name(), self.path)

    def test_locked(self):
        for make in self.makers():
            made = []

            @Lf.locked(lambda: made.append(make()) or made[-1])
            def work():
                self.assertTrue(made[-1].held)
                with self.assertRaises(Lf.AlreadyLocked):
                    make().try_acquire()
                return 5

            self.assertEqual(made, [])
            self.assertEqual((work(), work()), (5, 5))
            self.assertEqual([lock.held for lock in made], [False, False])
        with self.assertRaises(TypeError):
            Lf.locked(make, timeout=1)

    def test_errors(self):
        """The text of an error names the holder, if a class has one."""
        for make in self.makers():
            with make():
                with self.assertRaises(Lf.LockTimeout) as raised:
                    make().acquire(timeout=0.01)
                self.assertEqual(f'PID {os.getpid()}' in str(raised.exception),
                                 isinstance(make(), Lf.LockFile))
        semaphore = make()
        with self.assertRaises(Lf.NotSupported):
            semaphore.query_holder()
        with self.assertRaises(Lf.NotSupported):
            semaphore.break_lock()

    def test_not_implemented(self):
        with self.assertRaisesRegex(TypeError, 'implemented'):
            type('Mine', (GObject.Object, Lf.Lock), {})


class Semaphore(LockTest):
    def setUp(self):
        super().setUp()
        self.semaphore = Lf.Semaphore(self.path, 2)

    def test_attributes(self):
        semaphore = Lf.Semaphore(pathlib.Path(self.path), slots=3, timeout=None)
        self.assertEqual((semaphore.path, semaphore.slots, semaphore.timeout, semaphore.slot),
                         (self.path, 3, -1, 0))
        semaphore.timeout = 2.5
        self.assertEqual(semaphore.get_timeout(), 2.5)
        self.assertEqual(repr(semaphore), f'<Lf.Semaphore {self.path!r} 3 slots, not held>')
        with semaphore:
            self.assertEqual(repr(semaphore), f'<Lf.Semaphore {self.path!r} 3 slots, slot 1>')
        for slots in 0, 1025:
            with self.assertRaises(ValueError):
                Lf.Semaphore(self.path, slots)
            with self.assertRaises(ValueError):
                Lf.Semaphore.new(self.path, slots)
        with self.assertRaises(TypeError):
            type('Mine', (Lf.Semaphore,), {})
        not_utf8 = os.fsencode(self.path) + b'\xff'
        with Lf.Semaphore.new(not_utf8, 1) as semaphore:
            self.assertEqual(os.fsencode(semaphore.path), not_utf8)

    def test_with(self):
        """The outermost block releases."""
        with self.semaphore as semaphore:
            self.assertIs(semaphore, self.semaphore)
            with semaphore, semaphore.acquire(), semaphore.acquired(timeout=1):
                self.assertTrue(semaphore.held)
            self.assertTrue(semaphore.held)
            with Lf.Semaphore(self.path, 2) as second:
                self.assertEqual(second.slot, 2)
                third = Lf.Semaphore(self.path, 2, timeout=0)
                with self.assertRaises(Lf.AlreadyLocked), third:
                    pass
                with self.assertRaises(Lf.LockTimeout):
                    third.acquire(timeout=0.05)
                with self.assertRaises(Lf.AlreadyLocked):
                    third.acquire(blocking=False)
        self.assertFalse(self.semaphore.held)
        with self.assertRaises(Lf.NotLocked):
            self.semaphore.release()

    def test_threads(self):
        """Threads share the slots if each call has an object of its own."""
        inside, most = 0, 0
        mutex = threading.Lock()

        def work():
            nonlocal inside, most
            for _ in range(20):
                with Lf.Semaphore(self.path, 3):
                    with mutex:
                        inside += 1
                        most = max(most, inside)
                    time.sleep(0.001)
                    with mutex:
                        inside -= 1

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(most, 3)

    def test_path_error(self):
        with self.assertRaises(Lf.PathNotFound) as raised:
            Lf.Semaphore(os.path.join(self.path, 'none', 'x')).acquire()
        self.assertEqual(raised.exception.errno, errno.ENOENT)


class HandedOn(LockTest):
    def test_inherited(self):
        """A program that inherits the descriptor holds the lock until it ends."""
        self.lock.acquire()
        fd = self.lock.steal_fd()
        with subprocess.Popen(['cat'], stdin=subprocess.PIPE, pass_fds=(fd,)) as process:
            os.close(fd)
            with self.assertRaises(Lf.AlreadyLocked):
                self.other.try_acquire()
            process.stdin.close()
            self.other.acquire()

    def test_adopted(self):
        with open(self.path, 'w', encoding='ascii') as file:
            lock = Lf.LockFile.new_for_fd(os.dup(file.fileno()), 'fcntl')
        with lock:
            with self.assertRaises(Lf.AlreadyLocked):
                Lf.LockFile(self.path, backend='fcntl', timeout=0).acquire()
        with self.assertRaises(Lf.NotSupported):
            Lf.LockFile.new_for_fd(0, 'symlink')

    def test_convert(self):
        lock = Lf.LockFile(self.path, backend='fcntl', mode='shared', upgradable=True)
        self.assertTrue(lock.upgradable)
        with self.assertRaises(Lf.NotLocked):
            lock.try_upgrade()
        with lock:
            lock.try_upgrade()
            lock.downgrade()
            with Lf.LockFile(self.path, backend='fcntl', mode='shared'):
                with self.assertRaises(Lf.AlreadyLocked):
                    lock.try_upgrade()


class Import(LockTest):
    """`from gi.repository import Lf` works with any version of Lf."""

    GIR = '''\
        <?xml version="1.0"?>
        <repository version="1.2" xmlns="http://www.gtk.org/introspection/core/1.0"
                    xmlns:c="http://www.gtk.org/introspection/c/1.0"
                    xmlns:glib="http://www.gtk.org/introspection/glib/1.0">
          <namespace name="Lf" version="9.0" shared-library="libglib-2.0.so.0"
                     c:identifier-prefixes="Lf" c:symbol-prefixes="lf">
            <constant name="ANSWER" value="42" c:type="LF_ANSWER"><type name="gint"/></constant>
          </namespace>
        </repository>
    '''

    def run_python(self, program, **environment):
        return subprocess.run(
            [sys.executable, '-c', textwrap.dedent(program)], check=True, text=True,
            env={**os.environ, **environment}, stdout=subprocess.PIPE).stdout.strip()

    def test_another_version(self):
        gir = pathlib.Path(self.directory, 'Lf-9.0.gir')
        gir.write_text(textwrap.dedent(self.GIR))
        subprocess.run(['g-ir-compiler', '-o', gir.with_suffix('.typelib'), gir], check=True)
        printed = self.run_python('''
            import gi
            gi.require_version('Lf', '9.0')
            from gi.repository import Lf
            print(Lf.ANSWER, hasattr(Lf, 'locked'))
        ''', GI_TYPELIB_PATH=self.directory)
        self.assertEqual(printed, '42 False')

    def test_without_event_loops(self):
        """asyncio takes long to import.

        So only its users import it, such as PyGObject since 3.50."""
        printed = self.run_python('''
            import sys
            import gi
            gi.require_version('Lf', '1.0')
            from gi.repository import Gio, GLib, GObject
            sys.modules['asyncio'] = None
            from gi.repository import Lf
            with Lf.LockFile(path='%s') as lock:
                print(lock.is_held())
        ''' % self.path)
        self.assertEqual(printed, 'True')

    # After an installation, this is unnecessary
    @unittest.skipUnless((OVERRIDE.parents[2] / 'sitecustomize.py').exists(), 'not in the tree')
    def test_system_override(self):
        """In the source tree, its own override comes before one in PyGObject's directory."""
        import gi
        system = pathlib.Path(gi.__file__).parent
        copy = pathlib.Path(self.directory, 'gi')
        copy.mkdir()
        for entry in system.iterdir():
            if entry.name != 'overrides':
                (copy / entry.name).symlink_to(entry)
        (copy / 'overrides').mkdir()
        for entry in (system / 'overrides').iterdir():
            if entry.name != 'Lf.py':
                (copy / 'overrides' / entry.name).symlink_to(entry)
        (copy / 'overrides' / 'Lf.py').write_text('raise Exception("the system\'s")')
        printed = self.run_python('''
            import gi
            gi.require_version('Lf', '1.0')
            from gi.repository import Lf
            print(gi.__file__)
            print(Lf.locked.__code__.co_filename)
        ''', PYTHONPATH=f"{os.environ['PYTHONPATH']}:{self.directory}").splitlines()
        self.assertTrue(os.path.samefile(os.path.dirname(printed[0]), copy))
        self.assertTrue(os.path.samefile(printed[1], OVERRIDE))


class Types(LockTest):
    """Lf.pyi, the types for type checkers."""

    STUBS = OVERRIDE.parents[2] / 'gi-stubs'
    STUB = STUBS / 'repository' / 'Lf.pyi'

    RIGHT = '''
        import pathlib
        import gi
        gi.require_version('Lf', '1.0')  # type: ignore[no-untyped-call]
        from gi.repository import Lf

        lock = Lf.LockFile(path=pathlib.Path('x'), backend=Lf.Backend.FLOCK, timeout=None)

        def wait() -> int:
            with lock, lock.acquired(timeout=2.5) as same:
                try:
                    lock.acquire_with_timeout(None)
                except Lf.LockTimeout as error:
                    print(error.message, error.errno)
                except Lf.LockError as error:
                    error.matches(Lf.LockError.quark(), Lf.LockError.ALREADY_LOCKED)
                    print(Lf.LockError(1))  # type: ignore[arg-type]
                lock.acquire_guard_with_timeout(2.5).release()
                lock.mode = 'shared'
                lock.timeout = None
                print(lock.mode == Lf.LockMode.SHARED, lock.timeout + 1, lock.held)
                with lock.acquire(timeout=None), lock.acquire(blocking=False) as same:
                    print(same.path, Lf.LockFile('y', backend='hard-link', durable=False))
                return Lf.LockFile.new_with_backend('x', Lf.Backend.FCNTL).get_fd()

        async def wait_async() -> str:
            async with lock, lock.acquired() as same:
                await same.release_async()
            granted: bool = await lock.acquire_async()
            granted = await lock.acquire_with_timeout_async(None)
            if await lock.is_locked_async():
                await lock.break_lock_async()
            holder = await lock.query_holder_async()
            lock.acquire_async(0, None, lambda lock, result: lock.acquire_finish(result))
            return f'{granted} {Lf.Backend.FLOCK.is_supported()}' if holder else ''

        @Lf.locked(b'x', timeout=1)
        def add(a: int, b: int) -> int:
            return a + b

        sum: int = add(1, b=2)

        remote = Lf.RemoteLock('etcd://localhost/x', timeout=None, ca_file=pathlib.Path('x'))
        remote.password = 'secret'
        with remote as held:
            print(held.fencing_token + 1, held.remaining + 0.5)
    '''

    WRONG = {
        "Lf.LockFile(path=3)": 'arg-type',
        "Lf.LockFile(paht='x')": 'call-arg',
        "Lf.LockFile.new('x').set_timeout('2')": 'arg-type',
        "Lf.LockFile.new('x').acquired(timeout='2')": 'arg-type',
        "Lf.LockFile.new('x').props.held = True": 'misc',
        "Lf.LockFile('x').mode = 'wrong'": 'assignment',
        "Lf.LockFile('x', backend='none')": 'arg-type',
        "Lf.locked('x', timeout='1')": 'call-overload',
        "Lf.lokced('x')": 'attr-defined',
        "Lf.RemoteLock()": 'call-arg',
        "Lf.RemoteLock('x').fencing_token = 1": 'misc',
        # Works, as the stub explains
        "Lf.LockError(1)": 'arg-type',
    }

    def check(self, program):
        """Runs mypy with the stub where it is installed: beside PyGObject."""
        for name, directory in (('gi-stubs', self.STUBS), ('gi', pathlib.Path(gi.__file__).parent)):
            link = pathlib.Path(self.directory, name)
            if not link.exists():
                link.symlink_to(directory)
        path = pathlib.Path(self.directory, 'program.py')
        path.write_text(textwrap.dedent(program))
        return self.run_mypy(path)

    def run_mypy(self, *arguments):
        return subprocess.run(
            ['mypy', '--strict', '--python-executable', sys.executable,
             '--cache-dir', os.path.join(self.directory, 'cache'), *arguments],
            env={**os.environ, 'PYTHONPATH': self.directory}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_right(self):
        result = self.check(self.RIGHT)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_wrong(self):
        result = self.check('from gi.repository import Lf\n' + '\n'.join(self.WRONG))
        self.assertEqual([line.rpartition('[')[2].rstrip(']')
                          for line in result.stdout.splitlines() if ': error: ' in line],
                         list(self.WRONG.values()), result.stdout)

    def test_stub(self):
        """Classes of GLib are checked only if stubs for them are installed."""
        result = self.run_mypy('--ignore-missing-imports', '--allow-subclassing-any', self.STUB)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_complete(self):
        """The stub has exactly the public names."""
        def public(names):
            return {name for name in names if not name.startswith('_')}

        tree = ast.parse(self.STUB.read_text())
        defined = {node.name: node for node in tree.body
                   if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        names = public(defined) | public(node.target.id for node in tree.body
                                         if isinstance(node, ast.AnnAssign))
        there = public(dir(Lf)) - {'LockFileClass', 'LockHolderClass', 'LockInterface',
                                   'RemoteLockClass', 'SemaphoreClass'}
        self.assertEqual(names, public(name for name in there if not name.startswith('__')))

        inherited = set()
        for name in 'Lock', 'LockFile', 'RemoteLock', 'Semaphore':
            methods = {node.name for node in defined[name].body
                       if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
            attributes = {node.target.id for node in defined[name].body
                          if isinstance(node, ast.AnnAssign)}
            # The class's getter of a property is that of the interface
            self.assertEqual(public(methods | attributes) - {'props'},
                             public(vars(getattr(Lf, name))) - {'props'} - inherited)
            if name == 'Lock':
                self.assertLessEqual({'__enter__', '__exit__', '__aenter__', '__aexit__'}, methods)
                inherited = methods
        self.assertEqual(
            {node.target.id for node in defined['Backend'].body if isinstance(node, ast.AnnAssign)},
            {name for name in dir(Lf.Backend) if name.isupper()})


if __name__ == '__main__':
    sys.exit(lf_testing.run_as_tap())
