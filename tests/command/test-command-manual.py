#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The manual page of lf-lock: well formed, and about the command that there is."""

import os
import pathlib
import re
import subprocess
import sys

from command_testing import PATIENCE, CommandTest, main

MANUAL = os.environ['LF_MANUAL']
TOOLS = pathlib.Path(MANUAL).parent


class Manual(CommandTest):
    def assert_silent(self, *command):
        result = subprocess.run(command, check=False, capture_output=True, text=True,
                                timeout=PATIENCE, env={**os.environ, 'MANWIDTH': '80'})
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        return result.stdout

    def read(self):
        text = self.assert_silent('mandoc', '-T', 'utf8', MANUAL)
        # Bold letters are struck twice, and others underlined
        return re.sub('.\b', '', text)

    def section(self, title):
        """The text of a section or subsection, up to the next one."""
        match = re.search(rf'(?ms)^ *{title}\n(.*?)^(?:   )?[A-Zl]', self.read() + 'Z')
        self.assertIsNotNone(match, title)
        return match[1]

    def tags(self, title):
        """What is explained in a section, item by item."""
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
            options = re.findall(r'(?m)^  (-\w, --[\w-]+)', output)
            options.remove('-h, --help')
            documented = re.findall(r'(?m)^     (-\w, --[\w-]+)', self.section(f'lf-lock {name}'))
            self.assertEqual(documented, sorted(options, key=str.lower))

    def test_synopsis(self):
        synopsis = self.section('SYNOPSIS')
        for name in ['run', 'status', 'break']:
            options = re.findall(r'(?m)^  -(\w), ', self.assert_ends(0, name, '--help').stdout)
            options.remove('h')
            match = re.search(rf'(?ms)lf-lock {name}(.*?)(?:lf-lock|\Z)', synopsis)
            named = ''.join(re.findall(r'\[-(\w+)', match[1]))
            self.assertEqual(sorted(named), sorted(options))

    def test_backends(self):
        output = self.assert_ends(0, 'run', '--help').stdout
        names = re.search(r'this way: (.*)', output)[1].replace(' or ', ', ').split(', ')
        self.assertEqual(self.tags('BACKENDS'), names)

    def test_exit_status(self):
        """Those of the source are explained, and no others."""
        with open('/usr/include/sysexits.h', encoding='utf-8') as header:
            numbers = dict(re.findall(r'#define (EX_\w+)\s+(\d+)', header.read()))
        source = ''.join(path.read_text(encoding='utf-8') for path in TOOLS.glob('*.c'))
        used = {numbers[name] for name in re.findall(r'\bEX_\w+', source)} - {'0'}
        used |= set(re.findall(r'#define EXIT_\w+ (\d+)', source)) - {'128'}
        self.assertEqual(sorted(self.tags('EXIT STATUS')), sorted(used))


if __name__ == '__main__':
    sys.exit(main())
