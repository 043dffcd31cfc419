// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// What the declarations allow, and what they forbid. This is only compiled.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import LfOfAnyVersion from 'gi://Lf';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
    ? true : false;

/** Compiles only if the type of the value is exactly this one. */
function is<Expected>() {
    return <Actual>(_value: Actual, _same: Same<Actual, Expected>) => {};
}

export async function typesOf(lock: Lf.LockFile, cancellable: Gio.Cancellable) {
    const priority = GLib.PRIORITY_LOW;

    is<LfOfAnyVersion.LockFile>()(lock, true);

    // All three forms of each method
    is<Promise<boolean>>()(lock.acquire_async(), true);
    is<Promise<boolean>>()(lock.acquire_async(priority), true);
    is<Promise<boolean>>()(lock.acquire_async(priority, cancellable), true);
    is<Promise<boolean>>()(lock.release_async(), true);
    is<Promise<boolean>>()(lock.release_async(priority, null), true);
    is<Promise<Lf.LockGuard>>()(lock.acquire_guard_async(), true);
    is<Promise<Lf.LockHolder | null>>()(lock.query_holder_async(), true);
    is<Promise<boolean>>()(lock.acquire_with_timeout_async(2.5), true);
    is<Promise<boolean>>()(lock.acquire_with_timeout_async(2.5, priority, null), true);
    is<Promise<boolean>>()(lock.is_locked_async(), true);
    is<Promise<boolean>>()(lock.is_locked_async(priority, cancellable), true);
    is<Promise<boolean>>()(lock.break_lock_async(), true);
    is<void>()(lock.acquire_with_timeout_async(2.5, priority, null, (_lock, result) => {
        is<boolean>()(lock.acquire_finish(result), true);
    }), true);
    is<void>()(lock.acquire_async(priority, cancellable, (_lock, result) => {
        is<boolean>()(lock.acquire_finish(result), true);
    }), true);

    const semaphore = Lf.Semaphore.new('x', 2);
    is<Promise<boolean>>()(semaphore.acquire_async(), true);
    is<Promise<boolean>>()(semaphore.acquire_with_timeout_async(2.5, priority, null), true);
    is<Promise<boolean>>()(semaphore.release_async(), true);
    is<Promise<number>>()(semaphore.with(held => held.get_slot(), {timeout: 2.5}), true);
    is<boolean>()(semaphore.acquire(), true);
    is<Promise<Lf.LockGuard>>()(semaphore.acquire_guard_async(), true);

    const remote = Lf.RemoteLock.new('etcd://localhost/x');
    is<Promise<boolean>>()(remote.acquire_async(), true);
    is<Promise<Lf.LockHolder | null>>()(remote.query_holder_async(), true);
    is<Promise<number>>()(remote.with(held => held.fencing_token, {timeout: 2.5}), true);
    is<boolean>()(remote.acquire(), true);

    for (const any of [lock as Lf.Lock, semaphore as Lf.Lock, remote as Lf.Lock]) {
        is<Promise<boolean>>()(any.acquire_async(), true);
        is<Promise<boolean>>()(any.with(held => held.is_held(), {timeout: 2.5}), true);
        is<Promise<Lf.LockHolder | null>>()(any.query_holder_async(), true);
        is<Lf.Lock>()(any.acquire_guard().get_lock(), true);
        is<boolean>()(any.acquire_with_timeout(2.5), true);
        is<boolean>()(any.held, true);
        is<string>()(any.get_display_name(), true);
    }

    is<boolean>()(semaphore.acquire_with_timeout(2.5), true);
    is<Lf.LockFile>()(Lf.LockFile.new_for_fd(3, Lf.Backend.FLOCK), true);
    is<number>()(lock.steal_fd(), true);
    is<boolean>()(lock.try_upgrade(), true);

    is<boolean>()(lock.acquire(), true);
    is<boolean>()(lock.acquire(cancellable), true);
    is<boolean>()(lock.acquire(undefined), true);
    is<boolean>()(lock.acquire_with_timeout(2.5, undefined), true);
    is<Promise<boolean>>()(lock.acquire_async(undefined, undefined), true);
    is<boolean>()(lock.acquire_with_timeout(2.5), true);
    is<Lf.LockGuard>()(lock.acquire_guard(), true);
    is<Lf.LockGuard>()(lock.acquire_guard_with_timeout(2.5), true);
    is<boolean>()(lock.acquire_guard_with_timeout(2.5, cancellable).release(), true);
    is<boolean>()(lock.is_locked(), true);
    is<boolean>()(lock.is_locked(cancellable), true);
    is<boolean>()(lock.break_lock(undefined), true);
    is<Lf.LockFile>()(Lf.LockFile.new_with_backend('x', Lf.Backend.FCNTL), true);
    is<Lf.LockFile>()(Lf.LockFile.new_for_document(Gio.File.new_for_path('x')), true);
    is<string>()(Lf.VERSION_STRING, true);
    is<string | null>()(Lf.check_version(1, 0, 0), true);
    is<Lf.LockHolder | null>()(lock.query_holder(), true);

    is<Promise<string>>()(lock.with(() => 'value'), true);
    is<Promise<string>>()(lock.with(async () => 'value'), true);
    is<Promise<number>>()(lock.with(held => held.timeout, {timeout: 2.5}), true);
    is<Promise<void>>()(lock.with(() => {}, {timeout: 2.5, cancellable}), true);

    const path: string | null = lock.path;
    is<string | null>()(lock.get_path(), true);
    is<Gio.File | null>()(lock.get_file(), true);
    is<Gio.File | null>()(lock.get_document(), true);

    return path;
}

export function errorsOf(error: unknown) {
    if (error instanceof Lf.LockError)
        is<boolean>()(error.matches(Lf.LockError, Lf.LockError.TIMED_OUT), true);
    else if (error instanceof Lf.UnlockError)
        is<boolean>()(error.matches(Lf.UnlockError, Lf.UnlockError.NOT_MY_LOCK), true);
    else if (error instanceof Lf.BackendError)
        is<boolean>()(error.matches(Lf.BackendError, Lf.BackendError.NOT_SUPPORTED), true);
}

// The compiler reports an error if one of these is allowed
export function forbidden(lock: Lf.LockFile) {
    // @ts-expect-error: it is not a number
    lock.with(() => null, {timeout: '2.5'});
    // @ts-expect-error: this option does not exist
    lock.with(() => null, {seconds: 2.5});
    // @ts-expect-error: it is not a function
    lock.with(null);
    // @ts-expect-error: this is not a cancellable
    lock.acquire_async(GLib.PRIORITY_DEFAULT, lock);
    // @ts-expect-error: this is not a cancellable either
    lock.acquire(2.5);
    // @ts-expect-error: the timeout is missing
    lock.acquire_with_timeout();
    // @ts-expect-error: the timeout is missing
    lock.acquire_with_timeout_async();
    // @ts-expect-error: it is read-only
    lock.held = true;
    // @ts-expect-error: it may be null
    lock.query_holder().pid;
    // @ts-expect-error: this is not a mode
    lock.mode = Lf.Backend.FLOCK;
}
