# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The example programs, each run as several competing processes.

    test-examples.py SOURCE BUILD LANGUAGE...

The processes of a case have these languages, one after the other: the same cases test
each language by itself, and all of them together.
"""

import fcntl
import os
import stat
import sys

from examples_testing import PATIENCE, ExampleTest, n_waiters, wait_until, run_as_tap

# A message in one line, for users
PLAIN_ERROR = r'(?!g-|.*-CRITICAL|.*Error: ).+\n'
NO_DIRECTORY = 'Cannot open lock file {}: Not a directory\n'
USAGE = 'Usage: .*\n'

NAMES = ['append-in-turn', 'document', 'readers-writers', 'single-instance']
LANGUAGES = {
    'c': lambda source, build, name: [f'{build}/{name}-c'],
    'vala': lambda source, build, name: [f'{build}/{name}-vala'],
    'python': lambda source, build, name: ['/usr/bin/python3', f'{source}/{name}.py'],
    'javascript': lambda source, build, name: ['gjs', '-m', f'{source}/{name}.js'],
}


class SingleInstance(ExampleTest):
    def start(self):
        return super().start('single-instance')

    def start_first(self):
        program = self.start()
        program.expect(f'Running as PID {program.pid}')
        return program

    def expect_second(self, first):
        self.start().expect_end(1, f'Already running as PID {first.pid}\n')

    def test_says_who_runs(self):
        first = self.start_first()
        for _ in range(4):
            self.expect_second(first)

    def test_after_ctrl_c(self):
        first = self.start_first()
        first.ctrl_c()
        first.expect_end(130)
        self.expect_second(self.start_first())

    def test_after_a_crash(self):
        first = self.start_first()
        first.process.kill()
        first.expect_end(137)
        self.expect_second(self.start_first())

    def test_one_of_a_crowd(self):
        crowd = [self.start() for _ in range(8)]
        running = [program for program in crowd if program.line()]
        self.assertEqual(len(running), 1)
        for program in crowd:
            if program not in running:
                program.expect_end(1, f'Already running as PID {running[0].pid}\n')


class AppendInTurn(ExampleTest):
    def setUp(self):
        super().setUp()
        self.file = self.path('log')

    def start(self, n_lines, seconds):
        return super().start('append-in-turn', self.file, n_lines, seconds)

    def lines_of(self, programs, n_lines):
        return ''.join(f'PID {program.pid}, line {i} of {n_lines}\n'
                       for program in programs for i in range(1, n_lines + 1))

    def queue_up(self, n_programs, n_lines):
        """Starts programs one after the other, each one when the one before waits."""
        queue = []
        for i in range(n_programs):
            program = self.start(n_lines, 0.02)
            program.expect(rf'PID {program.pid} waits for PID {os.getpid()} \(.*\)')
            wait_until(lambda: n_waiters(self.file) == i + 1, 'a place in the queue')
            queue.append(program)
        return queue

    def expect_work(self, program):
        program.expect(f'PID {program.pid} has the lock', f'PID {program.pid} is done')
        program.expect_end()

    def test_first_come_first_served(self):
        with open(self.file) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            queue = self.queue_up(6, 3)
            self.assert_content(self.file, '')
        for program in queue:
            self.expect_work(program)
        self.assert_content(self.file, self.lines_of(queue, 3))

    def test_ctrl_c_in_the_queue(self):
        with open(self.file) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            queue = self.queue_up(3, 2)
            gone = queue.pop(1)
            gone.ctrl_c()
            gone.expect_end(130)
        for program in queue:
            self.expect_work(program)
        self.assert_content(self.file, self.lines_of(queue, 2))

    def test_ctrl_c_at_work(self):
        first = self.start(1, 1000)
        first.expect(f'PID {first.pid} has the lock')
        wait_until(lambda: os.stat(self.file).st_size > 0, 'its first line')
        second = self.start(2, 0)
        second.expect(rf'PID {second.pid} waits for PID {first.pid} \(.*\)')
        first.ctrl_c()
        first.expect_end(130)
        self.expect_work(second)
        self.assert_content(self.file, self.lines_of([first], 1) + self.lines_of([second], 2))

    def test_nobody_between(self):
        crowd = [self.start(5, 0.01) for _ in range(8)]
        for program in crowd:
            while program.line():
                pass
            program.expect_end()

        with open(self.file) as file:
            order = [int(line.split()[1].rstrip(',')) for line in file]
        blocks = order[::5]
        self.assertCountEqual(blocks, [program.pid for program in crowd])
        self.assertEqual(order, [pid for pid in blocks for _ in range(5)])

    def test_usage(self):
        for arguments in [], ['three'], ['3x'], ['-3'], ['1.5'], [3, 'one'], [3, '-1'], [3, 1, 1]:
            file = [self.file] if arguments else []
            super().start('append-in-turn', *file, *arguments).expect_end(2, USAGE)
        self.assert_content(self.file, '')

    def test_no_directory(self):
        path = self.path('file') + '/none'
        super().start('append-in-turn', path).expect_end(1, NO_DIRECTORY.format(path))


class Document(ExampleTest):
    def setUp(self):
        super().setUp()
        self.file = self.path('notes.txt', 'Before\n')
        self.lock = os.path.join(self.directory, '.notes.txt.lock')

    def start(self, path=None):
        return super().start('document', path or self.file)

    def start_first(self, *text, path=None):
        program = self.start(path)
        program.expect(*text, 'Yours to edit')
        return program

    def start_second(self, first, path=None):
        program = self.start(path)
        program.expect('Before', self.read_only(first))
        return program

    def link_to_it(self):
        os.mkdir(self.path_to('elsewhere'))
        link = self.path_to('elsewhere/link')
        os.symlink('../notes.txt', link)
        return link

    def read_only(self, holder):
        return rf'Read-only, edited by PID {holder.pid} \(.*\); Enter waits'

    def wait_for(self, holder, program, n_before=0):
        program.type('\n')
        program.expect(rf'Waiting for PID {holder.pid} \(.*\); Enter cancels')
        wait_until(lambda: n_waiters(self.lock) == n_before + 1, 'a place in the queue')

    def save_and_close(self, program):
        program.end_of_input()
        program.expect('Saved')
        program.expect_end()

    def test_alone(self):
        first = self.start_first('Before')
        first.type('After\n')
        self.save_and_close(first)
        self.assert_content(self.file, 'Before\nAfter\n')
        self.assertEqual(os.listdir(self.directory), ['notes.txt'])

    def test_new(self):
        os.remove(self.file)
        first = self.start_first()
        first.type('New\n')
        self.save_and_close(first)
        self.assert_content(self.file, 'New\n')

    def test_second_gets_it(self):
        first = self.start_first('Before')
        second = self.start_second(first)
        self.wait_for(first, second)
        first.type('First\n')
        self.save_and_close(first)
        second.expect('Before', 'First', 'Yours to edit')
        second.type('Second\n')
        self.save_and_close(second)
        self.assert_content(self.file, 'Before\nFirst\nSecond\n')
        self.assertEqual(os.listdir(self.directory), ['notes.txt'])

    def test_two_names(self):
        """A link is a name of the document: only one program edits it, and it stays a link."""
        link = self.link_to_it()
        for paths in (link, self.file), (self.file, link):
            self.path('notes.txt', 'Before\n')
            first = self.start_first('Before', path=paths[0])
            second = self.start_second(first, paths[1])
            self.wait_for(first, second)
            first.type('First\n')
            self.save_and_close(first)
            second.expect('Before', 'First', 'Yours to edit')
            second.type('Second\n')
            self.save_and_close(second)
            self.assert_content(self.file, 'Before\nFirst\nSecond\n')
            self.assertEqual(os.readlink(link), '../notes.txt')
            self.assertEqual(sorted(os.listdir(self.directory)), ['elsewhere', 'notes.txt'])
            self.assertEqual(os.listdir(self.path_to('elsewhere')), ['link'])

    def test_new_behind_a_link(self):
        os.remove(self.file)
        link = self.link_to_it()
        first = self.start_first(path=link)
        first.type('New\n')
        self.save_and_close(first)
        self.assert_content(self.file, 'New\n')
        self.assertEqual(os.readlink(link), '../notes.txt')

    def test_permissions(self):
        """The permissions and the owner do not change."""
        owner = (65534, 65533) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        for _ in self.languages:
            for mode in 0o600, 0o664:
                self.path('notes.txt', 'Before\n')
                os.chown(self.file, *owner)
                os.chmod(self.file, mode)
                program = self.start_first('Before')
                program.type('After\n')
                self.save_and_close(program)
                self.assert_content(self.file, 'Before\nAfter\n')
                status = os.stat(self.file)
                self.assertEqual((status.st_uid, status.st_gid), owner)
                self.assertEqual(stat.S_IMODE(status.st_mode), mode)

    def test_cancel_and_wait_again(self):
        first = self.start_first('Before')
        second = self.start_second(first)
        self.wait_for(first, second)
        second.type('\n')
        second.expect(self.read_only(first))
        wait_until(lambda: n_waiters(self.lock) == 0, 'the end of the wait')
        self.wait_for(first, second)
        self.save_and_close(first)
        second.expect('Before', 'Yours to edit')
        self.save_and_close(second)

    def test_closes_without_the_lock(self):
        first = self.start_first('Before')
        not_waiting = self.start_second(first)
        waiting = self.start_second(first)
        self.wait_for(first, waiting)
        for program in not_waiting, waiting:
            program.end_of_input()
            program.expect_end()
        wait_until(lambda: n_waiters(self.lock) == 0, 'the end of the wait')
        self.save_and_close(first)
        self.start_first('Before')

    def test_ctrl_c(self):
        first = self.start_first('Before')
        second = self.start_second(first)
        self.wait_for(first, second)
        first.type('Not saved\n')
        first.ctrl_c()
        first.expect_end(130)
        second.expect('Before', 'Yours to edit')
        second.ctrl_c()
        second.expect_end(130)
        self.assert_content(self.file, 'Before\n')
        self.assertEqual(os.listdir(self.directory), ['notes.txt'])

    def test_many_wait(self):
        first = self.start_first('Before')
        waiting = []
        for i in range(4):
            program = self.start_second(first)
            self.wait_for(first, program, i)
            waiting.append(program)
        self.save_and_close(first)
        # In any order, since the lock file is removed, but one at a time
        while waiting:
            wait_until(lambda: any(program.has_line() for program in waiting), 'the next one')
            [next_one] = [program for program in waiting if program.has_line()]
            waiting.remove(next_one)
            while next_one.line() != 'Yours to edit':
                pass
            next_one.type(f'{next_one.pid}\n')
            self.save_and_close(next_one)
        with open(self.file) as file:
            self.assertEqual(len(file.readlines()), 5)

    def replace_by_a_directory(self):
        os.remove(self.file)
        os.mkdir(self.file)

    def expect_failure(self, program, errors=PLAIN_ERROR):
        program.expect_end(1, errors)
        self.assertEqual(os.listdir(self.directory), ['notes.txt'])

    def test_unreadable(self):
        self.replace_by_a_directory()
        self.expect_failure(self.start())

    def test_unreadable_after_a_wait(self):
        first = self.start_first('Before')
        second = self.start_second(first)
        self.wait_for(first, second)
        self.replace_by_a_directory()
        first.ctrl_c()
        first.expect_end(130)
        self.expect_failure(second)

    def test_cannot_be_saved(self):
        first = self.start_first('Before')
        self.replace_by_a_directory()
        first.type('Not saved\n')
        first.end_of_input()
        self.expect_failure(first)

    def test_not_a_text(self):
        self.path('notes.txt', 'Caf\udce9\n')
        first = self.start()
        first.end_of_input()
        self.expect_failure(first, 'This is not a text in UTF-8\n')
        self.assert_content(self.file, 'Caf\udce9\n')

    def test_not_a_text_is_typed(self):
        first = self.start_first('Before')
        first.type('Caf\udce9\n')
        first.end_of_input()
        self.expect_failure(first)
        self.assert_content(self.file, 'Before\n')

    def test_strange_texts(self):
        for text in '\ufeffWith a mark\n', 'Of Windows\r\n\r\n', 'Null\0and more\n':
            self.path('notes.txt', text)
            program = self.start()
            program.end_of_input()
            while program.line():
                pass
            # Either refused, or shown and saved unchanged
            program.process.wait(PATIENCE)
            self.assert_content(self.file, text)

    def test_no_directory(self):
        super().start('document', self.file + '/none/notes').expect_end(
            1, f'Cannot resolve the path of document {self.file}/none/notes: Not a directory\n')

    def test_nowhere(self):
        link = self.path_to('link')
        os.symlink('link', link)
        self.start(link).expect_end(1, PLAIN_ERROR)

    def test_usage(self):
        for arguments in [], ['/'], [self.file, self.file]:
            super().start('document', *arguments).expect_end(2, USAGE)


class ReadersWriters(ExampleTest):
    def setUp(self):
        super().setUp()
        self.file = self.path('notes.txt', 'old\n')

    def read(self, seconds=60):
        return self.start('readers-writers', self.file, seconds)

    def write(self, text, seconds=60):
        return self.start('readers-writers', self.file, seconds, text)

    def expect_waiters(self, number):
        wait_until(lambda: n_waiters(self.file) == number, 'the wait')

    def enter(self, *programs):
        for program in programs:
            program.type('\n')
            program.expect_end()

    def test_readers_share(self):
        readers = [self.read() for _ in range(4)]
        for reader in readers:
            reader.expect(f'PID {reader.pid} reads: old')
        self.enter(*readers)

    def test_writer_waits_for_readers(self):
        readers = [self.read() for _ in range(3)]
        for reader in readers:
            reader.expect(f'PID {reader.pid} reads: old')
        writer = self.write('new')
        self.expect_waiters(1)
        self.enter(*readers[:2])
        # The list may miss one while others come and go; once it reads, it no longer waits
        self.expect_waiters(1)
        self.enter(readers[2])
        writer.expect(f'PID {writer.pid} writes: new')
        self.enter(writer)
        self.assert_content(self.file, 'new\n')

    def test_all_wait_for_a_writer(self):
        writer = self.write('new')
        writer.expect(f'PID {writer.pid} writes: new')
        # The readers must not see this state
        self.assert_content(self.file, '')
        readers = [self.read() for _ in range(3)]
        self.expect_waiters(3)
        second = self.write('newer')
        self.expect_waiters(4)
        self.enter(writer)
        for reader in readers:
            reader.expect(f'PID {reader.pid} reads: new')
        self.enter(*readers)
        second.expect(f'PID {second.pid} writes: newer')
        self.enter(second)
        self.assert_content(self.file, 'newer\n')

    def test_gives_up(self):
        reader = self.read()
        reader.expect(f'PID {reader.pid} reads: old')
        for seconds, what in ((0, f'{self.file} is locked already'),
                              (0.2, f'Timed out waiting to lock {self.file}')):
            self.write('new', seconds).expect_end(
                1, rf'{what}(: held by PID {reader.pid} \(.*\))?\n')
        self.enter(reader)
        self.assert_content(self.file, 'old\n')

    def test_crowd(self):
        readers = [self.read() for _ in range(6)]
        writers = [self.write(text) for text in ('one', 'two', 'three')]
        for program in readers + writers:
            program.end_of_input()
        for program in readers:
            program.expect(f'PID {program.pid} reads: (old|one|two|three)')
            program.expect_end()
        for program in writers:
            program.expect(f'PID {program.pid} writes: .*')
            program.expect_end()

    def test_ctrl_c(self):
        writer = self.write('new')
        writer.expect(f'PID {writer.pid} writes: new')
        waiting = self.read()
        self.expect_waiters(1)
        waiting.ctrl_c()
        waiting.expect_end(130)
        next_one = self.read()
        self.expect_waiters(1)
        writer.ctrl_c()
        writer.expect_end(130)
        next_one.expect(f'PID {next_one.pid} reads: ')
        self.enter(next_one)

    def test_not_a_text(self):
        self.path('notes.txt', 'Caf\udce9\n')
        reader = self.read()
        reader.expect(f'PID {reader.pid} reads: Caf.')
        self.enter(reader)

    def test_no_directory(self):
        self.file = self.path('file') + '/none'
        self.read().expect_end(1, NO_DIRECTORY.format(self.file))

    def test_usage(self):
        programs = [self.start('readers-writers', self.file)]
        for seconds in 'sixty', '60s', '-1', 'nan', '':
            programs += [self.read(seconds), self.write('new', seconds)]
        for program in programs:
            program.end_of_input()
            program.expect_end(2, USAGE)
        self.assert_content(self.file, 'old\n')


def main():
    source, build, *ExampleTest.languages = sys.argv[1:]
    for language in ExampleTest.languages:
        for name in NAMES:
            ExampleTest.commands[name, language] = LANGUAGES[language](source, build, name)
    return run_as_tap('/examples/' + '-'.join(ExampleTest.languages))


if __name__ == '__main__':
    sys.exit(main())
