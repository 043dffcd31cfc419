// SPDX-License-Identifier: LGPL-2.1-or-later

// Appends lines to a file, with nobody else's among them. Who comes while another
// writes waits in a queue: first come, first served.
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
    // The file itself can be the lock, as nobody replaces it by another
    var lock_file = new Lf.LockFile (path);
    var holder = lock_file.query_holder ();
    if (holder != null)
        print ("PID %d waits for %s\n", Posix.getpid (), holder.to_string ());

    // Releases when it goes, which after an error is on leaving the function
    Lf.LockGuard? guard = lock_file.acquire_guard ();
    print ("PID %d has the lock\n", Posix.getpid ());
    append_lines (path, n_lines, seconds);
    print ("PID %d is done\n", Posix.getpid ());
    guard = null;
}

int main (string[] args) {
    Intl.setlocale ();
    if (args.length < 2 || args.length > 4) {
        printerr ("Usage: %s FILE [LINES [SECONDS]]\n", args[0]);
        return 2;
    }

    try {
        work (args[1],
              args.length > 2 ? int.parse (args[2]) : 3,
              args.length > 3 ? double.parse (args[3]) : 1);
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
    return 0;
}
