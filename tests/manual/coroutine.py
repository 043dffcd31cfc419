# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Around a block that is the body of a coroutine and has a lock file."""

import asyncio

import gi

gi.require_version('Lf', '1.0')
from gi.repository import Lf


async def work(lock):
    @BLOCK@

lock = Lf.LockFile(path='coroutine.lock')
asyncio.run(work(lock))
assert not lock.is_held()
