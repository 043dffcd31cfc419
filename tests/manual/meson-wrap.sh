# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
# shellcheck shell=bash
#
# Around the wrap file of a project that has the library as a subproject, fetched from a
# repository that is made of the source tree.

set -eu

mkdir repository
tar -C "$LF_SOURCE_ROOT" -c --exclude=./.git --exclude='./.build*' --exclude='./build*' \
  --exclude='./_build*' . | tar -x -C repository
git -C repository init -q
git -C repository add -A
git -C repository -c user.name=test -c user.email=test@localhost commit -q -m 'To be fetched'

mkdir -p meson-wrap/subprojects
cd meson-wrap
cat >subprojects/lockfile-glib.wrap <<'END'
@BLOCK@
END
sed -i "s|ADDRESS-OF-THIS-REPOSITORY|file://$(realpath ../repository)|; s|TAG-OR-COMMIT|HEAD|" \
  subprojects/lockfile-glib.wrap
cat >meson.build <<'END'
project('example', 'c', meson_version: '>= 1.0.0')
lockfile_glib_dep = dependency('lockfile-glib-1.0',
  default_options: ['tests=false', 'examples=false'],
)
assert(lockfile_glib_dep.type_name() == 'internal')
END
meson setup build --force-fallback-for=lockfile-glib-1.0
