#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
#
# Checks programs with pyright and the types that are installed beside PyGObject:
#
#   test-pyright.sh DIRECTORY STUBS
#
# It works in DIRECTORY, which keeps what npm installs for the next time.

set -euo pipefail

source_directory=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
stubs=$2

# One at a time
exec {lock}>lock
flock "$lock"

command -v npm >/dev/null || { echo 'npm is missing'; exit 1; }
cp "$source_directory"/{package.json,package-lock.json,.npmrc} .
if ! cmp -s package-lock.json installed.json; then
  # The package needs no scripts
  npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json installed.json
fi

rm -rf environment
/usr/bin/python3 -m venv --without-pip environment
packages=$(echo environment/lib/python3*/site-packages)
ln -s "$stubs" "$packages/gi-stubs"
ln -s "$(/usr/bin/python3 -c 'import gi; print(*gi.__path__)')" "$packages/gi"
cp "$source_directory"/{right,wrong}.py .

check () {
  node_modules/.bin/pyright --pythonpath environment/bin/python "$1"
}

check right.py

# Each line of the program after the import is wrong
expected=$(sed -n '/^lock = /,$p' wrong.py | wc -l)
found=$(check wrong.py | grep -c ' error: ' || true)
[[ $found -eq $expected ]] || { check wrong.py || true; echo "$expected errors expected"; exit 1; }
