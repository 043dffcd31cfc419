// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Edits a text document, which no other program can edit at the same time. If another
// program edits it, the document is read-only until that program closes it. Press Enter
// to wait for that. Lines that you type are added to the document; Ctrl-D saves and
// closes it, Ctrl-C closes it without saving.
//
//   gjs -m document.js FILE

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';
import System from 'system';

Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');

// Since GLib 2.80 these are in namespaces of their own, and GJS warns about the old names
let UnixInputStream, unixSignalAdd;
try {
    const {GioUnix, GLibUnix} = imports.gi;
    UnixInputStream = GioUnix.InputStream;
    unixSignalAdd = GLibUnix.signal_add ?? GLibUnix.signal_add_full;
} catch {
    UnixInputStream = Gio.UnixInputStream;
    unixSignalAdd = GLib.unix_signal_add;
}

const SIGINT = 2;

const isCancelled = error => error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);

// Without `fatal`, invalid bytes would be replaced, and saved in that form
function decode(contents) {
    try {
        return new TextDecoder('utf-8', {fatal: true}).decode(contents);
    } catch {
        throw new Error('This is not a text in UTF-8');
    }
}

class Document {
    constructor(file) {
        this.lock = Lf.LockFile.new_for_document(file);
        // The real document, so that symbolic links to it stay
        this.file = this.lock.document;
        this.text = '';
        this.reading = new Gio.Cancellable();
        this.waiting = null;
        this.waitEnded = null;
        this.closing = false;
        this.failure = null;
    }

    async run() {
        try {
            this.open();
            await this.readLines();
            if (this.lock.is_held())
                this.save();
        } finally {
            await this.close();
        }
    }

    open() {
        try {
            this.lock.try_acquire();
            this.startToEdit();
        } catch (error) {
            if (!error.matches?.(Lf.LockError, Lf.LockError.ALREADY_LOCKED))
                throw error;
            this.load();
            this.showReadOnly();
        }
    }

    // Ends pending operations: GJS 1.74 can crash if it exits before they have ended
    async close() {
        this.closing = true;
        this.waiting?.cancel();
        await this.waitEnded;
        if (this.lock.is_held())
            this.lock.release();
        if (this.failure)
            throw this.failure;
    }

    async readLines() {
        const input = new Gio.DataInputStream({base_stream: new UnixInputStream({fd: 0})});

        for (;;) {
            const [line] = await input.read_line_async(GLib.PRIORITY_DEFAULT, this.reading);
            if (line === null)
                break;
            this.handle(line);
        }
    }

    handle(line) {
        if (this.lock.is_held())
            this.text += `${line}\n`;
        else if (this.waiting)
            this.waiting.cancel();
        else
            this.waitEnded = this.wait();
    }

    async wait() {
        print(`Waiting for ${this.describeHolder()}; Enter cancels`);
        this.waiting = new Gio.Cancellable();

        try {
            await this.lock.acquire_async(GLib.PRIORITY_DEFAULT, this.waiting);
            this.startToEdit();
        } catch (error) {
            if (!isCancelled(error)) {
                this.failure = error;
                this.reading.cancel();
            } else if (!this.closing) {
                this.showReadOnly();
            }
        }
        this.waiting = null;
    }

    load() {
        try {
            const [, contents] = this.file.load_contents(null);
            this.text = decode(contents);
        } catch (error) {
            if (!error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND))
                throw error;
            // The document does not exist yet
            this.text = '';
        }
        // print() would add a line
        if (this.text)
            print(this.text.replace(/\n$/, ''));
    }

    describeHolder() {
        return this.lock.query_holder()?.to_string() ?? 'somebody';
    }

    showReadOnly() {
        print(`Read-only, edited by ${this.describeHolder()}; Enter waits`);
    }

    startToEdit() {
        // Another program may have changed it
        this.load();
        print('Yours to edit');
    }

    save() {
        // Replaces the file, and keeps its permissions and owner
        this.file.replace_contents(this.text, null, false, Gio.FileCreateFlags.NONE, null);
        print('Saved');
    }
}

const file = ARGV.length === 1 ? Gio.File.new_for_path(ARGV[0]) : null;
if (!file?.has_parent(null)) {
    printerr('Usage: gjs -m document.js FILE');
    System.exit(2);
}

const loop = new GLib.MainLoop(null, false);
let document;
try {
    document = new Document(file);
} catch (error) {
    printerr(error.message);
    System.exit(1);
}
let status = 0;

unixSignalAdd(GLib.PRIORITY_DEFAULT, SIGINT, () => {
    document.reading.cancel();
    return GLib.SOURCE_CONTINUE;
});
document.run().catch(error => {
    status = isCancelled(error) ? 130 : 1;
    if (status === 1)
        printerr(error.message);
}).finally(() => loop.quit());
loop.run();
System.exit(status);
