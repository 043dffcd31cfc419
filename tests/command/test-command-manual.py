#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The manual page of lf-lock: it is well-formed, and describes the command."""

import os
import pathlib
import pwd
import re
import subprocess
import sys

from command_testing import ALL_BACKENDS, LF_LOCK, PATIENCE, CommandTest, main

MANUAL = os.environ['LF_MANUAL']
TOOLS = pathlib.Path(MANUAL).parent


# The programs of the examples, which print how they were called
STUB = '#!/bin/sh\necho "${0##*/} $*"\n'


class Manual(CommandTest):
    def assert_silent(self, *command):
        result = subprocess.run(command, check=False, capture_output=True, text=True,
                                timeout=PATIENCE, env={**os.environ, 'MANWIDTH': '80'})
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        return result.stdout

    def read(self):
        text = self.assert_silent('mandoc', '-T', 'utf8', MANUAL)
        # Bold letters are printed twice, and underlined ones with an underscore
        return re.sub('.\b', '', text)

    def section(self, title):
        """The text of a section or subsection, up to the next one."""
        match = re.search(rf'(?ms)^ *{title}\n(.*?)^(?:   )?[A-Zl]', self.read() + 'Z')
        self.assertIsNotNone(match, title)
        return match[1]

    def tags(self, title):
        """The items that a section explains."""
        return re.findall(r'(?m)^     ([a-z-]+|\d+)(?:  .*)?$', self.section(title))

    def test_man(self):
        output = self.assert_silent('man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', MANUAL)
        self.assertRegex(re.sub('.\b|\x1b[^m]*m', '', output), 'lf-lock . hold locks of files')

    def test_groff(self):
        self.assertEqual(self.assert_silent('groff', '-ww', '-mandoc', '-Tutf8', '-z', MANUAL), '')

    def test_mandoc(self):
        self.assertEqual(self.assert_silent('mandoc', '-T', 'lint', '-W', 'warning', MANUAL), '')

    def test_options(self):
        for name in ['run', 'status', 'break']:
            output = self.assert_ends(0, name, '--help').stdout
            options = re.findall(r'(?m)^  ((?:-\w, )?--[\w-]+)', output)
            options.remove('-h, --help')
            documented = re.findall(r'(?m)^     ((?:-\w, )?--[\w-]+)',
                                    self.section(f'lf-lock {name}'))
            self.assertEqual(documented, sorted(options, key=lambda text: text.lstrip('-').lower()))

    def test_synopsis(self):
        synopsis = self.section('SYNOPSIS')
        for name in ['run', 'status', 'break']:
            options = re.findall(r'(?m)^  -(\w), ', self.assert_ends(0, name, '--help').stdout)
            options.remove('h')
            forms = re.findall(rf'(?ms)lf-lock {name}(.*?)(?=lf-lock|\Z)', synopsis)
            named = {letter for letters in re.findall(r'\[-(\w+)', ''.join(forms))
                     for letter in letters}
            self.assertEqual(sorted(named), sorted(options))

    def test_backends(self):
        """The library's backends are in the help and in the manual page."""
        header = TOOLS.parent.joinpath('lf-enums.h').read_text(encoding='utf-8')
        names = [name.lower().replace('_', '-')
                 for name in re.findall(r'(?m)^  LF_BACKEND_(\w+)', header)]
        # Only on Windows, which does not have the command
        names.remove('lock-file-ex')
        self.assertEqual(ALL_BACKENDS, names)
        self.assertEqual(self.tags('BACKENDS'), names)

    def test_exit_status(self):
        """The exit statuses in the source are explained, and no others."""
        with open('/usr/include/sysexits.h', encoding='utf-8') as header:
            numbers = dict(re.findall(r'#define (EX_\w+)\s+(\d+)', header.read()))
        source = ''.join(path.read_text(encoding='utf-8') for path in TOOLS.glob('*.c'))
        used = {numbers[name] for name in re.findall(r'\bEX_\w+', source)} - {'0'}
        used |= set(re.findall(r'#define EXIT_\w+ (\d+)', source)) - {'128'}
        self.assertEqual(sorted(self.tags('EXIT STATUS')), sorted(used))


class Examples(CommandTest):
    """The examples run, with the programs and files that they mention."""

    def setUp(self):
        super().setUp()
        os.mkdir('bin')
        for name in ['backup', 'convert', 'make-index']:
            pathlib.Path('bin', name).write_text(STUB, encoding='ascii')
            os.chmod(f'bin/{name}', 0o755)
        self.environment = {**os.environ,
                            'PATH': f'{self.directory}/bin:{os.path.dirname(LF_LOCK)}:/usr/bin:/bin'}
        text = pathlib.Path(MANUAL).read_text(encoding='utf-8')
        section = re.search(r'(?ms)^\.Sh EXAMPLES\n(.*?)^\.Sh ', text)[1]
        self.examples = [match[1] or match[2] for match in re.finditer(
            r'(?m)^\.Dl (.*)|^\.Bd .*\n((?:[^.].*\n)+)\.Ed', section)]

    def example(self, word):
        """The only example with this word."""
        example, = (example for example in self.examples if word in example)
        return example

    def run_example(self, text):
        """Returns the output."""
        script = re.sub(r'(?m)^\$ ', '', text)
        result = subprocess.run(['bash', '-uc', script], check=False, capture_output=True,
                                text=True, timeout=PATIENCE, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_all(self):
        self.assertEqual(len(self.examples), 5)

    def test_backup(self):
        example = self.example('backup').replace('/run/lock', self.directory)
        self.assertEqual(self.run_example(example), 'backup /home\n')

    def test_timeout(self):
        example = self.example('make-index')
        self.assertEqual(self.run_example(example), 'make-index \nThere is a new index\n')
        self.hold('index.lock')
        impatient = example.replace('--timeout 60', '--timeout 0.1')
        self.assertEqual(self.run_example(impatient), 'Somebody else is making one\n')

    def test_shared(self):
        pathlib.Path('data').write_text('content', encoding='ascii')
        self.hold('--shared', 'data.lock')
        self.run_example(self.example('--shared'))
        self.assertEqual(pathlib.Path('copy').read_text(encoding='ascii'), 'content')

    def test_slots(self):
        for name in ['a', 'b', 'c']:
            pathlib.Path(f'{name}.png').touch()
        self.assertEqual(sorted(self.run_example(self.example('--slots')).splitlines()),
                         [f'convert {name}.png {name}.jpg' for name in ['a', 'b', 'c']])

    def test_status(self):
        example = self.example('status')
        command, expected = example.split('\n', 1)
        # An editor with that name, which executes "data"
        pathlib.Path('data').write_text(
            'import fcntl\nfile = open("data.lock", "w")\nfcntl.flock(file, fcntl.LOCK_EX)\n'
            'print("held", flush=True)\ninput()\n', encoding='ascii')
        holder = self.start('bash', '-c', 'exec -a gedit "$@"', 'bash', sys.executable, 'data')
        self.assertEqual(holder.stdout.readline(), 'held\n')
        pathlib.Path('index.lock').touch()
        # One of them is held, as the exit status says
        output = self.run_example(f'{command} || [ $? -eq 1 ]')
        expected = expected.replace('4242', str(holder.pid)).replace(
            'user ann', f'user {pwd.getpwuid(os.getuid()).pw_name}')
        self.assertEqual(re.sub('since 2.*', 'since', output), re.sub('since 2.*', 'since', expected))


if __name__ == '__main__':
    sys.exit(main())
