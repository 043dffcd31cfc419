# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The targets, and whether they were met."""

import itertools

from programs import COUNTERPARTS, EXISTENCE, KERNEL, PEERS, RECORDED
from report import digits

HOLDS = ('1 ms', '0 ms')
MANNERS = ('sync', 'deadline', 'async')


class Targets:
    """Each method checks a figure's table."""

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
        for backend in EXISTENCE:
            by_hand = self.value('a', f'system calls: {backend}')
            durable = self.value('a', f'C: {backend}, sync')
            peer = self.value('a', COUNTERPARTS[backend])
            what = f'C, `{constant(backend)}`, uncontended acquire + release'
            remark = ''
            ours = durable
            if backend in RECORDED:
                what += ', without the sync of the record'
                ours = self.value('a', f'C: {backend}, sync, not-durable')
                remark = f'; with it {digits(durable / by_hand)}'
            remark += (f"; python3-lockfile's, which holds no record, takes "
                       f'{digits(peer / by_hand)}')
            self.at_most('a', f'{what} / the same steps by hand', 1.5, ours / by_hand,
                         remark=remark)
        self.at_most('a', "Python, `acquire(); release()` / python3-filelock's", 0.7,
                     self.value('a', 'Python: flock, sync') / self.value('a', 'Python filelock'))

        self.at_most('a', "C, `SQLITE`, uncontended / python3-lockfile's", 0.5,
                     self.value('a', 'C: sqlite, sync') /
                     self.value('a', COUNTERPARTS['sqlite']))

    def b(self):
        flock = self.value('b', 'system calls: flock')
        pollers = {peer.name: self.value('b', peer.name) for peer in PEERS
                   if peer.poll is not None and peer.name in self.tables['b']['rows']}
        fastest = min(pollers, key=pollers.get)
        for backend in KERNEL:
            ours = self.value('b', f'C: {backend}, async')
            what = f'hand-off, async in a main loop, `{constant(backend)}`, median'
            self.at_most('b', f'{what} / blocking flock(2) in C', 3, ours / flock)
            self.at_least('b', f'{what}: times faster than the fastest peer that polls', 500,
                          pollers[fastest] / ours,
                          remark=f' ({fastest}); flock(2) in C '
                                 f'{digits(pollers[fastest] / flock)}')
        for backend in EXISTENCE:
            # The slowest manner
            ours = max(self.value('b', f'C: {backend}, {manner}') for manner in MANNERS)
            what = f'hand-off, `{constant(backend)}`, median of the slowest manner'
            remark = ''
            if backend in RECORDED:
                without = max(self.value('b', f'C: {backend}, {manner}, not-durable')
                              for manner in MANNERS)
                remark = f'; without the sync of the record {digits(without / 1e6)} ms'
            self.at_most('b', what, 1, ours / 1e6, ' ms', remark=remark)
            self.at_least('b', f'{what}: times faster than its python3-lockfile counterpart', 25,
                          self.value('b', COUNTERPARTS[backend]) / ours)

    def c(self):
        for backend in KERNEL:
            waiting, in_all = (max(self.value('c', f'C: {backend}, {manner}', quantity)
                                   for manner in MANNERS)
                               for quantity in ('voluntary', 'all voluntary'))
            self.at_most('c', 'voluntary context switches of a process while it waits 5 s in the '
                              f"kernel's queue, `{constant(backend)}`", 2, waiting,
                         remark=f'; with its way into the wait {digits(in_all)}')

    def d(self):
        *_names, last = self.tables['d']['rows']
        count = last.split()[-1]
        for group, backends in (('`FLOCK` and `FCNTL`', KERNEL),
                                ('existence backends', EXISTENCE), ('`SQLITE`', ('sqlite',))):
            rows = [row for row in self.tables['d']['rows']
                    if row.split(',')[0] in backends and row.endswith(f' {count}')]
            self.waits(f'{count} pending async acquires, {group}', rows)

    def waits(self, who, rows):
        for what, quantity, statistic, limit, unit, scale in (
                ('resident memory a wait', 'memory', 'median', 16, ' KiB', 1),
                ('threads a wait', 'threads', 'median', 1, '', 1),
                ('slowest unrelated GIO operation, worst round', 'query', 'worst', 5, ' ms', 1e6),
                ('latest timer of 10 ms, worst round', 'timer', 'worst', 5, ' ms', 1e6),
                ('cancel of all', 'cancel', 'median', 250, ' ms', 1e6)):
            values = {row: self.value('d', row, quantity, statistic) for row in rows}
            most = max(values, key=values.get)
            backend, shape, count = most.split(', ')
            remark = f' ({backend}, {shape})'
            if quantity in ('query', 'timer'):
                idle = self.value('d', 'none', quantity, statistic)
                remark += f'; without any wait {digits(idle / scale)}'
            if quantity == 'threads':
                waits = int(count.replace(',', ''))
                remark += f'; {values[most] * waits:,.0f} in all'
            self.at_most('d', f'{who}: {what}', limit, values[most] / scale, unit, remark=remark)

    def e(self):
        for hold, backend in itertools.product(HOLDS, KERNEL):
            held = f'held for {hold}'
            what = f'fairness, 30 contenders, `{constant(backend)}`, file kept, {held}'
            row = f'C: {backend}, half sync, half async, {held}'
            by_hand = self.value('e', f'system calls: flock, {held}', 'spread')
            self.at_most('e', f'{what}: wait p99/p50', 2.5, self.value('e', row, 'spread'),
                         remark=f'; flock(2) itself {digits(by_hand)}')
            self.at_least('e', f'{what}: throughput / blocking flock(2)', 0.9,
                          self.value('e', row, 'rate', 'ratio'))


    def i(self):
        rows = self.tables['i']['rows']
        slowest = max(rows, key=lambda name: rows[name]['lost']['median'])
        self.at_most('i', 'a monitored lock is lost: until the signal, median', 1,
                     rows[slowest]['lost']['median'] / 1e6, ' ms', remark=f' ({slowest})')
        most = max(rows, key=lambda name: rows[name]['switches']['worst'])
        self.at_most('i', 'a monitored lock that nothing happens to: context switches in 10 s', 0,
                     rows[most]['switches']['worst'])

    def j(self):
        rows = self.tables['j']['rows']
        self.at_most('j', 'C, etcd, uncontended acquire + release / two transactions by hand', 1.25,
                     rows['C: etcd, sync']['time']['ratio'],
                     remark=f"; Python etcd3's {digits(rows['Python etcd3']['time']['ratio'])}")
        hand_offs = self.tables['j hand-off']['rows']
        self.at_most('j', "hand-off, async in a main loop, etcd, median / etcdctl lock's", 1,
                     hand_offs['C: etcd, async']['time']['ratio'])

    def g(self):
        rows = self.tables['g']['rows']
        for backend in KERNEL:
            prefix = f'C: {backend}, sync, '
            ratios = {name.removeprefix(prefix): row['time']['ratio']
                      for name, row in rows.items() if name.startswith(prefix)}
            worst = max(ratios, key=ratios.get)
            self.at_most('g', f'a try that finds the lock held, `{constant(backend)}` / open, '
                              'lock, close by hand', 2, ratios[worst], remark=f' ({worst})')
        late = self.tables['g expired']['rows']
        for count, limit in ((1, 2), (100, 20)):
            worst = {name: row['late']['worst'] / 1e6 for name, row in late.items()
                     if f', {count:,} at once, ' in name}
            if worst:
                name = max(worst, key=worst.get)
                median = max(late[name]['late']['median'] / 1e6 for name in worst)
                self.at_most('g', f'{count:,} waits that expire at once: reported after the '
                                  'deadline, worst', limit, worst[name], ' ms',
                             remark=f' ({name}); median {digits(median)} ms')


def constant(backend):
    return backend.upper().replace('-', '_')


def targets(tables):
    """For the figures that were measured completely."""
    result = Targets(tables)
    for letter in 'abcdegij':
        if letter in tables:
            getattr(result, letter)()
    return result.list
