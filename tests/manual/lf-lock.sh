# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
# shellcheck shell=bash
#
# Around commands that call lf-lock, with the programs and files that they mention. lf-lock
# searches for a program, so it cannot be a function.

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
make-index
END
cmp data copy
