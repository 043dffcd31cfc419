#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Counts the cases of a JUnit log of `meson test`: passed, failed, skipped."""

import sys
import xml.etree.ElementTree

passed = failed = skipped = 0
for suite in xml.etree.ElementTree.parse(sys.argv[1]).iter('testsuite'):
    cases = suite.findall('testcase')
    kinds = [{child.tag for child in case} for case in cases]
    suite_failed = sum(bool(kind & {'failure', 'error'}) for kind in kinds)
    suite_skipped = sum('skipped' in kind for kind in kinds)
    # A program that fails as a whole, as by a crash or a timeout, has no case of
    # its own for that
    if not suite_failed and (int(suite.get('failures', 0)) or int(suite.get('errors', 0))):
        suite_failed = 1
    if not cases:
        suite_failed += 1
    failed += suite_failed
    skipped += suite_skipped
    passed += max(0, len(cases) - suite_failed - suite_skipped)

print(passed, failed, skipped)
