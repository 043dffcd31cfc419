// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// proper-lockfile: proper-lockfile.js PATH
//
// The commands are those of contestant.c. It waits as with its option "retries": a second
// at first, and twice as long each time.

'use strict';

// Debian's modules are here; another source's Node does not look there
process.env.NODE_PATH = '/usr/share/nodejs';
require('module').Module._initPaths();

const lockfile = require('proper-lockfile');
const readline = require('readline');

// It appends ".lock" itself
const file = process.argv[2].replace(/\.lock$/, '');
const options = { realpath: false, retries: 100 };
const now = () => process.hrtime.bigint();

let giveBack;

async function acquire() {
    giveBack = await lockfile.lock(file, options);
}

async function cycle(count) {
    const times = [];

    for (let i = 0; i < count / 10 + 1; i++) {
        await acquire();
        await giveBack();
    }

    let before = now();
    for (let i = 0; i < count; i++) {
        await acquire();
        await giveBack();
        const after = now();
        times.push(after - before);
        before = after;
    }

    return times;
}

async function obey(command, argument) {
    if (command === 'acquire') {
        await acquire();
        return [now()];
    } else if (command === 'release') {
        const before = now();
        await giveBack();
        return [before];
    } else if (command === 'cycle') {
        return await cycle(Number(argument));
    }
    throw new Error(`No such command: ${command}`);
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin }))
        console.log((await obey(...line.split(' '))).join(' '));
}

main();
