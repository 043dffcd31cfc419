// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Reads a file together with other readers, or writes it alone. Both keep the lock until
// you press Enter, and give up if they have not got it after SECONDS.
//
//   gjs -m readers-writers.js FILE SECONDS            reads
//   gjs -m readers-writers.js FILE SECONDS TEXT       writes

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');

// Since GLib 2.80 this is in a namespace of its own, and GJS warns about the old name
let UnixInputStream;
try {
    UnixInputStream = imports.gi.GioUnix.InputStream;
} catch {
    UnixInputStream = Gio.UnixInputStream;
}

const me = `PID ${new Gio.Credentials().get_unix_pid()}`;

function enterPressed() {
    const input = new Gio.DataInputStream({base_stream: new UnixInputStream({fd: 0})});
    return input.read_line_async(GLib.PRIORITY_DEFAULT, null);
}

async function readFile(file) {
    const [, contents] = file.load_contents(null);

    print(`${me} reads: ${new TextDecoder().decode(contents).trimEnd()}`);
    await enterPressed();
}

async function writeFile(file, text) {
    const stream = file.open_readwrite(null);
    stream.truncate(0, null);

    // Without the lock, a reader would now find the file empty
    print(`${me} writes: ${text}`);
    await enterPressed();

    stream.get_output_stream().write_all(`${text}\n`, null);
    stream.close(null);
}

async function work(path, seconds, text) {
    const mode = text === undefined ? Lf.LockMode.SHARED : Lf.LockMode.EXCLUSIVE;
    const lock = new Lf.LockFile({path, mode, timeout: Number(seconds)});
    const file = Gio.File.new_for_path(path);

    await lock.with(() => text === undefined ? readFile(file) : writeFile(file, text));
}

const isNumber = seconds => /^[0-9]+(\.[0-9]+)?$/.test(seconds);

if ((ARGV.length !== 2 && ARGV.length !== 3) || !isNumber(ARGV[1])) {
    printerr('Usage: gjs -m readers-writers.js FILE SECONDS [TEXT]');
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
