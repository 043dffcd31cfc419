// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// A program in TypeScript. It is compiled, and then run with the path of a lock file.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';

/** Names the holder if the lock is not acquired in time. */
async function tryFor(lock: Lf.LockFile, timeout: number): Promise<Lf.LockHolder | null> {
    try {
        return await lock.with(() => null, {timeout, cancellable: new Gio.Cancellable()});
    } catch (e) {
        if (e instanceof Lf.LockError && e.matches(Lf.LockError, Lf.LockError.TIMED_OUT))
            return lock.query_holder_async();
        throw e;
    }
}

async function work(path: string): Promise<string> {
    const lock = new Lf.LockFile({path, timeout: 2.5, mode: Lf.LockMode.EXCLUSIVE});
    const other = Lf.LockFile.new(path);
    const pid = await lock.with(async held => {
        const holder = await tryFor(other, 0.05);
        return held.is_held() ? holder?.pid : undefined;
    });

    await other.acquire_async();
    await other.release_async(GLib.PRIORITY_DEFAULT, null);

    return pid === new Gio.Credentials().get_unix_pid() ? 'TypeScript has it' : `PID ${pid}`;
}

const loop = new GLib.MainLoop(null, false);

work(ARGV[0]).then(print, logError).finally(() => loop.quit());
loop.run();
