// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Appends lines to a file, without lines of other programs between them. While another
// program writes, this one waits in a queue: first come, first served.
//
//   append-in-turn-vala FILE [LINES [SECONDS]]     3 lines, 1 second after each

void append_lines (string path, int n_lines, double seconds) throws Error {
    var stream = File.new_for_path (path).append_to (FileCreateFlags.NONE);

    for (var i = 1; i <= n_lines; i++) {
        stream.printf (null, null, "PID %d, line %d of %d\n", Posix.getpid (), i, n_lines);
        Thread.usleep ((ulong) (seconds * TimeSpan.SECOND));
    }
    stream.close ();
}

void work (string path, int n_lines, double seconds) throws Error {
    // The file itself can be the lock, since no program replaces it
    var lock_file = new Lf.LockFile (path);
    var holder = lock_file.query_holder ();
    if (holder != null)
        print ("PID %d waits for %s\n", Posix.getpid (), holder.to_string ());

    // The end of the guard releases the lock, also after an error
    Lf.LockGuard? guard = lock_file.acquire_guard ();
    print ("PID %d has the lock\n", Posix.getpid ());
    append_lines (path, n_lines, seconds);
    print ("PID %d is done\n", Posix.getpid ());
    guard = null;
}

// The functions that convert numbers accept any text
bool are_numbers (string n_lines, string seconds) {
    return /^[0-9]+$/.match (n_lines) && /^[0-9]+(\.[0-9]+)?$/.match (seconds);
}

int main (string[] args) {
    Intl.setlocale ();
    var n_lines = args.length > 2 ? args[2] : "3";
    var seconds = args.length > 3 ? args[3] : "1";
    if (args.length < 2 || args.length > 4 || !are_numbers (n_lines, seconds)) {
        printerr ("Usage: %s FILE [LINES [SECONDS]]\n", args[0]);
        return 2;
    }

    try {
        work (args[1], int.parse (n_lines), double.parse (seconds));
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
    return 0;
}
