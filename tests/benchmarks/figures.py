# SPDX-License-Identifier: LGPL-2.1-or-later

"""The figures: each measures every one of its contestants once a round."""

import dataclasses
import itertools
import pathlib
import random
import statistics
import tempfile

from programs import BACKENDS, COUNTERPARTS, EXISTENCE, KERNEL, PEERS, ours, raw, running
from report import Table


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much is measured."""

    rounds: int
    cycle_seconds: float  # of acquires and releases, for each contestant and round
    most_cycles: int


FULL = Settings(rounds=6, cycle_seconds=0.1, most_cycles=2000)
QUICK = Settings(rounds=3, cycle_seconds=0.02, most_cycles=500)
SMOKE = Settings(rounds=1, cycle_seconds=0, most_cycles=1)


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


FIGURES = {
    'a': Cycle,
}


def measure(session, letters, say):
    """The tables of these figures."""
    tables = {}
    for letter in letters:
        figure = FIGURES[letter](session)
        for number in range(session.settings.rounds):
            say(f'Figure {letter}, round {number + 1} of {session.settings.rounds}')
            # Another order each time
            tasks = figure.tasks()
            random.shuffle(tasks)
            for task in tasks:
                task()
        tables.update(figure.tables)
    return tables
