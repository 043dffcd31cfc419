// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Appends lines to a file, as append-in-turn does, but under a lock in etcd, so that programs
// on several machines take turns. Each line has the token of its turn: later turns have higher
// tokens.
//
//   several-machines-vala etcd://HOST:PORT/NAME FILE [LINES [SECONDS]]

void append_line (string path, string line) throws Error {
    var stream = File.new_for_commandline_arg (path).append_to (FileCreateFlags.NONE);
    stream.write_all (line.data, null);
    stream.close ();
}

void work (string uri, string path, int n_lines, double seconds) throws Error {
    var remote_lock = new Lf.RemoteLock (uri);
    // The end of the guard releases the lock, also after an error
    Lf.LockGuard? guard = remote_lock.acquire_guard ();

    print ("PID %d has the lock\n", Posix.getpid ());
    for (var i = 1; i <= n_lines; i++) {
        // The lock ends if etcd cannot be reached for long
        remote_lock.verify ();
        append_line (path, "PID %d, token %s, line %d of %d\n".printf (
            Posix.getpid (), remote_lock.fencing_token.to_string (), i, n_lines));
        Thread.usleep ((ulong) (seconds * TimeSpan.SECOND));
    }
    print ("PID %d is done\n", Posix.getpid ());
    guard = null;
}

// The functions that convert numbers accept any text
bool are_numbers (string n_lines, string seconds) {
    return /^[0-9]+$/.match (n_lines) && /^[0-9]+(\.[0-9]+)?$/.match (seconds);
}

int main (string[] args) {
    Intl.setlocale ();
    var n_lines = args.length > 3 ? args[3] : "3";
    var seconds = args.length > 4 ? args[4] : "1";
    if (args.length < 3 || args.length > 5 || !are_numbers (n_lines, seconds)) {
        printerr ("Usage: %s etcd://HOST:PORT/NAME FILE [LINES [SECONDS]]\n", args[0]);
        return 2;
    }

    try {
        work (args[1], args[2], int.parse (n_lines), double.parse (seconds));
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
    return 0;
}
