# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
# shellcheck shell=bash
#
# Around a dependency in the meson.build of a program.

set -eu

mkdir meson-dependency
cd meson-dependency
cat >meson.build <<'END'
project('example', 'c', meson_version: '>= 1.0.0')
@BLOCK@
executable('example', 'example.c', dependencies: lockfile_glib_dep)
END
cat >example.c <<'END'
#include <lockfile-glib/lockfile-glib.h>

int
main (void)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new ("example.lock");

  return lf_lock_file_acquire (lock, NULL, NULL) ? 0 : 1;
}
END
meson setup build --werror
meson compile -C build
build/example
