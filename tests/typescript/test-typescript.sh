#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes TypeScript declarations from the GIR, compiles two programs with them as
# the manual says, and runs one:
#
#   test-typescript.sh DIRECTORY PAGE DECLARATIONS GIR-DIRECTORY...
#
# DIRECTORY is where it works, and keeps what npm installs for the next time.
# PAGE is where the tsconfig.json is, DECLARATIONS the file about the override.

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
# Its parser of options asks for Node.js 20 but works with Debian's 18. It asks
# questions if it can.
YARGS_MIN_NODE_VERSION=18 node_modules/.bin/ts-for-gir generate Lf-1.0 \
  "${gir_options[@]}" --outdir types </dev/null >generate.log 2>&1 || { cat generate.log; exit 1; }

# The page says that it warns, but not about Lf
if grep -E 'WARN|ERROR' generate.log | grep -w Lf; then
  exit 1
fi

cp "$source_directory"/{declarations,example}.ts .

# As a reader has it, but for where the override is
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
