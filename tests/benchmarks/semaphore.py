#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Measures semaphores in Python beside portalocker's, for several numbers of slots: an uncontended
acquire and release, and the hand-off to a process that waits while all slots are held.

    meson devenv -C BUILD python3 tests/benchmarks/semaphore.py
"""

import pathlib
import random
import statistics
import sys
import tempfile
import time

from processes import switches, wait_until_asleep
from programs import python_peer, running

SLOTS = (1, 4, 16)
CYCLES = 500
ROUNDS = 5
HAND_OFFS = 40
# The longest time between two polls, in seconds
POLL = 0.25
IDLE = 5


def contestants(slots):
    return (python_peer('Python Lf.Semaphore', 'flock', 'library-semaphore', str(slots)),
            python_peer('Python portalocker', 'flock', 'portalocker-semaphore', str(slots)))


def measure_cycle(contestant, directory):
    with running(None, (contestant, directory / 'x.lock')) as [program]:
        return program.ask('cycle', CYCLES)


def measure_hand_offs(contestant, slots, directory):
    """The times from just before a release to the grant, in nanoseconds, and the waiter's
    wake-ups per second."""
    times = []
    path = directory / 'x.lock'
    with running(None, *[(contestant, path)] * (slots + 1)) as programs:
        *holders, waiter = programs
        for holder in holders:
            holder.ask('acquire')
        for number in range(HAND_OFFS):
            waiter.tell('acquire')
            wait_until_asleep(waiter)
            if number == 0:
                time.sleep(1)
                before, _ = switches(waiter.pid)
                time.sleep(IDLE)
                wakeups = (switches(waiter.pid)[0] - before) / IDLE
            time.sleep(0.05 + random.random() * POLL)
            index = random.randrange(slots)
            released, = holders[index].ask('release')
            granted, = waiter.answer()
            times.append(granted - released)
            holders[index], waiter = waiter, holders[index]
    return times, wakeups


def main():
    print('| slots | | acquire + release, median | hand-off, median | hand-off, p90 | '
          'wake-ups a second |')
    print('|---|---|---|---|---|---|')
    for slots in SLOTS:
        cycles = {contestant: [] for contestant in contestants(slots)}
        for _ in range(ROUNDS):
            for contestant, times in cycles.items():
                with tempfile.TemporaryDirectory() as directory:
                    times.extend(measure_cycle(contestant, pathlib.Path(directory)))
        for contestant, times in cycles.items():
            with tempfile.TemporaryDirectory() as directory:
                hand_offs, wakeups = measure_hand_offs(contestant, slots, pathlib.Path(directory))
            print(f'| {slots} | {contestant.name} | {statistics.median(times) / 1e3:.0f} us | '
                  f'{statistics.median(hand_offs) / 1e6:.3f} ms | '
                  f'{statistics.quantiles(hand_offs, n=10)[-1] / 1e6:.3f} ms | {wakeups:.1f} |',
                  flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
