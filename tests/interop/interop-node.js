// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// proper-lockfile, as test-interop.c uses it:
//
//   interop-node.js PROGRAM hold PATH  prints "busy" if it has to wait and "held" when it has
//                                      the lock, and releases it at a line of input
//   interop-node.js PROGRAM try PATH   tries once, and prints "held", "busy" or "error CODE"
//
// PROGRAM is "proper-lockfile", or "proper-lockfile-lease" with the shortest time after which it
// finds a lock stale: two seconds.

'use strict';

// Debian's modules are here; another source's Node does not look there
process.env.NODE_PATH = '/usr/share/nodejs';
require('module').Module._initPaths();

const lockfile = require('proper-lockfile');

const [program, verb, path] = process.argv.slice(2);
// It appends ".lock" itself
const file = path.replace(/\.lock$/, '');
const options = {
    // The file itself need not exist
    realpath: false,
    // A test makes locks look old
    onCompromised: () => {},
    ...(program === 'proper-lockfile-lease' ? { stale: 2000, update: 1000 } : {}),
};
const patience = { retries: 10000, factor: 1, minTimeout: 20, maxTimeout: 20 };

async function lock(retries) {
    try {
        return await lockfile.lock(file, { ...options, retries });
    } catch (error) {
        if (error.code === 'ELOCKED')
            return null;
        throw error;
    }
}

async function main() {
    let release = await lock(0);

    if (verb === 'try') {
        console.log(release === null ? 'busy' : 'held');
    } else {
        if (release === null) {
            console.log('busy');
            release = await lock(patience);
        }
        console.log('held');
        await new Promise(resolve => process.stdin.once('data', resolve).once('end', resolve));
        process.stdin.destroy();
    }

    if (release !== null)
        await release();
}

main().catch(error => console.log(`error ${error.code}`));
