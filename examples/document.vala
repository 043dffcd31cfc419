// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Edits a text document, which no other program can edit at the same time. If another
// program edits it, the document is read-only until that program closes it. Press Enter
// to wait for that. Lines that you type are added to the document; Ctrl-D saves and
// closes it, Ctrl-C closes it without saving.
//
//   document-vala FILE

class Document : Object {
    private File file;
    private Lf.LockFile lock_file;
    private Cancellable? waiting = null;
    private string text = "";
    private MainLoop loop = new MainLoop ();
    private int status = 0;

    public Document (File file) throws Error {
        lock_file = new Lf.LockFile.for_document (file);
        // The real document, so that symbolic links to it stay
        this.file = lock_file.document;
    }

    // Returns the exit status
    public int run () {
        edit.begin ((object, result) => {
            try {
                edit.end (result);
                loop.quit ();
            } catch (Error error) {
                fail (error);
            }
        });
        Unix.signal_add (Posix.Signal.INT, () => {
            status = 130;
            loop.quit ();
            return Source.CONTINUE;
        });
        loop.run ();

        try {
            if (lock_file.is_held ())
                lock_file.release ();
        } catch (Error error) {
            fail (error);
        }
        return status;
    }

    private void fail (Error error) {
        printerr ("%s\n", error.message);
        status = 1;
        loop.quit ();
    }

    private async void edit () throws Error {
        try {
            lock_file.try_acquire ();
            start_to_edit ();
        } catch (Lf.LockError.ALREADY_LOCKED error) {
            load ();
            show_read_only ();
        }

        var input = new DataInputStream (new UnixInputStream (Posix.STDIN_FILENO, false));
        string? line;
        while ((line = yield input.read_line_utf8_async ()) != null) {
            if (lock_file.is_held ())
                text += line + "\n";
            else if (waiting != null)
                waiting.cancel ();
            else
                wait.begin ();
        }

        if (lock_file.is_held ())
            save ();
    }

    private async void wait () {
        print ("Waiting for %s; Enter cancels\n", describe_holder ());
        waiting = new Cancellable ();

        try {
            yield lock_file.acquire_async (Priority.DEFAULT, waiting);
            start_to_edit ();
        } catch (IOError.CANCELLED error) {
            show_read_only ();
        } catch (Error error) {
            fail (error);
        }
        waiting = null;
    }

    private void load () throws Error {
        size_t length;

        try {
            FileUtils.get_contents (file.get_path (), out text, out length);
            if (!text.validate ((ssize_t) length))
                throw new IOError.INVALID_DATA ("This is not a text in UTF-8");
        } catch (FileError.NOENT error) {
            // The document does not exist yet
            text = "";
        }
        print ("%s", text);
    }

    private string describe_holder () {
        try {
            return lock_file.query_holder ()?.to_string () ?? "somebody";
        } catch (Error error) {
            return "somebody";
        }
    }

    private void show_read_only () {
        print ("Read-only, edited by %s; Enter waits\n", describe_holder ());
    }

    private void start_to_edit () throws Error {
        // Another program may have changed it
        load ();
        print ("Yours to edit\n");
    }

    private void save () throws Error {
        // Replaces the file, and keeps its permissions and owner
        file.replace_contents (text.data, null, false, FileCreateFlags.NONE, null);
        print ("Saved\n");
    }
}

int main (string[] args) {
    Intl.setlocale ();
    var file = args.length == 2 ? File.new_for_path (args[1]) : null;
    if (file == null || !file.has_parent (null)) {
        printerr ("Usage: %s FILE\n", args[0]);
        return 2;
    }

    try {
        return new Document (file).run ();
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
}
