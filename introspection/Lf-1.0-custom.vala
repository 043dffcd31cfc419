// SPDX-License-Identifier: LGPL-2.1-or-later

// What the Vala binding has beside what is made from the GIR.
namespace Lf {
    public sealed class LockFile : GLib.Object {
        // In C: g_object_new (type, "path", path, "backend", backend, NULL). Without it a
        // program would have to call that by itself, and to cast what it gets.
        [CCode (cname = "g_object_new", has_construct_function = false)]
        [Version (since = "1.0")]
        public LockFile.with_backend (
            [CCode (pos = 3)] string path,
            [CCode (pos = 5)] Lf.Backend backend,
            [CCode (pos = 1)] GLib.Type type = typeof (Lf.LockFile),
            [CCode (pos = 2)] string path_name = "path",
            [CCode (pos = 4)] string backend_name = "backend",
            [CCode (pos = 6)] void* end = null
        );
    }
}
