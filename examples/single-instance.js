// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Runs once for each user, until Ctrl-C. A second instance prints which process is
// already running, and exits with status 1.
//
//   gjs -m single-instance.js

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

// Returns true if this is the only instance; otherwise names the other one
function start(lock) {
    try {
        return lock.try_acquire();
    } catch (error) {
        if (!error.matches?.(Lf.LockError, Lf.LockError.ALREADY_LOCKED))
            throw error;

        // It may have ended by now, or not be visible from here
        const pid = lock.query_holder()?.get_pid();
        printerr(pid ? `Already running as PID ${pid}` : 'Already running');
        return false;
    }
}

const lock = Lf.LockFile.new(
    GLib.build_filenamev([GLib.get_user_runtime_dir(), 'lockfile-glib-example.lock']));

try {
    if (!start(lock))
        System.exit(1);
} catch (error) {
    printerr(error.message);
    System.exit(1);
}

print(`Running as PID ${new Gio.Credentials().get_unix_pid()}`);
// The kernel releases the lock when the process ends, in whatever way
new GLib.MainLoop(null, false).run();
