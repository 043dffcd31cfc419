// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// The library from JavaScript. test-python.py and test-vala.vala have cases with the same
// names, as far as the languages allow.
//
//   gjs -m test-javascript.js [plain]     plain: without the override, which must then not
//                                         be found

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

import {
    assertEqual, assertError, assertFalse, assertThrows, assertTrue, inAMoment, run, test,
} from './tap.js';

// With the override this does nothing
for (const operation of [
    'acquire', 'acquire_guard', 'break_lock', 'is_locked', 'query_holder', 'release',
])
    Gio._promisify(Lf.LockFile.prototype, `${operation}_async`, `${operation}_finish`);
Gio._promisify(Lf.LockFile.prototype, 'acquire_with_timeout_async', 'acquire_finish');
for (const operation of ['acquire', 'release'])
    Gio._promisify(Lf.Semaphore.prototype, `${operation}_async`, `${operation}_finish`);

const PRIORITY = GLib.PRIORITY_DEFAULT;
const PLAIN = ARGV[0] === 'plain';
const OWN_PID = new Gio.Credentials().get_unix_pid();

/** Adds a case that gets two objects for one path. */
function testLock(name, body) {
    test(name, async directory => {
        const path = `${directory}/lock`;
        const locks = [Lf.LockFile.new(path), Lf.LockFile.new(path)];

        await body(...locks, path);
        // Otherwise the objects hold their locks until the garbage collection
        locks.filter(lock => lock.is_held()).forEach(lock => lock.release());
    });
}

function pathExists(path) {
    return GLib.file_test(path, GLib.FileTest.EXISTS);
}

test('/override', () => assertEqual('with' in Lf.LockFile.prototype, !PLAIN));

testLock('/sync/acquire-and-release', (lock, other, path) => {
    assertFalse(lock.is_held());
    assertFalse(lock.is_locked(null));
    assertEqual(lock.get_fd(), -1);
    assertTrue(lock.acquire(null));
    assertTrue(lock.is_held());
    assertTrue(lock.is_locked(null));
    assertTrue(lock.get_fd() >= 0);
    assertEqual(GLib.file_read_link(`/proc/self/fd/${lock.get_fd()}`), path);
    assertFalse(other.is_held());
    assertTrue(other.is_locked(null));
    assertTrue(lock.release());
    assertFalse(lock.is_held());
    assertFalse(lock.is_locked(null));
    assertEqual(lock.get_fd(), -1);
});

testLock('/sync/acquire-twice', (lock, other) => {
    lock.acquire(null);
    assertTrue(lock.acquire(null));
    assertTrue(lock.try_acquire());
    lock.release();
    assertFalse(lock.is_held());
    assertTrue(other.try_acquire());
});

testLock('/sync/break-lock', async (lock, other) => {
    lock.acquire(null);
    assertTrue(other.break_lock(null));
    assertTrue(other.try_acquire());
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK, () => lock.release());
    assertFalse(lock.is_held());
    assertTrue(other.release());
});

// An error is not mistaken for a free lock
testLock('/sync/is-locked', async lock => {
    const cancellable = new Gio.Cancellable();

    assertFalse(lock.is_locked(cancellable));
    cancellable.cancel();
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.is_locked(cancellable));
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.break_lock(cancellable));
});

// The timeout of one call does not change the property
testLock('/sync/timeouts', async (lock, other) => {
    const {ALREADY_LOCKED, TIMED_OUT} = Lf.LockError;

    assertTrue(lock.acquire_with_timeout(0, null));
    for (const [timeout, code] of [[0, ALREADY_LOCKED], [0.05, TIMED_OUT]]) {
        await assertError(Lf.LockError, code,
            () => other.acquire_with_timeout(timeout, null), lock.get_path());
        await assertError(Lf.LockError, code,
            () => other.acquire_guard_with_timeout(timeout, null), lock.get_path());
    }
    assertEqual(other.timeout, -1);
});

test('/sync/version', () => {
    const version = [Lf.get_major_version(), Lf.get_minor_version(), Lf.get_micro_version()];

    assertEqual(version, [Lf.MAJOR_VERSION, Lf.MINOR_VERSION, Lf.MICRO_VERSION]);
    assertEqual(Lf.VERSION_STRING, version.join('.'));
    assertEqual(Lf.check_version(...version), null);
    assertTrue(Lf.check_version(version[0], version[1] + 1, 0).includes('too old'));
});

testLock('/async/callback', async lock => {
    const result = await new Promise(resolve => {
        lock.acquire_async(PRIORITY, null, (source, res) => resolve([source === lock, res]));
        assertFalse(lock.is_held());
    });

    assertTrue(result[0]);
    assertTrue(lock.acquire_finish(result[1]));
    assertTrue(lock.is_held());
});

testLock('/async/await', async (lock, other) => {
    assertTrue(await lock.acquire_async(PRIORITY, null));
    assertTrue(lock.is_held());
    inAMoment(() => lock.release());
    assertTrue(await other.acquire_async(PRIORITY, null));
    assertFalse(lock.is_held());
});

testLock('/async/release', async (lock, other) => {
    lock.acquire(null);
    assertTrue(await lock.release_async(PRIORITY, null));
    assertFalse(lock.is_held());
    assertTrue(other.try_acquire());
});

testLock('/async/query-holder', async (lock, other) => {
    assertEqual(await lock.query_holder_async(PRIORITY, null), null);
    other.acquire(null);
    assertEqual((await lock.query_holder_async(PRIORITY, null)).get_pid(), OWN_PID);
});

// The timeout of one call affects neither the property nor other claims
testLock('/async/timeout', async (lock, other) => {
    const {ALREADY_LOCKED, TIMED_OUT} = Lf.LockError;
    const changes = [];

    lock.connect('notify::timeout', () => changes.push(lock.timeout));
    other.acquire(null);
    for (const [timeout, code] of [[0, ALREADY_LOCKED], [0.05, TIMED_OUT]]) {
        const cancellable = new Gio.Cancellable();
        const claim = lock.acquire_with_timeout_async(timeout, PRIORITY, null);
        const patient = lock.acquire_async(PRIORITY, cancellable);

        await assertError(Lf.LockError, code, () => claim, lock.get_path());
        cancellable.cancel();
        await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED, () => patient);
    }
    assertEqual(changes, []);
    other.release();
    assertTrue(await lock.acquire_with_timeout_async(-1, PRIORITY, null));
});

testLock('/async/is-locked', async (lock, other) => {
    const cancellable = new Gio.Cancellable();

    assertFalse(await lock.is_locked_async(PRIORITY, null));
    other.acquire(null);
    assertTrue(await lock.is_locked_async(PRIORITY, null));
    cancellable.cancel();
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.is_locked_async(PRIORITY, cancellable));
});

testLock('/async/break-lock', async (lock, other) => {
    other.acquire(null);
    assertTrue(await lock.break_lock_async(PRIORITY, null));
    assertTrue(lock.try_acquire());
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK, () => other.release());
});

testLock('/async/loop-keeps-running', async (lock, other) => {
    const ticks = [];

    other.acquire(null);
    const claim = lock.acquire_async(PRIORITY, null);
    GLib.timeout_add(PRIORITY, 2, () => {
        ticks.push(lock.is_held());
        if (ticks.length === 5)
            other.release();
        return ticks.length < 5;
    });
    assertTrue(await claim);
    assertEqual(ticks, [false, false, false, false, false]);
});

testLock('/async/shared-object', async lock => {
    const order = [];
    const claim = async name => {
        await lock.acquire_async(PRIORITY, null);
        order.push(name);
    };
    const first = claim('first');
    const second = claim('second');

    await first;
    inAMoment(() => order.push(lock.release() && 'release'));
    await second;
    assertEqual(order, ['first', 'release', 'second']);
    assertTrue(lock.is_held());
});

testLock('/async/cancel', async (lock, other) => {
    const cancellable = new Gio.Cancellable();

    other.acquire(null);
    inAMoment(() => cancellable.cancel());
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.acquire_async(PRIORITY, cancellable));
    assertFalse(lock.is_held());
    other.release();
    assertFalse(lock.is_locked(null));
});

testLock('/errors/already-locked', async (lock, other) => {
    other.acquire(null);
    await assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED,
        () => lock.try_acquire(), lock.get_path());
});

testLock('/errors/timed-out', async (lock, other) => {
    other.acquire(null);
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => lock.acquire_with_timeout(0.05, null), lock.get_path());
    lock.timeout = 0.05;
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => lock.acquire_async(PRIORITY, null), lock.get_path());
});

testLock('/errors/would-deadlock', async (lock, other) => {
    other.acquire(null);
    await assertError(Lf.LockError, Lf.LockError.WOULD_DEADLOCK, () => lock.acquire(null));
});

testLock('/errors/not-locked', async lock => {
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED,
        () => lock.release_async(PRIORITY, null));
    lock.acquire(null);
    lock.release();
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED, () => lock.release());
});

testLock('/errors/not-my-lock', async (lock, other) => {
    other.acquire(null);
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK,
        () => lock.release(), `PID ${OWN_PID}`);
    assertTrue(other.is_held());
});

testLock('/errors/not-supported', async (_lock, _other, path) => {
    const lock = new Lf.LockFile({path, backend: Lf.Backend.LOCK_FILE_EX});

    await assertError(Lf.BackendError, Lf.BackendError.NOT_SUPPORTED, () => lock.acquire(null));
});

test('/errors/invalid-lock-file', async directory => {
    const link = `${directory}/link`;
    const acquire = (path, backend) => Lf.LockFile.new_with_backend(path, backend).acquire(null);

    Gio.File.new_for_path(link).make_symbolic_link('lock', null);
    // FLOCK can lock a directory
    await assertError(Lf.BackendError, Lf.BackendError.INVALID_LOCK_FILE,
        () => acquire(directory, Lf.Backend.FCNTL), directory);
    await assertError(Lf.BackendError, Lf.BackendError.INVALID_LOCK_FILE,
        () => acquire(link, Lf.Backend.FLOCK), link);
});

test('/errors/not-found', async directory => {
    const lock = Lf.LockFile.new(`${directory}/missing/lock`);

    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND, () => lock.acquire(null));
});

testLock('/errors/pending', async (lock, other) => {
    other.acquire(null);
    const claim = lock.acquire_async(PRIORITY, null);

    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.PENDING, () => lock.acquire(null));
    other.release();
    assertTrue(await claim);
});

testLock('/errors/cancelled', async lock => {
    const cancellable = new Gio.Cancellable();

    cancellable.cancel();
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED,
        () => lock.acquire(cancellable));
    assertFalse(lock.is_locked(null));
});

test('/errors/invalid-filename', async () => {
    const empty = Lf.LockFile.new('');
    const remote = Lf.LockFile.new_for_file(Gio.File.new_for_uri('no-such-scheme://host/lock'));

    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_FILENAME,
        () => empty.acquire(null));
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_FILENAME,
        () => remote.acquire(null));
});

testLock('/errors/invalid-argument', async lock => {
    await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT,
        () => lock.acquire_with_timeout(NaN, null));
});

testLock('/notify/sync', async (lock, other) => {
    const events = [];

    lock.connect('notify::held', () => events.push(lock.held));
    lock.acquire(null);
    assertEqual(events, [true]);
    lock.acquire(null);
    lock.release();
    assertEqual(events, [true, false]);
    other.acquire(null);
    await assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED, () => lock.try_acquire());
    assertEqual(events, [true, false]);
});

testLock('/notify/async', async (lock, other) => {
    const events = [];

    lock.connect('notify::held', () => events.push(lock.held));
    other.acquire(null);
    inAMoment(() => other.release());
    await new Promise(resolve => {
        lock.acquire_async(PRIORITY, null, (_lock, acquired) => {
            events.push(lock.acquire_finish(acquired) && 'acquired');
            lock.release_async(PRIORITY, null, (__lock, released) => {
                events.push(lock.release_finish(released) && 'released');
                resolve();
            });
        });
    });
    assertEqual(events, [true, 'acquired', false, 'released']);
});

testLock('/held/verify', async (lock, other, path) => {
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED, () => lock.verify());
    lock.acquire(null);
    assertTrue(lock.verify());
    Gio.File.new_for_path(path).move(
        Gio.File.new_for_path(`${path}.away`), Gio.FileCopyFlags.NONE, null, null);
    other.acquire(null);
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK, () => lock.verify());
    assertFalse(lock.is_held());
    assertTrue(other.verify());
    GLib.unlink(`${path}.away`);
});

testLock('/held/lost', async (lock, _other, path) => {
    lock.monitor = true;
    lock.acquire(null);
    const reason = await new Promise(resolve => {
        lock.connect('lost', (_lock, error) => resolve(error));
        GLib.unlink(path);
    });
    assertTrue(reason.matches(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED));
    assertFalse(lock.is_held());
});

testLock('/held/waiting', async (lock, other) => {
    lock.notice_delay = 0.01;
    other.acquire(null);
    const holder = await new Promise(resolve => {
        lock.connect('waiting', (_lock, who) => resolve(who));
        lock.acquire_async(GLib.PRIORITY_DEFAULT, null, (_lock, result) => {
            lock.acquire_finish(result);
        });
    });
    assertEqual(holder.get_pid(), OWN_PID);
    other.release();
    while (!lock.is_held())
        GLib.MainContext.default().iteration(true);
});

const DEFAULTS = {
    'mode': Lf.LockMode.EXCLUSIVE, 'timeout': -1, 'remove_on_release': false,
    'create_parents': false, 'durable': true, 'file_mode': 0o666, 'poll_interval': 0.5,
    'monitor': false, 'notice_delay': -1,
};
const OTHERS = {
    'mode': Lf.LockMode.SHARED, 'timeout': 1.5, 'remove_on_release': true,
    'create_parents': true, 'durable': false, 'file_mode': 0o600, 'poll_interval': 0.25,
    'monitor': true, 'notice_delay': 0.75,
};

function assertProperties(lock, values) {
    for (const [name, value] of Object.entries(values)) {
        assertEqual(lock[name], value);
        assertEqual(lock[`get_${name}`](), value);
    }
}

testLock('/properties/defaults', (lock, _other, path) => {
    assertProperties(lock, DEFAULTS);
    assertProperties(lock, {path, 'backend': Lf.Backend.FLOCK});
    assertFalse(lock.held);
});

testLock('/properties/construction', (_lock, _other, path) => {
    const lock = new Lf.LockFile({path, 'backend': Lf.Backend.SYMLINK, ...OTHERS});

    assertProperties(lock, OTHERS);
    assertProperties(lock, {path, 'backend': Lf.Backend.SYMLINK});
});

testLock('/properties/setters', lock => {
    let notified = [];

    lock.connect('notify', (_lock, pspec) => notified.push(pspec.name.replaceAll('-', '_')));
    for (const [name, value] of Object.entries(OTHERS)) {
        notified = [];
        lock[`set_${name}`](DEFAULTS[name]);
        assertEqual(notified, []);
        lock[`set_${name}`](value);
        lock[name] = value;
        assertEqual(notified, [name]);
        assertProperties(lock, {[name]: value});
        lock[name] = DEFAULTS[name];
        assertEqual(notified, [name, name]);
    }
    assertProperties(lock, DEFAULTS);
});

test('/properties/absolute-path', () => {
    assertEqual(Lf.LockFile.new('relative.lock').path, `${GLib.get_current_dir()}/relative.lock`);
});

testLock('/properties/mode', async (lock, other) => {
    lock.mode = Lf.LockMode.SHARED;
    other.mode = Lf.LockMode.SHARED;
    lock.acquire(null);
    assertTrue(other.try_acquire());
    // For the next acquire
    other.mode = Lf.LockMode.EXCLUSIVE;
    assertEqual(other.mode, Lf.LockMode.EXCLUSIVE);
    const third = new Lf.LockFile({path: lock.path, mode: Lf.LockMode.SHARED});
    assertTrue(third.try_acquire());
    third.release();
    other.release();
    await assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED, () => other.try_acquire());
});

test('/properties/files', directory => {
    const kept = Lf.LockFile.new(`${directory}/lock`);
    const lock = new Lf.LockFile({
        path: `${directory}/a/b/lock`, createParents: true, removeOnRelease: true,
        fileMode: 0o600,
    });

    lock.acquire(null);
    const info = lock.get_file().query_info(Gio.FILE_ATTRIBUTE_UNIX_MODE,
        Gio.FileQueryInfoFlags.NONE, null);
    assertEqual(info.get_attribute_uint32(Gio.FILE_ATTRIBUTE_UNIX_MODE) & 0o7777, 0o600);
    lock.release();
    assertFalse(pathExists(lock.path));
    kept.acquire(null);
    kept.release();
    assertTrue(pathExists(kept.path));
});

test('/properties/backends', () => {
    assertTrue(Lf.Backend.is_supported(Lf.Backend.AUTO));
    assertTrue(Lf.Backend.is_supported(Lf.Backend.FLOCK));
    assertFalse(Lf.Backend.is_supported(Lf.Backend.LOCK_FILE_EX));
});

testLock('/holder/free', lock => {
    assertEqual(lock.query_holder(null), null);
    lock.acquire(null);
    lock.release();
    assertEqual(lock.query_holder(null), null);
});

testLock('/holder/own', (lock, other) => {
    lock.acquire(null);
    for (const holder of [lock.query_holder(null), other.query_holder(null)]) {
        assertEqual(holder.pid, OWN_PID);
        assertEqual(holder.host, GLib.get_host_name());
        assertEqual(holder.application, 'gjs-console');
        assertEqual(holder.to_string(), `PID ${OWN_PID} (gjs-console)`);
    }
});

testLock('/holder/other-process', async (lock, _other, path) => {
    const flock = Gio.Subprocess.new(['flock', path, '-c', 'echo held; read x'],
        Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE);
    const output = Gio.DataInputStream.new(flock.get_stdout_pipe());
    const pid = Number(flock.get_identifier());

    assertEqual(output.read_line_utf8(null)[0], 'held');
    const holder = lock.query_holder(null);
    assertEqual(holder.get_pid(), pid);
    assertEqual(holder.get_host(), GLib.get_host_name());
    assertEqual(holder.get_application(), 'flock');
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK,
        () => lock.release(), `PID ${pid}`);
    await assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
        () => lock.acquire_with_timeout(0.05, null), lock.get_path());
    flock.get_stdin_pipe().close(null);
    flock.wait(null);
    assertEqual(lock.query_holder(null), null);
});

// A guard lives until the garbage collection, so it is of little use here
testLock('/drop/guard', (lock, other) => {
    const guard = lock.acquire_guard(null);

    assertTrue(guard.get_lock_file() === lock);
    assertTrue(lock.is_held());
    lock.release();
    assertTrue(other.try_acquire());
});

testLock('/drop/guard-too-late', lock => {
    // In a separate function, after which nothing refers to the guard
    const acquireAndRelease = () => lock.acquire_guard(null).get_lock_file().release();

    acquireAndRelease();
    lock.acquire(null);
    System.gc();
    assertTrue(lock.is_held());
});

// It reports errors, and the guard's end then does nothing
testLock('/drop/guard-release', async (lock, other) => {
    const events = [];

    lock.connect('notify::held', () => events.push(lock.held));
    const guard = lock.acquire_guard_with_timeout(-1, null);
    assertTrue(guard.release());
    assertEqual(events, [true, false]);
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED, () => guard.release());

    const broken = lock.acquire_guard(null);
    other.break_lock(null);
    other.acquire(null);
    await assertError(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK,
        () => broken.release(), `PID ${OWN_PID}`);
    assertFalse(lock.is_held());
});

// In a separate program, to see what GJS prints if something calls back then
testLock('/drop/guard-is-garbage', (_lock, _other, path) => {
    const source = `
        imports.gi.versions.Lf = "1.0";
        const {GLib, Lf} = imports.gi;
        const lock = Lf.LockFile.new(ARGV[0]);
        const acquire = () => lock.acquire_guard(null).get_lock_file().is_held();
        const held = [];

        lock.connect("notify::held", () => held.push(lock.held));
        for (let i = 0; i < 3; i++) {
            held.push(acquire());
            imports.system.gc();
            held.push(lock.held);
        }
        print(held);`;
    const child = Gio.Subprocess.new(['gjs', '-c', source, path],
        Gio.SubprocessFlags.STDOUT_PIPE | Gio.SubprocessFlags.STDERR_PIPE);
    const [, output, errors] = child.communicate_utf8(null, null);

    assertEqual(errors, '');
    assertEqual(output, `${Array(3).fill('true,true,false')}\n`);
});

testLock('/drop/guard-async', async (lock, other) => {
    const guard = await lock.acquire_guard_async(PRIORITY, null);

    assertTrue(guard.get_lock_file().is_held());
    lock.release();
    assertTrue(other.try_acquire());
});

testLock('/drop/last-reference', (_lock, other, path) => {
    // In a separate function, after which nothing refers to the object
    const acquire = () => Lf.LockFile.new(path).acquire(null);

    acquire();
    System.gc();
    assertTrue(other.try_acquire());
});

testLock('/paths/file', (_lock, _other, path) => {
    const file = Gio.File.new_for_path(path);
    const lock = Lf.LockFile.new_for_file(file);

    assertEqual(lock.get_path(), path);
    assertTrue(lock.get_file().equal(file));
});

testLock('/paths/document', (other, _other, path) => {
    const directory = GLib.path_get_dirname(path);
    const link = Gio.File.new_for_path(`${directory}/link`);
    link.make_symbolic_link('notes.txt', null);
    const lock = Lf.LockFile.new_for_document(link);

    assertEqual(lock.get_document().get_path(), `${directory}/notes.txt`);
    assertEqual(lock.document.get_path(), `${directory}/notes.txt`);
    assertEqual(lock.path, `${directory}/.notes.txt.lock`);
    assertTrue(lock.remove_on_release);
    lock.acquire(null);
    lock.release();
    assertEqual(other.get_document(), null);

    assertThrows(GLib.Error, `${directory}/none/notes.txt`, () => Lf.LockFile.new_for_document(
        Gio.File.new_for_path(`${directory}/none/notes.txt`)));
});

testLock('/paths/with-backend', (_lock, _other, path) => {
    const lock = Lf.LockFile.new_with_backend(path, Lf.Backend.DIRECTORY);

    assertEqual([lock.path, lock.backend], [path, Lf.Backend.DIRECTORY]);
    lock.acquire(null);
    assertTrue(GLib.file_test(path, GLib.FileTest.IS_DIR));
    lock.release();
});

test('/paths/not-ascii', directory => {
    const path = `${directory}/Schloß 錠`;

    for (const lock of [Lf.LockFile.new(path), new Lf.LockFile({path})]) {
        assertEqual(lock.get_path(), path);
        assertEqual(lock.path, path);
    }
});

// A string cannot contain such a path, but a file can
test('/paths/not-utf8', directory => {
    const file = Gio.File.new_for_uri(`file://${directory}/%FF%FE`);
    const lock = Lf.LockFile.new_for_file(file);

    assertTrue(lock.get_file().equal(file));
    lock.acquire(null);
    assertTrue(file.query_exists(null));
});

// GJS ends strings at a NUL, which the library does not notice; the override refuses them
testLock('/paths/nul', (_lock, _other, path) => {
    const nul = `${path}\0more`;
    const forms = [
        () => Lf.LockFile.new(nul),
        () => Lf.LockFile.new_with_backend(nul, Lf.Backend.FCNTL),
        () => new Lf.LockFile({path: nul}),
    ];

    for (const makeLock of forms) {
        if (PLAIN)
            assertEqual(makeLock().path, path);
        else
            assertThrows(TypeError, 'NUL', makeLock);
    }
});

testLock('/semaphore/slots', (_lock, _other, path) => {
    const [first, second, third] = [1, 2, 3].map(() => Lf.Semaphore.new(path, 2));

    assertEqual([first.path, first.slots, first.held], [path, 2, false]);
    assertTrue(first.acquire(null));
    assertTrue(second.try_acquire());
    assertEqual([first.get_slot(), second.get_slot(), third.get_slot()], [1, 2, 0]);
    assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED, () => third.try_acquire());
    assertError(Lf.LockError, Lf.LockError.TIMED_OUT, () => third.acquire_with_timeout(0.05, null));
    first.release();
    assertFalse(first.is_held());
    assertTrue(third.acquire(null));
    assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED, () => first.release());
    second.release();
    third.release();
});

testLock('/semaphore/async', async (_lock, _other, path) => {
    const [held, waiting] = [1, 2].map(() => Lf.Semaphore.new(path, 1));

    held.acquire(null);
    inAMoment(() => held.release());
    assertTrue(await waiting.acquire_async(PRIORITY, null));
    assertTrue(waiting.held);
    assertTrue(await waiting.release_async(PRIORITY, null));
    assertFalse(waiting.held);
});

// Each class of locks, with the methods of the interface
const LOCKS = path => [Lf.LockFile.new(path), Lf.Semaphore.new(path, 1)];
const Lock = Lf.Lock.prototype;

testLock('/lock/sync', (_lock, _other, path) => {
    const others = LOCKS(path);

    for (const [i, lock] of LOCKS(path).entries()) {
        assertTrue(lock instanceof Lf.Lock);
        assertEqual(Lock.get_display_name.call(lock), path);
        Lock.set_timeout.call(lock, 0);
        assertEqual([Lock.get_timeout.call(lock), lock.timeout], [0, 0]);
        assertTrue(Lock.acquire.call(lock, null));
        assertTrue(Lock.is_held.call(lock) && Lock.is_acquired_by_thread.call(lock));
        assertTrue(Lock.verify.call(lock));
        assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED,
            () => Lock.try_acquire.call(others[i]));
        assertError(Lf.LockError, Lf.LockError.TIMED_OUT,
            () => Lock.acquire_with_timeout.call(others[i], 0.01, null));
        assertTrue(Lock.release.call(lock));
        assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED, () => lock.release());
    }
});

testLock('/lock/guard', (_lock, _other, path) => {
    for (const lock of LOCKS(path)) {
        const guard = lock.acquire_guard(null);
        assertTrue(guard.get_lock() === lock);
        assertTrue(guard.get_lock_file() === (lock instanceof Lf.LockFile ? lock : null));
        assertTrue(lock.held);
        assertTrue(guard.release());
        assertFalse(lock.held);
    }
});

testLock('/lock/async', async (_lock, _other, path) => {
    for (const lock of LOCKS(path)) {
        assertTrue(await new Promise((resolve, reject) => lock.acquire_async(PRIORITY, null,
            (source, result) => {
                try {
                    resolve(Lock.acquire_finish.call(source, result));
                } catch (e) {
                    reject(e);
                }
            })));
        assertTrue(lock.held);
        assertTrue(await lock.release_async(PRIORITY, null));
    }
});

testLock('/lock/holder', (lock, other, path) => {
    const semaphore = Lf.Semaphore.new(path, 1);

    lock.acquire(null);
    assertEqual(Lock.query_holder.call(lock, null).pid, OWN_PID);
    assertTrue(Lock.is_locked.call(lock, null));
    assertTrue(Lock.break_lock.call(other, null));
    for (const method of ['query_holder', 'is_locked', 'break_lock']) {
        assertError(Lf.BackendError, Lf.BackendError.NOT_SUPPORTED,
            () => semaphore[method](null));
    }
    assertError(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED, () => lock.release());
});

testLock('/lock/lost', async (lock, other) => {
    lock.monitor = true;
    const lost = new Promise(resolve => lock.connect('lost', (_lock, reason) => resolve(reason)));
    lock.acquire(null);
    other.break_lock(null);
    assertTrue((await lost).matches(Lf.UnlockError, Lf.UnlockError.NOT_LOCKED));
});

testLock('/handed-on/steal', (lock, other) => {
    assertEqual(lock.steal_fd(), -1);
    lock.acquire(null);
    const adopted = Lf.LockFile.new_for_fd(lock.steal_fd(), Lf.Backend.FLOCK);
    assertFalse(lock.held);
    assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED, () => other.try_acquire());
    assertTrue(adopted.try_acquire());
    adopted.release();
    assertTrue(other.try_acquire());
    assertError(Lf.BackendError, Lf.BackendError.NOT_SUPPORTED,
        () => Lf.LockFile.new_for_fd(0, Lf.Backend.SYMLINK));
});

testLock('/handed-on/convert', (lock, _other, path) => {
    const [first, second] = [1, 2].map(() => new Lf.LockFile({
        path, backend: Lf.Backend.FCNTL, mode: Lf.LockMode.SHARED, upgradable: true,
    }));

    first.acquire(null);
    second.acquire(null);
    assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED, () => first.try_upgrade());
    second.release();
    assertTrue(first.try_upgrade());
    assertError(Lf.LockError, Lf.LockError.ALREADY_LOCKED, () => second.try_acquire());
    assertTrue(first.downgrade());
    assertTrue(second.try_acquire());
    lock.acquire(null);
    assertError(Lf.BackendError, Lf.BackendError.NOT_SUPPORTED, () => lock.downgrade());
    first.release();
    second.release();
});

await run();
