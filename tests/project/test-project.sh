#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
#
# The library as other projects use it:
#
#   headers SOURCE      every public header compiles alone, as C and as C++; compilers warn
#                       programs that ignore whether the lock was acquired
#   subproject SOURCE   a project that has it as a Meson subproject builds and runs
#   installed SOURCE    C, Vala, Python and JavaScript use an installed copy
#   dist SOURCE         `meson dist` makes a tarball that builds, passes tests, and
#                       installs tests that pass too
#   packages SOURCE     Debian packages are built, and lintian has no complaints
#   version SOURCE      NEWS and debian/changelog have meson.build's version
#   devenv SOURCE       Python, with its override, and JavaScript find the library in the build
#   clang SOURCE        clang builds it without warnings, and its sanitizers find nothing
#                       where threads are cancelled
#   musl SOURCE         it compiles with the headers of another C library
#   posix SOURCE        it compiles for a system of which only POSIX is known

set -euo pipefail

test_name=$1
source_root=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

write_consumer () {
  cat >"$directory/consumer.c" <<'END'
#include <lockfile-glib/lockfile-glib.h>

int
main (int argc, char **argv)
{
  g_autoptr (LfLockFile) lock = lf_lock_file_new (argv[argc - 1]);
  g_autoptr (GError) error = NULL;

  if (!LF_CHECK_VERSION (1, 0, 0) || !lf_lock_file_acquire (lock, NULL, &error))
    g_error ("%s", error->message);
  g_print ("C has it\n");

  return 0;
}
END
}

expect () {
  [[ $1 == "$2" ]] || { echo "Expected \"$2\", got \"$1\""; exit 1; }
}

# None of this is necessary after an installation to the usual places
use_prefix () {
  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib \
    GI_TYPELIB_PATH=$prefix/lib/girepository-1.0 XDG_DATA_DIRS=$prefix/share:/usr/share \
    PYTHONPATH=$prefix/lib/python3/dist-packages
}

copy_source=$source_root/tests/packages/copy-source
# An unknown compiler may warn about our code: only warnings about a user's code are
# failures here
library_only=(-Dtests=false -Dexamples=false)

# compile_objects NAME OPTION...: only compiles, since it could not be linked here
compile_objects () {
  local build=$directory/$1 objects
  shift
  meson setup "$build" "$source_root" "${library_only[@]}" -Dintrospection=disabled \
    -Dsqlite=enabled -Dcommand=enabled -Dwerror=true "$@"
  mapfile -t objects < <(ninja -C "$build" -t targets rule c_COMPILER)
  [[ ${#objects[@]} -gt 30 ]]
  ninja -C "$build" "${objects[@]}"
}

case $test_name in
  headers)
    install_root=$directory/root
    DESTDIR=$install_root meson install -C "$LF_BUILD_ROOT" --no-rebuild --quiet
    include=$(dirname "$(find "$install_root" -name lockfile-glib.h)")
    read -ra flags <<<"$(pkg-config --cflags gio-2.0)"
    count=0

    for header in "$include"/*.h; do
      name=lockfile-glib/$(basename "$header")
      for language in c c++; do
        printf '%s\n' "#include <$name>" 'extern int not_empty;' |
          cc -x "$language" -Wall -Wextra -Werror -pedantic -fsyntax-only \
             -I"$(dirname "$include")" "${flags[@]}" -
      done
      count=$((count + 1))
    done
    echo "$count headers compile alone"
    [[ $count -ge 8 ]]

    # compile STATEMENT OPTION...: compiles a function with variables for the statement
    compile () {
      printf '%s\n' '#include <lockfile-glib/lockfile-glib.h>' \
        'void work (LfLockFile *lock, GFile *file, GAsyncResult *result, GError **error);' \
        'void work (LfLockFile *lock, GFile *file, GAsyncResult *result, GError **error)' \
        '{ (void) lock; (void) file; (void) result; (void) error;' "  $1; }" |
        cc -x c -Wall -Wextra -Werror -c -o /dev/null -I"$(dirname "$include")" "${flags[@]}" \
           "${@:2}" - 2>"$directory/errors"
    }

    locking=(
      'lf_lock_file_acquire (lock, NULL, error)'
      'lf_lock_file_acquire_with_timeout (lock, 1, NULL, error)'
      'lf_lock_file_try_acquire (lock, error)'
      'lf_lock_file_acquire_finish (lock, result, error)'
      'lf_lock_file_acquire_guard (lock, NULL, error)'
      'lf_lock_file_acquire_guard_with_timeout (lock, 1, NULL, error)'
      'lf_lock_file_acquire_guard_finish (lock, result, error)'
      'lf_lock_file_new ("x")'
      'lf_lock_file_new_with_backend ("x", LF_BACKEND_FCNTL)'
      'lf_lock_file_new_for_file (file)'
      'lf_lock_file_new_for_document (file, error)'
    )
    for call in "${locking[@]}"; do
      compile "if (!$call) return" || { cat "$directory/errors"; exit 1; }
      if compile "$call" || ! grep -q 'unused-result' "$directory/errors"; then
        echo "No warning: $call"
        exit 1
      fi
    done
    # A release returns errors, but a program cannot always handle them
    compile 'lf_lock_file_release (lock, error)'

    # A program declares the version that it is written for
    compile 'lf_check_version (1, 0, 0)' -DLF_VERSION_MIN_REQUIRED=LF_VERSION_1_0 \
      -DLF_VERSION_MAX_ALLOWED=LF_VERSION_1_0
    compile 'lf_check_version (1, 0, 0)' -DLF_VERSION_MIN_REQUIRED='G_ENCODE_VERSION (0, 9)' &&
      { echo 'There was no version 0.9'; exit 1; }
    grep -q 'LF_VERSION_MIN_REQUIRED must be' "$directory/errors"
    ;;

  subproject)
    write_consumer
    mkdir "$directory/subprojects"
    ln -s "$source_root" "$directory/subprojects/lockfile-glib"
    cat >"$directory/meson.build" <<'END'
project('consumer', 'c', meson_version: '>= 1.0.0')
lockfile_glib_dep = dependency('lockfile-glib-1.0', fallback: 'lockfile-glib',
                               default_options: ['tests=false', 'examples=false'])
executable('consumer', 'consumer.c',
  dependencies: lockfile_glib_dep,
  c_args: ['-Wall', '-Wextra', '-Werror'],
)
END
    # Without a search path, an installed copy cannot be found instead
    meson setup "$directory/build" "$directory" --force-fallback-for=lockfile-glib-1.0
    meson compile -C "$directory/build"
    expect "$("$directory/build/consumer" "$directory/x.lock")" 'C has it'
    ;;

  installed)
    write_consumer
    prefix=$directory/prefix
    meson setup "$directory/build" "$source_root" "${library_only[@]}" --prefix="$prefix" \
      --libdir=lib -Dintrospection=enabled -Dvapi=enabled -Dpython=enabled
    meson install -C "$directory/build" --quiet
    use_prefix
    cd "$directory"

    read -ra flags <<<"$(pkg-config --cflags --libs lockfile-glib-1.0)"
    cc -Wall -Wextra -Werror -o consumer-c consumer.c "${flags[@]}"
    expect "$(./consumer-c "$directory/x.lock")" 'C has it'

    cat >consumer.vala <<'END'
void main (string[] args) {
    try {
        new Lf.LockFile (args[1]).acquire ();
        print ("Vala has it\n");
    } catch (Error error) {
        printerr ("%s\n", error.message);
    }
}
END
    valac --fatal-warnings --pkg lockfile-glib-1.0 -X -w -o consumer-vala consumer.vala
    expect "$(./consumer-vala "$directory/x.lock")" 'Vala has it'

    cat >consumer.py <<'END'
import sys
import gi
gi.require_version('Lf', '1.0')
from gi.repository import Lf
Lf.LockFile.new(sys.argv[1]).acquire()
print('Python has it')
END
    expect "$(/usr/bin/python3 consumer.py "$directory/x.lock")" 'Python has it'

    # The override, where Python has its modules, and the types beside it
    override=$(find "$prefix" -name Lf.py)
    [[ $override == */gi/overrides/Lf.py ]]
    [[ -f ${override%/gi/overrides/Lf.py}/gi-stubs/repository/Lf.pyi ]]
    cat >consumer.py <<'END'
import sys
import gi
gi.require_version('Lf', '1.0')
from gi.repository import Lf
with Lf.LockFile(path=sys.argv[1]):
    print(Lf.locked.__code__.co_filename)
END
    expect "$(PYTHONPATH=${override%/gi/overrides/Lf.py} \
              /usr/bin/python3 consumer.py "$directory/x.lock")" "$override"

    # With the system's prefix it goes to PyGObject's own directory, or to the one that is
    # chosen
    for options in --prefix=/usr '--prefix=/opt -Dpython_overrides_dir=/chosen'; do
      read -ra options <<<"$options"
      rm -rf "$directory/elsewhere"
      meson setup "$directory/elsewhere" "$source_root" "${library_only[@]}" "${options[@]}" \
        -Dpython=enabled
      meson introspect --installed "$directory/elsewhere" >installed.json
      case ${options[*]} in
        *chosen) wanted=/chosen ;;
        *) wanted=$(/usr/bin/python3 -c 'import gi; print(gi._overridesdir)') ;;
      esac
      grep -qF "\"$wanted/Lf.py\"" installed.json ||
        { echo "The override would not go to $wanted"; exit 1; }
    done

    cat >consumer.js <<'END'
imports.gi.versions.Lf = '1.0';
const loop = imports.gi.GLib.MainLoop.new(null, false);
// Only the override has this
imports.gi.Lf.LockFile.new(ARGV[0]).with(() => print('JavaScript has it'))
    .catch(logError).finally(() => loop.quit());
loop.run();
END
    expect "$(gjs consumer.js "$directory/x.lock")" 'JavaScript has it'
    [[ -e $prefix/share/gjs-1.0/overrides/Lf.d.ts ]]
    ;;

  devenv)
    cd "$directory"
    expect "$(meson devenv -C "$LF_BUILD_ROOT" /usr/bin/python3 -c "
import gi
gi.require_version('Lf', '1.0')
from gi.repository import Lf
with Lf.LockFile(path='$directory/x.lock') as lock:
    print(Lf.locked.__code__.co_filename)")" "$source_root/introspection/python/gi/overrides/Lf.py"
    # Only the override allows no argument
    expect "$(meson devenv -C "$LF_BUILD_ROOT" gjs -c "
print(imports.gi.Lf.LockFile.new('$directory/x.lock').acquire())")" true
    ;;

  dist)
    # meson makes tarballs of commits, so this uses a copy in which everything is committed
    "$copy_source" "$source_root" "$directory/copy"
    cd "$directory/copy"
    git init -q
    git add -A
    git -c user.name=test -c user.email=test@localhost commit -q -m 'For the tarball'
    meson setup "$directory/build" . "${library_only[@]}"
    meson dist -C "$directory/build" --no-tests --formats xztar
    mkdir "$directory/unpacked"
    tar -xf "$directory"/build/meson-dist/*.tar.xz -C "$directory/unpacked" --strip-components 1
    diff -r --exclude=.git . "$directory/unpacked"

    prefix=$directory/prefix build=$directory/build-unpacked
    meson setup "$build" "$directory/unpacked" -Dexamples=false \
      -Dinstalled_tests=true --prefix="$prefix" --libdir=lib \
      -Dintrospection=enabled -Dvapi=enabled
    meson compile -C "$build"
    meson test -C "$build" --no-rebuild --print-errorlogs async lock-file symbols
    meson install -C "$build" --no-rebuild --quiet
    # Only what was installed is left
    rm -rf "$build" "$directory/unpacked"
    use_prefix

    # All of them would take minutes, and these suffice for an installed copy
    tests=(cancel command command-completion command-terminal contract-flock contract-pid-file
           interop javascript javascript-override javascript-plain python python-asyncio
           python-override python-plain vala vala-idioms)
    tests=("${tests[@]/#/lockfile-glib-1.0/}")
    # The lines of these tests are not cases of this test
    gnome-desktop-testing-runner --first-root --parallel=2 --status=no \
      "${tests[@]/%/.test}" | sed 's/^/  /' | tee "$directory/log"
    # The runner succeeds even without any tests
    grep "^  SUMMARY: total=${#tests[@]}; passed=${#tests[@]}; skipped=0; failed=0" "$directory/log"
    ;;

  packages)
    "$copy_source" "$source_root" "$directory/lockfile-glib"
    cd "$directory/lockfile-glib"
    # The build of a package also tests it; `tests/run packages` does that
    DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc
    lintian --allow-root --fail-on error,warning "$directory"/*.changes
    ;;

  clang)
    CC=clang meson setup "$directory/build" "$source_root" -Dexamples=false -Dwerror=true \
      -Dintrospection=disabled -Db_sanitize=address,undefined -Db_lundef=false
    meson compile -C "$directory/build"
    # The lines of this test are not cases of this test
    meson test -C "$directory/build" --no-rebuild --print-errorlogs cancel | sed 's/^/  /'
    ;;

  musl)
    # Only GLib's and SQLite's headers are shared
    mkdir "$directory/include"
    ln -s /usr/include/sqlite3.h "$directory/include"
    for ofd_locks in enabled disabled; do
      CC=musl-gcc compile_objects "musl-$ofd_locks" -Dc_args="-I$directory/include" \
        -Dofd_locks=$ofd_locks
    done
    ;;

  posix)
    # macOS's names, with this system's compiler
    cat >"$directory/posix.ini" <<'END'
[binaries]
c = 'cc'
pkgconfig = 'pkg-config'

[host_machine]
system = 'posix'
cpu_family = 'x86_64'
cpu = 'x86_64'
endian = 'little'
END
    compile_objects posix --cross-file "$directory/posix.ini" \
      -Dc_args='-Dst_mtimespec=st_mtim' -Dofd_locks=disabled
    grep -q 'define st_mtim st_mtimespec' "$directory/posix/config.h"
    ;;

  version)
    version=$(meson introspect --projectinfo "$source_root/meson.build" |
      python3 -c 'import json, sys; print(json.load(sys.stdin)["version"])')
    changelog=$source_root/debian/changelog
    expect "$(dpkg-parsechangelog -l "$changelog" -S Version)" "$version"

    read -r _ news_version news_date <<<"$(grep -m 1 '^Version ' "$source_root/NEWS")"
    expect "$news_version" "$version"
    # Either both are released, on the same day, or neither is
    if [[ $news_date == '(unreleased)' ]]; then
      expect "$(dpkg-parsechangelog -l "$changelog" -S Distribution)" UNRELEASED
    else
      expect "$(dpkg-parsechangelog -l "$changelog" -S Distribution)" unstable
      expect "($(date -u -d "$(dpkg-parsechangelog -l "$changelog" -S Date)" +%F))" "$news_date"
    fi
    ;;
esac
