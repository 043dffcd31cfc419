# SPDX-License-Identifier: LGPL-2.1-or-later

"""What is to be reached, and whether it was."""

from programs import COUNTERPARTS, EXISTENCE, KERNEL, PEERS
from report import digits

MANNERS = ('sync', 'deadline', 'async')


class Targets:
    """Each method is a figure, and looks into its table."""

    def __init__(self, tables):
        self.tables = tables
        self.list = []

    def value(self, table, row, quantity='time', statistic='median'):
        return self.tables[table]['rows'][row][quantity][statistic]

    def add(self, figure, what, limit, met, measured):
        self.list.append({'figure': figure, 'what': what, 'limit': limit, 'met': bool(met),
                          'measured': measured})

    def at_most(self, figure, what, limit, value, unit='', remark=''):
        self.add(figure, what, f'<= {limit:g}{unit}', value <= limit,
                 digits(value) + unit + remark)

    def at_least(self, figure, what, limit, value, remark=''):
        self.add(figure, what, f'>= {limit:g}', value >= limit, digits(value) + remark)

    def a(self):
        for what, way, row in (
                ('C, `FLOCK`, file kept, uncontended acquire + release / the same safe system '
                 'calls by hand', 'flock', 'C: flock, sync'),
                ('the same, `remove-on-release`', 'flock-remove', 'C: flock, sync, remove')):
            self.at_most('a', what, 1.25,
                         self.value('a', row) / self.value('a', f'system calls: {way}'))
        self.at_most('a', "Python, `acquire(); release()` / python3-filelock's", 0.7,
                     self.value('a', 'Python: flock, sync') / self.value('a', 'Python filelock'))

        from_c, from_python = (
            {backend: self.value('a', f'{language}: {backend}, sync') / self.value('a', peer)
             for backend, peer in COUNTERPARTS.items()} for language in ('C', 'Python'))
        for backend, ratio in from_c.items():
            self.at_most('a', f'C, `{constant(backend)}`, uncontended / its python3-lockfile '
                              'counterpart', 0.5, ratio,
                         remark=f'; from Python {digits(from_python[backend])}')

    def b(self):
        flock = self.value('b', 'system calls: flock')
        pollers = {peer.name: self.value('b', peer.name) for peer in PEERS
                   if peer.poll is not None and peer.name in self.tables['b']['rows']}
        fastest = min(pollers, key=pollers.get)
        for backend in KERNEL:
            ours = self.value('b', f'C: {backend}, async')
            what = f'hand-off, async in a main loop, `{constant(backend)}`, median'
            self.at_most('b', f'{what} / blocking flock(2) in C', 8, ours / flock,
                         remark='; stretch 4: ' + ('yes' if ours / flock <= 4 else 'no'))
            self.at_least('b', f'{what}: times faster than the fastest peer that polls', 500,
                          pollers[fastest] / ours, remark=f' ({fastest})')
        for backend in EXISTENCE:
            # The slowest manner
            ours = max(self.value('b', f'C: {backend}, {manner}') for manner in MANNERS)
            what = f'hand-off, `{constant(backend)}`, median of the slowest manner'
            self.at_most('b', what, 1, ours / 1e6, ' ms')
            self.at_least('b', f'{what}: times faster than its python3-lockfile counterpart', 25,
                          self.value('b', COUNTERPARTS[backend]) / ours)

    def c(self):
        for backend in KERNEL:
            most = max(self.value('c', f'C: {backend}, {manner}', 'all voluntary')
                       for manner in MANNERS)
            self.at_most('c', 'voluntary context switches of a process while it waits 5 s in the '
                              f"kernel's queue, with its way into the wait, `{constant(backend)}`",
                         2, most)

    def d(self):
        *_names, last = self.tables['d']['rows']
        count = last.split()[-1]
        rows = [row for row in self.tables['d']['rows']
                if row.startswith(KERNEL) and row.endswith(f' {count}')]
        for what, quantity, limit, unit, scale in (
                ('resident memory a wait', 'memory', 16, ' KiB', 1),
                ('threads a wait', 'threads', 1, '', 1),
                ('slowest unrelated GIO operation', 'query', 5, ' ms', 1e6),
                ('latest timer of 10 ms', 'timer', 5, ' ms', 1e6),
                ('cancel of all', 'cancel', 250, ' ms', 1e6)):
            remark = ''
            if quantity in ('query', 'timer'):
                remark = f'; without any wait {digits(self.value("d", "none", quantity) / scale)}'
            self.at_most('d', f'{count} pending async acquires: {what}', limit,
                         max(self.value('d', row, quantity) for row in rows) / scale, unit,
                         remark=remark)

    def e(self):
        for backend in KERNEL:
            row = f'C: {backend}, half sync, half async, held for 1 ms'
            what = f'fairness, 30 contenders, `{constant(backend)}`, file kept'
            self.at_most('e', f'{what}: wait p99/p50', 2.5, self.value('e', row, 'spread'))
            self.at_least('e', f'{what}: throughput / blocking flock(2)', 0.9,
                          self.value('e', row, 'rate', 'ratio'))


def constant(backend):
    return backend.upper().replace('-', '_')


def targets(tables):
    """For the figures that were measured with all that belongs to them."""
    result = Targets(tables)
    for letter in 'abcde':
        if letter in tables:
            getattr(result, letter)()
    return result.list
