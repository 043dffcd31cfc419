#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The command that etcdctl and lf-lock run under a lock: it adds one to the number in FILE, in
steps that are not atomic, and refuses a token that is lower than the highest so far.

    count_under_lock.py GATEWAY FILE
"""

import base64
import json
import os
import sys
import urllib.request


def get_token(gateway):
    """lf-lock passes it. With etcdctl it is the create revision of the key."""
    if token := os.environ.get('LF_FENCING_TOKEN'):
        return int(token)
    key = base64.b64encode(os.environ['ETCD_LOCK_KEY'].encode()).decode()
    with urllib.request.urlopen(f'{gateway}/v3/kv/range', json.dumps({'key': key}).encode(),
                                timeout=10) as answer:
        return int(json.load(answer)['kvs'][0]['create_revision'])


def main():
    gateway, path = sys.argv[1:]
    token = get_token(gateway)
    with open(path, 'r+', encoding='ascii') as file:
        number, highest = map(int, file.read().split())
        if token < highest:
            return f'Token {token} after {highest}'
        file.seek(0)
        file.write(f'{number + 1:020} {token:020}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
