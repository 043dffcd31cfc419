#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Every file says at its beginning who holds the copyright and what its license is.

    test-licenses.py SOURCE-ROOT
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1]).resolve()
# In the first lines, after a "#!" or a title
FIRST_LINES = 4
LICENSE = 'SPDX-License-Identifier: LGPL-2.1-or-later'
COPYRIGHT = 'SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers'

# Generated files, which have only the license
GENERATED = ('.abi', '.svg')
# Files without comments, and those that are about copyright themselves
WITHOUT = {'COPYING', 'debian/changelog', 'debian/copyright', 'debian/source/format',
           'examples/document-window.png', 'introspection/python/gi-stubs/py.typed',
           'tests/manual/codespell-ignore.txt', 'tests/pyright/package-lock.json',
           'tests/pyright/package.json', 'tests/typescript/package-lock.json',
           'tests/typescript/package.json'}


def find_files():
    """The files that git knows or, in a tarball, all files without those of builds and tools."""
    result = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False)
    if result.returncode == 0 and result.stdout:
        yield from (ROOT / name for name in result.stdout.split('\0') if (ROOT / name).is_file())
        return

    for directory, folders, files in os.walk(ROOT):
        directory = pathlib.Path(directory)
        folders[:] = [name for name in folders
                      if name not in ('.git', '__pycache__', 'node_modules', 'meson-private') and
                      not name.startswith('.build') and
                      not (directory / name / 'meson-private').exists()]
        yield from (directory / name for name in files)


def main():
    count = 0
    wrong = 0
    for path in sorted(find_files()):
        name = str(path.relative_to(ROOT))
        if name in WITHOUT:
            continue
        beginning = path.read_bytes().decode(errors='replace').splitlines()[:FIRST_LINES]
        wanted = [LICENSE] if path.suffix in GENERATED else [LICENSE, COPYRIGHT]
        for text in wanted:
            if not any(text in line for line in beginning):
                print(f'{name} lacks: {text}')
                wrong += 1
        count += 1

    print(f'{count} files')
    # Otherwise nothing was checked
    return 1 if wrong or count < 300 else 0


sys.exit(main())
