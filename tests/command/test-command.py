#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""lf-lock: its options, its exit status, its output, and signals."""

import datetime
import json
import os
import pathlib
import pwd
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time

from command_testing import (BACKENDS, LF_LOCK, PATIENCE, SAYS_SIGNALS, CommandTest, has_waiter,
                             is_running, main, wait_until)

USER = pwd.getpwuid(os.getuid()).pw_name
TIME = r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d'
EXISTENCE = ['hard-link', 'directory', 'symlink', 'pid-file']

# A shell with a trap may begin to read after the signal, and miss it
ENDS_AT_SIGNAL = """
import signal, sys
awaited = {signal.Signals[sys.argv[1]]}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print('ready', flush=True)
signal.sigwait(awaited)
sys.exit(int(sys.argv[2]))
"""


# A process that only the superuser may look into, as those of other users
IS_CLOSED = """
import ctypes, fcntl, sys
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
file = open(sys.argv[1], 'a')
fcntl.flock(file, fcntl.LOCK_SH)
print('held', flush=True)
sys.stdin.readline()
"""


def lf_lock_without(*descriptors):
    """How to run lf-lock with these descriptors closed."""
    redirections = ' '.join(f'{fd}>&-' for fd in descriptors)
    return ['sh', '-c', f'exec "$@" {redirections}', 'sh', LF_LOCK]


class Run(CommandTest):
    def test_status_of_the_command(self):
        for status in [0, 1, 75, 255]:
            self.assert_ends(status, 'run', 'x.lock', '--', 'sh', '-c', f'exit {status}')

    def test_signal_of_the_command(self):
        for number in [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV]:
            self.assert_ends(128 + number, 'run', 'x.lock', '--', 'sh', '-c',
                             f'ulimit -c 0; kill -{number.value} $$')

    def test_separator(self):
        for words in [['--'], []]:
            result = self.assert_ends(0, 'run', '-n', 'x.lock', *words, 'printf', '%s,', '-n', '--')
            self.assertEqual(result.stdout, '-n,--,')
        result = self.assert_ends(0, 'run', '--', '-x.lock', '--', 'echo', 'it')
        self.assertEqual(result.stdout, 'it\n')
        self.assertTrue(os.path.exists('-x.lock'))

    def test_options_together(self):
        self.hold('x.lock')
        for options in [['-nE9'], ['-nE', '9'], ['-nsbflock', '-E9'], ['-nsE', '9', '--']]:
            self.assert_ends(9, 'run', *options, 'x.lock', '--', 'true')
        self.assert_ends(9, 'run', '-nE', '9', 'x.lock', '-w5')

    def test_input_and_output(self):
        result = self.assert_ends(0, 'run', 'x.lock', '--', 'sh', '-c', 'cat; echo error >&2',
                                  input='input', stdin=None)
        self.assertEqual((result.stdout, result.stderr), ('input', 'error\n'))

    def test_debug_messages(self):
        """Debug messages do not appear in the output of lf-lock or of the command."""
        environment = {**os.environ, 'G_MESSAGES_DEBUG': 'all'}
        result = self.assert_ends(0, 'run', 'x.lock', 'echo', 'it', env=environment)
        self.assertEqual(result.stdout, 'it\n')
        self.assertIn('DEBUG', result.stderr)
        result = self.assert_ends(0, 'status', '--json', 'x.lock', env=environment)
        self.assertIs(json.loads(result.stdout)[0]['locked'], False)

    def test_not_found(self):
        result = self.assert_ends(127, 'run', 'x.lock', '--', 'no-such-command')
        self.assertIn('no-such-command', result.stderr)
        self.assert_ends(127, 'run', 'x.lock', '--', './no-such-file')
        self.assert_ends(127, 'run', 'x.lock', '--', '')

    def test_not_executable(self):
        pathlib.Path('file').touch(0o644)
        self.assert_ends(126, 'run', 'x.lock', '--', './file')
        self.assert_ends(126, 'run', 'x.lock', '--', '.')
        self.assert_ends(126, 'run', 'x.lock', '--', './file/beneath')
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_locks_itself(self):
        """A script that is its own lock file, as with flock(1)."""
        script = pathlib.Path('script')
        script.write_text(f'#!/bin/sh\n[ "$1" ] && exec echo ran\n'
                          f'exec {LF_LOCK} run -n "$0" "$0" again\n', encoding='utf-8')
        script.chmod(0o755)
        for _ in range(2):
            result = subprocess.run(['./script'], capture_output=True, text=True, check=False)
            self.assertEqual((result.returncode, result.stdout), (0, 'ran\n'), result.stderr)

    def test_what_flock_locks(self):
        """A directory, and a file that may only be read."""
        os.mkdir('directory')
        pathlib.Path('read-only').touch(0o444)
        for path in ['directory', 'read-only']:
            held = ['run', path, '--', LF_LOCK, 'run', '-n', path, 'true']
            self.assert_ends(75, *held)
            self.assert_ends(0, 'run', '-n', path, '--', 'true')
            self.assertTrue(os.path.exists(path))

    def test_is_locked_meanwhile(self):
        result = self.assert_ends(75, 'run', 'x.lock', '--', LF_LOCK, 'run', '-n', 'x.lock', 'true')
        self.assertRegex(result.stderr, r'x\.lock is locked already: held by PID \d+ \(\S*lf-lock run -n '
                                        r'x\.lock true\), user \S+, exclusive, since 2')
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_backends(self):
        for backend in BACKENDS:
            for option in [['-b', backend], [f'-b{backend}'], ['--backend', backend],
                           [f'--backend={backend}']]:
                path = f'{backend}-{len(option[0])}.lock'
                with self.subTest(option=option):
                    holder = self.hold(*option, path)
                    self.assert_ends(75, 'run', '-n', *option, path, '--', 'true')
                    self.assertEqual(self.finish(holder), 0)
                    self.assert_ends(0, 'run', '-n', *option, path, '--', 'true')

    def test_shared(self):
        for option in ['-s', '--shared']:
            self.hold(option, 'x.lock')
            self.assert_ends(0, 'run', '-n', option, 'x.lock', '--', 'true')
            self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')

    def test_shared_is_excluded(self):
        self.hold('x.lock')
        self.assert_ends(75, 'run', '-n', '-s', 'x.lock', '--', 'true')

    def test_nonblock(self):
        self.hold('x.lock')
        for option in ['-n', '--nonblock', '-w0', '--timeout=0']:
            result = self.assert_ends(75, 'run', option, 'x.lock', '--', 'echo', 'no')
            self.assertEqual(result.stdout, '')
            self.assertIn('is locked already', result.stderr)

    def test_timeout(self):
        self.hold('x.lock')
        for options in [['-w', '0.3'], ['-w0.3'], ['-sw0.3'], ['--timeout', '0.3'],
                        ['--timeout=0.3']]:
            begin = time.monotonic()
            result = self.assert_ends(75, 'run', *options, 'x.lock', '--', 'echo', 'no')
            self.assertGreaterEqual(time.monotonic() - begin, 0.3)
            self.assertEqual(result.stdout, '')
            self.assertIn('Timed out', result.stderr)

    def test_gets_it_in_time(self):
        for timeout in ['-1', '60', '1e300']:
            holder = self.hold('x.lock')
            waiter = self.start(LF_LOCK, 'run', '-w', timeout, 'x.lock', '--', 'echo', 'got it')
            wait_until(lambda: has_waiter('x.lock'))
            self.finish(holder)
            self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], 'got it\n')
            self.assertEqual(waiter.returncode, 0)

    def test_conflict_exit_code(self):
        self.hold('x.lock')
        for options in [['-E', '0'], ['-E3'], ['--conflict-exit-code', '255']]:
            status = int(options[-1].removeprefix('-E'))
            self.assert_ends(status, 'run', '-n', *options, 'x.lock', '--', 'true')
            self.assert_ends(status, 'run', '-w0.01', *options, 'x.lock', '--', 'true')
        # -E sets only the status for a held lock
        self.assert_ends(73, 'run', '-E3', 'missing/x.lock', '--', 'true')

    def test_remove(self):
        for option in ['-r', '--remove']:
            self.assert_ends(0, 'run', option, 'x.lock', '--', 'test', '-e', 'x.lock')
            self.assertFalse(os.path.exists('x.lock'))
        self.assert_ends(0, 'run', 'x.lock', '--', 'true')
        self.assertTrue(os.path.exists('x.lock'))

    def test_content_is_kept(self):
        pathlib.Path('data').write_text('content', encoding='ascii')
        self.assert_ends(0, 'run', '-r', 'data', '--', 'true')
        self.assertEqual(pathlib.Path('data').read_text(encoding='ascii'), 'content')

    def test_command_has_no_lock(self):
        """No descriptor of the lock file is left open in the command."""
        result = self.assert_ends(0, 'run', 'x.lock', '--', 'ls', '-l', '/proc/self/fd')
        self.assertNotIn('x.lock', result.stdout)
        self.assertNotIn('pipe:', result.stdout.split(' 2 ->')[1].split('\n', 1)[1])

    def test_closed_descriptors(self):
        """The lock file never gets a standard descriptor, into which messages would go."""
        for descriptors in [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]]:
            for command, status in [('no-such-command', 127), ('true', 0)]:
                with self.subTest(descriptors=descriptors, command=command):
                    pathlib.Path('data').write_text('content', encoding='ascii')
                    result = subprocess.run([*lf_lock_without(*descriptors), 'run', 'data', command],
                                            check=False, capture_output=True, timeout=PATIENCE)
                    self.assertEqual(result.returncode, status)
                    self.assertEqual(pathlib.Path('data').read_text(encoding='ascii'), 'content')

    def test_closed_descriptors_of_the_command(self):
        """Descriptors that are closed in lf-lock are closed in the command."""
        script = '[ -e /proc/$$/fd/0 ] || closed=0; [ -e /proc/$$/fd/1 ] || closed="$closed 1"; ' \
                 '[ -e /proc/$$/fd/2 ] || closed="$closed 2"; echo $closed >closed'
        for descriptors in [[0], [1], [2], [0, 1, 2]]:
            subprocess.run([*lf_lock_without(*descriptors), 'run', 'x.lock', 'sh', '-c', script],
                           check=True, timeout=PATIENCE)
            closed = pathlib.Path('closed').read_text(encoding='ascii').split()
            self.assertEqual(closed, [str(fd) for fd in descriptors])

    def test_what_stays_behind_has_no_lock(self):
        holder = self.hold('x.lock', script='sleep 1000 </dev/null >/dev/null 2>&1 & echo $!')
        sleeper = holder.command_pid
        self.addCleanup(os.kill, sleeper, signal.SIGKILL)
        self.assertEqual(self.finish(holder), 0)
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')
        self.assertTrue(is_running(sleeper))

    def test_lost(self):
        for script, status, what in [
                ('rm x.lock', 76, 'removed'), ('rm x.lock; exit 5', 5, 'removed'),
                ('mv x.lock y.lock; : >x.lock', 76, 'replaced'),
                ('mv x.lock y.lock; ln -s y.lock x.lock', 76, 'replaced')]:
            result = self.assert_ends(status, 'run', 'x.lock', '--', 'sh', '-c', script)
            self.assertIn(f'x.lock was {what} while the command ran, so the lock was lost: The lock of ',
                          result.stderr)
            for name in ['x.lock', 'y.lock']:
                if os.path.lexists(name):
                    os.remove(name)

    def test_lost_kill(self):
        for backend in BACKENDS:
            for script, status in [('trap "exit 0" TERM', 76), ('', 76)]:
                holder = self.hold('-b', backend, '--on-lost=kill', 'x.lock', script=script,
                                   stderr=subprocess.PIPE)
                self.assert_ends(0, 'break', '-b', backend, 'x.lock')
                self.assertEqual(holder.wait(PATIENCE), status)
                self.assertFalse(is_running(holder.command_pid))
                self.assertEqual(holder.stderr.read().count('so the lock was lost'), 1)

    def test_lost_kill_stubborn(self):
        for script in ['trap "" TERM', '']:
            holder = self.hold('--on-lost', 'kill', 'x.lock', script=script,
                               stderr=subprocess.DEVNULL)
            # A stopped command does not react to SIGTERM
            if not script:
                os.kill(holder.command_pid, signal.SIGSTOP)
            os.remove('x.lock')
            self.assertEqual(holder.wait(PATIENCE), 76)
            self.assertFalse(is_running(holder.command_pid))

    def test_lost_warn(self):
        """The message is printed once, while the command runs."""
        holder = self.hold('--on-lost=warn', 'x.lock', stderr=subprocess.PIPE)
        os.remove('x.lock')
        self.assertIn('x.lock was removed while the command ran', holder.stderr.readline())
        self.assertTrue(is_running(holder.command_pid))
        self.assertEqual(self.finish(holder), 76)
        self.assertEqual(holder.stderr.read(), '')

    def test_lost_ignore(self):
        result = self.assert_ends(0, 'run', '--on-lost=ignore', 'x.lock', '--', 'rm', 'x.lock')
        self.assertEqual(result.stderr, '')

    def test_lost_never(self):
        """If the lock is not lost, --on-lost changes nothing."""
        for action in ['kill', 'warn', 'ignore']:
            for backend in BACKENDS:
                self.assert_ends(3, 'run', f'--on-lost={action}', '-b', backend, '-r', 'x.lock',
                                 '--', 'sh', '-c', 'exit 3')

    def test_lost_usage(self):
        for arguments in [['--on-lost=cry', 'x.lock', '--', 'true'], ['--on-lost=kill', '9'],
                          ['--on-lost'],
                          *([*option, '--on-lost=warn', 'x.lock', '--', 'true']
                            for option in [['-F'], ['--inherit'], ['--slots', '2']])]:
            result = self.assert_ends(64, 'run', *arguments)
            self.assertIn('lost', result.stderr)

    def test_lease(self):
        """Somebody else gets the lock while lf-lock is stopped. When it continues, it says so,
        and leaves the lock to its new holder."""
        holders = [self.hold('-b', 'directory', '--lease-duration=2', *options, name,
                             stderr=subprocess.PIPE)
                   for name, options in [('kill', ['--on-lost=kill']), ('warn', ['--on-lost=warn']),
                                         ('end', []), ('ignore', ['--on-lost=ignore'])]]
        for holder in holders:
            self.send(holder, 'SIGSTOP')
        others = [self.hold('-b', 'directory', name) for name in ['kill', 'warn', 'end', 'ignore']]
        for holder in holders:
            self.send(holder, 'SIGCONT')

        killed, warned, ended, ignoring = holders
        self.assertEqual(killed.wait(PATIENCE), 76)
        self.assertFalse(is_running(killed.command_pid))
        # Either its end or its new holder is noticed first
        self.assertIn('the command ran', killed.stderr.read())
        self.assertIn('the command ran', warned.stderr.readline())
        self.assertTrue(is_running(warned.command_pid))
        self.assertEqual(self.finish(warned), 76)
        self.assertEqual(self.finish(ended), 76)
        self.assertIn('end was replaced while the command ran', ended.stderr.read())
        self.assertEqual(self.finish(ignoring), 0)
        self.assertEqual(ignoring.stderr.read(), '')
        for other in others:
            self.assertEqual(self.finish(other), 0)

    def test_lease_left(self):
        """While nobody takes the lock over, it stays where it is; nobody has replaced it."""
        ended, killed = (self.hold('-b', 'directory', '--lease-duration=2', *options, name,
                                   stderr=subprocess.PIPE)
                         for name, options in [('end', []), ('kill', ['--on-lost=kill'])])
        for holder in [ended, killed]:
            self.send(holder, 'SIGSTOP')
        wait_until(lambda: self.lf_lock('status', '-b', 'directory', 'end', 'kill').returncode == 0)
        for holder in [ended, killed]:
            self.send(holder, 'SIGCONT')
        self.assertEqual(killed.wait(PATIENCE), 76)
        self.assertEqual(self.finish(ended), 76)
        for name, holder in [('end', ended), ('kill', killed)]:
            self.assertIn(f'{name} was lost while the command ran: The l', holder.stderr.read())
            self.assert_ends(0, 'run', '-n', '-b', 'directory', name, '--', 'true')

    def test_lease_usage(self):
        for value in ['1', '1.9', '-2', 'nan', 'inf', 'soon']:
            self.assert_ends(64, 'run', f'--lease-duration={value}', 'x.lock', '--', 'true')
        for arguments in [['9'], *([*option, 'x.lock', '--', 'true']
                                   for option in [['-F'], ['--inherit'], ['--slots', '2']])]:
            result = self.assert_ends(64, 'run', '--lease-duration=2', *arguments)
            self.assertIn('--lease-duration needs a command', result.stderr)
        self.assert_ends(0, 'run', '--lease-duration=0', 'x.lock', '--', 'true')
        # Kernel locks have no leases
        result = self.assert_ends(69, 'run', '--lease-duration=2', 'y.lock', '--', 'true')
        self.assertIn('FLOCK has no leases', result.stderr)
        self.assertFalse(os.path.exists('y.lock'))

    def test_broken(self):
        for backend in BACKENDS:
            holder = self.hold('-b', backend, 'x.lock')
            self.assert_ends(0, 'break', '-b', backend, 'x.lock')
            self.assert_ends(0, 'run', '-n', '-b', backend, 'x.lock', '--', 'true')
            self.assertEqual(self.finish(holder), 76)
            if os.path.exists('x.lock'):
                os.remove('x.lock')

    def test_sleeps_while_the_command_runs(self):
        def count():
            with open(f'/proc/{holder.pid}/status', encoding='utf-8') as status:
                return [line for line in status if 'ctxt_switches' in line]

        def is_asleep():
            with open(f'/proc/{holder.pid}/stat', encoding='utf-8') as stat_file:
                return stat_file.read().rpartition(')')[2].split()[0] == 'S'

        holder = self.hold('x.lock')
        # It is counted just after it is seen
        wait_until(lambda: all(is_asleep() for _ in range(20)))
        before = count()
        # A polling program would have woken up by then
        time.sleep(0.7)
        self.assertEqual(count(), before)

    def test_silent_without_a_terminal(self):
        holder = self.hold('x.lock')
        waiter = self.start(LF_LOCK, 'run', 'x.lock', '--', 'true', stderr=subprocess.PIPE)
        wait_until(lambda: has_waiter('x.lock'))
        self.finish(holder)
        self.assertEqual(waiter.communicate(timeout=PATIENCE), ('', ''))

    def test_order(self):
        """Waiters are served in order of arrival, including flock(1)."""
        holder = self.hold('x.lock')
        waiters = []
        for n, program in enumerate([[LF_LOCK, 'run'], ['flock'], [LF_LOCK, 'run', '-w60'],
                                     ['flock']]):
            process = self.start(*program, 'x.lock', 'sh', '-c', f'echo {n} >>order')
            waiters.append(process)
            wait_until(lambda process=process: self.waits(process))
        self.finish(holder)
        for process in waiters:
            self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(pathlib.Path('order').read_text(encoding='ascii').split(), list('0123'))

    def waits(self, process):
        """Whether a thread of the process waits in flock(2).

        The kernel lists the PID of the process for each of its threads."""
        with open('/proc/locks', encoding='ascii') as locks:
            return any('->' in line and f' {process.pid} ' in line for line in locks)


class Statuses(CommandTest):
    """Each exit status of lf-lock itself, except for those in Run."""

    def test_usage(self):
        for arguments in [
                [], ['no-such-command'], ['--no-such-option'],
                ['run'], ['run', 'x.lock'], ['run', 'x.lock', '--'],
                ['run', '--no-such-option', 'x.lock', 'true'],
                ['run', '-b', 'none', 'x.lock', 'true'],
                ['run', '-b'], ['run', '-w'],
                ['run', '-w', 'soon', 'x.lock', 'true'], ['run', '-w', 'nan', 'x.lock', 'true'],
                ['run', '-w', 'inf', 'x.lock', 'true'],
                ['run', '-E', '256', 'x.lock', 'true'], ['run', '-E', '-1', 'x.lock', 'true'],
                ['run', '-E', 'x', 'x.lock', 'true'],
                ['status'], ['status', '--no-such-option', 'x.lock'],
                ['status', '-b', 'none', 'x.lock'],
                ['break'], ['break', 'x.lock', 'y.lock'], ['break', '-b', 'none', 'x.lock'],
                *(['run', *option, 'etcd://host/x', 'true']
                  for option in (['-s'], ['-r'], ['-F'], ['--inherit'], ['--slots', '2'],
                                 ['-b', 'flock'], ['--fcntl'])),
                ['status', '-b', 'flock', 'x.lock', 'etcd+tls://host/x'],
                ['status', '--slots', '2', 'etcd://host/x'],
                ['break', '-b', 'flock', 'etcd+unix:/x'],
        ]:
            with self.subTest(arguments=arguments):
                result = self.assert_ends(64, *arguments)
                self.assertEqual(result.stdout, '')
                self.assertIn('lf-lock: Try "lf-lock', result.stderr)
        self.assertEqual(os.listdir(), [])

    def test_not_a_lock(self):
        os.mkfifo('fifo')
        self.assert_ends(65, 'run', 'fifo', '--', 'true')
        self.assert_ends(65, 'status', 'fifo')

    def test_break_would_remove_data(self):
        pathlib.Path('data').write_text('content', encoding='ascii')
        self.hold('data')
        self.assert_ends(65, 'break', 'data')
        self.assertEqual(pathlib.Path('data').read_text(encoding='ascii'), 'content')

    def test_not_supported(self):
        for backend in EXISTENCE:
            self.assert_ends(69, 'run', '--shared', '-b', backend, 'x.lock', '--', 'true')
        for arguments in [['run', '-b', 'lock-file-ex', 'x.lock', 'true'],
                          ['status', '-b', 'lock-file-ex', 'x.lock'],
                          ['break', '-b', 'lock-file-ex', 'x.lock']]:
            self.assert_ends(69, *arguments)

    def test_remote(self):
        """A URI is not taken for a path. Without the module, the error names it."""
        no_modules = {'env': {**os.environ, 'LF_MODULES': self.directory}}
        for uri in 'etcd://host:2379/x', 'etcd+tls://host:2379/x', 'etcd+unix://%2Fs/x':
            result = self.assert_ends(69, 'run', uri, '--', 'touch', 'ran', **no_modules)
            self.assertIn(self.directory, result.stderr)
            self.assertIn('lockfile-glib-etcd', result.stderr)
            result = self.assert_ends(69, 'status', '--json', uri, **no_modules)
            status, = json.loads(result.stdout)
            self.assertEqual((status['path'], status['uri'], status['exists'], status['locked']),
                             (None, uri, None, None))
            result = self.assert_ends(69, 'break', '--json', uri, **no_modules)
            result = json.loads(result.stdout)
            self.assertEqual((result['path'], result['uri'], result['broken']), (None, uri, False))
        self.assertEqual(os.listdir(), [])
        os.mkdir('etcd:')
        self.assert_ends(0, 'run', './etcd://x.lock', 'true')

    def test_system(self):
        """No descriptor is left for the pipe to the child."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))

        result = self.assert_ends(71, 'run', 'x.lock', '--', 'true', preexec_fn=limit)
        self.assertIn('lf-lock: ', result.stderr)

    def test_path(self):
        for command in [['run', 'missing/x.lock', '--', 'true'], ['run', '', '--', 'true']]:
            self.assert_ends(73, *command)
        pathlib.Path('file').touch()
        self.assert_ends(73, 'run', 'file/x.lock', '--', 'true')

    def test_output(self):
        with open('/dev/full', 'w', encoding='ascii') as full:
            for arguments in [['status', 'x.lock'], ['status', '--json', 'x.lock'], ['--version'],
                              ['--help'], ['run', '--help'], ['status', '-h']]:
                self.assert_ends(74, *arguments, stdout=full, stderr=subprocess.DEVNULL)

    def test_output_closed(self):
        for arguments in [['status', 'x.lock'], ['--version']]:
            result = subprocess.run([*lf_lock_without(1), *arguments], check=False,
                                    capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(result.returncode, 74)
            self.assertIn('Cannot write the output', result.stderr)


class Status(CommandTest):
    def test_free_and_held(self):
        missing = 'x.lock: free, since the file does not exist\n'
        self.assertEqual(self.assert_ends(0, 'status', 'x.lock').stdout, missing)
        self.assertEqual(os.listdir(), [])
        holder = self.hold('x.lock')
        self.assertRegex(self.assert_ends(1, 'status', 'x.lock').stdout,
                         rf'^x\.lock: held by PID {holder.pid} \(sh -c .*\), .*\n$')
        self.finish(holder)
        self.assertEqual(self.assert_ends(0, 'status', 'x.lock').stdout, 'x.lock: free\n')

    def test_several(self):
        holder = self.hold('b.lock')
        for name in ['a.lock', 'c.lock']:
            pathlib.Path(name).touch()
        result = self.assert_ends(1, 'status', 'a.lock', 'b.lock', 'c.lock')
        first, second, third = result.stdout.splitlines()
        self.assertEqual((first, third), ('a.lock: free', 'c.lock: free'))
        self.assertIn(f'b.lock: held by PID {holder.pid} ', second)

    def test_errors(self):
        """An error does not prevent the other lines, and determines the exit status."""
        os.mkfifo('fifo')
        self.hold('b.lock')
        result = self.assert_ends(65, 'status', 'a.lock', 'fifo', 'b.lock')
        self.assertEqual(len(result.stdout.splitlines()), 2)
        self.assertIn('fifo', result.stderr)

    def test_backends(self):
        for backend in BACKENDS:
            for option in [['-b', backend], [f'--backend={backend}']]:
                path = f'{backend}-{len(option)}.lock'
                holder = self.hold('-b', backend, path)
                self.assertRegex(
                    self.assert_ends(1, 'status', *option, path).stdout,
                    rf'^{path}: held by PID {holder.pid} \(sh -c .*\), user {USER}, exclusive, '
                    rf'since {TIME}\n$')
        self.assert_ends(0, 'status', '-b', 'fcntl', 'flock-2.lock')

    def test_another_host(self):
        record = '4242\ngedit\nelsewhere\n\n\n'
        pathlib.Path('x.lock').write_text(record, encoding='ascii')
        result = self.assert_ends(1, 'status', '-b', 'pid-file', 'x.lock')
        self.assertRegex(result.stdout, '^x.lock: held by PID 4242 \\(gedit\\) on elsewhere, '
                                        f'exclusive, since {TIME}\n$')

    def test_another_process(self):
        """If a PID is from another namespace, the process with that PID here is not named."""
        with open('/etc/machine-id', encoding='ascii') as machine_id:
            record = f'{os.getpid()}\nno-python\n{socket.gethostname()}\n{machine_id.read()}\n'
        pathlib.Path('x.lock').write_text(record, encoding='ascii')
        result = self.assert_ends(1, 'status', '-b', 'pid-file', 'x.lock')
        self.assertIn(f'held by PID {os.getpid()} (no-python), exclusive, since', result.stdout)

    def test_who(self):
        """Names the command that lf-lock runs, its user, and since when and how it holds
        the lock."""
        begin = datetime.datetime.now() - datetime.timedelta(seconds=1)
        for backend in ['flock', 'fcntl', 'sqlite', 'pid-file']:
            for mode in ['exclusive', 'shared']:
                if backend == 'pid-file' and mode == 'shared' or backend not in BACKENDS:
                    continue
                path = f'{backend}-{mode}.lock'
                holder = self.hold('-b', backend, f'--{mode}', path, script='# two  words')
                result = self.assert_ends(1, 'status', '-b', backend, path)
                match = re.fullmatch(
                    rf"{path}: held by PID {holder.pid} \(sh -c '# two  words.*'\), user {USER}, "
                    rf'{mode}, since ({TIME})\n', result.stdout)
                self.assertIsNotNone(match, result.stdout)
                since = datetime.datetime.fromisoformat(match[1])
                self.assertLessEqual(begin, since + datetime.timedelta(seconds=1))
                self.assertLessEqual(since, datetime.datetime.now())

    def test_since_it_was_granted(self):
        """The time begins with the lock, not with the wait."""
        holder = self.hold('x.lock')
        waiter = self.start(LF_LOCK, 'run', 'x.lock', '--', 'sh', '-c', 'echo held; read -r line')
        wait_until(lambda: has_waiter('x.lock'))
        # Times are in seconds
        time.sleep(1.1)
        self.finish(holder)
        self.assertEqual(waiter.stdout.readline(), 'held\n')
        result = self.assert_ends(1, 'status', '--json', 'x.lock')
        found, = json.loads(result.stdout)[0]['holders']
        self.assertEqual(found['pid'], waiter.pid)
        self.assertGreater(found['since'], found['started'])

    def test_who_else(self):
        """For other programs, it says since when they run: they may have acquired the lock
        later."""
        holder = self.start('flock', '-s', 'x.lock', 'sh', '-c', 'echo held; read -r line')
        self.assertEqual(holder.stdout.readline(), 'held\n')
        self.assertRegex(
            self.assert_ends(1, 'status', 'x.lock').stdout,
            rf"^x\.lock: held by PID {holder.pid} \(flock -s x.lock sh -c 'echo held; read -r line'\), "
            rf'user {USER}, shared, running since {TIME}\n$')

    def test_descriptor(self):
        """The process that took the lock has ended; one that has it open holds it."""
        holder = self.start('bash', '-c', 'exec 9>x.lock; "$1" run -s 9; (read -r line) <&0 & '
                            'echo held; wait', 'bash', LF_LOCK)
        self.assertEqual(holder.stdout.readline(), 'held\n')
        self.assertRegex(self.assert_ends(1, 'status', 'x.lock').stdout,
                         rf'^x\.lock: held by PID {holder.pid} \(bash -c .*\), .*, shared, .*\n$')

    def test_all_who_share(self):
        for backend in ['flock', 'fcntl', *(['sqlite'] if 'sqlite' in BACKENDS else [])]:
            path = f'{backend}.lock'
            holders = {self.hold('-sb', backend, path).pid for _ in range(3)}
            lines = self.assert_ends(1, 'status', '-b', backend, path).stdout.splitlines()
            self.assertEqual({int(re.search(r'PID (\d+) ', line)[1]) for line in lines}, holders)
            self.assertEqual(len(lines), 3)
            for line in lines:
                self.assertIn(', shared, since ', line)
            found = json.loads(self.assert_ends(1, 'status', '-jb', backend, path).stdout)[0]
            self.assertEqual({holder['pid'] for holder in found['holders']}, holders)
            result = self.assert_ends(75, 'run', '-nb', backend, path, 'true')
            self.assertIn(' (one of 3 holders)', result.stderr)

    def test_others(self):
        """If a process may not be looked into, the kernel says that it has the lock."""
        holders = []
        for _ in range(2):
            holder = self.start(sys.executable, '-c', IS_CLOSED, 'x.lock')
            self.assertEqual(holder.stdout.readline(), 'held\n')
            holders.append(holder.pid)
        as_user = ['setpriv', '--bounding-set=-sys_ptrace'] if os.getuid() == 0 else []
        output = subprocess.run([*as_user, LF_LOCK, 'status', 'x.lock'], check=False, text=True,
                                stdout=subprocess.PIPE, timeout=PATIENCE).stdout
        found = re.findall(r'PID (\d+) \(\S*python3.*\), user \S+, shared, running since', output)
        self.assertEqual(sorted(map(int, found)), sorted(holders), output)

    def test_long_command_line(self):
        self.hold('x.lock', script='# ' + 1000 * 'long ')
        output = self.assert_ends(1, 'status', 'x.lock').stdout
        self.assertRegex(output, r'long [long]*\.\.\.\), user')
        self.assertLess(len(output), 400)
        command = json.loads(self.assert_ends(1, 'status', '-j', 'x.lock').stdout)[0]['holders'][0]
        self.assertGreater(len(command['command'][2]), 5000)

    def test_control_characters(self):
        """Neither a path nor a record can begin a new line or control the terminal."""
        record = '4242\nge\x1b[2Jdit\nelse\x07where\n\n\n'
        pathlib.Path('x\n\x1b.lock').write_text(record, encoding='ascii')
        result = self.assert_ends(1, 'status', '-b', 'pid-file', 'x\n\x1b.lock')
        self.assertEqual(result.stdout.count('\n'), 1)
        self.assertNotIn('\x1b', result.stdout)
        self.assertNotIn('\x07', result.stdout)
        result = self.assert_ends(75, 'run', '-n', '-b', 'pid-file', 'x\n\x1b.lock', '--', 'true')
        self.assertEqual(result.stderr.count('\n'), 1)
        self.assertNotIn('\x1b', result.stderr)

    def test_path_with_a_dash(self):
        for path in ['-j', '-bx', '--backend']:
            self.assertIn(f'{path}: free', self.assert_ends(0, 'status', '--', path).stdout)

    def test_json(self):
        for option in ['-j', '--json']:
            holder = self.hold('b.lock')
            result = self.assert_ends(1, 'status', option, 'a.lock', 'b.lock')
            free, held = json.loads(result.stdout)
            self.assertEqual(free, {
                'path': 'a.lock', 'uri': pathlib.Path('a.lock').absolute().as_uri(),
                'backend': 'flock', 'scope': 'host', 'exists': False, 'locked': False,
                'holders': [], 'error': None})
            self.assertEqual(held['path'], 'b.lock')
            self.assertIs(held['locked'], True)
            self.assertIs(held['exists'], True)
            found, = held['holders']
            self.assertEqual(found['pid'], holder.pid)
            self.assertEqual(found['application'], 'lf-lock')
            self.assertIn(found['host'], [None, socket.gethostname()])
            self.assertEqual(found['command'][:2], ['sh', '-c'])
            self.assertEqual(found['user'], USER)
            self.assertEqual(found['mode'], 'exclusive')
            for member in ['since', 'started']:
                self.assertRegex(found[member], r'^2\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
            self.finish(holder)

    def test_json_error(self):
        os.mkfifo('fifo')
        result = self.assert_ends(65, 'status', '--json', 'fifo', 'x.lock')
        wrong, free = json.loads(result.stdout)
        self.assertEqual((wrong['locked'], wrong['holders']), (None, []))
        self.assertIn('fifo', wrong['error'])
        self.assertEqual((free['locked'], free['error']), (False, None))
        self.assertEqual(result.stderr, '')

    def test_json_unknown_holder(self):
        pathlib.Path('x.lock').touch()
        result = self.assert_ends(1, 'status', '--json', '-b', 'hard-link', 'x.lock')
        holder, = json.loads(result.stdout)[0]['holders']
        self.assertRegex(holder.pop('since'), '^2')
        self.assertEqual(holder, {
            'pid': None, 'application': None, 'host': None, 'command': None, 'user': None,
            'mode': 'exclusive', 'started': None})

    def test_json_names(self):
        """JSON has every path: as text if it is text, and as a URI with its bytes."""
        names = [b'quote " and \\', b'line\nand\ttab\x1b\x7f', 'ä€😀'.encode(),
                 b'\xff\xfe.lock', b'</script>', b'100%']
        for locale in ['C', 'C.UTF-8']:
            result = self.assert_ends(0, 'status', '--json', '--', *names,
                                      env={**os.environ, 'LC_ALL': locale})
            self.assertTrue(result.stdout.isascii())
            for name, found in zip(names, json.loads(result.stdout), strict=True):
                path = os.path.join(os.fsencode(self.directory), name)
                self.assertEqual(found['uri'], pathlib.Path(os.fsdecode(path)).as_uri())
                # If file names have the locale's encoding, GLib shows them in that
                if locale == 'C.UTF-8':
                    self.assertEqual(found['path'], name.decode(errors='replace'))

    def test_json_record(self):
        """The library has replaced characters of another program's record."""
        record = '4242\nge"\\\x1b\xff\nelsewhere\n\n\n'
        pathlib.Path('x.lock').write_text(record, encoding='latin-1')
        result = self.assert_ends(1, 'status', '-j', '-b', 'pid-file', 'x.lock')
        holder, = json.loads(result.stdout)[0]['holders']
        self.assertEqual((holder['pid'], holder['application'], holder['host'], holder['command']),
                         (4242, 'ge"\\?\ufffd', 'elsewhere', None))


class Slots(CommandTest):
    SLOTS = ('--slots', '2')

    def test_two_at_once(self):
        """Two commands run at once, and each knows its slot. The third waits until one ends."""
        script = 'echo $LF_SLOT >slot-$LF_SLOT'
        first = self.hold(*self.SLOTS, 'x.lock', script=script)
        second = self.hold(*self.SLOTS, 'x.lock', script=script)
        for slot in ['1', '2']:
            self.assertEqual(pathlib.Path(f'slot-{slot}').read_text(encoding='ascii'), f'{slot}\n')
        result = self.assert_ends(75, 'run', '-n', *self.SLOTS, 'x.lock', '--', 'true')
        self.assertRegex(result.stderr, rf'x\.lock is locked already: held by PID {first.pid} '
                                        r'.*\(one of 2 holders\)')
        self.assert_ends(75, 'run', '-w', '0.05', *self.SLOTS, 'x.lock', '--', 'true')

        waiter = self.start(LF_LOCK, 'run', *self.SLOTS, 'x.lock', '--', 'sh', '-c',
                            'echo $LF_SLOT')
        wait_until(lambda: has_waiter('x.lock.1') and has_waiter('x.lock.2'))
        self.finish(second)
        self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], '2\n')
        self.finish(first)
        self.assertEqual(set(os.listdir()), {'x.lock.1', 'x.lock.2', 'x.lock.queue', 'slot-1',
                                             'slot-2'})

    def test_killed(self):
        """The slot of a killed holder is free."""
        first = self.hold(*self.SLOTS, 'x.lock')
        self.hold(*self.SLOTS, 'x.lock')
        first.kill()
        self.assert_ends(0, 'run', *self.SLOTS, 'x.lock', '--', 'true')

    def test_status_of_the_command(self):
        self.assert_ends(7, 'run', *self.SLOTS, 'x.lock', '-c', 'exit 7')

    def test_lost(self):
        result = self.assert_ends(76, 'run', *self.SLOTS, 'x.lock', '-c', 'rm x.lock.1')
        self.assertIn('x.lock.1 was removed', result.stderr)

    def test_status(self):
        holder = self.hold(*self.SLOTS, 'x.lock')
        result = self.assert_ends(1, 'status', *self.SLOTS, 'x.lock')
        first, second = result.stdout.splitlines()
        self.assertRegex(first, rf'x\.lock\.1: held by PID {holder.pid} ')
        self.assertEqual(second, 'x.lock.2: free, since the file does not exist')
        objects = json.loads(self.assert_ends(1, 'status', '-j', *self.SLOTS, 'x.lock').stdout)
        self.assertEqual([item['locked'] for item in objects], [True, False])
        self.finish(holder)
        self.assert_ends(0, 'status', *self.SLOTS, 'x.lock')

    def test_usage(self):
        for arguments in [
                ['run', '--slots', '0', 'x.lock', 'true'], ['run', '--slots=1025', 'x.lock', 'true'],
                ['run', '--slots', '-1', 'x.lock', 'true'], ['run', '--slots', 'x', 'x.lock', 'true'],
                ['run', *self.SLOTS, '9'], ['status', '--slots', '0', 'x.lock'],
                *(['run', *self.SLOTS, option, 'x.lock', 'true']
                  for option in ['-s', '-r', '-F', '--inherit', '--fcntl', '-bflock']),
        ]:
            with self.subTest(arguments=arguments):
                self.assert_ends(64, *arguments)
        self.assertEqual(os.listdir(), [])


class Inherit(CommandTest):
    """--inherit does what flock(1) does by default."""

    def test_command_has_the_lock(self):
        result = self.assert_ends(0, 'run', '--inherit', 'x.lock', '--', 'ls', '-l',
                                  '/proc/self/fd')
        self.assertIn('/x.lock\n', result.stdout)
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_what_stays_behind_has_the_lock(self):
        holder = self.hold('--inherit', 'x.lock',
                           script='sleep 1000 </dev/null >/dev/null 2>&1 & echo $!')
        sleeper = holder.command_pid
        self.assertEqual(self.finish(holder), 0)
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        os.kill(sleeper, signal.SIGKILL)
        self.assert_ends(0, 'run', '-w60', 'x.lock', '--', 'true')

    def test_killed(self):
        """If lf-lock is killed, the command keeps running and keeps the lock."""
        holder = self.hold('--inherit', 'x.lock')
        holder.kill()
        holder.wait(PATIENCE)
        self.assertTrue(is_running(holder.command_pid))
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        holder.stdin.close()
        holder.stdin = None
        self.assert_ends(0, 'run', '-w60', 'x.lock', '--', 'true')

    def test_status_of_the_command(self):
        self.assert_ends(7, 'run', '--inherit', 'x.lock', '-c', 'exit 7')
        self.assert_ends(127, 'run', '--inherit', 'x.lock', '--', 'no-such-command')

    def test_usage(self):
        self.assert_ends(64, 'run', '--inherit', '-o', 'x.lock', 'true')
        self.assert_ends(64, 'run', '--inherit', '-r', 'x.lock', 'true')
        self.assert_ends(69, 'run', '--inherit', '-b', 'fcntl', 'x.lock', 'true')


class Break(CommandTest):
    def test_held(self):
        for backend in BACKENDS:
            for option in [['-b', backend], [f'--backend={backend}']]:
                path = f'{backend}-{len(option)}.lock'
                self.hold('-b', backend, path)
                result = self.assert_ends(0, 'break', *option, path)
                self.assertEqual((result.stdout, result.stderr), ('', ''))
                self.assert_ends(0, 'status', '-b', backend, path)

    def test_free(self):
        self.assert_ends(0, 'break', 'x.lock')
        pathlib.Path('x.lock').touch()
        self.assert_ends(0, 'break', 'x.lock')
        self.assertTrue(os.path.exists('x.lock'))

    def test_json(self):
        self.hold('x.lock')
        result = json.loads(self.assert_ends(0, 'break', '-j', 'x.lock').stdout)
        self.assertEqual(result, {'path': 'x.lock', 'uri': pathlib.Path('x.lock').absolute().as_uri(),
                                  'broken': True, 'error': None})
        pathlib.Path('x.lock').write_text('content', encoding='ascii')
        self.hold('x.lock')
        result = json.loads(self.assert_ends(65, 'break', '--json', 'x.lock').stdout)
        self.assertFalse(result['broken'])
        self.assertIn('x.lock', result['error'])

    def test_goes_on(self):
        holder = self.hold('x.lock')
        self.assert_ends(0, 'break', 'x.lock')
        self.assertTrue(is_running(holder.pid))
        self.assertTrue(is_running(holder.command_pid))


class Help(CommandTest):
    def test_version(self):
        self.assertEqual(self.assert_ends(0, '--version').stdout,
                         f'lf-lock {os.environ["LF_VERSION"]}\n')

    def test_help(self):
        for option in ['--help', '-h']:
            output = self.assert_ends(0, option).stdout
            self.assertIn('lf-lock [OPTION', output)
            for name in ['run', 'status', 'break']:
                self.assertRegex(output, rf'(?m)^  {name} ')

    def test_help_of_commands(self):
        for name, parameters in [('run', 'PATH -- COMMAND [ARGUMENT...] | PATH -c COMMAND | NUMBER'),
                                 ('status', 'PATH...'), ('break', 'PATH')]:
            for option in ['--help', '-h']:
                output = self.assert_ends(0, name, option).stdout
                self.assertRegex(output, rf'lf-lock {name} \[OPTION.*\] ')
                self.assertIn(parameters, output)
                self.assertIn('--backend=BACKEND', output)

    def test_help_says_what_is_done(self):
        for name, words in [
                ('run', ['75 if somebody else holds the lock', '76 if', 'removed or replaced']),
                ('status', ['a line for each holder', 'command line', 'the user',
                            'exclusive or shared', 'since when', '0 if all of the locks are free']),
                ('break', ['Removes the lock of a holder', 'can be acquired', 'is removed',
                           'neither asked nor stopped', 'nothing is done'])]:
            output = ' '.join(self.assert_ends(0, name, '--help').stdout.split())
            for word in words:
                self.assertIn(word, output)

    def test_help_of_the_command(self):
        for words in [['--'], []]:
            result = self.assert_ends(0, 'run', 'x.lock', *words, 'printf', '%s,', '--help', '-w5')
            self.assertEqual(result.stdout, '--help,-w5,')


class Signals(CommandTest):
    PASSED_ON = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2']

    def test_passed_on(self):
        process = self.start(LF_LOCK, 'run', 'x.lock', '--', sys.executable, '-c',
                             SAYS_SIGNALS, *self.PASSED_ON)
        self.assertEqual(process.stdout.readline(), 'ready\n')
        for name in self.PASSED_ON:
            self.send(process, name)
            self.assertEqual(process.stdout.readline(), f'signal {getattr(signal, name):d}\n')
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        self.assertEqual(self.finish(process), 0)
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_ends_as_the_command(self):
        """A signal that ends the command ends lf-lock, after it has released the lock."""
        for name in self.PASSED_ON:
            holder = self.hold('-b', 'directory', 'x.lock', script='ulimit -c 0')
            self.send(holder, name)
            self.assertEqual(holder.wait(PATIENCE), -getattr(signal, name))
            self.assertFalse(os.path.exists('x.lock'))
            self.assertFalse(is_running(holder.command_pid))

    def test_status_in_a_shell(self):
        """For a shell, both ways in which a signal can end the command are the same."""
        for signalled in ['$$', '$PPID']:
            result = subprocess.run(
                ['sh', '-c', '"$@"; echo $?', 'sh', LF_LOCK, 'run', 'x.lock', '--', 'sh', '-c',
                 f'kill -TERM {signalled}; exec sleep 1000'],
                check=True, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(result.stdout, '143\n')

    def assert_handles(self, name, status):
        process = self.start(LF_LOCK, 'run', 'x.lock', '--', sys.executable, '-c',
                             ENDS_AT_SIGNAL, name, str(status))
        self.assertEqual(process.stdout.readline(), 'ready\n')
        self.send(process, name)
        self.assertEqual(process.wait(PATIENCE), status)

    def test_handled_by_the_command(self):
        self.assert_handles('SIGTERM', 7)

    def test_status_like_that_of_a_signal(self):
        """A command that exits has an exit status, whatever its number."""
        for name in self.PASSED_ON:
            self.assert_handles(name, 128 + getattr(signal, name))

    def test_mask_of_the_command(self):
        result = self.assert_ends(0, 'run', 'x.lock', '--', 'cat', '/proc/self/status')
        masks = dict(line.split(':\t') for line in result.stdout.splitlines() if 'Sig' in line)
        self.assertEqual(int(masks['SigBlk'], 16), 0)
        self.assertEqual(int(masks['SigCgt'], 16), 0)

    def test_children_ignored(self):
        """Started with SIGCHLD ignored, lf-lock still notices the end of the command."""
        def ignore():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        self.assert_ends(3, 'run', 'x.lock', '--', 'sh', '-c', 'exit 3', preexec_fn=ignore)

    def test_nohup(self):
        process = self.start('nohup', LF_LOCK, 'run', 'x.lock', '--', 'sh', '-c',
                             'echo held; read -r line; true', stderr=subprocess.DEVNULL)
        self.assertEqual(process.stdout.readline(), 'held\n')
        self.send(process, 'SIGHUP')
        self.assertEqual(self.finish(process), 0)

    def test_while_it_waits(self):
        self.hold('x.lock')
        for name in self.PASSED_ON:
            waiter = self.start(LF_LOCK, 'run', 'x.lock', '--', 'echo', 'no',
                                preexec_fn=self.no_core)
            wait_until(lambda: has_waiter('x.lock'))
            self.send(waiter, name)
            self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], '')
            self.assertEqual(waiter.returncode, -getattr(signal, name))

    @staticmethod
    def no_core():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def test_killed(self):
        """If lf-lock is killed, the lock is released and the command ends."""
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                path = f'{backend}.lock'
                # Ignores all signals that can be ignored
                holder = self.hold('-b', backend, path, script='trap "" HUP INT QUIT TERM')
                self.send(holder, 'SIGKILL')
                self.assertEqual(holder.wait(PATIENCE), -signal.SIGKILL)
                self.assert_ends(0, 'status', '-b', backend, path)
                self.assert_ends(0, 'run', '-n', '-b', backend, path, '--', 'true')
                wait_until(lambda holder=holder: not is_running(holder.command_pid))

    def test_killed_while_another_waits(self):
        holder = self.hold('x.lock')
        waiter = self.start(LF_LOCK, 'run', 'x.lock', '--', 'echo', 'got it')
        wait_until(lambda: has_waiter('x.lock'))
        self.send(holder, 'SIGKILL')
        self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], 'got it\n')


class Flock(CommandTest):
    """Together with flock(1), on one file: the two exclude each other."""

    def flock(self, *arguments):
        return subprocess.run(['flock', *arguments], check=False, timeout=PATIENCE).returncode

    def flock_hold(self, *arguments):
        process = self.start('flock', *arguments, 'sh', '-c', 'echo held; read -r line; true')
        self.assertEqual(process.stdout.readline(), 'held\n')
        return process

    def test_excludes_us(self):
        holder = self.flock_hold('x.lock')
        result = self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        self.assertIn('(flock x.lock sh -c ', result.stderr)
        self.assertRegex(self.assert_ends(1, 'status', 'x.lock').stdout, r'PID \d+ \(flock x.lock ')
        waiter = self.start(LF_LOCK, 'run', 'x.lock', '--', 'echo', 'got it')
        wait_until(lambda: has_waiter('x.lock'))
        self.finish(holder)
        self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], 'got it\n')

    def test_excluded_by_us(self):
        holder = self.hold('x.lock')
        self.assertEqual(self.flock('-n', 'x.lock', 'true'), 1)
        waiter = self.start('flock', 'x.lock', 'echo', 'got it')
        wait_until(lambda: has_waiter('x.lock'))
        self.finish(holder)
        self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], 'got it\n')

    def test_shared(self):
        self.flock_hold('--shared', 'x.lock')
        self.assert_ends(0, 'run', '-n', '-s', 'x.lock', '--', 'true')
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        self.hold('--shared', 'y.lock')
        self.assertEqual(self.flock('-n', '-s', 'y.lock', 'true'), 0)
        self.assertEqual(self.flock('-n', 'y.lock', 'true'), 1)

    def test_same_options(self):
        """The same options mean the same to both."""
        self.hold('x.lock')
        for options in [['-n', '-E', '9'], ['--nonblock', '--conflict-exit-code', '9'],
                        ['-w', '0.05', '-E9'], ['-s', '-n', '-E9'],
                        ['--timeout', '0.05', '--shared', '--conflict-exit-code=9']]:
            self.assertEqual(self.flock(*options, 'x.lock', 'true'), 9)
            self.assert_ends(9, 'run', *options, 'x.lock', 'true')

    def test_file_mode(self):
        """New files have the permissions that the umask leaves."""
        for umask in [0o022, 0o077]:
            path = f'{umask}.lock'
            self.assert_ends(0, 'run', path, '--', 'true', umask=umask)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o666 & ~umask)


if __name__ == '__main__':
    sys.exit(main())
