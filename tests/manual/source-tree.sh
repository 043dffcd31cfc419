# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
# shellcheck shell=bash disable=SC2317
#
# Around commands for the top directory of the source tree. Builds are configured with the
# options in the block, and tests, targets and programs must exist, but nothing is compiled,
# installed or run again, since other tests do that. The tarball of a release is made, of
# this source.

set -eu

mkdir source-tree
tar -C "$LF_SOURCE_ROOT" -c --exclude=./.git --exclude='./.build*' --exclude='./build*' \
  --exclude='./_build*' . | tar -x -C source-tree
cd source-tree
trap 'cd .. && rm -rf source-tree' EXIT

sudo () {
  "$@"
}

ldconfig () {
  :
}

meson () {
  local arguments=("$@")

  case $1 in
    setup)
      command meson setup "new-$2" "${@:3}"
      ;;
    compile)
      ninja -C "$LF_BUILD_ROOT" -n >/dev/null
      ;;
    install)
      command meson install -C "$LF_BUILD_ROOT" --no-rebuild --dry-run >/dev/null
      ;;
    test)
      # Tests that are chosen by name or suite must exist
      command meson test -C "$LF_BUILD_ROOT" --no-rebuild --list "${@:4}" | grep ' / ' >/dev/null
      ;;
    devenv)
      # The program must exist, but it may be from another build
      (cd "$LF_BUILD_ROOT" && [[ $# -eq 3 || -x $4 ]])
      command meson devenv -C "$LF_BUILD_ROOT" true
      ;;
    dist)
      # A tarball is made of a commit
      command git init -q
      command git add -A
      command git -c user.name=test -c user.email=test@localhost commit -q -m 'For the tarball'
      command meson setup build-for-dist -Dtests=false -Dexamples=false -Dintrospection=disabled
      command meson dist -C build-for-dist "${@:4}"
      ;;
    *)
      echo "Which command is this: ${arguments[*]}"
      return 1
      ;;
  esac
}

git () {
  [[ $1 == tag ]]
}

@BLOCK@
