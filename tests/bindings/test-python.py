# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The library from Python.

test-javascript.js and test-vala.vala have cases with the same names, as far as the
languages allow."""

import os
import subprocess
import sys
import threading

from gi.repository import Gio, GLib

import lf_testing
from lf_testing import Lf, LockTest, PLAIN, in_a_moment, iterate_until, wait_for_waiter

OWN_PID = f'PID {os.getpid()}'


class Call:
    """An asynchronous operation, started now and finished by wait()."""

    def __init__(self, lock, operation, cancellable=None, *, arguments=(), finish=None):
        self.finish = getattr(lock, finish or operation + '_finish')
        self.result = None
        start = getattr(lock, operation + '_async')
        start(*arguments, GLib.PRIORITY_DEFAULT, cancellable, self.done_cb)

    def done_cb(self, lock, result):
        self.result = result

    def wait(self):
        iterate_until(lambda: self.result is not None)
        return self.finish(self.result)


class Sync(LockTest):
    def test_acquire_and_release(self):
        self.assertFalse(self.lock.is_held())
        self.assertFalse(self.lock.is_locked())
        self.assertEqual(self.lock.get_fd(), -1)
        self.assertTrue(self.lock.acquire())
        self.assertTrue(self.lock.is_held())
        self.assertTrue(self.lock.is_locked())
        self.assertGreaterEqual(self.lock.get_fd(), 0)
        self.assertTrue(os.path.samestat(os.fstat(self.lock.get_fd()), os.stat(self.path)))
        self.assertFalse(self.other.is_held())
        self.assertTrue(self.other.is_locked())
        self.assertTrue(self.lock.release())
        self.assertFalse(self.lock.is_held())
        self.assertFalse(self.lock.is_locked())
        self.assertEqual(self.lock.get_fd(), -1)

    def test_acquire_twice(self):
        self.lock.acquire()
        self.assertTrue(self.lock.acquire())
        self.assertTrue(self.lock.try_acquire())
        self.lock.release()
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.try_acquire())

    def test_break_lock(self):
        self.lock.acquire()
        self.assertTrue(self.other.break_lock())
        self.assertTrue(self.other.try_acquire())
        with self.assert_error(Lf.UnlockError.NOT_MY_LOCK):
            self.lock.release()
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.release())

    def test_is_locked(self):
        """An error is not mistaken for a free lock."""
        cancellable = Gio.Cancellable()
        self.assertFalse(self.lock.is_locked(cancellable))
        cancellable.cancel()
        for method in self.lock.is_locked, self.lock.break_lock:
            with self.assert_error(Gio.IOErrorEnum.CANCELLED):
                method(cancellable)

    def test_timeouts(self):
        """The timeout of one call does not change the property."""
        self.assertTrue(self.lock.acquire_with_timeout(0))
        for timeout, code in (0, Lf.LockError.ALREADY_LOCKED), (0.05, Lf.LockError.TIMED_OUT):
            for acquire in self.other.acquire_with_timeout, self.other.acquire_guard_with_timeout:
                with self.assert_error(code, self.path):
                    acquire(timeout)
        self.assertEqual(self.other.get_timeout(), -1)

    def test_version(self):
        version = Lf.get_major_version(), Lf.get_minor_version(), Lf.get_micro_version()
        self.assertEqual(version, (Lf.MAJOR_VERSION, Lf.MINOR_VERSION, Lf.MICRO_VERSION))
        self.assertEqual(Lf.VERSION_STRING, '.'.join(map(str, version)))
        self.assertIsNone(Lf.check_version(*version))
        self.assertIn('too old', Lf.check_version(version[0], version[1] + 1, 0))


class Async(LockTest):
    def test_callback(self):
        reports = []

        def acquired_cb(lock, result, data):
            reports.append((lock, lock.acquire_finish(result), data))

        self.lock.acquire_async(GLib.PRIORITY_DEFAULT, None, acquired_cb, 'data')
        self.assertEqual(reports, [])
        iterate_until(lambda: reports)
        self.assertEqual(reports, [(self.lock, True, 'data')])
        self.assertTrue(self.lock.is_held())

    def test_release(self):
        self.lock.acquire()
        self.assertTrue(Call(self.lock, 'release').wait())
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.try_acquire())

    def test_query_holder(self):
        self.assertIsNone(Call(self.lock, 'query_holder').wait())
        self.other.acquire()
        holder = Call(self.lock, 'query_holder').wait()
        self.assertEqual(holder.get_pid(), os.getpid())

    def test_timeout(self):
        """The timeout of one call affects neither the property nor other claims."""
        changes = []
        self.lock.connect('notify::timeout', lambda *_: changes.append(self.lock.get_timeout()))
        self.other.acquire()
        for timeout, code in (0, Lf.LockError.ALREADY_LOCKED), (0.05, Lf.LockError.TIMED_OUT):
            cancellable = Gio.Cancellable()
            claim = Call(self.lock, 'acquire_with_timeout', arguments=(timeout,),
                         finish='acquire_finish')
            patient = Call(self.lock, 'acquire', cancellable)
            with self.assert_error(code, self.path):
                claim.wait()
            cancellable.cancel()
            with self.assert_error(Gio.IOErrorEnum.CANCELLED):
                patient.wait()
        self.assertEqual(changes, [])
        self.other.release()
        self.assertTrue(Call(self.lock, 'acquire_with_timeout', arguments=(-1,),
                             finish='acquire_finish').wait())

    def test_guard_with_timeout(self):
        guard = Call(self.lock, 'acquire_with_timeout', arguments=(1,),
                     finish='acquire_guard_finish').wait()
        self.assertIs(guard.get_lock_file(), self.lock)
        del guard
        self.assertFalse(self.lock.is_held())

    def test_is_locked(self):
        self.assertFalse(Call(self.lock, 'is_locked').wait())
        self.other.acquire()
        self.assertTrue(Call(self.lock, 'is_locked').wait())
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        with self.assert_error(Gio.IOErrorEnum.CANCELLED):
            Call(self.lock, 'is_locked', cancellable).wait()

    def test_break_lock(self):
        self.other.acquire()
        self.assertTrue(Call(self.lock, 'break_lock').wait())
        self.assertTrue(self.lock.try_acquire())
        with self.assert_error(Lf.UnlockError.NOT_MY_LOCK):
            self.other.release()

    def test_loop_keeps_running(self):
        ticks = []

        def tick():
            ticks.append(claim.result)
            if len(ticks) == 5:
                self.other.release()
            return len(ticks) < 5

        self.other.acquire()
        claim = Call(self.lock, 'acquire')
        GLib.timeout_add(2, tick)
        self.assertTrue(claim.wait())
        self.assertEqual(ticks, [None] * 5)

    def test_shared_object(self):
        results_at_release = []

        def release():
            results_at_release.append(second.result)
            return self.lock.release()

        first = Call(self.lock, 'acquire')
        second = Call(self.lock, 'acquire')
        self.assertTrue(first.wait())
        in_a_moment(release)
        self.assertTrue(second.wait())
        self.assertEqual(results_at_release, [None])
        self.assertTrue(self.lock.is_held())

    def test_cancel(self):
        cancellable = Gio.Cancellable()
        self.other.acquire()
        claim = Call(self.lock, 'acquire', cancellable)
        in_a_moment(cancellable.cancel)
        with self.assert_error(Gio.IOErrorEnum.CANCELLED):
            claim.wait()
        self.assertFalse(self.lock.is_held())
        self.other.release()
        self.assertFalse(self.lock.is_locked())


class Errors(LockTest):
    def test_already_locked(self):
        self.other.acquire()
        with self.assert_error(Lf.LockError.ALREADY_LOCKED, self.path):
            self.lock.try_acquire()

    def test_timed_out(self):
        self.other.acquire()
        with self.assert_error(Lf.LockError.TIMED_OUT, self.path):
            self.lock.acquire_with_timeout(0.05)
        self.lock.props.timeout = 0.05
        with self.assert_error(Lf.LockError.TIMED_OUT, self.path):
            Call(self.lock, 'acquire').wait()

    def test_would_deadlock(self):
        self.other.acquire()
        with self.assert_error(Lf.LockError.WOULD_DEADLOCK):
            self.lock.acquire()

    def test_not_locked(self):
        with self.assert_error(Lf.UnlockError.NOT_LOCKED):
            Call(self.lock, 'release').wait()
        self.lock.acquire()
        self.lock.release()
        with self.assert_error(Lf.UnlockError.NOT_LOCKED):
            self.lock.release()

    def test_not_my_lock(self):
        self.other.acquire()
        with self.assert_error(Lf.UnlockError.NOT_MY_LOCK, OWN_PID):
            self.lock.release()
        self.assertTrue(self.other.is_held())

    def test_not_supported(self):
        lock = Lf.LockFile(path=self.path, backend=Lf.Backend.LOCK_FILE_EX)
        with self.assert_error(Lf.BackendError.NOT_SUPPORTED):
            lock.acquire()

    def test_invalid_lock_file(self):
        link = os.path.join(self.directory, 'link')
        os.symlink(self.path, link)
        # FLOCK can lock a directory
        for path, backend in (self.directory, Lf.Backend.FCNTL), (link, Lf.Backend.FLOCK):
            with self.assert_error(Lf.BackendError.INVALID_LOCK_FILE, path):
                Lf.LockFile.new_with_backend(path, backend).acquire()

    def test_not_found(self):
        lock = Lf.LockFile.new(os.path.join(self.directory, 'missing', 'lock'))
        with self.assert_error(Gio.IOErrorEnum.NOT_FOUND):
            lock.acquire()

    def test_pending(self):
        self.other.acquire()
        claim = Call(self.lock, 'acquire')
        with self.assert_error(Gio.IOErrorEnum.PENDING):
            self.lock.acquire()
        self.other.release()
        self.assertTrue(claim.wait())

    def test_cancelled(self):
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        with self.assert_error(Gio.IOErrorEnum.CANCELLED):
            self.lock.acquire(cancellable)
        self.assertFalse(self.lock.is_locked())

    def test_invalid_filename(self):
        remote = Gio.File.new_for_uri('no-such-scheme://host/lock')
        for lock in Lf.LockFile.new(''), Lf.LockFile.new_for_file(remote):
            with self.assert_error(Gio.IOErrorEnum.INVALID_FILENAME):
                lock.acquire()

    def test_invalid_argument(self):
        with self.assert_error(Gio.IOErrorEnum.INVALID_ARGUMENT):
            self.lock.acquire_with_timeout(float('nan'))


class Notify(LockTest):
    def setUp(self):
        super().setUp()
        self.events = []
        self.lock.connect('notify::held',
                          lambda lock, pspec: self.events.append(lock.props.held))

    def test_sync(self):
        self.lock.acquire()
        self.assertEqual(self.events, [True])
        self.lock.acquire()
        self.lock.release()
        self.assertEqual(self.events, [True, False])
        self.other.acquire()
        with self.assert_error(Lf.LockError.ALREADY_LOCKED):
            self.lock.try_acquire()
        self.assertEqual(self.events, [True, False])

    def test_async(self):
        def acquired_cb(lock, result):
            self.events.append(lock.acquire_finish(result) and 'acquired')
            lock.release_async(GLib.PRIORITY_DEFAULT, None, released_cb)

        def released_cb(lock, result):
            self.events.append(lock.release_finish(result) and 'released')

        self.other.acquire()
        self.lock.acquire_async(GLib.PRIORITY_DEFAULT, None, acquired_cb)
        in_a_moment(self.other.release)
        iterate_until(lambda: 'released' in self.events)
        self.assertEqual(self.events, [True, 'acquired', False, 'released'])


class Held(LockTest):
    def test_verify(self):
        with self.assert_error(Lf.UnlockError.NOT_LOCKED):
            self.lock.verify()
        self.lock.acquire()
        self.assertTrue(self.lock.verify())
        os.rename(self.path, self.path + '.away')
        self.other.acquire()
        with self.assert_error(Lf.UnlockError.NOT_MY_LOCK):
            self.lock.verify()
        self.assertFalse(self.lock.is_held())
        self.assertTrue(self.other.verify())

    def lose(self):
        self.assertTrue(self.lock.is_held())
        os.remove(self.path)
        iterate_until(lambda: self.reasons)
        (reason,) = self.reasons
        self.assertTrue(reason.matches(Lf.UnlockError.quark(), Lf.UnlockError.NOT_LOCKED))
        self.assertFalse(self.lock.is_held())
        self.reasons.clear()

    def test_lost(self):
        """A loss is reported after any call that acquires the lock."""
        self.reasons = []
        self.lock.set_monitor(True)
        self.lock.connect('lost', lambda lock, reason: self.reasons.append(reason))
        self.lock.try_acquire()
        self.lose()
        # The override waits in a main context of its own
        self.other.acquire()
        timer = threading.Timer(0.02, self.other.release)
        timer.start()
        self.lock.acquire_with_timeout(60)
        timer.join()
        self.lose()
        operation = Call(self.lock, 'acquire')
        self.assertTrue(operation.wait())
        self.lose()
        guard = self.lock.acquire_guard()
        self.lose()
        del guard

    def test_waiting(self):
        holders = []
        self.lock.set_notice_delay(0.01)
        self.lock.connect('waiting', lambda lock, holder: holders.append(holder.get_pid()))
        self.other.acquire()
        operation = Call(self.lock, 'acquire')
        iterate_until(lambda: holders)
        self.other.release()
        self.assertTrue(operation.wait())
        self.assertEqual(holders, [os.getpid()])


class Properties(LockTest):
    DEFAULTS = {'mode': Lf.LockMode.EXCLUSIVE, 'timeout': -1, 'remove-on-release': False,
                'create-parents': False, 'durable': True, 'file-mode': 0o666,
                'poll-interval': 0.5, 'monitor': False, 'notice-delay': -1}
    OTHERS = {'mode': Lf.LockMode.SHARED, 'timeout': 1.5, 'remove-on-release': True,
              'create-parents': True, 'durable': False, 'file-mode': 0o600,
              'poll-interval': 0.25, 'monitor': True, 'notice-delay': 0.75}

    def assert_properties(self, lock, values):
        for name, value in values.items():
            getter = getattr(lock, 'get_' + name.replace('-', '_'))
            self.assertEqual(lock.get_property(name), value, name)
            self.assertEqual(getter(), value, name)

    def test_defaults(self):
        self.assert_properties(self.lock, self.DEFAULTS)
        self.assert_properties(self.lock, {'path': self.path, 'backend': Lf.Backend.FLOCK})
        self.assertFalse(self.lock.props.held)

    def test_construction(self):
        values = {name.replace('-', '_'): value for name, value in self.OTHERS.items()}
        lock = Lf.LockFile(path=self.path, backend=Lf.Backend.SYMLINK, **values)
        self.assert_properties(lock, self.OTHERS)
        self.assert_properties(lock, {'path': self.path, 'backend': Lf.Backend.SYMLINK})

    def test_setters(self):
        notified = []
        self.lock.connect('notify', lambda lock, pspec: notified.append(pspec.name))
        for name, value in self.OTHERS.items():
            setter = getattr(self.lock, 'set_' + name.replace('-', '_'))
            notified.clear()
            setter(self.DEFAULTS[name])
            self.assertEqual(notified, [])
            setter(value)
            self.lock.set_property(name, value)
            self.assertEqual(notified, [name])
            self.assert_properties(self.lock, {name: value})
            self.lock.set_property(name, self.DEFAULTS[name])
            self.assertEqual(notified, [name, name])
        self.assert_properties(self.lock, self.DEFAULTS)

    def test_absolute_path(self):
        lock = Lf.LockFile.new('relative.lock')
        self.assertEqual(lock.get_path(), os.path.join(os.getcwd(), 'relative.lock'))

    def test_mode(self):
        self.lock.set_mode(Lf.LockMode.SHARED)
        self.other.set_mode(Lf.LockMode.SHARED)
        self.lock.acquire()
        self.assertTrue(self.other.try_acquire())
        # For the next acquire
        self.other.set_mode(Lf.LockMode.EXCLUSIVE)
        self.assertEqual(self.other.get_mode(), Lf.LockMode.EXCLUSIVE)
        third = Lf.LockFile(path=self.path, mode=Lf.LockMode.SHARED)
        self.assertTrue(third.try_acquire())
        third.release()
        self.other.release()
        with self.assert_error(Lf.LockError.ALREADY_LOCKED):
            self.other.try_acquire()

    def test_files(self):
        path = os.path.join(self.directory, 'a', 'b', 'lock')
        lock = Lf.LockFile(path=path, create_parents=True, remove_on_release=True,
                           file_mode=0o600)
        lock.acquire()
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
        lock.release()
        self.assertFalse(os.path.exists(path))
        self.lock.acquire()
        self.lock.release()
        self.assertTrue(os.path.exists(self.path))

    def test_backends(self):
        self.assertTrue(Lf.Backend.is_supported(Lf.Backend.AUTO))
        self.assertTrue(Lf.Backend.is_supported(Lf.Backend.FLOCK))
        self.assertFalse(Lf.Backend.is_supported(Lf.Backend.LOCK_FILE_EX))


class Holder(LockTest):
    def test_free(self):
        self.assertIsNone(self.lock.query_holder())
        self.lock.acquire()
        self.lock.release()
        self.assertIsNone(self.lock.query_holder())

    def test_own(self):
        application = os.path.basename(os.path.realpath(sys.executable))
        self.lock.acquire()
        for lock in self.lock, self.other:
            holder = lock.query_holder()
            self.assertEqual(holder.props.pid, os.getpid())
            self.assertEqual(holder.props.host, GLib.get_host_name())
            self.assertEqual(holder.props.application, application)
            self.assertEqual(holder.to_string(), f'{OWN_PID} ({application})')

    def test_other_process(self):
        with subprocess.Popen(['flock', self.path, '-c', 'echo held; read x'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as flock:
            self.assertEqual(flock.stdout.readline(), b'held\n')
            holder = self.lock.query_holder()
            self.assertEqual(holder.get_pid(), flock.pid)
            self.assertEqual(holder.get_host(), GLib.get_host_name())
            self.assertEqual(holder.get_application(), 'flock')
            with self.assert_error(Lf.UnlockError.NOT_MY_LOCK, f'PID {flock.pid}'):
                self.lock.release()
            with self.assert_error(Lf.LockError.TIMED_OUT, self.path):
                self.lock.acquire_with_timeout(0.05)
        self.assertIsNone(self.lock.query_holder())


class Drop(LockTest):
    def test_guard(self):
        guard = self.lock.acquire_guard()
        self.assertIs(guard.get_lock_file(), self.lock)
        self.assertTrue(self.lock.is_held())
        del guard
        self.assertFalse(self.lock.is_held())

    def test_guard_too_late(self):
        guard = self.lock.acquire_guard()
        self.lock.release()
        self.lock.acquire()
        del guard
        self.assertTrue(self.lock.is_held())

    def test_guard_release(self):
        """It reports errors, and the guard's end then does nothing."""
        events = []
        self.lock.connect('notify::held', lambda *_: events.append(self.lock.is_held()))
        guard = self.lock.acquire_guard_with_timeout(-1)
        self.assertTrue(guard.release())
        self.assertEqual(events, [True, False])
        with self.assert_error(Lf.UnlockError.NOT_LOCKED):
            guard.release()
        self.lock.acquire()
        del guard
        self.assertTrue(self.lock.is_held())
        self.lock.release()

        guard = self.lock.acquire_guard()
        self.other.break_lock()
        self.other.acquire()
        with self.assert_error(Lf.UnlockError.NOT_MY_LOCK, OWN_PID):
            guard.release()
        self.assertFalse(self.lock.is_held())

    def test_guard_end_is_silent(self):
        events = []
        self.lock.connect('notify::held', lambda *_: events.append(self.lock.is_held()))
        guard = self.lock.acquire_guard()
        del guard
        self.assertFalse(self.lock.is_held())
        self.assertEqual(events, [True])

    def test_guard_async(self):
        guard = Call(self.lock, 'acquire_guard').wait()
        self.assertTrue(guard.get_lock_file().is_held())
        del guard
        self.assertTrue(self.other.try_acquire())

    def test_last_reference(self):
        self.lock.acquire()
        del self.lock
        self.assertTrue(self.other.try_acquire())


class Paths(LockTest):
    def test_file(self):
        file = Gio.File.new_for_path(self.path)
        lock = Lf.LockFile.new_for_file(file)
        self.assertEqual(lock.get_path(), self.path)
        self.assertTrue(lock.get_file().equal(file))

    def test_document(self):
        path = os.path.join(self.directory, 'notes.txt')
        link = os.path.join(self.directory, 'link')
        os.symlink('notes.txt', link)
        lock = Lf.LockFile.new_for_document(Gio.File.new_for_path(link))
        self.assertEqual(lock.get_document().get_path(), path)
        self.assertEqual(lock.props.document.get_path(), path)
        self.assertEqual(lock.get_path(), os.path.join(self.directory, '.notes.txt.lock'))
        self.assertTrue(lock.get_remove_on_release())
        lock.acquire()
        lock.release()
        self.assertIsNone(self.lock.get_document())

        missing = Gio.File.new_for_path(os.path.join(link, 'none', 'notes.txt'))
        with self.assertRaises(GLib.Error) as raised:
            Lf.LockFile.new_for_document(missing)
        self.assertTrue(raised.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND))

    def test_with_backend(self):
        lock = Lf.LockFile.new_with_backend(self.path, Lf.Backend.DIRECTORY)
        self.assertEqual(lock.get_path(), self.path)
        self.assertEqual(lock.get_backend(), Lf.Backend.DIRECTORY)
        lock.acquire()
        self.assertTrue(os.path.isdir(self.path))
        lock.release()

    def test_not_ascii(self):
        path = os.path.join(self.directory, 'Schloß 錠')
        for lock in (Lf.LockFile.new(path), Lf.LockFile.new(path.encode()),
                     Lf.LockFile(path=path)):
            self.assertEqual(lock.get_path(), path)
            self.assertEqual(lock.props.path, path)

    def test_not_utf8(self):
        path = os.fsencode(self.directory) + b'/\xff\xfe'
        for argument in path, os.fsdecode(path):
            lock = Lf.LockFile.new(argument)
            self.assertEqual(os.fsencode(lock.get_path()), path)
            lock.acquire()
            self.assertTrue(os.path.exists(path))
            lock.release()

    def test_nul(self):
        for path in self.path + '\0more', os.fsencode(self.path) + b'\0more':
            with self.assertRaises(ValueError):
                Lf.LockFile.new(path)
        if PLAIN:
            # PyGObject ends strings for properties at a NUL, which the library does not
            # notice
            lock = Lf.LockFile(path=self.path + '\0more')
            self.assertEqual(lock.get_path(), self.path)


class Threads(LockTest):
    def wait_in_thread(self, work):
        self.other.acquire()
        thread = threading.Thread(target=work)
        thread.start()
        wait_for_waiter(self.path)
        self.other.release()
        thread.join()
        return thread

    def test_own_context(self):
        reports = []

        def acquired_cb(lock, result):
            reports.append((lock.acquire_finish(result), threading.current_thread()))

        def work():
            context = GLib.MainContext.new()
            context.push_thread_default()
            self.lock.acquire_async(GLib.PRIORITY_DEFAULT, None, acquired_cb)
            iterate_until(lambda: reports, context)
            context.pop_thread_default()

        thread = self.wait_in_thread(work)
        self.assertEqual(reports, [(True, thread)])

    def test_others_run(self):
        results = []
        self.wait_in_thread(lambda: results.append(self.lock.acquire()))
        self.assertEqual(results, [True])

    def test_shared_object(self):
        """The holding thread can acquire again at once; other threads wait."""
        results = []

        def work():
            with self.assert_error(Lf.LockError.ALREADY_LOCKED):
                self.lock.try_acquire()
            with self.assert_error(Lf.LockError.TIMED_OUT):
                self.lock.acquire_with_timeout(0.05)
            waits.set()
            self.lock.acquire()
            results.append(self.lock.is_held_by_thread())
            self.lock.release()

        waits = threading.Event()
        self.lock.acquire()
        thread = threading.Thread(target=work)
        thread.start()
        waits.wait()
        self.assertTrue(self.lock.try_acquire())
        self.assertEqual(results, [])
        self.lock.release()
        thread.join()
        self.assertEqual(results, [True])


class Semaphore(LockTest):
    def test_slots(self):
        first, second, third = (Lf.Semaphore.new(self.path, 2) for _ in range(3))
        self.assertEqual((first.get_path(), first.get_slots()), (self.path, 2))
        self.assertTrue(first.acquire())
        self.assertTrue(second.try_acquire())
        self.assertEqual((first.get_slot(), second.get_slot(), third.get_slot()), (1, 2, 0))
        with self.assert_error(Lf.LockError.ALREADY_LOCKED):
            third.try_acquire()
        with self.assert_error(Lf.LockError.TIMED_OUT, self.path):
            third.acquire_with_timeout(0.05)
        first.release()
        self.assertFalse(first.is_held())
        self.assertTrue(third.acquire())
        with self.assert_error(Lf.UnlockError.NOT_LOCKED):
            first.release()

    def test_async(self):
        held, waiting = (Lf.Semaphore.new(self.path, 1) for _ in range(2))
        results = []
        held.acquire()
        in_a_moment(held.release)
        waiting.acquire_async(GLib.PRIORITY_DEFAULT, None, lambda semaphore, result: results.append(
            semaphore.acquire_finish(result)))
        iterate_until(lambda: results)
        self.assertTrue(waiting.is_held())
        waiting.release_async(GLib.PRIORITY_DEFAULT, None, lambda semaphore, result: results.append(
            semaphore.release_finish(result)))
        iterate_until(lambda: len(results) == 2)
        self.assertEqual(results, [True, True])
        self.assertFalse(waiting.is_held())


class Lock(LockTest):
    """Each class of locks, with the methods of the interface."""

    def pairs(self):
        return ((self.lock, self.other),
                tuple(Lf.Semaphore.new(self.path, 1) for _ in range(2)))

    def test_sync(self):
        for lock, other in self.pairs():
            self.assertIsInstance(lock, Lf.Lock)
            self.assertEqual(Lf.Lock.get_display_name(lock), self.path)
            Lf.Lock.set_timeout(lock, 0)
            self.assertEqual((Lf.Lock.get_timeout(lock), lock.props.timeout), (0, 0))
            self.assertTrue(Lf.Lock.acquire(lock))
            self.assertTrue(Lf.Lock.is_held(lock) and Lf.Lock.is_acquired_by_thread(lock))
            self.assertTrue(Lf.Lock.verify(lock))
            with self.assert_error(Lf.LockError.ALREADY_LOCKED):
                Lf.Lock.try_acquire(other)
            with self.assert_error(Lf.LockError.TIMED_OUT, self.path):
                Lf.Lock.acquire_with_timeout(other, 0.01)
            self.assertTrue(Lf.Lock.release(lock))
            with self.assert_error(Lf.UnlockError.NOT_LOCKED):
                lock.release()

    def test_guard(self):
        for lock, other in self.pairs():
            guard = Lf.Lock.acquire_guard(lock)
            self.assertIs(guard.get_lock(), lock)
            self.assertIs(guard.get_lock_file(), lock if lock is self.lock else None)
            self.assertTrue(lock.is_held())
            del guard
            self.assertFalse(lock.is_held())

    def test_async(self):
        for lock, other in self.pairs():
            results = []
            Lf.Lock.acquire_async(lock, GLib.PRIORITY_DEFAULT, None, lambda lock, result:
                                  results.append(Lf.Lock.acquire_finish(lock, result)))
            iterate_until(lambda: results)
            Lf.Lock.release_async(lock, GLib.PRIORITY_DEFAULT, None, lambda lock, result:
                                  results.append(lock.release_finish(result)))
            iterate_until(lambda: len(results) == 2)
            self.assertEqual(results, [True, True])

    def test_holder(self):
        semaphore = Lf.Semaphore.new(self.path, 1)
        self.lock.acquire()
        self.assertEqual(Lf.Lock.query_holder(self.lock).get_pid(), os.getpid())
        self.assertTrue(Lf.Lock.is_locked(self.lock))
        self.assertTrue(Lf.Lock.break_lock(self.other))
        for method in semaphore.query_holder, semaphore.is_locked, semaphore.break_lock:
            with self.assert_error(Lf.BackendError.NOT_SUPPORTED):
                method()

    def test_lost(self):
        lost = []
        self.lock.connect('lost', lambda lock, reason: lost.append(reason))
        self.lock.set_monitor(True)
        self.lock.acquire()
        self.other.break_lock()
        iterate_until(lambda: lost)
        self.assertTrue(lost[0].matches(Lf.UnlockError.quark(), Lf.UnlockError.NOT_LOCKED))


class HandedOn(LockTest):
    def test_steal(self):
        self.assertEqual(self.lock.steal_fd(), -1)
        self.lock.acquire()
        fd = self.lock.steal_fd()
        self.assertFalse(self.lock.is_held())
        adopted = Lf.LockFile.new_for_fd(fd, Lf.Backend.FLOCK)
        with self.assert_error(Lf.LockError.ALREADY_LOCKED):
            self.other.try_acquire()
        self.assertTrue(adopted.try_acquire())
        adopted.release()
        self.assertTrue(self.other.try_acquire())
        with self.assert_error(Lf.BackendError.NOT_SUPPORTED):
            Lf.LockFile.new_for_fd(0, Lf.Backend.SYMLINK)

    def test_convert(self):
        first, second = (Lf.LockFile.new_with_backend(self.path, Lf.Backend.FCNTL)
                         for _ in range(2))
        for lock in first, second:
            lock.set_mode(Lf.LockMode.SHARED)
            lock.set_upgradable(True)
            lock.acquire()
        with self.assert_error(Lf.LockError.ALREADY_LOCKED):
            first.try_upgrade()
        second.release()
        self.assertTrue(first.try_upgrade())
        with self.assert_error(Lf.LockError.ALREADY_LOCKED):
            second.try_acquire()
        self.assertTrue(first.downgrade())
        self.assertTrue(second.try_acquire())
        self.lock.acquire()
        with self.assert_error(Lf.BackendError.NOT_SUPPORTED):
            self.lock.downgrade()


if __name__ == '__main__':
    sys.exit(lf_testing.run_as_tap())
