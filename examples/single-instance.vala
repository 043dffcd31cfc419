// SPDX-License-Identifier: LGPL-2.1-or-later

// Runs once for each user, until Ctrl-C. The second one says who runs already and
// ends with status 1.
//
//   single-instance-vala

// Returns whether nobody else runs, and else says who
bool start (Lf.LockFile lock_file) throws Error {
    try {
        return lock_file.try_acquire ();
    } catch (Lf.LockError.ALREADY_LOCKED error) {
        var holder = lock_file.query_holder ();

        // It may have ended meanwhile, or be where we cannot see it
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
    // The kernel gives the lock back when the process ends, in whatever way
    new MainLoop ().run ();
    return 0;
}
