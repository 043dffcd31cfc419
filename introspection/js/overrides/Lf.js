// SPDX-License-Identifier: LGPL-2.1-or-later

// What GJS adds to the introspected library. It finds this file by its name and
// calls _init() with the namespace as `this`, for imports.gi and gi:// alike.

const {Gio, GLib, GObject} = imports.gi;

// Without a callback these return promises
const ASYNC_METHODS = ['acquire', 'acquire_guard', 'query_holder', 'release'];

// Methods that end with a cancellable, and how many arguments come before it
const CANCELLABLE_METHODS = {
    acquire: 0, acquire_guard: 0, acquire_with_timeout: 1, query_holder: 0,
};

// GJS would cut the path there, and another file would be locked
function _checkPath(path) {
    if (typeof path === 'string' && path.includes('\0'))
        throw new TypeError('The path of a lock file cannot contain a NUL character');
}

function _makeAsync(proto, name) {
    const method = `${name}_async`;

    // Leaves a mark by which a second call of it, by a program that was written
    // for the plain library, does nothing
    Gio._promisify(proto, method, `${name}_finish`);
    const promisified = proto[method];

    proto[method] = function (ioPriority = GLib.PRIORITY_DEFAULT, cancellable = null, ...callback) {
        return promisified.call(this, ioPriority, cancellable, ...callback);
    };
}

function _makeCancellableOptional(proto, name, index) {
    const original = proto[name];

    proto[name] = function (...args) {
        // Not if one before it is missing: GJS is to say so
        if (args.length >= index)
            args[index] ??= null;
        return original.apply(this, args);
    };
}

// A wait keeps the timeout that it began with
function _acquireWithin(lock, timeout, cancellable) {
    if (timeout === null)
        return lock.acquire_async(GLib.PRIORITY_DEFAULT, cancellable);

    const before = lock.get_timeout();

    lock.freeze_notify();
    try {
        lock.set_timeout(timeout);
        return lock.acquire_async(GLib.PRIORITY_DEFAULT, cancellable);
    } finally {
        lock.set_timeout(before);
        lock.thaw_notify();
    }
}

// Holds the lock while the function runs, and until its promise is settled
async function _with(body, {timeout = null, cancellable = null} = {}) {
    let value;

    await _acquireWithin(this, timeout, cancellable);
    try {
        value = await body(this);
    } catch (e) {
        // Its error says more than one of the release could
        await this.release_async().catch(() => {});
        throw e;
    }

    await this.release_async();
    return value;
}

function _init() {
    const {LockFile} = this;
    const proto = LockFile.prototype;
    const {new: newForPath} = LockFile;

    LockFile.new = function (path) {
        _checkPath(path);
        return newForPath.call(this, path);
    };

    proto._init = function (properties, ...args) {
        _checkPath(properties?.path);
        GObject.Object.prototype._init.call(this, properties, ...args);
    };

    ASYNC_METHODS.forEach(name => _makeAsync(proto, name));
    for (const [name, index] of Object.entries(CANCELLABLE_METHODS))
        _makeCancellableOptional(proto, name, index);
    proto.with = _with;
}
