#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Completion of lf-lock.

In bash, the function itself; and in bash, zsh and fish, as a user sees it."""

import os
import pathlib
import re
import subprocess
import sys

from command_testing import ALL_BACKENDS, LF_LOCK, PATIENCE, CommandTest, main
from terminals import Terminal

COMPLETION = os.environ['LF_COMPLETION']
FISH_COMPLETION = os.environ['LF_FISH_COMPLETION']
ZSH_COMPLETION = pathlib.Path(os.environ['LF_ZSH_COMPLETION'])
RUN_OPTIONS = ['--backend', '--close', '--conflict-exit-code', '--exclusive', '--help', '--inherit',
               '--no-fork', '--nonblock', '--on-lost', '--quiet', '--remove', '--shared', '--slots',
               '--timeout', '--unlock', '--verbose']

# The arguments are the words; the last one is completed
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
        self.assertEqual(self.complete('status', '-'), ['--backend', '--help', '--json', '--slots'])
        self.assertEqual(self.complete('break', '-'), ['--backend', '--help', '--json'])
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
            # The backends that the help lists
            self.assertEqual(self.complete(name, '-b', ''), sorted(ALL_BACKENDS))
            self.assertEqual(self.complete(name, '--backend', '='), sorted(ALL_BACKENDS))
        self.assertEqual(self.complete('run', '-nb', 's'), ['sqlite', 'symlink'])

    def test_numbers(self):
        self.assertEqual(self.complete('run', '--on-lost', '=', ''), ['ignore', 'kill', 'warn'])
        self.assertEqual(self.complete('run', '--on-lost', 'k'), ['kill'])
        pathlib.Path('5').touch()
        for option in ['-w', '-E', '--timeout', '--conflict-exit-code', '--slots']:
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
        self.assertEqual(self.complete('run', '--', '-x.lock', '-'), ['--', '--command', '-c'])
        for words in [['-x.lock', '--'], ['-x.lock'], ['x.lock', '--']]:
            self.assertEqual(self.complete('run', '--', *words, 'printen'), ['printenv'])
        # An option's value is not a separator
        self.assertEqual(self.complete('status', '-b', '--', '--j'), ['--json'])

    def test_command(self):
        pathlib.Path('printenv.txt').touch()
        for words in [['x.lock'], ['x.lock', '--'], ['-w', '5', 'x.lock', '--']]:
            self.assertEqual(self.complete('run', *words, 'printen'), ['printenv'])
        self.assertEqual(self.complete('run', 'x.lock', '-'), ['--', '--command', '-c'])
        self.assertEqual(self.complete('run', 'x.lock', '--c'), ['--command'])
        for option in ['-c', '--command']:
            self.assertEqual(self.complete('run', 'x.lock', option, 'pri'), [])
        self.assertEqual(self.complete('run', 'x.lock', '--', 'cat', 'pri'), ['printenv.txt'])
        self.assertEqual(self.complete('run', 'x.lock', 'cat', 'pri'), ['printenv.txt'])
        self.assertEqual(self.complete('run', 'x.lock', '--', 'cat', '--json', ''),
                         ['printenv.txt'])


class Shell(CommandTest):
    """bash as a user sees it; bash-completion finds the file by its name."""

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
        # Ctrl-E and Ctrl-U: to the end of the line, and delete the line
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


class Fish(CommandTest):
    """fish can list its completions."""

    def complete(self, line):
        result = subprocess.run(
            ['fish', '--no-config', '-c', 'source $argv[1]; complete -C $argv[2]',
             FISH_COMPLETION, line], check=True, capture_output=True, text=True,
            timeout=PATIENCE, env={**os.environ, 'HOME': self.directory})
        self.assertEqual(result.stderr, '')
        return sorted(line.split('\t')[0] for line in result.stdout.splitlines())

    def test_commands(self):
        self.assertEqual(self.complete('lf-lock '), ['break', 'run', 'status'])
        self.assertEqual(self.complete('lf-lock sta'), ['status'])
        self.assertEqual(self.complete('lf-lock --v'), ['--version'])

    def test_options(self):
        for name in ['run', 'status', 'break']:
            output = self.assert_ends(0, name, '--help').stdout
            options = re.findall(r'^  (?:(-\w), )?(--[\w-]+)', output, re.MULTILINE)
            letters = [letter for letter, _ in options if letter]
            self.assertEqual(self.complete(f'lf-lock {name} --'),
                             sorted(long_option for _, long_option in options))
            self.assertEqual([word for word in self.complete(f'lf-lock {name} -') if len(word) == 2],
                             sorted(letters))

    def test_backends(self):
        for name in ['run', 'status', 'break']:
            self.assertEqual(self.complete(f'lf-lock {name} --backend='),
                             [f'--backend={backend}' for backend in sorted(ALL_BACKENDS)])
            for option in ['-b', '--backend']:
                self.assertEqual(self.complete(f'lf-lock {name} {option} '), sorted(ALL_BACKENDS))
        self.assertEqual(self.complete('lf-lock run -nb s'), ['sqlite', 'symlink'])

    def test_numbers(self):
        pathlib.Path('5').touch()
        for option in ['-w ', '-E ', '--timeout ', '--timeout=', '--conflict-exit-code ',
                       '--slots ']:
            self.assertEqual(self.complete(f'lf-lock run {option}'), [])

    def test_paths(self):
        for name in ['a.lock', 'a b.lock', 'c.lock']:
            pathlib.Path(name).touch()
        for name in ['run', 'status', 'break', 'run -w 5', 'run --timeout 5', 'run -nb flock',
                     'status c.lock']:
            self.assertEqual(self.complete(f'lf-lock {name} a'), ['a b.lock', 'a.lock'])

    def test_command(self):
        pathlib.Path('printenv.txt').touch()
        for words in ['x.lock', 'x.lock --', '-w 5 x.lock --', '-- x.lock']:
            self.assertEqual(self.complete(f'lf-lock run {words} printen'), ['printenv'])
        self.assertEqual(self.complete('lf-lock run x.lock -'), ['--', '--command', '-c'])
        self.assertEqual(self.complete('lf-lock run x.lock -c pri'), [])
        self.assertEqual(self.complete('lf-lock run x.lock cat pri'), ['printenv.txt'])
        self.assertEqual(self.complete('lf-lock run x.lock -- lf-lock status --js'), ['--json'])


class Zsh(CommandTest):
    """zsh as a user sees it, with its own completion system."""

    def setUp(self):
        super().setUp()
        pathlib.Path('some file.lock').touch()
        self.shell = Terminal('zsh', '-f', '-i', PS1='> ', TERM='dumb', HOME=self.directory,
                              COLUMNS='500', PATH=f'{os.path.dirname(LF_LOCK)}:/usr/bin:/bin')
        self.addCleanup(self.shell.close)
        self.shell.expect('> ')
        # Lists the completions without a menu, a question or colours
        self.shell.type(f'fpath=({ZSH_COMPLETION.parent} $fpath); autoload -Uz compinit; compinit -u -D; '
                        'bindkey -e; setopt no_beep no_always_last_prompt; LISTMAX=0; '
                        'unsetopt zle_bracketed_paste prompt_sp auto_menu 2>/dev/null; '
                        'stty columns 500; echo re""ady\n')
        self.shell.expect('\nready\r\n')
        self.shell.expect('> ')

    def assert_completes(self, typed, completed):
        # Ctrl-A and Ctrl-E: to both ends of the line, which becomes an argument. zsh
        # removes the space that it has put after a word if something else than a word is
        # typed next
        self.shell.type(f"{typed}\t\x01print -r -- '<\x05>'\n")
        self.assertEqual(self.shell.expect(r'\n<([^\n]*)>\r?\n')[1], completed)
        self.shell.expect('> ')

    def list(self, typed):
        """The words that are offered."""
        self.shell.type(f'{typed}\t\x05\x15echo li""sted\n')
        text = self.shell.expect(r'(?s)^(.*)\nlisted\r?\n')[1]
        self.shell.expect('> ')
        return text

    def test_commands(self):
        self.assert_completes('lf-lock sta', 'lf-lock status')
        self.assert_completes('lf-lock --ver', 'lf-lock --version')

    def test_options(self):
        for name in ['run', 'status', 'break']:
            output = self.assert_ends(0, name, '--help').stdout
            options = re.findall(r'^  (?:-\w, )?(--[\w-]+)', output, re.MULTILINE)
            listed = set(re.findall(r'(?<![\w-])--[a-z][\w-]*', self.list(f'lf-lock {name} --')))
            self.assertEqual(sorted(listed), sorted(options))
        self.assert_completes('lf-lock run --sh', 'lf-lock run --shared')

    def test_backends(self):
        for option in ['--backend=', '--backend ', '-b ', '-b', '-nb ']:
            self.assert_completes(f'lf-lock run {option}pid', f'lf-lock run {option}pid-file')
        text = self.list('lf-lock status --backend=')
        for backend in ALL_BACKENDS:
            self.assertRegex(text, rf'(?<![\w-]){backend}(?![\w-])')

    def test_paths(self):
        for words in ['run', 'status', 'break', 'run -w 5', 'status x.lock']:
            self.assert_completes(f'lf-lock {words} some', rf'lf-lock {words} some\ file.lock')

    def test_command(self):
        for words in ['x.lock', 'x.lock --', '-nw 5 x.lock --']:
            self.assert_completes(f'lf-lock run {words} printen', f'lf-lock run {words} printenv')
        self.assert_completes('lf-lock run x.lock --c', 'lf-lock run x.lock --command')

    def test_arguments_of_the_command(self):
        self.assert_completes('lf-lock run x.lock -- lf-lock status --js',
                              'lf-lock run x.lock -- lf-lock status --json')
        self.assert_completes('lf-lock run x.lock lf-lock run --sh',
                              'lf-lock run x.lock lf-lock run --shared')
        self.assert_completes('lf-lock run x.lock cat some', r'lf-lock run x.lock cat some\ file.lock')


if __name__ == '__main__':
    sys.exit(main())
