# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2317
#
# Around commands that are meant for the top of the source tree. Builds are configured
# with the options that are shown, and tests, targets and programs have to exist, but
# nothing is compiled, installed or run anew: that all of it works is what the other
# tests are for. The tarball of a release is made, of this source.

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
      # What is chosen by name or suite must be there
      command meson test -C "$LF_BUILD_ROOT" --no-rebuild --list "${@:4}" | grep ' / ' >/dev/null
      ;;
    devenv)
      # A program has to be there; it may not be of this build
      (cd "$LF_BUILD_ROOT" && [[ $# -eq 3 || -x $4 ]])
      command meson devenv -C "$LF_BUILD_ROOT" true
      ;;
    dist)
      # It is made of a commit
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
