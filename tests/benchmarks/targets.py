# SPDX-License-Identifier: LGPL-2.1-or-later

"""What is to be reached, and whether it was."""

from programs import BACKENDS, COUNTERPARTS
from report import digits


class Targets:
    def __init__(self, tables):
        self.tables = tables
        self.list = []

    def value(self, table, row, quantity='time', statistic='median'):
        return self.tables[table]['rows'][row][quantity][statistic]

    def add(self, figure, what, limit, met, measured):
        self.list.append({'figure': figure, 'what': what, 'limit': limit, 'met': bool(met),
                          'measured': measured})

    def at_most(self, figure, what, limit, value, remark='', unit='', form=digits):
        self.add(figure, what, f'<= {limit:g}{unit}', value <= limit,
                 form(value) + unit + (f' ({remark})' if remark else ''))

    def cycle(self):
        for what, way, manner in (('C, `FLOCK`, file kept', 'flock', 'sync'),
                                  ('the same, `remove-on-release`', 'flock-remove',
                                   'sync,remove')):
            ours = f'C: flock, {manner.replace(",", ", ")}'
            self.at_most('a', f'{what}, cycle / the same safe system calls by hand', 1.25,
                         self.value('a', ours) / self.value('a', f'system calls: {way}'))
        self.at_most('a', "Python, `acquire(); release()` / python3-filelock's", 0.7,
                     self.value('a', 'Python: flock, sync') / self.value('a', 'Python filelock'))
        for language, limit in (('C', 0.5), ('Python', None)):
            ratios = {backend: self.value('a', f'{language}: {backend}, sync') /
                      self.value('a', counterpart)
                      for backend, counterpart in COUNTERPARTS.items()}
            each = ', '.join(f'{backend} {digits(ratio)}' for backend, ratio in ratios.items())
            what = f'{language}, every backend, cycle / its python3-lockfile counterpart'
            if limit is None:
                self.list[-1]['measured'] += f'; from Python: {each}'
            else:
                self.at_most('a', what, limit, max(ratios.values()), each)


def targets(tables):
    """For the figures that were measured."""
    result = Targets(tables)
    if 'a' in tables:
        result.cycle()
    return result.list
