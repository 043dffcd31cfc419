#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The manual's links work, and every public symbol has a page with a description.

    test-links.py MANUAL GIR SOURCE

The files that READMEs link exist, and the page about installing names the packages that
are needed. MANUAL is the directory of the generated HTML, SOURCE the project's directory.
Links to other sites are listed, but not fetched.
"""

import html.parser
import itertools
import pathlib
import re
import sys
import urllib.parse
import xml.etree.ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'

# Links of gi-docgen that were not resolved, such as [method@LockFile.nothing], and code
# that was torn apart, such as `@name`
LEFT_OVER = re.compile(r'\[\w+@[\w.:-]+\]|`')
VOID_ELEMENTS = {'br', 'hr', 'img', 'input', 'link', 'meta', 'source', 'col'}


class Document(html.parser.HTMLParser):
    """A page: its anchors, its links and the text of its description."""

    def __init__(self, path):
        super().__init__()
        self.anchors = set()
        self.links = set()
        self.text = ''
        self.description = ''
        self._open = []
        self.feed(path.read_text(encoding='utf-8'))
        self.description = ' '.join(self.description.split())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes[name] for name in ('id', 'name') if attributes.get(name)}
        self.links |= {attributes[name] for name in ('href', 'src') if name in attributes}
        if tag not in VOID_ELEMENTS:
            classes = (attributes.get('class') or '').split()
            self._open.append((tag, classes))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(tag in ('pre', 'code', 'script', 'style') for tag, _ in self._open):
            self.text += data
        if any('docblock' in classes for _, classes in self._open):
            self.description += data


def check_links(documents, directory):
    """Problems with the links, and links to other sites."""
    problems = []
    external = set()
    for name, document in documents.items():
        for link in document.links:
            url = urllib.parse.urlsplit(link or '')
            if url.scheme == 'javascript':
                continue
            if url.scheme or url.netloc:
                external.add(link)
                continue
            target = urllib.parse.unquote(url.path) or name
            fragment = urllib.parse.unquote(url.fragment)
            if not (directory / target).is_file():
                problems.append(f'{name}: nothing is at {link}')
            elif fragment and target in documents and \
                    fragment not in documents[target].anchors:
                problems.append(f'{name}: {link} has no such anchor')
        problems += [f'{name}: {document.text[match.start():][:40]!r} is left over' for match in
                     LEFT_OVER.finditer(document.text)]
    return problems, external


def first_words(element):
    """The beginning of a symbol's description, up to the first markup."""
    doc = element.findtext(CORE + 'doc') or ''
    words = itertools.takewhile(re.compile(r'[A-Za-z-]+$').match, doc.split())
    return ' '.join(itertools.islice(words, 5))


def symbol_pages(gir):
    """The pages that the GIR's symbols must have, with words that they must contain."""
    kinds = {'constructor': 'ctor', 'method': 'method', 'function': 'type_func',
             'property': 'property'}
    namespace = xml.etree.ElementTree.parse(gir).find(CORE + 'namespace')
    for element in namespace:
        tag = element.tag.removeprefix(CORE)
        name = element.get('name')
        kind = {'class': 'class', 'record': 'struct', 'constant': 'const', 'function': 'func',
                'function-macro': 'func', 'enumeration': 'enum'}.get(tag)
        if element.get(GLIB + 'error-domain'):
            kind = 'error'
        if kind is None or element.get('disguised') or element.get(GLIB + 'is-gtype-struct-for'):
            continue
        if element.get('moved-to'):
            continue
        yield f'{kind}.{name}.html', first_words(element)
        for member in element:
            member_kind = kinds.get(member.tag.removeprefix(CORE))
            if member_kind is not None:
                yield f'{member_kind}.{name}.{member.get("name")}.html', first_words(member)


def check_readme(path):
    """Files that are linked but do not exist."""
    links = re.findall(r'\]\(([^)#:]+)\)', path.read_text(encoding='utf-8'))
    return [f'{path.name}: nothing is at {link}' for link in links
            if not (path.parent / link).exists()]


def check_packages(source):
    """Packages that a build needs, but that the page about installing does not name."""
    control = (source / 'debian' / 'control').read_text(encoding='utf-8')
    depends = re.search(r'^Build-Depends:\n((?: .*\n)+)', control, re.MULTILINE)[1]
    # Some packages are for making packages or for tests; python3-gi depends on python3
    packages = [{package.split()[0].rstrip(',') for package in line.split('|')}
                for line in depends.splitlines()
                if not line.startswith((' debhelper', ' dh-')) and '<!nocheck>' not in line]
    page = (source / 'introspection' / 'reference' / 'installing.md').read_text(encoding='utf-8')
    named = re.findall('`([^`]+)`', page[page.index('## From the source'):page.index('```')])
    known = {*named, 'python3', 'pkgconf' if 'pkg-config' in named else 'pkg-config'}
    return [' or '.join(sorted(either)) for either in packages if not either & known]


def reachable(documents):
    found = set()
    todo = ['index.html']
    while todo:
        name = todo.pop()
        if name in documents and name not in found:
            found.add(name)
            todo += [urllib.parse.urlsplit(link or '').path for link in documents[name].links]
    return found


def main():
    directory, gir, source = map(pathlib.Path, sys.argv[1:])
    documents = {path.name: Document(path) for path in directory.glob('*.html')}
    problems, external = check_links(documents, directory)
    cases = [('no link is broken', problems)]

    symbols = list(symbol_pages(gir))
    cases.append((f'each of {len(symbols)} symbols has a page',
                  [name for name, _ in symbols if name not in documents]))
    cases.append(('which says what the doc comment does',
                  [f'{name}: {words}' for name, words in symbols if name in documents and
                   (not words or words not in documents[name].description)]))
    cases.append(('there are symbols, pages and links', [] if len(symbols) > 50 and external
                  else ['too few: is something wrong with this test?']))

    readmes = [*sorted(source.glob('*.md')), *sorted((source / 'tests').rglob('README.md'))]
    sources = (source / 'introspection' / 'reference').glob('*.md')
    pages = [path.with_suffix('.html').name for path in sources]
    cases.append((f'each of {len(pages)} pages is in the manual',
                  [name for name in pages if name not in documents]))
    cases.append(('every page can be reached from the first',
                  sorted(documents.keys() - reachable(documents))))

    index = (directory / 'index.html').read_text(encoding='utf-8')
    cases.append(('the first page has an introduction, and no link without an address',
                  [f'nothing links {page}' for page in
                   ('getting-started-c.html', 'promises.html', 'limits.html')
                   if f'<a href="{page}">' not in index.partition('<div class="meta info">')[0]] +
                  ([''] if 'href=""' in index else [])))

    cases.append(('the files that the READMEs link are there',
                  [problem for path in readmes for problem in check_readme(path)]))

    cases.append(('the packages to build with are those of debian/control',
                  check_packages(source)))

    print(f'1..{len(cases)}')
    for number, (name, wrong) in enumerate(cases, 1):
        print('not ok' if wrong else 'ok', number, '-', name)
        for line in wrong:
            print('#', line)
    for link in sorted(external):
        print('# leads out, and was not fetched:', link)
    return any(wrong for _, wrong in cases)


if __name__ == '__main__':
    sys.exit(main())
