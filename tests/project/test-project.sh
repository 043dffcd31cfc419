#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The library as other projects meet it:
#
#   headers SOURCE      every public header compiles alone, as C and as C++
#   subproject SOURCE   a project that has it as a Meson subproject builds and runs
#   installed SOURCE    C, Vala, Python and JavaScript use an installed copy
#   dist SOURCE         `meson dist` makes a tarball that builds
#   devenv SOURCE       Python, with its override, and JavaScript find the library in the build

set -euo pipefail

test_name=$1
source_root=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# Warnings of the consumer's own are failures too
export CFLAGS='-Wall -Wextra -Werror'

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

library_only=(-Dtests=false -Dexamples=false -Dwerror=true)

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
    ;;

  subproject)
    write_consumer
    mkdir "$directory/subprojects"
    ln -s "$source_root" "$directory/subprojects/lockfile-glib"
    cat >"$directory/meson.build" <<'END'
project('consumer', 'c', meson_version: '>= 1.0.0')
lockfile_glib_dep = dependency('lockfile-glib-1.0', fallback: 'lockfile-glib',
                               default_options: ['tests=false', 'examples=false'])
executable('consumer', 'consumer.c', dependencies: lockfile_glib_dep)
END
    # Without a search path an installed copy cannot be found instead
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
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib \
      GI_TYPELIB_PATH=$prefix/lib/girepository-1.0 XDG_DATA_DIRS=$prefix/share:/usr/share
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

    # The override, where Python has its modules; beside it the types
    override=$(find "$prefix" -name Lf.py)
    [[ $override == */gi/overrides/Lf.py && -f ${override}i ]]
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

    # For the whole system it is PyGObject's own directory, and another one if asked
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
imports.gi.Lf.LockFile.new(ARGV[0]).acquire(null);
print('JavaScript has it');
END
    expect "$(gjs consumer.js "$directory/x.lock")" 'JavaScript has it'
    ;;

  devenv)
    cd "$directory"
    expect "$(meson devenv -C "$LF_BUILD_ROOT" /usr/bin/python3 -c "
import gi
gi.require_version('Lf', '1.0')
from gi.repository import Lf
with Lf.LockFile(path='$directory/x.lock') as lock:
    print(Lf.locked.__code__.co_filename)")" "$source_root/introspection/python/gi/overrides/Lf.py"
    expect "$(meson devenv -C "$LF_BUILD_ROOT" gjs -c "
print(imports.gi.Lf.LockFile.new('$directory/x.lock').acquire(null))")" true
    ;;

  dist)
    # meson makes tarballs of commits: of a copy in which everything is committed
    cp -a "$source_root" "$directory/copy"
    cd "$directory/copy"
    rm -rf .git .build-* build* _build*
    git init -q
    git add -A
    git -c user.name=test -c user.email=test@localhost commit -q -m 'For the tarball'
    meson setup "$directory/build" . "${library_only[@]}"
    meson dist -C "$directory/build" --no-tests --formats xztar
    mkdir "$directory/unpacked"
    tar -xf "$directory"/build/meson-dist/*.tar.xz -C "$directory/unpacked" --strip-components 1
    cd "$directory/unpacked"
    for name in COPYING NEWS README.md meson.build meson_options.txt tests/run examples/run \
                .ci/run .ci/set-up; do
      [[ -e $name ]] || { echo "The tarball lacks $name"; exit 1; }
    done
    meson setup "$directory/build-unpacked" . "${library_only[@]}"
    meson compile -C "$directory/build-unpacked"
    ;;
esac
