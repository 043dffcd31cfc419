#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Describes the build's tests for gnome-desktop-testing-runner, at installation.

Each test runs as `meson test` runs it, but with installed copies of what is in the source
tree, and without settings that only serve to find the library in the tree."""

import json
import os
import shlex
import sys

SUITES = {'library', 'bindings', 'command'}
# These need the network or the source
OTHER_SUITES = {'network', 'source'}

tests_path, descriptions_path = sys.argv[1:]
build_root = os.environ['MESON_BUILD_ROOT']
source_root = os.environ['MESON_SOURCE_ROOT']
prefix = os.environ['MESON_INSTALL_PREFIX']
installed_tests = os.path.join(prefix, tests_path)


def read_information(name):
    with open(os.path.join(build_root, 'meson-info', f'intro-{name}.json')) as file:
        return json.load(file)


def is_below(path, directory):
    return path == directory or path.startswith(directory + os.sep)


def installed(path):
    """The installed copy of a path in the source tree, or None if there is none."""
    # In arguments, meson names programs relative to the build directory
    if path and os.path.exists(os.path.join(build_root, path)):
        path = os.path.normpath(os.path.join(build_root, path))
    if path in installed_files:
        return installed_files[path]
    # A build directory may be inside the source
    for root in build_root, source_root:
        tests = os.path.join(root, 'tests')
        if is_below(path, tests):
            return installed_tests + path[len(tests):]
        if is_below(path, root):
            return None
    return path


def environment(variables):
    for name, value in variables.items():
        paths = [installed(path) for path in value.split(':')]
        if any(path is not None for path in paths):
            yield f'{name}={":".join(filter(None, paths))}'


def write_description(directory, test):
    command = [installed(argument) for argument in test['cmd']]
    if None in command:
        sys.exit(f'The test {test["name"]} needs what is not installed: {test["cmd"]}')
    command = ['env', *environment(test['env']), *command]

    with open(os.path.join(directory, test['name'] + '.test'), 'w') as description:
        print('[Test]', 'Type=session', 'Exec=' + shlex.join(command), 'Output=TAP',
              sep='\n', file=description)


installed_files = read_information('installed')
directory = os.path.join(os.environ['MESON_INSTALL_DESTDIR_PREFIX'], descriptions_path)
os.makedirs(directory, exist_ok=True)
for test in read_information('tests'):
    suites = {suite.split(':')[-1] for suite in test['suite']}
    if suites & SUITES and not suites & OTHER_SUITES and test['protocol'] == 'tap':
        write_description(directory, test)
