// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// What the override for GJS adds to locks in etcd. The arguments are tests/bindings/tap.js and
// the URI of a lock, to which each case adds a name.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

const [tap, uri] = System.programArgs;
const {
    assertEqual, assertError, assertFalse, assertThrows, assertTrue, run, test,
} = await import(`file://${tap}`);

test('/etcd-javascript/constructor', () => {
    const lock = new Lf.RemoteLock(`${uri}-1`, {
        timeout: 2.5, lease_duration: 7, user: 'job', password: 'secret',
    });

    assertEqual([lock.uri, lock.timeout, lock.lease_duration, lock.user],
        [`${uri}-1`, 2.5, 7, 'job']);
    assertEqual(`${lock}`, `[RemoteLock ${uri}-1, not held]`);
    assertEqual(new Lf.RemoteLock({uri}).lease_duration, 15);
    for (const wrong of ['x', 'etcd://host', '']) {
        assertThrows(GLib.Error, 'URI', () => new Lf.RemoteLock(wrong));
        assertThrows(GLib.Error, 'URI', () => Lf.RemoteLock.new(wrong));
    }
    assertThrows(TypeError, 'NUL', () => new Lf.RemoteLock(`${uri}\0x`));
    assertThrows(TypeError, 'number', () => new Lf.RemoteLock(uri, {timeout: null}));
    assertThrows(TypeError, 'number', () => (lock.timeout = '1'));
});

test('/etcd-javascript/with', async () => {
    const [lock, other] = [0, 1].map(() => new Lf.RemoteLock(`${uri}-2`));
    const tokens = [];

    for (let i = 0; i < 3; i++) {
        tokens.push(await lock.with(async held => {
            assertTrue(held === lock && lock.held && lock.remaining > 0);
            assertEqual(`${lock}`, `[RemoteLock ${uri}-2, held]`);
            await assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED,
                () => other.with(() => null, {timeout: 0}), uri);
            assertTrue(await other.is_locked_async());
            return lock.fencing_token;
        }, {timeout: 9}));
    }

    assertTrue(tokens[0] > 0 && tokens[1] > tokens[0] && tokens[2] > tokens[1]);
    assertEqual(lock.fencing_token, 0);
    assertEqual(await other.query_holder_async(), null);
    assertFalse(lock.is_locked());
});

test('/etcd-javascript/promises', async () => {
    const [lock, other] = [0, 1].map(() => new Lf.RemoteLock(`${uri}-3`));

    assertTrue(await lock.acquire_async());
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => other.acquire_with_timeout_async(0.05), uri);
    assertEqual((await other.query_holder_async()).pid, new Gio.Credentials().get_unix_pid());

    const lost = new Promise(resolve => lock.connect('lost', resolve));
    assertTrue(await other.break_lock_async());
    await lost;
    assertFalse(lock.held);

    assertTrue((await other.acquire_guard_async()).get_lock() === other);
    assertTrue(await other.release_async(GLib.PRIORITY_LOW));
});

await run();
