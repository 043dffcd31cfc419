// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Runs once for each user, until Ctrl-C. A second instance prints which process is
// already running, and exits with status 1.
//
//   single-instance-vala

// Returns true if this is the only instance; otherwise names the other one
bool start (Lf.LockFile lock_file) throws Error {
    try {
        return lock_file.try_acquire ();
    } catch (Lf.LockError.ALREADY_LOCKED error) {
        var holder = lock_file.query_holder ();

        // It may have ended by now, or not be visible from here
        if (holder != null && holder.pid != 0)
            printerr ("Already running as PID %d\n", holder.pid);
        else
            printerr ("Already running\n");
        return false;
    }
}

int main () {
    Intl.setlocale ();
    var path = Path.build_filename (Environment.get_user_runtime_dir (),
                                    "lockfile-glib-example.lock");
    var lock_file = new Lf.LockFile (path);

    try {
        if (!start (lock_file))
            return 1;
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }

    print ("Running as PID %d\n", Posix.getpid ());
    // The kernel releases the lock when the process ends, in whatever way
    new MainLoop ().run ();
    return 0;
}
