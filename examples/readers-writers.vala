// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Reads a file together with other readers, or writes it alone. Both keep the lock until
// you press Enter, and give up if they have not got it after SECONDS.
//
//   readers-writers-vala FILE SECONDS            reads
//   readers-writers-vala FILE SECONDS TEXT       writes

void read_file (string path) throws Error {
    string text;

    FileUtils.get_contents (path, out text);
    print ("PID %d reads: %s\n", Posix.getpid (), text.chomp ());
    stdin.read_line ();
}

void write_file (string path, string text) throws Error {
    var stream = File.new_for_path (path).open_readwrite ();
    stream.truncate (0);

    // Without the lock, a reader would now find the file empty
    print ("PID %d writes: %s\n", Posix.getpid (), text);
    stdin.read_line ();

    stream.output_stream.printf (null, null, "%s\n", text);
    stream.close ();
}

void work (string path, double seconds, string? text) throws Error {
    var lock_file = new Lf.LockFile (path);
    lock_file.mode = text != null ? Lf.LockMode.EXCLUSIVE : Lf.LockMode.SHARED;
    lock_file.timeout = seconds;

    lock_file.acquire ();
    if (text != null)
        write_file (path, text);
    else
        read_file (path);
    lock_file.release ();
}

// double.parse() accepts any text
bool is_number (string seconds) {
    return /^[0-9]+(\.[0-9]+)?$/.match (seconds);
}

int main (string[] args) {
    Intl.setlocale ();
    if ((args.length != 3 && args.length != 4) || !is_number (args[2])) {
        printerr ("Usage: %s FILE SECONDS [TEXT]\n", args[0]);
        return 2;
    }

    try {
        work (args[1], double.parse (args[2]), args.length > 3 ? args[3] : null);
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
    return 0;
}
