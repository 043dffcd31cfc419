// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// What GJS adds to the introspected library. GJS finds this file by its name and calls
// _init() with the namespace as `this`, both for imports.gi and for gi://.

const {Gio, GLib, GObject} = imports.gi;

// Without a callback, these return promises
const ASYNC_METHODS = [
    'acquire', 'acquire_guard', 'break_lock', 'is_locked', 'query_holder', 'release',
];

// Methods whose last parameter is a cancellable, with the number of parameters before it
const CANCELLABLE_METHODS = {
    acquire: 0, acquire_guard: 0, acquire_guard_with_timeout: 1, acquire_with_timeout: 1,
    break_lock: 0, is_locked: 0, query_holder: 0,
};

// GJS would end the path there, and lock another file
function _checkPath(path) {
    if (typeof path === 'string' && path.includes('\0'))
        throw new TypeError('The path of a lock file cannot contain a NUL character');
}

// GJS would take null for 0, and other values for NaN
function _checkTimeout(timeout) {
    if (typeof timeout !== 'number')
        throw new TypeError('The timeout of a lock is a number of seconds');
}

function _makeAsync(proto, name) {
    const method = `${name}_async`;

    // This leaves a mark, so that a second call, by a program that was written for the
    // plain library, does nothing
    Gio._promisify(proto, method, `${name}_finish`);
    const promisified = proto[method];

    proto[method] = function (ioPriority = GLib.PRIORITY_DEFAULT, cancellable = null, ...callback) {
        return promisified.call(this, ioPriority, cancellable, ...callback);
    };
}

function _makeCancellableOptional(proto, name, index) {
    const original = proto[name];

    proto[name] = function (...args) {
        // Not if an argument before it is missing: GJS then reports that
        if (args.length >= index)
            args[index] ??= null;
        if (index === 1 && args.length > 1)
            _checkTimeout(args[0]);
        return original.apply(this, args);
    };
}

// acquire_finish() finishes this one too
function _makeTimedAsync(proto) {
    Gio._promisify(proto, 'acquire_with_timeout_async', 'acquire_finish');
    const promisified = proto.acquire_with_timeout_async;

    proto.acquire_with_timeout_async = function (
        timeout, ioPriority = GLib.PRIORITY_DEFAULT, cancellable = null, ...callback
    ) {
        _checkTimeout(timeout);
        return promisified.call(this, timeout, ioPriority, cancellable, ...callback);
    };
}

// A misspelt option, or null as the timeout, could cause an endless wait
function _checkOptions(options) {
    for (const name of Object.keys(options)) {
        if (!['timeout', 'cancellable'].includes(name))
            throw new TypeError(`with() has no option ${name}`);
    }
    if (options.timeout !== undefined && typeof options.timeout !== 'number')
        throw new TypeError('The timeout of with() is a number of seconds');
}

// Holds the lock while the function runs, and until its promise is settled
async function _with(body, options = {}) {
    let value;

    _checkOptions(options);
    await this.acquire_with_timeout_async(
        options.timeout ?? this.get_timeout(), GLib.PRIORITY_DEFAULT, options.cancellable ?? null);
    try {
        value = await body(this);
    } catch (e) {
        // The function's error matters more than one of the release
        await this.release_async().catch(() => {});
        throw e;
    }

    await this.release_async();
    return value;
}

// The first argument may be a path or a file, with other properties after it
function _getProperties(first, properties) {
    if (typeof first === 'string')
        return {path: first, ...properties};
    if (first instanceof Gio.File)
        return {file: first, ...properties};
    return first;
}

function _lockFileToString() {
    const state = this.is_held() ? 'held' : 'not held';
    return `[LockFile ${this.get_path()}, ${state}]`;
}

function _semaphoreToString() {
    const state = this.is_held() ? `slot ${this.get_slot()}` : 'not held';
    return `[Semaphore ${this.get_path()}, ${this.get_slots()} slots, ${state}]`;
}

// What every lock has. A class has the methods of the interface, too, which would hide those
// of the interface's prototype.
function _makeLock(proto) {
    const {set_timeout: setTimeout} = proto;

    ASYNC_METHODS.forEach(name => _makeAsync(proto, name));
    _makeTimedAsync(proto);
    for (const [name, index] of Object.entries(CANCELLABLE_METHODS))
        _makeCancellableOptional(proto, name, index);

    proto.with = _with;
    proto.set_timeout = function (timeout) {
        _checkTimeout(timeout);
        setTimeout.call(this, timeout);
    };
    Object.defineProperty(proto, 'timeout', {
        get: proto.get_timeout,
        set: proto.set_timeout,
        configurable: true,
        enumerable: true,
    });
}

// The constructor also takes a path and a number, followed by other properties
function _initSemaphore(Semaphore) {
    const proto = Semaphore.prototype;
    const {new: newForPath} = Semaphore;

    Semaphore.new = function (path, slots) {
        _checkPath(path);
        return newForPath.call(this, path, slots);
    };

    proto._init = function (first, ...args) {
        let properties = first;
        if (typeof first === 'string')
            properties = {path: first, slots: args.shift(), ...args.shift()};
        _checkPath(properties?.path);
        if (properties?.timeout !== undefined)
            _checkTimeout(properties.timeout);
        GObject.Object.prototype._init.call(this, properties, ...args);
    };

    proto.toString = _semaphoreToString;
}

function _remoteLockToString() {
    const state = this.is_held() ? 'held' : 'not held';
    return `[RemoteLock ${this.get_uri()}, ${state}]`;
}

// GJS would end the URI there
function _checkUri(uri) {
    if (typeof uri === 'string' && uri.includes('\0'))
        throw new TypeError('The URI of a lock cannot contain a NUL character');
}

// The constructor also takes a URI, followed by other properties. It throws the errors of new().
function _initRemoteLock(RemoteLock) {
    const proto = RemoteLock.prototype;
    const {new: newForUri} = RemoteLock;

    RemoteLock.new = function (uri) {
        _checkUri(uri);
        return newForUri.call(this, uri);
    };

    proto._init = function (first, ...args) {
        const properties = typeof first === 'string' ? {uri: first, ...args.shift()} : first;
        if (properties?.timeout !== undefined)
            _checkTimeout(properties.timeout);
        if (typeof properties?.uri === 'string')
            RemoteLock.new(properties.uri);
        GObject.Object.prototype._init.call(this, properties, ...args);
    };

    proto.toString = _remoteLockToString;
}

function _init() {
    const {Lock, LockFile, LockHolder, RemoteLock, Semaphore} = this;
    const proto = LockFile.prototype;
    const {new: newForPath, new_with_backend: newWithBackend} = LockFile;

    LockFile.new = function (path) {
        _checkPath(path);
        return newForPath.call(this, path);
    };

    LockFile.new_with_backend = function (path, backend) {
        _checkPath(path);
        return newWithBackend.call(this, path, backend);
    };

    proto._init = function (first, ...args) {
        const properties = _getProperties(first, args[0]);
        _checkPath(properties?.path);
        if (properties?.timeout !== undefined)
            _checkTimeout(properties.timeout);
        GObject.Object.prototype._init.call(
            this, properties, ...args.slice(properties === first ? 0 : 1));
    };

    proto.toString = _lockFileToString;
    LockHolder.prototype.toString = function () {
        return this.to_string();
    };

    _makeAsync(proto, 'query_scope');
    _makeCancellableOptional(proto, 'query_scope', 0);
    _initSemaphore(Semaphore);
    _initRemoteLock(RemoteLock);
    // The interface last: a class must not inherit what it gets itself
    for (const lock of [LockFile, RemoteLock, Semaphore, Lock])
        _makeLock(lock.prototype);
}
