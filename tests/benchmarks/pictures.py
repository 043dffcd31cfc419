# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Pictures of hand-offs and of growth, drawn from report.py's tables."""

import math

import matplotlib
from matplotlib import pyplot

from report import time_text

matplotlib.use('svg')

# Colours that colour-blind readers can distinguish (Okabe and Ito), with different markers
BLACK, BLUE, ORANGE = '#444444', '#0072b2', '#d55e00'
LINES = {
    'flock(2)': (BLACK, 's'),
    'flock': (BLUE, 'o'),
    'fcntl': ('#009e73', 'D'),
    'directory': (ORANGE, '^'),
    'hard-link': ('#cc79a7', 'v'),
    'symlink': ('#e69f00', 'X'),
    'pid-file': ('#56b4e9', 'P'),
    'sqlite': ('#8a6d3b', '*'),
}
# One of two lines of the same colour
DASHED = ('sync', 'one file')

HAND_OFFS = {
    'flock(2), in C': 'system calls: flock',
    'C, FLOCK, sync': 'C: flock, sync',
    'C, FLOCK, with deadline': 'C: flock, deadline',
    'C, FLOCK, async': 'C: flock, async',
    'C, FCNTL, async': 'C: fcntl, async',
    'Python, FLOCK, async': 'Python: flock, async',
    'GJS, FLOCK, async': 'GJS: flock, async',
    'C, SQLITE, async': 'C: sqlite, async',
    'C, HARD_LINK, async': 'C: hard-link, async',
    'C, SYMLINK, async': 'C: symlink, async',
    'C, PID_FILE, async': 'C: pid-file, async',
    'C, DIRECTORY, async': 'C: directory, async',
    'Go, gofrs/flock, Lock()': 'Go gofrs/flock, Lock',
    'flock(1), starts a command': 'flock(1) with a command',
    'Python, filelock, soft': 'Python filelock, soft',
    'Python, filelock': 'Python filelock',
    'Python, fasteners': 'Python fasteners',
    'Python, lockfile, hard link': 'Python lockfile, LinkLockFile',
    'Python, lockfile, directory': 'Python lockfile, MkdirLockFile',
    'Python, lockfile, symbolic link': 'Python lockfile, SymlinkLockFile',
    'Python, lockfile, PID file': 'Python lockfile, PIDLockFile',
    'Python, portalocker': 'Python portalocker',
    'Qt, QLockFile': 'Qt QLockFile',
    'Go, gofrs/flock, TryLockContext()': 'Go gofrs/flock, TryLockContext',
    'Node.js, proper-lockfile': 'Node.js proper-lockfile',
}
OURS = ('C:', 'Python:', 'GJS:')


def style():
    pyplot.rcParams.update({
        'font.family': 'DejaVu Sans', 'font.size': 11, 'axes.titlesize': 12,
        'axes.titlelocation': 'left', 'axes.spines.top': False, 'axes.spines.right': False,
        'axes.grid': True, 'axes.axisbelow': True, 'grid.color': '#e0e0e0',
        'legend.frameon': False, 'legend.fontsize': 10, 'figure.facecolor': 'white',
        # So that the same figures make the same file
        'svg.hashsalt': 'lockfile-glib',
    })


def save(figure, path):
    figure.savefig(path, metadata={'Date': None})
    pyplot.close(figure)

    picture = path.read_text(encoding='utf-8')
    header, newline, rest = picture.partition('\n')
    comment = '<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->'
    path.write_text(header + newline + comment + newline + rest, encoding='utf-8')


def colour(row):
    if row.startswith('system calls'):
        return BLACK
    return BLUE if row.startswith(OURS) else ORANGE


def time_axis(axis):
    axis.set_major_formatter(lambda value, _position: time_text(value).replace('.00', '')
                             .replace('.0 ', ' '))


def draw_hand_off(tables, path):
    rows = tables['b']['rows']
    shown = sorted(((rows[row]['time']['median'], label, row)
                    for label, row in HAND_OFFS.items() if row in rows), reverse=True)
    medians = [median for median, _label, _row in shown]

    figure, axes = pyplot.subplots(figsize=(9, 0.3 * len(shown) + 1.6), layout='constrained')
    axes.barh([label for _median, label, _row in shown], medians,
              color=[colour(row) for _median, _label, row in shown], height=0.7)
    for place, median in enumerate(medians):
        axes.text(median * 1.15, place, time_text(median), va='center', fontsize=9.5)
    axes.set_xscale('log')
    axes.set_xlim(min(medians) / 3, max(medians) * 4)
    axes.grid(axis='y', visible=False)
    axes.tick_params(axis='y', length=0)
    axes.margins(y=0.01)
    time_axis(axes.xaxis)
    axes.set_title('From a release in one process to the lock in another that waits (median)')
    for name, bar_colour in (('system calls', BLACK), ('lockfile-glib', BLUE),
                             ('other programs', ORANGE)):
        axes.bar(0, 0, color=bar_colour, label=name)
    axes.legend(loc='upper right')
    save(figure, path)


def draw_line(axes, name, numbers, values, label):
    backend, _, variant = name.partition(', ')
    line_colour, marker = LINES[backend]
    axes.plot(numbers, values, color=line_colour, marker=marker, label=label,
              linestyle='--' if variant in DASHED else '-')


def draw_table(axes, table, title, label):
    """A line for each column of a table whose rows are numbers."""
    numbers = [int(row.replace(',', '')) for row in table['rows']]
    for heading, quantity, _statistic, _unit in table['columns']:
        draw_line(axes, heading, numbers,
                  [row[quantity]['median'] for row in table['rows'].values()], heading)
    axes.set_yscale('log')
    # So that the ticks are visible
    lowest, highest = axes.get_ylim()
    axes.set_ylim(min(lowest, 10 ** math.floor(math.log10(lowest * 1.5))),
                  max(highest, 10 ** math.ceil(math.log10(highest / 1.5))))
    time_axis(axes.yaxis)
    finish(axes, numbers, title, label)


def finish(axes, numbers, title, label, columns=2):
    axes.set_xscale('log')
    axes.set_xticks(numbers, [f'{number:,}' for number in numbers])
    axes.minorticks_off()
    axes.set_title(title)
    axes.set_xlabel(label)
    # Below, where it hides no line
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.15), ncols=columns,
                handlelength=3, columnspacing=1.5)


def draw_memory(axes, table):
    kinds = {}
    for name, row in table['rows'].items():
        kind, _, number = name.rpartition(', ')
        if 'memory' in row:
            kinds.setdefault(kind, {})[int(number.replace(',', ''))] = row
    most = max(map(len, kinds.values()))
    for kind, rows in kinds.items():
        # For some, only the largest number is measured
        if len(rows) < most:
            continue
        threads = rows[max(rows)]['threads']['median']
        draw_line(axes, kind, list(rows), [row['memory']['median'] for row in rows.values()],
                  f'{kind} (threads: {threads:.2g})')
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter('{x:.0f} KiB')
    numbers = sorted(set().union(*kinds.values()))
    finish(axes, numbers, 'Resident memory of an asynchronous wait', 'waits of a process',
           columns=1)


def draw_scale(tables, path):
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 11), layout='constrained')
    figure.get_layout_engine().set(wspace=0.06, hspace=0.06)
    draw_table(axes[0][0], tables['f hand-off, contenders'], 'Hand-off (median)',
               'processes that contend')
    draw_table(axes[0][1], tables['f hand-off, files'],
               'Hand-off beside other waits (median)',
               'other asynchronous waits of the process, a file each')
    draw_table(axes[1][0], tables['f cycle, files'], 'Uncontended acquire and release (median)',
               'other lock files that the process holds')
    draw_memory(axes[1][1], tables['d'])
    save(figure, path)


def draw(report, directory):
    """Draws the pictures whose figures were measured."""
    directory.mkdir(parents=True, exist_ok=True)
    tables = report['tables']
    style()
    if 'b' in tables:
        draw_hand_off(tables, directory / 'hand-off.svg')
    if 'd' in tables and 'f hand-off, files' in tables:
        draw_scale(tables, directory / 'scale.svg')
