// SPDX-License-Identifier: LGPL-2.1-or-later

// Queues for a lock file while its main loop goes on, and says how that goes.
//
//   take-turns-vala PATH SECONDS     SECONDS is how long to hold the lock

string me () {
    return "Vala (PID %d)".printf (Posix.getpid ());
}

async void tell_holder (Lf.LockFile file) {
    try {
        var holder = yield file.query_holder_async ();

        // It may be our turn by now, or the lock on its way to the next
        if (!file.is_held ()) {
            var whom = holder != null ? holder.to_string () : "its turn";
            print ("%s waits for %s\n", me (), whom);
        }
    } catch (Error error) {
        printerr ("%s: %s\n", me (), error.message);
        Process.exit (1);
    }
}

async void queue (Lf.LockFile file, double hold_seconds) throws Error {
    var timer = new Timer ();
    var ticks = 0;

    var tick_source = Timeout.add (10, () => {
        // Who has not got it after 50 ms wants to know why
        ticks++;
        if (ticks == 5)
            tell_holder.begin (file);
        return Source.CONTINUE;
    });

    try {
        yield file.acquire_async ();
    } finally {
        Source.remove (tick_source);
    }
    print ("%s has the lock after %.2f s (its main loop ran %d times meanwhile)\n",
           me (), timer.elapsed (), ticks);

    Timeout.add ((uint) (hold_seconds * 1000), () => {
        queue.callback ();
        return Source.REMOVE;
    });
    yield;

    // Said before: afterwards the next one may be faster in saying that it has it
    print ("%s releases it\n", me ());
    file.release ();
}

int main (string[] args) {
    if (args.length != 3) {
        printerr ("Usage: %s PATH SECONDS\n", args[0]);
        return 1;
    }

    var status = 0;
    var loop = new MainLoop ();

    queue.begin (new Lf.LockFile (args[1]), double.parse (args[2]), (object, result) => {
        try {
            queue.end (result);
        } catch (Error error) {
            printerr ("%s: %s\n", me (), error.message);
            status = 1;
        }
        loop.quit ();
    });
    loop.run ();

    return status;
}
