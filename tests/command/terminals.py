# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Programs at a terminal, as a user sees them."""

import os
import pty
import re
import select
import signal

from command_testing import PATIENCE


class Terminal:
    """A program with a terminal of its own."""

    def __init__(self, *command, **environment):
        self.output = ''
        self.status = None
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(command[0], command, {**os.environ, **environment})
            finally:
                os._exit(127)

    def type(self, keys):
        os.write(self.descriptor, keys.encode())

    def read(self):
        """Waits for more output. Returns False at the end of the output."""
        if not select.select([self.descriptor], [], [], PATIENCE)[0]:
            raise AssertionError(f'Nothing more has come:\n{self.output}')
        try:
            self.output += os.read(self.descriptor, 65536).decode()
            return True
        except OSError:
            # On Linux, this means that no process has the other end open
            return False

    def expect(self, pattern):
        """Waits for output that matches, and consumes the output up to there."""
        while (match := re.search(pattern, self.output)) is None:
            if not self.read():
                raise AssertionError(f'{pattern} is not in:\n{self.output}')
        self.output = self.output[match.end():]
        return match

    def wait(self):
        """Waits until the program ends. Returns the exit status, or minus the signal's
        number."""
        while self.read():
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def hang_up(self):
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def close(self):
        """Ends the program, if necessary; the hang-up ends its children."""
        self.hang_up()
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
