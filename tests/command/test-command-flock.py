#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""flock(1) and `lf-lock run` side by side.

Scripts that call one of them run with each. The manual page lists all differences."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from command_testing import LF_LOCK, PATIENCE, CommandTest, has_waiter, main, wait_until

PROGRAMS = {'flock': 'flock', 'ours': f'{LF_LOCK} run'}
# So that each script has held locks: an exclusive one by a descriptor, and a shared one
HELD = 'exec 7>held; flock 7; exec 8>shared; flock -s 8\n'

# Equal are the exit status, standard output, and whether there is a message
SAME = [
    # A path and a command
    '$FLOCK x.lock echo it ran',
    '$FLOCK x.lock sh -c "exit 7"',
    '$FLOCK x.lock sh -c "kill -TERM \\$\\$"',
    '$FLOCK -- x.lock echo it ran',
    '$FLOCK x.lock printf %s, -n -w5 --help --',
    '$FLOCK x.lock cat <<<input',
    '$FLOCK new.lock true; stat -c %a new.lock',
    'mkdir d; $FLOCK d echo a directory',
    ': >r; chmod 444 r; $FLOCK r echo a file that may only be read; stat -c %a r',
    'echo content >data; $FLOCK data cat data',
    # Each kind of lock, in each spelling, available and not; the last option wins
    *[f'$FLOCK {kind} -n -E9 {path} true 2>/dev/null'
      for kind in ['', '-x', '-e', '--exclusive', '-s', '--shared', '-sx', '-xs', '-se', '-s -x',
                   '-x --shared']
      for path in ['free', 'shared', 'held']],
    # Without waiting, and with a limited wait
    *[f'$FLOCK {option} -E 9 held true 2>/dev/null'
      for option in ['-n', '--nb', '--nonblock', '--nonblocking', '-w0', '-w 0.05', '-w.05',
                     '--wait 0.05', '--wait=0.05', '--timeout 0.05', '--timeout=0.05', '-nw 60',
                     '-w60 -n', '-xnw5', '-enw5', '-en']],
    *[f'$FLOCK -n {option} held true 2>/dev/null'
      for option in ['-E9', '-E 9', '-E0', '-E255', '--conflict-exit-code 9',
                     '--conflict-exit-code=9', '-oE9', '-FE9']],
    '$FLOCK -w 60 free echo at once',
    # An open descriptor keeps the lock after the program has ended
    'exec 9>x.lock; $FLOCK -n 9 && flock -n x.lock true',
    'exec 9>x.lock; $FLOCK -x 9 && $FLOCK -u 9 && flock -n x.lock echo free',
    'exec 9>x.lock; $FLOCK 9; $FLOCK --unlock 9; flock -n x.lock echo free',
    'exec 9>x.lock; $FLOCK -s 9; flock -ns x.lock echo shared; flock -n x.lock true',
    'exec 9>x.lock; $FLOCK --shared 9; $FLOCK 9; flock -ns x.lock true',
    'exec 9>x.lock; $FLOCK 9; exec 9>&-; flock -n x.lock echo free',
    '( $FLOCK -n 9 || exit 1; flock -n x.lock true || echo held ) 9>x.lock',
    '( $FLOCK -n 9 || exit 1; echo no ) 9>held 2>/dev/null',
    '( $FLOCK -n -E9 9 || exit; echo no ) 9>held 2>/dev/null',
    '( $FLOCK -w 0.05 -E9 9 || exit; echo no ) 9<held 2>/dev/null',
    '( $FLOCK -s -w 60 9 && echo it ) 9<shared',
    '( $FLOCK -n 9 && echo it ) 9<.',
    '( $FLOCK -o -n 9 && $FLOCK -F 9 && echo it ) 9>x.lock',
    'exec {fd}>x.lock; $FLOCK $fd; flock -n x.lock true',
    '$FLOCK -u 7; flock -n held echo free',
    '$FLOCK 9', '$FLOCK -n 9', '$FLOCK -u 9', '$FLOCK 3', '$FLOCK 4',
    '$FLOCK 5', '$FLOCK 6', '$FLOCK 0 <&-', '$FLOCK -n -E9 0 <held 2>/dev/null',
    ': >9; $FLOCK 9 echo a file of that name',
    # A command for the shell
    "$FLOCK x.lock -c 'echo $0; exit 3'",
    "$FLOCK -n x.lock --command 'echo a; false || exit 4'",
    "SHELL=/bin/bash $FLOCK x.lock -c 'echo ${BASH_VERSION:+bash}'",
    "SHELL= $FLOCK x.lock -c 'echo $0'",
    "env -u SHELL $FLOCK x.lock -c 'echo $0'",
    'SHELL=/bin/echo $FLOCK x.lock -c words',
    '$FLOCK x.lock -c', '$FLOCK x.lock -c true true', '$FLOCK x.lock --command',
    '$FLOCK -c true x.lock',
    # Without inheriting the lock, and without a process for the command
    '$FLOCK -o x.lock sh -c "ls -l /proc/self/fd | grep -c x.lock"',
    '$FLOCK --close x.lock sh -c "sleep 60 >&- 2>&- & echo \\$! >pid"; flock -n x.lock echo free; '
    'kill $(cat pid)',
    '$FLOCK -F x.lock sh -c "ls -l /proc/self/fd | grep -c x.lock"',
    '$FLOCK --no-fork x.lock sh -c "flock -n x.lock true || echo held"',
    '$FLOCK -F x.lock sh -c "sleep 60 >&- 2>&- & echo \\$! >pid"; flock -n x.lock true || echo held; '
    'kill $(cat pid)',
    '$FLOCK -F x.lock sh -c "exit 5"', 'exec $FLOCK -F x.lock sh -c "kill -KILL \\$\\$"',
    '$FLOCK -F -s x.lock sh -c "flock -ns x.lock echo shared"',
    "$FLOCK -F x.lock -c 'exit 6'",
    'sh -c "echo \\$\\$; exec $FLOCK -F x.lock sh -c \'echo \\$\\$\'" | uniq | wc -l',
    '$FLOCK -F -o x.lock true', '$FLOCK --no-fork --close x.lock true',
    # Its messages
    '$FLOCK --verbose x.lock true', '$FLOCK --verbose 0 <.', '$FLOCK --verbose -n -E9 held true',
    '$FLOCK --verbose -w.05 -E9 held true', "$FLOCK --verbose x.lock -c true",
    # Wrong usage
    '$FLOCK', '$FLOCK -n', '$FLOCK x.lock', '$FLOCK -x x.lock', '$FLOCK --no-such-option x.lock true',
    '$FLOCK -z x.lock true', '$FLOCK -w', '$FLOCK -w soon x.lock true', '$FLOCK -E 256 x.lock true',
    '$FLOCK -E -1 x.lock true', '$FLOCK -E x x.lock true', '$FLOCK -n x', '$FLOCK -1',
    # The examples of flock(1)'s manual page
    '$FLOCK /tmp/.. -c "$FLOCK -w .007 /tmp/.. -c echo; [ $? -ne 0 ] && echo excluded" 2>/dev/null',
    '$FLOCK -s . -c "$FLOCK -s -w .007 . -c echo; /bin/echo $?"',
    "$FLOCK -x local-lock-file echo 'a b c'",
    '(\n $FLOCK -n 9 || exit 1\n echo locked\n) 9>mylockfile',
    'cat >script <<"END"\n#!/bin/sh\n'
    '[ "${FLOCKER}" != "$0" ] && exec env FLOCKER="$0" $FLOCK -en "$0" "$0" "$@" || :\n'
    'echo ran "$@"; flock -n "$0" true || echo held\nEND\n'
    'chmod +x script; export FLOCK; ./script 1 2',
    'exec 4<>mylockfile; $FLOCK -n 4; flock -n mylockfile true || echo held',
]

# Differences: the words of the manual page, and the output and exit status of both
DIFFERENT = [
    ('The exit status is 75', '$FLOCK -n held true', (1, ''), (75, '')),
    ('The exit status is 75', '$FLOCK -w.05 held true', (1, ''), (75, '')),
    ('The exit status is 75', '$FLOCK -n 9 9>held', (1, ''), (75, '')),
    ('cannot be executed', '$FLOCK x.lock no-such-command', (69, ''), (127, '')),
    ('cannot be executed', '$FLOCK x.lock /', (69, ''), (126, '')),
    ('cannot be opened', '$FLOCK missing/x.lock true', (66, ''), (73, '')),
    ('does not inherit', '$FLOCK x.lock sh -c "sleep 60 >&- 2>&- & echo \\$! >pid"; '
     'flock -n x.lock echo free; status=$?; kill $(cat pid); exit $status', (1, ''), (0, 'free\n')),
    ('symbolic link', ': >file; ln -s file link; $FLOCK link echo it', (0, 'it\n'), (65, '')),
    ('symbolic link', '$FLOCK /dev/null echo it', (0, 'it\n'), (65, '')),
    ('only with a', '$FLOCK -u x.lock echo it', (0, 'it\n'), (64, '')),
    ('shortened', '$FLOCK --nonb x.lock echo it', (0, 'it\n'), (64, '')),
    ('negative', '$FLOCK -w -1 x.lock echo it', (71, ''), (0, 'it\n')),
    ('removed or replaced', '$FLOCK x.lock rm x.lock', (0, ''), (76, '')),
    # This output is still buffered when the command writes, unless it goes to a terminal
    ('at once', '$FLOCK --verbose -F x.lock echo it', (0, 'it\n'),
     (0, 'PROGRAM: getting lock took SECONDS seconds\nPROGRAM: executing echo\nit\n')),
    ('before the command', '$FLOCK x.lock -- echo it', (69, ''), (0, 'it\n')),
]
SECONDS = re.compile(r'(?<=took )\d+\.\d{6}(?= seconds)')


class Beside(CommandTest):
    def run_script(self, script, program):
        """The exit status, the output without names and times, and the messages."""
        with tempfile.TemporaryDirectory(prefix='lockfile-glib-') as directory:
            result = subprocess.run(
                ['bash', '-c', HELD + script], check=False, capture_output=True, text=True,
                timeout=PATIENCE, cwd=directory, stdin=subprocess.DEVNULL,
                env={**os.environ, 'FLOCK': PROGRAMS[program], 'SHELL': '/bin/sh'})
        output = re.sub(r'(?m)^(flock|lf-lock):', 'PROGRAM:', SECONDS.sub('SECONDS', result.stdout))
        return result.returncode, output, result.stderr

    def test_same(self):
        for script in SAME:
            with self.subTest(script=script):
                *theirs, their_message = self.run_script(script, 'flock')
                *ours, message = self.run_script(script, 'ours')
                self.assertEqual(ours, theirs, message)
                self.assertEqual(bool(message), bool(their_message), message)
                if message:
                    self.assertIn('lf-lock: ', message)

    def test_different(self):
        page = re.sub(r'\s+', ' ', pathlib.Path(os.environ['LF_MANUAL']).read_text('utf-8'))
        section = re.search(r'\.Sh UNLIKE FLOCK\(1\)(.*?)\.Sh', page)[1]
        for words, script, theirs, ours in DIFFERENT:
            with self.subTest(script=script):
                self.assertEqual(self.run_script(script, 'flock')[:2], theirs)
                *result, message = self.run_script(script, 'ours')
                self.assertEqual(tuple(result), ours, message)
                self.assertIn(words, section)

    def test_has_each_option(self):
        """All options of the installed flock(1) work."""
        help_text = subprocess.run(['flock', '--help'], check=True, capture_output=True, text=True,
                                   timeout=PATIENCE).stdout
        options = set(re.findall(r'(?m)(?<=[\s,])(--?[\w-]+)', help_text.split('Options:')[1]))
        self.assertGreater(len(options), 15)
        scripts = ' '.join(SAME)
        # Options of newer versions have cases of their own
        for option in options - {'-h', '--help', '-V', '--version', '-c', '--fcntl', '--start',
                                 '--length'}:
            letter = option[1:] if len(option) == 2 else None
            used = re.search(rf' -\w*{letter}' if letter else rf' {option}\b', scripts)
            self.assertTrue(used, option)

    def test_fcntl(self):
        """Options of newer versions, which are not installed everywhere."""
        script = ('import fcntl, subprocess, sys\nfile = open("x.lock", "w")\n'
                  'fcntl.lockf(file, fcntl.LOCK_EX)\nsys.exit(subprocess.call(sys.argv[1:]))\n')
        for option, status in [('--fcntl', 75), ('-bfcntl', 75), ('--exclusive', 0)]:
            result = subprocess.run([sys.executable, '-c', script, LF_LOCK, 'run', '-n', option,
                                     'x.lock', 'true'], check=False, timeout=PATIENCE,
                                    capture_output=True)
            self.assertEqual(result.returncode, status)
        for option in ['--start=1', '--length=1']:
            self.assert_ends(64, 'run', option, 'x.lock', 'true')

    def test_help_and_version(self):
        for option in ['-h', '--help', '-V', '--version']:
            result = self.assert_ends(0, 'run', option)
            self.assertEqual(result.stderr, '')
            self.assertIn('lf-lock', result.stdout)

    def test_waits_for_a_descriptor(self):
        holder = self.hold('x.lock')
        waiter = self.start('bash', '-c', 'exec 9<x.lock; "$1" run 9; echo got it; read -r line; '
                            'exec 9<&-; echo closed; read -r line', 'bash', LF_LOCK)
        wait_until(lambda: has_waiter('x.lock'))
        self.finish(holder)
        self.assertEqual(waiter.stdout.readline(), 'got it\n')
        self.assert_ends(75, 'run', '-n', 'x.lock', '--', 'true')
        waiter.stdin.write('\n')
        waiter.stdin.flush()
        self.assertEqual(waiter.stdout.readline(), 'closed\n')
        self.assert_ends(0, 'run', '-n', 'x.lock', '--', 'true')

    def test_timeout_with_the_alarm_blocked(self):
        """A signal mask is inherited, and must not turn a limited wait into an endless one."""
        self.hold('x.lock')
        script = ('import os, signal, sys\n'
                  'signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n'
                  'os.set_inheritable(os.open("x.lock", os.O_RDONLY), True)\n'
                  'os.execv(sys.argv[1], sys.argv[1:])\n')
        result = subprocess.run([sys.executable, '-c', script, LF_LOCK, 'run', '-w0.05', '3'],
                                check=False, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 75, result.stderr)
        self.assertIn('Timed out waiting to lock', result.stderr)
        self.assertIn('held by', result.stderr)

    def test_only_flock_has_descriptors(self):
        pathlib.Path('x.lock').touch()
        for backend in ['fcntl', 'hard-link', 'pid-file']:
            with open('x.lock', 'rb') as file:
                for target in [['-F', 'x.lock', 'true'], [str(file.fileno())]]:
                    result = self.assert_ends(69, 'run', '-b', backend, *target,
                                              pass_fds=[file.fileno()])
                    self.assertIn('Only a lock of the backend flock', result.stderr)

    def test_nobody_to_remove_it(self):
        for target in [['-F', 'x.lock', 'true'], ['0']]:
            self.assert_ends(64, 'run', '-r', *target)


class Quiet(CommandTest):
    """cron sends mail for each message."""

    def test_conflict(self):
        self.hold('x.lock')
        for option in ['-q', '--quiet']:
            for how in [['-n'], ['-w0.05'], ['-n', '-E0']]:
                result = self.lf_lock('run', option, *how, 'x.lock', '--', 'true')
                self.assertEqual(result.returncode, 0 if '-E0' in how else 75)
                self.assertEqual((result.stdout, result.stderr), ('', ''))
        with open('x.lock', 'rb') as file:
            result = self.assert_ends(75, 'run', '-qn', str(file.fileno()),
                                      pass_fds=[file.fileno()])
            self.assertEqual((result.stdout, result.stderr), ('', ''))

    def test_errors_are_said(self):
        """Errors that a user has to fix have other statuses than a held lock."""
        for status, arguments in [(73, ['missing/x.lock', 'true']), (127, ['x.lock', 'no-such']),
                                  (76, ['x.lock', 'rm', 'x.lock']), (64, [])]:
            self.assertNotEqual(self.assert_ends(status, 'run', '-q', *arguments).stderr, '')


if __name__ == '__main__':
    sys.exit(main())
