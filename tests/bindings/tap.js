// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// For tests in JavaScript: cases that are reported as TAP, each with a directory of its
// own, and a few checks.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

const cases = [];

/** Adds a case. The body gets the path of a directory, and may be async. */
export function test(name, body) {
    cases.push({name, body});
}

export function assertTrue(value) {
    if (value !== true)
        throw new Error(`${value} is not true`);
}

export function assertFalse(value) {
    if (value !== false)
        throw new Error(`${value} is not false`);
}

/** Compares numbers and strings, or arrays of them. */
export function assertEqual(actual, expected) {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

/** Checks that the body throws, or rejects with, one error. */
export async function assertError(domain, code, body, text = '') {
    try {
        await body();
    } catch (e) {
        if (!(e instanceof GLib.Error && e instanceof domain && e.matches(domain, code)))
            throw e;
        if (!e.message.includes(text))
            throw e;
        return;
    }

    throw new Error(`no error, expected ${domain.name} ${code}`);
}

/** Checks that the body throws an error of this class, not of GLib. */
export function assertThrows(errorClass, text, body) {
    try {
        body();
    } catch (e) {
        if (!(e instanceof errorClass) || !e.message.includes(text))
            throw e;
        return;
    }

    throw new Error(`no error, expected ${errorClass.name}`);
}

/** Calls the function from the main loop. */
export function inAMoment(callback) {
    GLib.timeout_add(GLib.PRIORITY_DEFAULT, 20, () => {
        callback();
        return GLib.SOURCE_REMOVE;
    });
}

function remove(file) {
    const type = file.query_file_type(Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, null);

    if (type === Gio.FileType.DIRECTORY) {
        const children = file.enumerate_children(Gio.FILE_ATTRIBUTE_STANDARD_NAME,
            Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, null);

        for (const info of children)
            remove(children.get_child(info));
    }

    file.delete(null);
}

async function runCase(body) {
    const directory = GLib.Dir.make_tmp('lockfile-glib-XXXXXX');

    try {
        await body(directory);
    } finally {
        remove(Gio.File.new_for_path(directory));
    }
}

/** Runs all cases one after the other, and exits if one failed. */
export async function run() {
    let failed = false;

    print(`TAP version 13\n1..${cases.length}`);

    for (const [index, {name, body}] of cases.entries()) {
        try {
            await runCase(body);
            print(`ok ${index + 1} ${name}`);
        } catch (e) {
            failed = true;
            print(`not ok ${index + 1} ${name}`);
            print(`${e}\n${e.stack}`.trim().replaceAll(/^/gm, '# '));
        }
    }

    if (failed)
        System.exit(1);
}
