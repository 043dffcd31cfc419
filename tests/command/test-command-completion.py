#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Completion of lf-lock in bash: the function by itself, and in a shell at a terminal."""

import os
import pathlib
import re
import subprocess
import sys

from command_testing import ALL_BACKENDS, LF_LOCK, PATIENCE, CommandTest, main
from terminals import Terminal

COMPLETION = os.environ['LF_COMPLETION']
RUN_OPTIONS = ['--backend', '--conflict-exit-code', '--help', '--nonblock', '--remove',
               '--shared', '--timeout']

# Arguments are the words; the last one is completed
COMPLETE = '''
source "$LF_COMPLETION"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_lf_lock
[[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\\n' "${COMPREPLY[@]}"
'''


class Completion(CommandTest):
    def complete(self, *words):
        result = subprocess.run(['bash', '--norc', '-uc', COMPLETE, 'bash', 'lf-lock', *words],
                                check=True, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.stderr, '')
        return sorted(set(result.stdout.splitlines()))

    def test_is_registered(self):
        output = subprocess.run(['bash', '--norc', '-c',
                                 'source "$LF_COMPLETION"; complete -p lf-lock'],
                                check=True, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(output.stdout, 'complete -F _lf_lock lf-lock\n')

    def test_commands(self):
        self.assertEqual(self.complete(''), ['--help', '--version', 'break', 'run', 'status'])
        self.assertEqual(self.complete('r'), ['run'])
        self.assertEqual(self.complete('--v'), ['--version'])
        self.assertEqual(self.complete('none', ''), [])

    def test_options(self):
        self.assertEqual(self.complete('run', '-'), RUN_OPTIONS)
        self.assertEqual(self.complete('status', '-'), ['--backend', '--help', '--json'])
        self.assertEqual(self.complete('break', '-'), ['--backend', '--help'])
        self.assertEqual(self.complete('run', '-n', '--sh'), ['--shared'])
        self.assertEqual(self.complete('status', 'x.lock', '--j'), ['--json'])

    def test_has_the_options_of_the_help(self):
        for name in ['run', 'status', 'break']:
            output = self.assert_ends(0, name, '--help').stdout
            options = re.findall(r'^  (?:-\w, )?(--[\w-]+)', output, re.MULTILINE)
            self.assertEqual(self.complete(name, '--'), sorted(options))

    def test_backends(self):
        for name in ['run', 'status', 'break']:
            for words in [['-b'], ['--backend'], ['--backend', '=']]:
                self.assertEqual(self.complete(name, *words, 'f'), ['fcntl', 'flock'])
            # Those of the help
            self.assertEqual(self.complete(name, '-b', ''), sorted(ALL_BACKENDS))
            self.assertEqual(self.complete(name, '--backend', '='), sorted(ALL_BACKENDS))
        self.assertEqual(self.complete('run', '-nb', 's'), ['sqlite', 'symlink'])

    def test_numbers(self):
        pathlib.Path('5').touch()
        for option in ['-w', '-E', '--timeout', '--conflict-exit-code']:
            self.assertEqual(self.complete('run', option, ''), [])
        self.assertEqual(self.complete('run', '--timeout', '=', ''), [])

    def test_paths(self):
        for name in ['a.lock', 'a b.lock', 'c.lock']:
            pathlib.Path(name).touch()
        for name in ['run', 'status', 'break']:
            self.assertEqual(self.complete(name, 'a'), ['a b.lock', 'a.lock'])
        for options in [['-w', '5'], ['--timeout', '=', '5'], ['-b', 'flock', '-n'], ['--']]:
            self.assertEqual(self.complete('run', *options, 'c'), ['c.lock'])
        self.assertEqual(self.complete('status', 'a.lock', 'c'), ['c.lock'])

    def test_paths_with_a_dash(self):
        """After "--" there are no options."""
        for name in ['-x.lock', '-y.lock']:
            pathlib.Path(name).touch()
        for name in ['run', 'status', 'break']:
            self.assertEqual(self.complete(name, '--', '-x'), ['-x.lock'])
            self.assertEqual(self.complete(name, '-b', 'flock', '--', '-'), ['-x.lock', '-y.lock'])
        self.assertEqual(self.complete('status', '--', '-x.lock', '-y'), ['-y.lock'])
        self.assertEqual(self.complete('run', '--', '-x.lock', '-'), ['--'])
        for words in [['-x.lock', '--'], ['-x.lock'], ['x.lock', '--']]:
            self.assertEqual(self.complete('run', '--', *words, 'printen'), ['printenv'])
        # The value of an option is no separator
        self.assertEqual(self.complete('status', '-b', '--', '--j'), ['--json'])

    def test_command(self):
        pathlib.Path('printenv.txt').touch()
        for words in [['x.lock'], ['x.lock', '--'], ['-w', '5', 'x.lock', '--']]:
            self.assertEqual(self.complete('run', *words, 'printen'), ['printenv'])
        self.assertEqual(self.complete('run', 'x.lock', '-'), ['--'])
        self.assertEqual(self.complete('run', 'x.lock', '--', 'cat', 'pri'), ['printenv.txt'])
        self.assertEqual(self.complete('run', 'x.lock', 'cat', 'pri'), ['printenv.txt'])
        self.assertEqual(self.complete('run', 'x.lock', '--', 'cat', '--json', ''),
                         ['printenv.txt'])


class Shell(CommandTest):
    """bash as a person uses it; bash-completion finds the file by its name."""

    def setUp(self):
        super().setUp()
        completions = pathlib.Path('share/bash-completion/completions')
        completions.mkdir(parents=True)
        (completions / 'lf-lock').symlink_to(COMPLETION)
        pathlib.Path('some file.lock').touch()
        self.shell = Terminal('bash', '--norc', '--noprofile', '-i', PS1='> ', TERM='dumb',
                              INPUTRC='/dev/null', XDG_DATA_DIRS=f'{self.directory}/share',
                              PATH=f'{os.path.dirname(LF_LOCK)}:/usr/bin:/bin')
        self.addCleanup(self.shell.close)
        self.shell.expect('> ')
        self.shell.type('bind "set enable-bracketed-paste off"; bind "set bell-style none"; '
                        'source /usr/share/bash-completion/bash_completion; echo re""ady\n')
        self.shell.expect('\nready\r\n> ')

    def assert_completes(self, typed, completed):
        # Ctrl-E and Ctrl-U: to the end of the line, which is taken away then
        self.shell.type(typed + '\t')
        self.shell.expect(re.escape(completed))
        self.shell.type('\x05\x15')

    def test_commands(self):
        self.assert_completes('lf-lock sta', 'lf-lock status ')

    def test_options(self):
        self.assert_completes('lf-lock run --sh', '--shared ')

    def test_backend(self):
        self.assert_completes('lf-lock status --backend=pid', '--backend=pid-file ')
        self.assert_completes('lf-lock status -b pid', '-b pid-file ')

    def test_paths(self):
        self.assert_completes('lf-lock status some', r'status some\ file.lock ')

    def test_command(self):
        self.assert_completes('lf-lock run x.lock -- printen', '-- printenv ')

    def test_arguments_of_the_command(self):
        self.assert_completes('lf-lock run x.lock -- lf-lock status --js',
                              '-- lf-lock status --json ')
        self.assert_completes('lf-lock run x.lock lf-lock status --js', 'lf-lock status --json ')


if __name__ == '__main__':
    sys.exit(main())
