# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the tests of lf-lock share: processes."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(tests, 'support'))
from tap_report import run_as_tap  # noqa: E402

# These may be ignored if the tests run in the background, and children inherit that
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)

LF_LOCK = os.environ['LF_LOCK']
PATIENCE = 60

# A program that prints signals, those in its arguments, until it reads a line. select()
# cannot miss a signal, unlike the moment before a read.
SAYS_SIGNALS = '''
import os, select, signal, sys
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
for name in sys.argv[1:]:
    signal.signal(getattr(signal, name), lambda number, frame: None)
print('ready', flush=True)
while reader in (ready := select.select([0, reader], [], [])[0]):
    for number in os.read(reader, 64):
        print('signal', number, flush=True)
print('end', flush=True)
'''


def backends_in_help():
    """All backends that the command's help names, even if this build lacks some."""
    output = subprocess.run([LF_LOCK, 'run', '--help'], check=True, stdout=subprocess.PIPE,
                            text=True, timeout=PATIENCE,
                            env={**os.environ, 'LC_ALL': 'C.UTF-8'}).stdout
    return re.search('this backend: (.*)', output)[1].replace(' or ', ', ').split(', ')


ALL_BACKENDS = backends_in_help()
BACKENDS = [name for name in ALL_BACKENDS if name != 'sqlite' or os.environ['LF_SQLITE'] == '1']


def wait_until(condition):
    """Returns when the condition is true. Fails after a minute."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError('It has not happened')
        time.sleep(0.002)


def has_waiter(path, kind='FLOCK'):
    """Whether the kernel lists a waiter for the lock of a path."""
    inode = f':{os.stat(path).st_ino} '
    with open('/proc/locks', encoding='ascii') as locks:
        return any('->' in line and kind in line and inode in line for line in locks)


def is_running(pid):
    """Whether the process exists, and has not ended."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as stat:
            return stat.read().rpartition(')')[2].split()[0] not in 'ZX'
    except FileNotFoundError:
        return False


class CommandTest(unittest.TestCase):
    """Each case has a directory of its own, which is the working directory."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='lockfile-glib-')
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, '/')
        os.chdir(directory.name)
        self.directory = directory.name

    def lf_lock(self, *arguments, **options):
        """Runs lf-lock until it exits."""
        options = {'capture_output': True, 'text': True, 'timeout': PATIENCE,
                   'stdin': subprocess.DEVNULL, **options}
        if 'stdout' in options or 'stderr' in options:
            del options['capture_output']
        return subprocess.run([LF_LOCK, *arguments], check=False, **options)

    def assert_ends(self, status, *arguments, **options):
        result = self.lf_lock(*arguments, **options)
        self.assertEqual(result.returncode, status, (arguments, result.stdout, result.stderr))
        return result

    def start(self, *command, **options):
        """Starts a process that does not outlive the case."""
        options = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'text': True, **options}
        process = subprocess.Popen(command, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE)

    def hold(self, *arguments, script='', **options):
        """Starts lf-lock, and returns when it has the lock.

        The process exits at the end of its input; its command_pid is the PID of the command."""
        process = self.start(LF_LOCK, 'run', *arguments, '--', 'sh', '-c',
                             f'{script}\necho $$; read -r line; true', **options)
        process.command_pid = int(process.stdout.readline())
        return process

    def finish(self, process):
        process.stdin.close()
        process.stdin = None
        return process.wait(PATIENCE)

    def send(self, process, number):
        os.kill(process.pid, getattr(signal, number))


def main():
    # The output that is read here must not depend on the user's language
    os.environ['LC_ALL'] = 'C.UTF-8'
    return run_as_tap()
