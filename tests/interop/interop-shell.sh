#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
#
# Other programs for the shell, as test-interop.c uses them:
#
#   interop-shell.sh PROGRAM hold PATH  prints "busy" if it has to wait and "held" when it has
#                                       the lock, and releases it at a line of input
#   interop-shell.sh PROGRAM try PATH   tries once, and prints "held", "busy" or "error WHAT"

program=$1 verb=$2 path=$3

hold='echo held; read -r line'

# answer STATUS BUSY: translates a program's exit status, where BUSY means "busy"
answer () {
  case $1 in
    0) echo held ;;
    "$2") echo busy ;;
    *) echo "error $1" ;;
  esac
}

# The status for "somebody else has it" can be chosen
flock_once () {
  flock --nonblock --conflict-exit-code 75 $mode "$path" true
  answer $? 75
}

# It needs an existing file, and cannot wait
bubblewrap () {
  : >>"$path"
  bwrap --bind / / --lock-file "$path" "$@"
}

sqlite () {
  sqlite3 -batch -bail -init /dev/null "$path"
}

sqlite_once () {
  if output=$(echo "$statements" | sqlite 2>&1); then
    echo "$output"
  else
    case $output in
      *'database is locked'*) echo busy ;;
      *) echo "error $output" ;;
    esac
  fi
}

case $program in
  *-shared) mode=--shared ;;
  # Records its parent, which is this shell
  dotlockfile) mode=-p ;;
  *) mode= ;;
esac

case $program in
  sqlite3-reader) statements="BEGIN; SELECT 'held' FROM (SELECT count(*) FROM sqlite_schema);" ;;
  sqlite3) statements="BEGIN EXCLUSIVE; SELECT 'held';" ;;
esac

case $program-$verb in
  flock-try | flock-shared-try)
    flock_once
    ;;
  flock-hold | flock-shared-hold)
    flock_once | grep -v held
    exec flock $mode "$path" sh -c "$hold"
    ;;

  dotlockfile*-try)
    dotlockfile -l $mode -r 0 "$path"
    status=$?
    answer $status 4
    [ $status -ne 0 ] || dotlockfile -u "$path"
    ;;
  dotlockfile*-hold)
    if ! dotlockfile -l $mode -r 0 "$path"; then
      echo busy
      dotlockfile -l $mode -r -1 -i 1 "$path" || exit
    fi
    eval "$hold"
    dotlockfile -u "$path"
    ;;

  bubblewrap-try)
    output=$(bubblewrap echo held 2>&1)
    case $output in
      *'Unable to lock file'*) echo busy ;;
      held) echo held ;;
      *) echo "error $output" ;;
    esac
    ;;
  bubblewrap-hold)
    # It starts the command first, and gets the lock while the command runs
    : >>"$path"
    inode=$(stat -c %i "$path")
    bubblewrap sh -c "until grep -q 'POSIX.* READ .*:$inode ' /proc/locks; do sleep 0.01; done
$hold"
    ;;

  sqlite3*-try)
    sqlite_once
    ;;
  sqlite3*-hold)
    sqlite_once | grep -v held
    { printf '.timeout 100000\n%s\n' "$statements"; read -r line; } | sqlite
    ;;

  *)
    echo "error $program $verb"
    exit 1
    ;;
esac
