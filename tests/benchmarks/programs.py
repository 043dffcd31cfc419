# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The measured programs, and the communication with them."""

import contextlib
import dataclasses
import os
import pathlib
import select
import subprocess
import time

CONTESTANTS = pathlib.Path(__file__).parent / 'contestants'
PYTHON = '/usr/bin/python3'
PATIENCE = 120

KERNEL = ('flock', 'fcntl')
EXISTENCE = ('hard-link', 'directory', 'symlink', 'pid-file')
# Backends with a record that is written to the disk
RECORDED = ('hard-link', 'directory', 'pid-file')
BACKENDS = (*KERNEL, *EXISTENCE, 'sqlite')


class Failure(Exception):
    """A program is missing or does not work."""


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A program and how it locks; "PATH" in its command stands for the lock file."""

    name: str
    way: str
    command: tuple
    # Whether it waits in the kernel's queue. Otherwise `poll` is the longest time between
    # two polls after it has waited for a moment, unless it is woken
    queues: bool = False
    poll: float = None
    needs: str = None

    @property
    def reference(self):
        return f'system calls: {self.way}'

    @property
    def is_built(self):
        """Not run by an interpreter."""
        return self.command[0].startswith('BUILD')


def raw(way):
    return Contestant(f'system calls: {way}', way, ('BUILD/raw', way, 'PATH'), way in KERNEL)


def ours(language, backend, manner):
    """This library; library.c describes the manner and its options."""
    command = {
        'C': ('BUILD/library', backend, manner, 'PATH'),
        'Python': (PYTHON, CONTESTANTS / 'python.py', 'library', 'PATH', backend, manner),
        'GJS': ('gjs', '-m', CONTESTANTS / 'library.js', backend, manner, 'PATH'),
    }[language]
    removed = 'remove' in manner and backend in KERNEL
    name = f'{language}: {backend}, {manner.replace(",", ", ")}'
    return Contestant(name, backend + ('-remove' if removed else ''), command,
                      queues=backend in KERNEL)


def of_etcd(name, *command):
    """A lock in etcd; "PATH" stands for its URI."""
    return Contestant(name, 'etcd', command)


def python_peer(name, way, program, *arguments, **options):
    return Contestant(name, way, (PYTHON, CONTESTANTS / 'python.py', program, 'PATH', *arguments),
                      **options)


PEERS = (
    python_peer('Python filelock', 'flock', 'filelock', poll=0.05),
    python_peer('Python filelock, soft', 'pid-file', 'filelock-soft', poll=0.05),
    python_peer('Python portalocker', 'flock', 'portalocker', poll=0.25),
    python_peer('Python fasteners', 'fcntl', 'fasteners', poll=0.1),
    python_peer('Python lockfile, LinkLockFile', 'hard-link', 'LinkLockFile', poll=0.1),
    python_peer('Python lockfile, MkdirLockFile', 'directory', 'MkdirLockFile', poll=0.1),
    python_peer('Python lockfile, SymlinkLockFile', 'symlink', 'SymlinkLockFile', poll=0.1),
    python_peer('Python lockfile, PIDLockFile', 'pid-file', 'PIDLockFile', poll=0.1),
    # Its database belongs to one process, so another process cannot wait for it
    python_peer('Python lockfile, SQLiteLockFile', 'sqlite', 'SQLiteLockFile'),
    Contestant('Go gofrs/flock, Lock', 'flock', ('BUILD/gofrs', 'lock', 'PATH'),
               queues=True, needs='gofrs'),
    Contestant('Go gofrs/flock, TryLockContext', 'flock', ('BUILD/gofrs', 'context', 'PATH'),
               poll=0.678, needs='gofrs'),
    Contestant('Node.js proper-lockfile', 'directory',
               ('node', CONTESTANTS / 'proper-lockfile.js', 'PATH'), poll=1),
    Contestant('Qt QLockFile', 'pid-file', ('BUILD/qlockfile', 'PATH'), poll=0.4),
    python_peer('flock(1) with a command', 'flock', 'flock-command', 'BUILD/raw', queues=True),
)

# What can be left out if it is missing
OPTIONAL = sorted({peer.needs for peer in PEERS if peer.needs is not None})

# The counterpart of each backend in Python's lockfile
COUNTERPARTS = {
    'hard-link': 'Python lockfile, LinkLockFile',
    'directory': 'Python lockfile, MkdirLockFile',
    'symlink': 'Python lockfile, SymlinkLockFile',
    'pid-file': 'Python lockfile, PIDLockFile',
    'sqlite': 'Python lockfile, SQLiteLockFile',
}


class Program:
    """A running contestant, with its lock file."""

    def __init__(self, contestant, path, build):
        self.contestant = contestant
        self.path = path
        self.buffer = b''
        words = [str(path) if word == 'PATH' else str(word).replace('BUILD', str(build))
                 for word in contestant.command]
        try:
            self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except FileNotFoundError as error:
            raise Failure(f'{contestant.name}: {error.filename} is missing. '
                          'tests/benchmarks/run installs and builds it.') from error
        self.pid = self.process.pid

    def tell(self, *words):
        try:
            self.process.stdin.write((' '.join(map(str, words)) + '\n').encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail('ended')

    def answer(self):
        """The numbers in a line."""
        deadline = time.monotonic() + PATIENCE
        while b'\n' not in self.buffer:
            patience = max(0, deadline - time.monotonic())
            if not select.select([self.process.stdout], [], [], patience)[0]:
                self.fail('did not answer')
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if data == b'':
                self.fail('ended')
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b'\n')
        return [int(word) for word in line.split()]

    def ask(self, *words):
        self.tell(*words)
        return self.answer()

    def fail(self, what):
        raise Failure(f'{self.contestant.name}: {what}. Its messages, if any, are above; '
                      'tests/benchmarks/run installs and builds what is missing.')

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            self.fail('did not end')
        if status != 0:
            self.fail(f'ended with status {status}')

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running(build, *contestants_and_paths):
    """Runs programs until the end of the block, even after an exception."""
    programs = []
    try:
        for contestant, path in contestants_and_paths:
            programs.append(Program(contestant, path, build))
        yield programs
    except BaseException:
        for program in programs:
            program.kill()
        raise
    for program in programs:
        program.close()
