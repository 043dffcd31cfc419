#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The library's layers: each folder includes only headers of lower layers.

    test-layers.py SOURCE-ROOT
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
SOURCE = ROOT / 'lockfile-glib'

# Public types that are plain values, which every folder may use except os/ and waiting/
VALUES = ('lf-enums', 'lf-enum-types', 'lf-errors', 'lf-lock-holder', 'lf-lock-holder-private',
          'lf-engine-private', 'lf-version', 'lf-version-macros', 'lf-version-functions')

MAY_INCLUDE = {
    'os': {'os'},
    'waiting': {'waiting', 'os'},
    'values': {'values', 'os'},
    'backends': {'backends', 'values', 'os'},
    'core': {'core', 'backends', 'waiting', 'values', 'os'},
    'classes': {'classes', 'core', 'values', 'os'},
    # Loaded by the library, which it is not linked with
    'modules/etcd': {'modules/etcd', 'values', 'os/lf-translate-private.h'},
    # The command is an ordinary program, and uses only what is installed
    'tools': {'tools', 'public', 'os/lf-translate-private.h'},
}


def layer_of(path):
    """The layer of a file, as it is named in #include."""
    folder, _, name = path.removesuffix('.in').rpartition('/')
    if folder:
        return folder
    return 'values' if name.rpartition('.')[0] in VALUES else 'classes'


def included_by(file):
    """The library's own headers that a file includes, as paths below lockfile-glib/."""
    text = file.read_text(encoding='utf-8')
    for quote, path in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', text, re.MULTILINE):
        if quote == '<' and path.startswith('lockfile-glib/'):
            yield path.removeprefix('lockfile-glib/')
        elif quote == '"' and path != 'config.h':
            beside = file.parent / path
            yield str(beside.relative_to(SOURCE)) if beside.exists() else path


def is_allowed(file, path):
    allowed = MAY_INCLUDE[layer_of(str(file.relative_to(SOURCE)))]
    if path in allowed or layer_of(path) in allowed:
        return True
    return 'public' in allowed and '/' not in path and not path.endswith('-private.h')


def main():
    wrong = 0
    count = {layer: 0 for layer in MAY_INCLUDE}

    for file in sorted(SOURCE.glob('**/*.[ch]')) + sorted(SOURCE.glob('*.in')):
        for path in included_by(file):
            count[layer_of(str(file.relative_to(SOURCE)))] += 1
            if not is_allowed(file, path):
                print(f'{file.relative_to(ROOT)} must not include {path}')
                wrong += 1

    for layer, includes in count.items():
        print(f'{layer}: {includes} includes')
        # Otherwise nothing was checked
        wrong += includes == 0

    page = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    for folder in sorted(path for path in SOURCE.iterdir() if path.is_dir()):
        if not re.search(rf'^  {folder.name}/ ', page, re.MULTILINE):
            print(f'CONTRIBUTING.md does not say what is in lockfile-glib/{folder.name}/')
            wrong += 1

    return 1 if wrong else 0


sys.exit(main())
