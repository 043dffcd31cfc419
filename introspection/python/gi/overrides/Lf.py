# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What Lf has in Python in addition to its introspection data.

The classes get new methods, and existing methods accept more arguments, but nothing
works differently than before: code that was written for the introspection data alone
keeps working. This module imports nothing that a Python may lack, and leaves other
versions of Lf as they are.
"""

import collections
import contextlib
import errno
import functools
import inspect
import itertools
import os
import signal
import sys
import threading
import types
import weakref

from gi.repository import Gio, GLib, GObject

from ..module import get_introspection_module

Lf = get_introspection_module('Lf')

__all__ = []


# Errors ---------------------------------------------------------------------------

class _ErrorType(type(GLib.Error)):
    """The type of an error class that also stands for the enumeration of its codes."""

    def __getattr__(cls, name):
        if name == '_codes':
            raise AttributeError(name)
        return getattr(cls._codes, name)

    @property
    def __gtype__(cls):
        return GLib.Error.__gtype__ if cls._code is not None else cls._codes.__gtype__

    def __call__(cls, *args, **kwargs):
        if cls._code is None and len(args) == 1 and isinstance(args[0], int):
            return cls._codes(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance):
        if super().__instancecheck__(instance):
            return True
        return cls._code is None and isinstance(instance, cls._codes)


class _Error(GLib.Error):
    """Base class of the errors. The message is a sentence in the user's language."""

    # What makes an object like that of an attempt that found the lock held
    _attempt = None
    _text = None

    def __init__(self, message='', domain=None, code=None):
        cls = type(self)
        if code is None:
            code = cls._code or 0
        super().__init__(message, domain or GLib.quark_to_string(cls._quark()), int(code))

    @classmethod
    def _quark(cls):
        return cls._codes.quark()

    def __repr__(self):
        return f'Lf.{type(self).__name__}({self.message!r})'

    def __str__(self):
        """The message. If the attempt did not learn who holds the lock, names the current
        holder."""
        if self._attempt is not None:
            attempt, self._attempt = self._attempt, None
            with contextlib.suppress(GLib.Error):
                self._text = _get_text_with_holder(self, attempt())
        return self.message if self._text is None else self._text


class PathError(_Error, OSError):
    """The path of a lock file cannot be used. `errno` says why, and `filename` is the path."""

    _codes = Gio.IOErrorEnum
    _code = None

    @classmethod
    def _quark(cls):
        return Gio.io_error_quark()


class PathNotFound(PathError, FileNotFoundError):
    """The directory does not exist, or a file that must exist."""

    _code = Gio.IOErrorEnum.NOT_FOUND


class PathNotPermitted(PathError, PermissionError):
    """The permissions of the path do not allow it."""

    _code = Gio.IOErrorEnum.PERMISSION_DENIED


class PathNotDirectory(PathError, NotADirectoryError):
    """A part of the path is not a directory."""

    _code = Gio.IOErrorEnum.NOT_DIRECTORY


class OperationError(_Error):
    """GIO reported that an operation failed. Base class of the two below."""

    _codes = Gio.IOErrorEnum
    _code = None

    @classmethod
    def _quark(cls):
        return Gio.io_error_quark()


class Cancelled(OperationError):
    """The operation was cancelled by its Gio.Cancellable."""

    _code = Gio.IOErrorEnum.CANCELLED


class OperationPending(OperationError):
    """The call would wait for another operation on the object, and keep it from finishing."""

    _code = Gio.IOErrorEnum.PENDING


_error_classes = {}

# GIO's codes for failures of a path
_ERRNOS = {
    'NOT_FOUND': errno.ENOENT, 'PERMISSION_DENIED': errno.EACCES, 'READ_ONLY': errno.EROFS,
    'NOT_DIRECTORY': errno.ENOTDIR, 'IS_DIRECTORY': errno.EISDIR, 'EXISTS': errno.EEXIST,
    'NO_SPACE': errno.ENOSPC, 'FILENAME_TOO_LONG': errno.ENAMETOOLONG,
    'TOO_MANY_LINKS': errno.ELOOP, 'TOO_MANY_OPEN_FILES': errno.EMFILE,
    'INVALID_FILENAME': errno.EINVAL, 'NOT_EMPTY': errno.ENOTEMPTY, 'BUSY': errno.EBUSY,
    'NOT_REGULAR_FILE': errno.EINVAL,
}
_ERRNOS = {int(getattr(Gio.IOErrorEnum, name)): number for name, number in _ERRNOS.items()}


def _export(error_class, domain, code):
    error_class.__module__ = 'gi.repository.Lf'
    _error_classes[domain, code] = error_class
    globals()[error_class.__name__] = error_class
    if error_class.__name__ not in __all__:
        __all__.append(error_class.__name__)


def _add_errors(name, documentation, bases_by_code):
    """Makes a class for an enumeration of errors, and a subclass for each code."""
    codes = getattr(Lf, name)
    domain = GLib.quark_to_string(codes.quark())
    base = _ErrorType(name, (_Error,),
                      {'_codes': codes, '_code': None, '__doc__': documentation})
    _export(base, domain, None)
    for code_name, (class_name, code_documentation, *others) in bases_by_code.items():
        code = int(getattr(codes, code_name))
        _export(_ErrorType(class_name, (base, *others),
                           {'_code': code, '__doc__': code_documentation}), domain, code)


def _add_gio_errors():
    domain = GLib.quark_to_string(Gio.io_error_quark())
    for code in _ERRNOS:
        _export(PathError, domain, code)
    for error_class in (PathNotFound, PathNotPermitted, PathNotDirectory, Cancelled,
                        OperationPending):
        _export(error_class, domain, int(error_class._code))
    _export(OperationError, domain, None)


def _translated(error, lock=None):
    """The same error with its own class, unless it is neither from the library nor from GIO.
    Its traceback begins where it is raised."""
    error_class = (_error_classes.get((error.domain, error.code)) or
                   _error_classes.get((error.domain, None)))
    if error_class is None or isinstance(error, error_class):
        return error.with_traceback(None)

    get_path = getattr(lock, 'get_path', None)
    if lock is not None and get_path is None and issubclass(error_class, PathError):
        error_class = OperationError
    error = error_class(error.message, error.domain, error.code)
    if issubclass(error_class, (AlreadyLocked, LockTimeout)):
        # Not the lock itself, which the error would keep alive
        error._attempt = getattr(lock, '_get_maker', lambda: None)()
    elif get_path is not None and issubclass(error_class, PathError):
        _add_path(error, get_path())
    return error


def _add_path(error, path):
    error.errno = _ERRNOS[error.code]
    error.strerror = os.strerror(error.errno)
    error.filename = path


def _gettext(message):
    return GLib.dgettext('lockfile-glib-1.0', message)


def _get_text_with_holder(error, lock):
    """Finds out the holder if the message names none. Returns None if there is no holder."""
    message = ('Timed out waiting to lock %s' if isinstance(error, LockTimeout) else
               '%s is locked already')
    if error.message != _gettext(message) % lock.get_display_name():
        return None
    holder = _original.query_holder(lock)
    if holder is None:
        return None
    return _gettext('%s: held by %s') % (error.message, holder.to_string())


def _translating(name, cls):
    """The method with that name, raising our error classes."""
    function = getattr(_original, name)

    def method(self, *args, **kwargs):
        try:
            return function(self, *args, **kwargs)
        except GLib.Error as error:
            raise _translated(error, self) from None
    return _described(method, name, cls)


# Arguments ------------------------------------------------------------------------

def _path_to_bytes(path):
    path = os.fsencode(path)
    if b'\0' in path:
        raise ValueError('embedded null byte')
    return path


def _path_property(path):
    """The property for a path: string properties are always UTF-8."""
    path = _path_to_bytes(path)
    try:
        return {'path': path.decode('utf-8')}
    except UnicodeDecodeError:
        return {'file': Gio.File.new_for_path(path)}


def _seconds(timeout):
    # Fails if it is not a number, or too large, before anything is called in C
    return -1.0 if timeout is None else 1.0 * timeout


def _slots(slots):
    # GLib would only warn, and use another number
    if not 1 <= slots <= 1024:
        raise ValueError('the number of slots must be between 1 and 1024')
    return slots


def _lease_duration(seconds):
    # The same
    if not 2 <= seconds <= 86400:
        raise ValueError('the duration of a lease must be between 2 and 86400 seconds')
    return seconds


def _optional_path(path):
    return None if path is None else _path_to_bytes(path)


def _member(enumeration, value):
    """A member of an enumeration, which may also be given as a string, such as "shared"."""
    if not isinstance(value, str):
        return value
    members = {member.value_nick: member for member in enumeration.__enum_values__.values()}
    nick = value.lower().replace('_', '-')
    if nick not in members:
        raise ValueError(f'{value!r} is none of: {", ".join(members)}')
    return members[nick]


class _Linked:
    """A cancellable that is cancelled together with the caller's."""

    def __init__(self, cancellable):
        self.cancellable = Gio.Cancellable()
        self._callers = cancellable

    def __enter__(self):
        if self._callers is not None:
            self._handler = GObject.Object.connect(self._callers, 'cancelled', self._on_cancelled)
            if self._callers.is_cancelled():
                self.cancellable.cancel()
        return self

    def __exit__(self, *exception):
        if self._callers is not None:
            GObject.Object.disconnect(self._callers, self._handler)

    def _on_cancelled(self, cancellable):
        self.cancellable.cancel()


# Waits that a signal ends ---------------------------------------------------------
#
# Python runs signal handlers in the main thread, after a call into C has returned. So
# the main thread does not wait in acquire(). It iterates a main context of its own, in
# which acquire_with_timeout_async() reports. Python also writes the number of each signal
# to a descriptor at once, and the main context polls that descriptor.
#
# A handler can raise an exception after any call, but not between setting a flag and the
# following call into C, as long as no Python code runs in between. So these pairs are
# done completely or not at all. Everything else may be done twice.

# PyGObject's own method looks for an event loop since 3.50. That takes Python code, which
# drops exceptions of signal handlers, and may leave an event loop behind
_iterate = GLib.MainContext.__base__.iteration
_set_wakeup_fd = functools.partial(signal.set_wakeup_fd, warn_on_full_buffer=False)
_PRIORITY = GLib.PRIORITY_DEFAULT
# This many signal handlers may raise during the clean-up
_MAX_SIGNALS = 100


def _use_pipe(use, lock):
    """Calls a function of C with the iterable descriptors of a new pipe: whatever a handler
    of a signal raises, none is lost between two steps of Python."""
    try:
        use(itertools.chain.from_iterable(itertools.starmap(os.pipe, ((),))))
    except OSError as error:
        message = _gettext('Cannot lock %s: %s') % (lock.get_display_name(), error.strerror)
        raise GLib.Error.new_literal(Gio.io_error_quark(), message,
                                     Gio.io_error_from_errno(error.errno)) from None


def _close(fds):
    # Closes in C, as far as the iterator is not consumed
    collections.deque(map(os.close, fds), 0)


def _new_context(lock):
    """GLib ends the process if a main context does not get its descriptors."""
    _use_pipe(_close, lock)
    return GLib.MainContext.new()


class _InterruptibleWait:
    def __init__(self, lock, timeout, cancellable, finish):
        self.lock = lock
        self.timeout = timeout
        self.acquire_async = _original.acquire_with_timeout_async
        self.finish = finish
        self.cancellable = cancellable
        self.context = _new_context(lock)
        self.fds = []
        self.unclosed_fds = None
        self.others_fds = []
        self.signals = bytearray()
        self.is_pushed = False
        self.is_started = False
        self.reports = {}

    def run(self):
        error = None
        try:
            self.watch_signals()
            self.start()
            self.end_start()
            while not self.reports:
                _iterate(self.context, True)
                self.read_signals()
                self.check()
        finally:
            for _ in range(_MAX_SIGNALS):
                try:
                    self.clean_up()
                    break
                except BaseException as raised:
                    error = raised
            if error is not None:
                raise error
        return self.finish(self.lock, self.reports[self.lock])

    def watch_signals(self):
        _use_pipe(self.fds.extend, self.lock)
        read_fd, write_fd = self.fds
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        self.poll_fd = GLib.PollFD(read_fd, GLib.IOCondition.IN)
        self.context.add_poll(self.poll_fd, _PRIORITY)
        # This call also stores its result
        self.others_fds.extend(map(_set_wakeup_fd, (write_fd,)))

    def read_signals(self):
        with contextlib.suppress(BlockingIOError):
            self.signals.extend(*map(os.read, self.fds[:1], (1024,)))

    def start(self):
        # The callback must not be Python code, since an exception of a signal handler would
        # be lost in it. setdefault() takes the lock file and the result.
        arguments = (self.lock, self.timeout, _PRIORITY, self.cancellable,
                     self.reports.setdefault)
        acquire_async = self.acquire_async

        self.is_pushed = True
        self.context.push_thread_default()
        self.is_started = True
        acquire_async(*arguments)

    def end_start(self):
        if self.is_pushed:
            self.is_pushed = False
            self.context.pop_thread_default()

    def check(self):
        # The signal handlers have run. But PyGObject's handlers, which raise only after
        # their main loop has returned, have not ended anything.
        handler = signal.getsignal(signal.SIGINT)
        is_main_loops = getattr(handler, '__module__', '') == 'gi._ossighelper'
        if is_main_loops and signal.SIGINT in self.signals:
            raise KeyboardInterrupt

    def clean_up(self):
        self.end_start()
        # Only the report proves that the lock is not held
        while self.is_started and not self.reports:
            self.cancellable.cancel()
            _iterate(self.context, True)
        if self.others_fds:
            signal.set_wakeup_fd(self.others_fds[0])
            if self.unclosed_fds is None:
                self.read_signals()
            self.tell_others()
        # Cleaning up may be interrupted, and repeated
        if self.unclosed_fds is None:
            self.unclosed_fds = iter(self.fds)
        _close(self.unclosed_fds)

    def tell_others(self):
        """Passes the signals on, since a main loop may wait for them too."""
        if self.others_fds[0] >= 0 and self.signals:
            with contextlib.suppress(OSError):
                signals, self.signals = self.signals, bytearray()
                os.write(self.others_fds[0], signals)


def _acquire_in_main_thread(lock, timeout, cancellable, acquire, finish):
    if isinstance(lock, _local_classes):
        try:
            return acquire(lock, 0, cancellable)
        except GLib.Error as error:
            if not error.matches(Lf.LockError.quark(), Lf.LockError.ALREADY_LOCKED):
                raise
    if timeout < 0 and cancellable is None and isinstance(lock, Lf.LockFile) and not lock.is_held():
        # This thread holds it through another object. If no other thread could release it,
        # this raises WouldDeadlock at once.
        if lock.is_held_by_thread() and threading.active_count() == 1:
            return acquire(lock, timeout, None)
    with _Linked(cancellable) as linked:
        return _InterruptibleWait(lock, timeout, linked.cancellable, finish).run()


def _acquire(lock, timeout, cancellable, with_guard=False, was_held=None):
    acquire = _original.acquire_guard_with_timeout if with_guard else _original.acquire_with_timeout
    finish = _original.acquire_guard_finish if with_guard else _original.acquire_finish
    may_wait = timeout < 0 or timeout > 0 or not isinstance(lock, _local_classes)
    is_main = threading.current_thread() is threading.main_thread()
    if was_held is None:
        was_held = is_main and _original.is_acquired_by_thread(lock)

    # Between the call that gets the lock and the return to the caller, there must be no
    # other call that returns: a signal handler could raise there, and nobody would release
    # the lock
    try:
        _check_operations(lock)
        if may_wait and is_main:
            return _acquire_in_main_thread(lock, timeout, cancellable, acquire, finish)
        return acquire(lock, timeout, cancellable)
    except GLib.Error as error:
        raise _translated(error, lock) from None
    except BaseException as error:
        # A signal handler raised this just after the lock was granted
        if is_main and not was_held and _original.is_acquired_by_thread(lock):
            with contextlib.suppress(GLib.Error):
                _original.release(lock)
        raise _get_lost_exception(error)


def _get_lost_exception(error):
    """The exception of a signal handler that ran while PyGObject made a GLib.Error.

    PyGObject only prints it."""
    if type(error) is RuntimeError and 'GError' in str(error):
        return getattr(sys, 'last_value', error)
    return error


# Awaitables -----------------------------------------------------------------------
#
# asyncio's event loops do not iterate a main context, except for PyGObject's. With other
# event loops, each operation gets a main context of its own. A thread polls it, and passes
# it to the event loop when there is something to dispatch. So callbacks and notifications
# run in the thread of the event loop, and nothing wakes up before.

class _PollOnly(GLib.Source):
    """Ends a thread's iterations of a main context before they dispatch anything.

    After each poll, this source is ready before all others.
    """

    def __init__(self):
        super().__init__()
        self._thread = threading.get_ident()
        # Also before the report of a lost lock, which is before everything else
        self.set_priority(GLib.MININT)

    def prepare(self):
        return False, -1

    def check(self):
        return threading.get_ident() == self._thread

    def dispatch(self, callback, args):
        return True


def _check_operations(lock):
    """Raises the library's error for a wait that would never end.

    The library does not notice this case, since another thread polls the main context of
    the operation."""
    operations = lock.__dict__.get('_operations')
    if not operations or _original.is_acquired_by_thread(lock):
        return
    if threading.get_ident() in operations:
        message = _gettext('Another operation on the lock file object of %s is not finished')
        raise GLib.Error.new_literal(Gio.io_error_quark(), message % lock.get_display_name(),
                                     Gio.IOErrorEnum.PENDING)


class _Polled:
    """A main context that a thread polls, and whose sources an event loop dispatches."""

    def let_loop_dispatch(self):
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.dispatch)
            # A closed event loop forgets its pending calls
            while not self.turn.acquire(timeout=1) and not self.is_loop_gone():
                pass

    def is_loop_gone(self):
        return self.loop.is_closed()

    def dispatch(self):
        while _iterate(self.context, False):
            pass
        self.turn.release()


def _is_monitored(lock):
    if isinstance(lock, Lf.LockFile):
        return lock.get_monitor()
    return not isinstance(lock, Lf.Semaphore)


class _LossPoll(_Polled):
    """Polls the main context that gets the report of a lost lock, while the lock is held."""

    def __init__(self, lock, context, loop, previous):
        self.context = context
        self.previous = previous
        self.loop = loop
        self.turn = threading.Semaphore(0)
        self.ended = False
        self.lock = weakref.ref(lock, self.end)
        threading.Thread(target=self.poll, name='Lf lost', daemon=True).start()
        self.handler = lock.connect('notify::held', self.on_held)

    def on_held(self, lock, pspec):
        if not lock.is_held():
            lock.disconnect(self.handler)
            self.end()

    def end(self, *reference):
        self.ended = True
        self.context.wakeup()

    def poll(self):
        # PyGObject could free a source that the other thread's iteration still uses
        self.previous.join()
        poll_only = _PollOnly()
        poll_only.attach(self.context)
        while not self.ended and not self.is_loop_gone():
            _iterate(self.context, True)
            self.let_loop_dispatch()
        poll_only.destroy()


class _Operation(_Polled):
    """An asynchronous method, with a future of asyncio for its end."""

    def __init__(self, lock, name, io_priority, cancellable, timeout):
        import asyncio

        self.loop = asyncio.get_running_loop()
        self.future = self.loop.create_future()
        self.cancellable = cancellable
        self.lock = lock
        self.name = name
        self.timeout = timeout
        self.reported = False
        self.abandoned = False
        self.value = None
        self.error = None
        self.operations = None

        self.context = GLib.MainContext.ref_thread_default()
        if getattr(self.loop, '_context', None) == self.context:
            self.start(io_priority)
        else:
            self.start_in_own_context(io_priority)

    def start(self, io_priority):
        if self.timeout is None:
            start = getattr(_original, self.name + '_async')
            start(self.lock, io_priority, self.cancellable, self.on_reported)
        else:
            _original.acquire_with_timeout_async(
                self.lock, self.timeout, io_priority, self.cancellable, self.on_reported)

    def start_in_own_context(self, io_priority):
        self.context = _new_context(self.lock)
        self.turn = threading.Semaphore(0)
        # First, since it can fail
        self.poll_thread = threading.Thread(target=self.poll, name=f'Lf {self.name}', daemon=True)
        self.poll_thread.start()
        self.context.push_thread_default()
        try:
            self.start(io_priority)
        except BaseException:
            self.reported = True
            raise
        finally:
            self.context.pop_thread_default()
            self.turn.release()
        if self.name in ('acquire', 'acquire_guard', 'release'):
            # One entry per operation
            self.operations = self.lock.__dict__.setdefault('_operations', [])
            self.thread = threading.get_ident()
            self.operations.append(self.thread)

    def poll(self):
        self.turn.acquire()
        poll_only = _PollOnly()
        poll_only.attach(self.context)
        while not self.reported and not self.is_loop_gone():
            _iterate(self.context, True)
            self.let_loop_dispatch()
        poll_only.destroy()
        if not self.reported:
            self.abandon()
            while not self.reported:
                _iterate(self.context, True)

    def on_reported(self, lock, result):
        self.reported = True
        if self.operations is not None:
            self.operations.remove(self.thread)
        try:
            self.value = self.finish(lock, result)
        except GLib.Error as error:
            self.error = _translated(error, lock)

        if not self.abandoned:
            self.future.set_result(None)
        elif self.error is None:
            self.undo()

    def finish(self, lock, result):
        finish = getattr(_original, self.name + '_finish')
        if self.operations is None or self.name == 'release' or not _is_monitored(lock):
            return finish(lock, result)

        # A loss is reported in this context, if a thread can be started that polls it
        self.context.push_thread_default()
        try:
            value = finish(lock, result)
        finally:
            self.context.pop_thread_default()
        with contextlib.suppress(RuntimeError):
            _LossPoll(lock, self.context, self.loop, self.poll_thread)
        return value

    def abandon(self):
        """Nobody waits for the operation any longer."""
        self.abandoned = True
        self.cancellable.cancel()
        if self.reported and self.error is None:
            self.undo()

    def undo(self):
        self.value = None
        if self.name == 'acquire':
            with contextlib.suppress(GLib.Error):
                _original.release(self.lock)


async def _run(lock, name, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, timeout=None):
    import asyncio

    cancelled = None
    with _Linked(cancellable) as linked:
        try:
            operation = _Operation(lock, name, io_priority, linked.cancellable, timeout)
        except (RuntimeError, OSError, GLib.Error) as error:
            # No lock may stay because a thread or a descriptor is not available
            if name == 'release':
                return _original.release(lock)
            if isinstance(error, GLib.Error):
                raise _translated(error, lock) from None
            raise
        while not operation.future.done():
            try:
                await asyncio.wait((operation.future,))
            except asyncio.CancelledError as error:
                # First wait for the result
                cancelled = error
                operation.cancellable.cancel()
            except GeneratorExit:
                operation.abandon()
                raise

    # Neither a traceback nor the thread must keep a guard alive
    value, operation.value = operation.value, None
    error, operation.error = operation.error, None

    if cancelled is not None:
        value = None
        if error is None and name == 'acquire':
            # The lock was granted just before the cancel
            with contextlib.suppress(GLib.Error):
                await _run(lock, 'release', io_priority)
        raise cancelled
    if error is not None:
        raise error
    return value


def _is_in_event_loop():
    asyncio = sys.modules.get('asyncio')
    return asyncio is not None and asyncio._get_running_loop() is not None


def _awaitable(name, cls):
    start = getattr(_original, name + '_async')

    def method(self, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, *args, **kwargs):
        if args or kwargs or not _is_in_event_loop():
            return start(self, io_priority, cancellable, *args, **kwargs)
        return _run(self, name, io_priority, cancellable)
    return _described(method, name + '_async', cls)


def _acquire_with_timeout_async(self, timeout, io_priority=GLib.PRIORITY_DEFAULT,
                                cancellable=None, *args, **kwargs):
    timeout = _seconds(timeout)
    if args or kwargs or not _is_in_event_loop():
        return _original.acquire_with_timeout_async(self, timeout, io_priority, cancellable,
                                                    *args, **kwargs)
    return _run(self, 'acquire', io_priority, cancellable, timeout)


# What help() and inspect.signature() show for the methods that are made here

_CANCELLABLE = 'cancellable=None'
_ASYNC = 'io_priority=0, cancellable=None, callback=None, user_data=None'
_DESCRIPTIONS = {
    'try_acquire': ('', 'Acquires the lock if it is free now; otherwise raises '
                        'Lf.AlreadyLocked.'),
    'release': ('', 'Releases the lock.\n\nRaises Lf.NotLocked or Lf.NotMyLock if this object '
                    'does not hold the lock, or no longer holds it.'),
    'is_locked': (_CANCELLABLE, 'Whether anybody holds the lock: this object or any other.'),
    'query_holder': (_CANCELLABLE, 'Returns the Lf.LockHolder, or None if the lock is free.'),
    'try_upgrade': ('', 'Makes the shared lock exclusive if nobody else shares it; otherwise '
                        'raises Lf.AlreadyLocked.\n\nThe lock is not released in between.'),
    'downgrade': ('', 'Makes the exclusive lock shared, without releasing it in between.'),
    'query_scope': (_CANCELLABLE, 'Returns the Lf.LockScope: which programs a lock of this path '
                                  'excludes.'),
    'verify': ('', 'Checks whether this object still holds the lock.\n\nRaises Lf.NotLocked or '
                   'Lf.NotMyLock if it does not, or another error if that is not known.'),
    'break_lock': (_CANCELLABLE, 'Removes the lock of its holder.'),
    'acquire_async': (_ASYNC, 'Acquires the lock; waits in the order of the claims.'),
    'acquire_with_timeout_async': ('timeout, ' + _ASYNC, 'Acquires the lock within a number of '
                                                         'seconds; None waits forever.'),
    'acquire_guard_async': (_ASYNC, 'Acquires the lock, and returns an Lf.LockGuard.'),
    'release_async': (_ASYNC, 'Releases the lock.'),
    'is_locked_async': (_ASYNC, 'Whether anybody holds the lock.'),
    'query_holder_async': (_ASYNC, 'Returns the Lf.LockHolder, or None.'),
    'query_scope_async': (_ASYNC, 'Returns the Lf.LockScope.'),
    'break_lock_async': (_ASYNC, 'Removes the lock of its holder.'),
}
_IN_LOOP = ('\n\nIn an asyncio event loop, and without a callback, it returns a coroutine to '
            'await.\nOtherwise the callback is called with the object and a result for '
            '{}_finish().')


def _get_signature(parameters):
    return inspect.signature(eval(f'lambda self, {parameters}: None'))


def _described(method, name, cls):
    if name.endswith('_finish'):
        parameters = 'result'
        text = f'Finishes {name[:-len("_finish")]}_async(); returns its result or raises its error.'
    else:
        parameters, text = _DESCRIPTIONS[name]
    if name.endswith('_async'):
        text += _IN_LOOP.format(name[:-len('_async')])
    method.__name__ = name
    method.__qualname__ = f'{cls.__name__}.{name}'
    method.__doc__ = text
    method.__signature__ = _get_signature(parameters)
    return method


# Blocks and functions under a lock ------------------------------------------------

class _Held:
    """The result of acquire().

    It is true, and it is a context manager for `with`, which releases the lock at its end."""

    __slots__ = ('_lock', 'was_held')

    def __init__(self, lock):
        self._lock = lock
        self.was_held = _original.is_acquired_by_thread(lock)

    def __bool__(self):
        return True

    def __eq__(self, other):
        return other is True or other is self

    def __hash__(self):
        return hash(True)

    def __repr__(self):
        return 'True'

    def __enter__(self):
        return self._lock

    def __exit__(self, *exception):
        # A claim of a thread that already holds the lock is not counted
        if not self.was_held:
            self._lock.release()


class _Acquired:
    """The result of acquired(), a context manager for `with` and for `async with`."""

    def __init__(self, lock, timeout):
        self._lock = lock
        self._timeout = timeout

    def __enter__(self):
        try:
            _enter(self._lock, self._timeout)
        except GLib.Error as error:
            raise error.with_traceback(None)
        return self._lock

    def __exit__(self, *exception):
        try:
            _exit(self._lock)
        except GLib.Error as error:
            raise _translated(error) from None

    async def __aenter__(self):
        try:
            await _run(self._lock, 'acquire', timeout=self._timeout)
        except GLib.Error as error:
            raise error.with_traceback(None)
        return self._lock

    async def __aexit__(self, *exception):
        try:
            await _run(self._lock, 'release')
        except GLib.Error as error:
            raise error.with_traceback(None)


class _Entry:
    """One `with` statement: its thread and its guard."""

    def __init__(self):
        self.thread = threading.get_ident()
        self.guard = None


def _enter(lock, timeout):
    entries = lock.__dict__.setdefault('_entries', [])
    entry = _Entry()
    try:
        entries.append(entry)
        # Last: after this call, a signal handler could raise, and the guard would be lost
        entry.guard = _acquire(lock, timeout, None, with_guard=True)
    except BaseException:
        with contextlib.suppress(ValueError):
            entries.remove(entry)
        raise


def _exit(lock):
    entries = lock.__dict__['_entries']
    entered = [entry for entry in entries if entry.guard is not None]
    own = [entry for entry in entered if entry.thread == threading.get_ident()]
    # A generator can be closed in another thread than the one that started it
    entry = (own or entered)[-1]
    entries.remove(entry)
    _original.release_guard(entry.guard)


def locked(path, timeout=None, **properties):
    """Decorates a function or coroutine function to run while a lock is held.

    Each call makes a claim of its own, so threads, tasks and processes exclude each
    other. The timeout is in seconds; None waits forever. Further arguments are
    properties of Lf.LockFile.

    For another kind of lock, pass a function that makes it instead of the path, such as
    `lambda: Lf.Semaphore('convert.lock', 4)`. It is called for each call.
    """
    if callable(path):
        if timeout is not None or properties:
            raise TypeError('set the timeout and other properties in the function that makes '
                            'the lock')
        make = path
    else:
        # Makes the path absolute, in case the program changes its directory later
        make = functools.partial(Lf.LockFile, Lf.LockFile.new(path).get_path(), timeout=timeout,
                                 **properties)

    def decorate(function):
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError('a generator cannot be locked: it runs after the call')

        @functools.wraps(function)
        def call(*args, **kwargs):
            with make():
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def call_async(*args, **kwargs):
            async with make():
                return await function(*args, **kwargs)

        return call_async if inspect.iscoroutinefunction(function) else call
    return decorate


# What is patched ------------------------------------------------------------------

class _OfClassAndMember:
    """A function of an enumeration that is also a method of its members."""

    def __init__(self, function):
        self._function = function

    def __get__(self, member, owner):
        return self._function if member is None else functools.partial(self._function, member)


_PROPERTIES = ('path=None, *, file=None, backend="auto", mode="exclusive", timeout=None, '
               'remove_on_release=False, create_parents=False, durable=True, file_mode=0o666, '
               'poll_interval=0.5, required_scope="unknown", upgradable=False, monitor=False, '
               'lease_duration=0, notice_delay=-1')
_REMOTE_PROPERTIES = ('uri=None, *, timeout=None, lease_duration=15, endpoints=None, user=None, '
                      'password=None, ca_file=None, certificate_file=None, key_file=None')


class _Default:
    """A default value that is another attribute of the object."""

    def __init__(self, text):
        self._text = text

    def __repr__(self):
        return self._text


_USUAL_TIMEOUT = _Default('self.timeout')


class _Empty:
    pass


def _attribute(name, documentation, convert=None, getter=None):
    """An attribute for a GObject property."""
    def get(self):
        return getattr(self, 'is_held' if name == 'held' else getter or f'get_{name}')()

    def set_value(self, value):
        getattr(self, f'set_{name}')(value if convert is None else convert(value))

    is_settable = name not in ('path', 'file', 'document', 'backend', 'held', 'slots', 'slot',
                               'uri', 'fencing_token', 'remaining')
    return property(get, set_value if is_settable else None, doc=documentation)


class _Lock:
    """The methods and attributes that this adds to Lf.Lock, and so to all kinds of locks."""

    held = _attribute('held', 'Whether this object holds the lock.')
    timeout = _attribute('timeout', 'How long to wait, in seconds: None waits forever, 0 tries '
                                    'once.', _seconds)

    def __init_subclass__(cls, **kwargs):
        # Classes of the library are made here, too
        if cls.__module__ != Lf.Lock.__module__:
            raise TypeError('Lf.Lock cannot be implemented in Python')

    def set_timeout(self, timeout):
        """Sets how long to wait, in seconds: None waits forever, 0 tries once."""
        _original.set_timeout(self, _seconds(timeout))

    def acquire(self, cancellable=None, *, timeout=_USUAL_TIMEOUT, blocking=True):
        """Acquires the lock, and waits for it if necessary.

        The timeout is in seconds; None waits forever. With blocking=False it is 0: one try.
        Raises Lf.LockTimeout or, for one try, Lf.AlreadyLocked. `with lock.acquire():`
        releases the lock at its end.
        """
        if not blocking:
            if timeout is not _USUAL_TIMEOUT and timeout is not None and timeout > 0:
                raise ValueError('a call that does not block has no timeout')
            timeout = 0
        timeout = self.get_timeout() if timeout is _USUAL_TIMEOUT else _seconds(timeout)
        # Before _acquire(): nothing may be called after it
        held = _Held(self)
        try:
            _acquire(self, timeout, cancellable, was_held=held.was_held)
        except GLib.Error as error:
            raise error.with_traceback(None)
        return held

    def acquire_with_timeout(self, timeout, cancellable=None):
        """Acquires the lock within a number of seconds; None waits forever, 0 tries once."""
        try:
            return _acquire(self, _seconds(timeout), cancellable)
        except GLib.Error as error:
            raise error.with_traceback(None)

    def acquire_guard(self, cancellable=None):
        """Acquires the lock, and returns an Lf.LockGuard that releases it."""
        try:
            return _acquire(self, self.get_timeout(), cancellable, with_guard=True)
        except GLib.Error as error:
            raise error.with_traceback(None)

    def acquire_guard_with_timeout(self, timeout, cancellable=None):
        """The same within a number of seconds; None waits forever, 0 tries once."""
        try:
            return _acquire(self, _seconds(timeout), cancellable, with_guard=True)
        except GLib.Error as error:
            raise error.with_traceback(None)

    def acquired(self, timeout=_USUAL_TIMEOUT):
        """Returns a context manager that acquires and releases the lock.

        The timeout is in seconds; None waits forever. By default it is the lock's.
        """
        return _Acquired(self, self.get_timeout() if timeout is _USUAL_TIMEOUT
                         else _seconds(timeout))

    def __enter__(self):
        try:
            _enter(self, self.get_timeout())
        except GLib.Error as error:
            raise error.with_traceback(None)
        return self

    def __exit__(self, *exception):
        try:
            _exit(self)
        except GLib.Error as error:
            raise _translated(error) from None

    async def __aenter__(self):
        try:
            await _run(self, 'acquire')
        except GLib.Error as error:
            raise error.with_traceback(None)
        return self

    async def __aexit__(self, *exception):
        try:
            await _run(self, 'release')
        except GLib.Error as error:
            raise error.with_traceback(None)


class _LockFile:
    """The methods and attributes that this adds to Lf.LockFile."""

    path = _attribute('path', 'The absolute path of the lock file; None without a local path.')
    file = _attribute('file', 'The Gio.File of the lock file.')
    document = _attribute('document', 'The Gio.File to which to save the document that the lock '
                                      'is for; None for other locks.')
    backend = _attribute('backend', 'The Lf.Backend.')
    mode = _attribute('mode', "The Lf.LockMode of the next acquire: 'exclusive' or 'shared'.",
                      lambda mode: _member(Lf.LockMode, mode))
    remove_on_release = _attribute('remove_on_release', 'Whether the lock file is removed when '
                                                        'the lock is released.')
    create_parents = _attribute('create_parents', 'Whether missing directories are created.')
    durable = _attribute('durable', 'Whether the record is written to the disk before the lock '
                                    'is visible.')
    file_mode = _attribute('file_mode', 'The permissions of a new lock file, before the umask.')
    poll_interval = _attribute('poll_interval', 'The longest time between two polls, in seconds.')
    required_scope = _attribute('required_scope', 'The Lf.LockScope that the lock must have.',
                                lambda scope: _member(Lf.LockScope, scope))
    upgradable = _attribute('upgradable', 'Whether a shared lock may be made exclusive.')
    monitor = _attribute('monitor', 'Whether the signal "lost" reports if a lock that is acquired '
                                    'from now on is lost.')
    lease_duration = _attribute('lease_duration', 'How long the lock is kept for a holder that '
                                                  'does not renew it, in seconds; 0 is for ever.')
    notice_delay = _attribute('notice_delay', 'How long a wait takes before the signal '
                                              '"waiting" is emitted, in seconds; -1 is never.')

    def __init__(self, path=None, **properties):
        """Makes a lock file object for a path or a Gio.File. No file is touched yet."""
        if path is not None:
            properties.update(_path_property(path))
        if 'timeout' in properties:
            properties['timeout'] = _seconds(properties['timeout'])
        for name, enumeration in (('backend', Lf.Backend), ('mode', Lf.LockMode),
                                  ('required_scope', Lf.LockScope)):
            if name in properties:
                properties[name] = _member(enumeration, properties[name])
        _original_file.__init__(self, **properties)

    def _get_maker(self):
        path = _path_to_bytes(self.get_path() or '')
        return functools.partial(_original_file.new_with_backend, path, self.get_backend())

    def __init_subclass__(cls, **kwargs):
        raise TypeError('Lf.LockFile cannot be subclassed: its type is final. Keep a lock file '
                        'in an attribute of your class')

    @staticmethod
    def new(path):
        """Makes a lock file object for a path. No file is touched yet."""
        return _original_file.new(_path_to_bytes(path))

    @staticmethod
    def new_with_backend(path, backend):
        """Makes a lock file object with a backend of your choice."""
        return _original_file.new_with_backend(_path_to_bytes(path), _member(Lf.Backend, backend))

    @staticmethod
    def new_for_document(document):
        """Makes a lock file object for a document that programs replace when they save it.

        The document is a path or a Gio.File. Links are followed at once; save the document
        to the attribute `document`."""
        if not isinstance(document, Gio.File):
            document = Gio.File.new_for_path(_path_to_bytes(document))
        try:
            return _original_file.new_for_document(document)
        except GLib.Error as error:
            error = _translated(error)
            if isinstance(error, PathError):
                _add_path(error, document.get_path())
            raise error from None

    @staticmethod
    def new_for_fd(fd, backend='auto'):
        """Makes a lock file object for an open descriptor, an int or a file with fileno().

        The descriptor belongs to the object from then on."""
        fd = fd if isinstance(fd, int) else fd.fileno()
        try:
            return _original_file.new_for_fd(fd, _member(Lf.Backend, backend))
        except GLib.Error as error:
            raise _translated(error) from None

    def __repr__(self):
        state = 'held' if self.is_held() else 'not held'
        backend = self.get_backend().value_nick.upper().replace('-', '_')
        return f'<Lf.LockFile {self.get_path()!r} {backend}, {state}>'

    def set_mode(self, mode):
        """Sets the Lf.LockMode of the next acquire: 'exclusive' or 'shared'."""
        _original.set_mode(self, _member(Lf.LockMode, mode))

    def set_required_scope(self, required_scope):
        """Sets the Lf.LockScope that the lock must have."""
        _original.set_required_scope(self, _member(Lf.LockScope, required_scope))


class _Semaphore:
    """The methods and attributes that this adds to Lf.Semaphore."""

    path = _LockFile.path
    slots = _attribute('slots', 'How many may hold the semaphore at a time.')
    slot = _attribute('slot', 'The number of the slot that this object holds, from 1, or 0.')

    def __init__(self, path=None, slots=1, **properties):
        """Makes a semaphore for a path and a number of holders. No file is touched yet."""
        if path is not None:
            path = _path_to_bytes(path)
            try:
                properties['path'] = path.decode('utf-8')
            except UnicodeDecodeError:
                raise ValueError('a path that is not UTF-8 needs Lf.Semaphore.new()') from None
        if 'timeout' in properties:
            properties['timeout'] = _seconds(properties['timeout'])
        _original_semaphore.__init__(self, slots=_slots(slots), **properties)

    def __init_subclass__(cls, **kwargs):
        raise TypeError('Lf.Semaphore cannot be subclassed: its type is final. Keep a semaphore '
                        'in an attribute of your class')

    @staticmethod
    def new(path, slots):
        """Makes a semaphore for a path and a number of holders. No file is touched yet."""
        return _original_semaphore.new(_path_to_bytes(path), _slots(slots))

    def __repr__(self):
        state = f'slot {self.get_slot()}' if self.is_held() else 'not held'
        return f'<Lf.Semaphore {self.get_path()!r} {self.get_slots()} slots, {state}>'


def _get_password(self):
    raise AttributeError('the password of a lock can only be set')


class _RemoteLock:
    """The methods and attributes that this adds to Lf.RemoteLock."""

    uri = _attribute('uri', 'The URI, with everything that may be left out.')
    fencing_token = _attribute('fencing_token', 'The number of this grant, which is higher than '
                                                'those of all earlier ones, or 0.')
    remaining = _attribute('remaining', 'For how many seconds the lock is certainly held.')
    lease_duration = _attribute('lease_duration', 'How long the lock stays locked after a crash, '
                                                  'in seconds.', _lease_duration)
    endpoints = _attribute('endpoints', 'The members of the cluster, separated by commas.',
                           getter='dup_endpoints')
    user = _attribute('user', 'The user.', getter='dup_user')
    password = property(_get_password, lambda self, password: self.set_password(password),
                        doc="The user's password, which can only be set.")
    ca_file = _attribute('ca_file', 'The path of the certificates of authorities.', _optional_path,
                         'dup_ca_file')
    certificate_file = _attribute('certificate_file', "The path of the client's certificate.",
                                  _optional_path, 'dup_certificate_file')
    key_file = _attribute('key_file', "The path of the client's private key.", _optional_path,
                          'dup_key_file')

    def __init__(self, uri=None, **properties):
        """Makes an object for a lock in a cluster. Nothing is sent to it yet."""
        if uri is None:
            raise TypeError('a remote lock needs a URI')
        try:
            # The constructor of GObject has no errors
            _original_remote.new(uri)
        except GLib.Error as error:
            raise _translated(error) from None
        if 'timeout' in properties:
            properties['timeout'] = _seconds(properties['timeout'])
        if 'lease_duration' in properties:
            _lease_duration(properties['lease_duration'])
        # Properties are always UTF-8
        paths = {name: properties.pop(name) for name in ('ca_file', 'certificate_file', 'key_file')
                 if name in properties}
        _original_remote.__init__(self, uri=uri, **properties)
        for name, path in paths.items():
            setattr(self, name, path)

    def __init_subclass__(cls, **kwargs):
        raise TypeError('Lf.RemoteLock cannot be subclassed: its type is final. Keep a lock in an '
                        'attribute of your class')

    @staticmethod
    def new(uri):
        """Makes an object for a lock in a cluster. Nothing is sent to it yet."""
        try:
            return _original_remote.new(uri)
        except GLib.Error as error:
            raise _translated(error) from None

    def __repr__(self):
        state = 'held' if self.is_held() else 'not held'
        return f'<Lf.RemoteLock {self.get_uri()!r} {state}>'


class _LockHolder:
    """The methods that this adds to Lf.LockHolder."""

    def __repr__(self):
        return f'<Lf.LockHolder {self.to_string()}>'

    def __str__(self):
        return self.to_string()


def _release_guard(self):
    """Releases the lock, unless the guard has already released it."""
    try:
        return _original.release_guard(self)
    except GLib.Error as error:
        raise _translated(error) from None


_FAILING_METHODS = ('try_acquire', 'acquire_finish', 'acquire_with_timeout_finish',
                    'acquire_guard_finish', 'release', 'release_finish', 'verify', 'is_locked',
                    'is_locked_finish', 'query_holder', 'query_holder_finish', 'break_lock',
                    'break_lock_finish')
_ASYNC_METHODS = ('acquire', 'acquire_guard', 'release', 'is_locked', 'query_holder', 'break_lock')
_OTHER_METHODS = ('set_timeout', 'acquire_with_timeout', 'acquire_with_timeout_async',
                  'acquire_guard_with_timeout', 'is_acquired_by_thread')

_FILE_FAILING_METHODS = ('try_upgrade', 'downgrade', 'query_scope', 'query_scope_finish')
_FILE_ASYNC_METHODS = ('query_scope',)
_FILE_OTHER_METHODS = ('set_mode', 'set_required_scope')

# The methods without the override
_original = types.SimpleNamespace()
_original_file = types.SimpleNamespace()
_original_semaphore = types.SimpleNamespace()
_original_remote = types.SimpleNamespace()


def _keep(original, cls, names):
    for name in names:
        setattr(original, name, getattr(cls, name))


def _get_patches_of(cls, members, failing=(), with_async=(), others=()):
    _keep(_original, cls, (*failing, *others, *(name + '_async' for name in with_async)))
    patches = _get_members(members)
    for name in failing:
        patches[name] = _translating(name, cls)
    for name in with_async:
        patches[name + '_async'] = _awaitable(name, cls)
    return patches


def _get_patches():
    """The methods for each class. Does not change anything yet, since one may be missing."""
    _original.release_guard = Lf.LockGuard.release
    _keep(_original_file, Lf.LockFile, ('__init__', 'new', 'new_with_backend', 'new_for_document',
                                        'new_for_fd'))
    _keep(_original_semaphore, Lf.Semaphore, ('__init__', 'new'))
    _keep(_original_remote, Lf.RemoteLock, ('__init__', 'new'))
    patches = {
        Lf.Lock: _get_patches_of(Lf.Lock, _Lock, _FAILING_METHODS, _ASYNC_METHODS, _OTHER_METHODS),
        Lf.LockFile: _get_patches_of(Lf.LockFile, _LockFile, _FILE_FAILING_METHODS,
                                     _FILE_ASYNC_METHODS, _FILE_OTHER_METHODS),
        Lf.Semaphore: _get_patches_of(Lf.Semaphore, _Semaphore),
        Lf.RemoteLock: _get_patches_of(Lf.RemoteLock, _RemoteLock),
    }
    patches[Lf.Lock]['acquire_with_timeout_async'] = _described(
        _acquire_with_timeout_async, 'acquire_with_timeout_async', Lf.Lock)
    patches[Lf.LockFile]['__init__'].__signature__ = _get_signature(_PROPERTIES)
    patches[Lf.RemoteLock]['__init__'].__signature__ = _get_signature(_REMOTE_PROPERTIES)
    return patches


def _get_members(cls):
    return {name: value for name, value in vars(cls).items() if name not in vars(_Empty)}


def _override(patches):
    is_supported = _OfClassAndMember(Lf.Backend.is_supported)

    _add_errors('LockError', 'The lock was not acquired.', {
        'FAILED': ('LockFailed', 'The system refused the lock.'),
        'ALREADY_LOCKED': ('AlreadyLocked', 'Somebody else holds the lock, and the call was not '
                                            'to wait.'),
        'TIMED_OUT': ('LockTimeout', 'Somebody else held the lock until the timeout expired.',
                      TimeoutError),
        'WOULD_DEADLOCK': ('WouldDeadlock', 'The thread holds the lock through another object, '
                                            'and would wait forever.'),
    })
    _add_errors('UnlockError', 'The lock was not released: what it protects is suspect.', {
        'FAILED': ('UnlockFailed', 'The system refused; the lock may still be held.'),
        'NOT_LOCKED': ('NotLocked', 'Nobody holds the lock.'),
        'NOT_MY_LOCK': ('NotMyLock', 'Somebody else holds the lock.'),
    })
    _add_errors('BackendError', 'The backend does not work here.', {
        'FAILED': ('BackendFailed', 'The backend failed, for a reason that has no other class.'),
        'NOT_SUPPORTED': ('NotSupported', 'The system, the build or the file system does not '
                                          'have the backend.'),
        'INVALID_LOCK_FILE': ('InvalidLockFile', 'The path has something that cannot be a lock '
                                                 'of this backend.'),
    })
    _add_gio_errors()

    for cls, members in patches.items():
        for name, value in members.items():
            setattr(cls, name, value)
    # A class has the methods of the interface, too, which would hide these
    for cls in patches.keys() - {Lf.Lock}:
        for name in patches[Lf.Lock].keys() & vars(cls).keys() - patches[cls].keys():
            delattr(cls, name)
    for name, value in _get_members(_LockHolder).items():
        setattr(Lf.LockHolder, name, value)
    Lf.LockGuard.release = _release_guard
    Lf.Backend.is_supported = is_supported
    __all__.append('locked')


try:
    # Only these are so fast that a try need not be interruptible
    _local_classes = (Lf.LockFile, Lf.Semaphore)
    _patches = _get_patches()
except AttributeError:
    # Another version of Lf, which works without this
    __all__.clear()
else:
    _override(_patches)
