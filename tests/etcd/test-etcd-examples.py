#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The example programs that take turns by a lock in etcd, all languages together.

    test-etcd-examples.py SOURCE BUILD LANGUAGE...
"""

import os
import re
import sys

from etcd_testing import loopback_address, main, shared_cluster

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                             'examples'))
from examples_testing import ExampleTest  # noqa: E402

NAME = 'several-machines'
USAGE = 'Usage: .*\n'
# A message in one line, for users
PLAIN_ERROR = r'(?!g-|.*-CRITICAL|.*Error: ).+\n'


class SeveralMachines(ExampleTest):
    def setUp(self):
        super().setUp()
        self.server = shared_cluster()
        self.file = self.path('log')

    def start(self, name, n_lines=2, seconds=0.02):
        return super().start(NAME, self.server.uri(name), self.file, n_lines, seconds)

    def test_first_come_first_served(self):
        """Each in one piece, and with a higher token than the one before."""
        first = self.start('order', 1, 1000)
        first.expect(f'PID {first.pid} has the lock')
        queue = []
        for number in range(2, 8):
            queue.append(self.start('order'))
            self.server.wait_for_claims('order', number)
        first.ctrl_c()
        for program in queue:
            program.expect(f'PID {program.pid} has the lock', f'PID {program.pid} is done')
            program.expect_end()
        with open(self.file, encoding='ascii') as file:
            lines = [re.fullmatch(r'PID (\d+), token (\d+), line (\d) of \d\n', line).groups()
                     for line in file]
        expected = [(str(program.pid), str(i)) for program in queue for i in (1, 2)]
        self.assertEqual([(pid, number) for pid, _, number in lines[1:]], expected)
        tokens = [int(token) for _, token, _ in lines]
        self.assertEqual(tokens, sorted(tokens))
        self.assertEqual(len(set(tokens)), 7)

    def test_lost(self):
        """A program whose lock was broken stops."""
        for _ in self.languages:
            program = self.start('lost', 1000, 0.1)
            program.expect(f'PID {program.pid} has the lock')
            self.server.etcdctl('del', '--prefix', 'lost/')
            program.expect_end(1, PLAIN_ERROR)

    def test_usage(self):
        for _ in self.languages:
            super().start(NAME).expect_end(2, USAGE)
            super().start(NAME, 'etcd://localhost/x', self.file, 'one').expect_end(2, USAGE)

    def test_no_server(self):
        for _ in self.languages:
            for uri in f'etcd://{loopback_address()}:2379/x', 'etcd://localhost', 'x':
                super().start(NAME, uri, self.file).expect_end(1, PLAIN_ERROR)
        self.assert_content(self.file, '')


def run():
    source, build, *ExampleTest.languages = sys.argv[1:]
    commands = {'c': [f'{build}/{NAME}-c'], 'vala': [f'{build}/{NAME}-vala'],
                'python': ['/usr/bin/python3', f'{source}/{NAME}.py'],
                'javascript': ['gjs', '-m', f'{source}/{NAME}.js']}
    ExampleTest.commands = {(NAME, language): commands[language]
                            for language in ExampleTest.languages}
    return main(chosen=(), prefix='/etcd-examples')


if __name__ == '__main__':
    sys.exit(run())
