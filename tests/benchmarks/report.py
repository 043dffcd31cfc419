# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Turns the samples into tables, as JSON and as Markdown."""

import math
import statistics


def percentile(samples, percent):
    """The smallest sample that is not exceeded by this percentage of the samples."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def summary(samples):
    return {
        'count': len(samples),
        'median': statistics.median(samples),
        'p99': percentile(samples, 99),
        'worst': max(samples),
    }


class Table:
    """Samples of quantities, for each row.

    A column is (heading, quantity, statistic, unit). The statistic "ratio" is the median,
    divided by the median of the reference it was added with, or of another quantity in the
    same row, which the baselines name for each quantity. "all" is the median with the 99th
    percentile and, if there is one, the ratio.
    """

    def __init__(self, title, note, columns, order=(), baselines=()):
        self.title = title
        self.note = note
        self.columns = columns
        # In the order in which they are shown; they are measured in another one
        self.rows = {row: {} for row in order}
        self.references = {}
        self.baselines = dict(baselines)

    def add(self, row, quantity, samples, reference=None):
        self.rows.setdefault(row, {}).setdefault(quantity, []).extend(samples)
        if reference is not None:
            self.references[row, quantity] = reference

    def add_ratio(self, row, quantity, values):
        reference = self.references.get((row, quantity))
        others, name = self.rows.get(reference, {}).get(quantity), reference
        if quantity in self.baselines:
            name = self.baselines[quantity]
            others = self.rows[row].get(name)
        if others:
            other = statistics.median(others)
            values['ratio'] = values['median'] / other if other != 0 else None
            values['ratio_to'] = name

    def as_json(self):
        rows = {}
        for name, quantities in self.rows.items():
            rows[name] = {quantity: summary(samples) for quantity, samples in quantities.items()}
            for quantity, values in rows[name].items():
                self.add_ratio(name, quantity, values)
        return {
            'title': self.title,
            'note': self.note,
            'columns': [list(column) for column in self.columns],
            'rows': rows,
        }


def digits(value):
    """A number with three significant digits."""
    if value == 0:
        return '0'
    if abs(value) >= 100:
        return f'{value:,.0f}'
    return f'{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}'


def time_text(nanoseconds):
    for unit, length in (('s', 1e9), ('ms', 1e6), ('µs', 1e3)):
        if abs(nanoseconds) >= length:
            return f'{digits(nanoseconds / length)} {unit}'
    return f'{nanoseconds:.0f} ns'


FORMATS = {
    'time': time_text,
    'KiB': lambda value: f'{digits(value)} KiB',
    'number': lambda value: digits(value) if value != int(value) else f'{value:,.0f}',
    'ratio': digits,
    'count': lambda value: f'{value:.1f}',
}


def cell(row, column):
    _heading, quantity, statistic, unit = column
    values = row.get(quantity, {})
    if statistic == 'all' and values:
        ratio = '' if values.get('ratio') is None else f'; {digits(values["ratio"])} x'
        return f'{FORMATS[unit](values["median"])} ({FORMATS[unit](values["p99"])}{ratio})'
    value = values.get(statistic)
    return '' if value is None else FORMATS[unit](value)


def markdown_table(headings, rows):
    lines = ['| ' + ' | '.join(headings) + ' |', '|---' * len(headings) + '|']
    lines += ['| ' + ' | '.join(row) + ' |' for row in rows]
    return '\n'.join(lines)


def table_markdown(table):
    headings = ['', *(column[0] for column in table['columns'])]
    rows = [[name, *(cell(row, column) for column in table['columns'])]
            for name, row in table['rows'].items()]
    return f'### {table["title"]}\n\n{table["note"]}\n\n{markdown_table(headings, rows)}'


def markdown(report):
    """All results, followed by the targets."""
    parts = [machine_text(report)]
    parts += [table_markdown(table) for table in report['tables'].values()]
    if report['targets']:
        parts += ['### Targets', targets_markdown(report)]
    return '\n\n'.join(parts)


def targets_markdown(report):
    rows = [[target['figure'], target['what'], target['limit'], target['measured'],
             'yes' if target['met'] else '**no**'] for target in report['targets']]
    return markdown_table(['figure', 'what', 'target', 'measured', 'met'], rows)


MARKS = ('<!-- benchmarks: begin -->', '<!-- benchmarks: end -->')


def with_targets(text, report):
    """The text with the targets inserted between the two marks."""
    before, _, rest = text.partition(MARKS[0])
    _, mark, after = rest.partition(MARKS[1])
    if mark == '':
        raise ValueError(f'There is no {" ... ".join(MARKS)}')
    block = f'{machine_text(report)}\n\n{targets_markdown(report)}'
    return f'{before}{MARKS[0]}\n{block}\n{MARKS[1]}{after}'


def machine_text(report):
    machine = report['machine']
    return (f'Measured in {report["seconds"] / 60:.0f} minutes with {machine["processors"]}, '
            f'{machine["system"]}, {machine["file system"]}.')
