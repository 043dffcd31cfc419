#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Translations: all messages have one, and an installed copy shows them."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from command_testing import PATIENCE, main

SOURCE = pathlib.Path(os.environ['LF_SOURCE_ROOT'])
PO = SOURCE / 'po'
BUILD_PATIENCE = 240

PROGRAM = '''
#include <locale.h>
#include <lockfile-glib/lockfile-glib.h>

int
main (int argc, char **argv)
{
  g_autoptr (LfLockFile) lock_file = lf_lock_file_new (argv[1]);
  g_autoptr (GError) error = NULL;

  if (argc > 2)
    setlocale (LC_ALL, "");
  if (!lf_lock_file_release (lock_file, &error))
    g_print ("%s\\n", error->message);

  return 0;
}
'''


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          **{'timeout': PATIENCE, **options}).stdout


def words_of(path):
    """The lines of a gettext file that are not comments."""
    lines = path.read_text(encoding='utf-8').splitlines()
    return [line for line in lines if line and not line.startswith('#')]


class Catalogs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='lockfile-glib-')
        self.addCleanup(directory.cleanup)
        self.template = f'{directory.name}/messages.pot'

    def test_files(self):
        """POTFILES.in lists exactly the files that have messages."""
        sources = [path for suffix in 'ch' for path in SOURCE.glob(f'lockfile-glib/**/*.{suffix}')]
        with_messages = [
            str(path.relative_to(SOURCE)) for path in sources
            if re.search(r'\bN?_ ?\("', path.read_text(encoding='utf-8'))]
        self.assertEqual(words_of(PO / 'POTFILES.in'), sorted(with_messages))
        self.assertGreater(len(with_messages), 10)

    def test_one_way(self):
        """Messages are translated by the library's own function, which knows the directory."""
        for path in SOURCE.glob('lockfile-glib/**/*.[ch]'):
            text = path.read_text(encoding='utf-8')
            self.assertNotIn('#include <glib/gi18n', text, path)

    def test_languages(self):
        self.assertEqual(words_of(PO / 'LINGUAS'), sorted(path.stem for path in PO.glob('*.po')))
        self.assertIn('de', words_of(PO / 'LINGUAS'))
        self.assertGreaterEqual(len(words_of(PO / 'LINGUAS')), 2)

    def test_complete(self):
        """Exactly the source's messages are translated, and none is fuzzy."""
        run('xgettext', '--from-code=UTF-8', '--keyword=_', '--keyword=N_', '--directory',
            str(SOURCE), '--output', self.template, *words_of(PO / 'POTFILES.in'))
        for path in PO.glob('*.po'):
            run('msgcmp', str(path), self.template)
            checked = subprocess.run(
                ['msgfmt', '--check', '--statistics', '--output-file=/dev/null', str(path)],
                check=True, capture_output=True, text=True, timeout=PATIENCE,
                env={**os.environ, 'LC_ALL': 'C'})
            self.assertRegex(checked.stderr, r'^\d+ translated messages\.\n$')
            text = path.read_text(encoding='utf-8')
            self.assertNotIn('#~', text)

    def test_update(self):
        """Adding a message does not change any other line of the catalogs."""
        def catalogs(source):
            return {path.name: re.sub('"POT-Creation-Date: .*', '', path.read_text('utf-8'))
                    for path in source.glob('po/*.po')}

        copy = pathlib.Path(self.template).parent / 'source'
        build = f'{copy}-build'
        run(SOURCE / 'tests/packages/copy-source', SOURCE, copy)
        run('meson', 'setup', build, copy, '-Dtests=false', '-Dexamples=false',
            '-Dintrospection=disabled', '-Dvapi=disabled', timeout=BUILD_PATIENCE)
        run('meson', 'compile', '-C', build, 'lockfile-glib-1.0-update-po')
        self.assertEqual(catalogs(copy), catalogs(SOURCE))


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix='lockfile-glib-')
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = temporary.name
        cls.prefix = f'{cls.directory}/prefix'
        cls.install('build', cls.prefix, '-Dcommand=enabled', '-Dnls=enabled')

        # In C.UTF-8, the C library translates nothing, and the machine may have no other
        # locale
        cls.locales = f'{cls.directory}/locales'
        os.mkdir(cls.locales)
        for locale, charset in [('de_DE', 'UTF-8'), ('es_ES', 'UTF-8'), ('de_DE', 'ISO-8859-1')]:
            run('localedef', '-i', locale, '-f', charset, f'{cls.locales}/{locale}.{charset}')

        with open(f'{cls.directory}/program.c', 'w', encoding='ascii') as program:
            program.write(PROGRAM)
        flags = run('pkg-config', '--cflags', '--libs', 'lockfile-glib-1.0', env={
            **os.environ, 'PKG_CONFIG_PATH': f'{cls.prefix}/lib/pkgconfig'}).split()
        cls.program = f'{cls.directory}/program'
        run('cc', '-o', cls.program, f'{cls.program}.c', *flags)

    @classmethod
    def install(cls, name, prefix, *options):
        build = f'{cls.directory}/{name}'
        run('meson', 'setup', build, str(SOURCE), f'--prefix={prefix}', '--libdir=lib',
            '-Dtests=false', '-Dexamples=false', '-Dintrospection=disabled', '-Dvapi=disabled',
            '-Dwerror=true', *options, timeout=BUILD_PATIENCE)
        run('meson', 'compile', '-C', build, timeout=BUILD_PATIENCE)
        run('meson', 'install', '-C', build, '--quiet', timeout=BUILD_PATIENCE)

    def environment(self, locale):
        environment = {name: value for name, value in os.environ.items()
                       if name != 'LANGUAGE' and not name.startswith('LC_')}
        return {**environment, 'LC_ALL': locale, 'LOCPATH': self.locales,
                'LD_LIBRARY_PATH': f'{self.prefix}/lib'}

    def lf_lock(self, locale, *arguments, encoding='utf-8', **variables):
        result = subprocess.run(
            [f'{self.prefix}/bin/lf-lock', *arguments], check=False, capture_output=True,
            timeout=PATIENCE, cwd=self.directory,
            env={**self.environment(locale), **variables})
        return (result.stdout + result.stderr).decode(encoding)

    def test_command(self):
        for locale, status, usage in [
                ('de_DE.UTF-8', 'x.lock: frei, denn die Datei gibt es nicht',
                 'Führt einen Befehl aus und hält dabei'),
                ('es_ES.UTF-8', 'x.lock: libre, pues el archivo no existe',
                 'Ejecuta una orden mientras tiene un'),
                ('C.UTF-8', 'x.lock: free, since the file does not exist',
                 'Runs a command while holding a lock.')]:
            self.assertEqual(self.lf_lock(locale, 'status', 'x.lock'), status + '\n')
            self.assertIn(usage, self.lf_lock(locale, 'run', '--help'))

    def test_language(self):
        """LANGUAGE determines the language, if there is a locale at all."""
        self.assertIn('libre', self.lf_lock('de_DE.UTF-8', 'status', 'x.lock', LANGUAGE='es'))
        self.assertIn('frei', self.lf_lock('es_ES.UTF-8', 'status', 'x.lock', LANGUAGE='de'))
        self.assertIn('free', self.lf_lock('C', 'status', 'x.lock', LANGUAGE='de'))

    def test_help_in_whole(self):
        """The whole help is translated, where that is possible."""
        output = self.lf_lock('de_DE.UTF-8', '--help')
        for word in ['BEFEHL', 'Befehle:', 'Die Sperre eines Halters entfernen',
                     'Die Version ausgeben', 'Dateisperren']:
            self.assertIn(word, output)
        output = self.lf_lock('de_DE.UTF-8', 'break', '--help')
        for word in ['PFAD', 'Entfernt die Sperre', 'Dieses Backend verwenden']:
            self.assertIn(word, output)

    def test_messages_of_the_library(self):
        """This includes messages that the command shows."""
        output = self.lf_lock('de_DE.UTF-8', 'run', 'x.lock', '--',
                              f'{self.prefix}/bin/lf-lock', 'run', '-n', 'x.lock', 'true')
        self.assertRegex(output, r'x\.lock ist schon gesperrt: gehalten von PID \d+ \(.*'
                                 r'lf-lock run -n x\.lock true\), Benutzer \S+, exklusiv, seit 2')

    def test_charset(self):
        output = self.lf_lock('de_DE.ISO-8859-1', 'none', encoding='iso-8859-1')
        self.assertIn('Es gibt keinen Befehl »none«', output)

    def test_program(self):
        """A program need not know about the library's translations."""
        for locale, expected in [('de_DE.UTF-8', 'Niemand hält die Sperre von x.lock'),
                                 ('es_ES.UTF-8', 'Nadie tiene el bloqueo de x.lock'),
                                 ('C.UTF-8', 'The lock of x.lock is not held')]:
            path = f'{self.directory}/x.lock'
            output = run(self.program, path, 'with-locale', env=self.environment(locale))
            self.assertEqual(output, expected.replace('x.lock', path) + '\n')
            # The program chooses the language
            output = run(self.program, path, env=self.environment(locale))
            self.assertEqual(output, f'The lock of {path} is not held\n')

    def test_files(self):
        for name in ['bin/lf-lock', 'share/man/man1/lf-lock.1',
                     'share/bash-completion/completions/lf-lock',
                     'share/zsh/site-functions/_lf-lock',
                     'share/fish/vendor_completions.d/lf-lock.fish',
                     'share/locale/de/LC_MESSAGES/lockfile-glib-1.0.mo',
                     'share/locale/es/LC_MESSAGES/lockfile-glib-1.0.mo']:
            self.assertTrue(os.path.exists(f'{self.prefix}/{name}'), name)
        manual_path = {**os.environ, 'MANPATH': f'{self.prefix}/share/man'}
        page = run('man', '-w', 'lf-lock', env=manual_path)
        self.assertEqual(page, f'{self.prefix}/share/man/man1/lf-lock.1\n')

    def test_left_out(self):
        """Without the command and translations, neither is installed, and messages work."""
        prefix = f'{self.directory}/plain'
        self.install('build-plain', prefix, '-Dcommand=disabled', '-Dnls=disabled')
        self.assertEqual(sorted(os.listdir(prefix)), ['include', 'lib'])
        path = f'{self.directory}/x.lock'
        output = run(self.program, path, 'with-locale', env={
            **self.environment('de_DE.UTF-8'), 'LD_LIBRARY_PATH': f'{prefix}/lib'})
        self.assertEqual(output, f'The lock of {path} is not held\n')


if __name__ == '__main__':
    sys.exit(main())
