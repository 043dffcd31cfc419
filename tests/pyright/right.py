# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

# What pyright must accept

import gi

gi.require_version('Lf', '1.0')
from gi.repository import Lf

lock = Lf.LockFile('x', mode='shared', timeout=None)
lock.mode = 'exclusive'
lock.timeout = None
document_lock: Lf.LockFile = Lf.LockFile.new_for_document('notes.txt')
seconds: float = lock.timeout
mode: Lf.LockMode = lock.mode

with lock.acquire(timeout=1.5) as same:
    path: 'str | None' = same.path

try:
    lock.try_acquire()
except Lf.PathError as error:
    number: 'int | None' = error.errno


@Lf.locked('x', timeout=1)
def add(a: int, b: int) -> int:
    return a + b


total: int = add(1, b=2)


@Lf.locked(lambda: Lf.Semaphore('x', 4))
def multiply(a: int, b: int) -> int:
    return a * b


def hold(any_lock: Lf.Lock) -> bool:
    with any_lock, any_lock.acquire(timeout=1.5) as held:
        return held.held


hold(lock)
with Lf.Semaphore('x', 4) as semaphore:
    slot: int = semaphore.slot
hold(semaphore)


async def wait() -> bool:
    async with lock:
        return await lock.is_locked_async()
