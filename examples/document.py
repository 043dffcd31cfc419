# SPDX-License-Identifier: LGPL-2.1-or-later

"""Edits a text document that nobody else edits. If another has it, it is read-only
until that one closes it, and Enter decides whether to wait for that. Lines that
are typed are added to the document; Ctrl-D saves and closes it, Ctrl-C does not
save.

    python3 document.py FILE
"""

import asyncio
import pathlib
import sys

import gi
gi.require_version('Lf', '1.0')
from gi.repository import Gio, GLib, Lf  # noqa: E402


class Document:
    def __init__(self, path):
        self.lock = Lf.LockFile.new_for_document(path)
        # Where the links lead to, if it is one: they stay
        self.file = self.lock.document
        self.input = None
        self.waiting = None
        self.closing = False
        self.text = ''

    async def run(self):
        self.input = await typed_lines()
        try:
            self.open()
            async for line in self.input:
                self.handle(line.decode())
            if self.lock.is_held():
                self.save()
        finally:
            self.closing = True
            if self.lock.is_held():
                self.lock.release()

    def open(self):
        try:
            self.lock.try_acquire()
            self.start_to_edit()
        except Lf.AlreadyLocked:
            self.load()
            self.show_read_only()

    def handle(self, line):
        if self.lock.is_held():
            self.text += line
        elif self.waiting:
            self.waiting.cancel()
        else:
            self.waiting = asyncio.create_task(self.wait())

    async def wait(self):
        print(f'Waiting for {self.describe_holder()}; Enter cancels', flush=True)
        try:
            await self.lock.acquire_async()
            self.start_to_edit()
        except asyncio.CancelledError:
            if not self.closing:
                self.show_read_only()
        except Exception as error:
            # Who reads the lines gets it
            self.input.set_exception(error)
        self.waiting = None

    def load(self):
        try:
            # Not read_text(): that is of the locale, and changes the ends of lines
            self.text = pathlib.Path(self.file.get_path()).read_bytes().decode()
        except FileNotFoundError:
            # It is a new one
            self.text = ''
        print(self.text, end='', flush=True)

    def describe_holder(self):
        holder = self.lock.query_holder()
        return holder.to_string() if holder else 'somebody'

    def show_read_only(self):
        print(f'Read-only, edited by {self.describe_holder()}; Enter waits', flush=True)

    def start_to_edit(self):
        # It has changed while another edited it
        self.load()
        print('Yours to edit', flush=True)

    def save(self):
        # By a new file in its place, with its permissions and owner
        self.file.replace_contents(self.text.encode(), None, False, Gio.FileCreateFlags.NONE, None)
        print('Saved', flush=True)


async def typed_lines():
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def main():
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).name:
        print(f'Usage: {sys.argv[0]} FILE', file=sys.stderr)
        return 2

    try:
        asyncio.run(Document(sys.argv[1]).run())
    except GLib.Error as error:
        return error.message
    except UnicodeDecodeError:
        return 'This is not a text in UTF-8'
    except (OSError, ValueError) as error:
        return str(error)
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
