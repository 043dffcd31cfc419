# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The figures: each one measures each of its contestants once per round."""

import collections
import contextlib
import dataclasses
import itertools
import os
import pathlib
import random
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from processes import (cpu_time, resident, resident_stacks, switches, threads,
                       wait_until_asleep, wait_until_rested, wait_until_settled,
                       wait_until_threads, wait_until_waiting)
from programs import (BACKENDS, COUNTERPARTS, EXISTENCE, KERNEL, PATIENCE, PEERS, RECORDED,
                      Failure, of_etcd, ours, python_peer, raw, running)
from report import Table, percentile

# The servers and the proxy of the tests
sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'etcd'))
import etcd_testing  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much is measured."""

    rounds: int
    slow_rounds: int  # of figures that take long
    cycle_rounds: int  # of figures that are quick
    cycle_seconds: float  # of acquires and releases, for each contestant and round
    most_cycles: int
    hand_offs: int  # for each contestant and round
    polled_hand_offs: int
    patience: float  # seconds that a polling waiter has waited before a hand-off
    wait_seconds: float
    pending: tuple  # numbers of waits in a process
    probes: int
    contenders: int
    contend_seconds: float
    crowds: tuple  # numbers of processes
    crowd_hand_offs: int
    crowd_cycles: int
    waits_each: int  # of each process of a crowd
    fails: int = 100  # of each contestant, round and surroundings
    other_locks: tuple = (1, 100, 1000)
    other_processes: int = 200
    other_descriptors: int = 100  # of each of these
    expired: tuple = (1, 100)  # numbers of waits that end at once
    expiry: int = 100  # milliseconds
    durable_cycles: int = 50  # of each contestant and round
    losses: int = 50  # of each contestant and round
    held_seconds: float = 10
    held_cycles: int = 300
    etcd_cycles: int = 100  # of each contestant and round
    remote_seconds: float = 30  # in which a process waits
    counts_all: bool = True  # in the profile; otherwise only what is quick

    def counted(self, contestant):
        return self.counts_all or contestant.way == 'flock' and contestant.is_built


FULL = Settings(
    rounds=5, slow_rounds=3, cycle_rounds=25, cycle_seconds=0.015, most_cycles=500, hand_offs=12,
    polled_hand_offs=3, patience=0.5, wait_seconds=5, pending=(1, 10, 100, 1000), probes=20,
    contenders=30, contend_seconds=1.5, crowds=(2, 4, 8, 16, 32, 64), crowd_hand_offs=8,
    crowd_cycles=300, waits_each=4)
QUICK = Settings(
    rounds=2, slow_rounds=2, cycle_rounds=5, cycle_seconds=0.01, most_cycles=500, hand_offs=8,
    polled_hand_offs=1, patience=0.5, wait_seconds=5, pending=(1, 1000), probes=10,
    contenders=30, contend_seconds=1, crowds=(2, 64), crowd_hand_offs=5,
    crowd_cycles=100, waits_each=4)
SMOKE = Settings(
    rounds=1, slow_rounds=1, cycle_rounds=1, cycle_seconds=0, most_cycles=1, hand_offs=1,
    polled_hand_offs=1, patience=0.01, wait_seconds=0.01, pending=(2,), probes=1,
    contenders=2, contend_seconds=0.01, crowds=(2,), crowd_hand_offs=1,
    crowd_cycles=1, waits_each=1, fails=1, other_locks=(1,), other_processes=2,
    other_descriptors=2, expired=(1, 2), expiry=10, durable_cycles=1, losses=1,
    held_seconds=0.01, held_cycles=1, etcd_cycles=1, remote_seconds=0.01, counts_all=False)


class Session:
    """Where to measure, and with which settings."""

    def __init__(self, build, directory, settings, left_out=()):
        self.build = build
        self.directory = directory
        self.settings = settings
        self.left_out = left_out

    def is_left_out(self, contestant):
        return contestant.needs is not None and contestant.needs in self.left_out

    def new_path(self):
        """A lock file in a directory of its own, so that a watch sees no others."""
        return pathlib.Path(tempfile.mkdtemp(dir=self.directory)) / 'x.lock'

    def run(self, *contestants, path=None):
        path = path or self.new_path()
        return running(self.build, *((contestant, path) for contestant in contestants))


class Figure:
    """A figure: its tables, and a task for each contestant."""

    # The setting with the number of rounds
    rounds = 'rounds'

    def __init__(self, session):
        self.session = session
        self.tables = {}

    def start(self, stack):
        """Starts what runs through all rounds, until the stack is closed."""

    def tasks(self):
        """Functions, each of which measures one contestant in one round."""
        raise NotImplementedError


TIME_COLUMNS = (
    ('samples', 'time', 'count', 'number'),
    ('median', 'time', 'median', 'time'),
    ('99 %', 'time', 'p99', 'time'),
    ('ratio', 'time', 'ratio', 'ratio'),
)



class Cycle(Figure):
    """a) Uncontended acquire and release."""

    rounds = 'cycle_rounds'

    def __init__(self, session):
        super().__init__(session)
        self.contestants = [contestant for contestant in self.all_contestants()
                            if not session.is_left_out(contestant)]
        self.table = self.tables['a'] = Table(
            'a) Uncontended acquire and release',
            'Samples are single cycles in one process (of GJS means of ten), of all rounds. '
            '"Not durable" has records that are not written to the disk, as those by hand are '
            'not. The ratio is that to the median of the system calls by hand for the same way of locking, '
            'made in turn with it and in the same directory.',
            TIME_COLUMNS, [contestant.name for contestant in self.contestants])

    @staticmethod
    def all_contestants():
        manners = ('sync', 'async', 'async-both')
        yield from (raw(way) for way in (*BACKENDS, 'flock-remove', 'fcntl-remove'))
        for backend, manner in itertools.product(BACKENDS, manners):
            yield ours('C', backend, manner)
        for backend, manner in itertools.product((*KERNEL, 'sqlite'), manners):
            yield ours('C', backend, manner + ',remove')
        for backend in RECORDED:
            yield ours('C', backend, 'sync,not-durable')
        for backend in BACKENDS:
            yield ours('C', backend, 'sync,fresh')
        for backend in BACKENDS:
            yield ours('Python', backend, 'sync')
        for backend in BACKENDS:
            yield ours('GJS', backend, 'sync')
        for language, backend in itertools.product(('Python', 'GJS'), KERNEL):
            yield ours(language, backend, 'sync,remove')
            yield ours(language, backend, 'async')
        yield from PEERS

    def tasks(self):
        return [lambda way=way: self.measure_way(way) for way in self.paths]

    def start(self, stack):
        # Many short rounds, since a busy disk slows down whole rounds
        self.paths = {contestant.way: self.session.new_path() for contestant in self.contestants}
        self.programs = {
            contestant: stack.enter_context(
                self.session.run(contestant, path=self.path_of(number, contestant)))[0]
            for number, contestant in enumerate(self.contestants)}
        for program in self.programs.values():
            program.ask('cycle', 1)

    def path_of(self, number, contestant):
        """A separate file for programs that may write to the lock file, which would change
        ours."""
        path = self.paths[contestant.way]
        return path.with_name(f'{number}.lock') if contestant in PEERS else path

    def measure_way(self, way):
        """One after the other, so that compared contestants have the same disk at the same
        time."""
        contestants = [contestant for contestant in self.contestants if contestant.way == way]
        for contestant in random.sample(contestants, len(contestants)):
            self.measure(contestant)

    def measure(self, contestant):
        settings = self.session.settings
        program = self.programs[contestant]
        # The first cycles show how many there is time for
        few = statistics.median(program.ask('cycle', min(settings.most_cycles, 5)))
        count = max(1, min(settings.most_cycles, int(settings.cycle_seconds * 1e9 / few)))
        self.table.add(contestant.name, 'time', program.ask('cycle', count),
                       contestant.reference)


class HandOff(Figure):
    """b) From the holder's release to the waiter having the lock."""

    def __init__(self, session):
        super().__init__(session)
        contestants = [contestant for contestant in self.all_contestants()
                       if not session.is_left_out(contestant)]
        self.table = self.tables['b'] = Table(
            'b) Hand-off between two processes',
            'From just before the release in one process to having the lock in another, which '
            'waits already. Samples are hand-offs, of all rounds. Programs that look now and '
            'then have waited for 0.5 s and up to one of their intervals, at random. The ratio '
            'is that to a blocking flock(2) in C. Interval: the longest time between two looks '
            'of a wait of that length.',
            (('interval', 'interval', 'median', 'time'), *TIME_COLUMNS),
            [contestant.name for contestant in contestants])
        self.pollers = [contestant for contestant in contestants if contestant.poll is not None]
        self.sleepers = [contestant for contestant in contestants if contestant.poll is None]
        for contestant in self.pollers:
            self.table.add(contestant.name, 'interval', [contestant.poll * 1e9])

    @staticmethod
    def all_contestants():
        yield from (raw(way) for way in KERNEL)
        for backend, manner in itertools.product(BACKENDS, ('sync', 'deadline', 'async')):
            yield ours('C', backend, manner)
        for backend, manner in itertools.product(RECORDED, ('sync', 'deadline', 'async')):
            yield ours('C', backend, f'{manner},not-durable')
        for language, backend, manner in itertools.product(
                ('Python', 'GJS'), ('flock', 'fcntl', 'directory'), ('sync', 'async')):
            yield ours(language, backend, manner)
        yield from (peer for peer in PEERS if peer.name != COUNTERPARTS['sqlite'])

    def tasks(self):
        return [self.measure_pollers,
                *(lambda contestant=contestant: self.measure_sleeper(contestant)
                  for contestant in self.sleepers)]

    def add(self, contestant, sample):
        self.table.add(contestant.name, 'time', [sample], raw('flock').name)

    def measure_sleeper(self, contestant):
        with self.session.run(contestant, contestant) as [holder, waiter]:
            holder.ask('acquire')
            for _ in range(self.session.settings.hand_offs):
                self.add(contestant, hand_off(holder, waiter))
                holder, waiter = waiter, holder
            holder.ask('release')

    def measure_pollers(self):
        """All pairs at once, since they sleep."""
        with contextlib.ExitStack() as stack:
            pairs = [stack.enter_context(self.session.run(contestant, contestant))
                     for contestant in self.pollers]
            for holder, _waiter in pairs:
                holder.ask('acquire')
            for _ in range(self.session.settings.polled_hand_offs):
                self.hand_over(pairs)
                for pair in pairs:
                    pair.reverse()
            for holder, _waiter in pairs:
                holder.ask('release')

    def hand_over(self, pairs):
        for _holder, waiter in pairs:
            waiter.tell('acquire')
        now = time.monotonic()
        times = [(now + self.session.settings.patience + random.random() * poller.poll, pair)
                 for poller, pair in zip(self.pollers, pairs)]
        for when, [holder, _waiter] in sorted(times, key=lambda item: item[0]):
            time.sleep(max(0, when - time.monotonic()))
            holder.tell('release')
        for contestant, [holder, waiter] in zip(self.pollers, pairs):
            [before], [after] = holder.answer(), waiter.answer()
            self.add(contestant, after - before)


def settle(program):
    """Waits until processors are idle.

    It takes longer with polling, since the first polls follow each other closely."""
    shortest = 0.002 if program.contestant.queues else 0.02
    time.sleep(shortest * (1 + random.random()))


def hand_off(holder, waiter):
    """Nanoseconds."""
    waiter.tell('acquire')
    wait_until_waiting(waiter)
    settle(waiter)
    # Reading the holder's answer now would compete with the waiter
    holder.tell('release')
    [after] = waiter.answer()
    [before] = holder.answer()
    return after - before


class Waiting(Figure):
    """c) The cost of a waiting process."""

    rounds = 'slow_rounds'

    def __init__(self, session):
        super().__init__(session)
        self.contestants = [contestant for contestant in HandOff.all_contestants()
                            if not session.is_left_out(contestant)]
        self.table = self.tables['c'] = Table(
            'c) A process that waits for five seconds',
            'Context switches and processor time of all of its threads in these seconds; and the '
            'voluntary switches from being told to acquire until it has waited for them, to '
            'which its way into the wait adds. Medians of the rounds, in brackets their 99th '
            'percentiles and the ratio to a blocking flock(2) in C. All wait at the same time.',
            (('rounds', 'voluntary', 'count', 'number'),
             ('voluntary', 'voluntary', 'all', 'number'),
             ('with the way into it', 'all voluntary', 'all', 'number'),
             ('involuntary', 'involuntary', 'all', 'number'),
             ('processor time', 'cpu', 'all', 'time')),
            [contestant.name for contestant in self.contestants])

    def tasks(self):
        return [self.measure]

    def measure(self):
        with contextlib.ExitStack() as stack:
            pairs = [stack.enter_context(self.session.run(contestant, contestant))
                     for contestant in self.contestants]
            for holder, waiter in pairs:
                # Then it has loaded everything that it needs
                waiter.ask('cycle', 1)
                holder.ask('acquire')
            waiters = [waiter for _holder, waiter in pairs]
            # The end of a thread would remove its switches from the count
            wait_until_rested(waiters)
            idle = [switches(waiter.pid) for waiter in waiters]
            for waiter in waiters:
                waiter.tell('acquire')
                wait_until_waiting(waiter)
            time.sleep(self.session.settings.patience)
            before = [(*switches(waiter.pid), cpu_time(waiter.pid)) for waiter in waiters]
            time.sleep(self.session.settings.wait_seconds)
            after = [(*switches(waiter.pid), cpu_time(waiter.pid)) for waiter in waiters]
            for waiter, first, second, third in zip(waiters, idle, before, after):
                self.add(waiter.contestant.name, first, second, third)
            for holder, _waiter in pairs:
                holder.ask('release')
            for waiter in waiters:
                waiter.answer()
                waiter.ask('release')

    def add(self, name, idle, before, after):
        for quantity, value in (('voluntary', after[0] - before[0]),
                                ('all voluntary', after[0] - idle[0]),
                                ('involuntary', after[1] - before[1]),
                                ('cpu', after[2] - before[2])):
            self.table.add(name, quantity, [value], raw('flock').name)


class Scale(Figure):
    """d) Many asynchronous waits in one process."""

    rounds = 'slow_rounds'
    shapes = {'one': 'one file', 'distinct': 'a file each'}
    # The growth of these is shown; of the others, only what most waits need. For one file,
    # all dotlock backends are alike.
    growing = (('flock', 'one'), ('flock', 'distinct'), ('fcntl', 'one'),
               ('directory', 'one'), ('directory', 'distinct'))
    others = (('fcntl', 'distinct'), ('hard-link', 'distinct'), ('symlink', 'distinct'),
              ('pid-file', 'distinct'), ('sqlite', 'one'), ('sqlite', 'distinct'))

    def __init__(self, session):
        super().__init__(session)
        pending = session.settings.pending
        self.cases = [*((*kind, count) for kind in self.growing for count in pending),
                      *((*kind, pending[-1]) for kind in self.others)]
        self.table = self.tables['d'] = Table(
            'd) Pending asynchronous acquires in one process',
            'From C; another process holds the lock of the one file, or of all. Resident memory '
            'and threads above those of the process before, divided by the number of waits; '
            'stacks are the part of the memory that is in the stacks of threads. '
            f'While they wait: the slowest of {session.settings.probes} '
            'g_file_query_info_async(), and the latest of as many timers of 10 ms; "none" is '
            'the same without any wait. Then the time until the cancel of all was reported; '
            "and, after another start, from the holder's release until all had their lock and "
            'gave it back in turn. Medians of the rounds; in brackets their 99th percentiles, '
            'which of so few is the worst.',
            (('rounds', 'query', 'count', 'number'),
             ('to start all', 'start', 'all', 'time'),
             ('memory a wait', 'memory', 'all', 'KiB'),
             ('stacks', 'stacks', 'all', 'KiB'),
             ('threads a wait', 'threads', 'all', 'ratio'),
             ('slowest GIO query', 'query', 'all', 'time'),
             ('latest timer', 'timer', 'all', 'time'),
             ('to cancel all', 'cancel', 'all', 'time'),
             ('to serve all', 'serve', 'all', 'time')),
            ['none', *(self.name(*case) for case in self.cases)])

    def name(self, backend, shape, count):
        return f'{backend}, {self.shapes[shape]}, {count:,}'

    def tasks(self):
        # The main loop without any waits
        return [lambda: self.measure_idle(),
                *(lambda case=case: self.measure(*case) for case in self.cases)]

    def measure_idle(self):
        with self.session.run(ours('C', 'flock', 'async')) as [program]:
            self.probe('none', program)

    def probe(self, name, program):
        query, timer = program.ask('probe', self.session.settings.probes)
        self.table.add(name, 'query', [query])
        self.table.add(name, 'timer', [timer])

    def measure(self, backend, shape, count):
        name = self.name(backend, shape, count)
        with self.session.run(ours('C', backend, 'sync'),
                              ours('C', backend, 'async')) as [holder, waiter]:
            # This starts threads of GLib, which stay
            waiter.ask('probe', 2)
            idle = threads(waiter.pid)
            waiter.ask('cycle', 10)
            self.hold(holder, shape, count)
            # An idle thread of the library must not serve the first wait
            wait_until_threads(waiter, idle)
            before = self.usage(waiter)
            self.table.add(name, 'start', waiter.ask('start', count, shape))
            wait_until_settled(waiter)
            for quantity, value in self.usage(waiter).items():
                self.table.add(name, quantity, [(value - before[quantity]) / count])
            if backend not in KERNEL:
                # Until the polls are as rare as possible
                time.sleep(self.session.settings.patience)
            self.probe(name, waiter)
            self.table.add(name, 'cancel', waiter.ask('cancel'))
            if (backend, shape) not in self.growing:
                return

            waiter.ask('start', count, shape)
            wait_until_settled(waiter)
            drop = 'release' if shape == 'one' else 'drop'
            self.table.add(name, 'serve', [serve(holder, [waiter], drop)])

    @staticmethod
    def usage(program):
        return {'memory': resident(program.pid), 'stacks': resident_stacks(program.pid),
                'threads': threads(program.pid)}

    @staticmethod
    def hold(holder, shape, count):
        if shape == 'one':
            holder.ask('acquire')
        else:
            holder.ask('hold', count)


class Fairness(Figure):
    """e) Many processes that want the same lock."""

    rounds = 'slow_rounds'

    def __init__(self, session):
        super().__init__(session)
        self.count = session.settings.contenders
        self.table = self.tables['e'] = Table(
            f'e) {self.count} contending processes',
            'Each acquires, holds the lock for as long as the row says, releases, and comes '
            'again after a millisecond. Waits are pooled over contenders and rounds; the '
            'quotient of their 99 % and median, the acquires of the contender that had least '
            'and of that which had most, and the throughput are medians of the rounds. The '
            'ratio is that of the throughput to blocking flock(2) in C held as long.',
            (('waits', 'wait', 'count', 'number'),
             ('wait, median', 'wait', 'median', 'time'),
             ('99 %', 'wait', 'p99', 'time'),
             ('99 % / median', 'spread', 'median', 'ratio'),
             ('least', 'least', 'median', 'number'),
             ('most', 'most', 'median', 'number'),
             ('a second', 'rate', 'median', 'number'),
             ('ratio', 'rate', 'ratio', 'ratio')),
            [self.name(*case) for case in self.cases()])

    def cases(self):
        for hold in (0, 1000):
            yield 'system calls: flock', [raw('flock')], hold
            for backend in (*KERNEL, 'directory'):
                yield (f'C: {backend}, half sync, half async',
                       [ours('C', backend, manner) for manner in ('sync', 'async')], hold)
            yield 'C: flock, async', [ours('C', 'flock', 'async')], hold
        yield 'Python filelock', [PEERS[0]], 1000

    @staticmethod
    def name(who, _contestants, hold):
        return f'{who}, held for {hold / 1000:g} ms'

    def tasks(self):
        return [lambda case=case: self.measure(*case) for case in self.cases()]

    def measure(self, who, contestants, hold):
        name = self.name(who, contestants, hold)
        reference = self.name('system calls: flock', None, hold)
        seconds = self.session.settings.contend_seconds
        crowd = [contestants[number % len(contestants)] for number in range(self.count)]
        with self.session.run(*crowd) as programs:
            for program in programs:
                program.ask('cycle', 1)
            start = time.monotonic_ns() + 50_000_000
            end = start + int(seconds * 1e9)
            for program in programs:
                program.tell('contend', start, end, hold * 1000, 1_000_000)
            waits = [program.answer() for program in programs]
        pooled = [wait for each in waits for wait in each]
        self.table.add(name, 'wait', pooled)
        for quantity, value in (
                ('spread', percentile(pooled, 99) / statistics.median(pooled)),
                ('least', min(map(len, waits))), ('most', max(map(len, waits))),
                ('rate', len(pooled) / seconds)):
            self.table.add(name, quantity, [value], reference)


# The backends whose growth is shown
GROWING = ('flock', 'fcntl', 'directory')
ALONE = 'flock(2), alone'


class Growth(Figure):
    """f) How costs grow with the number of processes and of lock files."""

    rounds = 'slow_rounds'

    def __init__(self, session):
        super().__init__(session)
        settings = session.settings
        self.crowds = settings.crowds
        self.files = settings.pending
        self.hand_off_series = {
            'flock(2)': raw('flock'),
            **{f'{backend}, {manner}': ours('C', backend, manner) for backend, manner in
               (('flock', 'sync'), ('flock', 'async'), ('fcntl', 'async'), ('directory', 'async'))},
        }
        medians = 'Medians, and in brackets 99th percentiles, of'
        by_hand = 'and the ratio to those by hand of the same way of locking in the same place'
        self.add_table('f hand-off, contenders', 'f) Hand-off among more and more processes',
                       'From the release to the next one of so many contending processes having '
                       f'the lock. {medians} the hand-offs of all rounds, and the ratio to the '
                       'blocking flock(2).',
                       self.hand_off_series, self.crowds,
                       dict.fromkeys(self.hand_off_series, 'flock(2)'))
        self.add_table('f hand-off, files', 'f) Hand-off beside more and more waits',
                       'To a process with so many other asynchronous waits, each for a file of '
                       f'its own. {medians} the hand-offs of all rounds, and the ratio to a '
                       'blocking flock(2) without any other wait.',
                       (ALONE, *GROWING), self.files, dict.fromkeys(GROWING, ALONE))
        self.add_table('f cycle, contenders', 'f) Cycle beside more and more processes',
                       'Uncontended acquire and release by call, while so many other processes '
                       f'wait for another lock file in the same directory. {medians} the cycles '
                       f'of all rounds, {by_hand}.',
                       GROWING, self.crowds, {way: raw(way).name for way in GROWING})
        self.add_table('f cycle, files', 'f) Cycle beside more and more lock files',
                       'Uncontended acquire and release by call, in a process that holds the '
                       f'locks of so many other files. {medians} the cycles of all rounds, '
                       f'{by_hand}.',
                       BACKENDS, self.files, {way: raw(way).name for way in BACKENDS})
        self.add_table('f waits, contenders', 'f) Many waits in more and more processes',
                       f'{settings.waits_each} asynchronous acquires of one file are pending in '
                       'each of so many processes: from the release until all of them had their '
                       f'lock and gave it back in turn, divided by their number. {medians} the '
                       'rounds.',
                       ('flock', 'directory'), self.crowds)

    def add_table(self, key, title, note, series, numbers, baselines=()):
        self.tables[key] = Table(title, note, [(name, name, 'all', 'time') for name in series],
                                 [f'{number:,}' for number in numbers], baselines)

    def add(self, key, number, series, samples):
        self.tables[key].add(f'{number:,}', series, samples)

    def tasks(self):
        cases = [(self.hand_off_in_crowd, self.hand_off_series, self.crowds),
                 (self.hand_off_beside_waits, GROWING, self.files),
                 (self.hand_off_alone, (ALONE,), self.files),
                 (self.cycle_beside_crowd, GROWING, self.crowds),
                 (self.cycle_beside_files, BACKENDS, self.files),
                 (self.serve_crowd, ('flock', 'directory'), self.crowds)]
        return [lambda case=case: case[0](*case[1:])
                for function, series, numbers in cases
                for case in itertools.product([function], series, numbers)]

    def hand_off_in_crowd(self, series, count):
        contestant = self.hand_off_series[series]
        with self.session.run(*[contestant] * count) as programs:
            holder, *others = programs
            holder.ask('acquire')
            for program in others:
                program.tell('acquire')
            for _ in range(self.session.settings.crowd_hand_offs):
                self.wait_until_all_wait(others)
                settle(holder)
                holder.tell('release')
                winner = first_to_answer(others)
                [after] = winner.answer()
                [before] = holder.answer()
                self.add('f hand-off, contenders', count, series, [after - before])
                # The old holder queues again
                others.remove(winner)
                others.append(holder)
                holder.tell('acquire')
                holder = winner
            # All of them leave
            while others:
                holder.ask('release')
                holder = first_to_answer(others)
                holder.answer()
                others.remove(holder)

    @staticmethod
    def wait_until_all_wait(programs):
        wait_until_waiting(programs[0], len(programs))
        for program in programs[1:]:
            wait_until_asleep(program)

    def hand_off_beside_waits(self, backend, count):
        other = ours('C', backend, 'sync')
        with self.session.run(other, ours('C', backend, 'async')) as [holder, waiter]:
            holder.ask('hold', count)
            waiter.ask('start', count, 'distinct')
            wait_until_settled(waiter)
            for _ in range(self.session.settings.crowd_hand_offs):
                holder.ask('acquire')
                waiter.tell('acquire')
                wait_until_waiting(waiter, 1)
                settle(waiter)
                holder.tell('release')
                [after], [before] = waiter.answer(), holder.answer()
                self.add('f hand-off, files', count, backend, [after - before])
                waiter.ask('release')
            waiter.ask('cancel')

    def hand_off_alone(self, series, count):
        contestant = raw('flock')
        with self.session.run(contestant, contestant) as [holder, waiter]:
            holder.ask('acquire')
            for _ in range(self.session.settings.crowd_hand_offs):
                self.add('f hand-off, files', count, series, [hand_off(holder, waiter)])
                holder, waiter = waiter, holder
            holder.ask('release')

    def cycle_beside_crowd(self, backend, count):
        path = self.session.new_path()
        other = path.with_name('other.lock')
        with self.session.run(*[ours('C', backend, 'async')] * (count + 1),
                              path=other) as [holder, *waiters]:
            holder.ask('acquire')
            for waiter in waiters:
                waiter.tell('acquire')
            self.wait_until_all_wait(waiters)
            with self.session.run(ours('C', backend, 'sync'), raw(backend),
                                  path=path) as [program, by_hand]:
                self.add_cycles('f cycle, contenders', count, backend, program, by_hand)
            holder.ask('release')
            while waiters:
                winner = first_to_answer(waiters)
                winner.answer()
                winner.ask('release')
                waiters.remove(winner)

    def cycle_beside_files(self, backend, count):
        with self.session.run(ours('C', backend, 'sync')) as [program], \
                self.session.run(raw(backend)) as [by_hand]:
            program.ask('hold', count)
            by_hand.ask('hold', count)
            self.add_cycles('f cycle, files', count, backend, program, by_hand)

    def add_cycles(self, key, number, backend, program, by_hand):
        for series, one in ((backend, program), (raw(backend).name, by_hand)):
            self.add(key, number, series,
                     one.ask('cycle', self.session.settings.crowd_cycles))

    def serve_crowd(self, backend, count):
        each = self.session.settings.waits_each
        with self.session.run(ours('C', backend, 'sync'),
                              *[ours('C', backend, 'async')] * count) as [holder, *waiters]:
            holder.ask('acquire')
            for waiter in waiters:
                waiter.ask('start', each, 'one')
            for waiter in waiters:
                wait_until_settled(waiter)
            time_of_all = serve(holder, waiters, 'release')
            self.add('f waits, contenders', count, backend, [time_of_all / (count * each)])


def first_to_answer(programs):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        outputs = {program.process.stdout: program for program in programs}
        ready, _, _ = select.select(outputs, [], [], 1)
        if ready:
            return outputs[ready[0]]
    raise Failure(f'Nobody got the lock of {programs[0].path}.')


def serve(holder, waiters, command):
    """How long it takes until all waiters have been served."""
    for waiter in waiters:
        waiter.tell('serve')
        wait_until_asleep(waiter)
    holder.tell(command)
    after = max(waiter.answer()[0] for waiter in waiters)
    [before] = holder.answer()
    return after - before


class Failing(Figure):
    """g) The cost of a failure."""

    def __init__(self, session):
        super().__init__(session)
        settings = session.settings
        self.surroundings = [*(f'{count:,} other locks' for count in settings.other_locks),
                             f'{settings.other_processes:,} other processes']
        self.contestants = [
            *(raw(way) for way in KERNEL), *(ours('C', way, 'sync') for way in KERNEL),
            *(ours('Python', way, 'sync') for way in KERNEL),
            *(peer for peer in PEERS if peer.name in FAILING_PEERS)]
        self.table = self.tables['g'] = Table(
            'g) A try that finds the lock held',
            'Another process has the lock; beside it there are so many other locks on the '
            f'machine, or processes with {settings.other_descriptors} descriptors each. By hand '
            'that is open, lock and close. Samples are tries, of all rounds.',
            TIME_COLUMNS, [self.name(contestant, around) for contestant in self.contestants
                           for around in self.surroundings])
        self.late = self.tables['g expired'] = Table(
            'g) A wait that expires',
            f'How long after its deadline, {settings.expiry} ms away, the end of an asynchronous '
            'wait of C was reported in its main loop. So many began at once.',
            (('samples', 'late', 'count', 'number'), ('median', 'late', 'median', 'time'),
             ('99 %', 'late', 'p99', 'time'), ('worst', 'late', 'worst', 'time')),
            [self.late_name(way, count, around) for way in KERNEL for count in settings.expired
             for around in self.surroundings])

    @staticmethod
    def name(contestant, around):
        return f'{contestant.name}, {around}'

    @staticmethod
    def late_name(way, count, around):
        return f'{way}, {count:,} at once, {around}'

    def tasks(self):
        settings = self.session.settings
        return [*(lambda count=count, around=around: self.beside_locks(count, around)
                  for count, around in zip(settings.other_locks, self.surroundings)),
                lambda: self.beside_processes(self.surroundings[-1])]

    def beside_locks(self, count, around):
        with self.session.run(raw('flock')) as [other]:
            other.ask('hold', count)
            self.measure_all(around)

    def beside_processes(self, around):
        settings = self.session.settings
        descriptors = [os.open('/dev/null', os.O_RDONLY)
                       for _ in range(settings.other_descriptors)]
        others = [subprocess.Popen(['sleep', '1000'], pass_fds=descriptors)
                  for _ in range(settings.other_processes)]
        try:
            self.measure_all(around)
        finally:
            for other in others:
                other.kill()
            for other in others:
                other.wait()
            for descriptor in descriptors:
                os.close(descriptor)

    def measure_all(self, around):
        for contestant in random.sample(self.contestants, len(self.contestants)):
            path = self.session.new_path()
            with self.session.run(raw(contestant.way), path=path) as [holder], \
                    self.session.run(contestant, path=path) as [program]:
                holder.ask('acquire')
                self.table.add(self.name(contestant, around), 'time',
                               program.ask('fail', self.session.settings.fails),
                               self.name(raw(contestant.way), around))
                if contestant.is_built and contestant.command[0].endswith('library'):
                    self.measure_expired(program, contestant.way, around)
                holder.ask('release')

    def measure_expired(self, program, way, around):
        for count in self.session.settings.expired:
            self.late.add(self.late_name(way, count, around), 'late',
                          program.ask('expire', count, self.session.settings.expiry))


class Durability(Figure):
    """h) The cost of writing a record to the disk before its lock is visible."""

    rounds = 'slow_rounds'
    # Of a sparse image
    image_size = 512 << 20
    makers = {'ext4': ('mkfs.ext4', '-q', '-F'), 'btrfs': ('mkfs.btrfs', '-q'),
              'xfs': ('mkfs.xfs', '-q'), 'tmpfs': None}

    def __init__(self, session):
        super().__init__(session)
        self.table = self.tables['h'] = Table(
            'h) What a durable record costs, by file system',
            'Uncontended acquire and release from C. Each file system is in an image of its own, '
            'on the file system of all other figures. The ratio is that to the same without '
            'writing the record to the disk.', TIME_COLUMNS)

    def start(self, stack):
        here = self.session.directory
        self.directories = {'here': here}
        for kind, maker in self.makers.items():
            if os.geteuid() == 0 and (maker is None or shutil.which(maker[0], path=SYSTEM_PATH)):
                self.directories[kind] = self.mount(stack, kind, maker)
        self.table.rows.update((row, {}) for kind in self.directories for backend in RECORDED
                               for row in self.rows(kind, backend))

    @staticmethod
    def rows(kind, backend):
        return f'{kind}: {backend}, not durable', f'{kind}: {backend}'

    def mount(self, stack, kind, maker):
        place = pathlib.Path(tempfile.mkdtemp(dir=self.session.directory))
        command = ['mount', '-t', kind, kind, place]
        if maker is not None:
            image = place.with_suffix('.image')
            with open(image, 'wb') as file:
                file.truncate(self.image_size)
            subprocess.run([*maker, image], check=True, env={'PATH': SYSTEM_PATH},
                           stdout=subprocess.DEVNULL)
            command = ['mount', '-t', kind, '-o', 'loop', image, place]
        subprocess.run(command, check=True)
        stack.callback(subprocess.run, ['umount', place], check=True)
        return place

    def tasks(self):
        return [lambda kind=kind, backend=backend: self.measure(kind, backend)
                for kind in self.directories for backend in RECORDED]

    def measure(self, kind, backend):
        settings = self.session.settings
        path = pathlib.Path(tempfile.mkdtemp(dir=self.directories[kind])) / 'x.lock'
        contestants = [ours('C', backend, manner) for manner in ('sync,not-durable', 'sync')]
        rows = self.rows(kind, backend)
        with self.session.run(*contestants, path=path) as programs:
            for row, program in zip(rows, programs):
                program.ask('cycle', 1)
                self.table.add(row, 'time', program.ask('cycle', settings.durable_cycles), rows[0])


SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

FAILING_PEERS = ('Python filelock', 'Python fasteners')

# The system calls of a profile; all calls that are not named here count as others
CALLS = {
    'open, close': ('open', 'openat', 'close'),
    'flock, fcntl': ('flock', 'fcntl'),
    'stat': ('stat', 'fstat', 'lstat', 'newfstatat', 'fstatat64', 'statx', 'statfs', 'fstatfs'),
    'make, remove': ('link', 'linkat', 'symlink', 'symlinkat', 'mkdir', 'mkdirat', 'rename',
                     'renameat', 'renameat2', 'unlink', 'unlinkat', 'rmdir'),
    'read, write': ('read', 'write', 'pread64', 'pwrite64', 'readlink', 'readlinkat',
                    'getdents64'),
    'wait, wake': ('futex', 'poll', 'ppoll', 'select', 'pselect6'),
}
OTHER_CALLS = 'others'


class Held(Figure):
    """i) Locks that are monitored while they are held, or that have a lease."""

    rounds = 'slow_rounds'

    # Seconds: so that each lease is renewed twice while switches are counted
    lease = 15

    def __init__(self, session):
        super().__init__(session)
        self.pairs = {backend: (ours('C', backend, 'sync,not-durable'),
                                ours('C', backend, 'sync,not-durable,monitor'))
                      for backend in BACKENDS}
        self.table = self.tables['i'] = Table(
            'i) Locks that are monitored while they are held',
            'From just before the lock is renamed until the signal is emitted in the main loop of '
            'the holder. Context switches of all threads in ten seconds in which nothing happens, '
            'medians of the rounds with their 99th percentiles. An uncontended acquire and '
            'release, monitored and not, in turn.',
            (('losses', 'lost', 'count', 'number'),
             ('until the signal', 'lost', 'median', 'time'),
             ('99 %', 'lost', 'p99', 'time'),
             ('switches', 'switches', 'all', 'number'),
             ('acquire + release', 'cycle', 'median', 'time'),
             ('not monitored', 'plain', 'median', 'time'),
             ('ratio', 'cycle', 'ratio', 'ratio')),
            [monitored.name for _plain, monitored in self.pairs.values()],
            baselines={'cycle': 'plain'})
        self.leased = {backend: (ours('C', backend, 'sync,not-durable'),
                                 ours('C', backend, f'sync,not-durable,lease={self.lease}'))
                       for backend in EXISTENCE}
        self.lease_table = self.tables['i leases'] = Table(
            f'i) Locks with a lease of {self.lease} seconds',
            'Context switches of all threads in ten seconds, in which the lease is renewed twice. '
            'An uncontended acquire and release, with a lease and without, in turn.',
            (('switches', 'switches', 'all', 'number'),
             ('acquire + release', 'cycle', 'median', 'time'),
             ('without a lease', 'plain', 'median', 'time'),
             ('ratio', 'cycle', 'ratio', 'ratio')),
            [leased.name for _plain, leased in self.leased.values()],
            baselines={'cycle': 'plain'})

    def tasks(self):
        return [lambda: self.measure_idle(self.table, self.pairs),
                lambda: self.measure_idle(self.lease_table, self.leased),
                *(lambda pair=pair: self.measure(*pair) for pair in self.pairs.values()),
                *(lambda pair=pair: self.measure_cycles(self.lease_table, *pair)
                  for pair in self.leased.values())]

    def measure_cycles(self, table, plain, other):
        with self.session.run(plain, other) as programs:
            for program in programs:
                program.ask('cycle', 5)
            for program, quantity in zip(programs, ('plain', 'cycle')):
                table.add(other.name, quantity,
                          program.ask('cycle', self.session.settings.held_cycles))

    def measure(self, plain, monitored):
        self.measure_cycles(self.table, plain, monitored)
        with self.session.run(monitored) as (program,):
            program.ask('cycle', 5)
            self.table.add(monitored.name, 'lost',
                           program.ask('lose', self.session.settings.losses))

    def measure_idle(self, table, pairs):
        with contextlib.ExitStack() as stack:
            programs = [stack.enter_context(self.session.run(other))[0]
                        for _plain, other in pairs.values()]
            for program in programs:
                program.ask('acquire')
            wait_until_rested(programs)
            before = [switches(program.pid) for program in programs]
            time.sleep(self.session.settings.held_seconds)
            after = [switches(program.pid) for program in programs]
            for program, first, second in zip(programs, before, after):
                table.add(program.contestant.name, 'switches', [sum(second) - sum(first)])
                program.ask('release')


class Profile(Cycle):
    """Why a cycle takes its time: counts what is done in it."""

    # The difference between a run of many cycles and one of few, whose start and end are
    # the same
    few, many = 20, 520

    def __init__(self, session):
        super().__init__(session)
        del self.tables['a']
        self.table = self.tables['profile'] = Table(
            'profile) Where the time of a cycle goes',
            'Times are as in a. System calls are those of all threads, counted by strace, and '
            'instructions those outside of the kernel, counted by callgrind; both are what a '
            f'run of {self.many} cycles makes more than one of {self.few}, for each cycle. '
            '"Plain" is PyGObject without the override of this library.',
            (*TIME_COLUMNS, ('instructions', 'instructions', 'median', 'number'),
             ('system calls', 'calls', 'median', 'count'),
             *((name, name, 'median', 'count') for name in (*CALLS, OTHER_CALLS))),
            [contestant.name for contestant in self.contestants])

    @staticmethod
    def all_contestants():
        yield raw('flock')
        for language, manner in (('C', 'sync'), ('Python', 'sync,plain'), ('Python', 'sync'),
                                 ('C', 'async')):
            yield ours(language, 'flock', manner)
        yield PEERS[0]
        yield from (raw('flock-remove'), ours('C', 'flock', 'sync,remove'))
        for peer in PEERS:
            for backend, counterpart in COUNTERPARTS.items():
                if peer.name == counterpart:
                    yield from (raw(backend), ours('C', backend, 'sync'), peer)

    def start(self, stack):
        super().start(stack)
        # These do not depend on the machine's load
        for contestant in self.contestants:
            if not self.session.settings.counted(contestant):
                continue
            self.count_calls(contestant)
            if contestant.way.startswith('flock'):
                self.count_instructions(contestant)

    def difference(self, contestant, count):
        """Per cycle, from two runs of different lengths."""
        few, many = (collections.Counter(count(contestant, cycles))
                     for cycles in (self.few, self.many))
        # Including the warm-up cycles, which are not timed
        cycles = self.many + self.many // 10 - self.few - self.few // 10
        many.subtract(few)
        return {name: number / cycles for name, number in many.items()}

    def run_below(self, contestant, tool, cycles):
        command = (*tool, *contestant.command)
        with self.session.run(dataclasses.replace(contestant, command=command)) as [program]:
            program.ask('cycle', cycles)

    def count_calls(self, contestant):
        groups = {call: group for group, calls in CALLS.items() for call in calls}
        numbers = collections.Counter()
        for call, number in self.difference(contestant, self.calls).items():
            numbers[groups.get(call, OTHER_CALLS)] += number
        for quantity, number in (('calls', numbers.total()),
                                 *((name, numbers[name]) for name in (*CALLS, OTHER_CALLS))):
            self.table.add(contestant.name, quantity, [number])

    def calls(self, contestant, cycles):
        path = self.session.new_path()
        self.run_below(contestant, ('strace', '-f', '-c', '-U', 'name,calls', '-o', path), cycles)
        lines = [line.split() for line in path.read_text(encoding='utf-8').splitlines()]
        return {line[0]: int(line[1]) for line in lines
                if len(line) == 2 and line[1].isdigit() and line[0] != 'total'}

    def count_instructions(self, contestant):
        numbers = self.difference(contestant, self.instructions)
        self.table.add(contestant.name, 'instructions', numbers.values())

    def instructions(self, contestant, cycles):
        path = self.session.new_path()
        # A fixed seed, since the order of a dictionary depends on it
        self.run_below(contestant, ('env', 'PYTHONHASHSEED=0', 'valgrind', '--tool=callgrind',
                                    '--callgrind-out-file=/dev/null', f'--log-file={path}'),
                       cycles)
        collected = re.search(r'Collected : (\d+)', path.read_text(encoding='utf-8'))
        return {'all': int(collected[1])}


class Remote(Figure):
    """j) Locks in etcd."""

    rounds = 'slow_rounds'

    def __init__(self, session):
        super().__init__(session)
        self.by_hand = of_etcd('two transactions by hand', 'BUILD/etcd', 'raw', 'PATH')
        self.sync, self.loop, self.fresh = (
            of_etcd(f'C: etcd, {manner}', 'BUILD/etcd', manner, 'PATH')
            for manner in ('sync', 'async', 'fresh'))
        self.etcdctl = python_peer('etcdctl lock with a command', 'etcd', 'etcdctl-command',
                                   'BUILD/raw')
        self.etcd3 = python_peer('Python etcd3', 'etcd', 'etcd3')
        self.cycles = (self.by_hand, self.sync, self.loop, self.fresh, self.etcd3, self.etcdctl)
        # What Python's etcd3 does in Debian 12 if another holds the lock is an error
        self.hand_offs = (self.sync, self.loop, self.etcdctl)
        self.waits = (self.loop, self.etcdctl)
        self.tables['j'] = Table(
            'j) Locks in etcd: uncontended acquire and release',
            'One server on this machine, with its data in memory. Samples are single cycles. By '
            'hand: a transaction that puts the key and one that deletes it, through the gateway, '
            'on a socket that is kept; nothing keeps a lease alive. The ratio is that to these. '
            'etcd3 has a lease for each cycle, and etcdctl a process.',
            TIME_COLUMNS, [contestant.name for contestant in self.cycles])
        self.tables['j hand-off'] = Table(
            'j) Locks in etcd: hand-off between two processes',
            'From just before the release in one process to having the lock in another, which '
            'waits already. With etcdctl, until the command runs. The ratio is that to etcdctl.',
            TIME_COLUMNS, [contestant.name for contestant in self.hand_offs])
        self.tables['j idle'] = Table(
            'j) Locks in etcd: a process that waits',
            'Bytes in both directions in a second, as a proxy counts them; and the context switches '
            'of all threads. Medians of the rounds.',
            (('rounds', 'bytes', 'count', 'number'), ('bytes a second', 'bytes', 'median', 'number'),
             ('switches a second', 'switches', 'median', 'count')),
            [contestant.name for contestant in self.waits])

    def start(self, stack):
        self.server = etcd_testing.Cluster()
        stack.callback(self.server.close)
        self.n_names = 0

    def new_name(self):
        self.n_names += 1
        return f'x{self.n_names}'

    def tasks(self):
        return [*(lambda contestant=contestant: self.measure_cycle(contestant)
                  for contestant in self.cycles),
                *(lambda contestant=contestant: self.measure_hand_off(contestant)
                  for contestant in self.hand_offs), self.measure_idle]

    def measure_cycle(self, contestant):
        with self.session.run(contestant, path=self.server.uri(self.new_name())) as [program]:
            program.ask('cycle', 1)
            self.tables['j'].add(contestant.name, 'time',
                                 program.ask('cycle', self.session.settings.etcd_cycles),
                                 self.by_hand.name)

    def measure_hand_off(self, contestant):
        name = self.new_name()
        with self.session.run(contestant, contestant, path=self.server.uri(name)) as programs:
            holder, waiter = programs
            holder.ask('acquire')
            for _ in range(self.session.settings.hand_offs):
                waiter.tell('acquire')
                self.server.wait_for_claims(name, 2)
                # Until its watch has begun
                time.sleep(0.05)
                holder.tell('release')
                [after], [before] = waiter.answer(), holder.answer()
                self.tables['j hand-off'].add(contestant.name, 'time', [after - before],
                                              self.etcdctl.name)
                holder, waiter = waiter, holder
            holder.ask('release')

    def measure_idle(self):
        with contextlib.ExitStack() as stack:
            waits = []
            for contestant in self.waits:
                name = self.new_name()
                proxy = etcd_testing.Proxy((self.server.members[0].address, 2379))
                stack.callback(proxy.close)
                holder, = stack.enter_context(
                    self.session.run(self.sync, path=self.server.uri(name)))
                waiter, = stack.enter_context(self.session.run(contestant, path=proxy.uri(name)))
                holder.ask('acquire')
                waiter.tell('acquire')
                self.server.wait_for_claims(name, 2)
                waits.append((proxy, holder, waiter))
            time.sleep(self.session.settings.patience)
            before = [(proxy.n_bytes, self.switches(waiter)) for proxy, _holder, waiter in waits]
            seconds = self.session.settings.remote_seconds
            time.sleep(seconds)
            after = [(proxy.n_bytes, self.switches(waiter)) for proxy, _holder, waiter in waits]
            for [_proxy, holder, waiter], first, second in zip(waits, before, after):
                for quantity, one, other in zip(('bytes', 'switches'), first, second):
                    self.tables['j idle'].add(waiter.contestant.name, quantity,
                                              [(other - one) / seconds])
                holder.ask('release')
                waiter.answer()
                waiter.ask('release')

    @staticmethod
    def switches(program):
        """Of the process, and of what it runs."""
        children = pathlib.Path(f'/proc/{program.pid}/task/{program.pid}/children').read_text()
        return sum(sum(switches(int(pid))) for pid in (program.pid, *children.split()))


FIGURES = {
    'a': Cycle,
    'b': HandOff,
    'c': Waiting,
    'd': Scale,
    'e': Fairness,
    'f': Growth,
    'g': Failing,
    'h': Durability,
    'i': Held,
    'j': Remote,
    'profile': Profile,
}


def measure(session, letters, say):
    """The tables of these figures."""
    tables = {}
    for letter in letters:
        figure = FIGURES[letter](session)
        rounds = getattr(session.settings, figure.rounds)
        with contextlib.ExitStack() as stack:
            figure.start(stack)
            for number in range(rounds):
                say(f'Figure {letter}, round {number + 1} of {rounds}')
                # In another order each time
                tasks = figure.tasks()
                random.shuffle(tasks)
                for task in tasks:
                    task()
        for table in figure.tables.values():
            for row, quantities in table.rows.items():
                if not quantities:
                    raise Failure(f'{table.title}: nothing was measured for {row}.')
        tables.update(figure.tables)
    return tables
