# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the system says about a waiting process."""

import pathlib
import re
import time

from programs import Failure

PATIENCE = 60


def tasks(pid):
    """The content of the file `status` of each thread."""
    result = []
    for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
        try:
            result.append((task / 'status').read_text(encoding='utf-8'))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return result


def field(status, name):
    return int(re.search(rf'^{name}:\s+(\d+)', status, re.MULTILINE).group(1))


def switches(pid):
    """Voluntary and involuntary context switches of all threads."""
    statuses = tasks(pid)
    return tuple(sum(field(status, name) for status in statuses)
                 for name in ('voluntary_ctxt_switches', 'nonvoluntary_ctxt_switches'))


def cpu_time(pid):
    """Nanoseconds, including those of threads that have ended."""
    cpu_clock = (~pid << 3) | 2
    return time.clock_gettime_ns(cpu_clock)


def threads(pid):
    return len(tasks(pid))


def wait_until_threads(program, count):
    """Waits until there are no more threads than before: idle ones stay for a moment."""
    wait_for(lambda: threads(program.pid) <= count,
             f'end of the threads of {program.contestant.name}')


def resident(pid):
    """KiB."""
    with open(f'/proc/{pid}/smaps_rollup', encoding='utf-8') as rollup:
        return field(rollup.read(), 'Rss')


STACK_SIZE = 256 * 1024  # of each of the library's threads


def resident_stacks(pid):
    """KiB of the stacks of the library's threads."""
    result = 0
    with open(f'/proc/{pid}/smaps', encoding='utf-8') as mappings:
        for line in mappings:
            name, *values = line.split()
            if name == 'Size:':
                is_stack = int(values[0]) * 1024 == STACK_SIZE
            elif name == 'Rss:' and is_stack:
                result += int(values[0])
    return result


def is_asleep(pid):
    return all('\nState:\tS' in status or '\nState:\tD' in status for status in tasks(pid))


def wait_until_asleep(program):
    wait_for(lambda: is_asleep(program.pid), f'sleep of {program.contestant.name}')


def queue_length(path):
    """How many waiters are in the kernel's queue for the lock of a file."""
    inode = f':{path.stat().st_ino} '
    with open('/proc/locks', encoding='utf-8') as locks:
        return sum(' -> ' in line and inode in line for line in locks)


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f'For {PATIENCE} seconds there was no {what}.')
        time.sleep(0.0005)


def wait_until_settled(program):
    """Waits until all threads of a process that are going to wait exist and wait."""
    def has_settled():
        before = threads(program.pid), switches(program.pid)
        time.sleep(0.05)
        after = threads(program.pid), switches(program.pid)
        # A polling program never rests, but the number of its threads no longer grows
        return before == after if program.contestant.queues else before[0] == after[0]
    wait_for(has_settled, f'rest of {program.contestant.name}')


THREAD_KEPT = 0.1  # seconds for which the library keeps an idle thread


def wait_until_rested(programs):
    """Waits until no idle thread of the library is left."""
    def has_rested():
        before = [threads(program.pid) for program in programs]
        time.sleep(1.5 * THREAD_KEPT)
        return before == [threads(program.pid) for program in programs]
    wait_for(has_rested, 'rest of those that wait')


def wait_until_waiting(program, queue=1):
    """Waits until a program waits for its lock.

    In the kernel's queue, this is when the queue has that many waiters. For a polling
    program, the caller decides how long it has to sleep."""
    if program.contestant.queues:
        wait_for(lambda: queue_length(program.path) >= queue, f'queue for {program.path}')
    wait_until_asleep(program)
