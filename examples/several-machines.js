// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Appends lines to a file, as append-in-turn does, but under a lock in etcd, so that programs
// on several machines take turns. Each line has the token of its turn: later turns have higher
// tokens.
//
//   gjs -m several-machines.js etcd://HOST:PORT/NAME FILE [LINES [SECONDS]]

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

const me = `PID ${new Gio.Credentials().get_unix_pid()}`;

function appendLine(path, line) {
    const stream = Gio.File.new_for_commandline_arg(path).append_to(Gio.FileCreateFlags.NONE, null);
    stream.write_all(line, null);
    stream.close(null);
}

async function work(uri, path, nLines = '3', seconds = '1') {
    const lock = Lf.RemoteLock.new(uri);
    let loss = null;

    // If etcd cannot be reached for long, for example
    lock.connect('lost', (_lock, reason) => (loss = reason));

    await lock.with(async () => {
        print(`${me} has the lock`);
        for (let i = 1; i <= Number(nLines) && !loss; i++) {
            appendLine(path, `${me}, token ${lock.fencing_token}, line ${i} of ${nLines}\n`);
            await new Promise(resolve => setTimeout(resolve, Number(seconds) * 1000));
        }
        if (loss)
            throw loss;
        print(`${me} is done`);
    });
}

const areNumbers = (nLines = '3', seconds = '1') =>
    /^[0-9]+$/.test(nLines) && /^[0-9]+(\.[0-9]+)?$/.test(seconds);

if (ARGV.length < 2 || ARGV.length > 4 || !areNumbers(...ARGV.slice(2))) {
    printerr('Usage: gjs -m several-machines.js etcd://HOST:PORT/NAME FILE [LINES [SECONDS]]');
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
