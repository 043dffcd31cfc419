#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Counts the cases in a log of `meson test` (testlog.json): passed, failed, skipped.

A case is a line of TAP, or a program that does not use TAP. A program that ends with an
error or times out is another failed case, whatever its lines say.

Failures are named on standard error, with the end of their output: the log of a whole run is
long, and often only its end is kept.
"""

import json
import re
import sys

N_LAST_LINES = 15

passed = failed = skipped = 0

with open(sys.argv[1], encoding='utf-8') as log:
    tests = [json.loads(line) for line in log]

for test in tests:
    output = test.get('stdout') or ''
    lines = re.findall(r'^(ok|not ok)\b(.*)$', output, re.MULTILINE)
    n_skipped = sum('# SKIP' in rest.upper() for _, rest in lines)
    n_failed = sum(result == 'not ok' for result, _ in lines)
    n_passed = len(lines) - n_skipped - n_failed

    if test['result'] == 'SKIP' and n_skipped == 0:
        n_skipped = 1
    elif test['result'] == 'OK' and not lines:
        n_passed = 1
    elif test['result'] not in ('OK', 'SKIP') and n_failed == 0:
        n_failed = 1

    if test['result'] not in ('OK', 'SKIP') or n_failed > 0:
        print(f"Failed: {test['name']}: {test['result']}", file=sys.stderr)
        said = output.splitlines() + (test.get('stderr') or '').splitlines()
        failures = [line for line in said if re.match(r'not ok|Bail out|.*ERROR:', line)]
        for line in failures[:N_LAST_LINES] + ['...'] + said[-N_LAST_LINES:]:
            print(f'  {line}', file=sys.stderr)

    passed += n_passed
    failed += n_failed
    skipped += n_skipped

print(passed, failed, skipped)
