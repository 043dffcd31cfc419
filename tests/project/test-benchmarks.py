#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The benchmarks: their statistics are right, and each of their programs works.

LF_BENCHMARKS is the directory of the benchmarks, LF_BENCHMARK_BUILD contains their
programs. Go's program is left out, since its packages are large.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCHMARKS = pathlib.Path(os.environ['LF_BENCHMARKS'])
sys.dont_write_bytecode = True
sys.path.insert(0, str(BENCHMARKS))

# pylint: disable=wrong-import-position
import figures  # noqa: E402
import report  # noqa: E402
import targets  # noqa: E402

COLUMNS = (('samples', 'time', 'count', 'number'), ('median', 'time', 'median', 'time'),
           ('99 %', 'time', 'p99', 'time'), ('ratio', 'time', 'ratio', 'ratio'))


def example():
    table = report.Table('Title', 'Note', COLUMNS, ['fast', 'slow'])
    table.add('slow', 'time', [6000, 4000], 'fast')
    table.add('fast', 'time', [1000, 3000, 2000], 'fast')
    table.add('slow', 'time', [5000])
    return table


def example_report():
    return {'machine': {'processors': '2 x P', 'system': 'S', 'file system': 'ext4'},
            'seconds': 120, 'tables': {'x': example().as_json()}, 'targets': []}


class Statistics(unittest.TestCase):
    def test_percentile(self):
        self.assertEqual(report.percentile([5], 99), 5)
        self.assertEqual(report.percentile(range(1, 101), 99), 99)
        self.assertEqual(report.percentile(range(200, 0, -1), 99), 198)
        self.assertEqual(report.percentile([3, 1, 2], 50), 2)

    def test_summary(self):
        self.assertEqual(report.summary([4, 1, 3, 2]),
                         {'count': 4, 'median': 2.5, 'p99': 4, 'worst': 4})

    def test_ratio(self):
        rows = example().as_json()['rows']
        # From the medians of all samples, in any order
        self.assertEqual(rows['slow']['time'], {'count': 3, 'median': 5000, 'p99': 6000,
                                                'worst': 6000, 'ratio': 2.5,
                                                'ratio_to': 'fast'})
        self.assertEqual(rows['fast']['time']['ratio'], 1)

    def test_no_reference(self):
        table = report.Table('Title', 'Note', COLUMNS)
        table.add('row', 'time', [1], 'not measured')
        self.assertNotIn('ratio', table.as_json()['rows']['row']['time'])


    def test_baseline(self):
        table = report.Table('Title', 'Note', [('by hand', 'raw', 'all', 'time'),
                                               ('ours', 'ours', 'all', 'time')],
                             baselines={'ours': 'raw', 'other': 'not measured'})
        table.add('row', 'raw', [1000, 2000, 3000])
        table.add('row', 'ours', [5000])
        table.add('row', 'other', [1])
        row = table.as_json()['rows']['row']
        self.assertEqual((row['ours']['ratio'], row['ours']['ratio_to']), (2.5, 'raw'))
        self.assertNotIn('ratio', row['raw'])
        self.assertNotIn('ratio', row['other'])
        self.assertIn('| row | 2.00 µs (3.00 µs) | 5.00 µs (5.00 µs; 2.50 x) |',
                      report.table_markdown(table.as_json()))


class Form(unittest.TestCase):
    def test_digits(self):
        for value, text in ((0, '0'), (1, '1.00'), (0.0123, '0.0123'), (12.34, '12.3'),
                            (123.4, '123'), (12345, '12,345')):
            self.assertEqual(report.digits(value), text)

    def test_time(self):
        for value, text in ((5, '5 ns'), (1500, '1.50 µs'), (25_000_000, '25.0 ms'),
                            (1.5e9, '1.50 s')):
            self.assertEqual(report.time_text(value), text)

    def test_markdown(self):
        text = report.markdown(example_report())
        self.assertIn('### Title\n\nNote\n\n'
                      '|  | samples | median | 99 % | ratio |\n'
                      '|---|---|---|---|---|\n'
                      '| fast | 3 | 2.00 µs | 3.00 µs | 1.00 |\n'
                      '| slow | 3 | 5.00 µs | 6.00 µs | 2.50 |', text)

    def test_json(self):
        rows = example_report()
        self.assertEqual(json.loads(json.dumps(rows)), rows)

    def test_readme(self):
        result = example_report()
        result['targets'] = [{'figure': 'a', 'what': 'it', 'limit': '<= 1', 'measured': '2.00',
                              'met': False}]
        begin, end = report.MARKS
        text = report.with_targets(f'A\n{begin}\nold\n{end}\nB\n', result)
        self.assertNotIn('old', text)
        self.assertIn('| a | it | <= 1 | 2.00 | **no** |', text)
        self.assertTrue(text.startswith(f'A\n{begin}\n'))
        self.assertTrue(text.endswith(f'\n{end}\nB\n'))
        # A second time changes nothing
        self.assertEqual(report.with_targets(text, result), text)
        with self.assertRaises(ValueError):
            report.with_targets('A', result)


class Targets(unittest.TestCase):
    @staticmethod
    def of_contention(spread, ratio):
        rows = {f'{who}, held for {hold}':
                {'spread': {'median': spread}, 'rate': {'ratio': ratio}}
                for who in ('system calls: flock', 'C: flock, half sync, half async',
                            'C: fcntl, half sync, half async')
                for hold in targets.HOLDS}
        return targets.targets({'e': {'rows': rows}})

    def test_met(self):
        self.assertEqual([target['met'] for target in self.of_contention(2.5, 0.9)], [True] * 8)

    def test_not_met(self):
        self.assertEqual([target['met'] for target in self.of_contention(2.6, 0.9)],
                         [False, True] * 4)
        self.assertEqual([target['met'] for target in self.of_contention(2.5, 0.8)],
                         [True, False] * 4)


class Arguments(unittest.TestCase):
    """Options that would remove results from the README, or do nothing, are refused first."""

    def refuse(self, message, *arguments):
        result = subprocess.run([sys.executable, BENCHMARKS / 'benchmark.py', *arguments],
                                capture_output=True, text=True, check=False, timeout=60)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(message, result.stderr)
        self.assertNotIn('Traceback', result.stderr)
        self.assertNotIn('round 1', result.stderr)
        self.assertEqual(result.stdout, '')

    def test_incomplete_readme(self):
        for less in (['a'], ['--smoke'], ['--quick'], ['--without', 'gofrs']):
            with self.subTest(less):
                self.refuse('--readme needs all', '--readme', *less)

    def test_incomplete_source(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'benchmarks.json'
            for less in ({}, {'complete': False}):
                path.write_text(json.dumps({**example_report(), **less}), encoding='utf-8')
                self.refuse('--readme needs all', '--from', path, '--readme')

    def test_source(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'benchmarks.json'
            self.refuse('No such file', '--from', path)
            for text in ('', '{}', '[]', '{"tables": {}}', '{"tables": {"a": {"rows": {}}}}'):
                path.write_text(text, encoding='utf-8')
                self.refuse('not what this version', '--from', path)
            self.refuse('--from measures nothing', '--from', path, 'a')

    def test_unknown(self):
        self.refuse('no such figure: z', 'z')
        self.refuse("invalid choice: 'nosuch'", '--without', 'nosuch')


class Smoke(unittest.TestCase):
    """Each figure with one sample of each program. A row without a sample is an error."""

    # Results that do not depend on time: a thread for each of two waits; and the system
    # calls of a cycle in C, which are openat and close, flock twice, and three of stat
    known = {
        'd': r'\n\| flock, a file each, 2 \|.*\| 1\.00 \(1\.00\) \|',
        'profile': r'\n\| system calls: flock \|.*\| 7\.0 \| 2\.0 \| 2\.0 \| 3\.0 \| 0\.0 \|',
    }

    def run_benchmark(self, *arguments, **options):
        return subprocess.run([sys.executable, BENCHMARKS / 'benchmark.py', '--smoke', *arguments],
                              capture_output=True, text=True, check=False, **options)

    def test_figures(self):
        for letter, figure in figures.FIGURES.items():
            with self.subTest(letter):
                result = self.run_benchmark('--without', 'gofrs', letter)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f'### {letter}) ', result.stdout)
                self.assertNotIn('gofrs', result.stdout)
                if hasattr(targets.Targets, letter):
                    self.assertIn(f'\n| {letter} | ', result.stdout, figure.__doc__)
                if letter in self.known:
                    self.assertRegex(result.stdout, self.known[letter])

    def test_missing_program(self):
        with tempfile.TemporaryDirectory() as nothing:
            result = self.run_benchmark('a', env={**os.environ, 'LF_BENCHMARK_BUILD': nothing})
            self.assertNotEqual(result.returncode, 0)
            self.assertRegex(result.stderr, 'is missing. tests/benchmarks/run installs')

    def test_missing_peer(self):
        with tempfile.TemporaryDirectory() as nothing:
            # An unrelated module of that name
            (pathlib.Path(nothing) / 'portalocker.py').touch()
            result = self.run_benchmark('--without', 'gofrs', 'a',
                                        env={**os.environ, 'PYTHONPATH': nothing})
            self.assertNotEqual(result.returncode, 0)
            self.assertRegex(result.stderr, 'Python portalocker: .*tests/benchmarks/run installs')


unittest.main()
