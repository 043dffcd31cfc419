# SPDX-License-Identifier: LGPL-2.1-or-later

"""What Python expects of Lf beyond its introspection data.

Nothing is replaced that would work differently afterwards: the classes get methods
and the methods take more, so what is written for the introspection data alone goes
on working. Nothing is imported that a Python may lack, and a version of Lf that is
not this one's is left as it is.
"""

import contextlib
import functools
import inspect
import os
import signal
import sys
import threading
import types

from gi.repository import Gio, GLib, GObject

from ..module import get_introspection_module

Lf = get_introspection_module('Lf')

__all__ = []


# Errors ---------------------------------------------------------------------------

class _ErrorType(type(GLib.Error)):
    """The type of a class of errors that goes for the enumeration of its codes too."""

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
    def __init__(self, message='', domain=None, code=None):
        cls = type(self)
        if code is None:
            code = cls._code or 0
        super().__init__(message, domain or GLib.quark_to_string(cls._codes.quark()), int(code))

    def __repr__(self):
        return f'Lf.{type(self).__name__}({self.message!r})'


_error_classes = {}


def _add_errors(name, bases_by_code):
    """Makes a class for an enumeration of errors, and one more for each code."""
    codes = getattr(Lf, name)
    domain = GLib.quark_to_string(codes.quark())
    base = _ErrorType(name, (_Error,), {'_codes': codes, '_code': None})
    classes = {None: base}
    for code_name, (class_name, *others) in bases_by_code.items():
        code = int(getattr(codes, code_name))
        classes[code] = _ErrorType(class_name, (base, *others), {'_code': code})
    for code, error_class in classes.items():
        error_class.__module__ = 'gi.repository.Lf'
        _error_classes[domain, code] = error_class
        globals()[error_class.__name__] = error_class
        __all__.append(error_class.__name__)


def _translated(error):
    """The same error as its own class, or as it is if it is not one of the library's."""
    error_class = (_error_classes.get((error.domain, error.code)) or
                   _error_classes.get((error.domain, None)))
    if error_class is None or isinstance(error, error_class):
        return error
    return error_class(error.message, error.domain, error.code)


def _translating(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except GLib.Error as error:
            raise _translated(error).with_traceback(error.__traceback__) from None
    return wrapper


# Arguments ------------------------------------------------------------------------

def _path_to_bytes(path):
    path = os.fsencode(path)
    if b'\0' in path:
        raise ValueError('embedded null byte')
    return path


def _path_property(path):
    """The property that gives a path: strings of properties are always UTF-8."""
    path = _path_to_bytes(path)
    try:
        return {'path': path.decode('utf-8')}
    except UnicodeDecodeError:
        return {'file': Gio.File.new_for_path(path)}


def _seconds(timeout):
    return -1 if timeout is None else timeout


class _Linked:
    """A cancellable of our own, which is cancelled with the caller's."""

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


def _is_held_here(lock):
    """Whether the calling thread holds the lock through this object."""
    return lock.is_held() and _original.is_held_by_thread(lock)


# Waits that a signal ends ---------------------------------------------------------
#
# Python runs the handlers of signals in the main thread, when a call into C returns.
# So that thread does not wait in acquire(), but polls a main context of its own in
# which acquire_with_timeout_async() reports. Python writes the number of a signal to a
# descriptor at once; the context polls that too.
#
# What a handler raises can come after any call. Not between a flag and the call into C
# that follows it, if nothing has to be looked up for that by Python code: such pairs
# are whole or not at all. The rest may be done twice.

# Not PyGObject's own method, which since 3.50 looks for an event loop: that takes code in
# Python which drops what a handler raises, and may leave an event loop behind
_iterate = GLib.MainContext.__base__.iteration
_set_wakeup_fd = functools.partial(signal.set_wakeup_fd, warn_on_full_buffer=False)
_PRIORITY = GLib.PRIORITY_DEFAULT
# So many handlers may raise while it is cleaned up
_MAX_SIGNALS = 100


class _InterruptibleWait:
    def __init__(self, lock, timeout, cancellable, finish):
        self.lock = lock
        self.timeout = timeout
        self.acquire_async = _original.acquire_with_timeout_async
        self.finish = finish
        self.cancellable = cancellable
        self.context = GLib.MainContext.new()
        self.read_fd = self.write_fd = -1
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
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        os.set_blocking(self.write_fd, False)
        self.poll_fd = GLib.PollFD(self.read_fd, GLib.IOCondition.IN)
        self.context.add_poll(self.poll_fd, _PRIORITY)
        # A call that keeps its result too
        self.others_fds.extend(map(_set_wakeup_fd, (self.write_fd,)))

    def read_signals(self):
        with contextlib.suppress(BlockingIOError):
            self.signals.extend(*map(os.read, (self.read_fd,), (1024,)))

    def start(self):
        # No Python code is called back: what a handler of a signal raises in it would be
        # lost. The function takes the lock file and the result.
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
        # The handlers have run. Those of PyGObject's main loops, which raise only when
        # their loop has returned, have not ended anything.
        handler = signal.getsignal(signal.SIGINT)
        is_main_loops = getattr(handler, '__module__', '') == 'gi._ossighelper'
        if is_main_loops and signal.SIGINT in self.signals:
            raise KeyboardInterrupt

    def clean_up(self):
        self.end_start()
        # Only a report says for sure that the lock is not held
        while self.is_started and not self.reports:
            self.cancellable.cancel()
            _iterate(self.context, True)
        if self.others_fds:
            signal.set_wakeup_fd(self.others_fds[0])
            if self.read_fd >= 0:
                self.read_signals()
            self.tell_others()
        if self.read_fd >= 0:
            fd, self.read_fd = self.read_fd, -1
            os.close(fd)
        if self.write_fd >= 0:
            fd, self.write_fd = self.write_fd, -1
            os.close(fd)

    def tell_others(self):
        """A main loop wants to know of the signals too."""
        if self.others_fds[0] >= 0 and self.signals:
            with contextlib.suppress(OSError):
                signals, self.signals = self.signals, bytearray()
                os.write(self.others_fds[0], signals)


def _acquire_in_main_thread(lock, timeout, cancellable, acquire, finish):
    try:
        return acquire(lock, 0, cancellable)
    except GLib.Error as error:
        if not error.matches(Lf.LockError.quark(), Lf.LockError.ALREADY_LOCKED):
            raise
    if timeout < 0 and cancellable is None and not lock.is_held():
        if _original.is_held_by_thread(lock):
            # Another object does: this does not wait, but says why
            return acquire(lock, timeout, None)
    with _Linked(cancellable) as linked:
        return _InterruptibleWait(lock, timeout, linked.cancellable, finish).run()


def _acquire(lock, timeout, cancellable, with_guard=False):
    acquire = _original.acquire_guard_with_timeout if with_guard else _original.acquire_with_timeout
    finish = _original.acquire_guard_finish if with_guard else _original.acquire_finish
    may_wait = timeout < 0 or timeout > 0
    is_main = threading.current_thread() is threading.main_thread()
    was_held = is_main and _is_held_here(lock)

    # From here to the caller there must be no call that returns after the one that got
    # the lock: there, handlers of signals could raise without anybody to release it
    try:
        _check_operations(lock)
        if may_wait and is_main:
            return _acquire_in_main_thread(lock, timeout, cancellable, acquire, finish)
        return acquire(lock, timeout, cancellable)
    except GLib.Error as error:
        raise _translated(error).with_traceback(error.__traceback__) from None
    except BaseException as error:
        # Raised by the handler of a signal that came when the lock was just granted
        if is_main and not was_held and _is_held_here(lock):
            with contextlib.suppress(GLib.Error):
                _original.release(lock)
        raise _get_lost_exception(error)


def _get_lost_exception(error):
    """What a handler raised while PyGObject made a GLib.Error, which it only prints."""
    if type(error) is RuntimeError and 'GError' in str(error):
        return getattr(sys, 'last_value', error)
    return error


# Awaitables -----------------------------------------------------------------------
#
# An event loop of asyncio does not iterate a main context, unless it is PyGObject's.
# For any other an operation gets a main context of its own. A thread polls that, and
# hands it to the event loop when there is something to dispatch: callbacks and
# notifications come in the thread of the event loop, and nothing wakes up before.

class _PollOnly(GLib.Source):
    """Makes a thread's iterations of a main context end before they dispatch anything.

    After each poll it is ready before all others.
    """

    def __init__(self):
        super().__init__()
        self._thread = threading.get_ident()
        self.set_priority(-GLib.MAXINT32)

    def prepare(self):
        return False, -1

    def check(self):
        return threading.get_ident() == self._thread

    def dispatch(self, callback, args):
        return True


def _check_operations(lock):
    """Gives the error of the library where it cannot know that a wait would be endless:
    the main context of an operation is polled by another thread."""
    operations = lock.__dict__.get('_operations')
    if not operations or _is_held_here(lock):
        return
    if threading.get_ident() in operations:
        message = GLib.dgettext(
            'lockfile-glib-1.0', 'Another operation on the lock file object of %s is not finished')
        path = GLib.filename_display_name(_path_to_bytes(lock.get_path() or ''))
        raise GLib.Error.new_literal(Gio.io_error_quark(), message % path,
                                     Gio.IOErrorEnum.PENDING)


class _Operation:
    """An asynchronous method, and a future of asyncio for its end."""

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
            _original.acquire_with_timeout_async(self.lock, self.timeout, io_priority,
                                                 self.cancellable, self.on_reported)

    def start_in_own_context(self, io_priority):
        self.context = GLib.MainContext.new()
        self.turn = threading.Semaphore(0)
        # First, because it can fail
        threading.Thread(target=self.poll, name=f'Lf {self.name}', daemon=True).start()
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
            # As often as there are operations
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

    def let_loop_dispatch(self):
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.dispatch)
            # An event loop that is closed forgets what it was going to call
            while not self.turn.acquire(timeout=1) and not self.is_loop_gone():
                pass

    def is_loop_gone(self):
        return self.loop.is_closed()

    def dispatch(self):
        while _iterate(self.context, False):
            pass
        self.turn.release()

    def on_reported(self, lock, result):
        self.reported = True
        if self.operations is not None:
            self.operations.remove(self.thread)
        try:
            self.value = getattr(_original, self.name + '_finish')(lock, result)
        except GLib.Error as error:
            self.error = _translated(error)

        if not self.abandoned:
            self.future.set_result(None)
        elif self.error is None:
            self.undo()

    def abandon(self):
        """Nobody waits for it any more."""
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
        operation = _Operation(lock, name, io_priority, linked.cancellable, timeout)
        while not operation.future.done():
            try:
                await asyncio.wait((operation.future,))
            except asyncio.CancelledError as error:
                # How it ends is to be known first
                cancelled = error
                operation.cancellable.cancel()
            except GeneratorExit:
                operation.abandon()
                raise

    # Neither a traceback nor the thread, at its end, must keep a guard alive
    value, operation.value = operation.value, None
    error, operation.error = operation.error, None

    if cancelled is not None:
        value = None
        if error is None and name == 'acquire':
            # It was granted just then
            with contextlib.suppress(GLib.Error):
                await _run(lock, 'release', io_priority)
        raise cancelled
    if error is not None:
        raise error
    return value


def _is_in_event_loop():
    asyncio = sys.modules.get('asyncio')
    return asyncio is not None and asyncio._get_running_loop() is not None


def _awaitable(name):
    start = getattr(_original, name + '_async')

    @functools.wraps(start)
    def method(self, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, *args, **kwargs):
        if args or kwargs or not _is_in_event_loop():
            return start(self, io_priority, cancellable, *args, **kwargs)
        return _run(self, name, io_priority, cancellable)
    return method


def _acquire_with_timeout_async(self, timeout, io_priority=GLib.PRIORITY_DEFAULT,
                                cancellable=None, *args, **kwargs):
    timeout = _seconds(timeout)
    if args or kwargs or not _is_in_event_loop():
        return _original.acquire_with_timeout_async(self, timeout, io_priority, cancellable,
                                                    *args, **kwargs)
    return _run(self, 'acquire', io_priority, cancellable, timeout)


# Blocks and functions under a lock ------------------------------------------------

class _Acquired:
    """What acquired() returns: for `with` and for `async with`."""

    def __init__(self, lock, timeout):
        self._lock = lock
        self._timeout = timeout

    def __enter__(self):
        _enter(self._lock, self._timeout)
        return self._lock

    def __exit__(self, *exception):
        _exit(self._lock)

    async def __aenter__(self):
        await _run(self._lock, 'acquire', timeout=self._timeout)
        return self._lock

    async def __aexit__(self, *exception):
        await _run(self._lock, 'release')


class _Entry:
    """One `with`: whose it is, and the guard that it has."""

    def __init__(self):
        self.thread = threading.get_ident()
        self.guard = None


def _enter(lock, timeout):
    entries = lock.__dict__.setdefault('_entries', [])
    entry = _Entry()
    try:
        entries.append(entry)
        # Last, for what the handler of a signal raises later would leave it behind
        entry.guard = _acquire(lock, timeout, None, with_guard=True)
    except BaseException:
        with contextlib.suppress(ValueError):
            entries.remove(entry)
        raise


def _exit(lock):
    entries = lock.__dict__['_entries']
    entered = [entry for entry in entries if entry.guard is not None]
    own = [entry for entry in entered if entry.thread == threading.get_ident()]
    # A generator can be closed in another thread than it was begun in
    entry = (own or entered)[-1]
    entries.remove(entry)
    try:
        _original.release_guard(entry.guard)
    except GLib.Error as error:
        raise _translated(error).with_traceback(error.__traceback__) from None


def locked(path, timeout=None, **properties):
    """Decorates a function or coroutine function to run under the lock of a file.

    Each call makes a claim of its own, so threads, tasks and processes exclude each
    other. The timeout is in seconds, None for ever; the further arguments are
    properties of Lf.LockFile.
    """
    # Where the program changes its directory to does not matter
    path = Lf.LockFile.new(path).get_path()

    def decorate(function):
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError('a generator cannot be locked: it runs after the call')

        @functools.wraps(function)
        def call(*args, **kwargs):
            with Lf.LockFile(path=path, timeout=timeout, **properties):
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def call_async(*args, **kwargs):
            async with Lf.LockFile(path=path, timeout=timeout, **properties):
                return await function(*args, **kwargs)

        return call_async if inspect.iscoroutinefunction(function) else call
    return decorate


# What is patched ------------------------------------------------------------------

class _OfClassAndMember:
    """A function of an enumeration that is a method of its members too."""

    def __init__(self, function):
        self._function = function

    def __get__(self, member, owner):
        return self._function if member is None else functools.partial(self._function, member)


_USUAL_TIMEOUT = object()


class _Empty:
    pass


class _LockFile:
    """The methods that Lf.LockFile gets."""

    def __init__(self, *args, **kwargs):
        if kwargs.get('path') is not None:
            kwargs.update(_path_property(kwargs.pop('path')))
        if 'timeout' in kwargs:
            kwargs['timeout'] = _seconds(kwargs['timeout'])
        _original.__init__(self, *args, **kwargs)

    @staticmethod
    def new(path):
        return _original.new(_path_to_bytes(path))

    @staticmethod
    def new_with_backend(path, backend):
        return _original.new_with_backend(_path_to_bytes(path), backend)

    def __repr__(self):
        state = 'held' if self.is_held() else 'not held'
        backend = self.get_backend().value_nick.upper().replace('-', '_')
        return f'<Lf.LockFile {self.get_path()!r} {backend}, {state}>'

    def set_timeout(self, timeout):
        _original.set_timeout(self, _seconds(timeout))

    def acquire(self, cancellable=None):
        return _acquire(self, self.get_timeout(), cancellable)

    def acquire_with_timeout(self, timeout, cancellable=None):
        return _acquire(self, _seconds(timeout), cancellable)

    def acquire_guard(self, cancellable=None):
        return _acquire(self, self.get_timeout(), cancellable, with_guard=True)

    def acquire_guard_with_timeout(self, timeout, cancellable=None):
        return _acquire(self, _seconds(timeout), cancellable, with_guard=True)

    def acquired(self, timeout=_USUAL_TIMEOUT):
        """Returns a context manager that acquires and releases.

        The timeout is in seconds, None for ever; if it is not given, it is that of the
        lock file.
        """
        return _Acquired(self, self.get_timeout() if timeout is _USUAL_TIMEOUT
                         else _seconds(timeout))

    def __enter__(self):
        _enter(self, self.get_timeout())
        return self

    def __exit__(self, *exception):
        _exit(self)

    async def __aenter__(self):
        await _run(self, 'acquire')
        return self

    async def __aexit__(self, *exception):
        await _run(self, 'release')


_FAILING_METHODS = ('try_acquire', 'acquire_finish', 'acquire_with_timeout_finish',
                    'acquire_guard_finish', 'release',
                    'release_finish', 'is_locked', 'is_locked_finish', 'query_holder',
                    'query_holder_finish', 'query_scope', 'query_scope_finish', 'break_lock',
                    'break_lock_finish')
_ASYNC_METHODS = ('acquire', 'acquire_guard', 'release', 'is_locked', 'query_holder',
                  'query_scope', 'break_lock')
_OTHER_METHODS = ('__init__', 'new', 'new_with_backend', 'set_timeout', 'acquire_with_timeout',
                  'acquire_with_timeout_async', 'acquire_guard_with_timeout',
                  'is_held_by_thread')

_original = types.SimpleNamespace()


def _get_patches():
    """The methods for Lf.LockFile. Nothing is changed yet: something may be missing."""
    for name in (*_FAILING_METHODS, *_OTHER_METHODS, *(name + '_async' for name in _ASYNC_METHODS)):
        setattr(_original, name, getattr(Lf.LockFile, name))
    _original.release_guard = Lf.LockGuard.release

    patches = {name: value for name, value in vars(_LockFile).items() if name not in vars(_Empty)}
    patches['__init__'] = _LockFile.__init__
    for name in _FAILING_METHODS:
        patches[name] = _translating(getattr(_original, name))
    for name in _ASYNC_METHODS:
        patches[name + '_async'] = _awaitable(name)
    patches['acquire_with_timeout_async'] = functools.wraps(
        _original.acquire_with_timeout_async)(_acquire_with_timeout_async)
    return patches


def _override():
    patches = _get_patches()
    is_supported = _OfClassAndMember(Lf.Backend.is_supported)

    _add_errors('LockError', {
        'FAILED': ('LockFailed',),
        'ALREADY_LOCKED': ('AlreadyLocked',),
        'TIMED_OUT': ('LockTimeout', TimeoutError),
        'WOULD_DEADLOCK': ('WouldDeadlock',),
    })
    _add_errors('UnlockError', {
        'FAILED': ('UnlockFailed',),
        'NOT_LOCKED': ('NotLocked',),
        'NOT_MY_LOCK': ('NotMyLock',),
    })
    _add_errors('BackendError', {
        'FAILED': ('BackendFailed',),
        'NOT_SUPPORTED': ('NotSupported',),
        'INVALID_LOCK_FILE': ('InvalidLockFile',),
    })

    for name, value in patches.items():
        setattr(Lf.LockFile, name, value)
    Lf.LockGuard.release = _translating(_original.release_guard)
    Lf.Backend.is_supported = is_supported
    __all__.append('locked')


try:
    _override()
except AttributeError:
    # Another version of Lf, which works without
    __all__.clear()
