#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
#
#   test-abi.sh check BASELINE LIBRARY    fails if the two differ
#   test-abi.sh update BASELINE LIBRARY   makes a new baseline
#   test-abi.sh changes BASELINE LIBRARY  fails if a change would not be found

set -euo pipefail

action=$1 baseline=$2 library=$3

# Nothing about the machine on which it was made, and no types that are not in headers
describe () {
  abidw --exported-interfaces-only --no-architecture --no-corpus-path --no-show-locs \
        --no-comp-dir-path --no-elf-needed --type-id-style hash \
        --headers-dir "$(dirname "$0")/../../lockfile-glib" --drop-private-types "$library" |
    sed -E -e '1a <!-- SPDX-License-Identifier: LGPL-2.1-or-later -->' \
           -e "s|( path=')[^']*/|\1|"
}

# Ends with 1 if there are only additions, 2 if programs break
compare () {
  local diff=(abidiff --suppressions "$(dirname "$0")/suppressions.ini")

  if "${diff[@]}" --harmless "$1" "$current"; then
    return 0
  elif "${diff[@]}" --no-added-syms "$1" "$current" >/dev/null; then
    echo "Programs that were built with the library go on working. Put it into the baseline:" \
         "meson compile update-abi-$(basename "$baseline" .abi)"
    return 1
  else
    echo 'This breaks programs that were built with the library. Take it back, or begin a' \
         'new soversion and API version.'
    return 2
  fi
}

# expect_change STATUS TEXT SED-EXPRESSION: edits the baseline, as if the library had been
# different before
expect_change () {
  local expected=$1 text=$2 old status=0
  old=$directory/old.abi

  sed -E "$3" "$baseline" >"$old"
  ! cmp -s "$baseline" "$old" || { echo "Nothing to change: $text"; exit 1; }
  compare "$old" >"$directory/report" || status=$?
  if [[ $status -ne $expected ]]; then
    cat "$directory/report"
    echo "Status $status instead of $expected: $text"
    exit 1
  fi
  echo "Found: $text"
}

if [[ $action == update ]]; then
  describe >"$baseline"
  echo "Made $baseline"
  exit
fi

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
current=$directory/current.abi
describe >"$current"
# An empty description would equal any other empty one
grep -q '<function-decl' "$current" || { echo "No functions in $library"; exit 1; }

case $action in
  check)
    compare "$baseline"
    ;;

  changes)
    expect_change 2 'a function that was removed' \
      's/lf_lock_file_is_held([^a-z_])/lf_lock_file_was_held\1/g'
    expect_change 2 'another type of a parameter' \
      "/function-decl name='lf_lock_file_set_timeout'/,/<.function-decl>/ {
         s/type-id='[^']*' (name='timeout')/type-id='95e97e5e' \1/
       }"
    expect_change 2 'another value of an enumeration' \
      "s/(name='LF_BACKEND_SQLITE' value=)'8'/\1'9'/"
    expect_change 1 'a function that was added' \
      "/elf-symbol name='lf_lock_file_is_held'/d
       /function-decl name='lf_lock_file_is_held'/,/<.function-decl>/d"
    expect_change 1 'a value that was added to an enumeration' \
      "/name='LF_BACKEND_SQLITE'/d"
    ;;
esac
