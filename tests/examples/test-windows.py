# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The example with a window, as several processes on an X server of its own.

    test-windows.py SOURCE BUILD SCREENSHOTS LANGUAGE...

The tests type, and change between windows, as a user does. They read the text of the
banner from the output of --verbose. The cases have the names of the languages, which the
windows of a case have one after the other.
"""

import os
import subprocess
import sys

from examples_testing import ExampleTest, n_waiters, wait_until, run_as_tap

COMMANDS = {
    'c': lambda source, build: [f'{build}/document-window-c'],
    'python': lambda source, build: ['/usr/bin/python3', f'{source}/document-window.py'],
}
# Without a bus and a graphics card
ENVIRONMENT = {
    'GDK_BACKEND': 'x11', 'GSK_RENDERER': 'cairo', 'GSETTINGS_BACKEND': 'memory',
    'GTK_A11Y': 'none', 'NO_AT_BRIDGE': '1', 'G_DEBUG': '',
}
WIDTH = 480
DIRECTORY = '.*[Dd]irectory.*'


class Screen:
    """An X server with a free number, and what is done on it."""

    def __init__(self):
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            ['Xvfb', '-displayfd', str(writing), '-screen', '0', f'{3 * WIDTH}x300x24',
             '-nolisten', 'tcp'],
            pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with open(reading) as number:
            self.display = f':{number.readline().strip()}'

    def run(self, *command):
        """The command's output, or None if it has failed."""
        result = subprocess.run(command, env={**os.environ, 'DISPLAY': self.display},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return None if result.returncode else result.stdout

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Window:
    def __init__(self, screen, program, number):
        self.screen = screen
        self.program = program
        self.pid = program.pid
        self.id = None
        wait_until(self.find, 'the window')
        screen.run('xdotool', 'windowmove', '--sync', self.id, str(number * WIDTH), '10')

    def find(self):
        found = self.screen.run('xdotool', 'search', '--onlyvisible', '--all',
                                '--pid', str(self.pid), '--name', 'notes.txt')
        if found:
            self.id = found.decode().split()[0]
        return found

    def look(self):
        """Focuses the window, as a user does who looks at it."""
        self.screen.run('xdotool', 'windowfocus', '--sync', self.id)

    def keys(self, *keys):
        self.screen.run('xdotool', 'windowfocus', '--sync', self.id, 'key', *keys)

    def press(self, keys, done):
        """Presses keys until they have an effect: a button that has just appeared misses
        them."""
        def pressed():
            self.keys(keys)
            return done(0.5)
        wait_until(pressed, f'what {keys} does')

    def type(self, text):
        self.screen.run('xdotool', 'windowfocus', '--sync', self.id, 'type', text)

    def image(self):
        return self.screen.run('import', '-window', self.id, 'rgb:-')

    def shows_text(self):
        """Whether there is text in the lower part, which is otherwise white."""
        return len(set(self.screen.run(
            'import', '-window', self.id, '-crop', '200x60+20+200', 'rgb:-'))) > 1

    def expect_end(self):
        # GTK's warnings about the machine do not matter here
        self.program.expect_end(0, '(?s).*')


class Windows(ExampleTest):
    screenshots = None

    @classmethod
    def setUpClass(cls):
        cls.screen = Screen()
        cls.addClassCleanup(cls.screen.stop)
        cls.env = {**ExampleTest.env, **ENVIRONMENT, 'DISPLAY': cls.screen.display}

    def setUp(self):
        super().setUp()
        self.file = self.path('notes.txt', 'Milk\nBread\n')
        self.lock = os.path.join(self.directory, '.notes.txt.lock')

    def open(self, *lines, path=None):
        number = self.n_started
        program = self.start('document-window', '--verbose', path or self.file)
        # It asks again when it gets the focus, which on a busy machine comes late
        program.may_repeat = 'Open in another window'
        program.expect(*lines)
        return Window(self.screen, program, number)

    def cancel(self, window, holder):
        window.press('alt+c', window.program.has_line)
        window.program.expect('Cancelled', self.open_in(holder))

    def wait(self, window):
        window.keys('alt+e')
        self.expect_waiters(1)

    def open_first(self):
        return self.open('Yours to edit')

    def open_second(self, first, n_before=0, path=None):
        window = self.open(self.waits_for(first), path=path)
        self.expect_waiters(n_before + 1)
        return window

    def open_in(self, holder):
        return rf'Open in another window: PID {holder.pid} \(\S+\)'

    def waits_for(self, holder):
        return (r'Open in another window\. Waiting to edit\.'
                rf': PID {holder.pid} \(\S+\)')

    def expect_waiters(self, number):
        wait_until(lambda: n_waiters(self.lock) == number, 'the wait')

    def expect_editable(self, window):
        window.program.expect('Yours to edit')

    def save(self, window):
        window.keys('ctrl+s')
        window.program.expect('Saved')

    def close(self, window, *lines):
        window.keys('ctrl+w')
        window.program.expect(*lines)
        window.expect_end()

    def make_directory(self):
        os.remove(self.file)
        os.mkdir(self.file)

    def take_screenshot(self):
        area = f'{2 * WIDTH}x300+0+0'
        path = self.screenshots + '.png'
        self.assertIsNotNone(self.screen.run(
            'import', '-window', 'root', '-crop', area, '-trim', path))

    def test_alone(self):
        window = self.open_first()
        window.type('Typed')
        self.save(window)
        self.assert_content(self.file, 'Milk\nBread\nTyped')
        window.type(' again')
        self.close(window, 'Saved')
        self.assert_content(self.file, 'Milk\nBread\nTyped again')
        self.assertEqual(os.listdir(self.directory), ['notes.txt'])

    def test_new(self):
        os.remove(self.file)
        window = self.open_first()
        window.type('Typed')
        self.close(window, 'Saved')
        self.assert_content(self.file, 'Typed')

    def test_second_gets_it(self):
        first = self.open_first()
        first.type('Butter')
        second = self.open_second(first)
        second.type('Not accepted')
        self.take_screenshot()
        # This does not save, since nothing has changed
        second.keys('ctrl+s')
        self.assert_content(self.file, 'Milk\nBread\n')

        self.close(first, 'Saved')
        self.expect_editable(second)
        second.type(' and apples')
        self.close(second, 'Saved')
        self.assert_content(self.file, 'Milk\nBread\nButter and apples')
        self.assertEqual(os.listdir(self.directory), ['notes.txt'])

    def test_two_names(self):
        link = os.path.join(self.directory, 'link')
        os.symlink('notes.txt', link)
        os.chmod(self.file, 0o600)
        first = self.open('Yours to edit', path=link)
        first.type('Butter')
        second = self.open_second(first)
        self.close(first, 'Saved')
        self.expect_editable(second)
        second.type(' and apples')
        self.close(second, 'Saved')
        self.assert_content(self.file, 'Milk\nBread\nButter and apples')
        self.assertEqual(os.readlink(link), 'notes.txt')
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)

    def test_no_document(self):
        os.remove(self.file)
        os.symlink('notes.txt', self.file)
        window = self.open('Cannot resolve the path of document .*/notes.txt: .*')
        window.keys('alt+e')
        window.type('Not accepted')
        self.close(window)

    def test_cancel(self):
        first = self.open_first()
        second = self.open_second(first)
        self.cancel(second, first)
        self.expect_waiters(0)

        self.close(first)
        # It queries the holder when a user looks at it, not periodically
        self.assertFalse(second.program.has_line(2))
        second.look()
        second.program.expect('No longer open elsewhere')
        second.type('Not accepted')
        self.close(second)
        self.assert_content(self.file, 'Milk\nBread\n')

    def test_wait_again(self):
        first = self.open_first()
        second = self.open_second(first)
        self.cancel(second, first)
        self.expect_waiters(0)
        self.wait(second)
        second.program.expect(self.waits_for(first))
        first.type('Butter')
        self.close(first, 'Saved')
        self.expect_editable(second)
        second.type(' and apples')
        self.save(second)
        self.assert_content(self.file, 'Milk\nBread\nButter and apples')
        self.close(second)

    def test_third_sees_the_second(self):
        first = self.open_first()
        second = self.open_second(first)
        third = self.open_second(first, 1)
        # In any order, since the lock file is removed. So let only one wait
        self.cancel(third, first)
        self.expect_waiters(1)
        self.close(first)
        self.expect_editable(second)
        third.look()
        third.program.expect(self.open_in(second))
        self.wait(third)
        third.program.expect(self.waits_for(second))
        self.close(second)
        self.expect_editable(third)

    def test_main_loop_goes_on(self):
        first = self.open_first()
        second = self.open_second(first)
        before = second.image()
        self.assertTrue(before)
        wait_until(lambda: second.image() != before, 'the spinner to turn')
        self.cancel(second, first)

    def test_crash(self):
        first = self.open_first()
        first.type('Not saved')
        second = self.open_second(first)
        first.program.process.kill()
        self.expect_editable(second)
        second.type('Second')
        self.close(second, 'Saved')
        self.assert_content(self.file, 'Milk\nBread\nSecond')

    def test_close_while_waiting(self):
        first = self.open_first()
        second = self.open_second(first)
        self.close(second)
        self.expect_waiters(0)
        first.type('Butter')
        self.save(first)
        self.assert_content(self.file, 'Milk\nBread\nButter')

    def test_not_a_text(self):
        with open(self.file, 'wb') as file:
            file.write(b'\xff\xfe')
        # A document that cannot be edited does not stay locked
        for _ in range(2):
            self.open('This is not a text in UTF-8')
            wait_until(lambda: not os.path.exists(self.lock), 'the release')
        with open(self.file, 'rb') as file:
            self.assertEqual(file.read(), b'\xff\xfe')

    def test_no_lock(self):
        os.mkfifo(self.lock)
        self.path('notes.txt', 'Milk\n' * 30)
        window = self.open('.*/.notes.txt.lock is not a lock file, but a FIFO')
        wait_until(window.shows_text, 'the text')
        # There is nothing to wait for
        window.keys('alt+e')
        window.type('Not accepted')
        self.close(window)

    def test_gives_up_after_a_wait(self):
        first = self.open_first()
        second = self.open_second(first)
        self.make_directory()
        self.close(first)
        second.program.expect(DIRECTORY)
        # The message stays
        second.look()
        self.assertFalse(second.program.has_line(1.5))
        self.close(second)

    def test_save_fails(self):
        window = self.open_first()
        window.type('Typed')
        self.make_directory()
        window.keys('ctrl+w')
        window.program.expect(DIRECTORY)
        # The window is still open, with the typed text
        os.rmdir(self.file)
        self.save(window)
        self.assert_content(self.file, 'Milk\nBread\nTyped')

        # The message had disappeared, since it appears again
        self.make_directory()
        window.type(' again')
        window.keys('ctrl+s')
        window.program.expect(DIRECTORY)
        window.press('alt+d', window.program.has_line)
        window.expect_end()
        self.assertEqual(os.listdir(self.directory), ['notes.txt'])
        self.assertEqual(os.listdir(self.file), [])

    def test_close_while_saving(self):
        # This takes a while
        self.path('notes.txt', 'Milk and bread\n' * 500000)
        window = self.open_first()
        window.type('Typed')
        window.keys('ctrl+s', 'ctrl+w')
        window.program.expect('Saved')
        window.expect_end()

    def test_usage(self):
        for arguments in [], ['/']:
            program = self.start('document-window', *arguments)
            program.expect_end(2, r'(?s)((?!CRITICAL).)*Which file\? See --help\.\n')


def main():
    source, build, screenshots, *languages = sys.argv[1:]
    Windows.languages = languages
    Windows.screenshots = os.path.join(screenshots, 'window-' + '-'.join(languages))
    for language in languages:
        Windows.commands['document-window', language] = COMMANDS[language](source, build)
    return run_as_tap('/examples/' + '-'.join(languages))


if __name__ == '__main__':
    sys.exit(main())
