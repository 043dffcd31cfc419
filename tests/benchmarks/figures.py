# SPDX-License-Identifier: LGPL-2.1-or-later

"""The figures: each measures every one of its contestants once a round."""

import contextlib
import dataclasses
import itertools
import pathlib
import random
import statistics
import tempfile
import time

from processes import (cpu_time, is_asleep, resident, switches, threads, wait_for,
                       wait_until_quiet, wait_until_waiting)
from programs import BACKENDS, COUNTERPARTS, KERNEL, PEERS, ours, raw, running
from report import Table, percentile


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much is measured."""

    rounds: int
    cycle_seconds: float  # of acquires and releases, for each contestant and round
    most_cycles: int
    hand_offs: int  # for each contestant and round
    polled_hand_offs: int
    patience: float  # seconds that who polls has waited before a hand-off
    wait_seconds: float
    pending: tuple  # numbers of waits in a process
    probes: int
    contenders: int
    contend_seconds: float


FULL = Settings(rounds=6, cycle_seconds=0.1, most_cycles=2000, hand_offs=15, polled_hand_offs=3,
                patience=0.5, wait_seconds=5, pending=(1, 10, 100, 1000), probes=20,
                contenders=30, contend_seconds=2)
QUICK = Settings(rounds=2, cycle_seconds=0.02, most_cycles=500, hand_offs=8, polled_hand_offs=1,
                 patience=0.5, wait_seconds=5, pending=(1, 1000), probes=10,
                 contenders=30, contend_seconds=1)
SMOKE = Settings(rounds=1, cycle_seconds=0, most_cycles=1, hand_offs=1, polled_hand_offs=1,
                 patience=0.01, wait_seconds=0.01, pending=(2,), probes=1,
                 contenders=2, contend_seconds=0.01)


class Session:
    """Where and with what is measured."""

    def __init__(self, build, directory, settings, left_out=()):
        self.build = build
        self.directory = directory
        self.settings = settings
        self.left_out = left_out

    def is_left_out(self, contestant):
        return contestant.needs is not None and contestant.needs in self.left_out

    def new_path(self):
        """A lock file in a directory of its own: a watch sees no others."""
        return pathlib.Path(tempfile.mkdtemp(dir=self.directory)) / 'x.lock'

    def run(self, *contestants, path=None):
        path = path or self.new_path()
        return running(self.build, *((contestant, path) for contestant in contestants))


class Figure:
    """Its tables, and a task for each contestant."""

    most_rounds = 100

    def __init__(self, session):
        self.session = session
        self.tables = {}

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

    def __init__(self, session):
        super().__init__(session)
        self.contestants = [contestant for contestant in self.all_contestants()
                            if not session.is_left_out(contestant)]
        self.table = self.tables['a'] = Table(
            'a) Uncontended acquire and release',
            'Samples are single cycles in one process (of GJS means of ten), of all rounds. The '
            'ratio is that to the median of the system calls by hand for the same way of locking.',
            TIME_COLUMNS, [contestant.name for contestant in self.contestants])

    @staticmethod
    def all_contestants():
        manners = ('sync', 'async', 'async-both')
        yield from (raw(way) for way in (*BACKENDS, 'flock-remove', 'fcntl-remove'))
        for backend, manner in itertools.product(BACKENDS, manners):
            yield ours('C', backend, manner)
        for backend, manner in itertools.product((*KERNEL, 'sqlite'), manners):
            yield ours('C', backend, manner + ',remove')
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
        return [lambda contestant=contestant: self.measure(contestant)
                for contestant in self.contestants]

    def measure(self, contestant):
        settings = self.session.settings
        with self.session.run(contestant) as [program]:
            # The first ones tell how many there is time for
            few = statistics.median(program.ask('cycle', min(settings.most_cycles, 10)))
            count = max(1, min(settings.most_cycles, int(settings.cycle_seconds * 1e9 / few)))
            samples = program.ask('cycle', count)
        self.table.add(contestant.name, 'time', samples, contestant.reference)


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
        """All at once: they sleep."""
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
    """A moment for processors to become idle, and longer for who takes looks: at first
    these follow each other closely."""
    shortest = 0.002 if program.contestant.queues else 0.03
    time.sleep(shortest * (1 + random.random()))


def hand_off(holder, waiter):
    """Nanoseconds."""
    waiter.tell('acquire')
    wait_until_waiting(waiter)
    settle(waiter)
    # Who reads the holder's answer at once would compete with the waiter
    holder.tell('release')
    [after] = waiter.answer()
    [before] = holder.answer()
    return after - before


class Waiting(Figure):
    """c) What a process costs that waits."""

    most_rounds = 2

    def __init__(self, session):
        super().__init__(session)
        self.contestants = [contestant for contestant in HandOff.all_contestants()
                            if not session.is_left_out(contestant)]
        self.table = self.tables['c'] = Table(
            'c) A process that waits for five seconds',
            'Context switches and processor time of all of its threads in these seconds; and the '
            'voluntary switches from being told to acquire until it has waited for them, to '
            'which its way into the wait adds. Medians of the rounds. All wait at the same time.',
            (('rounds', 'voluntary', 'count', 'number'),
             ('voluntary', 'voluntary', 'median', 'number'),
             ('with the way into it', 'all voluntary', 'median', 'number'),
             ('involuntary', 'involuntary', 'median', 'number'),
             ('processor time', 'cpu', 'median', 'time')),
            [contestant.name for contestant in self.contestants])

    def tasks(self):
        return [self.measure]

    def measure(self):
        with contextlib.ExitStack() as stack:
            pairs = [stack.enter_context(self.session.run(contestant, contestant))
                     for contestant in self.contestants]
            for holder, waiter in pairs:
                # It has loaded what it needs, then
                waiter.ask('cycle', 1)
                holder.ask('acquire')
            waiters = [waiter for _holder, waiter in pairs]
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
            self.table.add(name, quantity, [value])


class Scale(Figure):
    """d) Many asynchronous waits in one process."""

    most_rounds = 3
    shapes = {'one': 'one file', 'distinct': 'a file each'}

    def __init__(self, session):
        super().__init__(session)
        self.cases = list(itertools.product(('flock', 'fcntl', 'directory'), self.shapes,
                                            session.settings.pending))
        self.table = self.tables['d'] = Table(
            'd) Pending asynchronous acquires in one process',
            'From C; another process holds the lock of the one file, or of all. Resident memory '
            'and threads above those of the process before, divided by the number of waits. '
            'While they wait: the slowest of several g_file_query_info_async(), and the latest '
            'of as many timers of 10 ms. Then the time until the cancel of all was reported; '
            "and, after another start, from the holder's release until all had their lock and "
            'gave it back in turn. Medians of the rounds, and the worst of all rounds for what '
            'is late.',
            (('rounds', 'memory', 'count', 'number'),
             ('to start all', 'start', 'median', 'time'),
             ('memory a wait', 'memory', 'median', 'KiB'),
             ('threads a wait', 'threads', 'median', 'number'),
             ('GIO query, worst', 'query', 'worst', 'time'),
             ('timer late, worst', 'timer', 'worst', 'time'),
             ('to cancel all', 'cancel', 'median', 'time'),
             ('to serve all', 'serve', 'median', 'time')),
            [self.name(*case) for case in self.cases])

    def name(self, backend, shape, count):
        return f'{backend}, {self.shapes[shape]}, {count:,}'

    def tasks(self):
        # What the main loop does without any wait
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
            waiter.ask('cycle', 10)
            waiter.ask('probe', 2)
            self.hold(holder, shape, count)
            wait_until_quiet(waiter.pid)
            before = resident(waiter.pid), threads(waiter.pid)
            self.table.add(name, 'start', waiter.ask('start', count, shape))
            wait_until_quiet(waiter.pid)
            self.table.add(name, 'memory', [(resident(waiter.pid) - before[0]) / count])
            self.table.add(name, 'threads', [(threads(waiter.pid) - before[1]) / count])
            self.probe(name, waiter)
            self.table.add(name, 'cancel', waiter.ask('cancel'))

            waiter.ask('start', count, shape)
            wait_until_quiet(waiter.pid)
            self.table.add(name, 'serve', [self.serve(holder, waiter, shape=shape)])

    @staticmethod
    def hold(holder, shape, count):
        if shape == 'one':
            holder.ask('acquire')
        else:
            holder.ask('hold', count)

    @staticmethod
    def serve(holder, *waiters, shape='one'):
        for waiter in waiters:
            waiter.tell('serve')
            wait_for(lambda waiter=waiter: is_asleep(waiter.pid), 'sleep')
        holder.tell('release' if shape == 'one' else 'drop')
        after = max(waiter.answer()[0] for waiter in waiters)
        [before] = holder.answer()
        return after - before


class Fairness(Figure):
    """e) Many processes that want the same lock."""

    most_rounds = 3

    def __init__(self, session):
        super().__init__(session)
        self.count = session.settings.contenders
        self.table = self.tables['e'] = Table(
            f'e) {self.count} contending processes',
            'Each acquires, works for a while, releases, and comes again after as many pauses '
            'of that length as there are contenders. Waits are pooled over contenders and '
            'rounds; the acquires of a contender and the throughput are medians of the rounds. '
            'The ratio is that of the throughput to the system calls with the same work.',
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
        for work in (0, 200, 1000):
            yield 'system calls: flock', [raw('flock')], work
            for backend in (*KERNEL, 'directory'):
                yield (f'C: {backend}, half sync, half async',
                       [ours('C', backend, manner) for manner in ('sync', 'async')], work)
        yield 'Python filelock', [PEERS[0]], 1000

    @staticmethod
    def name(who, _contestants, work):
        return f'{who}, {work:,} µs' if work > 0 else f'{who}, no work'

    def tasks(self):
        return [lambda case=case: self.measure(*case) for case in self.cases()]

    def measure(self, who, contestants, work):
        name = self.name(who, contestants, work)
        reference = self.name('system calls: flock', None, work)
        seconds = self.session.settings.contend_seconds
        crowd = [contestants[number % len(contestants)] for number in range(self.count)]
        with self.session.run(*crowd) as programs:
            for program in programs:
                program.ask('cycle', 1)
            start = time.monotonic_ns() + 50_000_000
            end = start + int(seconds * 1e9)
            for program in programs:
                program.tell('contend', start, end, work * 1000, 1_000_000)
            waits = [program.answer() for program in programs]
        pooled = [wait for each in waits for wait in each]
        self.table.add(name, 'wait', pooled)
        for quantity, value in (
                ('spread', percentile(pooled, 99) / statistics.median(pooled)),
                ('least', min(map(len, waits))), ('most', max(map(len, waits))),
                ('rate', len(pooled) / seconds)):
            self.table.add(name, quantity, [value], reference)


FIGURES = {
    'a': Cycle,
    'b': HandOff,
    'c': Waiting,
    'd': Scale,
    'e': Fairness,
}


def measure(session, letters, say):
    """The tables of these figures."""
    tables = {}
    for letter in letters:
        figure = FIGURES[letter](session)
        rounds = min(session.settings.rounds, figure.most_rounds)
        for number in range(rounds):
            say(f'Figure {letter}, round {number + 1} of {rounds}')
            # Another order each time
            tasks = figure.tasks()
            random.shuffle(tasks)
            for task in tasks:
                task()
        tables.update(figure.tables)
    return tables
