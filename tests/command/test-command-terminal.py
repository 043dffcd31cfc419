#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""lf-lock at a terminal: its messages and its keys."""

import os
import pathlib
import pty
import signal
import subprocess
import sys

from command_testing import (BACKENDS, LF_LOCK, PATIENCE, SAYS_SIGNALS, CommandTest, has_waiter,
                             main, wait_until)
from terminals import Terminal

SLEEPS = ['sh', '-c', 'echo started; exec sleep 1000']


class TerminalTest(CommandTest):
    def terminal(self, *command, **environment):
        terminal = Terminal(*command, **environment)
        self.addCleanup(terminal.close)
        return terminal

    def shell(self):
        """An interactive shell."""
        terminal = self.terminal('bash', '--norc', '--noprofile', '--noediting', '-i', PS1='$ ',
                                 LF_LOCK=LF_LOCK)
        terminal.expect(r'\$ ')
        return terminal


class Messages(TerminalTest):
    def test_waits_and_for_whom(self):
        holder = self.hold('x.lock')
        terminal = self.terminal(LF_LOCK, 'run', 'x.lock', '--', 'echo', 'it', 'ran')
        wait_until(lambda: has_waiter('x.lock'))
        self.finish(holder)
        self.assertEqual(terminal.wait(), 0)
        waiting, ran = terminal.output.splitlines()
        self.assertRegex(waiting, f'^lf-lock: Waiting for x.lock, held by PID {holder.pid} '
                                  r'\(sh -c .*\), user .*, exclusive, since 2')
        self.assertEqual(ran, 'it ran')

    def test_backends(self):
        for backend in BACKENDS:
            holder = self.hold('-b', backend, 'x.lock')
            terminal = self.terminal(LF_LOCK, 'run', '-b', backend, 'x.lock', '--', 'echo', 'ran')
            match = terminal.expect(r'lf-lock: Waiting for x\.lock, held by PID (\d+) ')
            self.assertEqual(int(match[1]), holder.pid)
            self.finish(holder)
            self.assertEqual(terminal.wait(), 0)
            self.assertNotIn('Waiting', terminal.output)
            self.assertIn('ran', terminal.output)
            if os.path.exists('x.lock'):
                os.remove('x.lock')

    def test_unknown_holder(self):
        pathlib.Path('x.lock').touch()
        terminal = self.terminal(LF_LOCK, 'run', '-w0.05', '-b', 'hard-link', 'x.lock', 'true')
        self.assertEqual(terminal.wait(), 75)
        self.assertIn('Waiting for x.lock, held by an unknown process, exclusive, since 2', terminal.output)

    def test_quiet(self):
        self.hold('x.lock')
        for option in ['-q', '--quiet']:
            terminal = self.terminal(LF_LOCK, 'run', option, '-w0.05', 'x.lock', 'true')
            self.assertEqual((terminal.wait(), terminal.output), (75, ''))

    def test_waits_for_a_descriptor(self):
        holder = self.hold('x.lock')
        terminal = self.terminal('bash', '-c', 'exec 9>x.lock; "$1" run 9; echo "status $?"', 'bash',
                                 LF_LOCK)
        terminal.expect(rf'lf-lock: Waiting for \S*x\.lock, held by PID {holder.pid} ')
        self.finish(holder)
        terminal.expect('status 0')

    def test_timed_out(self):
        self.hold('x.lock')
        terminal = self.terminal(LF_LOCK, 'run', '-w', '0.05', 'x.lock', '--', 'true')
        self.assertEqual(terminal.wait(), 75)
        waiting, timed_out = terminal.output.splitlines()
        self.assertIn('Waiting for x.lock', waiting)
        self.assertIn('Timed out', timed_out)

    def test_free(self):
        terminal = self.terminal(LF_LOCK, 'run', 'x.lock', '--', 'echo', 'it')
        self.assertEqual((terminal.wait(), terminal.output), (0, 'it\r\n'))

    def test_nonblock(self):
        self.hold('x.lock')
        terminal = self.terminal(LF_LOCK, 'run', '-n', 'x.lock', '--', 'true')
        self.assertEqual(terminal.wait(), 75)
        self.assertNotIn('Waiting', terminal.output)

    def test_path_missing(self):
        terminal = self.terminal(LF_LOCK, 'run', 'missing/x.lock', '--', 'true')
        self.assertEqual(terminal.wait(), 73)
        self.assertEqual(terminal.output.count('\n'), 1)

    def test_is_of_standard_error(self):
        """Only standard error matters: the other two may be terminals or not."""
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        self.addCleanup(os.close, terminal)
        self.hold('x.lock')
        for others, error, says in [(subprocess.DEVNULL, terminal, True),
                                    (terminal, subprocess.DEVNULL, False)]:
            self.lf_lock('run', '-w0.05', 'x.lock', 'true', stdin=others, stdout=others,
                         stderr=error)
            os.write(terminal, b'the end\n')
            output = b''
            while b'the end' not in output:
                output += os.read(controller, 65536)
            self.assertEqual(b'Waiting' in output, says)


class Keys(TerminalTest):
    def test_interrupt_while_it_waits(self):
        self.hold('x.lock')
        terminal = self.terminal(LF_LOCK, 'run', 'x.lock', '--', 'echo', 'it ran')
        wait_until(lambda: has_waiter('x.lock'))
        terminal.type('\x03')
        self.assertEqual(terminal.wait(), -signal.SIGINT)
        self.assertNotIn('it ran', terminal.output)

    def test_interrupt(self):
        for key, number in [('\x03', signal.SIGINT), ('\x1c', signal.SIGQUIT)]:
            terminal = self.terminal(LF_LOCK, 'run', 'x.lock', '--', 'sh', '-c',
                                     f'ulimit -c 0; {SLEEPS[2]}')
            terminal.expect('started')
            terminal.type(key)
            self.assertEqual(terminal.wait(), -number)
            self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_interrupt_comes_once(self):
        terminal = self.terminal(LF_LOCK, 'run', 'x.lock', '--', sys.executable, '-c', SAYS_SIGNALS,
                                 'SIGINT')
        terminal.expect('ready')
        terminal.type('\x03')
        terminal.expect('signal 2')
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        terminal.type('\n')
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn('signal', terminal.output)
        self.assertIn('end', terminal.output)

    def test_interrupt_ends_a_script(self):
        terminal = self.terminal('bash', '-c', 'for n in 1 2; do "$@"; echo "next $?"; done',
                                 'bash', LF_LOCK, 'run', 'x.lock', '--', *SLEEPS)
        terminal.expect('started')
        terminal.type('\x03')
        self.assertEqual(terminal.wait(), -signal.SIGINT)
        self.assertNotIn('next', terminal.output)

    def test_stop(self):
        shell = self.shell()
        shell.type('$LF_LOCK run x.lock -- sh -c "echo started; read -r line; echo \\$line"\n')
        shell.expect(r'\nstarted')
        shell.type('\x1a')
        shell.expect(r'Stopped.*\n\$ ')
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        shell.type('fg\n')
        shell.expect(r'\$LF_LOCK run .*\n')
        shell.type('end\n')
        shell.expect(r'end\r\nend\r\n\$ ')
        shell.type('echo "status $?"\n')
        shell.expect(r'\nstatus 0')
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_background(self):
        shell = self.shell()
        shell.type('$LF_LOCK run x.lock -- sh -c "echo started; exec sleep 1000" &\n')
        # The shell says its number when it comes to it
        shell.expect(r'(?s)(\[1\].*\nstarted|\[1\].*\n\$ started|\nstarted.*\[1\])')
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        shell.type('kill %1; wait %1; echo "status $?"\n')
        shell.expect(r'\nstatus 143')
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_hang_up(self):
        terminal = self.terminal(LF_LOCK, 'run', 'x.lock', '--', *SLEEPS)
        terminal.expect('started')
        terminal.hang_up()
        self.assert_ends(0, 'run', '-w', str(PATIENCE / 2), 'x.lock', '--', 'true')


if __name__ == '__main__':
    sys.exit(main())
