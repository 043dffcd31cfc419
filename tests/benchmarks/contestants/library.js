// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// This library, from GJS: library.js BACKEND MANNER PATH
//
// The commands are those of contestant.c. GJS's clock only has microseconds, so "cycle"
// answers with means of ten.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';

const [backend, manner, path] = ARGV;
const lockFile = new Lf.LockFile({
    path,
    backend: Lf.Backend[backend.toUpperCase().replace('-', '_')],
    remove_on_release: manner.includes('remove'),
});
const context = GLib.MainContext.default();
const now = () => GLib.get_monotonic_time() * 1000;
const MEAN_OF = 10;

function acquireInLoop() {
    let done = false;

    lockFile.acquire_async(GLib.PRIORITY_DEFAULT, null, (object, result) => {
        lockFile.acquire_finish(result);
        done = true;
    });
    while (!done)
        context.iteration(true);
}

const acquire = manner.includes('async') ? acquireInLoop : () => lockFile.acquire(null);
const release = () => lockFile.release();

function cycles(count) {
    const before = now();

    for (let i = 0; i < count; i++) {
        acquire();
        release();
    }

    return Math.round((now() - before) / count);
}

function obey(command, argument) {
    if (command === 'acquire') {
        acquire();
        return [now()];
    } else if (command === 'release') {
        const before = now();
        release();
        return [before];
    } else if (command === 'cycle') {
        const length = Math.ceil(Number(argument) / MEAN_OF);
        cycles(MEAN_OF);
        return Array.from({ length }, () => cycles(MEAN_OF));
    }
    throw new Error(`No such command: ${command}`);
}

// Since GLib 2.80 this is in a namespace of its own, and GJS warns about the old name
let UnixInputStream;
try {
    UnixInputStream = imports.gi.GioUnix.InputStream;
} catch {
    UnixInputStream = Gio.UnixInputStream;
}

const input = new Gio.DataInputStream({
    base_stream: new UnixInputStream({ fd: 0, close_fd: false }),
});

for (let [line] = input.read_line_utf8(null); line !== null; [line] = input.read_line_utf8(null))
    print(obey(...line.split(' ')).join(' '));
