#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Python's libraries, and this library from Python: python.py PROGRAM PATH [ARGUMENT...]

The commands are those of contestant.c. Each program waits in its own way.
"""

import functools
import importlib
import os
import subprocess
import sys
import tempfile
import time


class Library:
    """This library: python.py library PATH BACKEND MANNER

    The option "plain" leaves out the override.
    """

    def __init__(self, path, backend, manner):
        if 'plain' in manner:
            # Importing it fails
            sys.modules['gi.overrides.Lf'] = None
        gi = importlib.import_module('gi')
        gi.require_version('Lf', '1.0')
        Lf = importlib.import_module('gi.repository.Lf')
        self.GLib = importlib.import_module('gi.repository.GLib')
        nick = backend.upper().replace('-', '_')
        self.lock_file = Lf.LockFile(path=path, backend=getattr(Lf.Backend, nick),
                                     remove_on_release='remove' in manner)
        self.release = self.lock_file.release
        self.errors = Lf
        if 'async' in manner:
            self.context = self.GLib.MainContext.default()
            self.acquire = self.acquire_in_loop
        else:
            self.acquire = self.lock_file.acquire

    def fail(self):
        try:
            self.lock_file.try_acquire()
        except self.errors.AlreadyLocked:
            return
        sys.exit('It was not held')

    def acquire_in_loop(self):
        self.done = False
        self.lock_file.acquire_async(self.GLib.PRIORITY_DEFAULT, None, self.acquired)
        while not self.done:
            self.context.iteration(True)

    def acquired(self, lock_file, result):
        lock_file.acquire_finish(result)
        self.done = True


class PyLockfile:
    """A class of the module lockfile, which appends ".lock" to its argument."""

    def __init__(self, path, name):
        module = importlib.import_module('lockfile.' + name.lower())
        self.peer = getattr(module, name)(path.removesuffix('.lock'))
        self.acquire = self.peer.acquire
        self.release = self.peer.release


class PIDLockFile:
    """Without a timeout it does not wait; with one it polls ten times."""

    def __init__(self, path):
        self.errors = importlib.import_module('lockfile')
        self.peer = importlib.import_module('lockfile.pidlockfile').PIDLockFile(path)
        self.release = self.peer.release

    def acquire(self):
        while True:
            try:
                self.peer.acquire(timeout=1)
                return
            except self.errors.LockTimeout:
                pass


class FileLock:
    def __init__(self, path, name='FileLock'):
        self.errors = importlib.import_module('filelock')
        self.peer = getattr(self.errors, name)(path)
        self.acquire = self.peer.acquire
        self.release = self.peer.release

    def fail(self):
        try:
            self.peer.acquire(timeout=0)
        except self.errors.Timeout:
            return
        sys.exit('It was not held')


class PortaLocker:
    def __init__(self, path):
        # The interval between two polls is its default; only its timeout is not
        self.peer = importlib.import_module('portalocker').Lock(path, timeout=1000)
        self.acquire = self.peer.acquire
        self.release = self.peer.release


class LibrarySemaphore:
    """This library's semaphore: python.py library-semaphore PATH SLOTS"""

    def __init__(self, path, slots):
        gi = importlib.import_module('gi')
        gi.require_version('Lf', '1.0')
        self.peer = importlib.import_module('gi.repository.Lf').Semaphore(path, int(slots))
        self.acquire = self.peer.acquire
        self.release = self.peer.release


class PortaLockerSemaphore:
    """The semaphore of portalocker, which names its files differently."""

    def __init__(self, path, slots):
        directory, _, name = path.rpartition('/')
        # It prints its attempts to where the answers go
        importlib.import_module('portalocker.utils').print = lambda *words: None
        self.peer = importlib.import_module('portalocker').BoundedSemaphore(
            int(slots), name=name, directory=directory, timeout=1000)
        self.acquire = self.peer.acquire
        self.release = self.peer.release


class Fasteners:
    def __init__(self, path):
        self.peer = importlib.import_module('fasteners').InterProcessLock(path)
        self.acquire = self.peer.acquire
        self.release = self.peer.release

    def fail(self):
        if self.peer.acquire(blocking=False):
            sys.exit('It was not held')


class Command:
    """A program that runs a command under a lock. The command prints the time."""

    def __init__(self, *command):
        self.command = command

    def acquire(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        return int(self.process.stdout.readline())

    def release(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class FlockCommand(Command):
    """flock(1): python.py flock-command PATH RAW

    RAW is the program with that name."""

    def __init__(self, path, raw):
        super().__init__('flock', path, raw, 'stamp')


class EtcdctlCommand(Command):
    """etcdctl lock, whose command has no standard input: python.py etcdctl-command URI RAW"""

    def __init__(self, uri, raw):
        host, name = uri.removeprefix('etcd://').split('/')
        self.directory = tempfile.TemporaryDirectory()
        self.input = f'{self.directory.name}/input'
        os.mkfifo(self.input)
        super().__init__('env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', f'http://{host}', 'lock',
                         name, '--', 'sh', '-c', f'exec {raw} stamp <{self.input}')

    def acquire(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        # Waits until the command opens it too
        self.process.stdin = open(self.input, 'wb')
        return int(self.process.stdout.readline())


class Etcd3:
    """The module etcd3, through gRPC: python.py etcd3 URI"""

    def __init__(self, uri):
        host, name = uri.removeprefix('etcd://').split('/')
        client = importlib.import_module('etcd3').client(*host.split(':'))
        self.peer = client.lock(name, ttl=15)
        self.acquire = self.peer.acquire
        self.release = self.peer.release


PROGRAMS = {
    'library': Library,
    'LinkLockFile': functools.partial(PyLockfile, name='LinkLockFile'),
    'MkdirLockFile': functools.partial(PyLockfile, name='MkdirLockFile'),
    'SymlinkLockFile': functools.partial(PyLockfile, name='SymlinkLockFile'),
    'SQLiteLockFile': functools.partial(PyLockfile, name='SQLiteLockFile'),
    'PIDLockFile': PIDLockFile,
    'filelock': FileLock,
    'filelock-soft': functools.partial(FileLock, name='SoftFileLock'),
    'library-semaphore': LibrarySemaphore,
    'portalocker': PortaLocker,
    'portalocker-semaphore': PortaLockerSemaphore,
    'fasteners': Fasteners,
    'flock-command': FlockCommand,
    'etcdctl-command': EtcdctlCommand,
    'etcd3': Etcd3,
}


def cycle(lock, count):
    acquire, release, now = lock.acquire, lock.release, time.monotonic_ns
    times = []

    for _ in range(count // 10 + 1):
        acquire()
        release()

    before = now()
    for _ in range(count):
        acquire()
        release()
        after = now()
        times.append(after - before)
        before = after

    return times


def fail(lock, count):
    times = []
    for number in range(count + count // 10 + 1):
        before = time.monotonic_ns()
        lock.fail()
        after = time.monotonic_ns()
        if number > count // 10:
            times.append(after - before)
    return times


def contend(lock, start, end, hold, pause):
    waits = []

    time.sleep(max(0, start - time.monotonic_ns()) / 1e9)
    # At least once, even if the end has passed
    while not waits or time.monotonic_ns() < end:
        before = time.monotonic_ns()
        lock.acquire()
        after = time.monotonic_ns()
        waits.append(after - before)
        time.sleep(hold / 1e9)
        lock.release()
        time.sleep(pause / 1e9)

    return waits


def obey(lock, command, *numbers):
    if command == 'acquire':
        stamp = lock.acquire()
        now = time.monotonic_ns()
        # The command that is run knows the exact time
        return [stamp if isinstance(lock, Command) else now]
    if command == 'release':
        now = time.monotonic_ns()
        lock.release()
        return [now]
    if command == 'cycle':
        return cycle(lock, int(numbers[0]))
    if command == 'fail':
        return fail(lock, int(numbers[0]))
    if command == 'contend':
        return contend(lock, *map(int, numbers))
    sys.exit(f'No such command: {command}')


program, path, *further = sys.argv[1:]
lock = PROGRAMS[program](path, *further)

for line in sys.stdin:
    # In one write, even if the output is not buffered, since system calls are counted
    print(' '.join(map(str, obey(lock, *line.split()))) + '\n', end='', flush=True)
