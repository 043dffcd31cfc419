// SPDX-License-Identifier: LGPL-2.1-or-later

// What Lf.js adds to the declarations that ts-for-gir makes from the GIR

import type Gio from 'gi://Gio?version=2.0';

declare module 'gi://Lf?version=1.0' {
    export namespace Lf {
        namespace LockFile {
            interface WithOptions {
                /** In seconds; below 0 for ever. That of the lock file, if not given. */
                timeout?: number | null;
                /** Ends the wait, not the function. */
                cancellable?: Gio.Cancellable | null;
            }
        }

        interface LockFile {
            /**
             * Acquires the lock, runs the function and releases the lock, also when the
             * function throws.
             *
             * @param body gets the lock file, and may be async
             * @param options how long to wait
             * @returns what the function returns
             */
            with<T>(
                body: (lock: LockFile) => T | PromiseLike<T>,
                options?: LockFile.WithOptions
            ): Promise<T>;

            acquire(): boolean;
            acquire_guard(): LockGuard;
            acquire_with_timeout(timeout: number): boolean;
            query_holder(): LockHolder | null;

            acquire_async(ioPriority?: number): Promise<boolean>;
            acquire_guard_async(ioPriority?: number): Promise<LockGuard>;
            query_holder_async(ioPriority?: number): Promise<LockHolder | null>;
            release_async(ioPriority?: number): Promise<boolean>;
        }
    }
}
