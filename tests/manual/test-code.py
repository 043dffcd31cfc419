#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Compiles and runs the code in the manual, in the READMEs and in doc comments.

    test-code.py SOURCE BUILD [PAGE...]

SOURCE and BUILD are the project's directories. With PAGEs, only pages whose names end
with one of them are tested. The code uses an installed copy of the build, as a reader's
code would. Each page has a directory of its own, in which its blocks run one after the
other.

A fenced block is a whole program that succeeds, unless a comment in the line before it
says otherwise:

    <!-- code: save FILE -->   it is saved under this name, for a later block of
                               commands, which must mention the name
    <!-- code: in FILE -->     it replaces @BLOCK@ in FILE, which is in this directory;
                               FILE's extension is the language
    <!-- code: check -->       it is compiled, or parsed, but not run
    <!-- code: check in FILE -->
    <!-- code: with etcd -->   an etcd answers at localhost:2379; what follows is as above

A block of `console` has commands after `$` and their output. A block of `text` is the
output of the program before it, or of each of the two programs before it:

    <!-- code: output of both -->

or it is a drawing:

    <!-- code: picture -->

If a block says that flock(1) has the lock, which is a program with a name, its commands
also run in a PID namespace from which flock(1) cannot be seen. There they print "somebody".
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

# After this command, the following ones cannot see flock(1)'s process
FLOCK = re.compile(r'^flock (\S+) ', re.MULTILINE)
UNSEEN = ' '.join([r'flock --close \1 unshare --pid --fork --mount-proc',
                   *([] if os.geteuid() == 0 else ['--map-root-user']), ''])

HERE = pathlib.Path(__file__).resolve().parent
WITH_ETCD = HERE.parent / 'etcd' / 'with-etcd'
TIMEOUT = 120

SUFFIXES = {
    'c': '.c', 'cpp': '.cpp', 'vala': '.vala', 'python': '.py', 'javascript': '.js',
    'js': '.js', 'cjs': '.cjs', 'lua': '.lua', 'sh': '.sh', 'json': '.json', 'meson': '.meson',
    'ini': '.ini',
    'crontab': '.crontab',
}

FENCE = re.compile(r'^```(\w*)\s*$')
MARKING = re.compile(r'^<!-- code: (.*) -->$')
DOC_COMMENT = re.compile(r'/\*\*\n(.*?)\*/', re.DOTALL)


class Failure(Exception):
    """Describes the problem with a block."""


@dataclasses.dataclass
class Block:
    page: str
    line: int
    language: str
    text: str
    marking: str = ''
    output: str = ''

    @property
    def name(self):
        marking = f' ({self.marking})' if self.marking else ''
        return f'{self.page}:{self.line} {self.language}{marking}'


def blocks_of_markdown(page, text, first_line=1):
    """All blocks of a page. Code that is only indented must be fenced instead."""
    block = None
    previous = ''
    for number, line in enumerate(text.splitlines(), first_line):
        if block is not None:
            if line == '```':
                yield block
                block = None
            else:
                block.text += line + '\n'
        elif fence := FENCE.match(line):
            marking = MARKING.match(previous)
            block = Block(page, number, fence[1], '', marking[1] if marking else '')
        elif line.startswith('    ') and previous == '':
            yield Block(page, number, 'indented', line)
        elif line.startswith(('```', '~~~', '|[')) or '<pre' in line:
            yield Block(page, number, 'unknown', line)
        elif MARKING.match(previous) and not FENCE.match(line):
            yield Block(page, number - 1, 'no', line)
        previous = line
    if block is not None:
        yield block


def blocks_of_source(page, text):
    """The blocks in the doc comments of C."""
    for comment in DOC_COMMENT.finditer(text):
        lines = (re.sub(r'^ *\* ?', '', line) for line in comment[1].splitlines())
        first_line = text.count('\n', 0, comment.start(1)) + 1
        yield from blocks_of_markdown(page, '\n'.join(lines), first_line)


def find_pages(source):
    """The names of all pages, with their blocks."""
    pages = [*sorted(source.glob('*.md')), *sorted((source / 'tests').rglob('README.md')),
             *sorted((source / 'introspection' / 'reference').glob('*.md'))]
    for path in pages:
        name = str(path.relative_to(source))
        yield name, list(blocks_of_markdown(name, path.read_text(encoding='utf-8')))

    for path in sorted((source / 'lockfile-glib').rglob('*')):
        if path.name.endswith(('.c', '.h', '.h.in')):
            name = str(path.relative_to(source))
            yield name, list(blocks_of_source(name, path.read_text(encoding='utf-8')))


def install(source, build, root):
    """Installs the build below root, and returns the environment in which it is found."""
    subprocess.run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet'],
                   env={**os.environ, 'DESTDIR': str(root)}, check=True,
                   stdout=subprocess.DEVNULL)

    def directory_of(pattern):
        found = next(root.rglob(pattern), None)
        return str(found.parent) if found else ''

    # The file contains the path without the root
    pkg_config = pathlib.Path(directory_of('lockfile-glib-1.0.pc'), 'lockfile-glib-1.0.pc')
    text = pkg_config.read_text(encoding='utf-8')
    text = re.sub('^prefix=', f'prefix={root}', text, flags=re.MULTILINE)
    pkg_config.write_text(text, encoding='utf-8')

    data = pathlib.Path(directory_of('lockfile-glib-1.0.vapi')).parent.parent
    overrides = pathlib.Path(directory_of('gi/overrides/Lf.py'))
    python_path = [str(overrides.parent.parent)] if overrides.name else []

    return {
        **os.environ,
        'PATH': f'{directory_of("bin/lf-lock")}:/usr/sbin:/usr/bin:/sbin:/bin',
        'LC_ALL': 'C.UTF-8',
        'PKG_CONFIG_PATH': str(pkg_config.parent),
        'LD_LIBRARY_PATH': directory_of('liblockfile-glib-1.0.so'),
        'GI_TYPELIB_PATH': directory_of('Lf-1.0.typelib'),
        'XDG_DATA_DIRS': f'{data}:/usr/local/share:/usr/share',
        'PYTHONPATH': ':'.join(python_path),
        'PYTHONDONTWRITEBYTECODE': '1',
        'G_DEBUG': 'fatal-warnings',
        'LF_MODULES': directory_of('modules/*.so'),
        'LF_SOURCE_ROOT': str(source),
        'LF_BUILD_ROOT': str(build),
    }


class Page:
    """The blocks of a page, which run in a directory of their own."""

    def __init__(self, blocks, directory, environment):
        self.blocks = blocks
        self.directory = directory
        self.environment = environment
        self.outputs = []
        # What runs the block's commands
        self.runner = ()

    def command(self, *arguments):
        """Returns the output."""
        arguments = [*self.runner, *arguments]
        try:
            result = subprocess.run(arguments, cwd=self.directory, env=self.environment,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failure(f'{shlex.join(map(str, arguments))} does not end') from error
        output = result.stdout.decode(errors='replace')
        if result.returncode != 0:
            raise Failure(f'{shlex.join(map(str, arguments))} ended with status '
                          f'{result.returncode}:\n{output}')
        return output

    def flags(self, *packages):
        output = self.command('pkg-config', '--cflags', '--libs', *packages)
        return shlex.split(output)

    def run_c(self, path, run):
        program = path.with_suffix('')
        self.command('cc', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', '-o', program,
                     path, *(self.flags('lockfile-glib-1.0') if run else self.flags('gio-2.0')),
                     *([] if run else ['-fsyntax-only']))
        return self.command(program) if run else ''

    def run_cpp(self, path, run):
        program = path.with_suffix('')
        self.command('c++', '-Wall', '-Wextra', '-Werror', '-fPIC', '-o', program, path,
                     *self.flags('Qt5Core'))
        return self.command(program) if run else ''

    def run_vala(self, path, run):
        program = path.with_suffix('')
        self.command('valac', '--fatal-warnings', '--pkg', 'lockfile-glib-1.0', '-X', '-w',
                     '-o', program, path)
        return self.command(program) if run else ''

    def run_py(self, path, run):
        if run:
            return self.command('/usr/bin/python3', path)
        try:
            compile(path.read_text(encoding='utf-8'), path, 'exec')
        except SyntaxError as error:
            raise Failure(str(error)) from error
        return ''

    def run_js(self, path, run):
        if run:
            return self.command('gjs', '-m', path)
        raise Failure('JavaScript is run, not checked')

    def run_lua(self, path, run):
        if run:
            return self.command('lua5.3', path)
        raise Failure('Lua is run, not checked')

    def run_cjs(self, path, run):
        # Debian's modules are here; another source's Node.js does not look there
        return self.command('env', 'NODE_PATH=/usr/share/nodejs', '/usr/bin/node',
                            *([] if run else ['--check']), path)

    def run_sh(self, path, run):
        return self.command('bash', *(['-eu'] if run else ['-n']), path)

    def run_json(self, path, run):
        try:
            json.loads(path.read_text(encoding='utf-8'))
        except ValueError as error:
            raise Failure(str(error)) from error
        return ''

    def run_crontab(self, path, run):
        if run:
            raise Failure('a crontab is checked, not run')
        # In /etc/cron.d a user precedes the command; here it counts as a part of the
        # command
        return self.command('crontab', '-n', path)

    def run_ini(self, path, run):
        """A systemd unit, whose name is in a comment. Its programs are not installed here."""
        if run:
            raise Failure('a unit is checked, not run')
        text = path.read_text(encoding='utf-8')
        name = re.match(r'# /etc/systemd/system/([\w@.-]+)\n', text)
        if name is None:
            raise Failure('no comment says what its file is')
        unit = pathlib.Path(self.directory, name[1])
        unit.write_text(re.sub(r'/usr/(local/)?bin/[\w-]+', '/usr/bin/true', text), encoding='utf-8')
        output = self.command('systemd-analyze', 'verify',
                              str(unit).replace('@.service', '@instance.service'))
        if output:
            raise Failure(output)
        return ''

    def run_console(self, block):
        commands = ''
        expected = ''
        continues = False
        for line in block.text.splitlines():
            if continues or line.startswith('$ '):
                commands += line.removeprefix('$ ') + '\n'
                continues = line.endswith('\\')
            else:
                expected += line + '\n'
        self.run_commands(block, commands, expected)
        if FLOCK.search(commands) and 'flock' in expected:
            self.run_commands(block, FLOCK.sub(UNSEEN, commands),
                              expected.replace('flock', 'somebody'))

    def run_commands(self, block, commands, expected):
        path = pathlib.Path(self.directory, f'console-{block.line}.sh')
        path.write_text(commands, encoding='utf-8')
        self.compare(expected, self.command('bash', '-eu', path))

    def compare_outputs(self, block):
        count = {'': 1, 'output of both': 2}.get(block.marking)
        if count is None:
            raise Failure(f'what is "{block.marking}"?')
        outputs = self.outputs[-count:]
        self.outputs = []
        if len(outputs) < count:
            raise Failure('no program before it ended well whose output it could be')
        for output in outputs:
            self.compare(block.text, output)

    @staticmethod
    def compare(expected, output):
        if expected != output:
            raise Failure(f'it prints\n{output}not\n{expected}')

    def save(self, block, name):
        path = pathlib.Path(self.directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding='utf-8')
        later = self.blocks[self.blocks.index(block) + 1:]
        if not any(name in other.text for other in later if other.language == 'console'):
            raise Failure(f'no commands after it use {name}')

    def run(self, block):
        words = block.marking.split()
        with_etcd = words[:2] == ['with', 'etcd']
        self.runner = (WITH_ETCD,) if with_etcd else ()
        words = words[2 * with_etcd:]
        if block.language == 'text':
            if block.marking != 'picture':
                self.compare_outputs(block)
            return

        if words[:1] == ['save'] and len(words) == 2:
            self.save(block, words[1])
            return
        if block.language == 'console' and not words:
            self.run_console(block)
            return
        if block.language not in SUFFIXES:
            raise Failure(f'{block.language or "no"} is no language for a block:\n{block.text}')

        check = words[:1] == ['check']
        words = words[check:]
        text = block.text
        suffix = SUFFIXES[block.language]
        if words[:1] == ['in'] and len(words) == 2:
            text = put_into(HERE / words[1], text)
            suffix = pathlib.Path(words[1]).suffix
        elif words:
            raise Failure(f'what is "{block.marking}"?')

        runner = getattr(self, 'run_' + suffix[1:], None)
        if runner is None:
            raise Failure(f'{block.language} needs something around it to be run')
        path = pathlib.Path(self.directory, f'block-{block.line}{suffix}')
        path.write_text(text, encoding='utf-8')
        output = runner(path, run=not check)
        if not check:
            self.outputs.append(output)


def put_into(wrapper, text):
    if not wrapper.exists():
        raise Failure(f'there is no {wrapper.name}')

    def indented(match):
        return ''.join((match[1] + line if line else line) + '\n' for line in text.splitlines())

    return re.sub(r'^( *)@BLOCK@\n', indented, wrapper.read_text(encoding='utf-8'),
                  flags=re.MULTILINE)


def run_page(blocks, root, environment):
    """The blocks, each with its problem or None."""
    results = []
    with tempfile.TemporaryDirectory(dir=root) as directory:
        page = Page(blocks, directory, environment)
        for block in blocks:
            try:
                page.run(block)
                results.append((block, None))
            except Failure as failure:
                results.append((block, failure))
    return results


def unused_wrappers(pages):
    used = {words[-1] for _, blocks in pages for block in blocks
            if 'in' in (words := block.marking.split())}
    return sorted({path.name for path in HERE.iterdir() if path.is_file()} - used -
                  {'test-code.py', 'test-links.py', 'test-words.py', 'words.txt',
                   'codespell-ignore.txt', 'meson.build'})


def main():
    source, build = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
    chosen = tuple(sys.argv[3:]) or ('',)
    pages = list(find_pages(source))
    failed = 0

    with tempfile.TemporaryDirectory(prefix='lf-manual-') as directory:
        root = pathlib.Path(directory)
        environment = install(source, build, root / 'root')
        jobs = [blocks for name, blocks in pages if blocks and name.endswith(chosen)]
        print(f'1..{sum(map(len, jobs)) + 1}', flush=True)
        number = 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for results in pool.map(lambda blocks: run_page(blocks, root, environment), jobs):
                for block, failure in results:
                    number += 1
                    print('ok' if failure is None else 'not ok', number, '-', block.name)
                    if failure is not None:
                        failed += 1
                        print(re.sub('^', '# ', str(failure), flags=re.MULTILINE))
                    sys.stdout.flush()

    unused = unused_wrappers(pages)
    print('not ok' if unused else 'ok', number + 1, '- each of the files has blocks')
    for name in unused:
        print(f'# nothing is put in {name}')
    return 1 if failed or unused else 0


if __name__ == '__main__':
    sys.exit(main())
