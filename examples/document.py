# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Edits a text document, which no other program can edit at the same time. If another
program edits it, the document is read-only until that program closes it. Press Enter
to wait for that. Lines that you type are added to the document; Ctrl-D saves and
closes it, Ctrl-C closes it without saving.

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
        # The real document, so that symbolic links to it stay
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
            # The coroutine that reads the lines raises it
            self.input.set_exception(error)
        self.waiting = None

    def load(self):
        try:
            # Not read_text(), which uses the locale's encoding, and changes line ends
            self.text = pathlib.Path(self.file.get_path()).read_bytes().decode()
        except FileNotFoundError:
            # The document does not exist yet
            self.text = ''
        print(self.text, end='', flush=True)

    def describe_holder(self):
        holder = self.lock.query_holder()
        return holder.to_string() if holder else 'somebody'

    def show_read_only(self):
        print(f'Read-only, edited by {self.describe_holder()}; Enter waits', flush=True)

    def start_to_edit(self):
        # Another program may have changed it
        self.load()
        print('Yours to edit', flush=True)

    def save(self):
        # Replaces the file, and keeps its permissions and owner
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
