// SPDX-License-Identifier: LGPL-2.1-or-later

// Queues for a lock file while its main loop goes on, and says how that goes.
//
//   gjs -m take-turns.js PATH SECONDS     SECONDS is how long to hold the lock

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

Gio._promisify(Lf.LockFile.prototype, 'acquire_async');
Gio._promisify(Lf.LockFile.prototype, 'query_holder_async');

const me = `JavaScript (PID ${new Gio.Credentials().get_unix_pid()})`;

const loop = new GLib.MainLoop(null, false);
let status = 0;

function fail(error) {
    printerr(`${me}: ${error.message}`);
    status = 1;
    loop.quit();
}

async function tellHolder(lock) {
    const holder = await lock.query_holder_async(GLib.PRIORITY_DEFAULT, null);

    // It may be our turn by now, or the lock on its way to the next
    if (!lock.is_held())
        print(`${me} waits for ${holder?.to_string() ?? 'its turn'}`);
}

async function queue(lock, holdSeconds) {
    const start = GLib.get_monotonic_time();
    let ticks = 0;

    const ticking = setInterval(() => {
        // Who has not got it after 50 ms wants to know why
        ticks++;
        if (ticks === 5)
            tellHolder(lock).catch(fail);
    }, 10);

    try {
        await lock.acquire_async(GLib.PRIORITY_DEFAULT, null);
    } finally {
        clearInterval(ticking);
    }
    const waited = (GLib.get_monotonic_time() - start) / GLib.USEC_PER_SEC;
    print(`${me} has the lock after ${waited.toFixed(2)} s ` +
        `(its main loop ran ${ticks} times meanwhile)`);

    await new Promise(resolve => setTimeout(resolve, holdSeconds * 1000));

    // Said before: afterwards the next one may be faster in saying that it has it
    print(`${me} releases it`);
    lock.release();
}

if (ARGV.length !== 2) {
    printerr('Usage: gjs -m take-turns.js PATH SECONDS');
    System.exit(1);
}

// Not a top-level await: during one, GJS 1.74 keeps the processor busy
queue(Lf.LockFile.new(ARGV[0]), Number(ARGV[1])).then(() => loop.quit(), fail);
loop.run();
System.exit(status);
