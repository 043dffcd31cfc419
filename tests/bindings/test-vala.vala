// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// The library from Vala. test-python.py and test-javascript.js have cases with the same
// names, as far as the languages allow.

// A case gets two objects for one path, in a directory of its own
delegate void Body (Lf.LockFile mine, Lf.LockFile other) throws Error;
delegate void Action () throws Error;
delegate void Start (owned AsyncReadyCallback callback) throws Error;

string own_pid;
string program;

void add (string name, owned Body body) {
    Test.add_data_func (name, () => attempt (() => {
        var directory = DirUtils.make_tmp ("lockfile-glib-XXXXXX");
        attempt (() => body (new Lf.LockFile (directory + "/lock"),
                             new Lf.LockFile (directory + "/lock")));
        remove_tree (File.new_for_path (directory));
    }));
}

// If the action throws, fails the case, but continues
void attempt (Action action) {
    try {
        action ();
    } catch (Error e) {
        Test.fail_printf ("%s: %s", e.domain.to_string (), e.message);
    }
}

void remove_tree (File file) throws Error {
    var flags = FileQueryInfoFlags.NOFOLLOW_SYMLINKS;

    if (file.query_file_type (flags) == DIRECTORY) {
        var children = file.enumerate_children (FileAttribute.STANDARD_NAME, flags);
        FileInfo? info;

        while ((info = children.next_file ()) != null)
            remove_tree (children.get_child (info));
    }

    file.delete ();
}

// Starts an asynchronous operation and runs a main loop until it is done
AsyncResult run (Start start) throws Error {
    var loop = new MainLoop ();
    AsyncResult? result = null;

    start ((source, res) => {
        result = res;
        loop.quit ();
    });
    assert_null (result);
    loop.run ();

    return result;
}

void release_in_a_moment (Lf.LockFile held, StringBuilder? order = null) {
    Timeout.add (20, () => {
        if (order != null)
            order.append ("release ");
        attempt (() => held.release ());
        return Source.REMOVE;
    });
}

string directory_of (Lf.LockFile lock_file) {
    return Path.get_dirname (lock_file.path);
}

void assert_message (Error e, string text) {
    if (!e.message.contains (text))
        Test.fail_printf ("'%s' is not in '%s'", text, e.message);
}

// Expects an error of this domain and code, whose message contains this one
void assert_error (Error expected, Action action) {
    try {
        action ();
        no_error ();
    } catch (Error e) {
        if (!e.matches (expected.domain, expected.code))
            Test.fail_printf ("unexpected %s: %s", e.domain.to_string (), e.message);
        assert_message (e, expected.message);
    }
}

void no_error () {
    Test.fail_printf ("no error");
}

void add_sync () {
    add ("/sync/acquire-and-release", (mine, other) => {
        assert_false (mine.is_held ());
        assert_false (mine.is_locked ());
        assert_true (mine.get_fd () == -1);
        assert_true (mine.acquire ());
        assert_true (mine.is_held ());
        assert_true (mine.is_locked ());
        assert_true (mine.get_fd () >= 0);
        var opened = FileUtils.read_link ("/proc/self/fd/%d".printf (mine.get_fd ()));
        assert_cmpstr (opened, EQ, mine.path);
        assert_false (other.is_held ());
        assert_true (other.is_locked ());
        assert_true (mine.release ());
        assert_false (mine.is_held ());
        assert_false (mine.is_locked ());
        assert_true (mine.get_fd () == -1);
    });

    add ("/sync/acquire-twice", (mine, other) => {
        mine.acquire ();
        assert_true (mine.acquire ());
        assert_true (mine.try_acquire ());
        mine.release ();
        assert_false (mine.is_held ());
        assert_true (other.try_acquire ());
    });

    add ("/sync/break-lock", (mine, other) => {
        mine.acquire ();
        assert_true (other.break_lock ());
        assert_true (other.try_acquire ());
        assert_error (new Lf.UnlockError.NOT_MY_LOCK (own_pid), () => mine.release ());
        assert_false (mine.is_held ());
        assert_true (other.release ());
    });

    // An error is not mistaken for a free lock
    add ("/sync/is-locked", (mine, other) => {
        var cancellable = new Cancellable ();
        assert_false (mine.is_locked (cancellable));
        cancellable.cancel ();
        assert_error (new IOError.CANCELLED (""), () => mine.is_locked (cancellable));
        assert_error (new IOError.CANCELLED (""), () => mine.break_lock (cancellable));
    });

    // The timeout of one call does not change the property
    add ("/sync/timeouts", (mine, other) => {
        assert_true (mine.acquire_with_timeout (0));
        var locked = new Lf.LockError.ALREADY_LOCKED (mine.path);
        var timed_out = new Lf.LockError.TIMED_OUT (mine.path);
        assert_error (locked, () => other.acquire_with_timeout (0));
        assert_error (locked, () => other.acquire_guard_with_timeout (0));
        assert_error (timed_out, () => other.acquire_with_timeout (0.05));
        assert_error (timed_out, () => other.acquire_guard_with_timeout (0.05));
        assert_true (other.timeout == -1);
    });

    add ("/sync/version", (mine, other) => {
        assert_true (Lf.get_major_version () == Lf.MAJOR_VERSION);
        assert_true (Lf.get_minor_version () == Lf.MINOR_VERSION);
        assert_true (Lf.get_micro_version () == Lf.MICRO_VERSION);
        assert_cmpstr (Lf.VERSION_STRING, EQ, "%d.%d.%d".printf (
            Lf.MAJOR_VERSION, Lf.MINOR_VERSION, Lf.MICRO_VERSION));
        assert_null (Lf.check_version (Lf.MAJOR_VERSION, Lf.MINOR_VERSION, Lf.MICRO_VERSION));
        assert_true (Lf.check_version (Lf.MAJOR_VERSION, Lf.MINOR_VERSION + 1, 0)
                         .contains ("too old"));
    });
}

async void await (Lf.LockFile mine, Lf.LockFile other) throws Error {
    assert_true (yield mine.acquire_async ());
    assert_true (mine.is_held ());
    release_in_a_moment (mine);
    assert_true (yield other.acquire_async ());
    assert_false (mine.is_held ());
}

async void await_release (Lf.LockFile mine, Lf.LockFile other) throws Error {
    mine.acquire ();
    assert_true (yield mine.release_async ());
    assert_false (mine.is_held ());
    assert_true (other.try_acquire ());
}

async void query_holder (Lf.LockFile mine, Lf.LockFile other) throws Error {
    assert_null (yield mine.query_holder_async ());
    other.acquire ();
    var holder = yield mine.query_holder_async ();
    assert_true (holder.pid == Posix.getpid ());
}

// The timeout of one call affects neither the property nor other claims
async void timeout (Lf.LockFile mine, Lf.LockFile other) throws Error {
    var changes = new StringBuilder ();
    bool patient = false;

    mine.notify["timeout"].connect (() => changes.append ("changed "));
    other.acquire ();
    try {
        yield mine.acquire_with_timeout_async (0);
        no_error ();
    } catch (Lf.LockError.ALREADY_LOCKED e) {
        assert_message (e, mine.path);
    }
    mine.acquire_async.begin (Priority.DEFAULT, null, (object, result) => attempt (() => {
        patient = mine.acquire_async.end (result);
        mine.release ();
    }));
    try {
        yield mine.acquire_with_timeout_async (0.05, Priority.DEFAULT, null);
        no_error ();
    } catch (Lf.LockError.TIMED_OUT e) {
        assert_false (patient);
    }
    other.release ();
    assert_true (yield mine.acquire_with_timeout_async (-1));
    assert_true (patient);
    assert_cmpstr (changes.str, EQ, "");
}

async void is_locked (Lf.LockFile mine, Lf.LockFile other) throws Error {
    var cancellable = new Cancellable ();

    assert_false (yield mine.is_locked_async ());
    other.acquire ();
    assert_true (yield mine.is_locked_async (Priority.DEFAULT, cancellable));
    cancellable.cancel ();
    try {
        yield mine.is_locked_async (Priority.DEFAULT, cancellable);
        no_error ();
    } catch (IOError.CANCELLED e) {
    }
}

async void break_lock (Lf.LockFile mine, Lf.LockFile other) throws Error {
    other.acquire ();
    assert_true (yield mine.break_lock_async ());
    assert_true (mine.try_acquire ());
    assert_error (new Lf.UnlockError.NOT_MY_LOCK (own_pid), () => other.release ());
}

async void loop_keeps_running (Lf.LockFile mine, Lf.LockFile other) throws Error {
    int ticks = 0;

    other.acquire ();
    Timeout.add (2, () => {
        assert_false (mine.is_held ());
        ticks++;
        if (ticks == 5)
            attempt (() => other.release ());
        return ticks < 5;
    });
    assert_true (yield mine.acquire_async ());
    assert_true (ticks == 5);
}

async void claim (Lf.LockFile lock_file, StringBuilder order, string name) throws Error {
    yield lock_file.acquire_async ();
    order.append (name);
}

async void shared_object (Lf.LockFile mine) throws Error {
    var order = new StringBuilder ();

    claim.begin (mine, order, "first ", () => release_in_a_moment (mine, order));
    yield claim (mine, order, "second");
    assert_cmpstr (order.str, EQ, "first release second");
    assert_true (mine.is_held ());
}

async void cancel (Lf.LockFile mine, Lf.LockFile other) throws Error {
    var cancellable = new Cancellable ();

    other.acquire ();
    Timeout.add (20, () => {
        cancellable.cancel ();
        return Source.REMOVE;
    });
    try {
        yield mine.acquire_async (Priority.DEFAULT, cancellable);
        no_error ();
    } catch (IOError.CANCELLED e) {
        assert_false (mine.is_held ());
    }
    other.release ();
    assert_false (mine.is_locked ());
}

void add_async () {
    add ("/async/callback", (mine, other) => {
        var result = run ((done) =>
            mine.acquire_async.begin (Priority.DEFAULT, null, (owned) done));
        assert_true (mine.acquire_async.end (result));
        assert_true (mine.is_held ());
    });
    add ("/async/await", (mine, other) =>
        await.end (run ((done) => await.begin (mine, other, (owned) done))));
    add ("/async/release", (mine, other) =>
        await_release.end (run ((done) => await_release.begin (mine, other, (owned) done))));
    add ("/async/query-holder", (mine, other) =>
        query_holder.end (run ((done) => query_holder.begin (mine, other, (owned) done))));
    add ("/async/timeout", (mine, other) =>
        timeout.end (run ((done) => timeout.begin (mine, other, (owned) done))));
    add ("/async/is-locked", (mine, other) =>
        is_locked.end (run ((done) => is_locked.begin (mine, other, (owned) done))));
    add ("/async/break-lock", (mine, other) =>
        break_lock.end (run ((done) => break_lock.begin (mine, other, (owned) done))));
    add ("/async/loop-keeps-running", (mine, other) =>
        loop_keeps_running.end (run ((done) =>
            loop_keeps_running.begin (mine, other, (owned) done))));
    add ("/async/shared-object", (mine, other) =>
        shared_object.end (run ((done) => shared_object.begin (mine, (owned) done))));
    add ("/async/cancel", (mine, other) =>
        cancel.end (run ((done) => cancel.begin (mine, other, (owned) done))));
}

void add_errors () {
    add ("/errors/already-locked", (mine, other) => {
        other.acquire ();
        assert_error (new Lf.LockError.ALREADY_LOCKED (mine.path), () => mine.try_acquire ());
    });

    add ("/errors/timed-out", (mine, other) => {
        other.acquire ();
        try {
            mine.acquire_with_timeout (0.05);
            no_error ();
        } catch (Lf.LockError.TIMED_OUT e) {
            assert_message (e, mine.path);
        }
        mine.timeout = 0.05;
        var result = run ((done) =>
            mine.acquire_async.begin (Priority.DEFAULT, null, (owned) done));
        assert_error (new Lf.LockError.TIMED_OUT (mine.path),
                      () => mine.acquire_async.end (result));
    });

    add ("/errors/would-deadlock", (mine, other) => {
        other.acquire ();
        assert_error (new Lf.LockError.WOULD_DEADLOCK (mine.path), () => mine.acquire ());
    });

    add ("/errors/not-locked", (mine, other) => {
        var result = run ((done) =>
            mine.release_async.begin (Priority.DEFAULT, null, (owned) done));
        assert_error (new Lf.UnlockError.NOT_LOCKED (mine.path),
                      () => mine.release_async.end (result));
        mine.acquire ();
        mine.release ();
        assert_error (new Lf.UnlockError.NOT_LOCKED (mine.path), () => mine.release ());
    });

    add ("/errors/not-my-lock", (mine, other) => {
        other.acquire ();
        try {
            mine.release ();
            no_error ();
        } catch (Lf.UnlockError.NOT_MY_LOCK e) {
            assert_message (e, own_pid);
        }
        assert_true (other.is_held ());
    });

    add ("/errors/not-supported", (mine, other) => {
        var foreign = new Lf.LockFile.with_backend (mine.path, LOCK_FILE_EX);
        try {
            foreign.acquire ();
            no_error ();
        } catch (Lf.BackendError.NOT_SUPPORTED e) {
            assert_message (e, "FLOCK");
        }
    });

    add ("/errors/invalid-lock-file", (mine, other) => {
        var link = mine.path + "-link";
        FileUtils.symlink (mine.path, link);
        assert_error (new Lf.BackendError.INVALID_LOCK_FILE (link),
                      () => new Lf.LockFile (link).acquire ());
        // FLOCK can lock a directory
        var directory = new Lf.LockFile.with_backend (directory_of (mine), FCNTL);
        assert_error (new Lf.BackendError.INVALID_LOCK_FILE (directory.path),
                      () => directory.acquire ());
    });

    add ("/errors/not-found", (mine, other) => {
        var path = directory_of (mine) + "/missing/lock";
        assert_error (new IOError.NOT_FOUND (path), () => new Lf.LockFile (path).acquire ());
    });

    add ("/errors/pending", (mine, other) => {
        other.acquire ();
        var result = run ((done) => {
            mine.acquire_async.begin (Priority.DEFAULT, null, (owned) done);
            assert_error (new IOError.PENDING (mine.path), () => mine.acquire ());
            other.release ();
        });
        assert_true (mine.acquire_async.end (result));
    });

    add ("/errors/cancelled", (mine, other) => {
        var cancellable = new Cancellable ();
        cancellable.cancel ();
        assert_error (new IOError.CANCELLED (""), () => mine.acquire (cancellable));
        assert_false (mine.is_locked ());
    });

    add ("/errors/invalid-filename", (mine, other) => {
        var remote = File.new_for_uri ("no-such-scheme://host/lock");
        assert_error (new IOError.INVALID_FILENAME (""), () => new Lf.LockFile ("").acquire ());
        assert_error (new IOError.INVALID_FILENAME (""),
                      () => new Lf.LockFile.for_file (remote).acquire ());
    });

    add ("/errors/invalid-argument", (mine, other) => assert_error (
        new IOError.INVALID_ARGUMENT (""), () => mine.acquire_with_timeout (double.NAN)));
}

async void notify_held (Lf.LockFile mine, Lf.LockFile other) throws Error {
    var events = new StringBuilder ();

    mine.notify["held"].connect (() => events.append (mine.held ? "+" : "-"));
    other.acquire ();
    release_in_a_moment (other);
    yield mine.acquire_async ();
    events.append ("acquired");
    yield mine.release_async ();
    events.append ("released");
    assert_cmpstr (events.str, EQ, "+acquired-released");
}

void add_notify () {
    add ("/notify/sync", (mine, other) => {
        var events = new StringBuilder ();
        mine.notify["held"].connect (() => events.append (mine.held ? "+" : "-"));
        mine.acquire ();
        assert_cmpstr (events.str, EQ, "+");
        mine.acquire ();
        mine.release ();
        assert_cmpstr (events.str, EQ, "+-");
        other.acquire ();
        assert_error (new Lf.LockError.ALREADY_LOCKED (""), () => mine.try_acquire ());
        assert_cmpstr (events.str, EQ, "+-");
    });

    add ("/notify/async", (mine, other) =>
        notify_held.end (run ((done) => notify_held.begin (mine, other, (owned) done))));
}

void assert_properties (Lf.LockFile lock_file, Lf.LockMode mode, double timeout, bool flags,
                        uint file_mode, double poll_interval, double notice_delay) {
    assert_true (lock_file.mode == mode);
    assert_true (lock_file.timeout == timeout);
    assert_true (lock_file.remove_on_release == flags);
    assert_true (lock_file.create_parents == flags);
    assert_true (lock_file.durable == !flags);
    assert_true (lock_file.file_mode == file_mode);
    assert_true (lock_file.poll_interval == poll_interval);
    assert_true (lock_file.monitor == flags);
    assert_true (lock_file.notice_delay == notice_delay);
}

async void wait_with_notice (Lf.LockFile mine, Lf.LockFile other) throws Error {
    var pid = 0;
    mine.notice_delay = 0.01;
    other.acquire ();
    mine.waiting.connect ((holder) => {
        pid = holder.pid;
        attempt (() => other.release ());
    });
    yield mine.acquire_async ();
    assert_true (pid == (int) Posix.getpid ());
}

void add_held () {
    add ("/held/verify", (mine, other) => {
        assert_error (new Lf.UnlockError.NOT_LOCKED (""), () => mine.verify ());
        mine.acquire ();
        assert_true (mine.verify ());
        FileUtils.rename (mine.path, mine.path + ".away");
        other.acquire ();
        assert_error (new Lf.UnlockError.NOT_MY_LOCK (""), () => mine.verify ());
        assert_false (mine.is_held ());
        assert_true (other.verify ());
    });

    add ("/held/lost", (mine, other) => {
        var loop = new MainLoop ();
        mine.monitor = true;
        mine.lost.connect ((reason) => {
            assert_true (reason is Lf.UnlockError.NOT_LOCKED);
            loop.quit ();
        });
        mine.acquire ();
        FileUtils.unlink (mine.path);
        loop.run ();
        assert_false (mine.is_held ());
        mine.acquire ();
    });

    add ("/held/waiting", (mine, other) =>
        wait_with_notice.end (run ((done) => wait_with_notice.begin (mine, other, (owned) done))));
}

void add_properties () {
    add ("/properties/defaults", (mine, other) => {
        assert_properties (mine, EXCLUSIVE, -1, false, 0666, 0.5, -1);
        assert_true (mine.backend == FLOCK);
        assert_false (mine.held);
    });

    add ("/properties/construction", (mine, other) => {
        var made = new Lf.LockFile.with_backend (mine.path, SYMLINK) {
            mode = SHARED, timeout = 1.5, remove_on_release = true,
            create_parents = true, durable = false, file_mode = 0600, poll_interval = 0.25,
            monitor = true, notice_delay = 0.75
        };
        assert_properties (made, SHARED, 1.5, true, 0600, 0.25, 0.75);
        assert_cmpstr (made.path, EQ, mine.path);
        assert_true (made.backend == SYMLINK);
    });

    add ("/properties/setters", (mine, other) => {
        var notified = new StringBuilder ();
        mine.notify.connect ((pspec) => notified.append (pspec.name + " "));
        for (int round = 0; round < 2; round++) {
            mine.mode = SHARED;
            mine.timeout = 1.5;
            mine.remove_on_release = true;
            mine.create_parents = true;
            mine.durable = false;
            mine.file_mode = 0600;
            mine.poll_interval = 0.25;
            mine.monitor = true;
            mine.notice_delay = 0.75;
        }
        assert_properties (mine, SHARED, 1.5, true, 0600, 0.25, 0.75);
        assert_cmpstr (notified.str, EQ, "mode timeout remove-on-release create-parents " +
                       "durable file-mode poll-interval monitor notice-delay ");
    });

    add ("/properties/absolute-path", (mine, other) => {
        var relative = new Lf.LockFile ("relative.lock");
        assert_cmpstr (relative.path, EQ, Environment.get_current_dir () + "/relative.lock");
    });

    add ("/properties/mode", (mine, other) => {
        mine.mode = SHARED;
        other.mode = SHARED;
        mine.acquire ();
        assert_true (other.try_acquire ());
        // For the next acquire
        other.mode = EXCLUSIVE;
        assert_true (other.mode == EXCLUSIVE);
        var third = new Lf.LockFile (mine.path) { mode = SHARED };
        assert_true (third.try_acquire ());
        third.release ();
        other.release ();
        assert_error (new Lf.LockError.ALREADY_LOCKED (""), () => other.try_acquire ());
    });

    add ("/properties/files", (mine, other) => {
        var removed = new Lf.LockFile (directory_of (mine) + "/a/b/lock") {
            create_parents = true, remove_on_release = true, file_mode = 0600
        };
        Posix.Stat status;
        removed.acquire ();
        Posix.stat (removed.path, out status);
        assert_true ((status.st_mode & 07777) == 0600);
        removed.release ();
        assert_false (removed.get_file ().query_exists ());
        mine.acquire ();
        mine.release ();
        assert_true (mine.get_file ().query_exists ());
    });

    add ("/properties/backends", (mine, other) => {
        assert_true (Lf.Backend.AUTO.is_supported ());
        assert_true (Lf.Backend.FLOCK.is_supported ());
        assert_false (Lf.Backend.LOCK_FILE_EX.is_supported ());
    });
}

void add_holder () {
    add ("/holder/free", (mine, other) => {
        assert_null (mine.query_holder ());
        mine.acquire ();
        mine.release ();
        assert_null (mine.query_holder ());
    });

    add ("/holder/own", (mine, other) => {
        mine.acquire ();
        foreach (var lock_file in new Lf.LockFile[] { mine, other }) {
            var holder = lock_file.query_holder ();
            assert_true (holder.pid == Posix.getpid ());
            assert_cmpstr (holder.host, EQ, Environment.get_host_name ());
            assert_cmpstr (holder.application, EQ, program);
            assert_cmpstr (holder.to_string (), EQ, @"$own_pid ($program)");
        }
    });

    add ("/holder/other-process", (mine, other) => {
        var flock = new Subprocess (STDIN_PIPE | STDOUT_PIPE,
                                    "flock", mine.path, "-c", "echo held; read x");
        var pid = "PID " + flock.get_identifier ();
        var output = new DataInputStream (flock.get_stdout_pipe ());
        assert_cmpstr (output.read_line (), EQ, "held");
        var holder = mine.query_holder ();
        assert_cmpstr (holder.get_pid ().to_string (), EQ, flock.get_identifier ());
        assert_cmpstr (holder.get_host (), EQ, Environment.get_host_name ());
        assert_cmpstr (holder.get_application (), EQ, "flock");
        assert_error (new Lf.UnlockError.NOT_MY_LOCK (pid), () => mine.release ());
        assert_error (new Lf.LockError.TIMED_OUT (mine.path),
                      () => mine.acquire_with_timeout (0.05));
        flock.get_stdin_pipe ().close ();
        flock.wait ();
        assert_null (mine.query_holder ());
    });
}

async void guard_async (Lf.LockFile mine, Lf.LockFile other) throws Error {
    {
        var guard = yield mine.acquire_guard_async ();
        assert_true (guard.get_lock_file ().is_held ());
    }
    assert_true (other.try_acquire ());
}

void add_drop () {
    add ("/drop/guard", (mine, other) => {
        {
            var guard = mine.acquire_guard ();
            assert_true (guard.get_lock_file () == mine);
            assert_true (mine.is_held ());
        }
        assert_false (mine.is_held ());
    });

    add ("/drop/guard-too-late", (mine, other) => {
        {
            var guard = mine.acquire_guard ();
            guard.get_lock_file ().release ();
            mine.acquire ();
        }
        assert_true (mine.is_held ());
    });

    // It reports errors, and the guard's end then does nothing
    add ("/drop/guard-release", (mine, other) => {
        {
            var guard = mine.acquire_guard_with_timeout (-1);
            assert_true (guard.release ());
            assert_false (mine.is_held ());
            assert_error (new Lf.UnlockError.NOT_LOCKED (mine.path), () => guard.release ());
            mine.acquire ();
        }
        assert_true (mine.is_held ());
        mine.release ();

        var broken = mine.acquire_guard ();
        other.break_lock ();
        other.acquire ();
        assert_error (new Lf.UnlockError.NOT_MY_LOCK (own_pid), () => broken.release ());
        assert_false (mine.is_held ());
    });

    add ("/drop/guard-async", (mine, other) =>
        guard_async.end (run ((done) => guard_async.begin (mine, other, (owned) done))));

    add ("/drop/last-reference", (mine, other) => {
        var dropped = new Lf.LockFile (mine.path);
        dropped.acquire ();
        dropped = null;
        assert_true (other.try_acquire ());
    });
}

void add_paths () {
    add ("/paths/file", (mine, other) => {
        var file = File.new_for_path (mine.path);
        var lock_file = new Lf.LockFile.for_file (file);
        assert_cmpstr (lock_file.get_path (), EQ, mine.path);
        assert_true (lock_file.get_file ().equal (file));
    });

    add ("/paths/document", (mine, other) => {
        var directory = directory_of (mine);
        var link = File.new_for_path (directory + "/link");
        link.make_symbolic_link ("notes.txt");
        var lock_file = new Lf.LockFile.for_document (link);
        assert_cmpstr (lock_file.document.get_path (), EQ, directory + "/notes.txt");
        assert_true (lock_file.get_document ().equal (lock_file.document));
        assert_cmpstr (lock_file.path, EQ, directory + "/.notes.txt.lock");
        assert_true (lock_file.remove_on_release);
        lock_file.acquire ();
        lock_file.release ();
        assert_true (mine.document == null);

        var missing = File.new_for_path (directory + "/none/notes.txt");
        assert_error (new IOError.NOT_FOUND (""),
                      () => new Lf.LockFile.for_document (missing).acquire ());
    });

    add ("/paths/with-backend", (mine, other) => {
        var lock_file = new Lf.LockFile.with_backend (mine.path, DIRECTORY);
        assert_cmpstr (lock_file.path, EQ, mine.path);
        lock_file.acquire ();
        assert_true (FileUtils.test (mine.path, IS_DIR));
        lock_file.release ();
    });

    add ("/paths/not-ascii", (mine, other) => {
        var path = directory_of (mine) + "/Schloß 錠";
        assert_cmpstr (new Lf.LockFile (path).path, EQ, path);
    });

    add ("/paths/not-utf8", (mine, other) => {
        var path = directory_of (mine) + "/\xff\xfe";
        var lock_file = new Lf.LockFile (path);
        assert_cmpstr (lock_file.path, EQ, path);
        lock_file.acquire ();
        assert_true (FileUtils.test (path, EXISTS));
    });
}

void add_semaphore () {
    add ("/semaphore/slots", (mine, other) => {
        var first = new Lf.Semaphore (mine.path, 2);
        var second = new Lf.Semaphore (mine.path, 2) { timeout = 0 };
        var third = new Lf.Semaphore (mine.path, 2);
        assert_cmpuint (first.slots, EQ, 2);
        assert_cmpstr (first.path, EQ, mine.path);
        first.acquire ();
        second.acquire ();
        assert_cmpuint (first.get_slot (), EQ, 1);
        assert_cmpuint (second.get_slot (), EQ, 2);
        assert_error (new Lf.LockError.ALREADY_LOCKED (""), () => third.try_acquire ());
        assert_error (new Lf.LockError.TIMED_OUT (""), () => third.acquire_with_timeout (0.05));
        first.release ();
        assert_false (first.held);
        third.acquire ();
        assert_error (new Lf.UnlockError.NOT_LOCKED (""), () => first.release ());
    });

    add ("/semaphore/async", (mine, other) => {
        var held = new Lf.Semaphore (mine.path, 1);
        var waiting = new Lf.Semaphore (mine.path, 1);
        held.acquire ();
        Timeout.add (20, () => {
            attempt (() => held.release ());
            return Source.REMOVE;
        });
        waiting.acquire_async.end (run ((callback) => waiting.acquire_async.begin (
            Priority.DEFAULT, null, (owned) callback)));
        assert_true (waiting.held);
        waiting.release_async.end (run ((callback) => waiting.release_async.begin (
            Priority.DEFAULT, null, (owned) callback)));
        assert_false (waiting.held);
    });
}

/* A function that does not know the class of a lock. */
void use_lock (Lf.Lock mine, Lf.Lock other) throws Error {
    assert_true (mine.get_display_name ().has_suffix ("lock"));
    mine.timeout = 0;
    assert_true (mine.timeout == 0);
    mine.acquire ();
    assert_true (mine.held && mine.is_acquired_by_thread ());
    assert_true (mine.verify ());
    assert_error (new Lf.LockError.ALREADY_LOCKED (""), () => other.try_acquire ());
    assert_error (new Lf.LockError.TIMED_OUT (""), () => other.acquire_with_timeout (0.01));
    mine.release ();
    assert_error (new Lf.UnlockError.NOT_LOCKED (""), () => mine.release ());
}

void guard_lock (Lf.Lock mine) throws Error {
    {
        var guard = mine.acquire_guard ();
        assert_true (guard.get_lock () == mine);
        assert_true ((guard.get_lock_file () != null) == (mine is Lf.LockFile));
        assert_true (mine.held);
    }
    assert_false (mine.held);
}

void add_lock () {
    add ("/lock/sync", (mine, other) => {
        use_lock (mine, other);
        use_lock (new Lf.Semaphore (mine.path, 1), new Lf.Semaphore (mine.path, 1));
    });

    add ("/lock/guard", (mine, other) => {
        guard_lock (mine);
        guard_lock (new Lf.Semaphore (mine.path, 1));
    });

    add ("/lock/async", (mine, other) => {
        Lf.Lock[] locks = { mine, new Lf.Semaphore (mine.path, 1) };
        foreach (unowned var any in locks) {
            any.acquire_async.end (run ((callback) => any.acquire_async.begin (
                Priority.DEFAULT, null, (owned) callback)));
            assert_true (any.held);
            any.release_async.end (run ((callback) => any.release_async.begin (
                Priority.DEFAULT, null, (owned) callback)));
            assert_false (any.held);
        }
    });

    add ("/lock/holder", (mine, other) => {
        Lf.Lock any = mine;
        Lf.Lock semaphore = new Lf.Semaphore (mine.path, 1);
        any.acquire ();
        assert_cmpint (((!) any.query_holder ()).pid, EQ, Posix.getpid ());
        assert_true (any.is_locked ());
        other.break_lock ();
        assert_error (new Lf.BackendError.NOT_SUPPORTED (""), () => semaphore.query_holder ());
        assert_error (new Lf.BackendError.NOT_SUPPORTED (""), () => semaphore.break_lock ());
    });

    add ("/lock/lost", (mine, other) => {
        Lf.Lock any = mine;
        var lost = false;
        any.lost.connect ((reason) => lost = reason is Lf.UnlockError.NOT_LOCKED);
        mine.monitor = true;
        any.acquire ();
        other.break_lock ();
        while (!lost)
            MainContext.default ().iteration (true);
        assert_false (mine.held);
    });
}

void add_handed_on () {
    add ("/handed-on/steal", (mine, other) => {
        assert_cmpint (mine.steal_fd (), EQ, -1);
        mine.acquire ();
        var adopted = new Lf.LockFile.for_fd (mine.steal_fd (), FLOCK);
        assert_false (mine.held);
        assert_error (new Lf.LockError.ALREADY_LOCKED (""), () => other.try_acquire ());
        adopted.try_acquire ();
        adopted.release ();
        other.try_acquire ();
        other.release ();
        assert_error (new Lf.BackendError.NOT_SUPPORTED (""),
                      () => new Lf.LockFile.for_fd (0, SYMLINK).acquire ());
    });

    add ("/handed-on/convert", (mine, other) => {
        var first = new Lf.LockFile.with_backend (mine.path, FCNTL) {
            mode = SHARED, upgradable = true
        };
        var second = new Lf.LockFile.with_backend (mine.path, FCNTL) { mode = SHARED };
        first.acquire ();
        second.acquire ();
        assert_error (new Lf.LockError.ALREADY_LOCKED (""), () => first.try_upgrade ());
        second.release ();
        first.try_upgrade ();
        assert_error (new Lf.LockError.ALREADY_LOCKED (""), () => second.try_acquire ());
        first.downgrade ();
        second.try_acquire ();
        mine.acquire ();
        assert_error (new Lf.BackendError.NOT_SUPPORTED (""), () => mine.downgrade ());
    });
}

int main (string[] args) {
    Test.init (ref args);
    Test.set_nonfatal_assertions ();
    own_pid = "PID %d".printf (Posix.getpid ());
    program = Path.get_basename (args[0]);

    add_sync ();
    add_async ();
    add_errors ();
    add_notify ();
    add_held ();
    add_properties ();
    add_holder ();
    add_drop ();
    add_paths ();
    add_semaphore ();
    add_lock ();
    add_handed_on ();

    return Test.run ();
}
