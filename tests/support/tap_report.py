# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the tests in Python share: their cases are reported as TAP.

The case test_some_thing of the class SomeClass is /some-class/some-thing.
"""

import re
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self, prefix):
        super().__init__()
        self.prefix = prefix

    def addSubTest(self, test, subtest, error):
        # A failed part belongs to its case
        if error is not None:
            self.errors.append((test, self._exc_info_to_string(error, test)))

    def stopTest(self, test):
        super().stopTest(test)
        group, method = test.id().split('.')[-2:]
        group = re.sub(r'(?<=[a-z])(?=[A-Z])', '-', group).lower()
        name = method.removeprefix('test_').replace('_', '-')
        problems = [text for where, text in self.failures + self.errors if where is test]
        outcome = 'not ok' if problems else 'ok'
        skip = ''.join(f' # SKIP {reason}' for where, reason in self.skipped if where is test)
        print(f'{outcome} {self.testsRun} {self.prefix}/{group}/{name}{skip}')
        for line in '\n'.join(problems).splitlines():
            print(f'# {line}')
        sys.stdout.flush()

    def tell_of_classes(self):
        """Reports the failed set-up of a class or module."""
        for where, text in self.errors:
            if not isinstance(where, unittest.TestCase):
                print(f'Bail out! {where}\n{text}')


def run_as_tap(prefix=''):
    """Runs the cases of the main module and returns the exit status."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    print(f'TAP version 13\n1..{suite.countTestCases()}', flush=True)
    result = TapResult(prefix)
    suite.run(result)
    result.tell_of_classes()
    return 0 if result.wasSuccessful() else 1
