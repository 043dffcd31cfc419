// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Appends lines to a file, without lines of other programs between them. While another
// program writes, this one waits in a queue: first come, first served.
//
//   gjs -m append-in-turn.js FILE [LINES [SECONDS]]     3 lines, 1 second after each

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

const me = `PID ${new Gio.Credentials().get_unix_pid()}`;

async function appendLines(path, nLines, seconds) {
    const stream = Gio.File.new_for_path(path).append_to(Gio.FileCreateFlags.NONE, null);

    for (let i = 1; i <= nLines; i++) {
        stream.write_all(`${me}, line ${i} of ${nLines}\n`, null);
        await new Promise(resolve => setTimeout(resolve, seconds * 1000));
    }
    stream.close(null);
}

async function work(path, nLines = 3, seconds = 1) {
    // The file itself can be the lock, since no program replaces it
    const lock = Lf.LockFile.new(path);
    const holder = lock.query_holder();
    if (holder)
        print(`${me} waits for ${holder.to_string()}`);

    await lock.with(async () => {
        print(`${me} has the lock`);
        await appendLines(path, Number(nLines), Number(seconds));
        print(`${me} is done`);
    });
}

const areNumbers = (nLines = '3', seconds = '1') =>
    /^[0-9]+$/.test(nLines) && /^[0-9]+(\.[0-9]+)?$/.test(seconds);

if (ARGV.length < 1 || ARGV.length > 3 || !areNumbers(...ARGV.slice(1))) {
    printerr('Usage: gjs -m append-in-turn.js FILE [LINES [SECONDS]]');
    System.exit(2);
}

// Not a top-level await: during one, GJS 1.74 keeps the processor busy
const loop = new GLib.MainLoop(null, false);
let status = 0;
work(...ARGV).catch(error => {
    printerr(error.message);
    status = 1;
}).finally(() => loop.quit());
loop.run();
System.exit(status);
