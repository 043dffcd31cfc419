#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Runs a test in another language, with the URI of a lock as its last argument.

    with-server.py COMMAND [ARGUMENT...]
"""

import subprocess
import sys

from etcd_testing import Cluster


def main():
    server = Cluster()
    try:
        return subprocess.run([*sys.argv[1:], server.uri('x')], check=False).returncode
    finally:
        server.close()


if __name__ == '__main__':
    sys.exit(main())
