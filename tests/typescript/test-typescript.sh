#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
#
# Makes TypeScript declarations from the GIR, compiles two programs with them as the manual
# describes, and runs one:
#
#   test-typescript.sh DIRECTORY PAGE DECLARATIONS GIR-DIRECTORY...
#
# It works in DIRECTORY, which keeps what npm installs for the next time. PAGE contains the
# tsconfig.json, and DECLARATIONS is the declaration file of the override.

set -euo pipefail

source_directory=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
page=$2
declarations=$3
shift 3

# One at a time
exec {lock}>lock
flock "$lock"

command -v npm >/dev/null || { echo 'npm is missing'; exit 1; }
cp "$source_directory"/{package.json,package-lock.json,.npmrc} .
if ! cmp -s package-lock.json installed.json; then
  # Neither package needs its scripts
  npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json installed.json
fi

gir_options=()
for directory in "$@"; do
  gir_options+=(--girDirectories "$directory")
done

rm -rf types
# The parser of its options requires Node.js 20, but works with Debian's 18. With a terminal
# it would ask questions.
YARGS_MIN_NODE_VERSION=18 node_modules/.bin/ts-for-gir generate Lf-1.0 \
  "${gir_options[@]}" --outdir types </dev/null >generate.log 2>&1 || { cat generate.log; exit 1; }

# According to the page it warns, but not about Lf
if grep -E 'WARN|ERROR' generate.log | grep -w Lf; then
  exit 1
fi

cp "$source_directory"/{declarations,example}.ts .

# The page's file, except that the override is here
installed='/usr/share/gjs-1.0/overrides/Lf.d.ts'
awk '/^```/ { is_json = $0 == "```json"; next } is_json' "$page" >page.json
grep -qF "\"$installed\"" page.json
sed "s|$installed|$declarations|" page.json >tsconfig.json
rm -f example.js
node_modules/.bin/tsc --project .

cat >declarations.json <<END
{
  "extends": "./tsconfig.json",
  "compilerOptions": {"noEmit": true},
  "files": ["types/index.d.ts", "types/lf-1.0.d.ts", "$declarations", "declarations.ts"]
}
END
node_modules/.bin/tsc --project declarations.json

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
output=$(gjs -m example.js "$directory/x.lock")
echo "$output"
[[ $output == 'TypeScript has it' ]]
