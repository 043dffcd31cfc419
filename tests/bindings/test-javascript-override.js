// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// What the override for GJS adds. Only the case about Gio._promisify() calls that.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';

import {
    assertEqual, assertError, assertFalse, assertThrows, assertTrue, inAMoment, run, test,
} from './tap.js';

const OWN_PID = new Gio.Credentials().get_unix_pid();

/** Adds a case that gets two objects for one path. */
function testLock(name, body) {
    test(name, async directory => {
        const path = `${directory}/lock`;
        const locks = [Lf.LockFile.new(path), Lf.LockFile.new(path)];

        await body(...locks, path);
        locks.filter(lock => lock.is_held()).forEach(lock => lock.release());
    });
}

/** The error that the promise is rejected with. */
async function errorOf(promise) {
    try {
        await promise;
    } catch (e) {
        return e;
    }

    throw new Error('no error');
}

testLock('/override/promises', async (lock, other) => {
    assertTrue(await lock.acquire_async());
    assertEqual((await other.query_holder_async()).pid, OWN_PID);
    assertTrue(await lock.release_async());
    assertEqual(await other.query_holder_async(), null);
    assertTrue((await lock.acquire_guard_async()).get_lock_file() === lock);
    assertTrue(await lock.release_async(GLib.PRIORITY_LOW));
    assertTrue(await other.acquire_async(GLib.PRIORITY_LOW, null));
    assertTrue(await lock.is_locked_async());
    assertEqual(await lock.query_scope_async(), lock.query_scope());
    assertTrue(await lock.break_lock_async());
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED, () => other.release_async());
    assertFalse(await lock.is_locked_async(GLib.PRIORITY_LOW));
    assertTrue(await lock.acquire_with_timeout_async(0));
    assertTrue(await lock.release_async());
    assertTrue(await lock.acquire_with_timeout_async(2.5, GLib.PRIORITY_LOW, null));
});

testLock('/override/rejection', async (lock, other) => {
    other.acquire();
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => lock.acquire_with_timeout_async(0.05), lock.get_path());
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT,
        () => lock.acquire_with_timeout_async(NaN));
    lock.timeout = 0.05;
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => lock.acquire_async(), lock.get_path());
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK, () => lock.release_async());
});

testLock('/override/cancel', async (lock, other) => {
    const cancellable = new Gio.Cancellable();

    other.acquire();
    inAMoment(() => cancellable.cancel());
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.acquire_async(GLib.PRIORITY_DEFAULT, cancellable));
    assertFalse(lock.is_held());
});

async function acquireWithCallback(lock) {
    const [returned, result] = await new Promise(resolve => {
        const value = lock.acquire_async(GLib.PRIORITY_DEFAULT, null,
            (source, res) => resolve([value, source === lock && res]));
    });

    assertEqual(returned, undefined);
    assertTrue(lock.acquire_finish(result));
    assertTrue(lock.is_held());
}

testLock('/override/callback', async lock => {
    await acquireWithCallback(lock);
    lock.release();
    const [returned, result] = await new Promise(resolve => {
        const value = lock.acquire_with_timeout_async(0, GLib.PRIORITY_DEFAULT, null,
            (_lock, res) => resolve([value, res]));
    });
    assertEqual(returned, undefined);
    assertTrue(lock.acquire_finish(result));
});

testLock('/override/promisify-again', async lock => {
    for (const operation of [
        'acquire', 'acquire_guard', 'break_lock', 'is_locked', 'query_holder', 'release',
    ]) {
        Gio._promisify(Lf.LockFile.prototype, `${operation}_async`, `${operation}_finish`);
        Gio._promisify(Lf.LockFile.prototype, `${operation}_async`);
    }
    Gio._promisify(Lf.LockFile.prototype, 'acquire_with_timeout_async', 'acquire_finish');
    assertTrue(await lock.acquire_async());
    assertTrue(await lock.release_async(GLib.PRIORITY_DEFAULT, null));
    await acquireWithCallback(lock);
});

testLock('/override/cancellable', async (lock, other, path) => {
    const cancellable = new Gio.Cancellable();

    assertTrue(lock.acquire());
    assertEqual(other.query_holder().pid, OWN_PID);
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => other.acquire_with_timeout(0.05));
    lock.release();
    assertTrue(other.acquire_guard().get_lock_file() === other);
    cancellable.cancel();
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.acquire(cancellable));
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.acquire_with_timeout(0.05, cancellable));
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.acquire_guard_with_timeout(0.05, cancellable));
    for (const method of ['is_locked', 'break_lock']) {
        await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
            () => lock[method](cancellable));
    }
    assertThrows(TypeError, 'arguments', () => lock.acquire_with_timeout());
    assertThrows(TypeError, 'arguments', () => lock.acquire_guard_with_timeout());
    // GJS would take null for 0, which makes one attempt and does not wait
    for (const timeout of [null, 'soon']) {
        for (const set of [
            () => new Lf.LockFile({path, timeout}),
            () => new Lf.LockFile(path, {timeout}),
            () => lock.set_timeout(timeout),
            () => (lock.timeout = timeout),
            () => lock.acquire_with_timeout(timeout),
            () => lock.acquire_guard_with_timeout(timeout),
            () => lock.acquire_with_timeout_async(timeout),
        ])
            assertThrows(TypeError, 'number of seconds', set);
    }
    lock.timeout = 3;
    assertEqual(lock.timeout, 3);
    assertEqual(lock.get_timeout(), 3);
    lock.set_timeout(-1);
    assertEqual(lock.timeout, -1);

    for (const none of [undefined, null]) {
        assertTrue(other.acquire(none));
        assertTrue(other.acquire_with_timeout(0.05, none));
        assertTrue(other.acquire_guard(none).get_lock_file() === other);
        assertTrue(other.acquire_guard_with_timeout(0.05, none).get_lock_file() === other);
        assertEqual(lock.query_holder(none).pid, OWN_PID);
        assertTrue(lock.is_locked(none));
        assertTrue(Lf.LockFile.new(`${other.path}-free`).break_lock(none));
    }
    assertThrows(TypeError, 'Cancellable', () => other.acquire(lock));
});

testLock('/override/with/value', async (lock, other) => {
    const held = [];
    const value = await lock.with(async argument => {
        held.push(argument === lock, lock.is_held());
        await other.query_holder_async();
        held.push(lock.is_held());
        return 'value';
    });

    assertEqual(value, 'value');
    assertEqual(held, [true, true, true]);
    assertFalse(lock.is_held());
    assertTrue(other.try_acquire());
});

testLock('/override/with/not-async', async lock => {
    assertTrue(await lock.with(() => lock.is_held()));
    assertFalse(lock.is_held());
});

testLock('/override/with/throws', async (lock, other) => {
    const mistake = new RangeError('mistake');

    assertTrue(await errorOf(lock.with(() => {
        throw mistake;
    })) === mistake);
    assertFalse(lock.is_held());
    assertTrue(other.try_acquire());
});

testLock('/override/with/rejects', async (lock, other) => {
    const mistake = new RangeError('mistake');

    assertTrue(await errorOf(lock.with(async () => {
        await other.query_holder_async();
        throw mistake;
    })) === mistake);
    assertFalse(lock.is_held());
    assertTrue(other.try_acquire());
});

testLock('/override/with/not-a-function', async lock => {
    assertTrue(await errorOf(lock.with('nothing')) instanceof TypeError);
    assertFalse(lock.is_held());
});

testLock('/override/with/release-fails', (lock, other) =>
    assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED,
        () => lock.with(() => other.break_lock())));

// The release fails too, but the function's error is reported
testLock('/override/with/both-fail', async (lock, other) => {
    const mistake = new RangeError('mistake');

    assertTrue(await errorOf(lock.with(() => {
        other.break_lock();
        throw mistake;
    })) === mistake);
});

testLock('/override/with/waits', async (lock, other) => {
    other.acquire();
    inAMoment(() => other.release());
    assertFalse(await lock.with(() => other.is_held()));
});

// One after the other, first come, first served
testLock('/override/with/one-object', async lock => {
    const events = [];
    const work = name => lock.with(async () => {
        events.push(`${name} begins`);
        await new Promise(resolve => inAMoment(resolve));
        events.push(`${name} ends`);
    });

    await Promise.all([work('first'), work('second')]);
    assertEqual(events, ['first begins', 'first ends', 'second begins', 'second ends']);
});

testLock('/override/with/timeout', async (lock, other) => {
    let ran = false;
    const body = () => (ran = true);

    other.acquire();
    for (const timeout of [0.05, 0]) {
        const code = timeout > 0 ? Lf.LockError.TIMED_OUT : Lf.LockError.ALREADY_LOCKED;
        await assertError(Lf.LockError, code,
            () => lock.with(body, {timeout}), lock.get_path());
    }
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT,
        () => lock.with(body, {timeout: NaN}));
    assertEqual(lock.timeout, -1);
    assertFalse(ran);
});

// The property does not change during the call
testLock('/override/with/timeout-is-not-shown', async lock => {
    const shown = [];

    lock.connect('notify::timeout', () => shown.push(lock.timeout));
    await lock.with(() => null, {timeout: 2.5});
    assertEqual(shown, []);
});

testLock('/override/with/timeout-of-the-object', async (lock, other) => {
    lock.timeout = 0.05;
    other.acquire();
    for (const options of [undefined, {}, {timeout: undefined}, {cancellable: null}]) {
        await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
            () => lock.with(() => null, options));
    }
    inAMoment(() => other.release());
    assertTrue(await lock.with(() => lock.is_held(), {timeout: -1}));
    assertEqual(lock.timeout, 0.05);
});

// Each of these could cause an endless wait
testLock('/override/with/wrong-options', async (lock, other) => {
    other.acquire();
    for (const options of [{timeout: null}, {timeout: '1'}, {timout: 1}, {Timeout: 1}]) {
        const error = await errorOf(lock.with(() => null, options));
        assertTrue(error instanceof TypeError);
    }
    assertFalse(lock.is_held());
});

testLock('/override/with/cancel', async (lock, other) => {
    let ran = false;

    other.acquire();
    for (const options of [{}, {timeout: 5}]) {
        const cancellable = new Gio.Cancellable();

        inAMoment(() => cancellable.cancel());
        await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
            () => lock.with(() => (ran = true), {cancellable, ...options}));
    }
    assertFalse(ran);
    assertFalse(lock.is_held());
});

// A cancel ends only the wait, not the function, and the lock is released
testLock('/override/with/cancel-too-late', async (lock, other) => {
    const cancellable = new Gio.Cancellable();

    assertEqual(await lock.with(() => cancellable.cancel() ?? 'done', {cancellable}), 'done');
    assertFalse(lock.is_held());
    assertTrue(other.try_acquire());
});

testLock('/override/errors', async (lock, other, path) => {
    other.acquire();
    const locked = await errorOf(lock.with(() => null, {timeout: 0}));
    const notMine = await errorOf(lock.release_async());
    const notSupported = await errorOf(
        new Lf.LockFile({path, backend: Lf.Backend.LOCK_FILE_EX}).acquire_async());
    const domains = [Lf.LockError, Lf.UnlockError, Lf.BackendError];

    for (const error of [locked, notMine, notSupported])
        assertTrue(error instanceof GLib.Error);
    assertEqual(domains.map(domain => locked instanceof domain), [true, false, false]);
    assertEqual(domains.map(domain => notMine instanceof domain), [false, true, false]);
    assertEqual(domains.map(domain => notSupported instanceof domain), [false, false, true]);
    assertTrue(locked.matches(Lf.LockError, Lf.LockError.ALREADY_LOCKED));
    assertFalse(locked.matches(Lf.LockError, Lf.LockError.TIMED_OUT));
    assertFalse(locked.matches(Lf.UnlockError, Lf.LockError.ALREADY_LOCKED));
    assertTrue(notMine.matches(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK));
    assertTrue(notSupported.matches(Lf.BackendError, Lf.BackendError.NOT_SUPPORTED));
    // The error shows where the lock was waited for, not only where it failed
    assertTrue(locked.stack.includes('test-javascript-override.js'));
});

testLock('/override/construction', (_lock, _other, path) => {
    const file = Gio.File.new_for_path(path);

    for (const lock of [Lf.LockFile.new(path), new Lf.LockFile({path}), new Lf.LockFile(path),
        new Lf.LockFile(file), Lf.LockFile.new_for_file(file)]) {
        assertEqual(lock.path, path);
        assertTrue(lock instanceof Lf.LockFile);
    }
    assertEqual(new Lf.LockFile({path, timeout: 1.5}).timeout, 1.5);
    assertEqual(new Lf.LockFile().path, null);
    assertEqual(new Lf.LockFile(path, {timeout: 1.5}).timeout, 1.5);
    assertThrows(TypeError, 'NUL', () => new Lf.LockFile(`${path}\0`));
    for (const mistake of [null, 1, {timeout: undefined}])
        assertThrows(Error, 'object', () => new Lf.LockFile(mistake));

    // The caller's object does not change
    const properties = {path, timeout: 1.5};
    assertEqual([new Lf.LockFile(properties).timeout, properties.timeout], [1.5, 1.5]);
    assertThrows(Error, 'path', () => Lf.LockFile.new(undefined));
});

testLock('/override/text', (lock, other, path) => {
    assertEqual(`${lock}`, `[LockFile ${path}, not held]`);
    lock.acquire();
    assertEqual(String(lock), `[LockFile ${path}, held]`);
    assertEqual(`${other.query_holder()}`, other.query_holder().to_string());
});

testLock('/override/not-a-number', async (lock, other, path) => {
    const mistaken = new Lf.LockFile({path, timeout: NaN});

    lock.timeout = NaN;
    other.set_timeout(NaN);
    for (const mine of [mistaken, lock, other]) {
        assertTrue(Number.isNaN(mine.timeout));
        for (const acquire of [() => mine.acquire(), () => mine.acquire_async()]) {
            await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT,
                acquire, 'timeout');
        }
    }
    mistaken.timeout = Infinity;
    assertTrue(mistaken.acquire());
    mistaken.release();
});

testLock('/override/semaphore', async (_lock, _other, path) => {
    const semaphore = new Lf.Semaphore(path, 2, {timeout: 0});
    const second = new Lf.Semaphore({path, slots: 2});
    let inside = 0, most = 0;

    assertEqual([semaphore.path, semaphore.slots, semaphore.timeout], [path, 2, 0]);
    assertEqual(`${semaphore}`, `[Semaphore ${path}, 2 slots, not held]`);
    assertThrows(TypeError, 'NUL', () => Lf.Semaphore.new('x\0y', 2));
    assertEqual(await semaphore.with(held => `${held}`), `[Semaphore ${path}, 2 slots, slot 1]`);
    assertFalse(semaphore.held);

    assertTrue(await semaphore.acquire_async());
    assertTrue(second.acquire());
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => Lf.Semaphore.new(path, 2).with(() => {}, {timeout: 0.05}));
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => Lf.Semaphore.new(path, 2).acquire_with_timeout_async(0.05));
    assertTrue(await semaphore.release_async());
    second.release();

    await Promise.all([1, 2, 3, 4, 5].map(() => Lf.Semaphore.new(path, 2).with(async () => {
        most = Math.max(most, ++inside);
        await new Promise(resolve => inAMoment(resolve));
        inside--;
    })));
    assertEqual([inside, most], [0, 2]);
});

// The override is written for the interface, so it works for each class of locks
testLock('/override/lock', async (_lock, _other, path) => {
    for (const make of [() => Lf.LockFile.new(path), () => Lf.Semaphore.new(path, 1)]) {
        const lock = make(), other = make();

        assertEqual(await lock.with(held => held.is_held()), true);
        assertEqual(await Lf.Lock.prototype.with.call(lock, () => 3), 3);
        const guard = await lock.acquire_guard_async();
        assertTrue(guard.get_lock() === lock);
        await assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED,
            () => other.with(() => {}, {timeout: 0}));
        assertThrows(TypeError, 'seconds', () => (lock.timeout = null));
        assertThrows(TypeError, 'seconds', () => Lf.Lock.prototype.set_timeout.call(lock, null));
        guard.release();
        assertTrue(await Lf.Lock.prototype.acquire_async.call(lock));
        assertTrue(await Lf.Lock.prototype.release_async.call(lock));
        assertTrue(lock.acquire_guard().release());
    }

    await assertError(Lf.BackendError, Lf.BackendError.NOT_SUPPORTED,
        () => Lf.Semaphore.new(path, 1).query_holder_async());
});

const SCRIPTS = {
    'imports.gi': ['gjs', '-c', 'imports.gi.versions.Lf = "1.0"; const {Lf} = imports.gi;'],
    'gi': ['gjs', '-m', 'import Lf from "gi://Lf";'],
    'gi-version': ['gjs', '-m', 'import Lf from "gi://Lf?version=1.0";'],
};

// In a separate program, since this one has already imported it
for (const [name, [program, option, importLf]] of Object.entries(SCRIPTS)) {
    testLock(`/override/import/${name}`, (_lock, _other, path) => {
        const script = `${path}.js`;
        const source = `${importLf}
            const loop = new imports.gi.GLib.MainLoop(null, false);
            Lf.LockFile.new(ARGV[0]).with(lock => print(lock.is_held()))
                .catch(logError).finally(() => loop.quit());
            loop.run();`;

        GLib.file_set_contents(script, source);
        const argv = option === '-c' ? [program, '-c', source, path]
            : [program, option, script, path];
        const child = Gio.Subprocess.new(argv, Gio.SubprocessFlags.STDOUT_PIPE);
        const [, output] = child.communicate_utf8(null, null);
        assertTrue(child.get_successful());
        assertEqual(output, 'true\n');
    });
}

await run();
