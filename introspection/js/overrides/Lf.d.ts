// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// What Lf.js adds to the declarations that ts-for-gir makes from the GIR

import type Gio from 'gi://Gio?version=2.0';

declare module 'gi://Lf?version=1.0' {
    export namespace Lf {
        namespace Lock {
            interface WithOptions {
                /** In seconds; below 0 waits forever. By default the lock's timeout. */
                timeout?: number;
                /** Ends the wait, not the function. */
                cancellable?: Gio.Cancellable | null;
            }
        }

        interface Lock {
            /**
             * Acquires the lock, runs the function and releases the lock, even if the
             * function throws.
             *
             * @param body gets the lock, and may be async
             * @param options how long to wait
             * @returns what the function returns
             */
            with<T>(
                body: (lock: Lock) => T | PromiseLike<T>,
                options?: Lock.WithOptions
            ): Promise<T>;

            acquire(cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard(cancellable?: Gio.Cancellable | null): LockGuard;
            acquire_with_timeout(timeout: number, cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard_with_timeout(
                timeout: number,
                cancellable?: Gio.Cancellable | null
            ): LockGuard;
            is_locked(cancellable?: Gio.Cancellable | null): boolean;
            break_lock(cancellable?: Gio.Cancellable | null): boolean;
            query_holder(cancellable?: Gio.Cancellable | null): LockHolder | null;

            acquire_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_with_timeout_async(
                timeout: number,
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            is_locked_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            break_lock_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_guard_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockGuard>;
            query_holder_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockHolder | null>;
            release_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
        }

        // The classes declare these methods, too
        interface LockFile {
            /**
             * Acquires the lock, runs the function and releases the lock, even if the
             * function throws.
             *
             * @param body gets the lock, and may be async
             * @param options how long to wait
             * @returns what the function returns
             */
            with<T>(
                body: (lock: LockFile) => T | PromiseLike<T>,
                options?: Lock.WithOptions
            ): Promise<T>;

            acquire(cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard(cancellable?: Gio.Cancellable | null): LockGuard;
            acquire_with_timeout(timeout: number, cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard_with_timeout(
                timeout: number,
                cancellable?: Gio.Cancellable | null
            ): LockGuard;
            is_locked(cancellable?: Gio.Cancellable | null): boolean;
            break_lock(cancellable?: Gio.Cancellable | null): boolean;
            query_holder(cancellable?: Gio.Cancellable | null): LockHolder | null;
            query_scope(cancellable?: Gio.Cancellable | null): LockScope;

            acquire_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_with_timeout_async(
                timeout: number,
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            is_locked_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            break_lock_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_guard_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockGuard>;
            query_holder_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockHolder | null>;
            query_scope_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockScope>;
            release_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
        }

        interface Semaphore {
            /**
             * Acquires the lock, runs the function and releases the lock, even if the
             * function throws.
             *
             * @param body gets the lock, and may be async
             * @param options how long to wait
             * @returns what the function returns
             */
            with<T>(
                body: (lock: Semaphore) => T | PromiseLike<T>,
                options?: Lock.WithOptions
            ): Promise<T>;

            acquire(cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard(cancellable?: Gio.Cancellable | null): LockGuard;
            acquire_with_timeout(timeout: number, cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard_with_timeout(
                timeout: number,
                cancellable?: Gio.Cancellable | null
            ): LockGuard;
            is_locked(cancellable?: Gio.Cancellable | null): boolean;
            break_lock(cancellable?: Gio.Cancellable | null): boolean;
            query_holder(cancellable?: Gio.Cancellable | null): LockHolder | null;

            acquire_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_with_timeout_async(
                timeout: number,
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            is_locked_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            break_lock_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_guard_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockGuard>;
            query_holder_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockHolder | null>;
            release_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
        }

        interface RemoteLock {
            /**
             * Acquires the lock, runs the function and releases the lock, even if the
             * function throws.
             *
             * @param body gets the lock, and may be async
             * @param options how long to wait
             * @returns what the function returns
             */
            with<T>(
                body: (lock: RemoteLock) => T | PromiseLike<T>,
                options?: Lock.WithOptions
            ): Promise<T>;

            acquire(cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard(cancellable?: Gio.Cancellable | null): LockGuard;
            acquire_with_timeout(timeout: number, cancellable?: Gio.Cancellable | null): boolean;
            acquire_guard_with_timeout(
                timeout: number,
                cancellable?: Gio.Cancellable | null
            ): LockGuard;
            is_locked(cancellable?: Gio.Cancellable | null): boolean;
            break_lock(cancellable?: Gio.Cancellable | null): boolean;
            query_holder(cancellable?: Gio.Cancellable | null): LockHolder | null;

            acquire_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_with_timeout_async(
                timeout: number,
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            is_locked_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            break_lock_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
            acquire_guard_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockGuard>;
            query_holder_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<LockHolder | null>;
            release_async(
                ioPriority?: number,
                cancellable?: Gio.Cancellable | null
            ): Promise<boolean>;
        }
    }
}
