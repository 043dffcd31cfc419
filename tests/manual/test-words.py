#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Pages and comments use none of the words in words.txt, and codespell finds no misspelling.

    test-words.py SOURCE

Searches every Markdown file of the project, outside of code, and the comments in every source
file. SOURCE is the project's directory.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
WORDS = HERE / 'words.txt'
# What codespell mistakes for a misspelling
IGNORED = HERE / 'codespell-ignore.txt'

# A space of an expression also matches a line break, with the indentation after it
SPACE = r'(?: |[ ]*\n[ ]*)'

CODE = re.compile(r'^```.*?^```$|`[^`]+`|<!--.*?-->', re.MULTILINE | re.DOTALL)

# Strings, which are skipped, and comments, which are the group
C_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(/\*.*?\*/|//[^\n]*)', re.DOTALL)
HASH_COMMENT = re.compile(r'^[ ]*("""[^"].*?""")|(?:^|(?<=[ ]))(\#[^\n]*)', re.MULTILINE | re.DOTALL)
C_SUFFIXES = {'.c', '.h', '.js', '.ts', '.vala', '.cpp', '.go', '.in'}
HASH_SUFFIXES = {'.py', '.pyi', '.sh', '.pl', '.rb', '.fish'}
COMMENT_START = re.compile(r'^( *)(/?\*+|//|\#)', re.MULTILINE)


def find_files(source):
    """All files, without those of build directories."""
    for directory, folders, files in os.walk(source):
        directory = pathlib.Path(directory)
        folders[:] = [name for name in sorted(folders) if name not in ('.git', 'node_modules') and
                      not name.startswith('.build') and
                      not (directory / name / 'meson-private').exists()]
        yield from (directory / name for name in sorted(files))


def comment_pattern(path):
    """What finds the comments of a file, or None if it is not a source file."""
    if path.suffix in C_SUFFIXES:
        return C_COMMENT
    if path.suffix in HASH_SUFFIXES or path.name in ('meson.build', 'meson_options.txt'):
        return HASH_COMMENT
    with path.open('rb') as file:
        return HASH_COMMENT if path.suffix == '' and file.read(3) == b'#!/' else None


def only_comments(text, pattern):
    """The text with everything in place, but code as underscores and without comment marks."""
    result = list(re.sub('[^\n]', '_', text))
    for match in pattern.finditer(text):
        if match.lastindex is not None:
            result[match.start():match.end()] = COMMENT_START.sub(
                lambda mark: ' ' * len(mark[0]), match[0])
    return ''.join(result)


def read_words(path):
    """Compiled expressions, each with its replacement, and problems with others."""
    words = []
    problems = []
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        if not line or line.startswith('#'):
            continue
        expression, _, replacement = line.partition(' => ')
        if not replacement:
            problems.append(f'{path.name}:{number}: it has no replacement')
            continue
        try:
            words.append((re.compile(expression.replace(' ', SPACE), re.IGNORECASE), replacement))
        except re.error as error:
            problems.append(f'{path.name}:{number}: {error}')
    return words, problems


def without_code(text):
    """The text with everything in place, but code as underscores."""
    return CODE.sub(lambda match: re.sub('[^\n]', '_', match[0]), text)


def check_words(name, text, words):
    """What is found, with its line and what to write instead."""
    text = without_code(text)
    hits = sorted((match.start(), ' '.join(match[0].split()), replacement)
                  for expression, replacement in words for match in expression.finditer(text))
    return [f'{name}:{text.count(chr(10), 0, start) + 1}: "{found}", write: {replacement}'
            for start, found, replacement in hits]


def check_spelling(source, names):
    if shutil.which('codespell') is None:
        return ['codespell is missing']
    result = subprocess.run(['codespell', '--ignore-words', IGNORED, *names], cwd=source,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False)
    if result.returncode != 0 and not result.stdout:
        return [f'codespell ended with status {result.returncode}']
    return result.stdout.splitlines()


def main():
    source = pathlib.Path(sys.argv[1]).resolve()
    files = list(find_files(source))
    pages = {str(path.relative_to(source)): path.read_text(encoding='utf-8')
             for path in files if path.suffix == '.md'}
    comments = {str(path.relative_to(source)):
                only_comments(path.read_text(encoding='utf-8'), pattern)
                for path in files if (pattern := comment_pattern(path)) is not None}
    words, problems = read_words(WORDS)
    cases = [
        ('each line of words.txt has an expression and a replacement', problems),
        ('there are words, pages and source files',
         [] if len(words) > 20 and len(pages) > 20 and len(comments) > 200
         else ['too few: is something wrong with this test?']),
        *((f'{len(texts)} {kind} use none of these words',
           [hit for name, text in texts.items() for hit in check_words(name, text, words)])
          for kind, texts in (('pages', pages), ('source files', comments))),
        ('codespell finds no misspelling', check_spelling(source, pages)),
    ]

    print(f'1..{len(cases)}')
    for number, (name, wrong) in enumerate(cases, 1):
        print('not ok' if wrong else 'ok', number, '-', name)
        for line in wrong:
            print('#', line)
    return any(wrong for _, wrong in cases)


if __name__ == '__main__':
    sys.exit(main())
