// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// Around a block that is the body of an asynchronous function.

import GLib from 'gi://GLib';
import Lf from 'gi://Lf?version=1.0';

const loop = new GLib.MainLoop(null, false);
let status = 0;

async function work() {
    @BLOCK@
}

work().catch(e => {
    logError(e);
    status = 1;
}).finally(() => loop.quit());
loop.run();
imports.system.exit(status);
