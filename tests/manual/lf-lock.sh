# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Around commands that call lf-lock, with the programs and files that these mention. A
# program is looked for by lf-lock, hence not a function.

set -eu

mkdir lf-lock bin
for program in backup convert make-index; do
  printf '#!/bin/sh\necho %s "$@" >>ran\n' "$program" >"bin/$program"
  chmod +x "bin/$program"
done
PATH=$PWD/bin:$PATH
trap 'cd .. && rm -rf lf-lock bin' EXIT
cd lf-lock
echo content >data

@BLOCK@

diff ran - <<'END'
backup /home
make-index
convert a.png
backup /srv
make-index
backup /var
END
cmp data copy
