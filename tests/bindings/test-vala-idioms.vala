// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// The library in a typical Vala program, without casts. It is compiled with
// --enable-experimental-non-null: a "?" that is missing here, or is superfluous in the
// binding, is an error.

errordomain TestError {
    MISTAKE
}

delegate void Body (string path) throws Error;
delegate void Start (string path, owned AsyncReadyCallback done);
delegate void End (AsyncResult result) throws Error;

// A case gets the path of a lock file, in a directory of its own
void add (string name, owned Body body) {
    Test.add_data_func (name, () => {
        try {
            var directory = DirUtils.make_tmp ("lockfile-glib-XXXXXX");
            body (directory + "/lock");
            FileUtils.remove (directory + "/lock");
            DirUtils.remove (directory);
        } catch (Error e) {
            Test.fail_printf ("%s: %s", e.domain.to_string (), e.message);
        }
    });
}

void add_async (string name, owned Start start, owned End end) {
    add (name, (path) => {
        var loop = new MainLoop ();
        AsyncResult? result = null;

        start (path, (object, res) => {
            result = res;
            loop.quit ();
        });
        loop.run ();
        end ((!) result);
    });
}

void throw_with_guard (Lf.LockFile lock_file) throws Error {
    var guard = lock_file.acquire_guard ();

    assert_true (guard.get_lock ().is_held ());
    throw new TestError.MISTAKE ("thrown while it is held");
}

bool is_held_under_guard (Lf.LockFile lock_file) throws Error {
    var guard = lock_file.acquire_guard ();

    return guard.get_lock ().is_held ();
}

// A program that names the holder instead of waiting
string tell (Lf.LockFile lock_file) throws Error {
    try {
        lock_file.try_acquire ();
        return "acquired";
    } catch (Lf.LockError.ALREADY_LOCKED e) {
        Lf.LockHolder? holder = lock_file.query_holder ();
        if (holder == null)
            return "held by somebody who is gone";
        // The "!" belongs to "?", and is not a cast
        return @"held by $((!) holder)";
    } catch (Lf.LockError e) {
        return "not acquired";
    } catch (Lf.BackendError e) {
        return "not supported";
    }
}

async void throw_with_guard_async (Lf.LockFile lock_file) throws Error {
    var guard = yield lock_file.acquire_guard_async ();

    assert_true (guard.get_lock ().is_held ());
    // Back in the main loop, with the guard in the coroutine
    Idle.add (throw_with_guard_async.callback);
    yield;
    assert_true (lock_file.is_held ());
    throw new TestError.MISTAKE ("thrown while it is held");
}

async bool is_held_under_guard_async (Lf.LockFile lock_file) throws Error {
    var guard = yield lock_file.acquire_guard_async ();

    return guard.get_lock ().is_held ();
}

async void wait (string path) throws Error {
    var holding = new Lf.LockFile (path);
    var waiting = new Lf.LockFile (path) { timeout = 0.05 };

    yield holding.acquire_async ();
    try {
        yield waiting.acquire_async (Priority.LOW);
        Test.fail_printf ("two have it");
    } catch (Lf.LockError.TIMED_OUT e) {
        Lf.LockHolder? holder = yield waiting.query_holder_async ();
        assert_true (holder != null && ((!) holder).pid == (int) Posix.getpid ());
    }
    assert_true (yield waiting.is_locked_async ());
    yield holding.release_async ();
    yield waiting.acquire_with_timeout_async (2.5);
    yield waiting.release_async ();
    yield waiting.acquire_async (Priority.DEFAULT, new Cancellable ());
    assert_true (waiting.held);
}

async void guard_of_coroutine (string path) throws Error {
    var lock_file = new Lf.LockFile (path);

    try {
        yield throw_with_guard_async (lock_file);
        Test.fail_printf ("no error");
    } catch (TestError.MISTAKE e) {
        // valac reports the error before it frees the variables, so the lock may be held
        // until this returns to the main loop
        Idle.add (guard_of_coroutine.callback);
        yield;
        assert_false (lock_file.is_held ());
    }

    assert_true (yield is_held_under_guard_async (lock_file));
    assert_false (lock_file.is_held ());
}

void add_guards () {
    add ("/idioms/guard/return", (path) => {
        var lock_file = new Lf.LockFile (path);
        assert_true (is_held_under_guard (lock_file));
        assert_false (lock_file.is_held ());
    });

    add ("/idioms/guard/throw", (path) => {
        var lock_file = new Lf.LockFile (path);
        try {
            throw_with_guard (lock_file);
            Test.fail_printf ("no error");
        } catch (TestError.MISTAKE e) {
            assert_false (lock_file.is_held ());
        }
    });

    add ("/idioms/guard/two-references", (path) => {
        var lock_file = new Lf.LockFile (path);
        Lf.LockGuard? first = lock_file.acquire_guard ();
        Lf.LockGuard? second = first;
        first = null;
        assert_true (lock_file.is_held ());
        second = null;
        assert_false (lock_file.is_held ());
    });

    add ("/idioms/guard/keeps-the-object", (path) => {
        Lf.LockGuard? guard = new Lf.LockFile (path).acquire_guard ();
        assert_cmpstr (tell (new Lf.LockFile (path)), EQ,
                       @"held by PID $((int) Posix.getpid ()) (test-vala-idioms)");
        guard = null;
        assert_cmpstr (tell (new Lf.LockFile (path)), EQ, "acquired");
    });

    add_async ("/idioms/guard/coroutine",
               (path, done) => guard_of_coroutine.begin (path, (owned) done),
               (result) => guard_of_coroutine.end (result));
}

void add_rest () {
    add_async ("/idioms/yield",
               (path, done) => wait.begin (path, (owned) done),
               (result) => wait.end (result));

    add ("/idioms/errordomain", (path) => {
        var lock_file = new Lf.LockFile.with_backend (path, LOCK_FILE_EX);
        assert_cmpstr (tell (lock_file), EQ, "not supported");
        try {
            new Lf.LockFile (path).release ();
            Test.fail_printf ("no error");
        } catch (Lf.UnlockError e) {
            assert_true (e is Lf.UnlockError.NOT_LOCKED);
            assert_true (e.domain == Lf.UnlockError.quark ());
        } catch (Error e) {
            Test.fail_printf ("another domain: %s", e.message);
        }
    });

    add ("/idioms/with-backend", (path) => {
        Lf.Backend[] backends = { FLOCK, FCNTL, HARD_LINK, DIRECTORY, SYMLINK, PID_FILE };
        foreach (var backend in backends) {
            var lock_file = new Lf.LockFile.with_backend (path, backend) {
                remove_on_release = true, timeout = 1.5
            };
            assert_true (lock_file.backend == backend);
            assert_cmpstr (lock_file.path, EQ, path);
            assert_true (lock_file.acquire () && lock_file.held && lock_file.release ());
            assert_false (FileUtils.test (path, EXISTS));
        }
    });

    add ("/idioms/nullable", (path) => {
        var remote = new Lf.LockFile.for_file (File.new_for_uri ("no-such-scheme://host/x"));
        assert_true (remote.path == null && remote.get_path () == null);
        assert_true (remote.file == null && remote.get_file () == null);

        var lock_file = new Lf.LockFile (path);
        lock_file.acquire ();
        var holder = (!) lock_file.query_holder ();

        // These lines compile only if the binding says that the values can be null
        var its_path = lock_file.path;
        var its_file = lock_file.file;
        var application = holder.application;
        var host = holder.host;
        its_path = application = host = null;
        its_file = null;
    });
}

int main (string[] args) {
    Test.init (ref args);
    Test.set_nonfatal_assertions ();

    add_guards ();
    add_rest ();

    return Test.run ();
}
