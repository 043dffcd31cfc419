#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Measures this library beside the system calls and other programs.

README.md describes what is measured, and how. The programs must have been built, as
tests/benchmarks/run does."""

import argparse
import importlib
import json
import os
import pathlib
import platform
import resource
import sys
import tempfile
import time

import figures
import programs
import report
import targets

HERE = pathlib.Path(__file__).resolve().parent


def say(line):
    print(line, file=sys.stderr, flush=True)


def machine(directory):
    with open('/proc/cpuinfo', encoding='utf-8') as lines:
        models = [line.split(':')[1].strip() for line in lines if line.startswith('model name')]
    with open('/proc/mounts', encoding='utf-8') as lines:
        mounts = {mount: kind for _device, mount, kind, *_rest in map(str.split, lines)}
    mount = directory.resolve()
    while str(mount) not in mounts:
        mount = mount.parent
    return {
        'system': f'{platform.system()} {platform.release()}',
        'processors': f'{os.cpu_count()} x {models[0] if models else platform.machine()}',
        'file system': mounts[str(mount)],
        'load before': round(os.getloadavg()[0], 2),
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('figures', nargs='*', metavar='FIGURE',
                        help='a letter from a to j, or profile; without any, all of them')
    parser.add_argument('--quick', action='store_true', help='fewer rounds and samples')
    parser.add_argument('--smoke', action='store_true',
                        help='one round of one sample: whether everything works')
    parser.add_argument('--without', action='append', default=[], metavar='PROGRAM',
                        choices=programs.OPTIONAL,
                        help='leaves out a program that is not there: %(choices)s')
    parser.add_argument('--build', type=pathlib.Path, default=os.environ.get('LF_BENCHMARK_BUILD'),
                        help='where the programs are')
    parser.add_argument('--output', type=pathlib.Path, metavar='DIR',
                        help='writes benchmarks.json, benchmarks.md and the pictures there')
    parser.add_argument('--readme', action='store_true',
                        help='puts targets and pictures into README.md here; needs everything')
    parser.add_argument('--from', type=pathlib.Path, metavar='FILE', dest='source',
                        help='measures nothing, but takes a benchmarks.json')
    arguments = parser.parse_args()
    unknown = set(arguments.figures) - set(figures.FIGURES)
    if unknown:
        parser.error(f'no such figure: {", ".join(sorted(unknown))}')
    says_less = arguments.figures or arguments.quick or arguments.smoke or arguments.without
    if arguments.readme and says_less:
        parser.error('--readme needs all figures, programs and rounds')
    if arguments.source is not None and says_less:
        parser.error('--from measures nothing')
    if arguments.build is None and arguments.source is None:
        parser.error('--build or LF_BENCHMARK_BUILD must say where the programs are')
    arguments.is_complete = not says_less
    return arguments


def measure(arguments):
    settings = figures.FULL
    if arguments.quick:
        settings = figures.QUICK
    if arguments.smoke:
        settings = figures.SMOKE

    # For a thousand lock files
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    with tempfile.TemporaryDirectory(prefix='lf-benchmark-') as name:
        directory = pathlib.Path(name)
        # For a database that Python's lockfile makes
        os.environ['TMPDIR'] = name
        result = {'machine': machine(directory), 'complete': arguments.is_complete}
        session = figures.Session(arguments.build, directory, settings, arguments.without)
        result['seconds'] = -time.monotonic()
        tables = figures.measure(session, arguments.figures or sorted(figures.FIGURES), say)
        result['seconds'] = round(result['seconds'] + time.monotonic())
        result['tables'] = {key: table.as_json() for key, table in tables.items()}
    result['targets'] = targets.targets(result['tables'])
    return result


def read(path):
    """The result of an earlier run."""
    try:
        result = json.loads(path.read_text(encoding='utf-8'))
        result['targets'] = targets.targets(result['tables'])
        # Needs all other values
        report.markdown(result)
    except OSError as error:
        raise programs.Failure(f'{path}: {error.strerror}') from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise programs.Failure(f'{path}: not what this version of the benchmarks writes '
                               f'({type(error).__name__}: {error})') from error
    return result


def write(result, directory):
    # Only needed here, and not installed everywhere
    pictures = importlib.import_module('pictures')

    pictures.draw(result, directory)
    (directory / 'benchmarks.json').write_text(json.dumps(result, indent=1) + '\n')
    (directory / 'benchmarks.md').write_text(report.markdown(result) + '\n')


def update_readme(result):
    pictures = importlib.import_module('pictures')

    pictures.draw(result, HERE / 'pictures')
    readme = HERE / 'README.md'
    readme.write_text(report.with_targets(readme.read_text(), result))


def main():
    arguments = parse_arguments()
    try:
        result = measure(arguments) if arguments.source is None else read(arguments.source)
        if arguments.readme and not result.get('complete'):
            raise programs.Failure(f'{arguments.source}: --readme needs all figures, programs '
                                   'and rounds')
    except programs.Failure as failure:
        sys.exit(str(failure))
    print(report.markdown(result))
    if arguments.output is not None:
        write(result, arguments.output)
    if arguments.readme:
        update_readme(result)


if __name__ == '__main__':
    main()
