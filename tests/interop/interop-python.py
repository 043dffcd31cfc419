#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Other Python modules, as test-interop.c uses them:

interop-python.py PROGRAM hold PATH  prints "busy" if it has to wait and "held" when it has
                                     the lock, and releases it at a line of input
interop-python.py PROGRAM try PATH   tries once, and prints "held" or "busy"
interop-python.py PROGRAM info PATH  prints the PID that it reads in the lock
"""

import fcntl
import importlib
import os
import struct
import sys


class Kernel:
    """The standard library's modules, which call the system's functions."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)

    def acquire(self, wait):
        try:
            self.lock(wait)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def release(self):
        os.close(self.fd)


class Flock(Kernel):
    def lock(self, wait):
        fcntl.flock(self.fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


class Lockf(Kernel):
    """fcntl.lockf() uses fcntl(2) and not lockf(3)."""

    mode = fcntl.LOCK_EX

    def lock(self, wait):
        fcntl.lockf(self.fd, self.mode | (0 if wait else fcntl.LOCK_NB))


class SharedLockf(Lockf):
    mode = fcntl.LOCK_SH


class PosixLockf(Kernel):
    """os.lockf() uses lockf(3)."""

    def lock(self, wait):
        os.lockf(self.fd, os.F_LOCK if wait else os.F_TLOCK, 0)


class OpenFileDescription(Kernel):
    """Open-file-description locks, which systemd uses, for example."""

    def lock(self, wait):
        whole_file = struct.pack('hhqqi0q', fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(self.fd, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, whole_file)


class PyLockfile:
    """A class of the module lockfile."""

    suffix = '.lock'

    def __init__(self, path):
        name = type(self).__name__
        module = importlib.import_module('lockfile.' + name.lower())
        self.errors = importlib.import_module('lockfile')
        self.peer = getattr(module, name)(path.removesuffix(self.suffix))
        self.release = self.peer.release

    def acquire(self, wait):
        while True:
            try:
                self.peer.acquire(timeout=1 if wait else 0)
                return True
            except self.errors.AlreadyLocked:
                return False
            # Initially not None, which PIDLockFile takes for 0. It polls ten times in this
            # time
            except self.errors.LockTimeout:
                pass


class LinkLockFile(PyLockfile):
    pass


class MkdirLockFile(PyLockfile):
    pass


class SymlinkLockFile(PyLockfile):
    pass


class PIDLockFile(PyLockfile):
    suffix = ''

    def info(self):
        return self.peer.read_pid()


class FileLock:
    def __init__(self, path):
        self.module = importlib.import_module('filelock')
        self.peer = self.module.FileLock(path)
        self.release = self.peer.release

    def acquire(self, wait):
        try:
            self.peer.acquire(timeout=-1 if wait else 0)
        except self.module.Timeout:
            return False
        return True


class PortaLocker:
    def __init__(self, path):
        self.module = importlib.import_module('portalocker')
        self.path = path

    def acquire(self, wait):
        self.peer = self.module.Lock(self.path, timeout=1000 if wait else 0,
                                     fail_when_locked=not wait)
        try:
            self.peer.acquire()
        except self.module.AlreadyLocked:
            return False
        return True

    def release(self):
        self.peer.release()


class Fasteners:
    def __init__(self, path):
        self.peer = importlib.import_module('fasteners').InterProcessLock(path)
        self.release = self.peer.release

    def acquire(self, wait):
        return self.peer.acquire(blocking=wait)


class FastenersReader:
    def __init__(self, path):
        self.peer = importlib.import_module('fasteners').InterProcessReaderWriterLock(path)
        self.release = self.peer.release_read_lock

    def acquire(self, wait):
        return self.peer.acquire_read_lock(blocking=wait)


PROGRAMS = {
    'python-fcntl-flock': Flock,
    'python-filelock': FileLock,
    'python-portalocker': PortaLocker,
    'python-fcntl-lockf': Lockf,
    'python-fcntl-lockf-shared': SharedLockf,
    'python-os-lockf': PosixLockf,
    'python-fcntl-ofd': OpenFileDescription,
    'python-fasteners': Fasteners,
    'python-fasteners-reader': FastenersReader,
    'python-linklockfile': LinkLockFile,
    'python-mkdirlockfile': MkdirLockFile,
    'python-symlinklockfile': SymlinkLockFile,
    'python-pidlockfile': PIDLockFile,
}


def say(line):
    print(line, flush=True)


program, verb, path = sys.argv[1:]
lock = PROGRAMS[program](path)

if verb == 'info':
    say(lock.info())
elif verb == 'try':
    held = lock.acquire(wait=False)
    say('held' if held else 'busy')
    if held:
        lock.release()
elif verb == 'hold':
    if not lock.acquire(wait=False):
        say('busy')
        lock.acquire(wait=True)
    say('held')
    sys.stdin.readline()
    lock.release()
else:
    sys.exit(f'No such command: {verb}')
