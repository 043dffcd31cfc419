# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the tests of the examples share: processes with input and output, in private
directories."""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(tests, 'support'))
from tap_report import run_as_tap  # noqa: E402, F401

# Enough to distinguish a hang from a slow answer, even on a busy machine
PATIENCE = 60
# Strings contain bytes that are not UTF-8 as '\udcXX'
BYTES = 'surrogateescape'


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f'Waited in vain for {what}')
        time.sleep(0.01)


def n_waiters(path):
    """How many processes wait for the lock of a file, as the kernel lists them.

    A line may appear twice while other locks come and go, so this counts processes.
    """
    inode = f':{os.stat(path).st_ino} '
    with open('/proc/locks') as locks:
        return len({line.split()[5] for line in locks if '->' in line and inode in line})


def with_ctrl_c():
    # Shells make their background jobs ignore it
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Program:
    """A program whose output is read line by line."""

    def __init__(self, command, env):
        self.process = subprocess.Popen(
            command, env={**os.environ, **env}, preexec_fn=with_ctrl_c,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self.process.pid
        self.buffer = b''
        self.last_line = None
        # A pattern of lines that a program may say again when nothing has changed
        self.may_repeat = None

    def has_line(self, seconds=0):
        """Whether a line is available, or becomes available in that time."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return self.buffer or ready

    def line(self):
        """The next line, or '' at the end."""
        line = self.read_line()
        while line and line == self.last_line and self.may_repeat and re.match(self.may_repeat, line):
            line = self.read_line()
        self.last_line = line
        return line

    def read_line(self):
        while b'\n' not in self.buffer:
            if not self.has_line(PATIENCE):
                raise AssertionError(f'No line from {self.process.args}')
            data = os.read(self.process.stdout.fileno(), 4096)
            if not data:
                break
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b'\n')
        return line.decode(errors=BYTES)

    def expect(self, *patterns):
        for pattern in patterns:
            line = self.line()
            if not re.fullmatch(pattern, line):
                raise AssertionError(f'Expected "{pattern}", got "{line}"')

    def type(self, text):
        self.process.stdin.write(text.encode(errors=BYTES))
        self.process.stdin.flush()

    def end_of_input(self):
        self.process.stdin.close()

    def ctrl_c(self):
        self.process.send_signal(signal.SIGINT)

    def expect_end(self, status=0, errors=''):
        """The rest of the output is empty, and this is the exit status as a shell sees it."""
        rest = self.line()
        said = self.process.stderr.read().decode(errors=BYTES)
        actual = self.process.wait(PATIENCE)
        actual = actual if actual >= 0 else 128 - actual
        if rest or actual != status or not re.fullmatch(errors, said):
            raise AssertionError(f'Expected status {status} and "{errors}", '
                                 f'got {actual} and "{said}" after "{rest}"')

    def clean_up(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass


class ExampleTest(unittest.TestCase):
    """A test of programs in the languages of its class, one after the other."""

    commands = {}
    languages = []
    env = {'LC_ALL': 'C.UTF-8'}

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='lockfile-glib-')
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.n_started = 0

    def start(self, name, *arguments):
        language = self.languages[self.n_started % len(self.languages)]
        self.n_started += 1
        # Each test has a runtime directory of its own
        env = {'XDG_RUNTIME_DIR': self.directory, **self.env}
        program = Program([*self.commands[name, language], *map(str, arguments)], env)
        self.addCleanup(program.clean_up)
        return program

    def path_to(self, name):
        return os.path.join(self.directory, name)

    def path(self, name, content=''):
        path = self.path_to(name)
        with open(path, 'w', newline='', errors=BYTES) as file:
            file.write(content)
        return path

    def assert_content(self, path, content):
        with open(path, newline='', errors=BYTES) as file:
            self.assertEqual(file.read(), content)
